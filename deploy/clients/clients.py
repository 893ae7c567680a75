"""The two official clients behind one set of names, with what went over the wire.

Every method gives an Answer: status, headers and body as the client took them. Each class
remembers which of its client's own methods were called.
"""

import base64
import io
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from notifications_python_client import NotificationsAPIClient
from notifications_python_client import utils as python_utils
from notifications_python_client.errors import HTTPError

DRIVER = Path(__file__).with_name("driver.js")


@dataclass
class Answer:
    """One answer of the API, as a client took it."""

    status: int
    headers: dict
    body: object
    # What the client raised instead of giving the body; None when it did not.
    error: object = None
    # The User-Agent that the client sent.
    agent: str = ""


class PythonClient:
    """notifications-python-client."""

    name = "python"

    def __init__(self, key):
        self.client = NotificationsAPIClient(key, base_url=os.environ["NOTIFY_API_URL"])
        self.client.request_session.hooks["response"].append(self.record)
        self.seen = []

    used = set()

    @staticmethod
    def offered():
        """Every public method of the client's own, and the one function that it is used with."""
        own = {name for name in vars(NotificationsAPIClient) if not name.startswith("_")}
        return own | {"prepare_upload"}

    def record(self, response, **_):
        self.seen.append(response)

    def call(self, method, *args, **kwargs):
        self.used.add(method)
        self.seen.clear()
        body = error = None
        try:
            body = getattr(self.client, method)(*args, **kwargs)
        except HTTPError as raised:
            error = {"status_code": raised.status_code, "message": raised.message}
        last = self.seen[-1]
        if error is not None:
            body = last.json()
        elif isinstance(body, io.BytesIO):
            body = body.read()
        agent = last.request.headers["User-agent"]
        return Answer(last.status_code, {k.lower(): v for k, v in last.headers.items()}, body, error, agent)

    def error_of(self, body):
        """What the client makes of an error's body (§8.3, 16)."""
        return {"message": body.get("message", body.get("errors"))}

    def send_sms(self, template, number, personalisation=None, reference=None, sender=None):
        return self.call("send_sms_notification", number, template, personalisation, reference, sender)

    def send_email(self, template, address, personalisation=None, reference=None, reply_to=None, url=None, sanitise=None):
        return self.call(
            "send_email_notification", address, template, personalisation, reference, reply_to, url, sanitise
        )

    def send_letter(self, template, personalisation, reference=None):
        return self.call("send_letter_notification", template, personalisation, reference)

    def send_pdf(self, reference, pdf, postage=None):
        return self.call("send_precompiled_letter_notification", reference, io.BytesIO(pdf), postage)

    def get(self, notification):
        return self.call("get_notification_by_id", notification)

    def pdf(self, notification):
        return self.call("get_pdf_for_letter", notification)

    def list(self, template_type=None, status=None, reference=None, older_than=None):
        return self.call("get_all_notifications", status, template_type, reference, older_than)

    def template(self, template):
        return self.call("get_template", template)

    def template_version(self, template, version):
        return self.call("get_template_version", template, version)

    def templates(self, template_type=None):
        return self.call("get_all_templates", template_type)

    def preview(self, template, personalisation):
        return self.call("post_template_preview", template, personalisation)

    def received(self, older_than=None):
        return self.call("get_received_texts", older_than)

    def upload(self, contents, filename=None, confirm=None, retention=None):
        self.used.add("prepare_upload")
        return python_utils.prepare_upload(io.BytesIO(contents), filename, confirm, retention)

    def iterate(self, method, **kwargs):
        """Everything that one of the client's iterators gives."""
        self.used.add(method)
        return list(getattr(self.client, method)(**kwargs))

    def close(self):
        self.client.request_session.close()


class NodeClient:
    """notifications-node-client, in a process of its own."""

    name = "node"

    def __init__(self, key):
        environment = {**os.environ, "KEY": key}
        self.process = subprocess.Popen(
            ["node", str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    # The driver begins with `setClient`, to see what goes over the wire.
    used = {"setClient"}

    def offered(self):
        """Every method of the client."""
        return set(self.ask({})["value"])

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the driver of the Node client ended with {self.process.wait()}")
        return json.loads(line)

    def call(self, method, *args):
        self.used.add(method)
        said = self.ask({"method": method, "args": args})
        body = said.get("value", said.get("error"))
        if isinstance(body, dict) and set(body) == {"base64"}:
            body = base64.b64decode(body["base64"])
        if "status" not in said:
            raise RuntimeError(f"{method} had no answer: {body}")
        return Answer(said["status"], said["headers"], body, said.get("error"), said["agent"])

    def error_of(self, body):
        return body

    def send_sms(self, template, number, personalisation=None, reference=None, sender=None):
        options = {"personalisation": personalisation, "reference": reference, "smsSenderId": sender}
        return self.call("sendSms", template, number, options)

    def send_email(self, template, address, personalisation=None, reference=None, reply_to=None, url=None, sanitise=None):
        options = {
            "personalisation": personalisation,
            "reference": reference,
            "emailReplyToId": reply_to,
            "oneClickUnsubscribeURL": url,
            "sanitiseContentFor": sanitise,
        }
        return self.call("sendEmail", template, address, options)

    def send_letter(self, template, personalisation, reference=None):
        return self.call("sendLetter", template, {"personalisation": personalisation, "reference": reference})

    def send_pdf(self, reference, pdf, postage=None):
        return self.call("sendPrecompiledLetter", reference, {"base64": base64.b64encode(pdf).decode()}, postage)

    def get(self, notification):
        return self.call("getNotificationById", notification)

    def pdf(self, notification):
        return self.call("getPdfForLetterNotification", notification)

    def list(self, template_type=None, status=None, reference=None, older_than=None):
        return self.call("getNotifications", template_type, status, reference, older_than)

    def template(self, template):
        return self.call("getTemplateById", template)

    def template_version(self, template, version):
        return self.call("getTemplateByIdAndVersion", template, version)

    def templates(self, template_type=None):
        return self.call("getAllTemplates", template_type)

    def preview(self, template, personalisation):
        return self.call("previewTemplateById", template, personalisation)

    def received(self, older_than=None):
        return self.call("getReceivedTexts", older_than)

    def upload(self, contents, filename=None, confirm=None, retention=None):
        self.used.add("prepareUpload")
        options = {"filename": filename, "retentionPeriod": retention}
        if confirm is not None:
            options["confirmEmailBeforeDownload"] = confirm
        args = [{"base64": base64.b64encode(contents).decode()}, options]
        return self.ask({"method": "prepareUpload", "args": args})["value"]

    def set_proxy(self, proxy):
        self.used.add("setProxy")
        self.ask({"method": "setProxy", "args": [proxy]})

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
