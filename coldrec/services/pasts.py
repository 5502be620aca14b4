"""What a visitor did and does not want, read in one statement, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any

from django.db import router
from django.utils import timezone

from coldrec.core.types import INTERACTION_WEIGHTS, EventKind, Interaction
from coldrec.models import Event
from coldrec.services import statements

DISLIKES = 500
"""Latest dislikes of a visitor that are kept to: nobody says more by hand, and a script must not slow the page."""

SEARCHES = 5
"""Latest searches of a visitor that are read, where a language model serves that can read them."""

SEARCHED_LATELY = timedelta(days=30)

TOLD = ((Event, "item_id"), (Event, "kind"), (Event, "occurred_at"), (Event, "query"))
KINDS = tuple(map(str, INTERACTION_WEIGHTS))
DISLIKE, SEARCH = EventKind.DISLIKE.value, EventKind.SEARCH.value


@dataclass(frozen=True)
class Past:
    """Interactions, oldest first, the items that the visitor is not interested in, and the words of their searches,
    both the latest first."""

    history: tuple[Interaction, ...] = ()
    disliked: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()

    @classmethod
    def of(cls, latest_first: Iterable[Sequence[Any]]) -> Past:
        """From rows of TOLD."""
        rows = list(latest_first)
        disliked = dict.fromkeys(item for item, kind, _at, _query in rows if kind == DISLIKE)
        searches = dict.fromkeys(query for _item, kind, _at, query in rows if kind == SEARCH)
        done = [
            Interaction(item, INTERACTION_WEIGHTS[kind], at.timestamp())
            for item, kind, at, _query in reversed(rows)
            if kind not in (DISLIKE, SEARCH)
        ]
        return cls(tuple(done), tuple(disliked), tuple(searches))


def source(whose: str, of_whom: Sequence[Any], limit: int, *, searches: bool = False) -> tuple[str, list[Any]]:
    """Some visitors' latest ``limit`` interactions and latest dislikes as a table under the events' name, with its
    parameters. ``whose`` is the condition on the visitor. With ``searches`` those of late stand there too.

    Two parts, because a dislike counts until it is taken back: among the interactions an old one would be pushed out
    by what was done since, and would take their places before that. It has an index of its own.
    """
    parameters = [*of_whom, *KINDS, limit, *of_whom, DISLIKES]
    if searches:  # the day bounds what is looked through: searches have no index of their own
        parameters += [*of_whom, timezone.now() - SEARCHED_LATELY, SEARCHES]
    return _parts(router.db_for_read(Event), whose, searches), parameters


def latest_first() -> str:
    """The order in which ``Past.of`` takes its rows."""
    return f"ORDER BY {statements.column(Event, 'occurred_at')} DESC, {statements.column(Event, 'id')} DESC"


@lru_cache
def _parts(alias: str | None, whose: str, searches: bool) -> str:
    of_event = partial(statements.column, Event)
    names = ", ".join(of_event(name) for name in ("id", "visitor", "item_id", "kind", "occurred_at", "query"))

    def latest(kind: str, told: str = "item_id", more: str = "") -> str:
        return (
            f"SELECT * FROM (SELECT {names} FROM {statements.table(Event)} WHERE {of_event('visitor')} {whose}"
            f" AND {of_event(told)} > '' AND {of_event('kind')} {kind}{more}"
            f" {latest_first()} LIMIT %s) AS latest"
        )

    # The kind is written out: SQLite looks into an index of one kind only where the statement itself says which.
    of_interest, of_none = f"IN ({statements.marks(KINDS)})", f"= '{DISLIKE}'"
    parts = [latest(of_interest), latest(of_none)]
    if searches:
        parts.append(latest(f"= '{SEARCH}'", "query", f" AND {of_event('occurred_at')} > %s"))
    return f"({' UNION ALL '.join(parts)}) AS {statements.table(Event)}"
