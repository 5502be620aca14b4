"""Small graphs, kept by either engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from django.utils import timezone

from coldrec.backends.graph.neo4j import Neo4jGraphStore
from coldrec.backends.graph.orm import OrmGraphStore
from coldrec.core.protocols import GraphStore
from coldrec.core.types import Triple
from coldrec.models import Entity, Item, Shop
from coldrec.models import Triple as Row

Keep = Callable[[Iterable[Triple]], GraphStore]
"""Makes an engine that holds these triples, all of whose nodes are there."""


def write(shop: Shop, triples: Iterable[Triple]) -> None:
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
        Row(shop=shop, head=one.head, relation=one.relation, tail=one.tail, weight=one.weight) for one in triples
    )


def orm(shop: Shop, folder: Path) -> Keep:
    def keep(triples: Iterable[Triple]) -> GraphStore:
        write(shop, triples)
        return OrmGraphStore(shop, folder)

    return keep


class Copy:
    """A label of its own in the Neo4j of the tests; :meth:`drop` takes everything away again."""

    def __init__(self, number: int) -> None:
        from neo4j import GraphDatabase

        self.label = f"Coldrec{number}v1"
        self.driver = GraphDatabase.driver(os.environ["NEO4J_URL"])
        self._run(
            f"CREATE CONSTRAINT {self.label.lower()}_key IF NOT EXISTS FOR (n:{self.label}) REQUIRE n.key IS UNIQUE"
        )

    def keep(self, triples: Iterable[Triple]) -> GraphStore:
        triples = list(triples)
        self._run(f"MATCH (n:{self.label}) DETACH DELETE n")
        nodes = sorted({node for triple in triples for node in (triple.head, triple.tail)})
        self._run(f"UNWIND $nodes AS node CREATE (:{self.label} {{key: node}})", nodes=nodes)
        self._run(
            f"UNWIND $rows AS row MATCH (h:{self.label} {{key: row.head}}), (t:{self.label} {{key: row.tail}})"
            " CREATE (h)-[:RELATED {relation: row.relation, weight: row.weight}]->(t)",
            rows=[
                {"head": one.head, "relation": one.relation, "tail": one.tail, "weight": one.weight} for one in triples
            ],
        )
        return Neo4jGraphStore(self.driver, self.label)

    def drop(self) -> None:
        self._run(f"MATCH (n:{self.label}) DETACH DELETE n")
        self._run(f"DROP INDEX {self.label.lower()}_vectors IF EXISTS")
        self._run(f"DROP CONSTRAINT {self.label.lower()}_key IF EXISTS")
        self.driver.close()

    def _run(self, query: str, **parameters: object) -> None:
        self.driver.execute_query(query, parameters)
