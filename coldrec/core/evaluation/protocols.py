"""The ranking tasks a cold-start recommender is judged by: who is served, what may be listed, what counts.

==========  ============================================  ==============================  =============================
protocol    served                                        candidates                      relevant
==========  ============================================  ==============================  =============================
item-cold   warm visitors who took a held-out item        ``cold``: held-out items of     the held-out items they took
                                                          the part; ``full``: all but
                                                          the visitor's own
user-cold   held-out visitors after k = 0, 1, 2, 3, 5     warm items but those shown      their 6th to 25th item
            items, one view each
warm        warm visitors                                 warm items but their own        their last item
mixed       both kinds, held-out ones after two items     the whole catalogue but their   everything of the above
                                                          own
==========  ============================================  ==============================  =============================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from coldrec.core.dataset import Dataset
from coldrec.core.errors import DatasetError, EvaluationError
from coldrec.core.types import IntArray, ItemId

Protocol = Literal["item-cold", "user-cold", "warm", "mixed"]
Part = Literal["val", "test"]

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
PARTS: tuple[Part, ...] = get_args(Part)
REVEALED = (0, 1, 2, 3, 5)
"""How many items of a held-out visitor a system is shown, one view each."""
TARGETS = slice(5, 25)
"""Which distinct items of a held-out visitor count, whatever was shown, so that all views compare."""
MIXED_REVEALED = 2
"""How many items of a held-out visitor are shown in the mixed protocol."""
LIST_LENGTH = 20
"""Longest list that may be handed in."""

GROUPS = ("warm", "item_cold", "user_cold", "both_cold")
LABELS = ("train", *(f"{group}_{part}" for part in PARTS for group in GROUPS), "unused")
"""Where one event belongs: ``both_cold`` is a held-out item taken by a held-out visitor, ``unused`` tells one part
about the other and is kept from both."""

BEHAVIOUR = re.compile(r"also_|bought|viewed|co_?purchase|together|similar_to|searched", re.IGNORECASE)
"""Relations that are made from what visitors did, and so would tell who took a held-out item."""

Lists = Mapping[str, tuple[ItemId, ...]]


@dataclass(frozen=True)
class Split:
    """A dataset whose every event is put on one side of the line; made by :func:`.splitting.split` or read from files.

    ``dataset`` holds all events; ``label`` (m,) int64 positions into :data:`LABELS`; ``held_out`` the items of each
    part that have no training event.

    Raises
    ------
    DatasetError : a held-out item has a training event, so that cold figures would not be cold.
    """

    dataset: Dataset
    label: IntArray
    held_out: Mapping[Part, frozenset[ItemId]]

    def __post_init__(self) -> None:
        trained = {self.dataset.items[row].id for row in np.unique(self.dataset.event_item[self.label == 0])}
        if leak := trained & self.cold:
            raise DatasetError(f"held-out item {min(leak)!r} has a training event; held-out items must have none")

    def train(self, protocol: Protocol) -> Dataset:
        """What a system may learn from: all items, training events, and no facts that give held-out behaviour away.

        Behaviour edges go altogether where held-out items are ranked, and elsewhere where they touch such an item.
        """
        keep = self.label == 0
        used, first, inverse = np.unique(self.dataset.event_visitor[keep], return_index=True, return_inverse=True)
        order = np.argsort(first)  # visitors by their first training event, as a reader of these events finds them
        cold_heads = {f"item:{item}" for item in self.cold} | self.cold
        every = protocol in ("item-cold", "mixed")
        return Dataset(
            items=self.dataset.items,
            visitors=tuple(self.dataset.visitors[row] for row in used[order]),
            event_visitor=np.argsort(order)[inverse].astype(np.int64),
            event_item=self.dataset.event_item[keep],
            event_weight=self.dataset.event_weight[keep],
            event_time=self.dataset.event_time[keep],
            triples=tuple(
                triple
                for triple in self.dataset.triples
                if not BEHAVIOUR.search(triple.relation)
                or not (every or triple.head in cold_heads or triple.tail in cold_heads)
            ),
            vectors=self.dataset.vectors,
            encoder=self.dataset.encoder,
        )

    @cached_property
    def cold(self) -> frozenset[ItemId]:
        """The held-out items of both parts."""
        return frozenset().union(*self.held_out.values())

    @cached_property
    def pairs(self) -> Mapping[str, Lists]:
        """Label → visitor → distinct items in the order of first contact, which alone decides a pair's label."""
        data = self.dataset
        key = data.event_visitor * max(len(data.items), 1) + data.event_item
        first = np.sort(np.unique(key, return_index=True)[1])
        found: dict[str, dict[str, list[ItemId]]] = {}
        columns = (data.event_visitor[first].tolist(), data.event_item[first].tolist(), self.label[first].tolist())
        for visitor, item, label in zip(*columns, strict=True):
            visitors = found.setdefault(LABELS[label], {})
            visitors.setdefault(data.visitors[visitor], []).append(data.items[item].id)
        return {
            name: {visitor: tuple(listed) for visitor, listed in visitors.items()} for name, visitors in found.items()
        }

    @cached_property
    def popularity(self) -> Mapping[ItemId, int]:
        """Distinct training visitors of every item that has any."""
        counts: dict[ItemId, int] = {}
        for listed in self.pairs.get("train", {}).values():
            for item in listed:
                counts[item] = counts.get(item, 0) + 1
        return counts


