"""How good a policy is on simulated cold starts: the lists it would serve, and their nDCG@20."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from coldrec.core import histories
from coldrec.core.evaluation import metrics
from coldrec.core.protocols import Ranker
from coldrec.core.ranking import fusion
from coldrec.core.ranking.fusion import Fusion
from coldrec.core.ranking.reader import POOL, Reader, top
from coldrec.core.retrieval.sources import COLD, WARM, Sources
from coldrec.core.threads import in_parts
from coldrec.core.training.simulate import Case, Simulation
from coldrec.core.types import FloatArray, IntArray

DEPTH = 20
BATCH_CELLS = 1_500_000  # scores of one source at once


@dataclass(frozen=True)
class Ranked:
    """The best items of one case with log-probabilities or a ranker's scores, best first."""

    items: IntArray
    scores: FloatArray


@dataclass(frozen=True)
class Policy:
    """The recipe on trial: sources fitted without what is to be foretold, their fusion, and the ranker if any."""

    sources: Sources
    fusion: Fusion
    cold: IntArray  # positions of the items made cold
    ranker: Ranker | None = None
    reader: Reader | None = None

    @cached_property
    def warm(self) -> IntArray:
        return np.flatnonzero(self.sources.counts > 0)

    def ranked(self, cases: Sequence[Case], items: IntArray) -> list[Ranked]:
        """The 20 best of ``items``, all warm or all cold, for every case, the visitor's own left out."""
        lists = self._fused(cases, items, self._depth)
        return [self._reordered(case, one) for case, one in zip(cases, lists, strict=True)]

    def mixed(self, cases: Sequence[Case], depth: int) -> list[Ranked]:
        """The best items of both groups by the fusion alone, the cold ones placed by its share."""
        both = zip(self._fused(cases, self.warm, depth), self._fused(cases, self.cold, depth), strict=True)
        return [_merged(warm, cold, self.fusion.cold_share, depth) for warm, cold in both]

    def ndcg(self, cases: Sequence[Case], items: IntArray) -> float:
        """Mean nDCG@20 of lists of warm, or of cold, items."""
        return _gain([one.items for one in self.ranked(cases, items)], [case.targets for case in cases])

    def balanced(self, cases: Sequence[Case], shares: FloatArray) -> FloatArray:
        """(len(shares),) harmonic mean of nDCG@20 on warm and on cold targets of mixed lists.

        One side alone can be had by giving up the other; the harmonic mean rewards neither.
        """
        warm, cold = (self._fused(cases, items, self._depth) for items in (self.warm, self.cold))
        is_cold = self.sources.counts == 0
        result = np.zeros(len(shares))
        for at, share in enumerate(shares):
            lists = (_merged(w, c, float(share), self._depth) for w, c in zip(warm, cold, strict=True))
            found = [self._reordered(case, one).items for case, one in zip(cases, lists, strict=True)]
            sides = [
                _gain(found, [case.targets[is_cold[case.targets] == side] for case in cases]) for side in (False, True)
            ]
            result[at] = 2 * sides[0] * sides[1] / (sides[0] + sides[1]) if all(sides) else 0.0
        return result

    @property
    def _depth(self) -> int:
        return DEPTH if self.ranker is None else POOL

    def _reordered(self, case: Case, one: Ranked) -> Ranked:
        if self.ranker is None or self.reader is None:
            return one
        items, scores = self.reader.reorder(self.ranker, case.history, one.items, one.scores)
        return Ranked(items[:DEPTH], scores[:DEPTH])

    def _fused(self, cases: Sequence[Case], items: IntArray, depth: int) -> list[Ranked]:
        return _ranked_by(self.sources, [self.fusion], cases, items, depth)[0]


def ndcgs(policy: Policy, fusions: Sequence[Fusion], cases: Sequence[Case], items: IntArray) -> list[float]:
    """Mean nDCG@20 of lists of warm, or of cold, items by each fusion; the sources are asked once for all."""
    wanted = [case.targets for case in cases]
    by_fusion = _ranked_by(policy.sources, fusions, cases, items, DEPTH)
    return [_gain([one.items for one in ranked], wanted) for ranked in by_fusion]


def _ranked_by(
    sources: Sources, fusions: Sequence[Fusion], cases: Sequence[Case], items: IntArray, depth: int
) -> list[list[Ranked]]:
    """For each fusion the best of ``items``, all warm or all cold, for every case, the visitor's own left out."""
    if not len(items):
        return [[Ranked(items, np.zeros(0, np.float32)) for _ in cases] for _ in fusions]
    cold = bool(sources.counts[items[0]] == 0)
    place = np.full(sources.n, -1, np.int64)
    place[items] = np.arange(len(items))
    used = {name for one in fusions for name in one.names()}
    names = [name for name in (COLD if cold else WARM) if name in used]

    def rank(part: Sequence[Case]) -> list[list[Ranked]]:
        scores, sizes = ask(sources, part, names)
        return [[*best(one, scores, sizes, part)] for one in fusions]

    def best(one: Fusion, scores: Mapping[str, FloatArray], sizes: IntArray, part: Sequence[Case]) -> Iterator[Ranked]:
        logp = fusion.log_softmax(one.group_scores(scores, sizes, items, cold=cold))
        for row, case in enumerate(part):
            own = place[case.history]
            logp[row, own[own >= 0]] = -np.inf
            first = top(logp[row], depth)
            yield Ranked(items[first], logp[row, first])

    by_part = in_parts(rank, batches(sources, cases))
    return [[one for part in by_part for one in part[at]] for at in range(len(fusions))]


def batches(sources: Sources, cases: Sequence[Case]) -> list[Sequence[Case]]:
    """Cases a few at a time, so that their scores stay small beside the machine's memory."""
    size = max(1, BATCH_CELLS // max(sources.n, 1))
    return [cases[start : start + size] for start in range(0, len(cases), size)]


def ask(sources: Sources, part: Sequence[Case], names: Sequence[str]) -> tuple[dict[str, FloatArray], IntArray]:
    """Scores by source for some cases, and the sizes of their histories."""
    rows = histories.from_rows([case.history for case in part], sources.n, [case.now for case in part])
    return sources.scores(rows, names), rows.size


def mixed_cases(simulation: Simulation) -> list[Case]:
    """Warm visitors with the items they want of both kinds, one case a visitor."""
    by_history = {case.history.tobytes(): case for case in simulation.warm}
    cases = []
    for case in simulation.cold_items:
        also = by_history.pop(case.history.tobytes(), None)
        cases.append(case if also is None else replace(case, targets=np.concatenate([case.targets, also.targets])))
    cases.extend(by_history.values())
    return cases


def _merged(warm: Ranked, cold: Ranked, share: float, depth: int) -> Ranked:
    """One list of both groups: each is a softmax of its own, mixed with these log-odds of the cold one."""
    items = np.concatenate([warm.items, cold.items])
    scores = np.concatenate([warm.scores, cold.scores + share])
    best = np.argsort(-scores, kind="stable")[:depth]
    return Ranked(items[best], scores[best])


def _gain(ranked: Sequence[IntArray], wanted: Sequence[IntArray]) -> float:
    """Mean nDCG@20 over cases with a wanted item."""
    used = [row for row, targets in enumerate(wanted) if len(targets)]
    if not used:
        return 0.0
    lists, relevant = ([ranked[row].tolist() for row in used], [set(wanted[row].tolist()) for row in used])
    hits = metrics.hit_matrix(lists, relevant, DEPTH)
    return float(metrics.ndcg(hits, np.array([len(r) for r in relevant]), DEPTH).mean())
