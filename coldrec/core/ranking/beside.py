"""What stands beside some items, or some words, whoever is looking: stand-ins, companions, what words describe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coldrec.core import histories
from coldrec.core.ranking.blend import Blend
from coldrec.core.ranking.fusion import standardise
from coldrec.core.ranking.reader import top
from coldrec.core.retrieval.sources import Sources
from coldrec.core.types import BoolArray, FloatArray, IntArray

ALIKE = {"text": 0.5, "entity": 0.3, "graph": 0.2, "neighbours": 0.3, "factors": 0.2}
"""How much each source says of whether an item could stand in for another."""

TOGETHER_FLOOR = 1e-4
"""Weakest evidence for "goes with": below it nothing is better than filler."""

STAND_IN = 0.5
"""Likeness in entities from which on an item that goes with the seeds could stand in for them all the same."""

LENT = 0.5
"""What a new item is believed to go with the seeds because its like does, against those that do themselves."""

LIKE = 10
"""Items whose companions are asked where the seeds have none of their own."""

TIE = 1e-3
"""How much of the best likeness popularity is worth: it settles ties and nothing else."""

NEAR_FLOOR = 0.2
"""Share of the words asked for, by their rarity, that an item must have: with less it shares a word by chance."""


def similar(sources: Sources, seeds: Sequence[int], k: int) -> tuple[IntArray, FloatArray]:
    """The k best stand-ins for the seeds, with scores: alike in content, and wanted by the same visitors.

    What the graph says goes with the seeds is none, however much they are wanted by the same, unless it is alike.
    """
    blend, found = _alike(sources, seeds)
    score = blend.weights[:, 0] @ blend.standard
    goes_with = (sources.going_with(_asked(sources, seeds))[0] > 0) & (found["entity"] < STAND_IN * len(seeds))
    return _best(np.where((found["text"] + found["entity"] > 0) & ~goes_with, score, -np.inf), k)


def together(sources: Sources, seeds: Sequence[int], k: int) -> tuple[IntArray, FloatArray]:
    """The k items that go best with the seeds, with scores: by the graph, and bought most beside them.

    Where the seeds are too new for that, what goes with their like; a new item goes with what its like goes with. What
    stands in for a seed does not go with it. Fewer than k where fewer are.
    """
    blend, stands_in = _companions(sources, seeds)
    score = np.asarray(blend.total, np.float32)
    return _best(np.where((score > TOGETHER_FLOOR) & ~stands_in, score, -np.inf), k)


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
    return _companions(sources, seeds)[0]


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


def _companions(sources: Sources, seeds: Sequence[int]) -> tuple[Blend, BoolArray]:
    """What goes with the seeds, by source, and which items stand in for one of them."""
    bought = _scores(sources, seeds, ("neighbours",))["neighbours"]
    told = sources.going_with(_asked(sources, seeds))[0]
    stands_in = told < 0
    goes = np.maximum(told, 0)
    if sources.companions.nnz and not goes.any():
        # The likest first; each lends what it goes with.
        rows, _ = similar(sources, seeds, LIKE)
        goes = LENT * np.maximum(sources.going_with(_asked(sources, rows))[0], 0)
    # The best of either weighs the same: what the graph says is in no unit of visitors.
    most = float(goes.max(initial=0))
    goes = goes * np.float32((float(bought.max(initial=0)) or 1.0) / most) if most else goes
    lent = LENT * sources.lent_to_new(np.maximum(bought, goes))
    said = np.stack([bought, goes, lent]).astype(np.float32)
    names = ("neighbours", "goes_with", "goes_with_like")
    return Blend(np.arange(sources.size), names, said, said, np.ones_like(said)), stands_in


def _asked(sources: Sources, seeds: Sequence[int] | IntArray) -> histories.Histories:
    return histories.from_rows([np.array(seeds, np.int64)], sources.size, [np.nan])


def _scores(sources: Sources, seeds: Sequence[int], names: Sequence[str]) -> dict[str, FloatArray]:
    """Source name → (size,) scores of every item beside the seeds."""
    return {name: score[0] for name, score in sources.scores(_asked(sources, seeds), names).items()}


def _best(scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    rows = top(scores, k)
    return rows, scores[rows]
