"""The ORM reader of what a model is trained on: a shop's tables as columns.

Its twin reads files (``coldrec.core.dataset.read_parquet``); both give the same value, so what is measured is what is
served.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any

import numpy as np

from coldrec.core.dataset import Dataset
from coldrec.core.graph.ontology import type_of
from coldrec.core.types import INTERACTION_WEIGHTS
from coldrec.core.types import Item as CoreItem
from coldrec.core.types import Triple as Fact
from coldrec.models import EncoderVersion, Item, Shop
from coldrec.models.visitor import Consent
from coldrec.services import encoders, graph_stores, vectors
from coldrec.services.batches import chunks
from coldrec.services.core_items import FIELDS, made_of

LOOKUP = 500  # names per query: SQLite takes a limited number of parameters
OF_EVENTS = frozenset({"VIEWED_WITH", "SEARCHED_BY"})  # types of relations that are left out
CHUNK = 20_000  # rows held at once as Python objects; the rest are numbers in arrays


def read_shop(shop: Shop, *, encoder: EncoderVersion | None = None) -> Dataset:
    """What there is to learn from in ``shop``, with the vectors of ``encoder``, else of the one in use if there is one.

    Events count by :data:`INTERACTION_WEIGHTS`; kinds that say nothing about liking (a search, a refund, a dislike) are
    left out, as are events of visitors who refused and of items that coldrec has never met. What a guest did belongs to
    the account they were merged into. Items that left the catalogue stay as long as somebody once showed interest in
    them: they tie together what is sold today.
    """
    encoder = encoder or encoders.in_use(shop)
    items, removed, pks = _read_items(shop)
    position = {item.id: row for row, item in enumerate(items)}
    owner, keys = read_visitors(shop)
    visitor, item, weight, time = _read_events(shop, owner, position)

    has_event = np.bincount(item, minlength=len(items)) > 0
    kept = np.flatnonzero(~removed | has_event)
    new_position = np.full(len(items), -1, dtype=np.int64)
    new_position[kept] = np.arange(len(kept))
    active, visitor = np.unique(visitor, return_inverse=True)
    order = np.lexsort((time, visitor))  # stable: what happened at one time stays in the order of arrival
    catalogue = tuple(items[row] for row in kept)
    return Dataset(
        items=catalogue,
        visitors=tuple(keys[row] for row in active),
        event_visitor=visitor.astype(np.int64)[order],
        event_item=new_position[item][order],
        event_weight=weight[order],
        event_time=time[order],
        triples=_read_triples(
            shop, {f"item:{one.id}" for one in catalogue}, {f"item:{items[row].id}" for row in kept if removed[row]}
        ),
        vectors=None if encoder is None else vectors.read(encoder, pks[kept].tolist()),
        encoder="" if encoder is None else encoder.fingerprint,
    )


def _read_items(shop: Shop) -> tuple[list[CoreItem], np.ndarray, np.ndarray]:
    """All items, whether each has left the catalogue, and their primary keys."""
    items: list[CoreItem] = []
    removed: list[bool] = []
    pks: list[int] = []
    rows = shop.items.order_by("pk").values_list(*FIELDS, "removed_at", "pk")
    for *fields, removed_at, pk in rows.iterator(chunk_size=2000):
        items.append(made_of(*fields))
        removed.append(removed_at is not None)
        pks.append(pk)
    return items, np.array(removed, dtype=bool), np.array(pks, dtype=np.int64)


def read_visitors(shop: Shop) -> tuple[dict[int, int], list[str]]:
    """Row ids of visitors who may be learned from, with the position of the person each belongs to, and their keys."""
    people: dict[int, tuple[str, int | None]] = {}
    refused: set[int] = set()
    rows = shop.visitors.values_list("pk", "key", "consent", "merged_into_id")
    for pk, key, consent, merged_into in rows.iterator(chunk_size=CHUNK):
        people[pk] = (key, merged_into)
        if consent == Consent.REFUSED:
            refused.add(pk)
    place: dict[int, int] = {}  # of the people at the end of the chains
    owner: dict[int, int] = {}
    keys: list[str] = []
    for pk in people:
        chain = [pk]
        while (above := people[chain[-1]][1]) in people and above not in chain:
            chain.append(above)
        if refused.isdisjoint(chain):
            root = chain[-1]
            if root not in place:
                place[root] = len(keys)
                keys.append(people[root][0])
            owner[pk] = place[root]
    return owner, keys


def _read_events(
    shop: Shop, owner: dict[int, int], position: dict[str, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns (m,) of visitor and item positions, weights and times, in the order of arrival."""
    weights = {str(kind): weight for kind, weight in INTERACTION_WEIGHTS.items()}
    events = shop.events.filter(kind__in=list(weights), item_id__gt="").order_by("pk")
    rows = events.values_list("visitor_id", "item_id", "kind", "occurred_at").iterator(chunk_size=CHUNK)
    columns: list[tuple[np.ndarray, ...]] = []
    for chunk in chunks(rows, CHUNK):
        visitors, items, kinds, moments = zip(*chunk, strict=True)
        visitor = np.fromiter(map(owner.get, visitors, repeat(-1)), np.int64, len(chunk))
        item = np.fromiter(map(position.get, items, repeat(-1)), np.int64, len(chunk))
        weight = np.fromiter(map(weights.__getitem__, kinds), np.float32, len(chunk))
        time = np.fromiter((moment.timestamp() for moment in moments), np.float64, len(chunk))
        keep = (visitor >= 0) & (item >= 0)
        columns.append((visitor[keep], item[keep], weight[keep], time[keep]))
    if not columns:
        none = np.empty(0, dtype=np.int64)
        return none, none, none.astype(np.float32), none.astype(np.float64)
    visitor, item, weight, time = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    return visitor, item, weight, time


