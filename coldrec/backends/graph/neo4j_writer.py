"""Writes a shop's graph to Neo4j and reads back what is really there. Every method is one transaction, or some of them.

Nodes carry the label of their copy (``cypher.Label``), unique by ``key``, and ``Item`` or ``Entity``. A node keeps the
hash of what was written with it, so an unchanged one is known without reading it; the hash is emptied where an edge is
lost because its other end went. A node that so far is only the end of an edge has no hash at all.

Each writing transaction first locks the shop's meta node ``(:ColdrecGraph {shop})`` and raises its ``fence``: whoever
comes with a lower one has lost the lease meanwhile, and nothing of theirs is written.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from coldrec.backends.graph.cypher import OUR_INDEX, Label, fill, fill_index
from coldrec.backends.graph.neo4j_driver import Driver
from coldrec.core.errors import GraphFenceError
from coldrec.core.graph.node import ENTITY_PROPERTIES, ITEM_PROPERTIES, Node, OutEdge

T = TypeVar("T")

DROPPED_AT_ONCE = 5_000  # nodes of an old copy, or edges

META_ONCE = "CREATE CONSTRAINT coldrec_graph_once IF NOT EXISTS FOR (m:ColdrecGraph) REQUIRE m.shop IS UNIQUE"
KEY_ONCE = "CREATE CONSTRAINT coldrec_$LABEL_key IF NOT EXISTS FOR (n:$LABEL) REQUIRE n.key IS UNIQUE"
KEY_NAME = "coldrec_$LABEL_key"
IS_KEY_ONCE = "SHOW CONSTRAINTS YIELD name WHERE name = $name RETURN count(*)"
KEY_MANY = "DROP CONSTRAINT coldrec_$LABEL_key IF EXISTS"
INDEXES = """
SHOW INDEXES YIELD name, labelsOrTypes, owningConstraint WHERE owningConstraint IS NULL
RETURN name, labelsOrTypes
"""
DROP_INDEX = "DROP INDEX $INDEX IF EXISTS"

# A plan is kept for as long as the server likes, and one made while the graph was small reads all of it: so each
# statement is told to look nodes up by their key, and goes on from there before it asks what the other end is.

# Two statements, so that the fence is read after the lock is held.
LOCK = "MERGE (m:ColdrecGraph {shop: $shop}) SET m.holder = $holder"
FENCE = """
MATCH (m:ColdrecGraph {shop: $shop}) WITH m, coalesce(m.fence, 0) AS seen
SET m.fence = CASE WHEN seen <= $fence THEN $fence ELSE seen END
RETURN seen
"""
SERVE = "MATCH (m:ColdrecGraph {shop: $shop}) SET m.label = $label, m.version = $version"
FORGET = "MATCH (m:ColdrecGraph {shop: $shop}) DETACH DELETE m"

WRITE_ITEMS = "UNWIND $rows AS row MERGE (n:$LABEL {key: row.key}) SET n += row, n:Item"
WRITE_ENTITIES = "UNWIND $rows AS row MERGE (n:$LABEL {key: row.key}) SET n += row, n:Entity"
CUT = """
UNWIND $keys AS key
MATCH (n:$LABEL {key: key}) USING INDEX SEEK n:$LABEL(key)
MATCH (n)-[r]->(tail) WITH r, tail WHERE tail:$LABEL
DELETE r
"""
WRITE_ENDS = "UNWIND $keys AS key MERGE (:$LABEL {key: key})"
# Many nodes lead to the same one in the same way, so a row says it once: the end is looked up and sent once.
WRITE_EDGES = """
UNWIND $rows AS row
MATCH (tail:$LABEL {key: row[0]}) USING INDEX SEEK tail:$LABEL(key)
UNWIND row[5] AS key
MATCH (head:$LABEL {key: key}) USING INDEX SEEK head:$LABEL(key)
CREATE (head)-[:$TYPE {relation: row[1], weight: row[2], source: row[3], confidence: row[4]}]->(tail)
"""
SPOIL = """
UNWIND $keys AS key
MATCH (n:$LABEL {key: key}) USING INDEX SEEK n:$LABEL(key)
MATCH (head)-->(n) WITH DISTINCT head WHERE head:$LABEL
SET head.hash = ''
"""
REMOVE = "UNWIND $keys AS key MATCH (n:$LABEL {key: key}) USING INDEX SEEK n:$LABEL(key) DETACH DELETE n"
# An entity may be tied to all items, which is more than one transaction holds: it goes when they have gone.
DROP_ITEMS = "MATCH (n:$LABEL:Item) WITH n LIMIT $limit DETACH DELETE n RETURN count(*)"
DROP_EDGES = "MATCH (:$LABEL)-[r]->() WITH r LIMIT $limit DELETE r RETURN count(*)"
DROP_REST = "MATCH (n:$LABEL) WITH n LIMIT $limit DETACH DELETE n RETURN count(*)"

# One row with all of them: the driver takes longer over a thousand rows than the server over looking them up.
HASHES = """
UNWIND $keys AS key
MATCH (n:$LABEL {key: key}) USING INDEX SEEK n:$LABEL(key)
RETURN collect([n.key, n.hash])
"""
COUNT = "MATCH (n:$LABEL) RETURN count(n)"
COUNT_ITEMS = "MATCH (n:$LABEL:Item) RETURN count(n)"
COUNT_EDGES = "MATCH (:$LABEL)-[r]->(:$LABEL) RETURN count(r)"
KEYS = "MATCH (n:$LABEL) WHERE n.key > $after RETURN n.key ORDER BY n.key LIMIT $limit"
READ = """
UNWIND $keys AS key
MATCH (n:$LABEL {key: key}) USING INDEX SEEK n:$LABEL(key)
RETURN n.key, n:Item, n:Entity,
  n {.name, .id, .title, .brand, .price, .sellable, .kind, .amount, .unit},
  [(n)-[r]->(t) | [t:$LABEL, type(r), r.relation, t.key, r.weight, r.source, r.confidence]]
