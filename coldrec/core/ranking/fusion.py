"""The level-0 ranker: standardised sources, added with weights that depend on how warm visitor and item are.

Letters: S sources, b visitors, c items, K knots.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from coldrec.core.errors import ArtifactError
from coldrec.core.ranking.blend import Blend
from coldrec.core.retrieval.sources import COLD, NAMES, WARM
from coldrec.core.types import BoolArray, FloatArray, IntArray

KNOTS = (0, 1, 3, 5, 10, 40)
"""Sizes of a visitor's history at which weights are learned; between them they are interpolated in log(1 + size)."""

FAINT = 0.02
STEPS = 60  # of the search for the weights
WITHOUT_HISTORY = frozenset({"popularity", "sales", "trend", "trend_fast", "popularity_near"})

PRIOR_WARM: Mapping[str, float] = {
    "text": 0.1,
    "text_recent": 0.1,
    "entity": 0.05,
    "ease": 0.05,
    "ease_recent": 0.05,
    "neighbours": 0.1,
    "neighbours_recent": 0.1,
    "factors": 0.1,
    "popularity": 0.1,
    "sales": 0.1,
    "trend": 0.1,
    "trend_fast": 0.1,
}
PRIOR_COLD: Mapping[str, float] = {
    "text": 0.3,
    "text_recent": 0.1,
    "entity": 0.15,
    "meaning": 0.1,
    "graph": 0.05,
    "bridge_neighbours": 0.15,
    "bridge_factors": 0.1,
    "encoder": 0.1,
    "popularity_near": 0.1,
}
"""Where the weights start and what a shop with little data keeps."""


def standardise(scores: FloatArray, *, log: bool = False) -> FloatArray:
    """Every row with mean 0 and standard deviation 1 over its last axis; a constant row becomes zero.

    With ``log`` values are damped, which keeps a source with few large values, such as EASE on a dense set, from
    drowning the rest.
    """
    result, scale = _centred(scores)
    result *= scale
    return damp(result) if log else result.astype(np.float32, copy=False)


