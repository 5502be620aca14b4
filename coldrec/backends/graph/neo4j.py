"""The graph in Neo4j, read as ``coldrec_graph_sync`` wrote it, and vectors in an index that Cypher can ask.

A graph user finds the items most like one by

    MATCH (n:Coldrec1v1 {key: 'item:7'})
    CALL db.index.vector.queryNodes('coldrec1v1_vectors', 10, n.vector) YIELD node, score
    RETURN node.title, score
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from coldrec.backends.graph import vectors as likeness
from coldrec.backends.graph.walking import ITEM, Walker, by_weight, parts
from coldrec.core.types import Edge, FloatArray, Triple

if TYPE_CHECKING:
    from neo4j import Driver

LABEL = re.compile(r"Coldrec\d+v\d+")
BATCH = 1000  # names, or vectors, in one query
OVERSAMPLING = 4  # times k that the index is asked for, since it is not exact
AT_LEAST = 100
READY_SECONDS = 300  # that a new index is waited for


class Neo4jGraphStore(Walker):
    """``coldrec.core.protocols.GraphStore`` over the nodes of one label, which is one version of one shop's graph.

    Labels cannot be parameters of a query; this one is checked to be two numbers, and all else is a parameter.

    Raises
    ------
    ValueError : the label is not one that the sync makes.
    """

    def __init__(self, driver: Driver, label: str, database: str | None = None) -> None:
        if not LABEL.fullmatch(label):
            raise ValueError(f"a label must be Coldrec<shop>v<version>, got {label!r}")
        self.driver, self.label, self.database = driver, label, database

    def neighbours(
        self,
        nodes: Sequence[str],
        *,
        relations: Collection[str] | None = None,
        direction: Literal["out", "in", "both"] = "both",
        limit: int = 100,
    ) -> Mapping[str, tuple[Edge, ...]]:
        wanted = list(dict.fromkeys(nodes))
        found: dict[str, list[Edge]] = {node: [] for node in wanted}
        for is_out, arrow in ((True, "(n)-[r]->(m:{0})"), (False, "(n)<-[r]-(m:{0})")):
            if direction == ("in" if is_out else "out"):
                continue
            query = (
                f"MATCH (n:{self.label}) WHERE n.key IN $nodes CALL (n) {{"
                f" MATCH {arrow.format(self.label)} WHERE $relations IS NULL OR r.relation IN $relations"
                " RETURN r.relation AS relation, m.key AS other, r.weight AS weight"
                " ORDER BY r.weight DESC, r.relation, m.key LIMIT $limit }"
                " RETURN n.key AS node, relation, other, weight"
            )
            named = None if relations is None else sorted(relations)
            for some in parts(wanted, BATCH):
                for row in self._read(query, nodes=some, relations=named, limit=limit):
                    found[row["node"]].append(Edge(row["relation"], row["other"], is_out, row["weight"]))
        return {node: tuple(sorted(edges, key=by_weight)[:limit]) for node, edges in found.items()}

    def edges(self, nodes: Collection[str], *, entities: bool = False) -> Mapping[str, tuple[Triple, ...]]:
        query = (
            f"MATCH (n:{self.label}) WHERE n.key IN $nodes MATCH (n)-[r]-(m:{self.label})"
            " WHERE NOT ($entities AND m.key STARTS WITH $item)"
            " RETURN n.key AS node, startNode(r).key AS head, r.relation AS relation, endNode(r).key AS tail,"
            " r.weight AS weight"
        )
        found: dict[str, list[Triple]] = defaultdict(list)
        for some in parts(sorted(set(nodes)), BATCH):
            for row in self._read(query, nodes=some, entities=entities, item=ITEM):
                found[row["node"]].append(_triple(row))
        return {node: tuple(triples) for node, triples in found.items()}

    def degrees(self, nodes: Collection[str]) -> Mapping[str, int]:
        query = (
            f"MATCH (n:{self.label}) WHERE n.key IN $nodes"
            f" WITH n.key AS node, COUNT {{ (n)--(:{self.label}) }} AS degree WHERE degree > 0 RETURN node, degree"
        )
        return {
            row["node"]: row["degree"]
            for some in parts(sorted(set(nodes)), BATCH)
            for row in self._read(query, nodes=some)
        }

    def export(self) -> Iterator[Triple]:
        # Names are sorted here: the server orders text by another rule where it has just been given it.
        names = sorted(row["node"] for row in self._read(f"MATCH (n:{self.label})-->() RETURN DISTINCT n.key AS node"))
        query = (
            f"MATCH (n:{self.label}) WHERE n.key IN $nodes MATCH (n)-[r]->(m:{self.label})"
            " RETURN n.key AS head, r.relation AS relation, m.key AS tail, r.weight AS weight"
        )
        for some in parts(names, BATCH):
            found = [_triple(row) for row in self._read(query, nodes=some)]
            yield from sorted(found, key=lambda triple: (triple.head, triple.relation, triple.tail))

    def write_vectors(self, ids: Sequence[str], vectors: FloatArray) -> None:
        kept = likeness.checked(ids, vectors)
        # Without the index first: vectors of another length would not fit it, and nobody is shown half of them.
        self._write(f"DROP INDEX {self.index} IF EXISTS")
        self._write(
            f"MATCH (n:{self.label}) WHERE n.vector IS NOT NULL"
            f" CALL (n) {{ REMOVE n.vector }} IN TRANSACTIONS OF {BATCH:d} ROWS",
            implicit=True,
        )
        if not len(ids):
            return
        for start in range(0, len(ids), BATCH):
            rows = [
                {"key": ITEM + one, "vector": vector}
                for one, vector in zip(ids[start : start + BATCH], kept[start : start + BATCH].tolist(), strict=True)
            ]
            self._write(
                f"UNWIND $rows AS row MATCH (n:{self.label} {{key: row.key}})"
                " CALL db.create.setNodeVectorProperty(n, 'vector', row.vector)",
                rows=rows,
            )
        self._write(
            f"CREATE VECTOR INDEX {self.index} IF NOT EXISTS FOR (n:{self.label}) ON (n.vector) OPTIONS {{indexConfig:"
            " {`vector.dimensions`: $dimensions, `vector.similarity_function`: 'cosine',"
            " `vector.quantization.enabled`: false}}",
            dimensions=kept.shape[1],
        )
        self._write("CALL db.awaitIndex($index, $seconds)", index=self.index, seconds=READY_SECONDS)

    def nearest(self, vector: FloatArray, k: int) -> tuple[tuple[str, float], ...]:
        wanted = np.asarray(vector, np.float32)
        indexed = [
            row["dimensions"]
            for row in self._read(
                "SHOW VECTOR INDEXES YIELD name, state, options WHERE name = $index AND state = 'ONLINE'"
                " RETURN options.indexConfig['vector.dimensions'] AS dimensions",
                index=self.index,
            )
        ]
        if indexed != [len(wanted)] or not wanted.any() or k < 1:
            return ()
        rows = self._read(
            "CALL db.index.vector.queryNodes($index, $k, $vector) YIELD node"
            " RETURN node.key AS key, node.vector AS vector",
            index=self.index,
            k=max(OVERSAMPLING * k, AT_LEAST),
            vector=wanted.tolist(),
        )
        ids = [row["key"].removeprefix(ITEM) for row in rows]
        return likeness.nearest(ids, np.array([row["vector"] for row in rows], np.float32), wanted, k)

    @property
    def index(self) -> str:
        """The name of the vector index."""
        return f"{self.label.lower()}_vectors"

    def _read(self, query: str, **parameters: Any) -> list[Mapping[str, Any]]:
        return self._run(query, parameters, "r")

    def _write(self, query: str, *, implicit: bool = False, **parameters: Any) -> None:
        if implicit:  # a query that commits as it goes cannot stand in a transaction of the driver's
            with self.driver.session(database=self.database) as session:
                session.run(query, parameters).consume()
        else:
            self._run(query, parameters, "w")

    def _run(self, query: str, parameters: Mapping[str, Any], routing: Literal["r", "w"]) -> list[Mapping[str, Any]]:
        from neo4j import RoutingControl

        control = RoutingControl.READ if routing == "r" else RoutingControl.WRITE
        answer = self.driver.execute_query(query, dict(parameters), routing_=control, database_=self.database)
        return [record.data() for record in answer.records]


def _triple(row: Mapping[str, Any]) -> Triple:
    return Triple(row["head"], row["relation"], row["tail"], row["weight"])