"""
VECTORS = """
UNWIND $keys AS key
MATCH (old:$LABEL {key: key}) USING INDEX SEEK old:$LABEL(key) WHERE old.vector IS NOT NULL
RETURN key, old.vector AS vector
"""
VECTOR_INDEXES = """
SHOW VECTOR INDEXES YIELD name, labelsOrTypes, options WHERE $label IN labelsOrTypes
RETURN name, options
"""
ARE_FILLING = """
SHOW VECTOR INDEXES YIELD state, labelsOrTypes WHERE $label IN labelsOrTypes AND state = 'POPULATING'
RETURN count(*)
"""
INDEX_VECTORS = "CREATE VECTOR INDEX $INDEX IF NOT EXISTS FOR (n:$LABEL) ON (n.vector) OPTIONS $options"
WRITE_VECTORS = "UNWIND $rows AS row MATCH (n:$LABEL {key: row.key}) SET n.vector = row.vector"
LABELS = "CALL db.labels() YIELD label RETURN label"


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of a graph there is."""

    items: int = 0
    entities: int = 0
    edges: int = 0


class Writer:
    """Writes one copy of one shop's graph, on behalf of whoever holds the lease with this ``fence``."""

    def __init__(self, driver: Driver, label: Label, *, fence: int = 0, holder: str = "") -> None:
        self._driver = driver
        self.label = label
        self.fence = fence
        self.holder = holder
        self._is_ready = False

    # Writing ------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make sure of the constraints: without them nodes could not be found by their key, nor be kept unique."""
        key_once = fill(KEY_ONCE, self.label)
        self._driver.write(lambda tx: tx.run(META_ONCE).consume())
        self._driver.write(lambda tx: tx.run(key_once).consume())
        self._is_ready = True

    def claim(self) -> None:
        """Have nobody with an earlier lease write from now on.

        Raises
        ------
        GraphFenceError : somebody with a later one has been here.
        """
        self.prepare()
        self._write(lambda tx: None)

    def write(self, nodes: Sequence[Node], removed: Collection[str] = ()) -> None:
        """Have these nodes exist with these properties and just these edges, and the removed ones not; all or nothing.

        Edges into nodes that are not there yet make them, without properties, for their own turn.

        Raises
        ------
        GraphFenceError : somebody else has taken over; nothing was written.
        """
        if not nodes and not removed:
            return
        items: list[Mapping[str, object]] = []
        entities: list[Mapping[str, object]] = []
        edges: dict[str, dict[tuple[object, ...], list[str]]] = defaultdict(lambda: defaultdict(list))
        ends: set[str] = set()
        for node in nodes:
            names = ITEM_PROPERTIES if node.is_item else ENTITY_PROPERTIES
            row = {name: node.properties.get(name) for name in names}
            row.update(key=node.key, hash=node.digest())
            (items if node.is_item else entities).append(row)
            for e in node.edges:
                edges[e.type][e.tail, e.relation, e.weight, e.source, e.confidence].append(node.key)
                ends.add(e.tail)
        ends.difference_update(node.key for node in nodes)
        write_items, write_entities = fill(WRITE_ITEMS, self.label), fill(WRITE_ENTITIES, self.label)
        cut, write_ends = fill(CUT, self.label), fill(WRITE_ENDS, self.label)
        spoil, remove = fill(SPOIL, self.label), fill(REMOVE, self.label)
        keys, gone = [node.key for node in nodes], sorted(removed)

        def work(tx: Any) -> None:
            if gone:
                tx.run(spoil, keys=gone).consume()
                tx.run(remove, keys=gone).consume()
            if keys:
                tx.run(cut, keys=keys).consume()
            if items:
                tx.run(write_items, rows=items).consume()
            if entities:
                tx.run(write_entities, rows=entities).consume()
            if ends:
                tx.run(write_ends, keys=sorted(ends)).consume()
            for type in sorted(edges):
                write_edges = fill(WRITE_EDGES, self.label, type)
                rows = [[*told, heads] for told, heads in edges[type].items()]
                tx.run(write_edges, rows=rows).consume()

        self._write(work)

    def copy_vectors(self, old: Label, keys: Sequence[str]) -> None:
        """Take over the vectors that these items have in another copy."""
        vectors, write_vectors = fill(VECTORS, old), fill(WRITE_VECTORS, self.label)
        rows = self._driver.read(lambda tx: [record.data() for record in tx.run(vectors, keys=list(keys))])
        if rows:
            self._write(lambda tx: tx.run(write_vectors, rows=rows).consume())

    def index_vectors(self, old: Label) -> None:
        """Make the indexes of vectors that another copy has, each under the same name but for the label."""
        found = self._driver.read(lambda tx: tx.run(VECTOR_INDEXES, label=str(old)).values())
        for name, options in found:
            ours = name.replace(str(old), str(self.label))
            if ours != name:
                index_vectors = fill_index(fill(INDEX_VECTORS, self.label), ours)
                self._driver.write(lambda tx, text=index_vectors, o=options: tx.run(text, options=o).consume())  # type: ignore[misc]

    def are_vectors_indexed(self) -> bool:
        """Whether no index of vectors is still being filled."""
        return not self._driver.read(lambda tx: tx.run(ARE_FILLING, label=str(self.label)).single()[0])

    def announce(self) -> None:
        """Tell whoever asks by Cypher that this is the copy in service."""
        told = {"shop": self.label.shop, "label": str(self.label), "version": self.label.version}
        self._write(lambda tx: tx.run(SERVE, **told).consume())

    def drop(self, label: Label, *, between: Callable[[], None] = lambda: None) -> None:
        """Remove a copy, some thousand nodes or edges at a time, then its constraint and indexes."""
        key_many = fill(KEY_MANY, label)
        for drop in (fill(DROP_ITEMS, label), fill(DROP_EDGES, label), fill(DROP_REST, label)):
            while self._write(lambda tx, drop=drop: tx.run(drop, limit=DROPPED_AT_ONCE).single()[0]):  # type: ignore[misc]
                between()
        for name, labels in self._driver.read(lambda tx: [tuple(record) for record in tx.run(INDEXES)]):
            if str(label) in (labels or ()) and OUR_INDEX.fullmatch(name):
                drop_index = fill_index(DROP_INDEX, name)
                self._driver.write(lambda tx, text=drop_index: tx.run(text).consume())  # type: ignore[misc]
        self._driver.write(lambda tx: tx.run(key_many).consume())

    def forget(self) -> None:
        """Remove the shop's meta node, as the last thing that is left of it."""
        self._driver.write(lambda tx: tx.run(FORGET, shop=self.label.shop).consume())

    # Reading back -------------------------------------------------------------------------------------------------

    def hashes(self, keys: Iterable[str]) -> dict[str, str | None]:
        """Key → hash of what was last written, for those that are there; None for what is only the end of an edge."""
        if not self._is_there():
            return {}
        hashes, wanted = fill(HASHES, self.label), list(keys)
        return self._driver.read(lambda tx: dict(tx.run(hashes, keys=wanted).single()[0]))

    def all_keys(self, size: int = 1000) -> Iterable[list[str]]:
        """All keys, in Neo4j's order, at most ``size`` at a time; what is removed meanwhile does no harm."""
        keys, after = fill(KEYS, self.label), ""
        while page := self._driver.read(
            lambda tx, after=after: [record[0] for record in tx.run(keys, after=after, limit=size)]  # type: ignore[misc]
        ):
            yield page
            after = page[-1]

    def count(self) -> int:
        """How many nodes there are."""
        count = fill(COUNT, self.label)
        return int(self._driver.read(lambda tx: tx.run(count).single()[0]))

    def counts(self) -> Counts:
        """How many items, entities and edges there are."""
        statements = [fill(COUNT, self.label), fill(COUNT_ITEMS, self.label), fill(COUNT_EDGES, self.label)]
        nodes, items, edges = self._driver.read(lambda tx: [int(tx.run(text).single()[0]) for text in statements])
        return Counts(items=items, entities=nodes - items, edges=edges)

    def read(self, keys: Iterable[str]) -> dict[str, Node]:
        """What Neo4j really holds of these nodes, whoever wrote it."""
        if not self._is_there():
            return {}
        read, wanted = fill(READ, self.label), list(keys)
        rows = self._driver.read(lambda tx: [tuple(record) for record in tx.run(read, keys=wanted)])
        return {row[0]: _node(*row) for row in rows}

    def versions(self) -> list[int]:
        """Versions of this shop's copies of which something is there."""
        found = self._driver.read(lambda tx: [record[0] for record in tx.run(LABELS)])
        ours = (_LABEL.fullmatch(label) for label in found)
        return sorted(int(match["version"]) for match in ours if match and int(match["shop"]) == self.label.shop)

    def _is_there(self) -> bool:
        """Whether the copy has been begun: a statement that looks a node up by its key needs the index."""
        if not self._is_ready:
            name = fill(KEY_NAME, self.label)
            self._is_ready = bool(self._driver.read(lambda tx: tx.run(IS_KEY_ONCE, name=name).single()[0]))
        return self._is_ready

    def _write(self, work: Callable[[Any], T]) -> T:
        """What ``work`` gives in a transaction under the fence."""

        def fenced(tx: Any) -> T:
            tx.run(LOCK, shop=self.label.shop, holder=self.holder).consume()
            seen = int(tx.run(FENCE, shop=self.label.shop, fence=self.fence).single()[0])
            if seen > self.fence:
                said = f"Another sync of the graph (number {seen}) has taken over from this one (number {self.fence})."
                raise GraphFenceError(said, seen)
            return work(tx)

        return self._driver.write(fenced)


def _node(
    key: str, is_item: bool, is_entity: bool, properties: Mapping[str, Any], edges: Sequence[Sequence[Any]]
) -> Node:
    told = dict(properties)
    names = ITEM_PROPERTIES if is_item else ENTITY_PROPERTIES
    kept = {name: told[name] for name in names if told.get(name) is not None}
    if is_item == is_entity or is_item != key.startswith("item:"):
        kept["labels"] = [is_item, is_entity]  # as no node of ours has: a difference
    return Node(key, kept, tuple(OutEdge(*edge) for is_ours, *edge in edges if is_ours))


_LABEL = re.compile(r"Coldrec(?P<shop>\d+)v(?P<version>\d+)")
