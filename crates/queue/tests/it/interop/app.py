"""The Celery app at the other end of the wire: scripts publish with it, `celery worker` runs it.

Its environment: BROKER_URL, QUEUE_PREFIX, and QUORUM when its queues are to be of that type.
"""

import os
import time

from celery import Celery, Task, current_task
from kombu import Exchange, Queue


def queue(name):
    return os.environ["QUEUE_PREFIX"] + name


class TaskOfRequest(Task):
    """What a task sends carries on the id of its request."""

    def apply_async(self, *args, headers=None, **options):
        request_id = current_task and current_task.request.get("request_id")
        if request_id:
            headers = {**(headers or {}), "request_id": request_id}
        return super().apply_async(*args, headers=headers, **options)


app = Celery("app", broker=os.environ["BROKER_URL"], task_cls=TaskOfRequest)
app.conf.broker_connection_retry_on_startup = True
# Without confirms the last message of a script that ends is lost now and then.
app.conf.broker_transport_options = {"confirm_publish": True}
if "QUORUM" in os.environ:
    # Celery's delayed delivery begins with the first quorum queue, and leaves direct exchanges out.
    app.conf.task_default_queue_type = app.conf.task_create_missing_queue_type = "quorum"
    app.conf.task_default_exchange_type = app.conf.task_create_missing_queue_exchange_type = "topic"
    app.conf.broker_native_delayed_delivery_queue_type = os.environ["QUORUM"]
    # A worker makes the way back for its own queues and the default one, and expects both to exist.
    app.conf.task_default_queue = app.conf.task_default_routing_key = queue("others")
else:
    exchange = Exchange("default")
    names = [queue(name) for name in ("jobs", "retries", "others")]
    app.conf.task_queues = [Queue(name, exchange, routing_key=name) for name in names]
    app.conf.task_default_queue = queue("jobs")


@app.task(name="job")
def job(number, plan):
    """Run by the other side alone."""
    raise NotImplementedError


@app.task(name="note", bind=True, max_retries=None)
def note(self, value=None, other=None):
    """Retried: `value["here"]` times from this queue, and from then on at the other side."""
    at_home = self.request.retries < value["here"]
    raise self.retry(queue=None if at_home else queue("retries"), countdown=value["countdown"])


@app.task(name="ask", bind=True)
def ask(self, *args, **kwargs):
    """Tells the other side what it sees."""
    request = self.request
    seen = {
        "args": args,
        "kwargs": kwargs,
        "at": time.time(),
        "delivery": request.delivery_info,
    }
    standard = ("id", "root_id", "parent_id", "retries", "eta", "expires", "correlation_id", "reply_to")
    for field in (*standard, "headers", "request_id", "number"):
        seen[field] = request.get(field)
    note.apply_async(("asked", seen), queue=queue("jobs"))
