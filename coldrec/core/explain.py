"""Why an item is in a list: which of the things a visitor did spoke for it most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from coldrec.core.retrieval.neighbours import entries
from coldrec.core.retrieval.sources import Sources
from coldrec.core.types import FloatArray, IntArray

EVIDENCE = 2
"""Items named as evidence at most."""


def because(sources: Sources, chosen: Sequence[int], known: Sequence[int]) -> list[list[int]]:
    """For every chosen position the known positions that speak for it, strongest first.

    What counts is likeness in words, in entities and in visitors, and ties in the graph, each between 0 and 1. All are
    parts of the score, so taking the evidence out of the history lowers the item. An item that nothing known speaks for
    has no evidence.
    """
    if not chosen or not known:
        return [[] for _ in chosen]
    shared = _entries(sources.neighbours, known, chosen, sources.n)
    weight = likeness(sources, chosen, known) + shared / (shared.max(initial=0) or 1)
    if sources.graph.nnz:
        tied = _entries(sources.graph, known, chosen, sources.n)
        weight += tied / (tied.max(initial=0) or 1)
    order = np.argsort(-weight, axis=1, kind="stable")[:, :EVIDENCE]
    return [
        [known[at] for at, how_much in zip(best, weights, strict=True) if how_much > 0]
        for best, weights in zip(order.tolist(), np.take_along_axis(weight, order, axis=1).tolist(), strict=True)
    ]


def likeness(sources: Sources, chosen: Sequence[int], known: Sequence[int]) -> FloatArray:
    """(chosen, known) cosine in words plus that in entities; only terms of the chosen items are looked at."""
    line, term, weight = _terms(sources, chosen)
    used, column = np.unique(term, return_inverse=True)
    left = np.zeros((len(chosen), len(used)), np.float32)
    left[line, column] = weight
    line, term, weight = _terms(sources, known)
    column = np.searchsorted(used, term)
    there = column < len(used)
    there[there] = used[column[there]] == term[there]
    right = np.zeros((len(known), len(used)), np.float32)
    right[line[there], column[there]] = weight[there]
    return np.asarray(left @ right.T)


def _terms(sources: Sources, positions: Sequence[int]) -> tuple[IntArray, IntArray, FloatArray]:
    """Line, term and weight of all that some items say of themselves; entities are numbered after the words."""
    rows, start, found = np.asarray(positions), 0, []
    for part in sources.contents():
        own = np.where((rows >= start) & (rows < start + part.text.shape[0]), rows - start, -1)
        start += part.text.shape[0]
        if (own >= 0).any():
            line, term, weight = entries(part.entity, own)
            found += [entries(part.text, own), (line, term + part.text.shape[1], weight)]
    line, term, weight = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return line, term, weight


def _entries(matrix: sparse.csr_array, known: Sequence[int], chosen: Sequence[int], n: int) -> FloatArray:
    """(chosen, known) entries of an item-to-item matrix, from known to chosen; fresh items have none."""
    rows = np.asarray(known)
    line, column, value = entries(matrix, np.where(rows < n, rows, -1))
    order = np.argsort(chosen)
    ordered = np.asarray(chosen)[order]
    place = np.searchsorted(ordered, column)
    there = place < len(ordered)
    there[there] = ordered[place[there]] == column[there]
    found = np.zeros((len(chosen), len(known)), np.float32)
    found[order[place[there]], line[there]] = value[there]
    return found
