"""Which tokens of a text are hidden from a model that learns to tell them: whole words, or a whole value.

Shapes: t tokens of one text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coldrec.core.types import BoolArray, IntArray

HIDDEN, WRONG = (
    0.8,
    0.1,
)  # shares of the chosen tokens that are masked, and that are replaced by any other; the rest stay
Span = tuple[int, int]
"""First character and the one after the last."""


def find(text: str, values: Sequence[str]) -> list[Span]:
    """Where the values stand in the text as words of their own, each where it is met first; the longest win."""
    found: list[Span] = []
    low = text.casefold()
    if len(low) != len(text):  # a letter that has two when folded would shift what follows
        low = text
    for value in sorted({value.casefold() for value in values if value}, key=lambda one: (-len(one), one)):
        start = low.find(value)
        while start >= 0:
            end = start + len(value)
            is_word = not (_letter(low, start - 1) and _letter(low, start)) and not (
                _letter(low, end - 1) and _letter(low, end)
            )
            if is_word and not any(start < to and end > begin for begin, to in found):
                found.append((start, end))
                break
            start = low.find(value, start + 1)
    return sorted(found)


def chosen(
    words: Sequence[int | None],
    offsets: Sequence[Span],
    spans: Sequence[Span],
    rng: np.random.Generator,
    *,
    share: float,
    value_share: float,
) -> BoolArray:
    """(t,) which tokens the model has to tell.

    ``words`` number the word that each token is of, None for marks and padding; ``offsets`` say where it stands. With
    probability ``value_share`` one of the ``spans`` is chosen as a whole, so that what is said of an item has to be
    told from the rest of it; else words, as a whole, until they make up ``share`` of the tokens. Something always is.
    """
    told = np.zeros(len(words), np.bool_)
    number = np.array([-1 if word is None else word for word in words], np.int64)
    if spans and rng.random() < value_share:
        begin, end = spans[int(rng.integers(len(spans)))]
        for at, (start, stop) in enumerate(offsets):
            told[at] = number[at] >= 0 and start < end and stop > begin
        if told.any() and not told[number >= 0].all():
            return told
        told[:] = False
    wanted = max(1, round(share * int((number >= 0).sum())))
    for word in rng.permutation(np.unique(number[number >= 0])):
        if told.sum() >= wanted:
            break
        told |= number == word
    return told


def hidden(ids: IntArray, told: BoolArray, rng: np.random.Generator, *, mask: int, vocabulary: int) -> IntArray:
    """(t,) what the model reads instead: of the chosen tokens 80 % the mask, 10 % any token, 10 % themselves.

    References
    ----------
    Devlin et al. (2019), "BERT: Pre-training of Deep Bidirectional Transformers", section 3.1; whole words are of its
    later release.
    """
    draw = rng.random(len(ids))
    any_token = rng.integers(0, vocabulary, len(ids))
    read = np.where(told & (draw < HIDDEN), mask, ids)
    return np.asarray(np.where(told & (draw >= HIDDEN) & (draw < HIDDEN + WRONG), any_token, read), np.int64)


def _letter(text: str, at: int) -> bool:
    """Whether a word goes on at this place; of scripts without spaces every sign is one."""
    return 0 <= at < len(text) and text[at].isalnum() and ord(text[at]) < 0x2E80
