"""The checks, in the order in which they are run: later ones look up what earlier ones sent.

Each takes the Suite and yields differences in words. The sections are those of the public API
contract; §8.3 is its checklist of what the clients' own suites assert.
"""

import json
import os
import time
import uuid
from urllib.parse import quote_plus, urlsplit

import requests
from notifications_python_client.authentication import create_jwt_token

from pdf import one_page
from shapes import (
    ACCEPTED_PDF,
    BASE,
    DATETIME,
    NUMBER,
    RECEIVED_TEXT,
    SERVICE,
    SOME_TEXT,
    TEXT,
    UUID,
    Each,
    Kind,
    accepted,
    accepted_email,
    any_notification,
    differences,
    error,
    links,
    notification,
    one_of,
    preview,
    template,
)

ALL = []

NUMBER_TO = os.environ["FUNCTIONAL_TEST_NUMBER"]
ADDRESS_TO = os.environ["FUNCTIONAL_TEST_EMAIL"]
SMS = os.environ["SMS_TEMPLATE_ID"]
EMAIL = os.environ["EMAIL_TEMPLATE_ID"]
LETTER = os.environ["LETTER_TEMPLATE_ID"]
SENDER = os.environ["SMS_SENDER_ID"]
REPLY_TO = os.environ["EMAIL_REPLY_TO_ID"]

FOO = {"name": "Foo"}
SMS_BODY = "Hello Foo\n\nFunctional Tests make our world a better place"
EMAIL_BODY = "Hello Foo\r\n\r\nFunctional test help make our world a better place"
EMAIL_SUBJECT = "Functional Tests are good"
CONTACT_BLOCK = (
    "Government Digital Service\nThe White Chapel Building\n10 Whitechapel High Street\n"
    "London\nE1 8QS\nUnited Kingdom"
)
ANY_ID = str(uuid.UUID(int=1))

# How long the system may take for what it does after its answer, in seconds (§8.3: 75).
PATIENCE = 75


def check(section, words, only=None):
    """Registers a check of this section; `only` for one of the clients."""

    def register(function):
        if only:
            function.only = only
        ALL.append((section, words, function))
        return function

    return register


def email_content(body=EMAIL_BODY, url=None):
    address = f"postroom.demo@{os.environ['NOTIFY_EMAIL_DOMAIN']}"
    return {"from_email": address, "subject": EMAIL_SUBJECT, "body": body, "one_click_unsubscribe_url": url}


