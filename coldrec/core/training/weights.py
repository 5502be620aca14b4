"""The fusion's weights, learned on simulated cold starts and judged on others of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from coldrec.core import histories
from coldrec.core.config import FitConfig
from coldrec.core.evaluation import metrics
from coldrec.core.ranking import fusion
from coldrec.core.ranking.fusion import Fusion, Lists
from coldrec.core.retrieval.sources import COLD, WARM, Sources
from coldrec.core.training.simulate import Case, Simulation
from coldrec.core.types import FloatArray, IntArray

DEPTH = 20
BATCH = 128  # visitors scored at once
SHARES = np.linspace(-6, 4, 41)  # log-odds of the cold items tried
RIDGE, SMOOTH = 1e-3, 3e-3
SMALLEST = 1e-3  # weights below are set to zero, their sources are not computed


@dataclass(frozen=True)
class Ranked:
    """The best items of one case in one group, with log-probabilities, best first."""

    items: IntArray
    logp: FloatArray


def learn(sources: Sources, simulation: Simulation, config: FitConfig, seed: int) -> tuple[Fusion, dict[str, float]]:
    """The fusion and its figures: nDCG@20 on simulated cases that took no part in learning.

    Keys of the figures: ``cold`` (items made cold, ranked among themselves), ``warm``, ``new_visitor_<k>``,
    ``balanced`` (harmonic mean of warm and cold targets in mixed lists), and ``popularity_…`` for comparison.
    """
    rng = np.random.default_rng(seed)
    silent = {*sources.silent(), *config.without}
    warm_items = np.flatnonzero(sources.counts > 0)
    cold_items = np.flatnonzero((sources.counts == 0) & simulation.cold)
    best = Fusion.prior()
    best = replace(best, warm=_prune(best.warm, WARM, silent), cold=_prune(best.cold, COLD, silent))
    cold_learn, cold_judge = _halves(simulation.cold_items)
    warm_learn, warm_judge = _halves(simulation.warm)
    new_learn, new_judge = _halves(simulation.new_visitors)

    trials = []
    for log in (False, True):
        if not cold_learn:
            break
        lists = _lists(sources, cold_learn, cold_items, COLD, log, config.validation_candidates, rng)
        weights = fusion.learn(lists, best.cold[None, :], ridge=RIDGE, smooth=0.0)[0]
        trial = replace(best, cold=_prune(weights, COLD, silent), cold_log=log)
        trials.append((_ndcg(sources, trial, cold_learn, cold_items, cold=True), log, trial))
    if trials:
        best = max(trials, key=lambda t: t[:2])[2]
    trials = []
    for log in (False, True):
        if not warm_learn and not new_learn:
            break
        lists = _lists(sources, warm_learn, warm_items, WARM, log, config.validation_candidates, rng)
        lists += _lists(sources, new_learn, warm_items, WARM, log, config.validation_candidates // 2, rng)
        weights = fusion.learn(lists, best.warm, ridge=RIDGE, smooth=SMOOTH)
        trial = replace(best, warm=_prune(weights, WARM, silent), warm_log=log)
        both = [_ndcg(sources, trial, part, warm_items, cold=False) for part in (warm_learn, new_learn) if part]
        trials.append((float(np.mean(both)), log, trial))
    if trials:
        best = max(trials, key=lambda t: t[:2])[2]
    mixed = _mixed(simulation)
    best = replace(best, cold_share=_place(sources, best, mixed[::2], warm_items, cold_items))

    figures = {}
    if cold_judge:
        figures["cold"] = _ndcg(sources, best, cold_judge, cold_items, cold=True)
    if warm_judge:
        figures["warm"] = _ndcg(sources, best, warm_judge, warm_items, cold=False)
        plain = replace(best, warm=_only("popularity"), warm_log=False)
        figures["popularity_warm"] = _ndcg(sources, plain, warm_judge, warm_items, cold=False)
    for size in sorted({len(case.history) for case in new_judge}):
        part = [case for case in new_judge if len(case.history) == size]
        figures[f"new_visitor_{size}"] = _ndcg(sources, best, part, warm_items, cold=False)
    if len(mixed) > 1:
        merged = _balanced(sources, best, mixed[1::2], warm_items, cold_items, np.array([best.cold_share]))
        figures["balanced"] = float(merged[0])
    return best, {name: round(value, 6) for name, value in figures.items()}


def _halves(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """Seven tenths to learn from, the rest to judge by; cases of one visitor stay together."""
    cut = int(len(cases) * 0.7) // 5 * 5 if len(cases) >= 20 else len(cases)
    return list(cases[:cut]), list(cases[cut:]) or list(cases)


def _prune(weights: FloatArray, names: Sequence[str], silent: Collection[str]) -> FloatArray:
    """Weights with those of silent sources, and the negligible ones, at zero: such sources are not computed."""
    heard = np.array([name not in silent for name in names])
    return np.where(heard & (np.abs(weights) >= SMALLEST), weights, 0).astype(np.float32)


def _only(name: str) -> FloatArray:
    weights = np.zeros((len(fusion.KNOTS), len(WARM)), np.float32)
    weights[:, WARM.index(name)] = 1.0
    return weights


def _batches(
    sources: Sources, cases: Sequence[Case], names: Sequence[str]
) -> Iterator[tuple[Sequence[Case], Mapping[str, FloatArray], IntArray]]:
    for start in range(0, len(cases), BATCH):
        part = cases[start : start + BATCH]
        rows = histories.from_rows([case.history for case in part], sources.n, [case.now for case in part])
        yield part, sources.scores(rows, names), rows.size


def _lists(
    sources: Sources,
    cases: Sequence[Case],
    items: IntArray,
    names: Sequence[str],
    log: bool,
    candidates: int,
    rng: np.random.Generator,
) -> list[Lists]:
    """Lists of the wanted items and a uniform sample of the others, standardised over the whole group."""
    place = np.full(sources.n, -1, np.int64)
    place[items] = np.arange(len(items))
    width = min(candidates, len(items))
    parts = []
    for part, scores, sizes in _batches(sources, cases, names):
        stack = np.stack([scores[name][:, items] for name in names])
        standard = fusion.standardise(stack, log=log)  # (S, b, c)
        chosen = np.zeros((len(part), width), np.int64)
        valid = np.zeros((len(part), width), np.bool_)
        targets = np.zeros(len(part), np.int64)
        for row, case in enumerate(part):
            wanted = place[case.targets]
            wanted = wanted[wanted >= 0][:width]
            others = rng.permutation(len(items))[: width + len(case.history) + len(wanted)]
            banned = np.concatenate([wanted, place[case.history]])
            others = others[~np.isin(others, banned)][: width - len(wanted)]
            line = np.concatenate([wanted, others])
            chosen[row, : len(line)], valid[row, : len(line)], targets[row] = (line, True, len(wanted))
        used = targets > 0
        if used.any():
            picked = np.take_along_axis(standard, chosen[None], axis=2).transpose(1, 0, 2)  # (b, S, width)
            parts.append(Lists(np.ascontiguousarray(picked[used]), targets[used], valid[used], sizes[used]))
    return parts


def _rank(sources: Sources, trial: Fusion, cases: Sequence[Case], items: IntArray, *, cold: bool) -> list[Ranked]:
    """The 20 best items of a group for every case, the visitor's own left out."""
    if not len(items):
        return [Ranked(items, np.zeros(0, np.float32)) for _ in cases]
    place = np.full(sources.n, -1, np.int64)
    place[items] = np.arange(len(items))
    names = [name for name in trial.names() if name in (COLD if cold else WARM)]
    ranked = []
    for part, scores, sizes in _batches(sources, cases, names):
        logp = fusion.log_softmax(trial.group_scores(scores, sizes, items, cold=cold))
        for row, case in enumerate(part):
            own = place[case.history]
            logp[row, own[own >= 0]] = -np.inf
            top = np.argsort(-logp[row], kind="stable")[:DEPTH]
            ranked.append(Ranked(items[top], logp[row, top]))
    return ranked


