"""Plays the two apps of Notify's that letters go through: the virus scan, and the making and checking
of PDFs (letters contract §2, §5). A real Celery worker, for as long as the clients' suite runs.

Every letter has one blank page and goes to one address; a file that holds the EICAR test text has a
virus. Files are in the folder that POSTROOM_OBJECTS names.
"""

import base64
import hashlib
import hmac
import json
import os
import zlib
from pathlib import Path

from celery import Celery
from kombu import Exchange, Queue

from pdf import one_page

QUEUES = ["antivirus-tasks", "sanitise-letter-tasks"]
VIRUS = b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
ADDRESS = "Ada Lovelace\n12 St James's Square\nSW1Y 4JH"

app = Celery("letter_apps", broker=os.environ["CELERY_BROKER_URL"])
exchange = Exchange("default")
app.conf.task_queues = [Queue(name, exchange, routing_key=name) for name in [*QUEUES, "letter-tasks"]]
app.conf.broker_connection_retry_on_startup = True
app.conf.broker_transport_options = {"confirm_publish": True}


@app.task(name="scan-file")
def scan_file(filename):
    if VIRUS in place("letters-scan", filename).read_bytes():
        answer("process-virus-scan-failed", kwargs={"filename": filename})
    else:
        answer("sanitise-letter", kwargs={"filename": filename})


@app.task(name="create-pdf-for-templated-letter")
def create_pdf(signed):
    letter = unsigned(signed)
    bucket = "test-letters" if letter["key_type"] == "test" else "letters-pdf"
    write(place(bucket, letter["letter_filename"]), one_page())
    pages = {"notification_id": letter["notification_id"], "page_count": 1}
    answer("update-billable-units-for-letter", kwargs=pages)


@app.task(name="sanitise-and-upload-letter")
def sanitise(notification_id, filename, allow_international_letters):
    write(place("letters-sanitise", filename), place("letters-scan", filename).read_bytes())
    found = {
        "page_count": 1,
        "message": None,
        "invalid_pages": None,
        "validation_status": "passed",
        "filename": filename,
        "notification_id": notification_id,
        "address": ADDRESS,
    }
    answer("process-sanitised-letter", args=[signed(found)])


def answer(task, args=(), kwargs=None):
    app.send_task(task, args, kwargs, queue="letter-tasks")


def place(bucket, key):
    return Path(os.environ["POSTROOM_OBJECTS"]) / bucket / key


def write(path, contents):
    """Whole or not at all: the API may look meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Named otherwise: files are looked for by how their names begin.
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_bytes(contents)
    unfinished.rename(path)


# Signed values are those of itsdangerous (public API contract §1.5).


def signature(payload):
    key = hashlib.sha1((os.environ["DANGEROUS_SALT"] + "signer" + os.environ["SECRET_KEY"]).encode()).digest()
    return unpadded(hmac.digest(key, payload, "sha1"))


def signed(value):
    payload = unpadded(json.dumps(value).encode())
    return (payload + b"." + signature(payload)).decode()


def unsigned(text):
    payload, given = text.encode().rsplit(b".", 1)
    if not hmac.compare_digest(signature(payload), given):
        raise ValueError("the signature is not ours")
    value = base64.urlsafe_b64decode(payload.removeprefix(b".") + b"===")
    return json.loads(zlib.decompress(value) if payload.startswith(b".") else value)


def unpadded(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=")