def _centred(scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows with mean 0, and what each is to be multiplied by to have standard deviation 1; 0 for a constant row."""
    mean = scores.mean(axis=-1, keepdims=True)
    result = scores - mean
    deviation = np.sqrt(np.einsum("...c,...c->...", result, result)[..., None] / max(scores.shape[-1], 1))
    flat = deviation <= 1e-6 * (1e-6 + np.abs(mean))
    return result, np.where(flat, 0, 1 / np.where(flat, 1, deviation)).astype(np.float32)


def damp(standard: FloatArray) -> FloatArray:
    """``sign(z) log(1 + |z|)`` of standardised values."""
    result = np.abs(standard)
    np.log1p(result, out=result)
    return np.copysign(result, standard, out=result).astype(np.float32, copy=False)


def hats(size: IntArray) -> FloatArray:
    """(b, K) weights of the knots for histories of these sizes; rows sum to 1, at most two are not zero.

    >>> hats(np.array([0, 2, 500])).round(1).astype(str).tolist()[1]
    ['0.0', '0.4', '0.6', '0.0', '0.0', '0.0']
    """
    knots = np.log1p(np.array(KNOTS, np.float64))
    at = np.clip(np.log1p(np.asarray(size, np.float64)), knots[0], knots[-1])
    left = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    share = (at - knots[left]) / (knots[left + 1] - knots[left])
    result = np.zeros((len(at), len(knots)), np.float32)
    rows = np.arange(len(at))
    result[rows, left] = 1 - share
    result[rows, left + 1] = share
    return result


@dataclass(frozen=True)
class _Heard:
    """What S sources say of one group of items, ready to be added.

    ``weights`` (b, S). ``values`` (S, b, c) are standardised, or with a ``scale`` (S, b, 1) only centred: to multiply
    the few weights by the scale costs less than to multiply all values.
    """

    names: tuple[str, ...]
    weights: FloatArray
    values: FloatArray
    scale: FloatArray | None

    @property
    def total(self) -> FloatArray:
        """(b, c)"""
        if self.scale is None:
            return np.einsum("bs,sbc->bc", self.weights, self.values, optimize=True)
        share = self.weights[:, None, :] * self.scale.transpose(1, 2, 0)  # (b, 1, S)
        return np.asarray(np.matmul(share, self.values.transpose(1, 0, 2))[:, 0], np.float32)

    @property
    def standard(self) -> FloatArray:
        """(S, b, c)"""
        return self.values if self.scale is None else self.values * self.scale


@dataclass(frozen=True)
class Fusion:
    """Learned weights: ``warm`` (K, S_warm), ``cold`` (S_cold,), and where cold items stand among warm ones.

    ``cold_share`` is the log-odds with which a list turns to the cold items: both groups are softmax distributions
    of their own, mixed in that proportion, so that neither crowds out the other by its scale.
    """

    warm: FloatArray
    cold: FloatArray
    warm_log: bool
    cold_log: bool
    cold_share: float

    @classmethod
    def prior(cls) -> Fusion:
        """The weights of a shop that has nothing to learn from."""
        warm = np.array([[PRIOR_WARM.get(name, 0.0) for name in WARM]] * len(KNOTS), np.float32)
        cold = np.array([PRIOR_COLD.get(name, 0.0) for name in COLD], np.float32)
        return cls(warm, cold, warm_log=False, cold_log=True, cold_share=-1.0)

    def names(self) -> tuple[str, ...]:
        """The sources with a weight that matters; the others need not be computed."""
        used = {name for name, column in zip(WARM, self.warm.T, strict=True) if np.abs(column).max() > 0}
        used |= {name for name, weight in zip(COLD, self.cold, strict=True) if abs(weight) > 0}
        return tuple(name for name in NAMES if name in used)

    def names_for(self, size: int) -> tuple[tuple[str, ...], frozenset[str]]:
        """The sources that matter to a visitor with ``size`` items, and those that only cold items need.

        One that weighs less than a fiftieth of the heaviest in its group moves hardly any item; leaving it out makes
        a list cheaper. Without a history only sources that do not read it say anything.
        """
        warm = self._weights(np.array([size]), WARM, cold=False)[0]
        used = [
            {
                name
                for name, weight in zip(names, weights, strict=True)
                if abs(weight) > FAINT * np.abs(weights).max() and (size or name in WITHOUT_HISTORY)
            }
            for names, weights in ((WARM, warm), (COLD, self.cold))
        ]
        names = tuple(name for name in NAMES if name in used[0] | used[1])
        return names or ("popularity",), frozenset(used[1] - used[0])

    def group_scores(
        self, sources: Mapping[str, FloatArray], size: IntArray, group: slice | IntArray, *, cold: bool
    ) -> FloatArray:
        """(b, c) fused scores of one group of items: the logits of a softmax over that group."""
        return self._heard(sources, size, group, cold=cold).total

    def _heard(
        self, sources: Mapping[str, FloatArray], size: IntArray, group: slice | IntArray, *, cold: bool
    ) -> _Heard:
        names = [name for name in (COLD if cold else WARM) if name in sources]
        if not names:
            silent = next(iter(sources.values()))[None, :, group]
            return _Heard((), np.zeros((len(size), 1), np.float32), np.zeros_like(silent), None)
        stack = np.stack([sources[name][:, group] for name in names])  # (S, b, c)
        weights = self._weights(size, names, cold=cold)
        if self.cold_log if cold else self.warm_log:
            return _Heard(tuple(names), weights, standardise(stack, log=True), None)
        return _Heard(tuple(names), weights, *_centred(stack))

    def _weights(self, size: IntArray, names: Sequence[str], *, cold: bool) -> FloatArray:
        """(b, S)."""
        if cold:
            return np.broadcast_to(self.cold[[COLD.index(name) for name in names]], (len(size), len(names)))
        return np.asarray(hats(size) @ self.warm[:, [WARM.index(name) for name in names]])

    def scores(
        self, sources: Mapping[str, FloatArray], size: IntArray, warm_items: int, cold_only: Collection[str] = ()
    ) -> FloatArray:
        """(b, c) log-probabilities over all items, of which the first ``warm_items`` are warm.

        Sources of ``cold_only`` say nothing about warm items.
        """
        parts = [
            log_softmax(heard.total) + share
            for _name, _group, share, heard in self._groups(sources, size, warm_items, cold_only)
        ]
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(size), 0), np.float32)

    def blend(
        self, sources: Mapping[str, FloatArray], size: IntArray, warm_items: int, cold_only: Collection[str] = ()
    ) -> Blend:
        """How :meth:`scores` of one visitor come about, source by source."""
        items = next(iter(sources.values())).shape[1]
        names = tuple(sources)
        standard, weights = np.zeros((2, len(names), items), np.float32)
        constants = {name: np.zeros(items, np.float32) for name in ("softmax", "warm_share", "cold_share")}
        for share_name, group, share, heard in self._groups(sources, size, warm_items, cold_only):
            lines = [names.index(name) for name in heard.names]
            if lines:
                standard[lines, group] = heard.standard[:, 0]
                weights[lines, group] = heard.weights[0][:, None]
            constants["softmax"][group] = (log_softmax(heard.total) - heard.total)[0]
            constants[share_name][group] = share
        raw = np.stack([sources[name][0] for name in names])
        return Blend(np.arange(items), names, raw, standard, weights, constants)

    def _groups(
        self, sources: Mapping[str, FloatArray], size: IntArray, warm_items: int, cold_only: Collection[str]
    ) -> Iterator[tuple[str, slice, float, _Heard]]:
        """The warm and the cold items: the log of the group's share of the list, under its name, and what is heard."""
        total = next(iter(sources.values())).shape[1]
        if warm_items:
            warm = {name: scores for name, scores in sources.items() if name not in cold_only} or sources
            group = slice(0, warm_items)
            share = -float(np.logaddexp(0, self.cold_share))
            yield "warm_share", group, share, self._heard(warm, size, group, cold=False)
        if warm_items < total:
            group = slice(warm_items, total)
            share = -float(np.logaddexp(0, -self.cold_share))
            yield "cold_share", group, share, self._heard(sources, size, group, cold=True)

    def save(self) -> dict[str, Any]:
        """A JSON document that says every weight by name."""
        return {
            "knots": list(KNOTS),
            "warm": {name: self.warm[:, i].tolist() for i, name in enumerate(WARM)},
            "cold": {name: float(self.cold[i]) for i, name in enumerate(COLD)},
            "warm_log": self.warm_log,
            "cold_log": self.cold_log,
            "cold_share": self.cold_share,
        }

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> Fusion:
        """Raises ArtifactError when a weight is missing, not a number or made for other knots."""
        try:
            if tuple(document["knots"]) != KNOTS:
                raise ArtifactError(f"the fusion has knots {document['knots']}; this code has {list(KNOTS)}")
            warm = np.array([document["warm"][name] for name in WARM], np.float32).T
            cold = np.array([document["cold"][name] for name in COLD], np.float32)
            fusion = cls(warm, cold, document["warm_log"], document["cold_log"], float(document["cold_share"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"the fusion's weights are damaged: {error!r}") from error
        if warm.shape != (len(KNOTS), len(WARM)) or not (np.isfinite(warm).all() and np.isfinite(cold).all()):
            raise ArtifactError("the fusion's weights have a wrong shape or are not finite")
        return fusion


def log_softmax(logits: FloatArray) -> FloatArray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Lists:
    """Lists to learn from: in every one the first ``targets`` candidates are the wanted items.

    ``sources`` (N, S, c) standardised; ``targets`` (N,); ``valid`` (N, c) false where a list is shorter than c;
    ``size`` (N,) of the visitor's history. The other candidates are a sample: each stands for ``stands_for`` (N,)
    items, itself included.
    """

    sources: FloatArray
    targets: IntArray
    valid: BoolArray
    size: IntArray
    stands_for: FloatArray

    @cached_property
    def wanted(self) -> BoolArray:
        """(N, c)"""
        return np.arange(self.sources.shape[2])[None, :] < self.targets[:, None]

    @cached_property
    def _counted(self) -> FloatArray:
        """(N, c) what is added to the logits."""
        counted = np.where(self.wanted, 0, np.log(self.stands_for)[:, None])
        return np.where(self.valid, counted, -np.inf).astype(np.float32)

    def log_probabilities(self, weights: FloatArray) -> FloatArray:
        """(N, c) of the candidates by these weights (N, S)."""
        logits = np.matmul(weights.astype(np.float32)[:, None, :], self.sources)[:, 0]
        return log_softmax(logits + self._counted)

    def gains(self, logp: FloatArray, focus: float) -> tuple[FloatArray, FloatArray]:
        """(N, c) each: what the wanted items add to the objective, and how strongly each of them pulls."""
        even = self.wanted / self.targets[:, None]
        likely = np.where(self.wanted, logp, 0)
        return even * (np.expm1(focus * likely) / focus if focus else likely), even * np.exp(focus * likely)


def learn(
    lists: Sequence[Lists],
    prior: FloatArray,
    *,
    ridge: float,
    smooth: float,
    focus: float = 0.0,
    start: FloatArray | None = None,
) -> FloatArray:
    """(K, S) weights that make the wanted items likely: a listwise softmax that does not mourn the hopeless.

    Minimises the mean of ``(1 − p^focus) / focus`` over the wanted items, p the probability of such an item, plus
    ``ridge``·‖θ − prior‖² plus ``smooth``·Σ‖θ_k+1 − θ_k‖². At 0 this is cross-entropy, which is convex; but most
    wanted items are out of reach of every source, and to them it gives up the order of those at the top, the only
    ones a shopper sees. Above 0 ``start`` is to be the weights found at 0. The penalty counts for more the fewer
    lists there are. K is ``len(prior)``; with K = 1 the weights do not depend on the history.

    Candidates count for the items they stand for, so that a sample gives the softmax over all items: without that a
    wanted item would have few rivals near the top, and weights that order the head of a list would not be learned.

    References
    ----------
    Cao et al. (2007), "Learning to Rank: From Pairwise to Listwise Approach", ICML (ListNet, top-1).
    Bengio & Senécal (2008), "Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic Language
    Model", IEEE Transactions on Neural Networks 19(4), §III (the sampled softmax and its correction).
    Zhang & Sabuncu (2018), "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels",
    NeurIPS, eq. 6.
    """
    from scipy.optimize import minimize

    total = sum(len(part.size) for part in lists)
    if not total:
        return prior
    strength = 1 + 300 / total
    basis = [hats(part.size) if len(prior) > 1 else np.ones((len(part.size), 1), np.float32) for part in lists]

    def objective(flat: FloatArray, focus: float, scale: float) -> tuple[float, FloatArray]:
        theta = flat.reshape(prior.shape)
        loss, gradient = 0.0, np.zeros(prior.shape)
        for part, hat in zip(lists, basis, strict=True):
            logp = part.log_probabilities(hat @ theta)
            gain, share = part.gains(logp, focus)
            loss -= scale * float(gain.sum())
            pull = scale * (np.exp(logp) * share.sum(axis=1, keepdims=True) - share)
            gradient += hat.T @ np.matmul(part.sources, pull.astype(np.float32)[:, :, None])[:, :, 0]
        drift, jump = theta - prior, np.diff(theta, axis=0)
        loss = loss / total + strength * (ridge * float((drift**2).sum()) + smooth * float((jump**2).sum()))
        gradient = gradient / total + 2 * strength * ridge * drift
        gradient[1:] += 2 * strength * smooth * jump
        gradient[:-1] -= 2 * strength * smooth * jump
        return loss, gradient.ravel()

    start = prior if start is None else start
    # The wanted items weigh as much against the penalty whatever the focus.
    mass = sum(
        float(part.gains(part.log_probabilities(hat @ start), focus)[1].sum())
        for part, hat in zip(lists, basis, strict=True)
    )
    found = minimize(
        partial(objective, focus=focus, scale=total / max(mass, 1e-9)),
        start.ravel().astype(np.float64),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS},
    )
    return np.asarray(found.x.reshape(start.shape), np.float32)
