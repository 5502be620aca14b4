"""The Celery app of the tests with a broker: ``celery -A tests.worker worker``, and the same app beside it."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")


def make_app(broker: str, queue: str) -> Celery:
    """An app that sends to, and takes from, one queue of its own."""
    made = Celery("coldrec-tests", broker=broker, set_as_current=False)
    made.conf.update(
        task_default_queue=queue,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
    )
    made.autodiscover_tasks(["coldrec"])
    return made


if "COLDREC_TEST_QUEUE" in os.environ:  # in the worker's own process
    app = make_app(os.environ["REDIS_URL"], os.environ["COLDREC_TEST_QUEUE"])
    app.set_current()
    app.set_default()
