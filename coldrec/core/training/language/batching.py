"""Which texts or pairs go together in a step: a function of the seed and the step, so that a run can be resumed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from coldrec.core.training.language.corpus import Pair, Text

MANY = 200_000  # pairs from which some are drawn without putting all in an order
TRIES = 20  # pairs looked at for each that is taken, before a smaller batch is good enough


def texts_of(texts: Sequence[Text], size: int, step: int, seed: int) -> list[Text]:
    """``size`` texts: the corpus is gone through in a new order each time, and no text twice before all were read."""
    return [texts[row] for row in _rows(len(texts), size, step, seed)]


def pairs_of(
    pairs: Sequence[Pair], size: int, step: int, seed: int, friends: Collection[tuple[str, str]] = ()
) -> list[Pair]:
    """At most ``size`` pairs of which none names what another names, nor a friend of it.

    In a batch each pair's positive, and its stranger, is a stranger to all other anchors, so two that belong together
    may not meet. A pair whose stranger belongs to one of the others goes without it.
    """
    rng = np.random.default_rng((seed, step))
    chosen: list[Pair] = []
    names: set[str] = set()
    texts: set[str] = set()

    def is_known(name: str) -> bool:
        return name in names or any((min(name, one), max(name, one)) in friends for one in names)

    for row in rng.permutation(len(pairs))[: size * TRIES] if len(pairs) < MANY else _many(rng, len(pairs), size):
        pair = pairs[row]
        if {pair.anchor, pair.positive} & texts or is_known(pair.left) or is_known(pair.right):
            continue
        chosen.append(pair)
        names.update((pair.left, pair.right))
        texts.update((pair.anchor, pair.positive))
        if len(chosen) == size:
            break
    return [
        replace(pair, negative="", stranger="") if pair.negative in texts or is_known(pair.stranger) else pair
        for pair in chosen
    ]


def _many(rng: np.random.Generator, n: int, size: int) -> list[int]:
    """Some rows of very many, without a permutation of all."""
    return [int(row) for row in rng.integers(0, n, size * TRIES)]


def _rows(n: int, size: int, step: int, seed: int) -> list[int]:
    found: list[int] = []
    at = step * size
    while len(found) < size and n:
        turn, start = divmod(at + len(found), n)
        order = np.random.default_rng((seed, turn)).permutation(n)
        found += order[start : start + size - len(found)].tolist()
    return found
