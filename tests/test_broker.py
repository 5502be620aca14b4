"""Tasks through a real Redis and a real worker, and what a page feels of a broker that refuses or is silent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from celery import current_app
from django.db import connection
from django.test import override_settings

from coldrec import tasks
from coldrec.models import Event, TrainingRun, Visitor
from coldrec.services import doctor, runs, shops
from tests.worker import make_app

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent
SOLO = ("--pool", "solo")
WAIT = 30.0  # seconds for a process to start or a task to be done
BOUND = tasks.BROKER_PATIENCE_SECONDS + 0.7  # seconds a page may lose to the broker, with room for a busy machine


@pytest.fixture
def visitor() -> Visitor:
    return Visitor.objects.create(shop=shops.current(), key="ann")


@pytest.fixture
def use_broker(monkeypatch) -> Iterator[Callable[[str], str]]:
    """Have tasks sent to a broker; gives the name of a queue that nobody else uses."""
    before = current_app._get_current_object()
    monkeypatch.setattr(tasks, "_broker_rests_until", 0.0)
    monkeypatch.setattr(tasks._Asking, "_hanging", None)

    def use(address: str) -> str:
        queue = f"coldrec-tests-{uuid4().hex}"
        make_app(address, queue).set_current()
        return queue

    with override_settings(COLDREC={"TASKS": "celery"}):
        yield use
    before.set_current()


@pytest.fixture
def redis_queue(use_broker, monkeypatch) -> Iterator[Callable[[], int]]:
    """A queue on the real Redis; gives how many tasks wait in it."""
    from redis import Redis

    address = os.environ["REDIS_URL"]
    monkeypatch.setattr(tasks, "BROKER_PATIENCE_SECONDS", WAIT)  # what counts here is that it arrives
    queue = use_broker(address)
    client = Redis.from_url(address)
    waiting = lambda: int(client.llen(queue))  # noqa: E731
    waiting.name = queue
    yield waiting
    client.delete(*client.keys(f"*{queue}*"), queue)
    client.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """A broker that accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def refused() -> str:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def happened(visitor: Visitor, event_id: str) -> float:
    """Record a view as a page would; the seconds that took."""
    began = time.monotonic()
    tasks.events_happened(
        [{"event_id": event_id, "kind": "view", "item_id": "a"}], visitor_id=visitor.pk, source="test"
    )  # fmt: skip
    return time.monotonic() - began


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not is_so():
        assert time.monotonic() < deadline, f"not within {WAIT} s: {what}"
        time.sleep(0.05)


def start_worker(queue: str, log: Path, *options: str) -> subprocess.Popen[bytes]:
    """A worker on the test's own database."""
    place = connection.settings_dict
    database = (
        f"sqlite:///{place['NAME']}"
        if connection.vendor == "sqlite"
        else f"postgres://{place['USER']}:{place['PASSWORD']}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
    )
    return subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "tests.worker", "worker", "--without-gossip", *(options or SOLO)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database, "COLDREC_TEST_QUEUE": queue},
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )


