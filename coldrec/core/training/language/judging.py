"""Whether a trained encoder may take the place of the one in use: by what was held out of its training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coldrec.core.evaluation import encoders
from coldrec.core.evaluation.encoders import Verdict
from coldrec.core.evaluation.metrics import Array
from coldrec.core.protocols import TextEncoder
from coldrec.core.training.language.corpus import Corpus


def compare(candidate: TextEncoder, current: TextEncoder, texts: Sequence[str], corpus: Corpus) -> Verdict:
    """Both beside each other on three tasks, as far as there are cases; ``texts`` are those of all the items.

    ``cold``: the held-out items that visitors took, among themselves, by likeness to what they took before; ``search``:
    what was wanted by the held-out searches, among all items; ``retrieval``: a held-out item by its title from what
    else is told of all held-out items.
    """
    return encoders.judge(figures(candidate, texts, corpus), figures(current, texts, corpus))


def figures(encoder: TextEncoder, texts: Sequence[str], corpus: Corpus) -> dict[str, Array]:
    """By task, (c,) nDCG@20 of each case."""
    told: dict[str, Array] = {}
    items = encoder.encode(texts) if corpus.histories or corpus.searches else np.zeros((0, encoder.dims), np.float32)
    if corpus.histories:
        rows = encoders.centred(items)
        told["cold"] = encoders.found_by_history(rows, corpus.histories, corpus.held_items, corpus.wanted)
    if corpus.searches:
        told["search"] = encoders.found_by_text(encoder.encode(corpus.searches, query=True), items, corpus.found)
    if about := [pair for pair in corpus.held_pairs if pair.kind == "told"]:
        titles = encoder.encode([pair.anchor for pair in about], query=True)
        rest = encoder.encode([pair.positive for pair in about])
        told["retrieval"] = encoders.found_by_text(titles, rest, [np.array([row]) for row in range(len(rest))])
    return told
