"""The knowledge graph as the tables have it, node by node, in the form in which a graph server is told of it.

An item is there as long as its product is, another node as long as its ``Entity`` row is and stands for itself, and an
edge as long as both its ends are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from coldrec.core.graph.node import ITEM, Node, OutEdge, Value
from coldrec.models import Entity, Item, Shop, Triple
from coldrec.services.batches import chunks
from coldrec.services.entities import LOOKUP

REMEMBERED = 50_000  # nodes known to be there, while going through all of them

_ITEM_COLUMNS = ("pk", "external_id", "title", "brand", "price", "sellable")
_ENTITY_COLUMNS = ("pk", "key", "kind", "name", "amount", "unit")


def read(shop: Shop, keys: Collection[str]) -> dict[str, Node]:
    """Those of the nodes that are there, by name, each with all that leaves it."""
    properties: dict[str, Mapping[str, Value]] = {}
    for ids in chunks(_ids(keys), LOOKUP):
        rows = Item.objects.filter(shop=shop, external_id__in=ids, removed_at=None).values_list(*_ITEM_COLUMNS)
        properties.update(map(_item, rows))
    for names in chunks(_others(keys), LOOKUP):
        rows = Entity.objects.filter(shop=shop, key__in=names, merged_into=None).values_list(*_ENTITY_COLUMNS)
        properties.update(map(_entity, rows))
    return {node.key: node for node in _with_edges(shop, properties, {})}


def pages(shop: Shop, size: int, *, since: datetime | None = None) -> Iterator[list[Node]]:
    """All nodes, entities first, at most ``size`` at a time; ``since``: those whose row was written from then on.

    Memory does not grow with the graph.
    """
    known: dict[str, None] = {}
    changed = {} if since is None else {"updated_at__gte": since}
    entities = Entity.objects.filter(shop=shop, merged_into=None, **changed).exclude(key__startswith=ITEM)
    items = Item.objects.filter(shop=shop, removed_at=None, **changed)
    for rows, columns, made in ((entities, _ENTITY_COLUMNS, _entity), (items, _ITEM_COLUMNS, _item)):
        last = 0
        while page := list(rows.filter(pk__gt=last).order_by("pk").values_list(*columns)[:size]):
            last = page[-1][0]
            yield _with_edges(shop, dict(map(made, page)), known)


def existing(shop: Shop, keys: Collection[str]) -> set[str]:
    """Those of the nodes that are there."""
    found: set[str] = set()
    for ids in chunks(_ids(keys), LOOKUP):
        rows = Item.objects.filter(shop=shop, external_id__in=ids, removed_at=None)
        found.update(ITEM + id for id in rows.values_list("external_id", flat=True))
    for names in chunks(_others(keys), LOOKUP):
        rows = Entity.objects.filter(shop=shop, key__in=names, merged_into=None)
        found.update(rows.values_list("key", flat=True))
    return found


def heads(shop: Shop, tails: Collection[str]) -> Iterator[list[str]]:
    """Nodes of which an edge leads to one of ``tails``, some at a time; one may be named more than once."""
    for names in chunks(sorted(tails), LOOKUP):
        last = 0
        rows = Triple.objects.filter(shop=shop, tail__in=names).order_by("pk").values_list("pk", "head")
        while page := list(rows.filter(pk__gt=last)[:LOOKUP]):
            last = page[-1][0]
            yield sorted({head for _, head in page})


def counts(shop: Shop) -> tuple[int, int]:
    """How many items and how many entities there are."""
    items = Item.objects.filter(shop=shop, removed_at=None).count()
    return items, Entity.objects.filter(shop=shop, merged_into=None).exclude(key__startswith=ITEM).count()


# Inside -----------------------------------------------------------------------------------------------------------


def _item(row: Sequence[Any]) -> tuple[str, dict[str, Value]]:
    _, id, title, brand, price, sellable = row
    amount = None if price is None else float(price)
    told = {"name": title, "id": id, "title": title, "brand": brand, "price": amount, "sellable": bool(sellable)}
    return ITEM + id, told


def _entity(row: Sequence[Any]) -> tuple[str, dict[str, Value]]:
    _, key, kind, name, amount, unit = row
    return key, {"name": name, "kind": kind, "amount": amount, "unit": unit or None}


def _with_edges(shop: Shop, properties: Mapping[str, Mapping[str, Value]], known: dict[str, None]) -> list[Node]:
    """Nodes of these properties. ``known``: names of nodes that are there, kept by whoever asks again and again."""
    leaving: dict[str, list[tuple[str, str, float, str, float]]] = defaultdict(list)
    for names in chunks(list(properties), LOOKUP):
        rows = Triple.objects.filter(shop=shop, head__in=names).order_by()
        for head, *told in rows.values_list("head", "relation", "tail", "weight", "source", "confidence"):
            leaving[head].append(tuple(told))
    tails = {told[1] for edges in leaving.values() for told in edges}
    unknown = [tail for tail in tails if tail not in known and tail not in properties]
    there = existing(shop, unknown)
    if len(known) + len(there) > REMEMBERED:
        known.clear()
        there = existing(shop, tails - properties.keys())
    known.update(dict.fromkeys(there))
    return [
        Node(key, told, tuple(OutEdge.of(*e) for e in leaving.get(key, ()) if e[1] in known or e[1] in properties))
        for key, told in properties.items()
    ]


def _ids(keys: Iterable[str]) -> list[str]:
    return sorted(key.removeprefix(ITEM) for key in keys if key.startswith(ITEM))


def _others(keys: Iterable[str]) -> list[str]:
    return sorted(key for key in keys if not key.startswith(ITEM))