def eventually(look, is_done):
    """The last of the answers that `look` gives, the first one that is done unless time is up."""
    deadline = time.monotonic() + PATIENCE
    while not is_done(answer := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


# --- Sending -------------------------------------------------------------------


@check("§2.1, §8.3.3", "a text message, whose body turns CRLF into line feeds")
def sms(s):
    answer = s.client.send_sms(SMS, NUMBER_TO, FOO)
    content = {"body": SMS_BODY, "from_number": "POSTROOM"}
    yield from s.expect(answer, 201, accepted(SMS, 2, content))
    s.sent["sms"] = answer.body["id"]


@check("§2.1, §3.4", "a text message with a team key, a sender and a reference")
def sms_with_everything(s):
    s.sent["reference"] = reference = f"clients-{uuid.uuid4().hex}"
    answer = s.team.send_sms(SMS, NUMBER_TO, FOO, reference, SENDER)
    content = {"body": SMS_BODY, "from_number": "FUNCTIONAL"}
    yield from s.expect(answer, 201, accepted(SMS, 2, content, reference))
    s.sent["team sms"] = answer.body["id"]


@check("§2.2, §8.3.2", "an email, whose body keeps CRLF")
def email(s):
    answer = s.client.send_email(EMAIL, ADDRESS_TO, FOO)
    yield from s.expect(answer, 201, accepted_email(EMAIL, email_content()))
    s.sent["email"] = answer.body["id"]


@check("§2.2, §8.3.4", "an email with a reference, a reply-to address, a link and a UUID to sanitise")
def email_with_everything(s):
    url = "https://example.com/unsubscribe?id=1"
    name = str(uuid.uuid4())
    safe = name.replace("-", "\\-")
    s.sent["email reference"] = reference = f"clients-{uuid.uuid4().hex}"
    answer = s.client.send_email(EMAIL, ADDRESS_TO, {"name": name}, reference, REPLY_TO, url, ["name"])
    content = email_content(EMAIL_BODY.replace("Foo", safe), url)
    sanitised = {"name": {"unsanitised": name, "sanitised": safe}}
    yield from s.expect(answer, 201, accepted_email(EMAIL, content, reference, sanitised))
    s.sent["email with everything"] = answer.body["id"]
    s.sent["email body"], s.sent["email url"] = content["body"], url


@check("§3.8, §8.3.4", "what was sanitised is shown with what it was")
def email_with_a_link_in_a_name(s):
    unsafe, safe = "User, [click here](https://evil.link)", "User, \\[click here\\]\\(\\)"
    answer = s.client.send_email(EMAIL, ADDRESS_TO, {"name": unsafe}, sanitise=["name"])
    sanitised = {"name": {"unsanitised": unsafe, "sanitised": safe}}
    content = email_content(EMAIL_BODY.replace("Foo", safe))
    yield from s.expect(answer, 201, accepted_email(EMAIL, content, sanitised=sanitised))


@check("§3.9", "a file as the client prepares it")
def prepared_file(s):
    nothing = {"file": "YSxi", "filename": None, "confirm_email_before_download": None, "retention_period": None}
    yield from differences(s.client.upload(b"a,b"), nothing)
    everything = {**nothing, "filename": "a.csv", "confirm_email_before_download": True, "retention_period": "4 weeks"}
    yield from differences(s.client.upload(b"a,b", "a.csv", True, "4 weeks"), everything)


@check("§3.9, §8.3.5", "emails with files, for which the template has no placeholder")
def files(s):
    for contents in (b"%PDF-1.5 testpdf", b"a,b"):
        personalisation = {**FOO, "documents": s.client.upload(contents)}
        answer = s.client.send_email(EMAIL, ADDRESS_TO, personalisation)
        yield from s.expect(answer, 201, accepted_email(EMAIL, email_content()))
    personalisation = {**FOO, "documents": s.client.upload(b"a,b", "report.csv", False, "1 week")}
    answer = s.client.send_email(EMAIL, ADDRESS_TO, personalisation)
    yield from s.expect(answer, 201, accepted_email(EMAIL, email_content()))


@check("§2.3, §8.3.6", "a letter to an address by its shape, without postage in the answer")
def letter(s):
    s.sent["line 1"] = line_1 = str(uuid.uuid4())
    address = {"address_line_1": line_1, "address_line_2": "Foo", "postcode": "SW1 1AA"}
    answer = s.client.send_letter(LETTER, address)
    content = {"body": f"Hello {line_1}", "subject": "Main heading"}
    yield from s.expect(answer, 201, accepted(LETTER, 2, content))
    s.sent["letter"] = answer.body["id"]
    answer = s.client.send_letter(LETTER, address, "clients")
    yield from s.expect(answer, 201, accepted(LETTER, 2, content, "clients"))


@check("§2.4, §8.3.7", "letters as PDFs of 91,682 bytes; postage is second, or as asked")
def precompiled(s):
    for asked, postage in [(None, "second"), ("first", "first"), ("economy", "economy")]:
        answer = s.client.send_pdf("clients-pdf", one_page(), asked)
        yield from s.expect(answer, 201, {**ACCEPTED_PDF, "reference": "clients-pdf", "postage": postage})
        s.sent[f"pdf {postage}"] = answer.body["id"]


# --- Looking up ----------------------------------------------------------------


@check("§2.6, §8.3.8", "a text message can be read at once after it was accepted")
def read_at_once(s):
    sent = s.client.send_sms(SMS, NUMBER_TO, FOO).body
    found = s.client.get(sent["id"])
    shape = notification("sms", SMS, 2, id=sent["id"], phone_number=NUMBER_TO, body=SMS_BODY)
    yield from s.expect(found, 200, shape)


@check("§2.6", "a text message that was delivered, with what it cost")
def delivered_sms(s):
    found = eventually(lambda: s.client.get(s.sent["sms"]), lambda answer: answer.body["status"] == "delivered")
    details = {"billable_sms_fragments": 1, "international_rate_multiplier": NUMBER, "sms_rate": NUMBER}
    cost = {"is_cost_data_ready": True, "cost_in_pounds": NUMBER, "cost_details": details}
    times = {"sent_at": DATETIME, "completed_at": DATETIME}
    shape = notification("sms", SMS, 2, id=s.sent["sms"], phone_number=NUMBER_TO, body=SMS_BODY, status="delivered")
    yield from s.expect(found, 200, {**shape, **cost, **times})
    details = found.body["cost_details"]
    total = details["billable_sms_fragments"] * details["international_rate_multiplier"] * details["sms_rate"]
    if abs(found.body["cost_in_pounds"] - total) > 1e-9:
        yield f"cost_in_pounds is {found.body['cost_in_pounds']}, by its details {total}"


@check("§2.6", "an email that was delivered, with its reference and its link")
def delivered_email(s):
    sent = s.sent["email with everything"]
    found = eventually(lambda: s.client.get(sent), lambda answer: answer.body["status"] == "delivered")
    shape = notification("email", EMAIL, 1, id=sent, email_address=ADDRESS_TO, subject=EMAIL_SUBJECT)
    more = {"reference": s.sent["email reference"], "body": s.sent["email body"], "status": "delivered"}
    more["one_click_unsubscribe_url"] = s.sent["email url"]
    # JSON has one kind of number for the Node client.
    more["cost_in_pounds"] = one_of(0)
    yield from s.expect(found, 200, {**shape, **more, "sent_at": DATETIME, "completed_at": DATETIME})


@check("§2.6, §2.6.2", "a letter, with its address as it was given and when it should arrive")
def accepted_letter(s):
    found = s.client.get(s.sent["letter"])
    address = {"line_1": s.sent["line 1"], "line_2": "Foo", "postcode": "SW1 1AA", "postage": "second"}
    shape = notification("letter", LETTER, 2, id=s.sent["letter"], status="accepted", **address)
    body = {"body": f"Hello {s.sent['line 1']}", "subject": "Main heading"}
    yield from s.expect(found, 200, {**shape, **body})


@check("§2.6, §8.3.9", "a letter that came as a PDF: its body is empty and not null")
def accepted_pdf(s):
    for postage in ("second", "first"):
        sent = s.sent[f"pdf {postage}"]
        shape = notification("letter", UUID, 1, id=sent, reference="clients-pdf", line_1="Provided as PDF")
        more = {"subject": "Pre-compiled PDF", "body": "", "postage": postage, "status": one_of("pending-virus-check", "accepted")}
        more["template"] = {"id": UUID, "version": 1, "uri": TEXT}
        yield from s.expect(s.client.get(sent), 200, {**shape, **more})


@check("§2.6", "no result, and ids that are none")
def not_found(s):
    answer = s.client.get(ANY_ID)
    yield from s.expect(answer, 404, error(404, "NoResultFound", "No result found"))
    answer = s.client.get("not-an-id")
    yield from s.expect(answer, 400, error(400, "ValidationError", "notification_id is not a valid UUID"))


OBJECTS = Each(Kind("an object", lambda value: isinstance(value, dict)))


@check("§2.7, §8.3.10", "a list of notifications: every key of each, and the links")
def listed(s):
    answer = s.client.list()
    items = answer.body["notifications"]
    yield from s.expect(answer, 200, {"notifications": OBJECTS, "links": links(items, "/v2/notifications")})
    for number, item in enumerate(items[:40]):
        yield from differences(item, any_notification(item), f"notifications[{number}]")
    found = {item["id"] for item in items}
    for name in ("sms", "email", "letter", "pdf first"):
        if s.sent[name] not in found:
            yield f"the {name} is not listed"
    if s.sent["team sms"] in found:
        yield "§1.1: a message of the team key is listed for another type of key"


@check("§2.7", "lists by template type, by status and by reference")
def filtered(s):
    for kind in ("sms", "email", "letter"):
        answer = s.client.list(kind)
        items = answer.body["notifications"]
        wanted = {"notifications": OBJECTS, "links": links(items, "/v2/notifications", f"?template_type={kind}")}
        yield from s.expect(answer, 200, wanted)
        if {item["type"] for item in items} != {kind}:
            yield f"template_type={kind} lists others"
    answer = s.client.list(status="delivered")
    if {item["status"] for item in answer.body["notifications"]} - {"delivered", "received"}:
        yield "status=delivered lists others"
    answer = s.client.list(reference=s.sent["email reference"])
    if [item["id"] for item in answer.body["notifications"]] != [s.sent["email with everything"]]:
        yield f"the reference lists {answer.body['notifications']!r}"


@check("§2.7, §8.3.11", "pages: older than the last one there is nothing, and no further link")
def pages(s):
    found = s.client.list(reference=s.sent["email reference"]).body["notifications"]
    answer = s.client.list(reference=s.sent["email reference"], older_than=found[-1]["id"])
    yield from differences(answer.body["notifications"], [], "notifications")
    if len(answer.body["notifications"]) > 0 or set(answer.body["links"]) != {"current"}:
        yield f"the page after the last one is {answer.body!r}"
    newer = s.client.list("email").body["notifications"][0]["id"]
    older = s.client.list("email", older_than=newer).body["notifications"]
    if newer in [item["id"] for item in older]:
        yield "older_than includes what it names"


@check("§2.7, §8.3.11", "the iterator over notifications ends, and gives each once", only="python")
def iterated(s):
    reference = f"clients-{uuid.uuid4()}"
    sent = [s.client.send_sms(SMS, NUMBER_TO, FOO, reference).body["id"] for _ in range(3)]
    found = s.client.iterate("get_all_notifications_iterator", reference=reference)
    yield from differences([item["id"] for item in found], sent[::-1], "ids")
    answer = s.client.call("get_all_notifications", reference=reference, include_jobs=True)
    yield from differences([item["id"] for item in answer.body["notifications"]], sent[::-1], "include_jobs")


@check("§2.7", "lists of what there is not are refused")
def list_refusals(s):
    statuses = (
        "cancelled, created, sending, sent, delivered, pending, failed, technical-failure, temporary-failure, "
        "permanent-failure, pending-virus-check, validation-failed, virus-scan-failed, returned-letter, "
        "accepted, received"
    )
    for filters, message in [
        ({"status": "lost"}, f"status lost is not one of [{statuses}]"),
        ({"template_type": "pigeon"}, "template_type pigeon is not one of [sms, email, letter]"),
        ({"older_than": "x"}, "older_than is not a valid UUID"),
    ]:
        yield from s.expect(s.client.list(**filters), 400, error(400, "ValidationError", message))


@check("§2.8, §8.3.15", "PDFs of letters, as they were sent or made; PDFNotReadyError until then")
def pdfs(s):
    not_ready = error(400, "PDFNotReadyError", "PDF not available yet, try again later")
    for name in ("letter", "pdf first"):
        answer = eventually(lambda: s.client.pdf(s.sent[name]), lambda answer: answer.body != not_ready)
        yield from s.expect(answer, 200, one_page(), "application/pdf")


@check("§2.6, §2.4", "letters whose PDFs are there, with what they cost")
def printable_letters(s):
    is_ready = lambda answer: answer.body["is_cost_data_ready"]
    found = eventually(lambda: s.client.get(s.sent["letter"]), is_ready)
    details = {"billable_sheets_of_paper": 1, "postage": "second"}
    cost = {"is_cost_data_ready": True, "cost_in_pounds": NUMBER, "cost_details": details}
    shape = notification("letter", LETTER, 2, id=s.sent["letter"], status="accepted", body=TEXT, subject=TEXT)
    address = {"line_1": s.sent["line 1"], "line_2": "Foo", "postcode": "SW1 1AA", "postage": "second"}
    yield from s.expect(found, 200, {**shape, **address, **cost})
    found = eventually(lambda: s.client.get(s.sent["pdf economy"]), is_ready)
    yield from differences(found.body["status"], "accepted", "status")
    yield from differences(found.body["cost_details"], {**details, "postage": "economy"}, "cost_details")


@check("§2.6, §2.8, §8.3", "a PDF with a test virus does not pass the scan, and costs nothing")
def virus(s):
    pdf = one_page() + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
    sent = s.client.send_pdf("clients-virus", pdf).body["id"]
    found = eventually(lambda: s.client.get(sent), lambda answer: answer.body["status"] == "virus-scan-failed")
    details = {"billable_sheets_of_paper": 0, "postage": "second"}
    cost = {"is_cost_data_ready": True, "cost_in_pounds": one_of(0), "cost_details": details}
    more = {"subject": "Pre-compiled PDF", "line_1": "Provided as PDF", "postage": "second", "reference": "clients-virus"}
    shape = notification("letter", UUID, 1, id=sent, status="virus-scan-failed", completed_at=None, **more)
    template = {"id": UUID, "version": 1, "uri": TEXT}
    yield from s.expect(found, 200, {**shape, **cost, "body": "", "template": template})
    answer = s.client.pdf(sent)
    yield from s.expect(answer, 400, error(400, "BadRequestError", "File did not pass the virus scan"))


@check("§2.8", "what is not a letter has no PDF")
def no_pdf(s):
    answer = s.client.pdf(s.sent["sms"])
    yield from s.expect(answer, 400, error(400, "BadRequestError", "Notification is not a letter"))
    answer = s.client.pdf(ANY_ID)
    yield from s.expect(answer, 404, error(404, "NoResultFound", "No result found"))


# --- Templates -----------------------------------------------------------------

NAME = {"name": {"required": True}}
TEMPLATES = {
    "sms": template(
        "sms",
        id=SMS,
        version=2,
        name="Client Functional test sms template",
        body=SMS_BODY.replace("Foo", "((name))"),
        personalisation=NAME,
    ),
    "email": template(
        "email",
        id=EMAIL,
        version=1,
        name="Client Functional test email template",
        body=EMAIL_BODY.replace("Foo", "((name))"),
        subject=EMAIL_SUBJECT,
        personalisation=NAME,
    ),
    "letter": template(
        "letter",
        id=LETTER,
        version=2,
        name="Client functional letter template",
        body="Hello ((address_line_1))",
        subject="Main heading",
        letter_contact_block=CONTACT_BLOCK,
        personalisation={"address_line_1": {"required": True}},
    ),
}


@check("§2.9, §8.2", "templates by id: all fields, and the fixtures' own words")
def templates(s):
    for wanted in TEMPLATES.values():
        yield from s.expect(s.client.template(wanted["id"]), 200, wanted)


@check("§2.9, §8.3.12", "templates by version: the first ones have other names, the letter no address")
def versions(s):
    firsts = {
        "sms": {"name": "Example text message template"},
        "email": {"name": "Client Functional test email template"},
        "letter": {"name": "Untitled", "letter_contact_block": None},
    }
    for kind, first in firsts.items():
        wanted = {**TEMPLATES[kind], "version": 1, **first}
        yield from s.expect(s.client.template_version(wanted["id"], 1), 200, wanted)
        wanted = TEMPLATES[kind]
        yield from s.expect(s.client.template_version(wanted["id"], wanted["version"]), 200, wanted)


@check("§2.9", "templates and versions that there are not")
def no_templates(s):
    missing = error(404, "NoResultFound", "No result found")
    yield from s.expect(s.client.template(ANY_ID), 404, missing)
    yield from s.expect(s.client.template_version(SMS, 99), 404, missing)
    answer = s.client.template("not-an-id")
    yield from s.expect(answer, 400, error(400, "ValidationError", "id is not a valid UUID"))


@check("§2.10, §8.3.13", "all templates, by name and by type")
def all_templates(s):
    found = s.client.templates()
    ours = {wanted["id"]: wanted for wanted in TEMPLATES.values()}
    yield from s.expect(found, 200, {"templates": OBJECTS})
    for item in found.body["templates"]:
        yield from differences(item, ours.get(item["id"], template(item["type"])), item["name"])
    if missing := set(ours) - {item["id"] for item in found.body["templates"]}:
        yield f"{missing} are not listed"
    for kind, wanted in TEMPLATES.items():
        items = s.client.templates(kind).body["templates"]
        if {item["type"] for item in items} != {kind}:
            yield f"type={kind} lists others"
    answer = s.client.templates("pigeon")
    message = "type pigeon is not one of [sms, email, letter]"
    yield from s.expect(answer, 400, error(400, "ValidationError", message))


@check("§2.11, §8.3.14", "previews of a text message, an email and a letter")
def previews(s):
    yield from s.expect(s.client.preview(SMS, FOO), 200, preview("sms", SMS, 2, body=SMS_BODY))
    shape = preview("email", EMAIL, 1, body=EMAIL_BODY, subject=EMAIL_SUBJECT, html=SOME_TEXT)
    yield from s.expect(s.client.preview(EMAIL, FOO), 200, shape)
    address = {"address_line_1": "Ada", "address_line_2": "Foo", "postcode": "SW1 1AA"}
    shape = preview("letter", LETTER, 2, body="Hello Ada", subject="Main heading")
    yield from s.expect(s.client.preview(LETTER, address), 200, shape)


@check("§2.11", "a preview without a value, and one of nothing")
def preview_refusals(s):
    answer = s.client.preview(SMS, {})
    yield from s.expect(answer, 400, error(400, "BadRequestError", "Missing personalisation: name"))
    yield from s.expect(s.client.preview(ANY_ID, FOO), 404, error(404, "NoResultFound", "No result found"))


@check("§1.4", "all versions of a template are not for services", only="python")
def internal_route(s):
    answer = s.client.call("get_all_template_versions", SMS)
    message = {"token": ["Unauthorized: not allowed to perform this action"]}
    yield from s.expect(answer, 401, {"result": "error", "message": message})


# --- Received text messages ------------------------------------------------------


@check("§5.4, §11.9", "a text message that MMG brings is received")
def received_from_mmg(s):
    text = f"Some message to notify: {uuid.uuid4()}"
    message = {
        "MSISDN": "447700900855",
        "Number": "07700900500",
        "Message": quote_plus(text),
        "ID": uuid.uuid4().hex,
        "DateRecieved": "2017-01-02+03%3A04%3A05",
    }
    user, password = "receipts", os.environ["RECEIPTS_PASSWORD"]
    url = f"{BASE}/notifications/sms/receive/mmg"
    told = requests.post(url, json=message, auth=(user, password), timeout=10)
    yield from differences((told.status_code, told.json()), (200, {"status": "ok"}), "MMG's answer")
    newest = s.inbound.received().body["received_text_messages"][0]
    shape = {**RECEIVED_TEXT, "content": text, "user_number": "447700900855", "notify_number": "07700900500"}
    yield from differences(newest, shape, "the newest")


@check("§2.12", "received text messages: six keys each, and the links")
def received(s):
    answer = s.inbound.received()
    items = answer.body["received_text_messages"]
    shape = {"received_text_messages": Each(RECEIVED_TEXT), "links": links(items, "/v2/received-text-messages")}
    yield from s.expect(answer, 200, shape)
    if not items:
        yield "there is none"
    answer = s.inbound.received(items[0]["id"])
    older = answer.body["received_text_messages"]
    shape = {"received_text_messages": Each(RECEIVED_TEXT), "links": links(older, "/v2/received-text-messages")}
    yield from s.expect(answer, 200, shape)
    if items[0]["id"] in [item["id"] for item in older]:
        yield "older_than includes what it names"
    answer = s.inbound.received("not-an-id")
    yield from s.expect(answer, 400, error(400, "ValidationError", "older_than is not a valid UUID"))


@check("§2.12, §8.3.11", "the iterator over received text messages ends, and gives each once", only="python")
def iterated_texts(s):
    found = [item["id"] for item in s.inbound.iterate("get_received_texts_iterator")]
    if len(found) < 2 or len(found) != len(set(found)):
        yield f"the iterator gives {found}"


# --- Refusals, keys --------------------------------------------------------------


@check("§0.4, §2.5", "what cannot be sent is refused in the contract's words")
def send_refusals(s):
    bad, invalid = "BadRequestError", "ValidationError"
    address = {"address_line_1": "Ada", "address_line_2": "Foo", "postcode": "SW1 1AA"}
    for answer, name, message in [
        (s.client.send_sms(SMS, "123"), invalid, "phone_number Not enough digits"),
        (s.client.send_sms(SMS, "07515*11"), invalid, "phone_number Must not contain letters or symbols"),
        (s.client.send_sms(SMS, "0117 496 0860", FOO), "InvalidPhoneError", "Not a UK mobile number"),
        (s.client.send_sms("x", NUMBER_TO), invalid, "template_id is not a valid UUID"),
        (s.client.send_sms(ANY_ID, NUMBER_TO), bad, "Template not found"),
        (s.client.send_sms(SMS, NUMBER_TO), bad, "Missing personalisation: name"),
        (s.client.send_sms(EMAIL, NUMBER_TO, FOO), bad, "email template is not suitable for sms notification"),
        (
            s.client.send_sms(SMS, NUMBER_TO, FOO, None, ANY_ID),
            bad,
            f"sms_sender_id {ANY_ID} does not exist in database for service id {SERVICE}",
        ),
        (s.client.send_sms(SMS, NUMBER_TO, {**FOO, "x": {"file": "YQ=="}}), bad, "Can only send a file by email"),
        (s.client.send_email(EMAIL, "nobody", FOO), invalid, "email_address Not a valid email address"),
        (s.client.send_email(SMS, ADDRESS_TO, FOO), bad, "sms template is not suitable for email notification"),
        (
            s.client.send_email(EMAIL, ADDRESS_TO, FOO, None, ANY_ID),
            bad,
            f"email_reply_to_id {ANY_ID} does not exist in database for service id {SERVICE}",
        ),
        (
            s.client.send_email(EMAIL, ADDRESS_TO, FOO, url="http://example.com"),
            invalid,
            "one_click_unsubscribe_url is not a valid https url",
        ),
        (s.client.send_letter(LETTER, {"address_line_1": "Ada"}), invalid, "Address must be at least 3 lines"),
        (s.client.send_letter(LETTER, {**address, "postcode": "x"}), invalid, "Must be a real UK postcode"),
        (s.client.send_pdf("clients", b"%PDF", "europe"), invalid, "postage invalid. It must be either first, second or economy."),
    ]:
        yield from s.expect(answer, 400, error(400, name, message))


@check("§3.2, §2.5", "a team key sends to the team only, and no letters")
def team_key(s):
    answer = s.team.send_sms(SMS, "07700900456", FOO)
    message = "Can\u2019t send to this recipient using a team-only API key"
    yield from s.expect(answer, 400, error(400, "BadRequestError", message))
    answer = s.team.send_pdf("clients", b"%PDF")
    yield from s.expect(answer, 403, error(403, "BadRequestError", "Cannot send letters with a team api key"))


@check("§1.4", "keys that are not the service's")
def wrong_keys(s):
    stranger = s.with_key(f"key-{SERVICE}-{uuid.uuid4()}")
    yield from s.expect(stranger.get(ANY_ID), 403, error(403, "AuthError", "Invalid token: API key not found"))
    nobody = s.with_key(f"key-{uuid.uuid4()}-{uuid.uuid4()}")
    yield from s.expect(nobody.get(ANY_ID), 403, error(403, "AuthError", "Invalid token: service not found"))


@check("§3.11, §8.3", "messages of a test key are delivered, and letters are received")
def test_key(s):
    address = {"address_line_1": "Ada", "address_line_2": "Foo", "postcode": "SW1 1AA"}
    for sent, last in [
        (s.test.send_sms(SMS, NUMBER_TO, FOO), "delivered"),
        (s.test.send_sms(SMS, "07700900003", FOO), "temporary-failure"),
        (s.test.send_email(EMAIL, "perm-fail@simulator.notify", FOO), "permanent-failure"),
        (s.test.send_letter(LETTER, address), "received"),
        (s.test.send_pdf("clients", one_page()), "received"),
    ]:
        found = eventually(lambda: s.test.get(sent.body["id"]), lambda answer: answer.body["status"] == last)
        if found.body["status"] != last:
            yield f"the {found.body['type']} should be {last} and is {found.body['status']}"


@check("§3.11", "simulated recipients are answered alike, and nothing is kept")
def simulated(s):
    answer = s.client.send_sms(SMS, "07700900000", FOO)
    content = {"body": SMS_BODY, "from_number": "POSTROOM"}
    yield from s.expect(answer, 201, accepted(SMS, 2, content))
    answer = s.client.get(answer.body["id"])
    yield from s.expect(answer, 404, error(404, "NoResultFound", "No result found"))


@check("§8.3.17", "the client says who it is")
def agent(s):
    found = s.client.get(s.sent["sms"])
    if not found.agent.startswith(f"NOTIFY-API-{s.client.name.upper()}-CLIENT/"):
        yield f"User-Agent is {found.agent}"


@check("§8.3.17", "requests need neither User-Agent nor Content-Type", only="python")
def bare_request(s):
    token = create_jwt_token(s.client.client.api_key, SERVICE)
    headers = {"Authorization": f"Bearer {token}", "User-Agent": None}
    message = json.dumps({"template_id": SMS, "phone_number": NUMBER_TO, "personalisation": FOO}).encode()
    sent = requests.post(f"{BASE}/v2/notifications/sms", data=message, headers=headers, timeout=10)
    said = {name.lower() for name in sent.request.headers}
    yield from differences(said & {"user-agent", "content-type"}, set(), "what was said")
    content = {"body": SMS_BODY, "from_number": "POSTROOM"}
    yield from differences((sent.status_code, sent.json()["content"]), (201, content), "answer")


@check("§0.1", "requests through a proxy, whose line names the whole address", only="node")
def proxied(s):
    api = urlsplit(BASE)
    proxied = s.with_key(os.environ["API_KEY"])
    # The API as its own proxy: a server takes absolute addresses too (RFC 9112, 3.2.2).
    proxied.set_proxy({"protocol": "http", "host": api.hostname, "port": api.port})
    yield from s.expect(proxied.template(SMS), 200, TEMPLATES["sms"])
