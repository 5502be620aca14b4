"""What a visitor did and does not want, read in one statement, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from django.db import router

from coldrec.core.types import INTERACTION_WEIGHTS, EventKind, Interaction
from coldrec.models import Event
from coldrec.services import statements

DISLIKES = 500
"""Latest dislikes of a visitor that are kept to: nobody says more by hand, and a script must not slow the page."""

TOLD = ((Event, "item_id"), (Event, "kind"), (Event, "occurred_at"))
KINDS = tuple(map(str, INTERACTION_WEIGHTS))
DISLIKE = EventKind.DISLIKE.value


@dataclass(frozen=True)
class Past:
    """Interactions, oldest first, and the items that the visitor is not interested in, the latest first."""

    history: tuple[Interaction, ...] = ()
    disliked: tuple[str, ...] = ()

    @classmethod
    def of(cls, latest_first: Iterable[Sequence[Any]]) -> Past:
        """From rows of TOLD."""
        rows = list(latest_first)
        disliked = dict.fromkeys(item for item, kind, _at in rows if kind == DISLIKE)
        done = [
            Interaction(item, INTERACTION_WEIGHTS[kind], at.timestamp())
            for item, kind, at in reversed(rows)
            if kind != DISLIKE
        ]
        return cls(tuple(done), tuple(disliked))


def source(whose: str, of_whom: Sequence[Any], limit: int) -> tuple[str, list[Any]]:
    """Some visitors' latest ``limit`` interactions and latest dislikes as a table under the events' name, with its
    parameters. ``whose`` is the condition on the visitor.

    Two parts, because a dislike counts until it is taken back: among the interactions an old one would be pushed out
    by what was done since, and would take their places before that. It has an index of its own.
    """
    return _both(router.db_for_read(Event), whose), [*of_whom, *KINDS, limit, *of_whom, DISLIKES]


def latest_first() -> str:
    """The order in which ``Past.of`` takes its rows."""
    return f"ORDER BY {statements.column(Event, 'occurred_at')} DESC, {statements.column(Event, 'id')} DESC"


@lru_cache
def _both(alias: str | None, whose: str) -> str:
    of_event = partial(statements.column, Event)
    names = ", ".join(of_event(name) for name in ("id", "visitor", "item_id", "kind", "occurred_at"))

    def latest(kind: str) -> str:
        return (
            f"SELECT * FROM (SELECT {names} FROM {statements.table(Event)} WHERE {of_event('visitor')} {whose}"
            f" AND {of_event('item_id')} > '' AND {of_event('kind')} {kind}"
            f" {latest_first()} LIMIT %s) AS latest"
        )

    # The kind is written out: SQLite looks into an index of one kind only where the statement itself says which.
    of_interest, of_none = f"IN ({statements.marks(KINDS)})", f"= '{DISLIKE}'"
    return f"({latest(of_interest)} UNION ALL {latest(of_none)}) AS {statements.table(Event)}"
