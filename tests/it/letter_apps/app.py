"""Notify's two apps that letters go through, as the API sees them: antivirus, and template-preview, which
makes and checks PDFs (letters contract §2, §5). The queue decides which of the two a worker plays.

A PDF is here a line and an object that says what its scan and check find: `pages` and `address`; `virus`;
`message` and `invalid_pages` when it cannot be printed; and how often something goes wrong before it goes
well. The values of a templated letter say the same of its PDF.

Its environment: BROKER_URL, QUEUE_PREFIX, SECRET_KEY, DANGEROUS_SALT, and OBJECTS, the folder of the buckets.
"""

import datetime
import json
import os
import tempfile
import uuid
from collections import Counter
from pathlib import Path

from celery import Celery
from itsdangerous import URLSafeSerializer
from kombu import Exchange, Queue

OBJECTS = Path(os.environ["OBJECTS"])
QUEUES = [
    "antivirus-tasks",
    "sanitise-letter-tasks",
    "letter-tasks",
    "letter-callbacks",
    "database-tasks",
]


def queue(name):
    return os.environ["QUEUE_PREFIX"] + name


app = Celery("app", broker=os.environ["BROKER_URL"])
exchange = Exchange("default")
app.conf.task_queues = [Queue(queue(name), exchange, routing_key=queue(name)) for name in QUEUES]
app.conf.broker_connection_retry_on_startup = True
app.conf.broker_transport_options = {"confirm_publish": True}
signer = URLSafeSerializer(os.environ["SECRET_KEY"], salt=os.environ["DANGEROUS_SALT"])
tried = Counter()


def fails(what, key, times):
    """Whether this is one of the first so many times."""
    tried[what, key] += 1
    return tried[what, key] <= int(times)


# Antivirus.


@app.task(name="scan-file", bind=True, max_retries=5)
def scan_file(self, filename):
    found = described(read("letters-scan", filename))
    if fails("scan lost", filename, found.get("scans_lost", 0)):
        print(f"the scan of {filename} is lost")
    elif fails("scan", filename, found.get("scans_failed", 0)):
        try:
            self.retry(queue=queue("antivirus-tasks"), countdown=0)
        except self.MaxRetriesExceededError:
            answer("process-virus-scan-error", filename=filename)
    elif found.get("virus"):
        answer("process-virus-scan-failed", filename=filename)
    else:
        answer("sanitise-letter", filename=filename)


# Template-preview.


@app.task(name="create-pdf-for-templated-letter", bind=True, max_retries=3)
def create_pdf_for_templated_letter(self, signed_letter):
    letter = signer.loads(signed_letter)
    key, values = letter["letter_filename"], letter["values"]
    if fails("logo", key, values.get("logos_missing", 0)):
        self.retry(queue=queue("sanitise-letter-tasks"), countdown=0)
    if fails("PDF lost", key, values.get("pdfs_lost", 0)):
        print(f"{key} cannot be written, which nobody is told")
        return
    pages = int(values["pages"])
    pdf = f"%PDF-1.5 {letter['template']['subject']} of {pages} pages, {letter['date']}".encode()
    counted = {"notification_id": letter["notification_id"], "page_count": pages}
    if pages > 10:
        why = {"validation_status": "failed", "message": "letter-too-long", "page_count": str(pages)}
        write("letters-invalid-pdf", key.rpartition("/")[2], pdf, why)
        answer("update-validation-failed-for-templated-letter", **counted)
    else:
        write("test-letters" if letter["key_type"] == "test" else "letters-pdf", key, pdf)
        answer("update-billable-units-for-letter", **counted)


@app.task(name="sanitise-and-upload-letter")
def sanitise_and_upload_letter(notification_id, filename, allow_international_letters):
    original = read("letters-scan", filename)
    found = described(original)
    if fails("check lost", filename, found.get("checks_lost", 0)):
        print(f"the check of {filename} is lost")
        return
    message = found.get("message")
    if message is None:
        write("letters-sanitise", filename, b"%PDF-1.5 sanitised")
        write("letters-precompiled-originals-backup", f"{notification_id}.pdf", original)
    check = {
        "page_count": found.get("pages"),
        "message": message,
        "invalid_pages": found.get("invalid_pages"),
        "validation_status": "passed" if message is None else "failed",
        "filename": filename,
        "notification_id": notification_id,
        "address": found.get("address"),
    }
    answer("process-sanitised-letter", signer.dumps(check))


@app.task(name="recreate-pdf-for-precompiled-letter")
def recreate_pdf_for_precompiled_letter(notification_id, file_location, allow_international_letters):
    read("letters-precompiled-originals-backup", f"{notification_id}.pdf")
    write("letters-pdf", file_location, b"%PDF-1.5 sanitised again")
    print(f"{file_location} is made again")


# What the API itself would send, after the printer told it.


def despatched(notification_id, sheets):
    word = {
        "notification_id": uuid.UUID(notification_id),
        "page_count": sheets,
        "dvla_status": "DESPATCHED",
        "cost_threshold": "sorted",
        "despatch_date": datetime.date(2026, 11, 25),
    }
    app.send_task("process-letter-callback", kwargs=word, queue=queue("letter-callbacks"))


def returned(reference):
    to = queue("database-tasks")
    app.send_task("process-returned-letters-list", [[reference]], queue=to, compression="zlib")


def answer(task, *args, **kwargs):
    app.send_task(task, args, kwargs, queue=queue("letter-tasks"))


# The buckets, as the API keeps them in a folder.


def described(pdf):
    return json.loads(pdf.partition(b"\n")[2])


def read(bucket, key):
    return (OBJECTS / bucket / key).read_bytes()


def write(bucket, key, contents, metadata=None):
    if metadata:
        put(f"{bucket}.metadata", key, json.dumps(metadata).encode())
    put(bucket, key, contents)


def put(bucket, key, contents):
    """Whole or not at all: the API may look meanwhile."""
    path = OBJECTS / bucket / key
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=OBJECTS, delete=False) as unfinished:
        unfinished.write(contents)
    os.rename(unfinished.name, path)
