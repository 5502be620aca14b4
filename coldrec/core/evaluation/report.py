"""Every figure of one view, from the lists a system made for it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import numpy as np

from coldrec.core.evaluation import metrics
from coldrec.core.evaluation.metrics import Array, Comparison, Figure
from coldrec.core.evaluation.protocols import Lists, Split, View
from coldrec.core.types import ItemId


@dataclass(frozen=True)
class Report:
    """What one system did in one view. ``figures`` holds NaN means where there was nobody to score."""

    view: str
    visitors: int
    skipped: int
    without_list: int
    candidates: int
    figures: Mapping[str, Figure]
    lists: Mapping[str, float]  # coverage, gini, cold_share, mean_popularity
    sides: Mapping[str, float] = field(default_factory=dict)  # mixed only: nDCG@20 warm, cold, balanced
    groups: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def score(split: Split, view: View, lists: Lists, *, seed: int = 0, draws: int = 1000) -> Report:
    """The report of one view; visitors without a list score zero. ``seed`` and ``draws`` are the bootstrap's."""
    values = visitor_figures(view, lists)
    empty = Figure(float("nan"), float("nan"), float("nan"))
    figures = {
        name: metrics.figure(column, seed=seed, draws=draws) if len(column) else empty
        for name, column in values.items()
    }
    return Report(
        view=view.name,
        visitors=len(view.relevant),
        skipped=view.skipped,
        without_list=sum(visitor not in lists for visitor in view.relevant),
        candidates=len(view.allowed),
        figures=figures,
        lists=list_figures(split, view, lists),
        sides=side_figures(split, view, lists) if view.name == "mixed" else {},
        groups=_group_figures(view, values),
    )


def visitor_figures(view: View, lists: Lists) -> dict[str, Array]:
    """Every metric over the view's visitors in the order of their sorted names, each (u,)."""
    return _figures(view.relevant, lists)


def _figures(relevant: Mapping[str, Set[ItemId]], lists: Lists) -> dict[str, Array]:
    visitors = sorted(relevant)
    hits = metrics.hit_matrix([lists.get(name, ()) for name in visitors], [relevant[name] for name in visitors])
    return metrics.ranking_figures(hits, np.array([len(relevant[name]) for name in visitors], dtype=np.int64))


def list_figures(split: Split, view: View, lists: Lists) -> dict[str, float]:
    """Who is shown: coverage and Gini of exposure over the candidates, share of held-out items, mean popularity."""
    shown = [item for visitor in view.relevant for item in lists.get(visitor, ())]
    position = {item: row for row, item in enumerate(sorted(view.allowed))}
    exposure = np.bincount([position[item] for item in shown if item in position], minlength=len(position))
    nothing = float("nan")
    return {
        "coverage": metrics.coverage(exposure),
        "gini": metrics.gini(exposure),
        "cold_share": sum(item in split.cold for item in shown) / len(shown) if shown else nothing,
        "mean_popularity": sum(split.popularity.get(item, 0) for item in shown) / len(shown) if shown else nothing,
    }


def side_figures(split: Split, view: View, lists: Lists) -> dict[str, float]:
    """nDCG@20 on the warm and on the held-out targets of a mixed list, and ``balanced``, their harmonic mean."""
    means = {}
    for side in ("warm", "cold"):
        relevant = {
            visitor: {item for item in items if (item in split.cold) == (side == "cold")}
            for visitor, items in view.relevant.items()
        }
        values = _figures({visitor: items for visitor, items in relevant.items() if items}, lists)["ndcg@20"]
        means[side] = float(values.mean()) if len(values) else 0.0
    return {**means, "balanced": metrics.harmonic(means["warm"], means["cold"])}


def compare(view: View, ours: Lists, theirs: Lists, *, seed: int = 0, draws: int = 1000) -> dict[str, Comparison]:
    """The paired difference of two systems in one view, by metric."""
    left, right = visitor_figures(view, ours), visitor_figures(view, theirs)
    return {name: metrics.compare(left[name], right[name], seed=seed, draws=draws) for name in left if len(left[name])}


def _group_figures(view: View, values: Mapping[str, Array]) -> dict[str, dict[str, float]]:
    labels = np.array([view.groups.get(visitor, "") for visitor in sorted(view.relevant)])
    return {
        str(group): {
            "visitors": int((labels == group).sum()),
            **{name: float(column[labels == group].mean()) for name, column in values.items()},
        }
        for group in (np.unique(labels) if view.groups else ())
    }
