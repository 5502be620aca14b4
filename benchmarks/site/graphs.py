"""Shops with a graph, each under a label of its own on the one Neo4j that all tests share."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from coldrec.backends.graph import neo4j_driver
from coldrec.backends.graph.neo4j_writer import Writer
from coldrec.models import Entity, Item, Shop, Triple
from coldrec.services import graph_nodes, graph_sync, outbox


def settings_of(**changes: object) -> override_settings:
    """The project's settings with these in COLDREC, while it lasts."""
    return override_settings(COLDREC={**getattr(settings, "COLDREC", {}), **changes})


@contextmanager
def open_shop(uri: str = "") -> Iterator[Shop]:
    """A shop that has a number of its own in Neo4j, and nothing of it left there afterwards."""
    number = random.SystemRandom().randrange(10**6, 2**31)
    with settings_of(NEO4J={"URI": uri or os.environ["NEO4J_URL"]}, SHOP=f"graph-{number}"):
        shop = Shop.objects.create(pk=number, key=f"graph-{number}")
        try:
            yield shop
        finally:
            graph_sync.forget(shop)


def put_item(shop: Shop, id: str, *, note: bool = True, **fields: object) -> str:
    values = {"title": f"Item {id}", "brand": "Acme", "price": "9.90", "removed_at": None, **fields}
    now = timezone.now()
    Item.objects.update_or_create(
        shop=shop,
        external_id=id,
        defaults={**values, "updated_at": now},
        create_defaults={**values, "updated_at": now, "first_seen": now},
    )
    if note:
        outbox.note(shop, [f"item:{id}"])
    return f"item:{id}"


def drop_item(shop: Shop, id: str) -> None:
    Item.objects.filter(shop=shop, external_id=id).update(removed_at=timezone.now())
    outbox.note(shop, [f"item:{id}"])


def drop_entity(shop: Shop, key: str) -> None:
    Entity.objects.filter(shop=shop, key=key).delete()
    outbox.note(shop, [key])


def put_entity(shop: Shop, key: str, *, note: bool = True, **fields: object) -> str:
    kind, _, name = key.partition(":")
    Entity.objects.update_or_create(shop=shop, key=key, defaults={"kind": kind, "name": name, **fields})
    if note:
        outbox.note(shop, [key])
    return key


def set_edges(shop: Shop, head: str, edges: Iterable[tuple[str, str]], *, note: bool = True) -> None:
    """Have just these (relation, tail) leave ``head``."""
    Triple.objects.filter(shop=shop, head=head).delete()
    Triple.objects.bulk_create(Triple(shop=shop, head=head, relation=name, tail=tail) for name, tail in edges)
    if note:
        outbox.note(shop, [head])


def stock(shop: Shop, items: int, *, note: bool = False) -> None:
    """``items`` items with six edges each: to brand, category and three attributes, and to the item before."""
    now = timezone.now()
    names = [("brand", 20), ("category", 10), ("colour", 12), ("material", 7), ("size", 9)]
    keys = [f"{kind}:{at}" for kind, number in names for at in range(number)]
    Entity.objects.bulk_create(
        Entity(shop=shop, key=key, kind=key.partition(":")[0], name=key.partition(":")[2]) for key in keys
    )
    for start in range(0, items, 5_000):
        numbers = range(start, min(start + 5_000, items))
        Item.objects.bulk_create(
            Item(
                shop=shop,
                external_id=str(at),
                title=f"Product number {at}",
                brand=f"Brand {at % 20}",
                price=5 + at % 95,
                first_seen=now,
                updated_at=now,
            )
            for at in numbers
        )
        Triple.objects.bulk_create(
            Triple(shop=shop, head=f"item:{at}", relation=relation, tail=tail)
            for at in numbers
            for relation, tail in (
                *((kind, f"{kind}:{at % number}") for kind, number in names),
                ("bought_with", f"item:{(at - 1) % items}"),
            )
        )
    if note:
        outbox.note(shop, [*keys, *(f"item:{at}" for at in range(items))])


def writer(shop: Shop) -> Writer:
    """Reads back, and writes without asking for a lease."""
    return Writer(neo4j_driver.syncing(graph_sync.server()), graph_sync.label(shop), fence=2**60)


def run(shop: Shop, query: str, /, **parameters: object) -> list[dict]:
    """What a person with a Neo4j console would get; LABEL stands for the shop's."""
    text = query.replace("LABEL", str(graph_sync.label(shop)))
    return neo4j_driver.syncing(graph_sync.server()).write(
        lambda tx: [record.data() for record in tx.run(text, parameters)]
    )


def held(shop: Shop) -> dict:
    """Everything that Neo4j really holds of the shop."""
    reader = writer(shop)
    return {key: node for keys in reader.all_keys() for key, node in reader.read(keys).items()}


def wanted(shop: Shop) -> dict:
    """Everything that it should hold."""
    return {node.key: node for page in graph_nodes.pages(shop, 1000) for node in page}


def digests(nodes: dict) -> dict[str, str]:
    return {key: node.digest() for key, node in nodes.items()}


def is_equal(shop: Shop) -> bool:
    return digests(held(shop)) == digests(wanted(shop))
