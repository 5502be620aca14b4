"""Values that travel between the rooms of coldrec. All are immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

ItemId = str
"""The shop's own identifier of an item, always a string."""

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class EventKind(StrEnum):
    """What a visitor did. The names map one to one to Segment e-commerce v2 and GA4 (docs/api.md)."""

    VIEW = "view"
    CLICK = "click"
    IMPRESSION = "impression"
    SEARCH = "search"
    LIKE = "like"
    DISLIKE = "dislike"
    BASKET_ADD = "basket_add"
    BASKET_REMOVE = "basket_remove"
    WISHLIST_ADD = "wishlist_add"
    CHECKOUT = "checkout"
    PURCHASE = "purchase"
    REFUND = "refund"
    REVIEW = "review"
    SHARE = "share"
    DWELL = "dwell"


INTERACTION_WEIGHTS: Mapping[str, float] = {
    EventKind.VIEW: 1.0,
    EventKind.CLICK: 1.0,
    EventKind.LIKE: 2.0,
    EventKind.REVIEW: 2.0,
    EventKind.SHARE: 2.0,
    EventKind.WISHLIST_ADD: 2.0,
    EventKind.BASKET_ADD: 3.0,
    EventKind.PURCHASE: 5.0,
}
"""Evidence of interest carried by one event; kinds that are absent say nothing about liking."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """An event reduced for learning: this visitor showed interest in this item."""

    item: ItemId
    weight: float = 1.0  # > 0, see INTERACTION_WEIGHTS
    at: float | None = None  # seconds since 1970 (UTC); None when unknown, then order alone counts


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that can be shown, as adapted from the shop's own product."""

    id: ItemId
    title: str = ""
    text: str = ""
    brand: str = ""
    category: tuple[str, ...] = ()  # path, outermost first
    attributes: Mapping[str, Any] = field(default_factory=dict)
    price: float | None = None  # in the shop's currency; for learning only, money is Decimal in the tables
    language: str = ""
    first_seen: float | None = None  # seconds since 1970 (UTC)
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # language → "title" and "text"


@dataclass(frozen=True, slots=True)
class Triple:
    """One fact of the knowledge graph: (head, relation, tail). Items are written ``item:<id>``."""

    head: str
    relation: str
    tail: str
    weight: float = field(default=1.0, compare=False)  # of behaviour: support that has faded with time


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A triple as seen from one of its nodes."""

    relation: str
    other: str
    is_out: bool = True  # the node is the triple's head
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Path:
    """A way through the graph: ``nodes[i]`` and ``nodes[i + 1]`` are tied by ``triples[i]``, whichever is the head."""

    nodes: tuple[str, ...]
    triples: tuple[Triple, ...]


class Level(StrEnum):
    """The rung of the ladder an answer came from, best first (docs/concepts.md)."""

    PERSONAL = "personal"
    SESSION = "session"
    SIMILAR = "similar"
    POPULAR_HERE = "popular_here"
    POPULAR = "popular"
    NEWEST = "newest"
    EMPTY = "empty"


class Kind(StrEnum):
    """What a placement asks for."""

    PERSONAL = "personal"  # for this visitor
    SIMILAR = "similar"  # instead of the seed items
    TOGETHER = "together"  # beside the seed items
    RECENT = "recent"  # what this visitor looked at
    TRENDING = "trending"  # what sells now
    NEW = "new"  # new arrivals, newness and taste in balance
    NEAR = "near"  # near the words asked for


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an item stands in a slate. ``evidence`` holds ids of items the visitor knows, strongest first."""

    kind: str
    evidence: tuple[ItemId, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item with its score, before or after ranking."""

    item: ItemId
    score: float
    level: Level
    reason: Reason
    propensity: float = 1.0  # probability with which the policy shows this item here


class Answer(NamedTuple):
    """What a visitor said of what they like: a value of an attribute, and how much, below 0 where they dislike it."""

    attribute: str
    value: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """All that one list may depend on."""

    kind: Kind = Kind.PERSONAL
    history: tuple[Interaction, ...] = ()  # the visitor's, oldest first
    seeds: tuple[ItemId, ...] = ()  # the page's product, or the basket
    category: tuple[str, ...] = ()  # the page's category path, if any
    exclude: frozenset[ItemId] = frozenset()
    disliked: tuple[ItemId, ...] = ()  # never listed, and what is like them fades; the latest first
    query: str = ""  # the words asked for; beside seeds that no model knows, the words that describe them
    now: float | None = None  # seconds since 1970 (UTC)
    searches: tuple[str, ...] = ()  # what the visitor searched for lately, the latest first
    answers: tuple[Answer, ...] = ()  # what the visitor said of their taste
