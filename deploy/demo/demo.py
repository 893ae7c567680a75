"""Sends a text message, an email and a letter with the official client, and follows each to the end.

Prints every status that was seen with its time since the POST, and the callback that the
service got. Exits 0 only when all arrived and the callbacks came; there are none for letters.
The letter is one of a test key, for which the printer is played. Reads the environment that
`make up` writes to .dev/env.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import requests
from notifications_python_client import NotificationsAPIClient

TIMEOUT_S = 60
POLL_S = 0.02
FINAL = {
    "delivered",
    "received",
    "sent",
    "permanent-failure",
    "temporary-failure",
    "technical-failure",
    "validation-failed",
}


class Message(NamedTuple):
    """One to send: how, what to fill in, with which key, and what must become of it."""

    send: str
    recipient: dict
    values: dict
    template: str
    key: str = "API_KEY"
    end: str = "delivered"
    is_called_back: bool = True


ADDRESS = {"address_line_1": "Ada Lovelace", "address_line_2": "12 St James's Square", "postcode": "SW1Y 4JH"}
MESSAGES = {
    "sms": Message("send_sms_notification", {"phone_number": "07700900123"}, {"name": "Ada"}, "SMS_TEMPLATE_ID"),
    "email": Message(
        "send_email_notification", {"email_address": "ada@example.org"}, {"name": "Ada"}, "EMAIL_TEMPLATE_ID"
    ),
    "letter": Message(
        "send_letter_notification", {}, ADDRESS, "LETTER_TEMPLATE_ID", "API_KEY_TEST", "received", is_called_back=False
    ),
}


class Failed(Exception):
    """What did not happen, in words for the reader."""


def main():
    with ThreadPoolExecutor() as pool:
        rows = list(pool.map(follow, MESSAGES))
    print(f"{'message':8} {'event':28} {'after':>9}")
    for kind, events in zip(MESSAGES, rows):
        for event, seconds in events:
            print(f"{kind:8} {event:28} {seconds * 1000:6.0f} ms")


def follow(kind):
    """Sends one message and returns what happened to it, as (event, seconds since the POST)."""
    # One client per thread: they cannot be shared.
    message = MESSAGES[kind]
    client = NotificationsAPIClient(os.environ[message.key], base_url=os.environ["API_URL"])
    start = time.monotonic()
    sent = getattr(client, message.send)(
        **message.recipient,
        template_id=os.environ[message.template],
        personalisation=message.values,
        reference="demo",
    )
    events = [("accepted (201)", time.monotonic() - start)]

    status = None
    while status not in FINAL:
        seen = client.get_notification_by_id(sent["id"])["status"]
        if seen != status:
            status = seen
            events.append((status, time.monotonic() - start))
        wait(start, f"the {kind} {sent['id']} is still {status}")
    if status != message.end:
        raise Failed(f"the {kind} {sent['id']} ended as {status}")
    if not message.is_called_back:
        return events

    while not (callbacks := received(sent["id"])):
        wait(start, f"no callback came for the {kind} {sent['id']}")
    if callbacks[0]["status"] != "delivered":
        raise Failed(f"the callback for the {kind} {sent['id']} says {callbacks[0]['status']}")
    events.append(("callback: delivered", time.monotonic() - start))
    return events


def received(notification_id):
    """The bodies of the callbacks for one notification that reached the service's endpoint."""
    answer = requests.get(
        os.environ["STUB_URL"] + "/received/callbacks", params={"id": notification_id}, timeout=TIMEOUT_S
    )
    answer.raise_for_status()
    return [callback["body"] for callback in answer.json()]


def wait(start, problem):
    """Until the next poll, unless time is up."""
    if time.monotonic() - start > TIMEOUT_S:
        raise Failed(f"{problem} after {TIMEOUT_S} seconds")
    time.sleep(POLL_S)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        words = str(error) if isinstance(error, Failed) else repr(error)
        sys.exit(f"The demo failed: {words} (the system's logs are in .dev/log)")
