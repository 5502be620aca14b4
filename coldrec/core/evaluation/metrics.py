"""Ranking metrics over a hit matrix, figures about the lists themselves, and resampling intervals.

Shapes: u visitors, d depth of the lists. ``hits[r, c]`` says whether the item at rank c + 1 of visitor r is relevant;
``relevant[r]`` counts that visitor's relevant items, listed or not, and is at least 1.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from coldrec.core.types import BoolArray, IntArray

Array = npt.NDArray[np.float64]
Listed = TypeVar("Listed", bound=Hashable)

DEPTH = 20
"""Longest list that is judged."""


def hit_matrix(
    lists: Sequence[Sequence[Listed]], relevant: Sequence[Collection[Listed]], depth: int = DEPTH
) -> BoolArray:
    """Where each list is right: (u, depth) bool; ranks beyond the end of a short list are misses.

    >>> hit_matrix([["a", "b"], []], [{"b"}, {"a"}], depth=3).tolist()
    [[False, True, False], [False, False, False]]
    """
    hits = np.zeros((len(lists), depth), dtype=np.bool_)
    for row, (listed, wanted) in enumerate(zip(lists, relevant, strict=True)):
        found = [item in wanted for item in listed[:depth]]
        hits[row, : len(found)] = found
    return hits


def recall(hits: BoolArray, relevant: IntArray, k: int = DEPTH) -> Array:
    """Share of what could have been found in k places: hits in the top k / min(relevant, k), (u,) in [0, 1]."""
    return np.asarray(hits[:, :k].sum(axis=1) / np.minimum(relevant, k), dtype=np.float64)


def recall_all(hits: BoolArray, relevant: IntArray, k: int = DEPTH) -> Array:
    """Share of all relevant items that stand in the top k, (u,) in [0, 1]; most published tables mean this one."""
    return np.asarray(hits[:, :k].sum(axis=1) / relevant, dtype=np.float64)


def ndcg(hits: BoolArray, relevant: IntArray, k: int = DEPTH) -> Array:
    """Discounted gain over the best possible one, (u,) in [0, 1].

    ``Σ_c hit_c / log2(c + 1)`` over ranks c ≤ k, divided by the same sum with min(relevant, k) hits in front.

    References
    ----------
    Järvelin & Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques", TOIS 20(4).
    """
    discount = 1.0 / np.log2(np.arange(k) + 2.0)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    depth = min(k, hits.shape[1])
    gain = hits[:, :depth].astype(np.float64) @ discount[:depth]
    return np.asarray(gain / ideal[np.minimum(relevant, k)], dtype=np.float64)


def hit_rate(hits: BoolArray, k: int = DEPTH) -> Array:
    """1 for each visitor with anything relevant in the top k, (u,)."""
    return np.asarray(hits[:, :k].any(axis=1), dtype=np.float64)


def reciprocal_rank(hits: BoolArray) -> Array:
    """1 / rank of the first relevant item, 0 without one, (u,)."""
    return np.asarray(hits.any(axis=1) / (hits.argmax(axis=1) + 1.0), dtype=np.float64)


def ranking_figures(hits: BoolArray, relevant: IntArray) -> dict[str, Array]:
    """Every metric that the reports print, by its name; each value is (u,)."""
    return {
        **{f"recall@{k}": recall(hits, relevant, k) for k in (10, 20)},
        **{f"ndcg@{k}": ndcg(hits, relevant, k) for k in (10, 20)},
        **{f"hit@{k}": hit_rate(hits, k) for k in (10, 20)},
        "recall_all@20": recall_all(hits, relevant),
        "mrr": reciprocal_rank(hits),
    }


def coverage(exposure: npt.NDArray[np.number]) -> float:
    """Share of the candidates that anybody is shown; ``exposure`` (n,) counts how often each one is."""
    return float((exposure > 0).mean()) if len(exposure) else float("nan")


def gini(exposure: npt.NDArray[np.number]) -> float:
    """Inequality of exposure: 0 when all candidates are shown equally often, towards 1 when one takes all; NaN unshown.

    >>> gini(np.array([1, 1, 1])), gini(np.array([0, 0, 3]))
    (0.0, 0.6666666666666666)
    """
    ordered = np.sort(exposure).astype(np.float64)
    n, total = len(ordered), ordered.sum()
    if not total:
        return float("nan")
    return float(1.0 + 1.0 / n - 2.0 * np.cumsum(ordered).sum() / (n * total))


def harmonic(first: float, second: float) -> float:
    """Harmonic mean, 0 when both are 0: a list cannot win on one side by giving up the other."""
    return 2.0 * first * second / (first + second) if first + second else 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over visitors and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mean paired difference (ours less theirs), its 95 % bootstrap interval and two-sided p-value."""

    difference: float
    low: float
    high: float
    p_value: float


def figure(values: Array, *, seed: int = 0, draws: int = 1000) -> Figure:
    """The mean of ``values`` (u,), u ≥ 1, with an interval from ``draws`` resamples of the visitors."""
    low, high = np.quantile(_resampled_means(values, seed, draws), [0.025, 0.975])
    return Figure(float(values.mean()), float(low), float(high))


def compare(ours: Array, theirs: Array, *, seed: int = 0, draws: int = 1000) -> Comparison:
    """How far two systems are apart on the same visitors; both (u,), aligned.

    The p-value is twice the smaller share of resampled differences on either side of zero, at least 1 / draws.

    References
    ----------
    Efron & Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13.
    """
    gaps = ours - theirs
    means = _resampled_means(gaps, seed, draws)
    tail = min(float((means <= 0).mean()), float((means >= 0).mean()))
    low, high = np.quantile(means, [0.025, 0.975])
    return Comparison(float(gaps.mean()), float(low), float(high), min(1.0, max(2.0 * tail, 1.0 / draws)))


def _resampled_means(values: Array, seed: int, draws: int) -> Array:
    rng = np.random.default_rng(seed)
    return np.concatenate([values[rows].mean(axis=1) for rows in _resamples(rng, len(values), draws)])


def _resamples(rng: np.random.Generator, size: int, draws: int) -> Iterator[IntArray]:
    """Rows of visitor positions, (≤ draws, size) at a time so that no block exceeds 2 million cells."""
    block = max(1, 2_000_000 // size)
    for start in range(0, draws, block):
        yield rng.integers(0, size, size=(min(block, draws - start), size))
