"""Training runs: held by one process, followed, cancelled, tried again, revived, given up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from coldrec.core.errors import RunCancelledError, RunError, RunLostError
from coldrec.models import TrainingRun
from coldrec.services import holders, runs, shops

pytestmark = pytest.mark.django_db
State, Kind = TrainingRun.State, TrainingRun.Kind


class Killed(BaseException):
    """The process is no more."""


@pytest.fixture
def shop():
    return shops.current()


@pytest.fixture
def run(shop):
    return runs.order(shop, Kind.ENCODER, {"batch": 10})


@pytest.fixture
def dead_process() -> str:
    """The holder's name of a process of this machine that is no more."""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    machine = holders.our_name().partition(":")[0]
    return f"{machine}:{int(ended.stdout)}:abc"


def finish(held: runs.Held) -> None:
    with held.succeeding() as run:
        run.step = 7


def test_a_run_is_ordered_worked_on_and_ends(run):
    assert run.state == State.WAITING
    done = runs.perform(run, finish)
    assert (done.state, done.step, done.attempts, done.holder) == (State.SUCCEEDED, 7, 1, "")
    assert done.finished_at is not None


def test_while_it_is_held_a_second_delivery_has_nothing_to_do(run):
    with runs.held(run.pk) as first:
        assert first is not None
        with runs.held(run.pk) as second:
            assert second is None
        assert runs.sweep(run.shop) == []
    run.refresh_from_db()
    assert run.attempts == 1


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.DEAD])
def test_a_run_that_has_ended_is_not_begun_again(run, state):
    TrainingRun.objects.update(state=state)
    with runs.held(run.pk) as held:
        assert held is None


def test_a_run_that_is_not_there_is_nobodys(db):
    with runs.held(12345) as held:
        assert held is None


def test_what_goes_wrong_is_kept_with_the_run(run):
    def work(held: runs.Held) -> None:
        raise ValueError("no such corpus")

    with pytest.raises(ValueError, match="no such corpus"):
        runs.perform(run, work)
    run.refresh_from_db()
    assert (run.state, run.error) == (State.FAILED, "no such corpus")


class TestProgress:
    def test_the_row_says_how_far_it_is(self, run, monkeypatch):
        monkeypatch.setattr(runs, "BEAT_SECONDS", 0.0)
        with runs.held(run.pk) as held:
            held.said("reading the catalogue")
            run.refresh_from_db()
            assert run.progress == "reading the catalogue"
            for step in range(1, 4):
                held.stepped("pairs", step, 20, 2.0 / step, 5.0)
            run.refresh_from_db()
        assert (run.step, run.steps) == (3, 20)
        assert run.progress == "pairs: step 3 of 20, loss 0.6667, 5 texts/s, 34 s left"
        assert run.curve == [["pairs", 1, 2.0, 5.0], ["pairs", 2, 1.0, 5.0], ["pairs", 3, 0.66667, 5.0]]

    def test_it_is_written_once_a_second_and_at_the_end(self, run, django_assert_num_queries):
        with runs.held(run.pk) as held:
            with django_assert_num_queries(0):
                for step in range(1, 100):
                    held.stepped("pairs", step, 100, 1.0, 5.0)
                    assert not held.is_cancelled()
            held.stepped("pairs", 100, 100, 1.0, 5.0)
        run.refresh_from_db()
        assert run.step == 100

    def test_a_long_curve_is_thinned_and_keeps_its_ends(self, run, monkeypatch):
        monkeypatch.setattr(runs, "BEAT_SECONDS", 0.0)
        monkeypatch.setattr(runs, "POINTS", 20)
        with runs.held(run.pk) as held:
            for step in range(1, 101):
                held.stepped("pairs", step, 1000, 1.0, 5.0)
        run.refresh_from_db()
        steps = [point[1] for point in run.curve]
        assert len(steps) <= 20 and steps == sorted(steps) and (steps[0], steps[-1]) == (1, 100)

    def test_steps_that_are_done_again_after_a_kill_are_not_drawn_twice(self, run, monkeypatch):
        monkeypatch.setattr(runs, "BEAT_SECONDS", 0.0)
        for steps in ((1, 2, 3), (2, 3, 4)):
            with runs.held(run.pk) as held:
                for step in steps:
                    held.stepped("pairs", step, 9, 1.0, 5.0)
        run.refresh_from_db()
        assert [point[1] for point in run.curve] == [1, 2, 3, 4]


class TestCancel:
    def test_one_that_waits_ends_at_once(self, run):
        runs.cancel(run)
        run.refresh_from_db()
        assert run.state == State.CANCELLED

    def test_one_that_runs_ends_at_its_next_step(self, run, monkeypatch):
        monkeypatch.setattr(runs, "BEAT_SECONDS", 0.0)

        def work(held: runs.Held) -> None:
            held.check()
            runs.cancel(run)
            assert held.is_cancelled()
            held.check()
            pytest.fail("it went on")

        done = runs.perform(run, work)
        assert (done.state, done.error) == (State.CANCELLED, "")

    @pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.DEAD])
    def test_one_that_has_ended_cannot(self, run, state):
        TrainingRun.objects.update(state=state)
        with pytest.raises(RunError, match=f"{state} cannot be cancelled; only one that waits or runs"):
            runs.cancel(run)

    def test_one_that_was_cancelled_may_be_tried_again(self, run):
        runs.cancel(run)
        runs.retry(run)
        assert runs.perform(run, finish).state == State.SUCCEEDED

    @pytest.mark.parametrize("state", [State.SUCCEEDED, State.WAITING, State.RUNNING])
    def test_only_what_ended_without_a_result_is_tried_again(self, run, state):
        TrainingRun.objects.update(state=state)
        with pytest.raises(RunError, match=f"{state} cannot be tried again"):
            runs.retry(run)


