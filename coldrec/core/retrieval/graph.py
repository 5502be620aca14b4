"""Plain hops over the item-to-item edges of the knowledge graph; entities are read by :mod:`.surroundings`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import sparse

from coldrec.core.retrieval.neighbours import top_entries, without_diagonal
from coldrec.core.retrieval.surroundings import BEHAVIOUR, ITEM, type_of
from coldrec.core.types import FloatArray, Triple

COMPLEMENTS = frozenset({"FITS_WITH", "BOUGHT_WITH"})
"""Types of relations between items that go with one another."""

SUBSTITUTES = frozenset({"VARIANT_OF"})
"""Types of relations of items that stand in for one another: to each other, or to the group that they are of."""

LARGEST_GROUP = 50  # items; more than that are no variants of one


class Hops(NamedTuple):
    """Ties between items, (n, n) float32 each.

    ``one`` step along any relation but those made from behaviour, ``two`` steps, the strongest of each row; and
    ``companions``, above 0 where two items go together and below where one stands in for the other.
    """

    one: sparse.csr_array
    two: sparse.csr_array
    companions: sparse.csr_array


def hops(triples: Sequence[Triple], position: Mapping[str, int], *, k: int) -> Hops:
    """Steps along item-to-item triples, the k strongest entries of a row.

    ``Ã = Σ_r D_r^-½ A_r D_r^-½`` with A_r the symmetric weights of relation r, and ``Ã²`` without its diagonal: the
    untrained propagation of He et al. (2020), "LightGCN", SIGIR, §3.1, by relation. Without such triples both matrices
    are empty, and the weights learned for them are zero: the gate is closed.
    """
    n = len(position)
    triples = [*triples, *_variants(triples)]
    by_relation: dict[str, dict[tuple[int, int], float]] = defaultdict(dict)
    types: dict[str, str] = {}
    for triple in triples:
        if _links(triple) and triple.weight > 0:
            head = position.get(triple.head.removeprefix(ITEM), -1)
            tail = position.get(triple.tail.removeprefix(ITEM), -1)
            if head >= 0 and tail >= 0 and head != tail:
                types[triple.relation] = type_of(triple)
                told, place = by_relation[triple.relation], (min(head, tail), max(head, tail))
                told[place] = max(triple.weight, told.get(place, 0.0))
    edges = {name: _normalised(told, n) for name, told in sorted(by_relation.items())}
    one = _added((matrix for name, matrix in edges.items() if types[name] not in BEHAVIOUR), n)
    companions = _added((matrix for name, matrix in edges.items() if types[name] in COMPLEMENTS), n)
    companions = companions - _added((matrix for name, matrix in edges.items() if types[name] in SUBSTITUTES), n)
    if not one.nnz:
        return Hops(one, one, sparse.csr_array(companions))

    def rows(start: int, stop: int) -> sparse.csr_array:
        return without_diagonal(sparse.csr_array(one[start:stop] @ one), start)

    return Hops(one, top_entries(rows, n, n, k), sparse.csr_array(companions))


def links(
    triples: Iterable[Triple], fresh: Mapping[str, int], position: Mapping[str, int], known: sparse.csr_array
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """(m, n) each: one step from fresh items to those of the catalogue, and companions, as :func:`hops` has them.

    ``known`` (n, n) is the step between those of the catalogue, whose degrees are one more for the new edge.
    """
    m, n = len(fresh), len(position)
    found: dict[str, dict[tuple[int, int], float]] = {"one": {}, "companions": {}}
    for triple in triples:
        head, tail = triple.head.removeprefix(ITEM), triple.tail.removeprefix(ITEM)
        if not _links(triple) or (head in fresh) == (tail in fresh):
            continue
        new, old = (head, tail) if head in fresh else (tail, head)
        if old in position:
            place = fresh[new], position[old]
            if type_of(triple) not in BEHAVIOUR:
                found["one"][place] = found["one"].get(place, 0.0) + triple.weight
            if sign := _sign(triple):
                found["companions"][place] = found["companions"].get(place, 0.0) + sign * triple.weight
    degrees = np.diff(known.indptr) + 1

    def matrix(entries: Mapping[tuple[int, int], float]) -> sparse.csr_array:
        rows, columns = (np.array([place[side] for place in entries], np.int32) for side in (0, 1))
        values = np.array([*entries.values()], np.float32)
        values = values / np.sqrt(np.bincount(rows, minlength=m)[rows] * degrees[columns])
        return sparse.csr_array((values.astype(np.float32), (rows, columns)), shape=(m, n))

    return matrix(found["one"]), matrix(found["companions"])


def _sign(triple: Triple) -> int:
    return int(type_of(triple) in COMPLEMENTS) - int(type_of(triple) in SUBSTITUTES)


def _variants(triples: Iterable[Triple]) -> Iterator[Triple]:
    """Ties between items that are variants of one thing, which is a node of its own."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for triple in triples:
        if triple.head.startswith(ITEM) and not triple.tail.startswith(ITEM) and type_of(triple) in SUBSTITUTES:
            groups[triple.relation, triple.tail].append(triple.head)
    for (relation, _), items in groups.items():
        if len(items) <= LARGEST_GROUP:
            yield from (Triple(head, relation, tail) for head, tail in combinations(sorted(set(items)), 2))


def _normalised(told: Mapping[tuple[int, int], float], n: int) -> sparse.csr_array:
    pairs = np.array([*told], np.int32)
    half = sparse.csr_array((np.array([*told.values()], np.float32), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    edges = sparse.csr_array(half + half.T)
    degree: FloatArray = np.asarray(edges.sum(axis=1)).ravel()
    root = sparse.diags_array(np.divide(1, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0))
    return sparse.csr_array(root @ edges @ root).astype(np.float32)


def _added(matrices: Iterable[sparse.csr_array], n: int) -> sparse.csr_array:
    total = sparse.csr_array((n, n), dtype=np.float32)
    for matrix in matrices:
        total = sparse.csr_array(total + matrix)
    return total


def _links(triple: Triple) -> bool:
    return triple.head.startswith(ITEM) and triple.tail.startswith(ITEM)
