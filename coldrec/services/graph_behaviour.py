"""Edges between items, and from items to searches, out of a shop's events up to a given moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import repeat
from typing import Any

import numpy as np

from coldrec.core.graph import behaviour
from coldrec.core.graph.behaviour import Pairs
from coldrec.core.graph.ontology import folded
from coldrec.core.graph.values import entity, tidy
from coldrec.core.types import EventKind, FloatArray, IntArray
from coldrec.core.types import Triple as Fact
from coldrec.models import Shop
from coldrec.services.batches import chunks
from coldrec.services.datasets import CHUNK, read_visitors
from coldrec.services.graph_writing import Claim

VIEWED = (EventKind.VIEW, EventKind.CLICK)
BOUGHT = (EventKind.PURCHASE,)
WANTED = (EventKind.CLICK, EventKind.BASKET_ADD, EventKind.PURCHASE)  # what says that a search has found something
LONGEST_QUERY = 100  # characters


def edges(shop: Shop, *, until: datetime, least: int = behaviour.LEAST) -> Iterator[Claim]:
    """Facts from the events that occurred up to ``until``, none with fewer than ``least`` visitors behind it.

    Visitors who refused are not read, what a guest did counts for their account, and a query is told only where so
    many searched for it and went on to the same item: a rare one may name a person.
    """
    names = list(shop.items.filter(removed_at=None).order_by("pk").values_list("external_id", flat=True))
    position = {name: row for row, name in enumerate(names)}
    owner, _ = read_visitors(shop)
    now = until.timestamp()

    for relation, kinds in (("viewed_with", VIEWED), ("bought_with", BOUGHT)):
        visitor, item, _, time = _read(shop, kinds, until, owner, position, {})
        known = item >= 0
        pairs = behaviour.together(visitor[known], item[known], time[known], now=now, least=least)
        yield from _claims(pairs, relation, names, [f"item:{name}" for name in names])

    queries: dict[str, int] = {}
    visitor, item, query, time = _read(shop, (EventKind.SEARCH, *WANTED), until, owner, position, queries)
    pairs = behaviour.searched(visitor, item, query, time, now=now, least=least)
    yield from _claims(pairs, "searched_by", names, [entity("query", text) for text in queries])


def searches(shop: Shop, *, until: datetime, least: int = 2) -> list[tuple[str, str, float]]:
    """What was searched for, the item that ``least`` visitors or more went on to from there, and how many did."""
    names = list(shop.items.order_by("pk").values_list("external_id", flat=True))
    queries: dict[str, int] = {}
    owner, _ = read_visitors(shop)
    position = {name: row for row, name in enumerate(names)}
    visitor, item, query, time = _read(shop, (EventKind.SEARCH, *WANTED), until, owner, position, queries)
    pairs = behaviour.searched(visitor, item, query, time, now=until.timestamp(), least=least)
    texts = list(queries)
    rows = zip(pairs.second.tolist(), pairs.first.tolist(), pairs.support.tolist(), strict=True)
    return [(texts[asked], names[taken], float(support)) for asked, taken, support in rows]


def _claims(pairs: Pairs, relation: str, names: list[str], others: list[str]) -> Iterator[Claim]:
    for at in np.lexsort((pairs.second, pairs.first)).tolist():
        fact = Fact(
            f"item:{names[pairs.first[at]]}",
            relation,
            others[pairs.second[at]],
            weight=round(float(pairs.weight[at]), 4),
        )
        yield Claim(fact, support=int(pairs.support[at]), lift=round(float(pairs.lift[at]), 4))


def _read(
    shop: Shop,
    kinds: tuple[EventKind, ...],
    until: datetime,
    owner: dict[int, int],
    position: dict[str, int],
    queries: dict[str, int],
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Columns (m,) of visitors, items, queries and times; −1 where there is none. New queries are numbered."""
    events = shop.events.filter(kind__in=[str(kind) for kind in kinds], occurred_at__lte=until).order_by("pk")
    rows = events.values_list("visitor_id", "item_id", "kind", "query", "occurred_at").iterator(chunk_size=CHUNK)
    parts: list[tuple[Any, ...]] = [(np.empty(0, np.int64),) * 3 + (np.empty(0),)]
    for chunk in chunks(rows, CHUNK):
        visitors, items, told, asked, moments = zip(*chunk, strict=True)
        visitor = np.fromiter(map(owner.get, visitors, repeat(-1)), np.int64, len(chunk))
        item = np.fromiter(map(position.get, items, repeat(-1)), np.int64, len(chunk))
        is_search = np.fromiter((kind == EventKind.SEARCH for kind in told), bool, len(chunk))
        item[is_search] = -1
        query = np.full(len(chunk), -1, np.int64)
        for at in np.flatnonzero(is_search).tolist():
            if words := folded(tidy(asked[at]))[:LONGEST_QUERY].strip():
                query[at] = queries.setdefault(words, len(queries))
        time = np.fromiter((moment.timestamp() for moment in moments), np.float64, len(chunk))
        keep = (visitor >= 0) & ((item >= 0) | (query >= 0))
        parts.append((visitor[keep], item[keep], query[keep], time[keep]))
    visitor, item, query, time = (np.concatenate(column) for column in zip(*parts, strict=True))
    return visitor, item, query, time
