"""The sparse content profile: items as weighted bags of words and entities.

Rare words win top-N lists and a dense vector loses them, so items are compared in the full vocabulary. Chinese and
Japanese text, which has no spaces, is cut into characters and pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from coldrec.core.retrieval.neighbours import pointers
from coldrec.core.types import FloatArray, Item

Bag = Mapping[str, float]
"""How much an item says of each term."""

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_SPACE = re.compile(r"\s+")
_MAX_TOKENS = 2000  # of one item; a pasted manual must not dominate memory
_MAX_VALUE = 100  # characters of an attribute value that make an entity


def words(text: str) -> Iterator[str]:
    """Lower-case words of ``text``; runs of CJK characters give characters and overlapping pairs.

    >>> list(words("Red Shoe 42 跑步鞋"))
    ['red', 'shoe', '42', '跑', '步', '鞋', '跑步', '步鞋']
    """
    for run in _TOKEN.findall(unicodedata.normalize("NFKC", text).lower()):
        if run[0] >= "\u3040":
            yield from run
            yield from (run[i : i + 2] for i in range(len(run) - 1))
        else:
            yield run


def stems(word: str) -> str:
    """The word without a plural ending, so that "mugs" meets "mug" and "boxes" meets "box".

    >>> [stems(w) for w in ("mugs", "boxes", "glass", "berries", "is")]
    ['mug', 'box', 'glass', 'berry', 'is']
    """
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def item_words(item: Item) -> Counter[str]:
    """Term counts of an item in all its languages; words of titles count twice, words of brand and category once."""
    counts: Counter[str] = Counter()
    parts = [(item.title, 2), (item.text, 1), (item.brand, 1), (" ".join(item.category), 1)]
    for _language, told in sorted(item.translations.items()):
        parts += [(told.get("title", ""), 2), (told.get("text", ""), 1)]
    for text, weight in parts:
        for taken, word in enumerate(words(text)):
            if taken >= _MAX_TOKENS:
                break
            counts[stems(word)] += weight
    return counts


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (f"{key}={text}" for text in _values(inner))
    elif isinstance(value, (list, tuple, set)):
        for inner in value:
            yield from _values(inner)
    elif value is not None and value != "":
        text = _SPACE.sub(" ", str(value)).strip().lower()
        if len(text) <= _MAX_VALUE:
            yield text


def item_entities(item: Item) -> set[str]:
    """Entities an item is tied to by its own fields: brand, every prefix of its category path, attribute values."""
    found = {f"brand:{text}" for text in _values(item.brand)}
    found.update(f"category:{' > '.join(item.category[:depth]).lower()}" for depth in range(1, len(item.category) + 1))
    for key, value in item.attributes.items():
        found.update(f"{key.lower()}:{text}" for text in _values(value))
    return found


@dataclass(frozen=True)
class Vocabulary:
    """Terms with their columns and weights, learned once and applied to items that come later."""

    columns: dict[str, int]
    idf: FloatArray  # (V,)
    mean_length: float
    k1: float = 1.2
    b: float = 0.75

    @classmethod
    def learn(cls, bags: Sequence[Bag], *, b: float = 0.75, limit: int = 200_000) -> Vocabulary:
        """The terms that at least two items share, rarest dropped past ``limit``.

        A term of one item can tie it to nothing. The weight is BM25's: ``ln(1 + (n − df + ½) / (df + ½))``
        (Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework", §3.2).
        """
        frequency = Counter(term for bag in bags for term in bag)
        kept = [term for term, df in frequency.most_common(limit) if df > 1]
        df = np.array([frequency[term] for term in kept], dtype=np.float32)
        idf = np.log1p((len(bags) - df + 0.5) / (df + 0.5)).astype(np.float32)
        lengths = [sum(bag.values()) for bag in bags]
        return cls({t: i for i, t in enumerate(kept)}, idf, float(np.mean(lengths)) if lengths else 1.0, b=b)

    def transform(self, bags: Sequence[Bag]) -> sparse.csr_array:
        """(n, V) float32 with rows of unit length; a bag without known terms gives an empty row."""
        lengths: list[int] = []
        indices: list[int] = []
        data: list[float] = []
        for bag in bags:
            length, before = sum(bag.values()), len(indices)
            damp = self.k1 * (1 - self.b + self.b * length / (self.mean_length or 1.0))
            for term, count in bag.items():
                if (column := self.columns.get(term)) is not None:
                    indices.append(column)
                    data.append(count * (self.k1 + 1) / (count + damp) * self.idf[column])
            lengths.append(len(indices) - before)
        matrix = sparse.csr_array(
            (np.array(data, np.float32), np.array(indices, np.int32), pointers(lengths)),
            shape=(len(bags), len(self.columns)),
        )
        matrix.sort_indices()
        return unit_rows(matrix)


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """The matrix with every row scaled to Euclidean length 1; empty rows stay empty."""
    norms = np.sqrt(matrix.power(2).sum(axis=1)).astype(np.float32)
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix)
