"""Entity linking: which entities a text speaks of.

A dictionary of names finds the longest ones first, at word boundaries, in Chinese and Japanese at any character. How
far a name can be trusted is learned from the catalogue itself: of the items whose text holds it and whose value is
known, how many do have that value (the "commonness" of Milne & Witten 2008, "Learning to Link with Wikipedia", CIKM,
§3).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coldrec.core.graph.ontology import caseless
from coldrec.core.retrieval.content import stems
from coldrec.core.types import FloatArray

TITLE, TEXT = 0.75, 0.6
"""Trust in a name that stands in a title, or in a text, before the catalogue has been asked: too little to believe."""

PRIOR = 4.0  # items that this trust weighs as much as
MOST_TOKENS = 4000  # of one text; a pasted manual must not take the day
SHARPNESS = 10.0  # of the choice between meanings by their vectors' cosines

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")
_LETTER = re.compile(r"[^\W\d_]")
_SAYS_NOTHING = frozenset(
    [
        "yes",
        "no",
        "true",
        "false",
        "none",
        "other",
        "others",
        "unknown",
        "n/a",
        "new",
        "one",
        "all",
        "the",
        "and",
        "for",
        "with",
        "standard",
        "normal",
        "regular",
        "default",
        "是",
        "否",
        "无",
        "其他",
        "未知",
    ]
)


def tokens(text: str) -> list[str]:
    """Words without their plural ending; of Chinese and Japanese each character.

    >>> tokens("Merino socks, 羊毛")
    ['merino', 'sock', '羊', '毛']
    """
    return [stems(token) for token in _TOKEN.findall(caseless(text))[:MOST_TOKENS]]


def is_telling(name: str) -> bool:
    """Whether a text that holds the name may be taken to speak of the thing: not so for numbers and for "other"."""
    name = caseless(name).strip()
    letters = _LETTER.findall(name)
    least = 2 if letters and letters[0] >= "\u3040" else 3
    return len(letters) >= least and name not in _SAYS_NOTHING


class Names:
    """A dictionary from names to keys, asked by whole texts.

    >>> names = Names([("milk", "milk"), ("coconut milk", "coconut"), ("牛奶", "milk")])
    >>> [(one.keys, one.name) for one in names.find("Coconut milk with MILK, 纯牛奶")]
    [(('coconut',), 'coconut milk'), (('milk',), 'milk'), (('milk',), '牛 奶')]
    """

    def __init__(self, named: Iterable[tuple[str, str]] = ()) -> None:
        self._first: dict[str, Any] = {}
        for name, key in named:
            self.add(name, key)

    def add(self, name: str, key: str) -> None:
        """Let ``name`` stand for ``key``; it may stand for others as well."""
        words = tokens(name)
        if not words:
            return
        place = self._first
        for word in words:
            place = place.setdefault(word, {})
        place.setdefault("", {})[key] = None  # no token is empty

    def find(self, text: str) -> Iterator[Mention]:
        """The longest names in the text, from its beginning; no two share a word."""
        words = tokens(text)
        at = 0
        while at < len(words):
            place, end = self._first, at
            keys: tuple[str, ...] = ()
            for ahead in range(at, len(words)):
                place = place.get(words[ahead], {})
                if not place:
                    break
                if "" in place:
                    end, keys = ahead + 1, tuple(place[""])
            if keys:
                yield Mention(" ".join(words[at:end]), keys)
            at = max(end, at + 1)


@dataclass(frozen=True, slots=True)
class Mention:
    """A name found in a text, and what it may stand for."""

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """An entity that a text speaks of. ``confidence`` 0 to 1; ``name`` is how it is called there."""

    key: str
    relation: str
    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Target:
    """An entity to look for: the relation that ties items to it, and its names."""

    key: str
    relation: str
    names: tuple[str, ...]


class Linker:
    """Finds the entities of a catalogue in texts. Feed it known items first (:meth:`learn`): they teach it trust."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._names = Names()
        self._relation: dict[str, str] = {}
        for target in targets:
            self._relation[target.key] = target.relation
            for name in target.names:
                if is_telling(name):
                    self._names.add(name, target.key)
        self._seen: dict[tuple[str, str], list[float]] = {}  # (name, key) → items where it could be right, and was

    def learn(self, texts: Sequence[tuple[str, float]], known: Mapping[str, frozenset[str]]) -> None:
        """Compare what texts speak of with what is known: ``known`` gives an item's keys by relation."""
        found = {(mention.name, key) for text, _ in texts for mention in self._names.find(text) for key in mention.keys}
        for name, key in found:
            if values := known.get(self._relation[key]):
                counts = self._seen.setdefault((name, key), [0.0, 0.0])
                counts[0] += 1
                counts[1] += key in values

    def link(
        self,
        texts: Sequence[tuple[str, float]],
        *,
        vector: FloatArray | None = None,
        vectors: Mapping[str, FloatArray] | None = None,
    ) -> list[Link]:
        """The entities that these texts speak of, best first; ``texts`` are (text, trust), as of title and description.

        A name of several entities is shared out among them: evenly, or, where the (d,) ``vector`` of the item and the
        ``vectors`` of the entities are given, by their cosine. Of several names of one entity the surest counts.
        """
        best: dict[str, Link] = {}
        for text, trust in texts:
            for mention in self._names.find(text):
                shares = _shares(mention.keys, vector, vectors or {})
                for key, share in zip(mention.keys, shares, strict=True):
                    could, was = self._seen.get((mention.name, key), (0.0, 0.0))
                    prior = trust * share
                    confidence = (was + PRIOR * prior) / (could + PRIOR)
                    if key not in best or confidence > best[key].confidence:
                        best[key] = Link(key, self._relation[key], mention.name, confidence)
        return sorted(best.values(), key=lambda link: (-link.confidence, link.key))


def _shares(keys: Sequence[str], vector: FloatArray | None, vectors: Mapping[str, FloatArray]) -> list[float]:
    """How likely each of several meanings is; they add up to 1."""
    if len(keys) == 1 or vector is None or not any(key in vectors for key in keys):
        return [1 / len(keys)] * len(keys)
    cosines = [_cosine(vector, vectors[key]) if key in vectors else 0.0 for key in keys]
    most = max(cosines)
    weights = [math.exp(SHARPNESS * (cosine - most)) for cosine in cosines]
    return [weight / sum(weights) for weight in weights]


def _cosine(one: FloatArray, other: FloatArray) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / length if length else 0.0
