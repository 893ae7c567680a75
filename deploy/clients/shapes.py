"""What answers look like, field by field (public API contract §0-§2), and how they differ from it.

A shape is a dict of shapes, each key of which must be there and no other; Each, for a list of one
shape; a Kind, which says what a value must be; or else the value itself.
"""

import os
import re

BASE = os.environ["NOTIFY_API_URL"]
SERVICE = os.environ["SERVICE_ID"]


class Kind:
    """A kind of value, in words and as a test."""

    def __init__(self, words, test):
        self.words, self.test = words, test


class Each:
    """A list whose items all have one shape."""

    def __init__(self, shape):
        self.shape = shape


def _matches(pattern):
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
UUID = Kind("a uuid", _matches(_UUID))
TEXT = Kind("a text", lambda value: isinstance(value, str))
SOME_TEXT = Kind("a text that is not empty", lambda value: isinstance(value, str) and value != "")
INTEGER = Kind("an integer", lambda value: isinstance(value, int) and not isinstance(value, bool))
NUMBER = Kind("a number", lambda value: isinstance(value, (int, float)) and not isinstance(value, bool))
DATETIME = Kind("a time in UTC", _matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"))


def maybe(kind):
    return Kind(f"{kind.words} or null", lambda value: value is None or kind.test(value))


def one_of(*values):
    return Kind(f"one of {', '.join(map(str, values))}", lambda value: value in values)


def matching(pattern):
    return Kind(f"a text like {pattern}", _matches(pattern))


def differences(value, shape, where="body"):
    """Every difference between a value and its shape, in words."""
    if isinstance(shape, Kind):
        if not shape.test(value):
            yield f"{where} should be {shape.words} and is {value!r}"
    elif isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{where} should be an object and is {value!r}"
            return
        for key in shape.keys() - value.keys():
            yield f"{where}.{key} is missing"
        for key in value.keys() - shape.keys():
            yield f"{where}.{key} is unexpected: {value[key]!r}"
        for key in shape.keys() & value.keys():
            yield from differences(value[key], shape[key], f"{where}.{key}")
    elif isinstance(shape, Each):
        if not isinstance(value, list):
            yield f"{where} should be a list and is {value!r}"
            return
        for number, item in enumerate(value):
            yield from differences(item, shape.shape, f"{where}[{number}]")
    elif type(value) is not type(shape) or value != shape:
        yield f"{where} should be {shape!r} and is {value!r}"


# What every answer carries (§0.1).
HEADERS = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "Content-Type,Authorization",
    "access-control-allow-methods": "GET,PUT,POST,DELETE",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "x-permitted-cross-domain-policies": "none",
    "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
    "cache-control": "no-store, no-cache, private, must-revalidate",
    "x-b3-traceid": SOME_TEXT,
    "x-b3-spanid": SOME_TEXT,
}


def accepted(template, version, content, reference=None):
    """What a POST of a message is answered with (§2.1)."""
    return {
        "id": UUID,
        "reference": reference,
        "content": content,
        "uri": matching(re.escape(f"{BASE}/v2/notifications/") + _UUID),
        "template": {"id": template, "version": version, "uri": f"{BASE}/services/{SERVICE}/templates/{template}"},
        "scheduled_for": None,
    }


def accepted_email(template, content, reference=None, sanitised=None):
    """What a POST of an email is answered with (§2.2)."""
    return {**accepted(template, 1, content, reference), "sanitised_content": sanitised or {}}


ACCEPTED_PDF = {"id": UUID, "reference": SOME_TEXT, "postage": one_of("first", "second", "economy")}

STATUSES = {
    "sms": ["created", "sending", "sent", "pending", "delivered"],
    "email": ["created", "sending", "sent", "pending", "delivered"],
    "letter": ["accepted", "received", "pending-virus-check"],
}