class TestLost:
    def test_a_run_whose_process_was_killed_is_taken_up_at_once(self, run, dead_process):
        until = timezone.now() + runs.LEASE
        TrainingRun.objects.update(state=State.RUNNING, holder=dead_process, held_until=until, attempts=1)
        assert runs.sweep(run.shop) == [run]
        assert runs.perform(run, finish).attempts == 2

    def test_one_on_another_machine_is_missed_when_its_lease_is_over(self, run):
        there = {"state": State.RUNNING, "holder": "elsewhere:1:abc", "attempts": 1}
        TrainingRun.objects.update(held_until=timezone.now() + timedelta(minutes=1), **there)
        assert runs.sweep(run.shop) == []
        with runs.held(run.pk) as held:
            assert held is None
        TrainingRun.objects.update(held_until=timezone.now() - timedelta(seconds=1))
        assert runs.sweep(run.shop) == [run]

    def test_one_that_slept_through_its_lease_registers_nothing(self, run, monkeypatch):
        monkeypatch.setattr(runs, "BEAT_SECONDS", 0.0)
        with runs.held(run.pk) as sleeper:
            TrainingRun.objects.update(held_until=timezone.now() - timedelta(seconds=1))
            with runs.held(run.pk) as heir:
                assert heir is not None
                with pytest.raises(RunLostError):
                    sleeper.stepped("pairs", 1, 2, 1.0, 1.0)
                with pytest.raises(RunLostError), sleeper.succeeding():
                    pytest.fail("it registered a result")
                sleeper.end(State.FAILED, error="not mine to say")
                run.refresh_from_db()
                assert run.state == State.RUNNING
                finish(heir)
        run.refresh_from_db()
        assert run.state == State.SUCCEEDED

    def test_an_order_that_nobody_took_is_found(self, run):
        assert runs.sweep(run.shop) == []
        TrainingRun.objects.update(started_at=timezone.now() - 2 * runs.PATIENCE)
        assert runs.sweep(run.shop) == [run]

    def test_what_ends_a_process_leaves_the_run_to_the_next(self, run):
        def work(held: runs.Held) -> None:
            raise Killed

        with pytest.raises(Killed):
            runs.perform(run, work)
        assert runs.sweep(run.shop) == [run]

    def test_a_run_that_kills_its_processes_is_given_up(self, run, dead_process):
        def work(held: runs.Held) -> None:
            held.said("reading what is poison")
            TrainingRun.objects.filter(pk=run.pk).update(holder=dead_process)

        for attempt in range(1, runs.ATTEMPTS + 1):
            with runs.held(run.pk) as held:
                assert held is not None, attempt
                work(held)
        assert runs.sweep(run.shop) == []
        run.refresh_from_db()
        assert (run.state, run.attempts) == (State.DEAD, runs.ATTEMPTS)
        assert run.error == "5 processes were lost over it, the last at: reading what is poison"
        with runs.held(run.pk) as held:
            assert held is None
        runs.retry(run)
        assert runs.perform(run, finish).state == State.SUCCEEDED

    def test_a_new_order_closes_those_that_were_killed_and_no_other(self, shop, run, dead_process):
        killed = runs.order(shop, Kind.MODEL, {})
        TrainingRun.objects.filter(pk=killed.pk).update(state=State.RUNNING, holder=dead_process)
        alive = runs.order(shop, Kind.MODEL, {})
        with runs.held(alive.pk):
            runs.supersede(shop, Kind.MODEL)
            states = {one.pk: one.state for one in TrainingRun.objects.all()}
        assert states == {killed.pk: State.FAILED, alive.pk: State.RUNNING, run.pk: State.WAITING}


def test_an_error_that_is_a_cancel_is_no_failure(run):
    def work(held: runs.Held) -> None:
        raise RunCancelledError("enough")

    assert runs.perform(run, work).state == State.CANCELLED


def test_this_process_is_not_gone(run):
    assert not holders.is_gone(holders.our_name())
    assert not holders.is_gone("") and not holders.is_gone("elsewhere:1:abc")


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_of_two_who_ask_at_once_one_gets_it(shop):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    gate = Barrier(6)
    run = runs.order(shop, Kind.ENCODER, {})

    def ask(_: int) -> bool:
        gate.wait()
        try:
            with runs.held(run.pk) as held:
                gate.wait()
                return held is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(ask, range(6))) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_a_killed_process_is_gone():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = f"{holders.our_name().partition(':')[0]}:{child.pid}:abc"
    assert not holders.is_gone(name)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert holders.is_gone(name)
