"""The graph in the shop's own tables, and vectors in a file beside the artifacts."""

from __future__ import annotations

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from django.db import connections
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Collate, Substr

from coldrec.backends.graph import vectors as likeness
from coldrec.backends.graph.walking import ITEM, Walker, by_weight, parts
from coldrec.core.types import Edge, FloatArray, Triple
from coldrec.models import Entity, Item, Shop
from coldrec.models import Triple as Row

LOOKUP = 400  # names per query: SQLite takes a limited number of parameters
CHUNK = 2000  # rows held at once
VECTORS = "graph-vectors.npz"
BY_CODE_POINT = {"postgresql": "C", "sqlite": "BINARY", "mysql": "utf8mb4_bin", "oracle": "BINARY"}
"""The collation that orders text as Python and Neo4j do, by the database's vendor."""

_COLUMNS = ("head", "relation", "tail", "believed")


class OrmGraphStore(Walker):
    """``coldrec.core.protocols.GraphStore`` over the tables of one shop.

    As in the copy, a triple counts only while both its nodes do: an item that is in the catalogue, an entity that has
    a row and is not merged into another. ``folder`` is where vectors are kept.
    """

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop, self.folder = shop, folder

    def neighbours(
        self,
        nodes: Sequence[str],
        *,
        relations: Collection[str] | None = None,
        direction: Literal["out", "in", "both"] = "both",
        limit: int = 100,
    ) -> Mapping[str, tuple[Edge, ...]]:
        rows = self._triples()
        if relations is not None:
            rows = rows.filter(relation__in=sorted(relations))
        found: dict[str, tuple[Edge, ...]] = {}
        for node in dict.fromkeys(nodes):
            edges: list[Edge] = []
            for near, far, is_out in (("head", "tail", True), ("tail", "head", False)):
                if direction != ("in" if is_out else "out"):
                    ordered = rows.filter(**{near: node}).order_by(
                        F("believed").desc(), self._sorted("relation"), self._sorted(far)
                    )
                    told = ordered.values_list("relation", far, "believed")[:limit]
                    edges += [Edge(relation, other, is_out, weight) for relation, other, weight in told]
            found[node] = tuple(sorted(edges, key=by_weight)[:limit])
        return found

    def edges(self, nodes: Collection[str], *, entities: bool = False) -> Mapping[str, tuple[Triple, ...]]:
        found: dict[str, set[Triple]] = defaultdict(set)
        for some in parts(sorted(set(nodes)), LOOKUP):
            for near, far in (("head", "tail"), ("tail", "head")):
                rows = self._triples().filter(**{f"{near}__in": some})
                if entities:
                    rows = rows.exclude(**{f"{far}_kind": ITEM})
                for head, relation, tail, weight in rows.values_list(*_COLUMNS).iterator(chunk_size=CHUNK):
                    found[head if near == "head" else tail].add(Triple(head, relation, tail, weight))
        return {node: tuple(triples) for node, triples in found.items()}

    def degrees(self, nodes: Collection[str]) -> Mapping[str, int]:
        found: Counter[str] = Counter()
        for some in parts(sorted(set(nodes)), LOOKUP):
            for near, rows in (
                ("head", self._triples()),
                ("tail", self._triples().exclude(head=F("tail"))),
            ):
                counted = rows.filter(**{f"{near}__in": some}).order_by().values_list(near).annotate(Count("pk"))
                found.update(dict(counted))
        return found

    def export(self) -> Iterator[Triple]:
        rows = self._triples().order_by(*map(self._sorted, ("head", "relation", "tail"))).values_list(*_COLUMNS)
        return (Triple(*row) for row in rows.iterator(chunk_size=CHUNK))

    def write_vectors(self, ids: Sequence[str], vectors: FloatArray) -> None:
        kept = likeness.checked(ids, vectors)
        self.folder.mkdir(parents=True, exist_ok=True)
        # Written aside and then moved, so that who reads meets the old ones or the new, and no half of either.
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".npz.partial")
        try:
            with os.fdopen(handle, "wb") as out:
                np.savez(out, ids=np.array(ids, dtype=np.str_), vectors=kept)
            os.replace(name, self.folder / VECTORS)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def nearest(self, vector: FloatArray, k: int) -> tuple[tuple[str, float], ...]:
        try:
            with np.load(self.folder / VECTORS, allow_pickle=False) as kept:
                ids, vectors = kept["ids"].tolist(), kept["vectors"]
        except FileNotFoundError:
            return ()
        there = set(self.shop.items.filter(removed_at=None).values_list("external_id", flat=True))
        rows = [row for row, one in enumerate(ids) if one in there]
        return likeness.nearest([ids[row] for row in rows], vectors[rows], vector, k)

    def _triples(self) -> Any:
        """The triples both of whose nodes are there."""
        rows = Row.objects.filter(shop=self.shop).alias(
            head_kind=Substr("head", 1, len(ITEM)),
            tail_kind=Substr("tail", 1, len(ITEM)),
        )
        rows = rows.annotate(believed=F("weight") * F("confidence"))
        return rows.filter(self._is_there("head"), self._is_there("tail"))

    def _is_there(self, end: str) -> Q:
        # Names are cut in the database; LIKE would take ITEM:7 for item:7 in some.
        items = Item.objects.filter(shop=self.shop, removed_at=None, external_id=Substr(OuterRef(end), len(ITEM) + 1))
        entities = Entity.objects.filter(shop=self.shop, merged_into=None, key=OuterRef(end))
        return Q(Exists(items), **{f"{end}_kind": ITEM}) | (~Q(**{f"{end}_kind": ITEM}) & Q(Exists(entities)))

    def _sorted(self, column: str) -> Any:
        vendor = connections[Row.objects.db].vendor
        return Collate(column, BY_CODE_POINT[vendor])
