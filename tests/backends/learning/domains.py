"""Two domains that share no word and want opposite things: in one the first word tells what a text is, in the other
the last."""

from __future__ import annotations

import numpy as np
import torch

from coldrec.backends.encoders.torch import pooled

WORDS = ("abcdefghijklm", "nopqrstuvwxyz")


def pairs(domain: int, number: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Texts and, for each, another of the same kind."""
    words = list(WORDS[domain])
    kinds = rng.permutation(words)[:number]
    noise = rng.choice(words, (2, number))
    texts = [[f"{k} {n}" if domain == 0 else f"{n} {k}" for k, n in zip(kinds, row, strict=True)] for row in noise]
    return texts[0], texts[1]


def tokens(encoder, texts):
    ids = [encoder.cut([text])[0][0] for text in texts]
    return torch.tensor(ids), torch.ones((len(ids), len(ids[0])), dtype=torch.long)


def contrast(encoder, one, other):
    """In-batch softmax loss of pairs, temperature 1/10."""
    a, b = (
        torch.nn.functional.normalize(pooled(encoder.net, *tokens(encoder, texts), "mean")) for texts in (one, other)
    )
    return torch.nn.functional.cross_entropy(10 * a @ b.T, torch.arange(len(one)))
