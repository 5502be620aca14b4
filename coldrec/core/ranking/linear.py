"""The linear ranker ``f(u, p, v, w, b) = wᵀ φ(u, p, v) + b`` with squared error, trained by SGD or by Adam.

The feature map stands in one place, :func:`feature_map`:

    φ = [ u ; p ; v ; u∘v ; x ; p⊗x ]

u, v the visitor's and the item's vector, p the context, x the facts about the item in this list, ∘ the product by
element and ⊗ all products of one with the other. u, p and the bias say how good a list is as a whole, v and x how good
an item is for anyone, u∘v and p⊗x how good it is for this visitor.

Letters: d, c, e as in ``features``; F = 3d + c + e + ce features; N pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from coldrec.core.errors import ArtifactError, FitError
from coldrec.core.ranking.features import Candidates, Examples, Profile, check_sizes
from coldrec.core.types import FloatArray, IntArray

Optimiser = Literal["sgd", "adam"]

CHUNK = 8192  # pairs whose features are held at once when a whole set is passed over
SAMPLE = 4096  # pairs from which the largest stable step is estimated


def feature_map(u: FloatArray, p: FloatArray, v: FloatArray, x: FloatArray) -> FloatArray:
    """(N, F) features φ of N pairs from u (N, d), p (N, c), v (N, d) and x (N, e).

    >>> feature_map(np.array([[2.0]]), np.array([[3.0]]), np.array([[5.0]]), np.array([[7.0]])).tolist()
    [[2.0, 3.0, 5.0, 10.0, 7.0, 21.0]]
    """
    crossed = (p[:, :, None] * x[:, None, :]).reshape(len(p), p.shape[1] * x.shape[1])  # (N, ce)
    return np.concatenate([u, p, v, u * v, x, crossed], axis=1)


@dataclass(frozen=True)
class LinearRanker:
    """``w`` (F,) and ``b`` for vectors of size d, c context features and e facts."""

    w: FloatArray
    b: float
    d: int
    c: int
    e: int

    def score(self, profile: Profile, candidates: Candidates) -> FloatArray:
        """(n,) higher is better.

        Raises
        ------
        ValueError : the inputs have other sizes than those the ranker was trained on.
        """
        check_sizes(profile, candidates, self.d, self.c, self.e)
        n = len(candidates)
        u = np.broadcast_to(profile.vector, (n, self.d))
        p = np.broadcast_to(profile.context, (n, self.c))
        return feature_map(u, p, candidates.vectors, candidates.facts) @ self.w + self.b

    def parts(self, profile: Profile, candidates: Candidates) -> dict[str, FloatArray]:
        """Name → (n,): what the visitor, the item, both together and the facts add to the score."""
        n, d, c, e = len(candidates), self.d, self.c, self.e
        u, p = np.broadcast_to(profile.vector, (n, d)), np.broadcast_to(profile.context, (n, c))
        phi = feature_map(u, p, candidates.vectors, candidates.facts) * self.w
        ends = np.cumsum([d, c, d, d, e, c * e])
        names = ("visitor", "context", "item", "taste", "facts", "facts_in_context")
        blocks = dict(zip(names, np.split(phi, ends[:-1], axis=1), strict=True))
        return {name: block.sum(axis=1) for name, block in blocks.items()} | {"bias": np.full(n, self.b)}

    def save(self) -> tuple[dict[str, npt.NDArray[Any]], Mapping[str, Any]]:
        return {"ranker_w": self.w}, {"kind": "linear", "b": self.b, "d": self.d, "c": self.c, "e": self.e}

    @classmethod
    def load(cls, array: Callable[[str], npt.NDArray[Any]], document: Mapping[str, Any]) -> LinearRanker:
        """The ranker that :meth:`save` gave.

        Raises
        ------
        ArtifactError : a value is missing, of a wrong shape or not finite.
        """
        try:
            d, c, e = (int(document[name]) for name in ("d", "c", "e"))
            b = float(document["b"])
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"the linear ranker is damaged: {error!r}") from error
        w = np.asarray(array("ranker_w"))
        if w.shape != (size(d, c, e),):
            raise ArtifactError(f"the linear ranker has weights of shape {w.shape}, needed is ({size(d, c, e)},)")
        if not np.isfinite(w).all() or not np.isfinite(b):
            raise ArtifactError("the linear ranker holds NaN or infinite values")
        return cls(w, b, d, c, e)


def size(d: int, c: int, e: int) -> int:
    """F, the number of features."""
    return 3 * d + c + e + c * e


def loss_and_gradient(
    w: FloatArray, b: float, z: FloatArray, y: FloatArray, decay: float
) -> tuple[float, FloatArray, float]:
    """``mean((z w + b − y)²) + decay ‖w‖²`` with its gradients in w and in b, for z (N, F) and y (N,)."""
    error = z @ w + b - y
    with np.errstate(over="ignore"):  # a step that was too large shows as an infinite loss, which is an error
        loss = float(error @ error) / len(y) + decay * float(w @ w)
    return loss, 2 / len(y) * (z.T @ error) + 2 * decay * w, 2 * float(error.mean())


def train(
    examples: Examples,
    *,
    optimiser: Optimiser = "adam",
    learning_rate: float | None = None,
    decay: float = 1e-5,
    epochs: int = 60,
    batch: int = 256,
    held_out: float = 0.1,
    seed: int = 0,
) -> LinearRanker:
    """The ranker that minimises the mean squared error plus ``decay ‖w‖²`` over mini-batches.

    Features are standardised for training and the scaling is folded back into w and b, so ``decay`` means the same
    whatever the inputs' units. The step falls along a half cosine to zero over ``epochs``, and the weights with the
    best held-out loss are kept.

    Parameters
    ----------
    learning_rate : first step; by default 0.01 for Adam, for SGD the inverse of the batch's largest curvature.
    decay : ≥ 0, on the standardised weights, not on b.
    held_out : share of visitors to judge by; with 0 or few visitors the training loss decides.

    Raises
    ------
    FitError : an argument is out of range, or training diverged.

    References
    ----------
    Kingma & Ba (2015), "Adam: A Method for Stochastic Optimization", ICLR.
    """
    if optimiser not in ("sgd", "adam"):
        raise FitError(f"optimiser must be sgd or adam, got {optimiser!r}")
    if decay < 0 or epochs < 1 or batch < 1 or (learning_rate is not None and learning_rate <= 0):
        raise FitError(
            "decay must be at least 0, epochs and batch at least 1 and learning_rate above 0; "
            f"got {decay}, {epochs}, {batch} and {learning_rate}"
        )
    design = _Design.of(examples)
    rng = np.random.default_rng(seed)
    learn, judge = examples.held_out(held_out, seed)
    judge = judge if len(judge) else learn
    step = learning_rate or (0.01 if optimiser == "adam" else design.stable_step(learn, decay, batch, rng))
    w, b = np.zeros(design.size), float(examples.labels[learn].mean())
    mean, square = np.zeros(design.size + 1), np.zeros(design.size + 1)
    best, best_w, best_b, turn = np.inf, w, b, 0
    steps = epochs * -(-len(learn) // batch)
    for _epoch in range(epochs):
        order = rng.permutation(learn)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            _, gradient_w, gradient_b = loss_and_gradient(w, b, design.rows(rows), design.labels[rows], decay)
            rate = step * 0.5 * (1 + np.cos(np.pi * turn / steps))
            turn += 1
            if optimiser == "sgd":
                w = w - rate * gradient_w
                b -= rate * gradient_b
                continue
            gradient = np.append(gradient_w, gradient_b)
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.999 * square + 0.001 * gradient**2
            move = rate * (mean / (1 - 0.9**turn)) / (np.sqrt(square / (1 - 0.999**turn)) + 1e-8)
            w, b = w - move[:-1], b - float(move[-1])
        loss = design.loss(w, b, judge, decay)
        if not np.isfinite(loss):
            raise FitError(f"training the linear ranker diverged at learning rate {step:.3g}; give a smaller one")
        if loss < best:
            best, best_w, best_b = loss, w, b
    return design.unscaled(best_w, best_b)


def ridge(examples: Examples, *, decay: float = 1e-5) -> LinearRanker:
    """The minimum of the same objective in closed form: ``w = (ZᵀZ/N + decay·I)⁻¹ Zᵀ(y − ȳ)/N`` on standardised Z."""
    design = _Design.of(examples)
    gram, pull = np.zeros((design.size, design.size)), np.zeros(design.size)
    centre = float(design.labels.mean())
    for rows in _chunks(np.arange(len(design.labels))):
        z = design.rows(rows)
        gram += z.T @ z
        pull += z.T @ (design.labels[rows] - centre)
    n = len(design.labels)
    constant = design.scale == 0  # columns of zeros: any weight would do, zero is the ridge's
    gram[constant, constant] = n
    return design.unscaled(np.linalg.solve(gram / n + decay * np.eye(design.size), pull / n), centre)


def mean_squared_error(ranker: LinearRanker, examples: Examples) -> float:
    """Mean squared error of the ranker's scores against the labels."""
    total = 0.0
    raw = _Design(examples, np.zeros(len(ranker.w)), np.ones(len(ranker.w)))
    for rows in _chunks(np.arange(len(examples.labels))):
        total += float(((raw.rows(rows) @ ranker.w + ranker.b - examples.labels[rows]) ** 2).sum())
    return total / len(examples.labels)


