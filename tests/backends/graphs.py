"""Small graphs, kept by either engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.utils import timezone

from coldrec.core.protocols import GraphStore
from coldrec.core.types import Triple
from coldrec.models import Entity, Item, Shop
from coldrec.models import Triple as Row
from coldrec.services import graph_stores, graph_sync

Keep = Callable[..., GraphStore]
"""Makes an engine that holds these triples, all of whose nodes are there."""


def write(shop: Shop, triples: Iterable[Triple], believed: float = 1.0) -> None:
    """The triples and their nodes as rows, instead of all there were."""
    triples = list(triples)
    for model in (Row, Item, Entity):
        model.objects.filter(shop=shop).delete()
    nodes = sorted({node for triple in triples for node in (triple.head, triple.tail)})
    now = timezone.now()
    Item.objects.bulk_create(
        Item(shop=shop, external_id=node.removeprefix("item:"), title=node, first_seen=now, updated_at=now)
        for node in nodes
        if node.startswith("item:")
    )
    Entity.objects.bulk_create(
        Entity(shop=shop, key=node, kind=node.partition(":")[0], name=node.partition(":")[2])
        for node in nodes
        if not node.startswith("item:")
    )
    Row.objects.bulk_create(
        Row(shop=shop, head=one.head, relation=one.relation, tail=one.tail, weight=one.weight, confidence=believed)
        for one in triples
    )


def orm(shop: Shop) -> Keep:
    def keep(triples: Iterable[Triple], believed: float = 1.0) -> GraphStore:
        write(shop, triples, believed)
        return graph_stores.tables(shop)

    return keep


def neo4j(shop: Shop) -> Keep:
    """By way of the tables, as in a shop."""

    def keep(triples: Iterable[Triple], believed: float = 1.0) -> GraphStore:
        write(shop, triples, believed)
        graph_sync.full(shop)
        return graph_stores.copy(shop)

    return keep
