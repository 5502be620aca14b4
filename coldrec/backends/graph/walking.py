"""The walk through the graph that every engine takes: level by level, a few questions for each.

Engines answer two questions, :meth:`Walker.edges` and :meth:`Walker.degrees`; the walk over their answers is the same
code, so that two engines with the same data give equal ways. It starts from both ends and meets in the middle: between
two items of a shop that is a few dozen nodes, where a walk from one end alone would soon be all of it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from coldrec.core.types import Edge, Path, Triple

ITEM = "item:"
LONGEST = 4  # edges: from an item over its entity, the entity of that, and back down to another item


class Walker(ABC):
    """Paths and subgraphs for an engine that knows a node's edges and how many it has."""

    @abstractmethod
    def edges(self, nodes: Collection[str], *, entities: bool = False) -> Mapping[str, tuple[Triple, ...]]:
        """Node → all triples that name it, for those that have any; with ``entities`` only those to no item."""

    @abstractmethod
    def degrees(self, nodes: Collection[str]) -> Mapping[str, int]:
        """Node → how many triples name it, for those that any does; one that leads to itself counts once."""

    def paths(
        self,
        starts: Sequence[str],
        ends: Sequence[str],
        *,
        longest: int = 2,
        most_degree: int = 1000,
        limit: int = 10,
        over_items: bool = True,
    ) -> tuple[Path, ...]:
        """See :class:`coldrec.core.protocols.GraphStore`."""
        if not 1 <= longest <= LONGEST:
            raise ValueError(f"longest must lie between 1 and {LONGEST} edges, got {longest}")
        ahead = _Front(self, starts, most_degree, over_items)
        back = _Front(self, ends, most_degree, over_items)
        found: dict[Path, tuple[object, ...]] = {}
        for length in range(1, longest + 1):
            if len(found) >= limit:
                break
            there, here = ahead.at(length - length // 2, last=length == 1), back.at(length // 2)
            meeting = there.keys() & here.keys()
            degrees = self.degrees(meeting) if length > 1 else {}
            known = {**ahead.known, **back.known, **degrees}
            for node in meeting:
                if length > 1 and (degrees[node] > most_degree or not (over_items or _is_entity(node))):
                    continue
                for first in there[node]:
                    for second in here[node]:
                        nodes = first.nodes + second.nodes[-2::-1]
                        if len(set(nodes)) == len(nodes):
                            between = math.prod(known[one] for one in nodes[1:-1])  # as the sum of their logs, exactly
                            path = Path(nodes, first.triples + second.triples[::-1])
                            found[path] = (length, between, nodes, _names(path.triples))
        return tuple(sorted(found, key=found.__getitem__)[:limit])

    def subgraph(self, nodes: Sequence[str], *, hops: int = 1, most_degree: int = 1000) -> tuple[Triple, ...]:
        """See :class:`coldrec.core.protocols.GraphStore`."""
        found: set[Triple] = set()
        passed: set[str] = set()
        front = set(nodes)
        for _ in range(hops):
            passed |= front
            degrees = self.degrees(front)
            left = self.edges([node for node, degree in degrees.items() if degree <= most_degree])
            found.update(triple for triples in left.values() for triple in triples)
            front = {_other(triple, node) for node, triples in left.items() for triple in triples} - passed
        return tuple(sorted(found, key=lambda triple: _names([triple])))


class _Front:
    """Ways that leave some nodes, by how many edges they have and where they end."""

    def __init__(self, walker: Walker, nodes: Iterable[str], most_degree: int, over_items: bool) -> None:
        self.walker, self.most_degree, self.over_items = walker, most_degree, over_items
        self.known: dict[str, int] = {}  # degrees met so far
        self._steps: list[dict[str, list[Path]]] = [{node: [Path((node,), ())] for node in dict.fromkeys(nodes)}]

    def at(self, edges: int, *, last: bool = False) -> Mapping[str, Sequence[Path]]:
        """Ways of that many edges, by their last node. The ``last`` node of a whole way may be an item in any case."""
        if last and not self.over_items:
            return self._grown(self._steps[0], entities=False)
        while len(self._steps) <= edges:
            self._steps.append(self._grown(self._steps[-1], entities=not self.over_items))
        return self._steps[edges]

    def _grown(self, ways: Mapping[str, Sequence[Path]], *, entities: bool) -> dict[str, list[Path]]:
        if ways is self._steps[0]:
            through: Collection[str] = ways.keys()
        else:
            self.known |= self.walker.degrees(ways.keys())
            through = [node for node in ways if self.known.get(node, 0) <= self.most_degree]
        grown: dict[str, list[Path]] = defaultdict(list)
        for node, triples in self.walker.edges(through, entities=entities).items():
            for triple in triples:
                other = _other(triple, node)
                grown[other].extend(
                    Path((*way.nodes, other), (*way.triples, triple)) for way in ways[node] if other not in way.nodes
                )
        return {node: found for node, found in grown.items() if found}


def by_weight(edge: Edge) -> tuple[float, str, str, bool]:
    """The order of a node's edges: the weightiest first, of equals by relation and name."""
    return -edge.weight, edge.relation, edge.other, not edge.is_out


def parts(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The names, at most ``size`` at a time."""
    return (names[start : start + size] for start in range(0, len(names), size))


def _other(triple: Triple, node: str) -> str:
    return triple.tail if triple.head == node else triple.head


def _is_entity(node: str) -> bool:
    return not node.startswith(ITEM)


def _names(triples: Iterable[Triple]) -> tuple[tuple[str, str, str], ...]:
    return tuple((triple.head, triple.relation, triple.tail) for triple in triples)
