"""The embedding + MLP ranker: learned visitor and item vectors beside content features, through a small network.

    input  = [ a ; q ; a∘q ; φ₀ ],   φ₀ = standardised [ u ; p ; v ; u∘v ; x ]
    logit  = W₃ relu(W₂ relu(W₁ input + b₁) + b₂) + b₃

a is the mean of the embeddings of the visitor's tokens, q the embedding of the item's token. Row 0 of both tables is
for whatever has no row of its own; it is trained by sending tokens there at random, so that an unseen visitor or item
is a case the network knows. Binary cross-entropy on the logit: labels are wanted or not, and unlike squared error it
does not pull a clear case back. Training needs torch; serving is the few numpy products of :meth:`MLPRanker.score`.

Letters: d, c, e as in ``features``; k size of an embedding; N pairs; b visitors.

References
----------
He et al. (2017), "Neural Collaborative Filtering", WWW. Covington et al. (2016), "Deep Neural Networks for YouTube
Recommendations", RecSys (a visitor as the mean of item embeddings). Volkovs et al. (2017), "DropoutNet", NeurIPS.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from coldrec.core.errors import ArtifactError, FitError
from coldrec.core.ranking.features import Candidates, Examples, Profile, check_sizes
from coldrec.core.types import FloatArray, IntArray

HIDDEN = (64, 32)
PATIENCE = 4  # epochs without a better held-out loss before training ends
CHUNK = 16_384  # pairs passed over at once without gradients
LATEST_TOKENS = 50  # of a visitor: older ones say little and cost time


@dataclass(frozen=True)
class MLPRanker:
    """Everything the forward pass needs, as float32 arrays.

    ``visitor_rows`` and ``item_rows`` lead from a token to its row of ``visitor_table`` (V + 1, k) and ``item_table``
    (I + 1, k); 0, or a token past the end, is the row of what is unseen. ``centre`` and ``scale`` (F₀,) standardise the
    content features. ``w1`` (64, 3k + F₀), ``b1``, ``w2`` (32, 64), ``b2``, ``w3`` (32,), ``b3`` (1,) are the layers.
    """

    visitor_rows: IntArray
    item_rows: IntArray
    visitor_table: FloatArray
    item_table: FloatArray
    centre: FloatArray
    scale: FloatArray
    w1: FloatArray
    b1: FloatArray
    w2: FloatArray
    b2: FloatArray
    w3: FloatArray
    b3: FloatArray
    d: int
    c: int
    e: int

    def score(self, profile: Profile, candidates: Candidates) -> FloatArray:
        """(n,) log-odds that the visitor wants the item.

        Raises
        ------
        ValueError : the inputs have other sizes than those the ranker was trained on.
        """
        check_sizes(profile, candidates, self.d, self.c, self.e)
        n = len(candidates)
        a = self.visitor_table[_rows(self.visitor_rows, bag(profile))].mean(axis=0)  # (k,)
        q = self.item_table[_rows(self.item_rows, candidates.tokens)]  # (n, k)
        content = content_features(
            np.broadcast_to(profile.vector, (n, self.d)),
            np.broadcast_to(profile.context, (n, self.c)),
            candidates.vectors,
            candidates.facts,
        )
        standard = (content - self.centre) * self.scale
        x = np.concatenate([np.broadcast_to(a, q.shape), q, a * q, standard], axis=1).astype(np.float32, copy=False)
        x = np.maximum(x @ self.w1.T + self.b1, 0)  # (n, 64)
        x = np.maximum(x @ self.w2.T + self.b2, 0)  # (n, 32)
        return np.asarray(x @ self.w3 + self.b3[0])

    def parts(self, profile: Profile, candidates: Candidates) -> dict[str, FloatArray]:
        """The score as one part: a network's layers do not add up by feature."""
        return {"network": self.score(profile, candidates)}

    def without_embeddings(self) -> MLPRanker:
        """The same ranker with both tables reduced to the row of what is unseen: content alone decides."""
        nothing = np.zeros(0, np.int64)
        return replace(
            self,
            visitor_rows=nothing,
            item_rows=nothing,
            visitor_table=self.visitor_table[:1],
            item_table=self.item_table[:1],
        )

    def save(self) -> tuple[dict[str, npt.NDArray[Any]], Mapping[str, Any]]:
        return (
            {f"ranker_{name}": getattr(self, name) for name in _ARRAYS},
            {"kind": "mlp", "d": self.d, "c": self.c, "e": self.e},
        )

    @classmethod
    def load(cls, array: Callable[[str], npt.NDArray[Any]], document: Mapping[str, Any]) -> MLPRanker:
        """The ranker that :meth:`save` gave.

        Raises
        ------
        ArtifactError : a value is missing, of a wrong shape or not finite.
        """
        try:
            d, c, e = (int(document[name]) for name in ("d", "c", "e"))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"the MLP ranker is damaged: {error!r}") from error
        found = {name: array(f"ranker_{name}") for name in _ARRAYS}
        k = found["item_table"].shape[-1] if found["item_table"].ndim == 2 else -1
        content = 3 * d + c + e
        for name, shape in (
            ("item_table", (len(found["item_table"]), k)),
            ("visitor_table", (len(found["visitor_table"]), k)),
            ("item_rows", (len(found["item_rows"]),)),
            ("visitor_rows", (len(found["visitor_rows"]),)),
            ("centre", (content,)),
            ("scale", (content,)),
            ("w1", (HIDDEN[0], 3 * k + content)),
            ("b1", (HIDDEN[0],)),
            ("w2", (HIDDEN[1], HIDDEN[0])),
            ("b2", (HIDDEN[1],)),
            ("w3", (HIDDEN[1],)),
            ("b3", (1,)),
        ):
            if found[name].shape != shape:
                raise ArtifactError(f"the MLP ranker's {name} has shape {found[name].shape}, needed is {shape}")
            if not np.isfinite(found[name]).all():
                raise ArtifactError(f"the MLP ranker's {name} holds NaN or infinite values")
        for side in ("item", "visitor"):
            rows, table = found[f"{side}_rows"], found[f"{side}_table"]
            if not len(table) or (len(rows) and (rows.min() < 0 or rows.max() >= len(table))):
                raise ArtifactError(f"the MLP ranker's {side}_rows point outside its {side}_table")
        return cls(**found, d=d, c=c, e=e)


