"""A graph that says as much as another and means nothing: what a gain from the graph has to vanish with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from coldrec.core.types import Triple


def shuffled(triples: Iterable[Triple], seed: int = 0) -> tuple[Triple, ...]:
    """The triples with tails dealt anew within each relation, so that every node keeps as many edges of each.

    A fact that would then stand twice, or tie a node to itself, is dealt once more and dropped if that does not help.
    """
    rng = np.random.default_rng(seed)
    by_relation: dict[str, list[Triple]] = defaultdict(list)
    for triple in triples:
        by_relation[triple.relation].append(triple)
    found: dict[Triple, None] = {}
    for relation in sorted(by_relation):
        told = by_relation[relation]
        for _ in range(5):
            tails = [told[at].tail for at in rng.permutation(len(told))]
            again = []
            for one, tail in zip(told, tails, strict=True):
                dealt = Triple(one.head, relation, tail, one.weight)
                if dealt in found or one.head == tail:
                    again.append(dealt)
                else:
                    found[dealt] = None
            told = again
    return tuple(found)
