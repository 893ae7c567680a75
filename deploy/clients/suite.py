"""Every method of the official clients against the system that is up, compared with the contract.

One line for each check: the client, the section of the public API contract, what is checked. Below
a check that fails stand all differences. Exits 0 only when there is none, and when no method of a
client was left out. Reads the environment that `make up` writes to .dev/env.
"""

import logging
import os
import sys
import time
import traceback

import checks
from clients import NodeClient, PythonClient
from shapes import HEADERS, differences

# What both suites read (§8.1).
VARIABLES = [
    "NOTIFY_API_URL",
    "API_KEY",
    "API_SENDING_KEY",
    "FUNCTIONAL_TEST_NUMBER",
    "FUNCTIONAL_TEST_EMAIL",
    "SMS_TEMPLATE_ID",
    "EMAIL_TEMPLATE_ID",
    "LETTER_TEMPLATE_ID",
    "SMS_SENDER_ID",
    "EMAIL_REPLY_TO_ID",
    "INBOUND_SMS_QUERY_KEY",
]


class Suite:
    """One client with each of the service's keys, and what it has sent so far."""

    def __init__(self, make):
        self.make = make
        self.open = []
        self.client = self.with_key(os.environ["API_KEY"])
        self.team = self.with_key(os.environ["API_SENDING_KEY"])
        self.test = self.with_key(os.environ["API_KEY_TEST"])
        self.inbound = self.with_key(os.environ["INBOUND_SMS_QUERY_KEY"])
        self.sent = {}

    def with_key(self, key):
        self.open.append(self.make(key))
        return self.open[-1]

    def expect(self, answer, status, shape, content_type="application/json"):
        """All differences between an answer and what it should be, headers included (§0.1)."""
        if answer.status != status:
            yield f"status should be {status} and is {answer.status}: {answer.body!r}"
            return
        yield from differences(answer.body, shape)
        wanted = {**HEADERS, "content-type": content_type}
        yield from differences({name: answer.headers.get(name) for name in wanted}, wanted, "headers")
        if status >= 400:
            # The client says what the body says (§8.3, 16).
            said = {"status_code": status, "message": answer.body.get("message", answer.body.get("errors"))}
            expected = said if self.make is PythonClient else answer.body
            yield from differences(answer.error, expected, "the client's error")
        elif answer.error is not None:
            yield f"the client raised {answer.error!r}"

    def close(self):
        for client in self.open:
            client.close()


def run(name, section, words, faults):
    """Prints what a check found; whether that was nothing."""
    try:
        found = list(faults())
    except Exception:
        found = [traceback.format_exc().rstrip()]
    print(f"{name:7} {section:13} {words:78} {'FAILED' if found else 'ok'}", flush=True)
    for fault in found:
        print("        " + fault.replace("\n", "\n        "))
    return not found


def variables():
    for name in VARIABLES:
        if not os.environ.get(name):
            yield f"{name} is not set"
    if os.environ.get("NOTIFY_API_URL", "").endswith("/"):
        yield "NOTIFY_API_URL ends with a slash"


def main():
    # The Python client warns of each refusal, and here they are what is checked.
    logging.disable(logging.WARNING)
    start = time.monotonic()
    passed = [run("both", "§8.1", "every variable is set", variables)]
    for make in (PythonClient, NodeClient):
        suite = Suite(make)
        for section, words, check in checks.ALL:
            if (only := getattr(check, "only", make.name)) == make.name:
                passed.append(run(make.name, section, words, lambda: check(suite) or []))
        left = sorted(suite.client.offered() - make.used)
        words = f"every method of the client was called ({len(make.used)})"
        passed.append(run(make.name, "§8.3", words, lambda: [f"{name} was not" for name in left]))
        suite.close()
    failed = passed.count(False)
    print(f"{len(passed) - failed} passed, {failed} failed, in {time.monotonic() - start:.0f} s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