def notification(kind, template, version, **exact):
    """A notification as its service sees it (§2.6), before its exact values."""
    lines = {f"line_{number}": None for number in range(1, 7)}
    shape = {
        "id": UUID,
        "reference": None,
        "email_address": None,
        "phone_number": None,
        **lines,
        "postcode": None,
        "type": kind,
        "status": one_of(*STATUSES[kind]),
        "template": {"id": template, "version": version, "uri": f"{BASE}/v2/template/{template}/version/{version}"},
        "body": TEXT,
        "subject": None,
        "created_at": DATETIME,
        "created_by_name": None,
        "sent_at": maybe(DATETIME),
        "completed_at": maybe(DATETIME),
        "scheduled_for": None,
        "postage": None,
        "one_click_unsubscribe_url": None,
        **cost(kind),
    }
    if kind == "letter":
        shape["estimated_delivery"] = DATETIME
    return {**shape, **exact}


def cost(kind):
    """What a message costs, while that may not be known."""
    if kind == "email":
        return {"is_cost_data_ready": True, "cost_in_pounds": 0.0, "cost_details": {}}
    return {
        "is_cost_data_ready": Kind("true or false", lambda value: isinstance(value, bool)),
        "cost_in_pounds": maybe(NUMBER),
        "cost_details": Kind("an object", lambda value: isinstance(value, dict)),
    }


def any_notification(found):
    """The shape of one item of a list, by what it says of itself."""
    kind = found.get("type")
    if kind not in STATUSES:
        return {"type": one_of(*STATUSES)}
    recipient = {"sms": {"phone_number": TEXT}, "email": {"email_address": TEXT}, "letter": {}}[kind]
    more = {"reference": maybe(TEXT), "subject": maybe(TEXT), "status": TEXT, "one_click_unsubscribe_url": maybe(TEXT)}
    if kind == "letter":
        anything = Kind("anything", lambda _: True)
        more.update({f"line_{number}": anything for number in range(1, 7)}, postcode=anything, postage=maybe(TEXT))
    if kind == "email":
        more["cost_in_pounds"] = NUMBER
    return {**notification(kind, UUID, INTEGER, **more, **recipient), "template": {"id": UUID, "version": INTEGER, "uri": TEXT}}


def template(kind, **exact):
    """A version of a template (§2.9)."""
    shape = {
        "id": UUID,
        "name": SOME_TEXT,
        "type": kind,
        "created_at": DATETIME,
        "updated_at": maybe(DATETIME),
        "created_by": SOME_TEXT,
        "version": INTEGER,
        "body": TEXT,
        "subject": None if kind == "sms" else SOME_TEXT,
        "personalisation": Kind("an object", lambda value: isinstance(value, dict)),
        "postage": "second" if kind == "letter" else None,
        "letter_contact_block": maybe(TEXT) if kind == "letter" else None,
    }
    return {**shape, **exact}


def preview(kind, template, version, **exact):
    """A template with its placeholders filled (§2.11)."""
    postage = "second" if kind == "letter" else None
    return {"id": template, "type": kind, "version": version, "subject": None, "postage": postage, "html": None, **exact}


RECEIVED_TEXT = {
    "id": UUID,
    "created_at": DATETIME,
    "service_id": SERVICE,
    "notify_number": SOME_TEXT,
    "user_number": SOME_TEXT,
    "content": TEXT,
}


def links(items, path, query=""):
    """The links of a page: the next one only where there is something on this one (§2.7, §2.12)."""
    current = {"current": f"{BASE}{path}{query}"}
    if not items:
        return current
    return {**current, "next": Kind("a link whose first uuid is the last id", lambda link: first_uuid(link) == items[-1]["id"])}


def first_uuid(link):
    """What the Python client takes for the next `older_than` (§8.3, 11)."""
    found = re.search(_UUID, link, re.I) if isinstance(link, str) else None
    return found and found.group(0)


def error(status, name, message):
    """An error below `/v2` (§0.2)."""
    return {"status_code": status, "errors": [{"error": name, "message": message}]}
