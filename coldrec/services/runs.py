"""Training runs as the tables know them: ordered, held by one process, followed, cancelled, tried again, revived.

The row is the truth and the broker only wakes somebody: work that the broker lost, or whose process was killed, is
found by ``sweep``. Who works on a run holds its lease, so that a second delivery of the same task has nothing to do.
Attempts are counted before the work begins: a run that kills its own process is given up after ``ATTEMPTS``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from coldrec.core.errors import RunCancelledError, RunError, RunLostError
from coldrec.models import Shop, TrainingRun
from coldrec.services import holders

State, Kind = TrainingRun.State, TrainingRun.Kind

LEASE = timedelta(minutes=10)  # renewed with each sign of life; one on this machine that was killed is missed at once
PATIENCE = timedelta(minutes=1)  # after which an order that nobody took is taken for lost by the broker
ATTEMPTS = 5  # processes that may be lost over a run
BEAT_SECONDS = 1.0  # between two signs of life
POINTS = 400  # of a curve that are kept
OPEN = (State.WAITING, State.RUNNING)


def order(shop: Shop, kind: Any, config: dict[str, Any]) -> TrainingRun:
    """A new run that waits for somebody to take it."""
    run: TrainingRun = TrainingRun.objects.create(shop=shop, kind=kind, config=config)
    return run


def perform(run: TrainingRun, work: Callable[[Held], None]) -> TrainingRun:
    """The run as it is after ``work``, which has called ``Held.succeeded`` at its end, unless another holds it.

    What ``work`` raises becomes the reason that the run's row keeps.

    Raises
    ------
    ColdrecError and whatever else ``work`` raises; a run that is cancelled raises nothing.
    """
    with held(run.pk) as mine:
        if mine is not None:
            try:
                work(mine)
            except RunCancelledError:
                mine.end(State.CANCELLED)
            except RunLostError:
                raise  # it is no longer ours to say how it ended
            except (Exception, KeyboardInterrupt) as error:
                mine.end(State.FAILED, error=f"{error}" or repr(error))
                raise
    run.refresh_from_db()
    return run


@contextmanager
def held(pk: int) -> Iterator[Held | None]:
    """The right to work on a run; None where another has it, where it has ended or is given up."""
    now, holder = timezone.now(), holders.our_name()
    row = TrainingRun.objects.filter(pk=pk)
    run = row.first()
    if run is None or run.state not in OPEN or _is_given_up(run):
        yield None
        return
    taken = row.filter(_is_free(run, now)).update(
        state=State.RUNNING, holder=holder, held_until=now + LEASE, beaten_at=now, attempts=F("attempts") + 1, error=""
    )
    if not taken:
        yield None
        return
    mine = Held(row.get(), holder)
    try:
        yield mine
    finally:
        mine.release()


class Held:
    """A run that this process works on. It is told how far the work is, and tells whether it is still wanted."""

    def __init__(self, run: TrainingRun, holder: str) -> None:
        self.run = run
        self._holder = holder
        self._beat = time.monotonic()
        self._is_cancelled = run.cancel_asked
        self._curve: list[list[Any]] = list(run.curve)
        self._ended = False

    def said(self, what: str) -> None:
        """Have the row say what is being done; at once."""
        self._write(progress=what[:200])

    def stepped(self, stage: str, step: int, steps: int, loss: float, texts_per_second: float) -> None:
        """Have the row say how far a stage is; once a second at most, and at the end of the stage."""
        if time.monotonic() - self._beat < BEAT_SECONDS and step != steps:
            return
        left = (steps - step) * (self.run.config.get("batch") or 0) / texts_per_second if texts_per_second > 0 else 0
        self._curve = [point for point in self._curve if point[0] != stage or point[1] < step]
        self._curve.append([stage, step, round(loss, 5), round(texts_per_second, 1)])
        if len(self._curve) > POINTS:
            del self._curve[1:-1:2]
        said = f"{stage}: step {step:,} of {steps:,}, loss {loss:.4f}, {texts_per_second:,.0f} texts/s"
        if left:
            said += f", {_duration(left)} left"
        self._write(progress=said, step=step, steps=steps, curve=self._curve)

    def progressed(self, what: str, share: float) -> None:
        """The same for work that knows what share of it is behind; once a second at most."""
        if time.monotonic() - self._beat >= BEAT_SECONDS:
            self._write(progress=f"{what} ({share:.0%})")

    def is_cancelled(self) -> bool:
        """Whether somebody asked for an end; a sign of life, too."""
        if time.monotonic() - self._beat >= BEAT_SECONDS:
            self._write()
        return self._is_cancelled

    def check(self) -> None:
        """Go on only if that is wanted.

        Raises
        ------
        RunCancelledError : somebody asked for an end.
        RunLostError : the run is another's by now, or gone.
        """
        if self.is_cancelled():
            raise RunCancelledError("The run was cancelled.")

    @contextmanager
    def succeeding(self) -> Iterator[TrainingRun]:
        """One transaction in which the result is registered and the run ends well, if it is still ours.

        Raises
        ------
        RunLostError : it is another's by now; nothing is registered.
        """
        with transaction.atomic():
            run = TrainingRun.objects.select_for_update().filter(pk=self.run.pk, holder=self._holder).first()
            if run is None:
                raise self._lost()
            yield run
            run.state, run.finished_at, run.progress, run.holder, run.held_until = (
                State.SUCCEEDED,
                timezone.now(),
                "",
                "",
                None,
            )
            run.save()
        self._ended = True

    def end(self, state: Any, *, error: str = "") -> None:
        """Close the run without a result."""
        self._row().update(state=state, error=error, finished_at=timezone.now(), holder="", held_until=None)
        self._ended = True

    def release(self) -> None:
        """Give the lease back, where the run has not ended."""
        if not self._ended:
            self._row().update(holder="", held_until=None)

    def _write(self, **changes: Any) -> None:
        self._beat = time.monotonic()
        now = timezone.now()
        if not self._row().update(held_until=now + LEASE, beaten_at=now, **changes):
            raise self._lost()
        self._is_cancelled = bool(TrainingRun.objects.filter(pk=self.run.pk, cancel_asked=True).exists())

    def _row(self) -> QuerySet[TrainingRun]:
        return TrainingRun.objects.filter(pk=self.run.pk, holder=self._holder)

    def _lost(self) -> RunLostError:
        return RunLostError(f"Training run {self.run.pk} is another's by now, or gone.")


def cancel(run: TrainingRun) -> None:
    """Ask for an end: at once where nobody works on it, else at its next step, after a checkpoint.

    Raises
    ------
    RunError : it has ended.
    """
    rows = TrainingRun.objects.filter(pk=run.pk)
    if rows.filter(state=State.WAITING).update(state=State.CANCELLED, cancel_asked=True, finished_at=timezone.now()):
        return
    if not rows.filter(state=State.RUNNING).update(cancel_asked=True):
        run.refresh_from_db()
        raise RunError(f"A run that is {run.state} cannot be cancelled; only one that waits or runs can.")


def retry(run: TrainingRun) -> None:
    """Have a run that ended without a result wait again; it goes on from its last checkpoint.

    Raises
    ------
    RunError : it runs, waits or succeeded.
    """
    again = TrainingRun.objects.filter(pk=run.pk, state__in=(State.FAILED, State.CANCELLED, State.DEAD))
    if not again.update(
        state=State.WAITING, cancel_asked=False, attempts=0, error="", finished_at=None, beaten_at=timezone.now()
    ):
        run.refresh_from_db()
        raise RunError(f"A run that is {run.state} cannot be tried again; only one that ended without a result can.")
    run.refresh_from_db()


def open_runs(shop: Shop) -> list[int]:
    """Primary keys of the runs that wait or are at work, the oldest first; ``held`` says which of them are free."""
    return list(TrainingRun.objects.filter(shop=shop, state__in=OPEN).order_by("pk").values_list("pk", flat=True))


def supersede(shop: Shop, kind: Any) -> None:
    """Close runs whose process is gone, because what they were to learn is learned anew now."""
    now = timezone.now()
    for run in TrainingRun.objects.filter(shop=shop, kind=kind, state=State.RUNNING):
        if _is_free_now(run, now):
            TrainingRun.objects.filter(_is_free(run, now), pk=run.pk).update(
                state=State.FAILED, error="The process was stopped.", finished_at=now, holder="", held_until=None
            )


def sweep(shop: Shop) -> list[TrainingRun]:
    """Runs that somebody has to be woken for: no process is at them any more, or none took them.

    Those over which ``ATTEMPTS`` processes were lost are given up instead.
    """
    now, found = timezone.now(), list[TrainingRun]()
    for run in TrainingRun.objects.filter(shop=shop, state__in=OPEN).order_by("pk"):
        is_lost = run.state == State.WAITING and (run.beaten_at or run.started_at) < now - PATIENCE
        is_orphan = run.state == State.RUNNING and (run.held_until is None or _is_free_now(run, now))
        if (is_lost or is_orphan) and not _is_given_up(run):
            found.append(run)
    return found


def _is_given_up(run: TrainingRun) -> bool:
    """Whether as many processes were lost over it as may be; the row is told."""
    if run.attempts < ATTEMPTS or not (run.state == State.WAITING or _is_free_now(run, timezone.now())):
        return False
    said = f"{run.attempts} processes were lost over it, the last at: {run.progress or 'the start'}"
    TrainingRun.objects.filter(pk=run.pk, state=run.state, holder=run.holder).update(
        state=State.DEAD, error=said, finished_at=timezone.now(), holder="", held_until=None
    )
    return True


def _is_free(run: TrainingRun, now: Any) -> Q:
    """The same as ``_is_free_now`` for the database, which decides between two who ask at once."""
    free = Q(held_until=None) | Q(held_until__lt=now)
    if holders.is_gone(run.holder):
        free |= Q(holder=run.holder)
    return free & Q(state__in=OPEN)


def _is_free_now(run: TrainingRun, now: Any) -> bool:
    return run.held_until is None or run.held_until < now or holders.is_gone(run.holder)


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
