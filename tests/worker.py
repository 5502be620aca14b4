"""The Celery app of the tests with a broker: ``celery -A tests.worker worker``, and the same app beside it."""

import os
import signal
import time
from pathlib import Path

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


def perform(run_id: int) -> None:
    """Instead of a training: writes a line to a file, then kills its process or takes as long as it is told."""
    from coldrec.models import TrainingRun
    from coldrec.services import runs

    def work(held: runs.Held) -> None:
        with Path(held.run.config["log"]).open("a") as log:
            log.write(f"{os.getpid()}\n")
        if held.run.config.get("kills"):
            os.kill(os.getpid(), signal.SIGKILL)
        ends = time.monotonic() + held.run.config["seconds"]
        while time.monotonic() < ends:
            held.check()
            time.sleep(0.05)
        with held.succeeding():
            pass

    runs.perform(TrainingRun.objects.get(pk=run_id), work)


if "COLDREC_TEST_QUEUE" in os.environ:  # in the worker's own process
    app = make_app(os.environ["REDIS_URL"], os.environ["COLDREC_TEST_QUEUE"])
    app.set_current()
    app.set_default()

    @app.on_after_finalize.connect
    def _stand_in(**_: object) -> None:
        from coldrec.services import performing

        performing.perform = perform
