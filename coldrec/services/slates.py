"""Writing down what was served, after the page has gone out."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from asgiref.local import Local
from django.core.signals import request_finished
from django.db import DatabaseError, transaction

from coldrec.models import Slate, SlateItem

logger = logging.getLogger(__name__)

MOST_WAITING = 200  # slates kept for one thread when no request ends, as in a long command

_waiting = Local()

Made = tuple[Slate, Sequence[SlateItem]]


def keep(made: Made, *, later: bool) -> None:
    """Write a slate down; ``later`` after the current request's answer has been sent.

    A list must not wait for its own log. What is waiting when a process is killed is lost: a slate is a record of
    service, not of what a visitor did.
    """
    waiting: list[Made] = getattr(_waiting, "slates", [])
    waiting.append(made)
    _waiting.slates = waiting
    if not later or len(waiting) >= MOST_WAITING:
        write_waiting()


def write_waiting(**_: object) -> None:
    """Write all that waits in this thread: two inserts, however many lists the page had."""
    waiting: list[Made] = getattr(_waiting, "slates", [])
    if not waiting:
        return
    _waiting.slates = []
    try:
        with transaction.atomic():
            Slate.objects.bulk_create([slate for slate, _items in waiting])
            SlateItem.objects.bulk_create([item for _slate, items in waiting for item in items])
    except DatabaseError:
        logger.exception("coldrec: %d slates could not be written down", len(waiting))


request_finished.connect(write_waiting, dispatch_uid="coldrec.slates")
