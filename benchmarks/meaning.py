"""What a language model makes of a data set's items; kept, since reading them takes minutes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coldrec.core.dataset import Dataset
from coldrec.core.encoders.reading import item_text
from coldrec.core.protocols import TextEncoder
from coldrec.core.types import FloatArray, Item

if TYPE_CHECKING:
    from coldrec.backends.encoders.source import Source

MODEL, SHUFFLED = "english", "english-shuffled"
"""Instead of a hub id or a folder: what the extra "english" installs; the same with its vectors dealt anew."""
LONGEST = 4_000  # characters of an item that are read


def vectors_of(dataset: Dataset, model: str, cache: Path, seed: int) -> FloatArray:
    """(n, d) float32; those of ``SHUFFLED`` go to wrong items, which shows what a gain owes to what they say."""
    if model == SHUFFLED:
        return np.random.default_rng(seed).permutation(vectors_of(dataset, MODEL, cache, seed))
    source = _source(model)
    return kept(source.fingerprint, texts_of(dataset.items), cache, lambda texts: encoder_of(model).encode(texts))


def texts_of(items: Iterable[Item]) -> list[str]:
    """What is read of each item."""
    return [item_text(item)[:LONGEST] for item in items]


def kept(fingerprint: str, texts: list[str], cache: Path, encode: Callable[[list[str]], FloatArray]) -> FloatArray:
    """(n, d) float32, kept by which model reads what; ``encode`` is called where nothing is kept."""
    name = hashlib.sha256("\0".join([fingerprint, *texts]).encode()).hexdigest()[:24]
    path = cache / f"{name}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, encode(texts))
    return np.asarray(np.load(path, allow_pickle=False), np.float32)


def encoder_of(model: str) -> TextEncoder:
    """The language model of that name, opened."""
    from coldrec.backends.encoders.torch import TorchEncoder

    return TorchEncoder(_source(model))


def _source(model: str) -> Source:
    from coldrec.backends.encoders.source import Source

    return Source.find("" if model == MODEL else model)
