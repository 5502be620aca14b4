"""The graph in Neo4j, read as it was brought over, and vectors in an index that Cypher can ask.

A graph user finds the items most like one, in the words of docs/graph.md, by

    MATCH (n:Coldrec1v1 {key: 'item:7'})
    CALL db.index.vector.queryNodes('coldrec_Coldrec1v1_vectors', 10, n.vector) YIELD node, score
    RETURN node.title, score
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from coldrec.backends.graph import vectors as likeness
from coldrec.backends.graph.cypher import Label, fill
from coldrec.backends.graph.neo4j_driver import Driver
from coldrec.backends.graph.walking import ITEM, Walker, by_weight, parts
from coldrec.core.errors import GraphAwayError
from coldrec.core.types import Edge, FloatArray, Triple

BATCH = 1000  # names, or vectors, in one query
OVERSAMPLING = 4  # times k that the index is asked for, since it is not exact
AT_LEAST = 100
READY_SECONDS = 300.0  # that a new index is waited for
LOOK_SECONDS = 0.2

NEIGHBOURS_OUT = """
UNWIND $nodes AS node
MATCH (n:$LABEL {key: node}) USING INDEX n:$LABEL(key)
CALL (n) {
  MATCH (n)-[r]->(m) WHERE m:$LABEL AND ($relations IS NULL OR r.relation IN $relations)
  RETURN r.relation AS relation, m.key AS other, r.weight * coalesce(r.confidence, 1.0) AS weight
  ORDER BY weight DESC, r.relation, m.key LIMIT $limit
}
RETURN node, relation, other, weight
"""
NEIGHBOURS_IN = """
UNWIND $nodes AS node
MATCH (n:$LABEL {key: node}) USING INDEX n:$LABEL(key)
CALL (n) {
  MATCH (n)<-[r]-(m) WHERE m:$LABEL AND ($relations IS NULL OR r.relation IN $relations)
  RETURN r.relation AS relation, m.key AS other, r.weight * coalesce(r.confidence, 1.0) AS weight
  ORDER BY weight DESC, r.relation, m.key LIMIT $limit
}
RETURN node, relation, other, weight
"""
EDGES = """
UNWIND $nodes AS node
MATCH (n:$LABEL {key: node}) USING INDEX n:$LABEL(key)
MATCH (n)-[r]-(m) WHERE m:$LABEL AND NOT ($entities AND m.key STARTS WITH $item)
RETURN node, startNode(r).key AS head, r.relation AS relation, endNode(r).key AS tail,
  r.weight * coalesce(r.confidence, 1.0) AS weight
