"""What stands beside some items, or some words, whoever is looking: stand-ins, companions, what words describe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coldrec.core import histories
from coldrec.core.ranking.blend import Blend
from coldrec.core.ranking.fusion import standardise
from coldrec.core.ranking.reader import top
from coldrec.core.retrieval.sources import Sources
from coldrec.core.types import FloatArray, IntArray

ALIKE = {"text": 0.5, "entity": 0.3, "graph": 0.2, "neighbours": 0.3, "factors": 0.2}
"""How much each source says of whether an item could stand in for another."""

TOGETHER_FLOOR = 1e-4
"""Weakest evidence for "goes with": below it nothing is better than filler."""

TIE = 1e-3
"""How much of the best likeness popularity is worth: it settles ties and nothing else."""

NEAR_FLOOR = 0.2
"""Share of the words asked for, by their rarity, that an item must have: with less it shares a word by chance."""


def similar(sources: Sources, seeds: Sequence[int], k: int) -> tuple[IntArray, FloatArray]:
    """The k best stand-ins for the seeds, with scores: alike in content, and wanted by the same visitors."""
    blend, found = _alike(sources, seeds)
    score = blend.weights[:, 0] @ blend.standard
    return _best(np.where(found["text"] + found["entity"] > 0, score, -np.inf), k)


def together(sources: Sources, seeds: Sequence[int], k: int) -> tuple[IntArray, FloatArray]:
    """The k items bought most beside the seeds, with scores; where the seeds are too new for that, beside their like.

    Fewer than k where fewer are.
    """
    score = _scores(sources, seeds, ("neighbours",))["neighbours"]
    return _best(np.where(score > TOGETHER_FLOOR, score, -np.inf), k)


def near(sources: Sources, query: str, k: int) -> tuple[IntArray, FloatArray]:
    """The k items described most nearly by the words of a query, with scores; among equals what sells.

    An item that has all the words goes before one that says much of a few. None where no word says anything here.
    """
    blend = near_blend(sources, query)
    share = blend.weights[0]
    return _best(np.where(share >= NEAR_FLOOR, share * blend.standard[0] + blend.constants["tie"], -np.inf), k)


def similar_blend(sources: Sources, seeds: Sequence[int]) -> Blend:
    """How the scores of :func:`similar` come about."""
    return _alike(sources, seeds)[0]


def together_blend(sources: Sources, seeds: Sequence[int]) -> Blend:
    """How the scores of :func:`together` come about."""
    return Blend.alone("neighbours", _scores(sources, seeds, ("neighbours",))["neighbours"])


def near_blend(sources: Sources, query: str) -> Blend:
    """How the scores of :func:`near` come about; the weight is the share of the words that an item has."""
    said, share = sources.worded(query)
    sold = np.pad(sources.popularity, (0, sources.size - sources.n))
    tie = TIE * (said * share).max(initial=0) * sold / max(sold.max(initial=0), 1)
    return Blend(np.arange(sources.size), ("words",), said[None, :], said[None, :], share[None, :], {"tie": tie})


def _alike(sources: Sources, seeds: Sequence[int]) -> tuple[Blend, dict[str, FloatArray]]:
    silent = sources.silent()
    heard = {name: weight for name, weight in ALIKE.items() if name not in silent}
    found = _scores(sources, seeds, ("text", "entity", *heard))
    raw = np.stack([found[name] for name in heard])
    weights = np.broadcast_to(np.array([*heard.values()], np.float32)[:, None], raw.shape)
    return Blend(np.arange(sources.size), tuple(heard), raw, standardise(raw, log=True), weights), found


def _scores(sources: Sources, seeds: Sequence[int], names: Sequence[str]) -> dict[str, FloatArray]:
    """Source name → (size,) scores of every item beside the seeds."""
    asked = histories.from_rows([np.array(seeds, np.int64)], sources.size, [np.nan])
    return {name: score[0] for name, score in sources.scores(asked, names).items()}


def _best(scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    rows = top(scores, k)
    return rows, scores[rows]
