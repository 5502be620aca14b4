"""Corpora small enough for a model of two layers, with something in them that can be learned, and the same spoiled."""

from __future__ import annotations

import numpy as np

from coldrec.core.training.language.corpus import Corpus, Pair, Text

SELLS = {"zorbla": "lamp", "quixi": "shoe", "vennu": "mug", "oppok": "tent"}
"""Made-up brands, and the one thing that each sells."""


def corpus(texts=(), pairs=(), held_texts=(), held_pairs=()):
    nothing = np.zeros(0, np.int64)
    return Corpus(
        texts=tuple(texts),
        pairs=tuple(pairs),
        held_texts=tuple(held_texts),
        held_pairs=tuple(held_pairs),
        friends=frozenset(),
        held_items=nothing,
        histories=(),
        wanted=(),
        searches=(),
        found=(),
    )


def brands(*, shuffled=False, number=1_000, seed=0):
    """Texts that say which brand sells what; shuffled, the same words without any sense."""
    rng = np.random.default_rng(seed)

    def said():
        brand, colour = rng.choice(list(SELLS)), rng.choice(["red", "blue", "wool"])
        return Text(f"{colour} {SELLS[brand]} a {brand}", (str(brand), SELLS[brand]))

    texts, held = [said() for _ in range(number)], [said() for _ in range(150)]
    if shuffled:
        words = rng.permutation([word for text in texts for word in text.text.split()])
        texts = [Text(" ".join(four)) for four in words.reshape(-1, 4)]
    return corpus(texts, held_texts=held)


def translations(*, permuted=False, seed=0):
    """Things of a kind and a colour, told in words of two languages; what is held out are other things of the same."""
    rng = np.random.default_rng(seed)
    things = rng.permutation([(kind, colour) for kind in range(10) for colour in range(10)])

    def pair(kind, colour):
        one, other = f"{'abcdefghij'[kind]} {'klmnopqrst'[colour]}", f"{'uvwxyz0123'[kind]} {'456789abcd'[colour]}z"
        name = f"{kind}-{colour}"
        return Pair(one, other, name, name, "told")

    pairs = [pair(*thing) for thing in things]
    learned, held = pairs[:70], pairs[70:]
    if permuted:
        others = np.roll(np.arange(len(learned)), 31)
        learned = [
            Pair(one.anchor, learned[other].positive, one.left, learned[other].right, "told")
            for one, other in zip(learned, others, strict=True)
        ]
    return corpus([Text(one.anchor) for one in pairs], learned, held_pairs=held)
