"""A Celery app that sends text messages in our place, with the names and queues of the tasks contract.

Its environment: BROKER_URL and QUEUE_PREFIX.
"""

import itertools
import os

from celery import Celery, Task, current_task
from kombu import Exchange, Queue


def queue(name):
    return os.environ["QUEUE_PREFIX"] + name


class NotifyTask(Task):
    """What a task sends carries on the id of its request."""

    def apply_async(self, *args, headers=None, **options):
        request_id = current_task and current_task.request.get("notify_request_id")
        if request_id:
            headers = {**(headers or {}), "notify_request_id": request_id}
        return super().apply_async(*args, headers=headers, **options)


app = Celery("app", broker=os.environ["BROKER_URL"], task_cls=NotifyTask)
app.conf.broker_connection_retry_on_startup = True
app.conf.task_queues = [
    Queue(queue(name), Exchange("default"), routing_key=queue(name))
    for name in ("send-sms-tasks", "sms-callbacks", "retry-tasks")
]
turns = itertools.count()


@app.task(name="deliver_sms", bind=True, max_retries=48)
def deliver_sms(self, notification_id):
    """Reports the first as delivered, as its provider would; hands the others over."""
    print(f"deliver_sms {notification_id} of request {self.request.notify_request_id}.")
    if next(turns) > 0:
        raise self.retry(queue=queue("retry-tasks"), countdown=0)
    receipt = ("3", notification_id, "MMG", None)
    process_sms_client_response.apply_async(receipt, queue=queue("sms-callbacks"))


@app.task(name="process-sms-client-response")
def process_sms_client_response(status, provider_reference, client_name, detailed_status_code):
    """Run by the other side alone."""
    raise NotImplementedError
