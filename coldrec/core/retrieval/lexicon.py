"""What the words of a query mean to a shop: terms of its catalogue, names of its entities, misspelt words set right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import numpy.typing as npt

from coldrec.core.retrieval.content import Vocabulary, stems, words
from coldrec.core.types import FloatArray, IntArray

LONGEST_QUERY = 200  # characters that are read
MOST_WORDS = 24  # of a query; a long description is known by its rarest
MISSPELT = 8  # unknown words of a query that are looked up; each takes about a millisecond among 200,000 words
WORD_LENGTHS = range(3, 41)  # letters; shorter words are like too many others, longer ones are no words
SHORTLIST = 20  # words that share most pairs of letters with a misspelt one
ALIKE = 0.7  # least share of letters in the same order, by difflib, for one word to stand for another
GUESSED = 0.4  # weight of a word set right, against one that was written so: silk is not always a milk misspelt
BITS = 21  # of a character


@dataclass(frozen=True)
class Word:
    """One word of a query as a shop knows it.

    ``weight`` its rarity, in BM25's scale, less for one that was guessed; ``column`` of the term, or −1; ``entities``
    columns of the entities whose name holds it, with ``shares`` of the name.
    """

    text: str
    weight: float
    column: int
    entities: IntArray
    shares: FloatArray


@dataclass(frozen=True)
class Lexicon:
    """The words that a model's items are known by. Made once for a catalogue; fresh items are described in the same."""

    words: Vocabulary
    entities: Vocabulary

    def read(self, query: str) -> list[Word]:
        """The words of a query that mean something here, the rarest first; a misspelt one as what it was meant to be.

        >>> from collections import Counter
        >>> tea = Vocabulary.learn([Counter({"kettle": 1, "tea": 1})] * 2)
        >>> lexicon = Lexicon(tea, Vocabulary.learn([Counter({"colour:sky blue": 1})] * 2))
        >>> [(word.text, word.column, word.entities.tolist()) for word in lexicon.read("Blue kettel, with a lid")]
        [('blue', -1, [0]), ('kettle', 0, [])]
        """
        found: dict[str, float] = {}
        unknown = 0
        for word in map(stems, words(query[:LONGEST_QUERY])):
            if word in self.words.columns or word in self.named:
                found[word] = 1.0
            elif _can_be_misspelt(word) and unknown < MISSPELT:
                unknown += 1
                if meant := self.spelling.nearest(word):
                    found.setdefault(meant, GUESSED)
        known = (self._word(word, trust) for word, trust in found.items())
        return sorted(known, key=lambda word: -word.weight)[:MOST_WORDS]

    def _word(self, text: str, trust: float) -> Word:
        column = self.words.columns.get(text, -1)
        named = self.named.get(text, [])
        entities, shares = np.array([at for at, _ in named], np.int64), np.array([part for _, part in named])
        weight = self.words.idf[column] if column >= 0 else self.entities.idf[entities].max()
        return Word(text, float(weight) * trust, column, entities, shares)

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
