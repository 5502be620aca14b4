"""How long is waited for a server: a deadline that holds whatever it does, and a rest for one that fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import ClassVar, TypeVar

from coldrec.core.errors import ColdrecError

T = TypeVar("T")


class Breaker:
    """Leaves a server alone after ``failures`` in a row; after ``rest_s`` seconds lets one caller try.

    While it is open a call costs no more than looking at a clock. A subclass says what the server is called and which
    error tells that it is away.
    """

    name: ClassVar[str]
    away: ClassVar[type[ColdrecError]]

    def __init__(self, failures: int = 3, rest_s: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = failures
        self._rest_s = rest_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._rests_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the next call would be refused."""
        return self._failed >= self._failures and self._clock() < self._rests_until

    def enter(self) -> None:
        """Ask to call the server.

        Raises
        ------
        ColdrecError : it has failed too often just now; of the kind ``away``.
        """
        with self._lock:
            if self._failed < self._failures:
                return
            now = self._clock()
            if now < self._rests_until:
                raise self.away(f"{self.name} has failed {self._failed} times in a row and is left alone for a moment.")
            self._rests_until = now + self._rest_s  # this caller tries; the others go on resting

    def leave(self, *, failed: bool) -> None:
        """Say how the call went."""
        with self._lock:
            self._failed = self._failed + 1 if failed else 0
            if self._failed >= self._failures:
                self._rests_until = self._clock() + self._rest_s


def within(seconds: float, work: Callable[[], T], server: type[Breaker]) -> T:
    """What ``work`` gives, or the server's error ``away`` once the time is over; the thread it hangs in is left behind.

    The work may yet be done after that.
    """
    given: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            given.append(work())
        except BaseException as error:  # noqa: BLE001  raised again by who waits
            raised.append(error)

    thread = threading.Thread(target=run, name="coldrec-waiting", daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not given:
        raise server.away(f"{server.name} has not answered within {seconds:g} s.")
    return given[0]
