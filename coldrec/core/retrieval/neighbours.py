"""Item-to-item matrices kept to their strongest entries: the common form of most candidate sources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from coldrec.core.types import FloatArray

BLOCK_CELLS = 40_000_000  # float32 cells of one dense block: 160 MB, whatever the catalogue's size


def top_entries(rows: Callable[[int, int], FloatArray], n: int, columns: int, k: int) -> sparse.csr_array:
    """(n, columns) float32 with the k entries of largest magnitude of every row.

    ``rows(start, stop)`` gives a dense (stop − start, columns) block, so that memory stays bounded.
    """
    k = min(k, columns)
    step = max(1, BLOCK_CELLS // max(columns, 1))
    data, indices, counts = [], [], []
    for start in range(0, n, step):
        block = rows(start, min(start + step, n))
        if k < columns:
            best = np.argpartition(np.abs(block), columns - k, axis=1)[:, columns - k :]
        else:
            best = np.broadcast_to(np.arange(columns), block.shape)
        values = np.take_along_axis(block, best, axis=1)
        keep = values != 0
        data.append(values[keep].astype(np.float32))
        indices.append(best[keep].astype(np.int32))
        counts.append(keep.sum(axis=1))
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(counts))]) if counts else np.zeros(1)
    matrix = sparse.csr_array(
        (
            np.concatenate(data) if data else np.zeros(0, np.float32),
            np.concatenate(indices) if indices else np.zeros(0, np.int32),
            indptr.astype(np.int64),
        ),
        shape=(n, columns),
    )
    matrix.sort_indices()
    return matrix


def similar_rows(
    queries: sparse.csr_array, corpus: sparse.csr_array, k: int, *, same: bool = False
) -> sparse.csr_array:
    """(q, c) cosine of unit rows, the k largest of every row; with ``same`` a row is not its own neighbour."""
    corpus_t = sparse.csr_array(corpus.T)

    def rows(start: int, stop: int) -> FloatArray:
        block: FloatArray = (queries[start:stop] @ corpus_t).toarray()
        if same:
            block[np.arange(stop - start), np.arange(start, stop)] = 0.0
        return block

    return top_entries(rows, queries.shape[0], corpus.shape[0], k)


def spread(history: sparse.csr_array, matrix: sparse.csr_array) -> FloatArray:
    """(b, columns) float32, ``history @ matrix`` made dense.

    One visitor's few rows are gathered and summed directly: at serving time the general sparse product costs ten
    times its arithmetic.
    """
    if history.shape[0] != 1:
        return np.asarray((history @ matrix).toarray(), np.float32)
    return gather(history.indices, history.data, matrix)[None, :]


def gather(rows: npt.NDArray[Any], weights: npt.NDArray[Any], matrix: sparse.csr_array) -> FloatArray:
    """(columns,) float32: the weighted sum of some rows of a matrix."""
    pointer = matrix.indptr
    starts, stops = pointer[rows], pointer[np.asarray(rows) + 1]
    spans = [slice(a, b) for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]
    if not spans:
        return np.zeros(matrix.shape[1], np.float32)
    columns = np.concatenate([matrix.indices[span] for span in spans])
    values = np.concatenate([matrix.data[span] for span in spans]) * np.repeat(weights, stops - starts)
    return np.bincount(columns, weights=values, minlength=matrix.shape[1]).astype(np.float32)
