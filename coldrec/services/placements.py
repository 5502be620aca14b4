"""Where on the shop lists stand, and what each asks for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext_lazy as _

from coldrec import conf
from coldrec.core.errors import ColdrecError
from coldrec.core.types import Kind


class PlacementError(ColdrecError):
    """A placement is asked for that is not set up, or its set-up is wrong."""


@dataclass(frozen=True)
class Placement:
    """A named place for a list of at most ``size`` items of one kind."""

    name: str
    kind: Kind
    size: int
    title: Any = ""  # translatable
    layout: str = "grid"  # or "carousel"
    minimum: int = 1  # with fewer items the list is left out


DEFAULT_PLACEMENTS: Mapping[str, Placement] = MappingProxyType(
    {
        placement.name: placement
        for placement in (
            Placement("home", Kind.PERSONAL, 12, _("Recommended for you")),
            Placement("product_similar", Kind.SIMILAR, 8, _("Similar products")),
            Placement("product_together", Kind.TOGETHER, 6, _("Goes well with it")),
            Placement("basket", Kind.TOGETHER, 6, _("Goes well with your basket")),
            Placement("recently_viewed", Kind.RECENT, 8, _("Recently viewed")),
            Placement("trending", Kind.TRENDING, 12, _("Popular now")),
            Placement("new_arrivals", Kind.NEW, 12, _("New arrivals")),
            Placement("sold_out", Kind.SIMILAR, 8, _("Available instead")),
            Placement("empty_search", Kind.NEAR, 8, _("Near to what you searched for")),
            Placement("not_found", Kind.NEAR, 8, _("Perhaps you were looking for")),
        )
    }
)


def all_placements() -> dict[str, Placement]:
    """Name → placement: the defaults with ``COLDREC["PLACEMENTS"]`` laid over them."""
    found = dict(DEFAULT_PLACEMENTS)
    for name, changes in conf.get("PLACEMENTS").items():
        kind = changes.get("kind", found[name].kind if name in found else None)
        if kind not in set(Kind):
            allowed = ", ".join(Kind)
            raise PlacementError(f"placement {name!r} has kind {kind!r}; allowed are {allowed}")
        base = found.get(name, Placement(name, Kind(kind), 12))
        found[name] = replace(
            base, kind=Kind(kind), size=changes.get("size", base.size), title=changes.get("title", base.title)
        )
    return found


def get(name: str) -> Placement:
    """The placement of that name.

    Raises
    ------
    PlacementError : there is none; the message names the nearest.
    """
    known = all_placements()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
        raise PlacementError(f"there is no placement {name!r}; {hint}")
    return known[name]
