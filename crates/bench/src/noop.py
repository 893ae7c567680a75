"""The no-op of the `queue` suite under Celery: `celery -A noop worker`."""

import os

from celery import Celery
from kombu import Exchange, Queue

app = Celery("noop")
queue = os.environ["BENCH_QUEUE"]
app.conf.task_queues = [Queue(queue, Exchange("default", "direct"), routing_key=queue)]
app.conf.task_ignore_result = True


@app.task(name="deliver_sms")
def deliver_sms(notification_id):
    pass
