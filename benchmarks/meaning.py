"""What a language model makes of a data set's items; kept, since reading them takes minutes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from coldrec.core.dataset import Dataset
from coldrec.core.encoders.reading import item_text
from coldrec.core.types import FloatArray

MODEL, SHUFFLED = "english", "english-shuffled"
"""Instead of a hub id or a folder: what the extra "english" installs; the same with its vectors dealt anew."""
LONGEST = 4_000  # characters of an item that are read


def vectors_of(dataset: Dataset, model: str, cache: Path, seed: int) -> FloatArray:
    """(n, d) float32; those of ``SHUFFLED`` go to wrong items, which shows what a gain owes to what they say."""
    if model == SHUFFLED:
        return np.random.default_rng(seed).permutation(vectors_of(dataset, MODEL, cache, seed))
    from coldrec.backends.encoders.source import Source
    from coldrec.backends.encoders.torch import TorchEncoder

    source = Source.find("" if model == MODEL else model)
    texts = [item_text(item)[:LONGEST] for item in dataset.items]
    name = hashlib.sha256("\0".join([source.fingerprint, *texts]).encode()).hexdigest()[:24]
    path = cache / f"{name}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, TorchEncoder(source).encode(texts))
    return np.asarray(np.load(path, allow_pickle=False), np.float32)
