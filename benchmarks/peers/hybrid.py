"""Switch hybrid: the best collaborative peer scores warm items, the best content peer cold ones.

Each side is z-scored per visitor over the candidates; ``scale`` says how far cold items may reach among warm ones.
"""

import numpy as np

from benchmarks.peers.shop import Scorer, Shop

NAME = "switch hybrid"
VIEWS = ("full", "mixed")
GRID = tuple({"scale": scale} for scale in (0.2, 0.4, 0.6, 0.8, 1.0, 1.4, 2.0, 3.0))


def join(shop: Shop, collaborative: Scorer, content: Scorer, *, scale: float) -> Scorer:
    cold = shop.counts == 0

    def score(histories, visitors):  # type: ignore[no-untyped-def]
        scores = np.array(collaborative(histories, visitors), dtype=np.float32)
        scores[:, ~cold] = _standard(scores[:, ~cold])
        if cold.any():
            scores[:, cold] = scale * _standard(np.asarray(content(histories, visitors), np.float32)[:, cold])
        return scores

    return score


def _standard(scores: np.ndarray) -> np.ndarray:
    return (scores - scores.mean(axis=1, keepdims=True)) / (scores.std(axis=1, keepdims=True) + 1e-9)
