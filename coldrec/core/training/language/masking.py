"""Which tokens of a text are hidden from a model that learns to tell them: whole words, or a whole value.

Shapes: t tokens of one text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coldrec.core.types import BoolArray, IntArray

HIDDEN, WRONG = 0.8, 0.1  # of the chosen tokens: masked, and replaced by any other; the rest stay
LONGEST_WORD = 8  # tokens; what a tokenizer takes for a longer word is a phrase of a script without spaces
Span = tuple[int, int]
"""First character and the one after the last."""


def find(text: str, values: Sequence[str]) -> list[list[Span]]:
    """For each value that stands in the text as words of its own, all the places; where two overlap the longer wins.

    All of them: a brand that is hidden behind the title and stands in it would only have to be copied.
    """
    found: list[list[Span]] = []
    taken: list[Span] = []
    low = text.casefold()
    if len(low) != len(text):  # a letter that has two when folded would shift what follows
        low = text
    for value in sorted({value.casefold() for value in values if value}, key=lambda one: (-len(one), one)):
        places: list[Span] = []
        start = low.find(value)
        while start >= 0:
            end = start + len(value)
            is_word = not (_letter(low, start - 1) and _letter(low, start)) and not (
                _letter(low, end - 1) and _letter(low, end)
            )
            if is_word and not any(start < to and end > begin for begin, to in taken):
                places.append((start, end))
                taken.append((start, end))
            start = low.find(value, start + 1)
        if places:
            found.append(places)
    return sorted(found)


def chosen(
    words: Sequence[int | None],
    offsets: Sequence[Span],
    values: Sequence[Sequence[Span]],
    rng: np.random.Generator,
    *,
    share: float,
    value_share: float,
) -> BoolArray:
    """(t,) which tokens the model has to tell.

    ``words`` number the word that each token is of, None for marks and padding; ``offsets`` say where it stands. With
    probability ``value_share`` one of the ``values`` is chosen, in all its places, so that what is said of an item has
    to be told from the rest of it; else words, as a whole, until they make up ``share`` of the tokens. Something is
    always chosen where there is a word.
    """
    told = np.zeros(len(words), np.bool_)
    number = _words(words)
    if values and rng.random() < value_share:
        places = values[int(rng.integers(len(values)))]
        for at, (start, stop) in enumerate(offsets):
            told[at] = number[at] >= 0 and any(start < end and stop > begin for begin, end in places)
        if told.any() and not told[number >= 0].all():
            return told
        told[:] = False
    wanted = max(1, round(share * int((number >= 0).sum())))
    for word in rng.permutation(np.unique(number[number >= 0])):
        if told.sum() >= wanted:
            break
        told |= number == word
    return told


def _words(words: Sequence[int | None]) -> IntArray:
    """(t,) the number of each token's word, -1 for none; each token of a phrase is a word of its own."""
    number = np.array([-1 if word is None else word for word in words], np.int64)
    tokens = np.bincount(number[number >= 0], minlength=1)
    is_phrase = (number >= 0) & (tokens[np.maximum(number, 0)] > LONGEST_WORD)
    return np.asarray(np.where(is_phrase, number.max(initial=0) + 1 + np.arange(len(number)), number), np.int64)


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