def facts_about(shop: Shop, items: Iterable[Item]) -> list[Fact]:
    """Facts that name these items, and what the entities in them belong to, one step and another."""
    found: list[Fact] = []
    nodes = {f"item:{item.external_id}" for item in items}
    for step in range(3):
        told: list[Fact] = []
        for part in chunks(sorted(nodes), LOOKUP):
            told += _facts(shop.triples.filter(head__in=part))
            if not step:
                told += _facts(shop.triples.filter(tail__in=part).exclude(head__in=part))
        found += told
        nodes = {node for fact in told for node in (fact.head, fact.tail) if not node.startswith("item:")} - nodes
    return list(dict.fromkeys(found))


def _read_triples(shop: Shop, nodes: set[str], removed: set[str]) -> tuple[Fact, ...]:
    """Facts of the items at hand and those between other things, which tie the entities together; by their names.

    They are read from wherever the graph is read from; those of items that left the catalogue, which are in no graph
    any more, from the tables. Of the edges of behaviour those alone are read that tell what is bought together, for
    lists of what goes with an item: a model learns from the events themselves, and whoever judges it hides some of
    those, which such an edge would tell again.
    """
    found: dict[Fact, None] = {}
    for fact in graph_stores.of(shop).export():
        is_wanted = fact.head in nodes or not fact.head.startswith("item:")
        if is_wanted and type_of(fact.relation, fact.tail) not in OF_EVENTS:
            found[fact] = None
    for some in chunks(sorted(removed), LOOKUP):
        found |= dict.fromkeys(_facts(shop.triples.filter(head__in=some)))
    return tuple(sorted(found, key=lambda fact: (fact.head, fact.relation, fact.tail)))


def _facts(triples: Any) -> Iterator[Fact]:
    """What was guessed counts for as much as it is believed."""
    rows = triples.order_by("pk").values_list("head", "relation", "tail", "weight", "confidence")
    for head, relation, tail, weight, confidence in rows.iterator(chunk_size=CHUNK):
        yield Fact(head, relation, tail, weight * confidence)