class _Design:
    """The standardised features of examples, made a few rows at a time; a constant feature becomes zero."""

    def __init__(self, examples: Examples, centre: FloatArray, scale: FloatArray) -> None:
        self.labels = examples.labels.astype(np.float64)
        self.centre, self.scale = centre, scale
        self._examples, self._u, self._p = examples, examples.vectors, examples.contexts
        self._factor = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)

    @classmethod
    def of(cls, examples: Examples) -> _Design:
        d, c, e = examples.sizes
        raw = cls(examples, np.zeros(size(d, c, e)), np.ones(size(d, c, e)))
        everything = np.arange(len(examples.labels))
        centre = sum((raw.rows(part).sum(axis=0) for part in _chunks(everything)), np.zeros(raw.size))
        centre = centre / len(everything)
        spread = sum((((raw.rows(part) - centre) ** 2).sum(axis=0) for part in _chunks(everything)), np.zeros(raw.size))
        deviation = np.sqrt(spread / len(everything))
        return cls(examples, centre, np.where(deviation > 1e-6 * (1 + np.abs(centre)), deviation, 0.0))

    @property
    def size(self) -> int:
        return len(self.scale)

    def rows(self, pairs: IntArray) -> FloatArray:
        """(len(pairs), F) float64."""
        of, candidates = self._examples.visitor[pairs], self._examples.candidates
        raw = feature_map(self._u[of], self._p[of], candidates.vectors[pairs], candidates.facts[pairs])
        return (raw.astype(np.float64) - self.centre) * self._factor

    def loss(self, w: FloatArray, b: float, pairs: IntArray, decay: float) -> float:
        """The objective on some pairs."""
        with np.errstate(over="ignore", invalid="ignore"):
            total = sum(float(((self.rows(part) @ w + b - self.labels[part]) ** 2).sum()) for part in _chunks(pairs))
            return total / len(pairs) + decay * float(w @ w)

    def stable_step(self, pairs: IntArray, decay: float, batch: int, rng: np.random.Generator) -> float:
        """A step that neither the objective's largest curvature nor the noise of small batches lets diverge.

        The curvature 2(λmax + decay) comes from a few power iterations; a batch of B adds about 2·F/B to it.
        """
        z = self.rows(rng.permutation(pairs)[:SAMPLE])
        direction = rng.standard_normal(self.size)
        for _ in range(20):
            direction = z.T @ (z @ direction)
            direction /= max(float(np.linalg.norm(direction)), 1e-30)
        curvature = float(np.linalg.norm(z @ direction)) ** 2 / len(z)
        return 0.5 / (max(curvature, 1.0) + decay + self.size / batch)

    def unscaled(self, w: FloatArray, b: float) -> LinearRanker:
        """The ranker on features as they come."""
        raw = w * self._factor
        return LinearRanker(raw.astype(np.float64), float(b - raw @ self.centre), *self._examples.sizes)


def _chunks(pairs: IntArray) -> list[IntArray]:
    return [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