@dataclass(frozen=True)
class View:
    """One ranking task. ``relevant`` and ``revealed`` have the same keys: the visitors who are scored."""

    name: str
    relevant: Mapping[str, frozenset[ItemId]]
    revealed: Lists  # the visitor's own items, never allowed in the list
    allowed: Set[ItemId]
    skipped: int = 0  # visitors with nothing relevant, or nothing to go by
    groups: Mapping[str, str] = field(default_factory=dict)

    def own(self, visitor: str) -> frozenset[ItemId]:
        return frozenset(self.revealed.get(visitor, ()))


def build_views(split: Split, protocol: Protocol, part: Part = "test") -> dict[str, View]:
    """The views of one protocol by name; views without visitors are kept, so that a report can say so."""
    train = split.pairs.get("train", {})
    catalogue = frozenset(split.dataset.item_ids)
    warm_items = catalogue - split.cold
    taken = {group: split.pairs.get(f"{group}_{part}", {}) for group in GROUPS}
    if protocol == "item-cold":
        return {
            "cold": _view("cold", taken["item_cold"], train, split.held_out[part]),
            "full": _view("full", taken["item_cold"], train, catalogue),
        }
    if protocol == "warm":
        return {"warm": _view("warm", taken["warm"], train, warm_items)}
    if protocol == "user-cold":
        late = {visitor: listed[TARGETS] for visitor, listed in taken["user_cold"].items()}
        shown = {k: {visitor: listed[:k] for visitor, listed in taken["user_cold"].items()} for k in REVEALED}
        return {f"k={k}": _view(f"k={k}", late, shown[k], warm_items) for k in REVEALED}
    if protocol == "mixed":
        return {"mixed": _mixed(taken, train, catalogue)}
    raise EvaluationError(f"there is no protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}")


def _view(
    name: str,
    relevant: Mapping[str, Iterable[ItemId]],
    revealed: Lists,
    allowed: Set[ItemId],
    groups: Mapping[str, str] | None = None,
) -> View:
    wanted = {visitor: frozenset(items) for visitor, items in relevant.items()}
    scored = {visitor: items for visitor, items in wanted.items() if items and visitor in revealed}
    return View(
        name,
        scored,
        {visitor: revealed[visitor] for visitor in scored},
        allowed,
        skipped=len(wanted) - len(scored),
        groups={visitor: group for visitor, group in (groups or {}).items() if visitor in scored},
    )


def _mixed(taken: Mapping[str, Lists], train: Lists, catalogue: frozenset[ItemId]) -> View:
    relevant: dict[str, frozenset[ItemId]] = {}
    revealed, groups = dict(train), {}
    for visitor in taken["warm"].keys() | taken["item_cold"].keys():
        sides = [taken[side][visitor] for side in ("warm", "item_cold") if visitor in taken[side]]
        relevant[visitor] = frozenset().union(*sides)
        groups[visitor] = "warm users, both kinds" if len(sides) == 2 else "warm users, one kind"
    for visitor, listed in taken["user_cold"].items():
        if late := listed[TARGETS]:
            relevant[visitor] = frozenset(late) | frozenset(taken["both_cold"].get(visitor, ()))
            revealed[visitor] = listed[:MIXED_REVEALED]
            groups[visitor] = "held-out users"
    return _view("mixed", relevant, revealed, catalogue, groups)


def check_lists(view: View, lists: Lists, split: Split) -> None:
    """Nothing, if a fair system could have made these lists.

    Raises
    ------
    EvaluationError : naming the first list that is too long, repeats an item, or holds an item that is unknown, not a
        candidate of the view, or the visitor's own; or that belongs to nobody.
    """
    visitors, catalogue = set(split.dataset.visitors), set(split.dataset.item_ids)
    for visitor, listed in lists.items():
        own = view.own(visitor)
        where = f"[{view.name}] visitor {visitor!r}"
        if visitor not in visitors:
            raise EvaluationError(f"{where} is not in the data")
        if len(listed) > LIST_LENGTH:
            raise EvaluationError(f"{where} has {len(listed)} items listed; at most {LIST_LENGTH} are allowed")
        if len(set(listed)) < len(listed):
            raise EvaluationError(f"{where} has item {max(listed, key=listed.count)!r} listed twice")
        for rank, item in enumerate(listed, 1):
            if item not in catalogue:
                raise EvaluationError(f"{where} has the unknown item {item!r} at rank {rank}")
            if item not in view.allowed:
                raise EvaluationError(f"{where} has item {item!r} at rank {rank}, which is not a candidate")
            if item in own:
                raise EvaluationError(f"{where} has item {item!r} at rank {rank}, one of the visitor's own")