@pytest.fixture
def worker(redis_queue, tmp_path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts workers on the queue, and stops them in the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> subprocess.Popen[bytes]:
        started.append(start_worker(redis_queue.name, tmp_path / f"worker-{len(started)}.log", *options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait(WAIT)


@pytest.mark.redis
@pytest.mark.slow
class TestWorker:
    def test_events_wait_in_the_queue_until_a_worker_takes_them(self, redis_queue, worker, visitor):
        happened(visitor, "1")
        happened(visitor, "1")  # sent again, as browsers do
        happened(visitor, "2")
        assert redis_queue() == 3
        assert not Event.objects.exists(), "nothing is done here"
        worker()
        until(lambda: Event.objects.count() == 2 and redis_queue() == 0, "two events, an empty queue")
        assert set(Event.objects.values_list("event_id", "visitor_id")) == {("1", visitor.pk), ("2", visitor.pk)}

    def test_what_a_killed_worker_left_is_done_by_the_next(self, redis_queue, worker, visitor):
        first = worker()
        happened(visitor, "1")
        until(lambda: Event.objects.count() == 1, "the worker runs")
        first.kill()
        first.wait(WAIT)
        happened(visitor, "2")
        assert redis_queue() == 1 and Event.objects.count() == 1
        worker()
        until(lambda: Event.objects.count() == 2, "the next worker goes on")

    def test_the_doctor_counts_the_workers_that_answer(self, redis_queue, worker):
        found = [one for one in doctor.diagnose().findings if one.topic == "tasks"]
        assert [(one.state, one.says) for one in found] == [(doctor.State.BROKEN, "No worker answers.")]
        worker()
        until(lambda: bool(current_app.control.ping(timeout=0.5)), "the worker answers")
        found = [one for one in doctor.diagnose().findings if one.topic == "tasks"]
        assert [one.state for one in found] == [doctor.State.WORKS]


@pytest.mark.redis
@pytest.mark.slow
class TestTraining:
    """What a training does is stood in for by ``tests.worker.perform``; who works on it, and how often, is real."""

    @pytest.fixture
    def order(self, tmp_path, redis_queue):
        def order(**config: object) -> TrainingRun:
            config = {"log": str(tmp_path / "log"), "seconds": 0.1, **config}
            return runs.order(shops.current(), TrainingRun.Kind.MODEL, config)

        return order

    @staticmethod
    def state(run: TrainingRun) -> str:
        run.refresh_from_db()
        return str(run.state)

    def begun(self, run: TrainingRun) -> list[str]:
        log = Path(run.config["log"])
        return log.read_text().split() if log.exists() else []

    def test_of_two_workers_that_are_given_one_run_one_does_it(self, order, worker, redis_queue):
        run = order(seconds=3.0)
        tasks.start(run)
        tasks.start(run)
        worker()
        worker()
        until(lambda: self.state(run) == "succeeded" and redis_queue() == 0, "the run ends")
        time.sleep(0.5)
        assert len(self.begun(run)) == 1 and run.attempts == 1

    def test_a_run_whose_worker_was_killed_is_found_and_ends(self, order, worker):
        run = order(seconds=2.0)
        tasks.start(run)
        first = worker()
        until(lambda: len(self.begun(run)) == 1, "it has begun")
        first.kill()
        first.wait(WAIT)
        worker()
        tasks.sweep()
        until(lambda: self.state(run) == "succeeded", "the next goes on")
        assert (len(self.begun(run)), run.attempts) == (2, 2)

    def test_a_run_that_kills_its_processes_is_given_up_and_the_queue_goes_on(self, order, worker, visitor):
        poison = order(kills=True)
        tasks.start(poison)
        worker("--pool", "prefork", "--concurrency", "1")
        until(lambda: self.state(poison) == "dead", "it is given up")
        assert len(self.begun(poison)) == runs.ATTEMPTS
        happened(visitor, "1")
        sound = order()
        tasks.start(sound)
        until(lambda: self.state(sound) == "succeeded" and Event.objects.count() == 1, "the queue goes on")


@pytest.mark.redis
def test_a_broker_that_is_back_is_asked_again(redis_queue, refused, use_broker, visitor, monkeypatch):
    on_redis = current_app._get_current_object()
    use_broker(refused)
    monkeypatch.setattr(tasks, "BROKER_PATIENCE_SECONDS", 0.3)
    happened(visitor, "1")
    assert Event.objects.count() == 1
    on_redis.set_current()
    happened(visitor, "2")
    assert (redis_queue(), Event.objects.count()) == (0, 2), "it is left alone for a while"
    monkeypatch.setattr(tasks, "_broker_rests_until", 0.0)  # the while is over
    monkeypatch.setattr(tasks._Asking, "_hanging", None)
    monkeypatch.setattr(tasks, "BROKER_PATIENCE_SECONDS", WAIT)
    happened(visitor, "3")
    assert (redis_queue(), Event.objects.count()) == (1, 2)


@pytest.mark.parametrize("way", ["refused", "silent"])
class TestAway:
    def test_a_page_loses_little_and_no_event(self, way, request, use_broker, visitor, caplog):
        use_broker(request.getfixturevalue(way))
        assert happened(visitor, "1") < BOUND
        assert "cannot reach the task broker; working without it for 30 s" in caplog.text
        assert happened(visitor, "2") < 0.2, "it is not asked again at once"
        assert Event.objects.count() == 2
        assert caplog.text.count("cannot reach the task broker") == 1

    def test_one_that_still_hangs_is_not_asked_by_every_page(self, way, request, use_broker, visitor, monkeypatch):
        use_broker(request.getfixturevalue(way))
        happened(visitor, "1")
        if way == "silent":
            monkeypatch.setattr(tasks, "_broker_rests_until", 0.0)
        assert happened(visitor, "2") < 0.2
        assert Event.objects.count() == 2

    def test_the_doctor_says_so_soon(self, way, request, use_broker):
        use_broker(request.getfixturevalue(way))
        began = time.monotonic()
        (found,) = (one for one in doctor.diagnose().findings if one.topic == "tasks")
        assert found.state is doctor.State.BROKEN and "does not answer" in found.says
        assert time.monotonic() - began < 12


def test_an_address_that_makes_no_sense_is_as_good_as_no_broker(use_broker, visitor, caplog):
    use_broker("nonsense://x")
    assert happened(visitor, "1") < BOUND
    assert Event.objects.count() == 1 and "cannot reach the task broker" in caplog.text


def test_an_app_that_runs_tasks_at_once_does_so_on_the_same_connection(use_broker, visitor):
    use_broker("memory://")
    current_app.conf.task_always_eager = True
    happened(visitor, "1")
    assert Event.objects.count() == 1
