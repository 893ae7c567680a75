"""Random requests, right and wrong ones, to the system that is up, as its OpenAPI document allows.

Every answer must be one that the document tells of: status, content type, headers, body. None may be
a fault of the server. The same requests come in every run. Half of those that name something name
something that is there, or else hardly any would be accepted; at last each operation must have been.
Reads the environment that `make up` writes to .dev/env.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
import zlib

import schemathesis
from schemathesis.cli import schemathesis as cli

API = os.environ["API_URL"]
SERVICE = os.environ["SERVICE_ID"]
# Keys of an earlier run must not answer those of this one.
RUN = int(time.time())
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
]
ARGUMENTS = [
    "run",
    f"{API}/openapi.json",
    "--checks=" + ",".join(CHECKS),
    "--phases=examples,coverage,fuzzing",
    "--max-examples=25",
    "--seed=1",
    "--generation-database=none",
    "--generation-with-security-parameters=false",
    "--max-redirects=0",
    "--suppress-health-check=all",
    "--continue-on-failure",
    "--warnings=off",
    "--no-color",
]
# What only others can bring about: the app that makes PDFs; a recipient with an unsubscribe link.
NEVER_ACCEPTED = {"GET /v2/notifications/{id}/pdf", "POST /unsubscribe/{id}/{token}"}


def token():
    """A token as the API's clients make it (public API contract §1.2)."""

    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"iss": SERVICE, "iat": int(time.time())}
    signed = b".".join(part(json.dumps(x).encode()) for x in ({"alg": "HS256", "typ": "JWT"}, claims))
    mac = hmac.digest(os.environ["API_KEY"][-36:].encode(), signed, hashlib.sha256)
    return (signed + b"." + part(mac)).decode()


def send(path, body):
    """What the API answers to a body that is right."""
    request = urllib.request.Request(API + path, json.dumps(body).encode())
    request.add_header("Authorization", "Bearer " + token())
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"POST {path}: {error.code} {error.read().decode()}")


TEMPLATES = {channel: os.environ[f"{channel.upper()}_TEMPLATE_ID"] for channel in ("sms", "email", "letter")}
ADDRESS = {"address_line_1": "A. Person", "address_line_2": "1 High Street", "address_line_3": "SW14 6BF"}
FILE = {"file": base64.b64encode(b"a,b\n1,2\n").decode(), "filename": "file.csv"}
KNOWN = {
    "/v2/notifications/sms": {
        "phone_number": os.environ["FUNCTIONAL_TEST_NUMBER"],
        "template_id": TEMPLATES["sms"],
        "personalisation": {"name": "A"},
        "sms_sender_id": os.environ["SMS_SENDER_ID"],
    },
    "/v2/notifications/email": {
        "email_address": os.environ["FUNCTIONAL_TEST_EMAIL"],
        "template_id": TEMPLATES["email"],
        "personalisation": {"name": "A"},
        "email_reply_to_id": os.environ["EMAIL_REPLY_TO_ID"],
    },
    "/v2/notifications/letter": {"template_id": TEMPLATES["letter"], "personalisation": ADDRESS},
    "/v2/notifications/bulk": {"template_id": TEMPLATES["sms"], "csv": "phone number,name\n07700900001,A\n"},
    "/v2/template/{id}/preview": {"personalisation": {"name": "A"}},
}
SENT = {path: send(path, body)["id"] for path, body in KNOWN.items() if path.startswith("/v2/notifications/")}
NOTIFICATIONS = [SENT[f"/v2/notifications/{channel}"] for channel in TEMPLATES]
IDS = {
    "/v2/notifications": NOTIFICATIONS,
    "/v2/template": [TEMPLATES["sms"], TEMPLATES["email"]],
    "/v2/jobs": [SENT["/v2/notifications/bulk"]],
}


# Values of a placeholder.
ODD = ["A", "a\0b", "\U0001f469\u200d\U0001f52c", 5, 1e300, True, None, ["a", None, "\0"], {"a": []}, "a" * 1000, "((name))", "<b>", ""]


def document():
    """The parts of the address of a file that can be downloaded."""
    with_file = {**KNOWN["/v2/notifications/email"], "personalisation": {"name": FILE}}
    with_file["personalisation"]["name"]["confirm_email_before_download"] = False
    body = send("/v2/notifications/email", with_file)["content"]["body"]
    found = re.search(r"/documents/([0-9-]{10})/([0-9a-f]{32})\?key=([\w-]+)", body)
    return found.groups() if found else sys.exit(f"no link in {body!r}")


DAY, DOCUMENT, KEY = document()
seen = {}


@schemathesis.auth(refresh_interval=10)
class Token:
    """Tokens are good for half a minute."""

    def get(self, case, context):
        return token()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts things that are there into half of the requests."""
    path = case.operation.path
    chosen = zlib.crc32(repr((path, case.path_parameters, case.query, case.body)).encode("utf-8", "replace"))
    # The generator likes few keys, and who has used one for another request gets a 409.
    if case.headers.get("Idempotency-Key") and chosen % 8:
        case.headers["Idempotency-Key"] = f"{RUN}-{chosen}"
    if chosen % 2:
        return
    odd = ODD[chosen // 2 % len(ODD)]
    if path in KNOWN and isinstance(case.body, dict) and not {"content", "rows"} & case.body.keys():
        values = case.body.get("personalisation")
        case.body.update(KNOWN[path])
        if chosen % 4 == 0:
            case.body.pop("scheduled_for", None)  # most are not in the next 24 hours
        if path.endswith("/bulk"):
            case.body["csv"] += f"07700900002,{odd}\n"
        elif not path.endswith("/letter"):
            case.body["personalisation"] = {**(values if isinstance(values, dict) else {}), "name": odd}
    for prefix, ids in IDS.items():
        if path.startswith(prefix) and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = ids[chosen // 2 % len(ids)]
    if path.startswith("/documents/"):
        case.path_parameters.update(day=DAY, id=DOCUMENT)
        case.query = {**(case.query or {}), "key": KEY}


@schemathesis.hook
def after_call(context, case, response):
    """Notes how operations were answered."""
    if case.method.upper() == case.operation.method.upper():
        statuses = seen.setdefault(f"{case.method.upper()} {case.operation.path}", {})
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1


def main():
    try:
        code = cli.main(ARGUMENTS, standalone_mode=False) or 0
    except SystemExit as end:
        code = end.code
    print(f"{sum(sum(statuses.values()) for statuses in seen.values())} requests")
    for name, statuses in sorted(seen.items()):
        counts = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        was_accepted = any(200 <= status < 400 for status in statuses)
        if not was_accepted and name not in NEVER_ACCEPTED:
            code = 1
            counts += "  FAILED: never accepted"
        print(f"  {name:45} {counts}")
    sys.exit(code)


if __name__ == "__main__":
    main()
