"""Which lists a page will ask for, so that its first one fetches for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.http import HttpRequest

from coldrec.services.placements import PlacementRequest

PAGES_KNOWN = 500  # views whose placements one process remembers


@dataclass(frozen=True)
class _Known:
    """A list that a view was seen to ask for, and the part of the address that named its item."""

    placement: str
    size: int | None
    seeded: bool
    part: str


@dataclass(frozen=True)
class Told:
    """What the sender of a request has said about its page, see ``expect``."""

    lists: tuple[PlacementRequest, ...] = ()
    shown: frozenset[str] = frozenset()


_pages_seen: dict[str, tuple[_Known, ...]] = {}


def expect(request: HttpRequest, wanted: Sequence[PlacementRequest], shown: Iterable[str] = ()) -> None:
    """Say before the first list of a request which there will be, so that one retrieval serves all and none is guessed.

    ``shown`` are items that stand on the visitor's page already.
    """
    request._coldrec_told = Told(tuple(wanted), frozenset(shown))


def told(request: HttpRequest | None) -> Told:
    """What was said by :func:`expect`, if anything was."""
    return getattr(request, "_coldrec_told", Told())


def expected(
    request: HttpRequest | None, wanted: Sequence[PlacementRequest], *, logged: bool
) -> list[PlacementRequest]:
    """The lists wanted now, and those that the same page wanted the last time it was served.

    Template tags ask one by one; a process remembers what each view asked for, so that the first tag of a page fetches
    for all. A wrong guess costs a query, never a wrong list.
    """
    if hasattr(request, "_coldrec_told"):
        return [*wanted, *(one for one in told(request).lists if one not in wanted)]
    match = getattr(request, "resolver_match", None)
    if match is None:
        return list(wanted)
    view = f"{match.namespaces}:{match.view_name}{'' if logged else ':late'}"
    known = _pages_seen.get(view, ())
    seeds = next((one.seeds for one in wanted if one.seeds), ())
    # Many pages name their item in the address; then the lists beside it are foreseen before the first asks for it.
    parts = {str(value): name for name, value in match.kwargs.items()}
    plain = [
        _Known(one.placement, one.size, bool(one.seeds), parts.get("".join(one.seeds[:1]), ""))
        for one in wanted
        if not one.query  # the words of a search are another's the next time
    ]
    if not set(plain) <= set(known) and len(_pages_seen) < PAGES_KNOWN and len(known) < 12:
        _pages_seen[view] = tuple(dict.fromkeys([*known, *plain]))
    names = {one.placement for one in wanted}
    guesses = []
    for one in known:
        named = seeds or ((str(match.kwargs[one.part]),) if one.part in match.kwargs else ())
        if one.placement not in names and (named or not one.seeded):
            guesses.append(PlacementRequest(one.placement, named if one.seeded else (), (), one.size))
    return [*wanted, *guesses]
