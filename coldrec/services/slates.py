"""Writing down what was served, after the page has gone out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from asgiref.local import Local
from django.core.signals import request_finished
from django.db import Error, close_old_connections, router, transaction

from coldrec.core.types import EventKind
from coldrec.models import Slate, SlateItem

logger = logging.getLogger(__name__)

MOST_WAITING = 200  # slates kept for one thread when no request ends, as in a long command

_waiting = Local()

Made = tuple[Slate, Sequence[SlateItem]]


def keep(make: Callable[[], Made], *, later: bool) -> None:
    """Write a slate down; ``later`` its rows are made and written after the current request's answer has been sent.

    A list must not wait for its own log. What is waiting when a process is killed is lost: a slate is a record of
    service, not of what a visitor did.
    """
    waiting: list[Callable[[], Made]] = getattr(_waiting, "slates", [])
    waiting.append(make)
    _waiting.slates = waiting
    if not later or len(waiting) >= MOST_WAITING:
        write_waiting()


def click(row: SlateItem, name: str) -> dict[str, Any]:
    """The click on an item's place in a list, for ``events.record``; its id is made so that it counts once."""
    return {
        "event_id": f"{name}-{row.slate_id.hex}-{row.position}",
        "kind": EventKind.CLICK.value,
        "item_id": row.item_id,
        "slate_id": str(row.slate_id),
        "position": row.position,
    }


def write_waiting() -> None:
    """Write all that waits in this thread: two inserts, however many lists the page had."""
    waiting: list[Callable[[], Made]] = getattr(_waiting, "slates", [])
    if not waiting:
        return
    _waiting.slates = []
    try:
        made = [make() for make in waiting]
        with transaction.atomic():
            Slate.objects.bulk_create([slate for slate, _items in made])
            SlateItem.objects.bulk_create([item for _slate, items in made for item in items])
    except Error:
        logger.exception("coldrec: %d slates could not be written down", len(waiting))


def _after_the_answer(**_: object) -> None:
    if getattr(_waiting, "slates", []):
        write_waiting()
        # Django has closed what it closes after a request already; the next one should not find this open. Inside a
        # transaction a test of the shop's is running, whose connection is not ours to close.
        if not transaction.get_connection(router.db_for_write(Slate)).in_atomic_block:
            close_old_connections()


request_finished.connect(_after_the_answer, dispatch_uid="coldrec.slates")
