"""How what a visitor is not interested in lowers what is like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coldrec.core.explain import likeness
from coldrec.core.retrieval.sources import Sources
from coldrec.core.types import FloatArray, IntArray

FADE = 1.0
"""κ: standard deviations of the candidates' scores that a twin of a disliked item loses.

In toy shops 1 halves what is like it in the next list of somebody of two tastes, and leaves somebody of one taste that
taste; 0.5 is hardly seen, and from 2 on one word against an item nearly empties the list of its kind.
"""

FADERS = 50
"""Latest disliked items whose like fades; the older ones are only left out."""


def faded(sources: Sources, rows: IntArray, scores: FloatArray, disliked: Sequence[int]) -> FloatArray:
    """The candidates' scores less what they lose by being like something disliked.

    ``s_i − κ · σ · max_d (cos_words(i, d) + cos_entities(i, d)) / 2``, with σ the standard deviation of the candidates'
    scores: likeness is that by which a list gives its reasons, and σ puts it on the scale of whatever ranker scored.

    Parameters
    ----------
    rows : (c,) positions of the candidates.
    scores : (c,) finite, higher is better.
    disliked : positions, the latest first.
    """
    if not len(rows) or not disliked:
        return scores
    near = likeness(sources, rows.tolist(), disliked[:FADERS]).max(axis=1) / 2
    return np.asarray(scores - FADE * scores.std() * near, scores.dtype)
