"""What the words of a query mean to a shop: terms of its catalogue, names of its entities, misspelt words set right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import numpy.typing as npt

from coldrec.core.retrieval.content import Vocabulary, stems, words
from coldrec.core.types import FloatArray, IntArray

LONGEST_QUERY = 200  # characters that are read
MISSPELT = 8  # unknown words of a query that are looked up; each takes about a millisecond among 200,000 words
WORD_LENGTHS = range(3, 41)  # letters; shorter words are like too many others, longer ones are no words
SHORTLIST = 20  # words that share most pairs of letters with a misspelt one
ALIKE = 0.7  # least share of letters in the same order, by difflib, for one word to stand for another
BITS = 21  # of a character

Weights = tuple[IntArray, FloatArray]
"""Columns and their weights, of Euclidean length 1 together."""


@dataclass(frozen=True)
class Lexicon:
    """The words that a model's items are known by. Made once for a catalogue; fresh items are described in the same."""

    words: Vocabulary
    entities: Vocabulary

    def read(self, query: str) -> tuple[Weights, Weights]:
        """Words and entities that the query names. A word that nothing is known by counts as its nearest in spelling.

        >>> tea = Vocabulary.learn([Counter({"kettle": 1, "tea": 1})] * 2)
        >>> lexicon = Lexicon(tea, Vocabulary.learn([Counter({"colour:sky blue": 1})] * 2))
        >>> (columns, weights), (named, _) = lexicon.read("Blue kettel, with a lid")
        >>> [list(tea.columns)[column] for column in columns], named.tolist()
        (['kettle'], [0])
        """
        bag: Counter[str] = Counter()
        unknown = 0
        for word in map(stems, words(query[:LONGEST_QUERY])):
            if word in self.words.columns or word in self.named:
                bag[word] += 1
            elif _can_be_misspelt(word) and unknown < MISSPELT:
                unknown += 1
                if meant := self.spelling.nearest(word):
                    bag[meant] += 1
        text = self.words.transform([bag])
        named = np.zeros(len(self.entities.columns), np.float32)
        for word in bag:
            for column, share in self.named.get(word, ()):
                named[column] += share * self.entities.idf[column]
        columns = np.flatnonzero(named)
        weights = named[columns]
        return (text.indices.astype(np.int64), text.data), (columns, weights / (np.linalg.norm(weights) or 1.0))

    @cached_property
    def named(self) -> dict[str, list[tuple[int, float]]]:
        """Word → the entities whose name holds it, each with the share of the name that it is."""
        found: dict[str, list[tuple[int, float]]] = {}
        for term, column in self.entities.columns.items():
            name = term.rsplit(":", 1)[-1].rsplit(" > ", 1)[-1]  # the last step of a path: the others are entities too
            parts = set(map(stems, words(name)))
            for word in parts:
                found.setdefault(word, []).append((column, 1 / len(parts)))
        return found

    @cached_property
    def spelling(self) -> Spelling:
        """How the known words are spelt."""
        return Spelling.of([*filter(_can_be_misspelt, dict.fromkeys([*self.words.columns, *self.named]))])


@dataclass(frozen=True)
class Spelling:
    """Words by the pairs of letters in them, both ends counting as letters.

    ``pairs`` (N,) codes in ascending order; ``owner`` (N,) positions into ``words``; ``lengths`` (W,) pairs of a word.
    """

    words: list[str]
    pairs: IntArray
    owner: npt.NDArray[np.int32]
    lengths: IntArray

    @classmethod
    def of(cls, words: Sequence[str]) -> Spelling:
        pairs, owner = _pairs(words)
        order = np.argsort(pairs, kind="stable")
        return cls(list(words), pairs[order], owner[order], np.bincount(owner, minlength=len(words)))

    def nearest(self, word: str) -> str:
        """The known word that ``word`` was most likely meant to be, or nothing.

        >>> Spelling.of(["coffee", "coffin", "tea"]).nearest("cofee")
        'coffee'
        """
        own = np.unique(_pairs([word])[0])
        starts, stops = np.searchsorted(self.pairs, own), np.searchsorted(self.pairs, own, side="right")
        owners = [self.owner[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        shared = np.bincount(np.concatenate(owners), minlength=len(self.words))
        found = np.flatnonzero(shared)
        share = shared[found] / (len(own) + self.lengths[found])
        best = found[np.argsort(-share, kind="stable")[:SHORTLIST]]
        return next(iter(get_close_matches(word, [self.words[at] for at in best], n=1, cutoff=ALIKE)), "")


def _pairs(words: Sequence[str]) -> tuple[IntArray, npt.NDArray[np.int32]]:
    """Codes of all pairs of letters and the words they are in; all at once, as a catalogue may have 200,000 words."""
    text = "\0".join(["", *words, ""])
    letters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
    owner = (np.cumsum(letters == 0) - 1).astype(np.int32)
    return letters[:-1] << BITS | letters[1:], owner[:-1]


def _can_be_misspelt(word: str) -> bool:
    """Words of an alphabet; Chinese ones are known by their characters, and numbers are right or wrong."""
    return len(word) in WORD_LENGTHS and word[0] < "\u3040" and not word.isdigit()
