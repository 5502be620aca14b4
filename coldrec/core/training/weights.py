"""The fusion's weights, learned on simulated cold starts and judged on others of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from coldrec.core.config import FitConfig
from coldrec.core.ranking import fusion
from coldrec.core.ranking.fusion import Fusion, Lists
from coldrec.core.retrieval.sources import COLD, WARM, Sources
from coldrec.core.threads import in_parts
from coldrec.core.training import judge
from coldrec.core.training.judge import Policy, mixed_cases
from coldrec.core.training.simulate import Case, Simulation
from coldrec.core.types import FloatArray, IntArray

SHARES = np.linspace(-6, 4, 41)  # log-odds of the cold items tried
RIDGE, SMOOTH = 1e-3, 3e-3
FOCUS = 0.15  # how far the learning turns, in the end, from all wanted items to those within reach
SMALLEST = 1e-3  # weights below are set to zero, their sources are not computed


@dataclass(frozen=True)
class Halves:
    """Simulated cases to learn from and others to judge by."""

    cold: Sequence[Case]
    warm: Sequence[Case]
    new: Sequence[Case]
    mixed: Sequence[Case]


def halves(simulation: Simulation) -> tuple[Halves, Halves]:
    """Seven tenths to learn from, the rest to judge by; cases of one visitor stay together.

    Of mixed lists every other one, since only one number is learned from them.
    """
    mixed = mixed_cases(simulation)
    cold, warm, new = (_parted(p) for p in (simulation.cold_items, simulation.warm, simulation.new_visitors))
    return Halves(cold[0], warm[0], new[0], mixed[::2]), Halves(cold[1], warm[1], new[1], mixed[1::2])


def learn(sources: Sources, cold: IntArray, cases: Halves, config: FitConfig, seed: int) -> Fusion:
    """The fusion that puts wanted items first in the simulated cases; ``cold`` are the items made cold."""
    rng = np.random.default_rng(seed)
    silent = {*sources.silent(), *config.without}
    best = Fusion.prior()
    best = replace(best, warm=_prune(best.warm, WARM, silent), cold=_prune(best.cold, COLD, silent))
    policy = Policy(sources, best, cold)

    if cases.cold:
        lists = _lists(sources, cases.cold, cold, COLD, config, rng)
        prior, trials = best.cold[None, :], []
        forms = (lists, _damped(lists))
        for log, part in zip((False, True), forms, strict=True):
            weights = fusion.learn(part, prior, ridge=RIDGE, smooth=0.0)[0]
            trials.append(replace(best, cold=_prune(weights, COLD, silent), cold_log=log))
        best = _best(trials, [judge.ndcgs(policy, trials, cases.cold, cold)])
        weights = fusion.learn(
            forms[best.cold_log], prior, ridge=RIDGE, smooth=0.0, focus=FOCUS, start=best.cold[None, :]
        )[0]
        best = replace(best, cold=_prune(weights, COLD, silent))
    if cases.warm or cases.new:
        lists = _lists(sources, cases.warm, policy.warm, WARM, config, rng)
        lists += _lists(sources, cases.new, policy.warm, WARM, config, rng, share=0.5)
        prior, trials = best.warm, []
        forms = (lists, _damped(lists))
        for log, part in zip((False, True), forms, strict=True):
            weights = fusion.learn(part, prior, ridge=RIDGE, smooth=SMOOTH)
            trials.append(replace(best, warm=_prune(weights, WARM, silent), warm_log=log))
        best = _best(
            trials, [judge.ndcgs(policy, trials, part, policy.warm) for part in (cases.warm, cases.new) if part]
        )
        weights = fusion.learn(forms[best.warm_log], prior, ridge=RIDGE, smooth=SMOOTH, focus=FOCUS, start=best.warm)
        best = replace(best, warm=_prune(weights, WARM, silent))
    if cases.mixed and len(cold):
        # The log-odds of cold items with the best harmonic mean of warm and cold nDCG.
        shares = replace(policy, fusion=best).balanced(cases.mixed, SHARES)
        best = replace(best, cold_share=float(SHARES[int(np.argmax(shares))]))
    return best


def _damped(lists: Sequence[Lists]) -> list[Lists]:
    return [replace(part, sources=fusion.damp(part.sources)) for part in lists]


def _best(trials: Sequence[Fusion], figures: Sequence[Sequence[float]]) -> Fusion:
    """The trial with the best mean figure; of equals the damped one, which stands last."""
    means = np.mean(figures, axis=0)
    return trials[len(trials) - 1 - int(np.argmax(means[::-1]))]


def figures(policy: Policy, cases: Halves) -> dict[str, float]:
    """nDCG@20 on simulated cases that took no part in learning.

    Keys: ``cold`` (items made cold, ranked among themselves), ``warm``, ``new_visitor_<k>``, ``balanced`` (harmonic
    mean of warm and cold targets in mixed lists), and ``popularity_warm`` for comparison.
    """
    found = {}
    if cases.cold:
        found["cold"] = policy.ndcg(cases.cold, policy.cold)
    if cases.warm:
        found["warm"] = policy.ndcg(cases.warm, policy.warm)
        plain = replace(policy.fusion, warm=_only("popularity"), warm_log=False)
        found["popularity_warm"] = replace(policy, fusion=plain, ranker=None).ndcg(cases.warm, policy.warm)
    for size in sorted({len(case.history) for case in cases.new}):
        part = [case for case in cases.new if len(case.history) == size]
        found[f"new_visitor_{size}"] = policy.ndcg(part, policy.warm)
    if cases.mixed:
        found["balanced"] = float(policy.balanced(cases.mixed, np.array([policy.fusion.cold_share]))[0])
    return {name: round(value, 6) for name, value in found.items()}


def _parted(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
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


def _lists(
    sources: Sources,
    cases: Sequence[Case],
    items: IntArray,
    names: Sequence[str],
    config: FitConfig,
    rng: np.random.Generator,
    *,
    share: float = 1.0,
) -> list[Lists]:
    """Lists of the wanted items and a uniform sample of the others, standardised over the whole group.

    ``share`` of the candidates that the configuration asks for. Sources that it leaves out say nothing.
    """
    place = np.full(sources.n, -1, np.int64)
    place[items] = np.arange(len(items))
    width = min(int(config.validation_candidates * share), len(items))
    left_out = [at for at, name in enumerate(names) if name in config.without]

    def pick(drawn: tuple[Sequence[Case], np.random.Generator]) -> Lists | None:
        part, own_rng = drawn
        scores, sizes = judge.ask(sources, part, names)
        standard = fusion.standardise(np.stack([scores[name][:, items] for name in names]))  # (S, b, c)
        standard[left_out] = 0.0
        chosen = np.zeros((len(part), width), np.int64)
        valid = np.zeros((len(part), width), np.bool_)
        targets = np.zeros(len(part), np.int64)
        stands_for = np.ones(len(part), np.float32)
        for row, case in enumerate(part):
            wanted = place[case.targets]
            wanted = wanted[wanted >= 0][:width]
            banned = np.unique(np.concatenate([wanted, place[case.history]]))
            banned = banned[banned >= 0]
            others = own_rng.permutation(len(items))[: width + len(banned)]
            others = others[~np.isin(others, banned)][: width - len(wanted)]
            stands_for[row] = (len(items) - len(banned)) / len(others) if len(others) else 1
            line = np.concatenate([wanted, others])
            chosen[row, : len(line)], valid[row, : len(line)], targets[row] = (line, True, len(wanted))
        used = targets > 0
        if not used.any():
            return None
        picked = np.take_along_axis(standard, chosen[None], axis=2).transpose(1, 0, 2)  # (b, S, width)
        return Lists(np.ascontiguousarray(picked[used]), targets[used], valid[used], sizes[used], stands_for[used])

    parts = judge.batches(sources, cases)
    return [found for found in in_parts(pick, zip(parts, rng.spawn(len(parts)), strict=True)) if found is not None]
