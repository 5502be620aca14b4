"""Made-up visitors and items whose best ranker is known."""

from __future__ import annotations

import numpy as np

from coldrec.core.ranking.features import Candidates, Examples, Profile
from coldrec.core.ranking.linear import LinearRanker, feature_map, size

D, C, E = 3, 2, 2
NONE = np.zeros(0, np.int64)


def planted(n: int = 10_000, visitors: int = 500, noise: float = 0.05, seed: int = 0) -> tuple[Examples, LinearRanker]:
    """Pairs whose labels follow a linear ranker, which is given as well."""
    rng = np.random.default_rng(seed)
    truth = LinearRanker(rng.uniform(-1, 1, size(D, C, E)), 0.3, D, C, E)
    profiles = [Profile(rng.standard_normal(D), rng.standard_normal(C), NONE) for _ in range(visitors)]
    visitor = rng.integers(0, visitors, n)
    items = Candidates(rng.standard_normal((n, D)), rng.standard_normal((n, E)), np.arange(n))
    u, p = (np.stack([getattr(profiles[row], name) for row in visitor]) for name in ("vector", "context"))
    labels = feature_map(u, p, items.vectors, items.facts) @ truth.w + truth.b
    return Examples(profiles, items, visitor, labels + noise * rng.standard_normal(n)), truth


def exclusive_or(by: str, n: int = 12_000, seed: int = 0) -> Examples:
    """A visitor wants the items that are not of his own kind.

    The kinds show in the tokens alone (``by="tokens"``), or in the first coordinate of u and the second of v
    (``by="content"``), where u∘v says nothing of them. ``seed`` draws the pairs; visitors and items stay the same.
    """
    visitors = items = 200
    visitor, item = np.random.default_rng(seed).integers(0, visitors, (2, n))
    kind_of_visitor, kind_of_item = np.arange(visitors) % 2, np.arange(items) % 2
    u, v = np.random.default_rng(99).standard_normal((2, visitors, 2))
    if by == "content":
        u[:, 0], v[:, 1] = kind_of_visitor * 2 - 1, kind_of_item * 2 - 1
    tokens = by == "tokens"
    profiles = [Profile(u[row], np.zeros(1), np.array([row]) if tokens else NONE) for row in range(visitors)]
    labels = (kind_of_visitor[visitor] != kind_of_item[item]).astype(np.float64)
    return Examples(
        profiles, Candidates(v[item], np.zeros((n, 1)), item if tokens else np.full(n, -1)), visitor, labels
    )


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """The share of pairs of a wanted and an unwanted item that are in the right order; ties count half."""
    wanted, other = scores[labels > 0.5], scores[labels <= 0.5]
    below = np.searchsorted(np.sort(other), wanted, side="left") + np.searchsorted(np.sort(other), wanted, side="right")
    return float(below.mean() / 2 / len(other))


def scores(ranker, examples: Examples) -> np.ndarray:
    """The ranker's scores of all pairs, one visitor's list at a time as in the shop."""
    result = np.zeros(len(examples.labels))
    for row, profile in enumerate(examples.profiles):
        of = np.flatnonzero(examples.visitor == row)
        items = examples.candidates
        result[of] = ranker.score(profile, Candidates(items.vectors[of], items.facts[of], items.tokens[of]))
    return result
