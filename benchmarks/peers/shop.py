"""What every peer learns from: one task's training data as matrices. Shapes: u visitors, n items, t terms."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from coldrec.core.dataset import Dataset
from coldrec.core.types import Item

Scorer = Callable[[sparse.csr_array, Sequence[str]], np.ndarray]
"""Histories (b, n), 1 for every item taken, and the visitors' names → scores (b, n)."""

MOST_FREQUENT = 6_000
"""Items in the dense item-to-item matrices, so that memory and time stay bounded."""

WORD = re.compile(r"\w+", re.UNICODE)


@dataclass(frozen=True)
class Shop:
    dataset: Dataset

    @cached_property
    def taken(self) -> sparse.csr_array:
        """Who took what, (u, n), 1 each."""
        data = self.dataset
        shape = (len(data.visitors), len(data.items))
        rows = (data.event_visitor, data.event_item)
        matrix = sparse.csr_array((np.ones(len(data.event_item), np.float32), rows), shape=shape)
        matrix.sum_duplicates()
        matrix.data[:] = 1.0
        return matrix

    @cached_property
    def counts(self) -> np.ndarray:
        """Visitors of every item, (n,)."""
        return np.asarray(self.taken.sum(axis=0)).ravel()

    @cached_property
    def frequent(self) -> np.ndarray:
        """Positions of the most frequent items that were taken at all."""
        order = np.argsort(-self.counts, kind="stable")[:MOST_FREQUENT]
        return np.sort(order[self.counts[order] > 0])

    def terms(self, *, entities: bool, pairs: bool) -> sparse.csr_array:
        """How often each item says each term, (n, t); terms of one item only are left out.

        ``entities`` adds the knowledge graph's neighbours as terms, ``pairs`` adds pairs of words.
        """
        facts: dict[str, list[str]] = {}
        for triple in self.dataset.triples if entities else ():
            facts.setdefault(triple.head.removeprefix("item:"), []).append(f"{triple.relation} {triple.tail}")
        vocabulary: dict[str, int] = {}
        columns, pointer = [], [0]
        for item in self.dataset.items:
            for term in [*_terms(item, pairs), *facts.get(item.id, ())]:
                columns.append(vocabulary.setdefault(term, len(vocabulary)))
            pointer.append(len(columns))
        matrix = sparse.csr_array(
            (np.ones(len(columns), np.float32), columns, pointer), shape=(len(self.dataset.items), len(vocabulary))
        )
        matrix.sum_duplicates()
        said_by = np.bincount(matrix.indices, minlength=matrix.shape[1])
        return matrix[:, np.flatnonzero(said_by > 1)]


def _terms(item: Item, pairs: bool) -> list[str]:
    words = WORD.findall(f"{item.title} {item.text} {item.brand}".lower())
    terms = [*words, *(f"category {name}" for name in item.category)]
    if item.brand:
        terms.append(f"brand {item.brand}")
    for name, value in item.attributes.items():
        values: Sequence[Any] = value if isinstance(value, list) else [value]
        terms += [f"{name} {content}" for content in values]
    return terms + [f"{left} {right}" for left, right in pairwise(words)] if pairs else terms
