"""The rankers chosen by setting, learned from the lists that the fusion would have served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from coldrec.core.config import FitConfig
from coldrec.core.errors import FitError
from coldrec.core.protocols import Ranker
from coldrec.core.ranking import linear, mlp
from coldrec.core.ranking.features import Candidates, Examples, Profile
from coldrec.core.ranking.reader import POOL, Reader
from coldrec.core.training.judge import Policy, Ranked
from coldrec.core.training.simulate import Case
from coldrec.core.types import IntArray

OTHERS = 30  # unwanted candidates of each list that are learned from
DECAY = 1e-2  # of the linear ranker: lists are few beside its features


def learn(policy: Policy, reader: Reader, cases: Sequence[Case], config: FitConfig, seed: int) -> Ranker:
    """The ranker that ``config`` names, trained on the policy's own candidates for the cases.

    What a visitor wanted is 1, a sample of the rest of the list 0: a ranker learns to do better where the fusion
    is already good, which is all that it is asked to do when it serves.

    Raises
    ------
    FitError : no case has a wanted item among its candidates, or the ranker cannot be trained.
    """
    lists = policy.mixed(cases, POOL)
    examples = _examples(reader, cases, lists, np.random.default_rng(seed))
    if config.ranker == "mlp":
        return mlp.train(examples, seed=seed)
    optimiser: linear.Optimiser = "sgd" if config.ranker_optimiser == "sgd" else "adam"
    return linear.train(examples, optimiser=optimiser, decay=DECAY, seed=seed)


def _examples(reader: Reader, cases: Sequence[Case], lists: Sequence[Ranked], rng: np.random.Generator) -> Examples:
    profiles: list[Profile] = []
    visitor, parts, labels = [], [], []
    for case, ranked in zip(cases, lists, strict=True):
        wanted = np.isin(ranked.items, case.targets)
        if not wanted.any():
            continue
        others = rng.permutation(np.flatnonzero(~wanted))[:OTHERS]
        chosen = np.concatenate([np.flatnonzero(wanted), others])
        # Facts such as the standardised score are those of the whole list, as in serving.
        parts.append(_pick(reader.candidates(ranked.items, ranked.scores), chosen))
        visitor.append(np.full(len(chosen), len(profiles)))
        labels.append(wanted[chosen].astype(np.float64))
        profiles.append(reader.profile(case.history))
    if not profiles:
        raise FitError("no simulated visitor wants an item that was retrieved; the ranker needs more events")
    together = Candidates(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("vectors", "facts", "tokens"))
    )
    return Examples(profiles, together, np.concatenate(visitor), np.concatenate(labels))


def _pick(candidates: Candidates, rows: IntArray) -> Candidates:
    return replace(
        candidates, vectors=candidates.vectors[rows], facts=candidates.facts[rows], tokens=candidates.tokens[rows]
    )