def _gain(ranked: Sequence[IntArray], wanted: Sequence[IntArray]) -> float:
    """Mean nDCG@20 over cases with a wanted item."""
    used = [row for row, targets in enumerate(wanted) if len(targets)]
    if not used:
        return 0.0
    lists, relevant = ([ranked[row].tolist() for row in used], [set(wanted[row].tolist()) for row in used])
    hits = metrics.hit_matrix(lists, relevant, DEPTH)
    return float(metrics.ndcg(hits, np.array([len(r) for r in relevant]), DEPTH).mean())


def _ndcg(sources: Sources, trial: Fusion, cases: Sequence[Case], items: IntArray, *, cold: bool) -> float:
    ranked = _rank(sources, trial, cases, items, cold=cold)
    return _gain([r.items for r in ranked], [case.targets for case in cases])


def _mixed(simulation: Simulation) -> list[Case]:
    """Warm visitors with the items they want of both kinds, one case a visitor."""
    by_history = {case.history.tobytes(): case for case in simulation.warm}
    cases = []
    for case in simulation.cold_items:
        also = by_history.pop(case.history.tobytes(), None)
        cases.append(case if also is None else replace(case, targets=np.concatenate([case.targets, also.targets])))
    cases.extend(by_history.values())
    return cases


def _place(sources: Sources, best: Fusion, cases: Sequence[Case], warm_items: IntArray, cold_items: IntArray) -> float:
    """The log-odds of cold items with the best harmonic mean of warm and cold nDCG."""
    if not cases or not len(cold_items):
        return best.cold_share
    return float(SHARES[int(np.argmax(_balanced(sources, best, cases, warm_items, cold_items, SHARES)))])


def _balanced(
    sources: Sources,
    best: Fusion,
    cases: Sequence[Case],
    warm_items: IntArray,
    cold_items: IntArray,
    shares: FloatArray,
) -> FloatArray:
    """(len(shares),) harmonic mean of nDCG@20 on warm and on cold targets of mixed lists.

    One side alone can be had by giving up the other; the harmonic mean rewards neither.
    """
    warm = _rank(sources, best, cases, warm_items, cold=False)
    cold = _rank(sources, best, cases, cold_items, cold=True)
    is_cold = sources.counts == 0
    result = np.zeros(len(shares))
    for at, share in enumerate(shares):
        lists = []
        for w, c in zip(warm, cold, strict=True):
            items, logp = (np.concatenate([w.items, c.items]), np.concatenate([w.logp, c.logp + share]))
            lists.append(items[np.argsort(-logp, kind="stable")[:DEPTH]])
        sides = [
            _gain(lists, [case.targets[is_cold[case.targets] == side] for case in cases]) for side in (False, True)
        ]
        result[at] = 2 * sides[0] * sides[1] / (sides[0] + sides[1]) if all(sides) else 0.0
    return result
