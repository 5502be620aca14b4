"""How far a shop's knowledge graph is believed: as far as it helped to find new items again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from coldrec.core import histories
from coldrec.core.evaluation import metrics
from coldrec.core.ranking.reader import top
from coldrec.core.retrieval.sources import Bags
from coldrec.core.training.judge import DEPTH
from coldrec.core.training.simulate import Case, Simulation
from coldrec.core.types import FloatArray, IntArray

CASES = 600  # that are looked at: enough to tell a graph from noise
FEWEST = 30  # with fewer nothing can be told
SURE = 1.645  # standard errors above nothing: one shuffled graph in twenty looks as good


def believed(bags: Bags, simulation: Simulation) -> Bags:
    """The bags that read as much of the graph as helps: fields alone, also triples, also what entities belong to.

    Each step further has to find the items made cold better than the one before, and not by chance, among themselves
    and for visitors who took them, by likeness to what those took before: by nDCG@20. A graph that is sparse or random
    does not, and is not read; where too little can be simulated to tell, it is believed. Ties between items are left to
    the weights that are learned.
    """
    cases = simulation.cold_items[:CASES]
    if not bags.poorer or len(cases) < FEWEST:
        return bags
    cold = np.flatnonzero(simulation.cold)
    best, *further = (*bags.poorer, bags)
    gain = _gains(best, cases, cold)
    for one in further:
        now = _gains(one, cases, cold)
        better = now - gain
        if better.mean() > SURE * better.std() / np.sqrt(len(better)):
            best, gain = one, now
    return best


def _gains(bags: Bags, cases: Sequence[Case], cold: IntArray) -> FloatArray:
    """(cases,) nDCG@20 of the items made cold, put in the order of their likeness to a visitor's items."""
    n = bags.joint.shape[0]
    candidates = sparse.csr_array(bags.joint[cold].T)
    asked = histories.from_rows([case.history for case in cases], n, [case.now for case in cases])
    profiles = sparse.csr_array(asked.matrix(histories.SEEN) @ bags.joint)
    place = np.full(n, -1, np.int64)
    place[cold] = np.arange(len(cold))
    found: list[float] = []
    for row, case in enumerate(cases):
        score = np.asarray((profiles[row : row + 1] @ candidates).toarray()[0], np.float32)
        wanted = set(place[case.targets].tolist())
        hits = metrics.hit_matrix([top(score, DEPTH).tolist()], [wanted], DEPTH)
        found.append(float(metrics.ndcg(hits, np.array([len(wanted)]), DEPTH)[0]))
    return np.array(found)