_ARRAYS = tuple(field.name for field in fields(MLPRanker) if field.name not in ("d", "c", "e"))


def content_features(u: FloatArray, p: FloatArray, v: FloatArray, x: FloatArray) -> FloatArray:
    """(N, 3d + c + e): what the network reads beside the embeddings."""
    return np.concatenate([u, p, v, u * v, x], axis=1)


def bag(profile: Profile) -> IntArray:
    """The visitor's tokens, the latest 50; a stranger's bag holds the token −1, which nothing has a row for."""
    return profile.tokens[-LATEST_TOKENS:] if len(profile.tokens) else np.array([-1])


def require_torch() -> Any:
    """The module ``torch``.

    Raises
    ------
    FitError : it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise FitError(
            "the ranker 'mlp' is trained with torch, which is not installed; "
            "install django-coldrec[train] or choose the ranker 'fusion' or 'linear'"
        ) from error


def train(
    examples: Examples,
    *,
    embedding: int = 16,
    unseen: float = 0.15,
    least: int = 3,
    learning_rate: float = 3e-3,
    decay: float = 1e-4,
    epochs: int = 40,
    batch: int = 512,
    held_out: float = 0.1,
    seed: int = 0,
) -> MLPRanker:
    """The ranker that minimises binary cross-entropy, by AdamW over mini-batches of pairs.

    Parameters
    ----------
    embedding : k, size of an embedding.
    unseen : share of tokens sent to the row of what is unseen in each batch, drawn for the visitor and for the item
        apart; it trains that row and keeps the network from leaning on embeddings alone.
    least : pairs in which a token must occur to get a row of its own.
    decay : AdamW's weight decay.
    held_out : share of visitors to stop by; with 0 or few visitors all epochs are run.

    Raises
    ------
    FitError : torch is missing, an argument is out of range, a label is not in 0..1, or training diverged.

    References
    ----------
    Loshchilov & Hutter (2019), "Decoupled Weight Decay Regularization", ICLR.
    """
    torch = require_torch()
    if not 0 <= unseen < 1 or embedding < 1 or epochs < 1 or batch < 1:
        raise FitError(
            "unseen must lie in [0, 1) and embedding, epochs and batch be at least 1; "
            f"got {unseen}, {embedding}, {epochs} and {batch}"
        )
    if examples.labels.min() < 0 or examples.labels.max() > 1:
        raise FitError(f"labels must lie in 0..1, got {examples.labels.min()}..{examples.labels.max()}")
    # Everything random is drawn by numpy, so that torch's own global state plays no part.
    rng = np.random.default_rng(seed)
    learn, judge = examples.held_out(held_out, seed)
    inputs = _Inputs.of(examples, learn, least)
    start = _initial(inputs, embedding, rng)
    weights = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    optimiser = torch.optim.AdamW(list(weights.values()), lr=learning_rate, weight_decay=decay)
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits
    best, kept, since = np.inf, start, 0
    for _epoch in range(epochs):
        order = rng.permutation(learn)
        for begin in range(0, len(order), batch):
            pairs = order[begin : begin + batch]
            optimiser.zero_grad()
            logits = _forward(torch, weights, inputs, pairs, lambda n: rng.random(n) < unseen)
            loss_of(logits, torch.from_numpy(inputs.labels[pairs])).backward()
            optimiser.step()
        # Without held-out visitors there is nothing to stop by: the last epoch's weights are taken.
        loss = _loss(torch, weights, inputs, judge) if len(judge) else _loss(torch, weights, inputs, learn)
        if not np.isfinite(loss):
            raise FitError(f"training the MLP ranker diverged at learning rate {learning_rate}; give a smaller one")
        if loss < best or not len(judge):
            best, since = loss, 0
            kept = {name: weight.detach().numpy().copy() for name, weight in weights.items()}
        else:
            since += 1
            if since == PATIENCE:
                break
    d, c, e = examples.sizes
    return MLPRanker(
        visitor_rows=inputs.visitor_rows,
        item_rows=inputs.item_rows,
        centre=inputs.centre,
        scale=inputs.scale,
        d=d,
        c=c,
        e=e,
        **kept,
    )


@dataclass(frozen=True)
class _Inputs:
    """Examples as rows of the tables and standardised content.

    ``bags`` (b,) arrays of rows of the visitor table, one visitor each; ``items`` (N,) rows of the item table;
    ``visitor`` (N,) positions into ``bags``.
    """

    examples: Examples
    bags: Sequence[IntArray]
    items: IntArray
    visitor_rows: IntArray
    item_rows: IntArray
    centre: FloatArray
    scale: FloatArray
    u: FloatArray
    p: FloatArray
    labels: FloatArray

    @classmethod
    def of(cls, examples: Examples, learn: IntArray, least: int) -> _Inputs:
        bags = [bag(profile) for profile in examples.profiles]
        taught = np.bincount(examples.visitor[learn], minlength=len(bags))  # pairs of each visitor
        used = np.repeat(taught, [len(tokens) for tokens in bags]).astype(np.float64)
        visitor_rows = _numbered(np.concatenate(bags), used, least)
        item_rows = _numbered(examples.candidates.tokens[learn], np.ones(len(learn)), least)
        u, p = examples.vectors.astype(np.float32), examples.contexts.astype(np.float32)
        d, c, e = examples.sizes
        raw = cls(
            examples,
            [_rows(visitor_rows, tokens) for tokens in bags],
            _rows(item_rows, examples.candidates.tokens),
            visitor_rows,
            item_rows,
            np.zeros(3 * d + c + e, np.float32),
            np.ones(3 * d + c + e, np.float32),
            u,
            p,
            examples.labels.astype(np.float32),
        )
        parts = [learn[start : start + CHUNK] for start in range(0, len(learn), CHUNK)]
        centre = np.sum([raw.content(part).sum(axis=0, dtype=np.float64) for part in parts], axis=0) / len(learn)
        square = np.sum([((raw.content(part) - centre) ** 2).sum(axis=0) for part in parts], axis=0) / len(learn)
        deviation = np.sqrt(square)
        scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 1e-6 * (1 + np.abs(centre)))
        return replace(raw, centre=centre.astype(np.float32), scale=scale.astype(np.float32))

    def content(self, pairs: IntArray) -> FloatArray:
        """(len(pairs), F₀) float32, standardised."""
        of, candidates = self.examples.visitor[pairs], self.examples.candidates
        raw = content_features(self.u[of], self.p[of], candidates.vectors[pairs], candidates.facts[pairs])
        return np.asarray((raw - self.centre) * self.scale, np.float32)


def _forward(
    torch: Any, weights: Mapping[str, Any], inputs: _Inputs, pairs: IntArray, drop: Callable[[int], Any]
) -> Any:
    """(len(pairs),) logits; ``drop(n)`` says which of n tokens are sent to the row of what is unseen."""
    visitors, back = np.unique(inputs.examples.visitor[pairs], return_inverse=True)
    lost = drop(len(visitors))
    bags = [np.zeros(1, np.int64) if gone else inputs.bags[at] for at, gone in zip(visitors, lost, strict=True)]
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows in bags])[:-1]])
    a = torch.nn.functional.embedding_bag(
        torch.from_numpy(np.concatenate(bags)), weights["visitor_table"], torch.from_numpy(offsets), mode="mean"
    )[torch.from_numpy(back)]  # (n, k)
    items = np.where(drop(len(pairs)), 0, inputs.items[pairs])
    q = weights["item_table"][torch.from_numpy(items)]  # (n, k)
    x = torch.cat([a, q, a * q, torch.from_numpy(inputs.content(pairs))], dim=1)
    x = torch.relu(x @ weights["w1"].T + weights["b1"])
    x = torch.relu(x @ weights["w2"].T + weights["b2"])
    return x @ weights["w3"] + weights["b3"][0]


def _loss(torch: Any, weights: Mapping[str, Any], inputs: _Inputs, pairs: IntArray) -> float:
    """Mean cross-entropy of some pairs with every token in its place."""
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(pairs), CHUNK):
            part = pairs[start : start + CHUNK]
            logits = _forward(torch, weights, inputs, part, lambda n: np.zeros(n, np.bool_)).numpy()
            total += float((np.logaddexp(0, logits) - inputs.labels[part] * logits).sum())
    return total / len(pairs)


def _initial(inputs: _Inputs, k: int, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Small embeddings and He's normal layers (He et al. 2015, "Delving Deep into Rectifiers", ICCV)."""

    def normal(deviation: float, *shape: int) -> FloatArray:
        return np.asarray(rng.standard_normal(shape) * deviation, np.float32)

    width = 3 * k + len(inputs.centre)
    share = float(np.clip(inputs.labels.mean(), 1e-4, 1 - 1e-4))
    return {
        "visitor_table": normal(0.1, int(inputs.visitor_rows.max(initial=0)) + 1, k),
        "item_table": normal(0.1, int(inputs.item_rows.max(initial=0)) + 1, k),
        "w1": normal((2 / width) ** 0.5, HIDDEN[0], width),
        "b1": np.zeros(HIDDEN[0], np.float32),
        "w2": normal((2 / HIDDEN[0]) ** 0.5, HIDDEN[1], HIDDEN[0]),
        "b2": np.zeros(HIDDEN[1], np.float32),
        "w3": normal((1 / HIDDEN[1]) ** 0.5, HIDDEN[1]),
        "b3": np.array([np.log(share / (1 - share))], np.float32),  # the share of wanted items, as log-odds
    }


def _numbered(tokens: IntArray, pairs: FloatArray, least: int) -> IntArray:
    """(largest token + 1,) row of each token, from 1; 0 for those that stand in fewer than ``least`` pairs."""
    known = tokens >= 0
    uses = np.bincount(tokens[known], weights=pairs[known])
    rows = np.zeros(len(uses), np.int64)
    often = np.flatnonzero(uses >= least)
    rows[often] = np.arange(1, len(often) + 1)
    return rows


def _rows(place: IntArray, tokens: IntArray) -> IntArray:
    """(h,) rows of tokens; 0 for what has no row."""
    inside = (tokens >= 0) & (tokens < len(place))
    found = np.zeros(len(tokens), np.int64)
    found[inside] = place[tokens[inside]]
    return found
