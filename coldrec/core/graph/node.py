"""A node with what leaves it, and the hash by which two copies of a graph are compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from coldrec.core.graph.ontology import type_of

ITEM = "item:"  # how the name of an item begins, and of nothing else

Value = str | float | bool | None

ITEM_PROPERTIES = ("name", "id", "title", "brand", "price", "sellable")
ENTITY_PROPERTIES = ("name", "kind", "amount", "unit")
PROPERTIES = tuple(dict.fromkeys((*ITEM_PROPERTIES, *ENTITY_PROPERTIES)))
"""What a node may say of itself. A graph server may hold more about it, such as a vector; that is not compared."""


class OutEdge(NamedTuple):
    """An edge as it leaves its node; ``type`` is that of the relation wherever nobody tampered with it."""

    type: str
    relation: str
    tail: str
    weight: float = 1.0
    source: str = ""
    confidence: float = 1.0

    @classmethod
    def of(cls, relation: str, tail: str, weight: float, source: str, confidence: float) -> OutEdge:
        """An edge with the type that its relation has."""
        return cls(_type(relation, tail.startswith(ITEM)), relation, tail, weight, source, confidence)


@dataclass(frozen=True, slots=True)
class Node:
    """``properties`` are some of ``PROPERTIES``; one that is None or left out is not there."""

    key: str
    properties: Mapping[str, Value]
    edges: tuple[OutEdge, ...] = ()

    @property
    def is_item(self) -> bool:
        """Whether it is an item, which its name says."""
        return self.key.startswith(ITEM)

    def digest(self) -> str:
        """sha256, in hex, over kind, properties and sorted edges: equal where two copies are equal."""
        try:
            edges = sorted(self.edges)
        except TypeError:  # a value that somebody else has written, of a kind that none of ours has
            edges = sorted(self.edges, key=repr)
        properties = sorted(pair for pair in self.properties.items() if pair[1] is not None)
        text = _as_json([self.is_item, properties, edges])
        return hashlib.sha256(text.encode("ascii")).hexdigest()


@lru_cache(maxsize=4096)
def _type(relation: str, to_item: bool) -> str:
    return type_of(relation, ITEM if to_item else "")


_as_json = json.JSONEncoder(separators=(",", ":"), default=repr).encode