"""
DEGREES = """
UNWIND $nodes AS node
MATCH (n:$LABEL {key: node}) USING INDEX n:$LABEL(key)
WITH node, COUNT { (n)--(:$LABEL) } AS degree WHERE degree > 0
RETURN node, degree
"""
HEADS = "MATCH (n:$LABEL)-->(:$LABEL) RETURN DISTINCT n.key AS node"
OUT_EDGES = """
UNWIND $nodes AS head
MATCH (n:$LABEL {key: head}) USING INDEX n:$LABEL(key)
MATCH (n)-[r]->(m) WHERE m:$LABEL
RETURN head, r.relation AS relation, m.key AS tail, r.weight * coalesce(r.confidence, 1.0) AS weight
"""

INDEX = "coldrec_$LABEL_vectors"
DROP_VECTORS = "DROP INDEX coldrec_$LABEL_vectors IF EXISTS"
FORGET_VECTORS = (
    "MATCH (n:$LABEL) WHERE n.vector IS NOT NULL WITH n LIMIT $limit REMOVE n.vector RETURN count(*) AS rows"
)
WRITE_VECTORS = """
UNWIND $rows AS row
MATCH (n:$LABEL {key: row.key}) USING INDEX n:$LABEL(key)
CALL db.create.setNodeVectorProperty(n, 'vector', row.vector)
"""
MAKE_INDEX = """
CREATE VECTOR INDEX coldrec_$LABEL_vectors IF NOT EXISTS FOR (n:$LABEL) ON (n.vector) OPTIONS {indexConfig: {
  `vector.dimensions`: $dimensions, `vector.similarity_function`: 'cosine', `vector.quantization.enabled`: false
}}
"""
INDEXED = """
SHOW VECTOR INDEXES YIELD name, state, options WHERE name = $index
RETURN state, options.indexConfig['vector.dimensions'] AS dimensions
"""
NEAREST = """
CALL db.index.vector.queryNodes($index, $k, $vector) YIELD node
RETURN node.key AS key, node.vector AS vector
"""


class Neo4jGraphStore(Walker):
    """``coldrec.core.protocols.GraphStore`` over the nodes of one label, which is one copy of one shop's graph.

    Every method may raise ``GraphAwayError``: the server is away, silent or too slow.
    """

    def __init__(self, driver: Driver, label: Label) -> None:
        self.driver, self.label = driver, label

    @property
    def index(self) -> str:
        """The name of the vector index."""
        return fill(INDEX, self.label)

    def neighbours(
        self,
        nodes: Sequence[str],
        *,
        relations: Collection[str] | None = None,
        direction: Literal["out", "in", "both"] = "both",
        limit: int = 100,
    ) -> Mapping[str, tuple[Edge, ...]]:
        found: dict[str, list[Edge]] = {node: [] for node in nodes}
        named = None if relations is None else sorted(relations)
        out, into = fill(NEIGHBOURS_OUT, self.label), fill(NEIGHBOURS_IN, self.label)
        for is_out, query in ((True, out), (False, into)):
            if direction != ("in" if is_out else "out"):
                for some in parts(list(found), BATCH):
                    for row in self._read(query, nodes=some, relations=named, limit=limit):
                        found[row["node"]].append(Edge(row["relation"], row["other"], is_out, row["weight"]))
        return {node: tuple(sorted(edges, key=by_weight)[:limit]) for node, edges in found.items()}

    def edges(self, nodes: Collection[str], *, entities: bool = False) -> Mapping[str, tuple[Triple, ...]]:
        found: dict[str, list[Triple]] = defaultdict(list)
        for some in parts(sorted(set(nodes)), BATCH):
            for row in self._read(fill(EDGES, self.label), nodes=some, entities=entities, item=ITEM):
                found[row["node"]].append(_triple(row))
        return {node: tuple(triples) for node, triples in found.items()}

    def degrees(self, nodes: Collection[str]) -> Mapping[str, int]:
        pages = (self._read(fill(DEGREES, self.label), nodes=some) for some in parts(sorted(set(nodes)), BATCH))
        return {row["node"]: row["degree"] for page in pages for row in page}

    def export(self) -> Iterator[Triple]:
        # Names are sorted here: the server orders text by another rule where it has just been given it.
        names = sorted(row["node"] for row in self._read(fill(HEADS, self.label)))
        for some in parts(names, BATCH):
            found = map(_triple, self._read(fill(OUT_EDGES, self.label), nodes=some))
            yield from sorted(found, key=lambda triple: (triple.head, triple.relation, triple.tail))

    def write_vectors(self, ids: Sequence[str], vectors: FloatArray) -> None:
        kept = likeness.checked(ids, vectors)
        # Without the index first: vectors of another length would not fit it, and nobody is shown half of them.
        self._write(fill(DROP_VECTORS, self.label))
        while self._write(fill(FORGET_VECTORS, self.label), limit=10 * BATCH)[0]["rows"]:
            pass
        if not len(ids):
            return
        for start in range(0, len(ids), BATCH):
            some = zip(ids[start : start + BATCH], kept[start : start + BATCH].tolist(), strict=True)
            self._write(
                fill(WRITE_VECTORS, self.label), rows=[{"key": ITEM + one, "vector": vector} for one, vector in some]
            )
        self._write(fill(MAKE_INDEX, self.label), dimensions=kept.shape[1])
        patience = time.monotonic() + READY_SECONDS
        while not any(row["state"] == "ONLINE" for row in self._read(fill(INDEXED, self.label), index=self.index)):
            if time.monotonic() > patience:
                raise GraphAwayError(f"Neo4j has not made the index {self.index} within {READY_SECONDS:g} s.")
            time.sleep(LOOK_SECONDS)

    def nearest(self, vector: FloatArray, k: int) -> tuple[tuple[str, float], ...]:
        wanted = np.asarray(vector, np.float32)
        ready = [
            row["dimensions"]
            for row in self._read(fill(INDEXED, self.label), index=self.index)
            if row["state"] == "ONLINE"
        ]
        if ready != [len(wanted)] or not wanted.any() or k < 1:
            return ()
        asked = max(OVERSAMPLING * k, AT_LEAST)
        rows = self._read(fill(NEAREST, self.label), index=self.index, k=asked, vector=wanted.tolist())
        ids = [row["key"].removeprefix(ITEM) for row in rows]
        return likeness.nearest(ids, np.array([row["vector"] for row in rows], np.float32), wanted, k)

    def _read(self, query: str, **parameters: Any) -> list[Mapping[str, Any]]:
        return self.driver.read(lambda tx: [record.data() for record in tx.run(query, parameters)])

    def _write(self, query: str, **parameters: Any) -> list[Mapping[str, Any]]:
        return self.driver.write(lambda tx: [record.data() for record in tx.run(query, parameters)])


def _triple(row: Mapping[str, Any]) -> Triple:
    return Triple(row["head"], row["relation"], row["tail"], row["weight"])
