"""Whether one encoder may take another's place: both find the same held-out items again, and are compared case by case.

Shapes: n items, d dimensions, c cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from coldrec.core.encoders.pieces import unit
from coldrec.core.evaluation import metrics
from coldrec.core.evaluation.metrics import Array, Comparison
from coldrec.core.types import FloatArray, IntArray

SURE = 0.05  # p-value below which a difference is no chance
FEWEST = 30  # cases without which nothing can be told
BLOCK = 512  # cases at once


@dataclass(frozen=True)
class Verdict:
    """What the cases say of a candidate beside what is in use; ``refusal`` is empty where it may take its place."""

    refusal: str
    figures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by task: candidate, current, gap, cases


def found_by_text(queries: FloatArray, items: FloatArray, wanted: Sequence[IntArray]) -> Array:
    """(c,) nDCG@20 of items put in the order of their likeness to each query's vector, (c, d) and (n, d)."""
    return np.concatenate(
        [np.zeros(0), *(_gains(queries[at : at + BLOCK] @ items.T, wanted[at : at + BLOCK]) for at in _starts(wanted))]
    )


def found_by_history(
    items: FloatArray, histories: Sequence[IntArray], candidates: IntArray, wanted: Sequence[IntArray]
) -> Array:
    """(c,) nDCG@20 of the candidates in the order of their likeness to the mean of what each visitor took."""
    place = np.full(len(items), -1, np.int64)
    place[candidates] = np.arange(len(candidates))
    profiles = np.zeros((len(histories), items.shape[1]), np.float32)
    for row, history in enumerate(histories):
        if len(history):
            profiles[row] = items[history].mean(axis=0)
    return found_by_text(unit(profiles), items[candidates], [place[rows] for rows in wanted])


def centred(items: FloatArray) -> FloatArray:
    """(n, d) unit rows less what all have in common, as the model uses them."""
    there = np.any(items != 0, axis=1, keepdims=True)
    centre = items[there[:, 0]].mean(axis=0) if there.any() else 0.0
    return unit(np.asarray(np.where(there, items - centre, 0), np.float32))


def judge(candidate: Mapping[str, Array], current: Mapping[str, Array], *, seed: int = 0) -> Verdict:
    """Better beyond chance at one task at least and worse at none, by a paired bootstrap over the cases (p < .05).

    ``candidate`` and ``current`` give (c,) figures by task, aligned. A task with too few cases is told and not judged.
    """
    figures: dict[str, dict[str, Any]] = {}
    better, worse = list[str](), list[str]()
    for task, ours in candidate.items():
        theirs = current[task]
        figures[task] = {"cases": len(ours), "candidate": _mean(ours), "current": _mean(theirs)}
        if len(ours) < FEWEST:
            continue
        gap = metrics.compare(ours, theirs, seed=seed)
        figures[task]["gap"] = {name: round(value, 5) for name, value in asdict(gap).items()}
        if gap.p_value < SURE:
            (better if gap.difference > 0 else worse).append(_said(task, gap))
    if worse:
        return Verdict(f"it is worse at {'; '.join(worse)}", figures)
    if not better:
        return Verdict(f"it is better at nothing: {'; '.join(_each(figures)) or 'there is no held-out case'}", figures)
    return Verdict("", figures)


def _each(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        _said(task, Comparison(**told["gap"]))
        if "gap" in told
        else f"{task} has {told['cases']} held-out cases, {FEWEST} are needed"
        for task, told in figures.items()
    ]


def _said(task: str, gap: Comparison) -> str:
    return f"{task} (nDCG@20 {gap.difference:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}], p = {gap.p_value:.3f})"


def _mean(values: Array) -> float | None:
    return round(float(values.mean()), 5) if len(values) else None


def _starts(cases: Sequence[Any]) -> range:
    return range(0, len(cases), BLOCK)


def _gains(scores: FloatArray, wanted: Sequence[IntArray]) -> Array:
    depth = min(metrics.DEPTH, scores.shape[1])
    if not depth:
        return np.zeros(len(wanted))
    best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    order = np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable"), 1)
    relevant = [set(rows.tolist()) for rows in wanted]
    hits = metrics.hit_matrix(order.tolist(), relevant)
    return metrics.ndcg(hits, np.array([len(rows) for rows in relevant], np.int64))
