"""Pairs: the encoder learns to put near each other what belongs together, and apart what does not.

InfoNCE with the batch's other texts as strangers, in parts that fit the memory (Gao et al. 2021, "Scaling Deep
Contrastive Learning Batch Size under Memory Limited Setup"), at several lengths of the vector at once (Kusupati et al.
2022, "Matryoshka Representation Learning", NeurIPS); both are sentence-transformers'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from coldrec.backends.encoders.torch import pooled, require
from coldrec.backends.learning.methods import Learner
from coldrec.core.encoders.pieces import unit
from coldrec.core.errors import EncoderError
from coldrec.core.training.language import batching
from coldrec.core.training.language.corpus import Corpus, Pair
from coldrec.core.types import FloatArray

ASKED = ("search", "told")  # kinds of pairs whose anchor is read as what somebody searches for
MEASURED = 1_000  # held-out pairs of each kind
FEWEST = 2  # pairs that may meet in a step; one alone has no stranger


class Pairs:
    """The stage that makes an encoder of what has read the shop's words."""

    name = "pairs"

    def __init__(self, learner: Learner, corpus: Corpus, tokenizer: Any) -> None:
        self.learner, self.corpus, self.steps = learner, corpus, learner.recipe.pair_steps
        self._tokenizer, self._recipe = tokenizer, learner.recipe
        self._prompts = learner.source.prompts
        self.module = _sentence(learner)
        self._loss, self._cached = _loss_of(self.module, learner)
        if len(self.batch(0)) < FEWEST:
            raise EncoderError(
                f"{len(corpus.pairs)} pair(s) of texts that belong together are too few to learn from: at least "
                f"{FEWEST} have to be of different items. Pairs are an item's title and its text, what one visitor "
                "took, and what was found by one search"
            )

    def groups(self) -> list[dict[str, Any]]:
        """Weights that learn, with their rate."""
        own = [weight for weight in self.learner.net.parameters() if weight.requires_grad]
        return [{"params": own, "lr": self._recipe.learning_rate}]

    def batch(self, step: int) -> list[Pair]:
        """The pairs of a step, of which none belongs to another."""
        recipe = self._recipe
        return batching.pairs_of(self.corpus.pairs, recipe.batch, step, recipe.seed, self.corpus.friends)

    def tensors(self, pairs: Sequence[Pair], _step: int) -> dict[str, Any]:
        """Tokens of the anchors, the positives and, where any has one, of strangers: ``0.input_ids`` and so on."""
        kind = [pair.kind in ASKED for pair in pairs]
        columns = [
            [
                self._prompts["query" if is_query else "document"] + pair.anchor
                for pair, is_query in zip(pairs, kind, strict=True)
            ],
            [self._prompts["document"] + pair.positive for pair in pairs],
        ]
        if strange := [pair.negative for pair in pairs if pair.negative]:
            # As many for each pair: who has none is given another's, which is no friend of it, being in the batch.
            columns.append(
                [
                    self._prompts["document"] + (pair.negative or strange[at % len(strange)])
                    for at, pair in enumerate(pairs)
                ]
            )
        told: dict[str, Any] = {}
        for number, texts in enumerate(columns):
            told |= {f"{number}.{name}": tensor for name, tensor in self._read(texts).items()}
        return told

    def backward(self, module: Any, inputs: dict[str, Any], mini: int, back: Callable[[Any], None]) -> Any:
        """The loss of the batch; ``mini`` texts are in memory at once."""
        self._cached.model = module
        self._cached.mini_batch_size = mini
        columns: dict[str, dict[str, Any]] = {}
        for name, tensor in inputs.items():
            number, _, part = name.partition(".")
            columns.setdefault(number, {})[part] = tensor
        features = list(columns.values())
        loss = self._loss(features, None)
        back(loss)
        if (extra := self.learner.extra_loss(features)) is not None:
            back(extra)
        return loss.detach()

    def measure(self) -> dict[str, float]:
        """By kind of held-out pair, the mean reciprocal rank of the positive among all the positives of that kind.

        Whatever else belongs to the anchor does not stand in its way.
        """
        kinds: dict[str, list[Pair]] = {}
        for pair in self.corpus.held_pairs:
            kinds.setdefault(pair.kind, []).append(pair)
        return {kind: self._mrr(pairs[:MEASURED]) for kind, pairs in sorted(kinds.items())}

    def _mrr(self, pairs: Sequence[Pair]) -> float:
        pool = {text: at for at, text in enumerate(dict.fromkeys(pair.positive for pair in pairs))}
        anchors = {text: at for at, text in enumerate(dict.fromkeys(pair.anchor for pair in pairs))}
        told = np.array([pool[pair.positive] for pair in pairs])
        asked = np.array([anchors[pair.anchor] for pair in pairs])
        belongs = np.zeros((len(anchors), len(pool)), np.bool_)
        belongs[asked, told] = True
        query = self._prompts["query" if pairs[0].kind in ASKED else "document"]
        likeness = (
            self._vectors([query + text for text in anchors])
            @ self._vectors([self._prompts["document"] + text for text in pool]).T
        )
        own = likeness[asked, told][:, None]
        before = ((likeness[asked] >= own) & ~belongs[asked]).sum(1)  # of equals the worst place
        return float((1 / (1 + before)).mean())

    def _vectors(self, texts: Sequence[str]) -> FloatArray:
        torch, _ = require()
        device = next(self.module.parameters()).device
        self.module.eval()
        found = []
        with torch.inference_mode():
            for start in range(0, len(texts), 64):
                read = {name: tensor.to(device) for name, tensor in self._read(texts[start : start + 64]).items()}
                found.append(self.module(read)["sentence_embedding"].float().cpu().numpy())
        return unit(np.concatenate(found))

    def _read(self, texts: Sequence[str]) -> dict[str, Any]:
        torch, _ = require()
        read = self._tokenizer.encode_batch(list(texts))
        width = max(len(one.ids) for one in read)
        ids, mask = np.zeros((len(read), width), np.int64), np.zeros((len(read), width), np.int64)
        for row, one in enumerate(read):
            ids[row, : len(one.ids)], mask[row, : len(one.ids)] = one.ids, 1
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}


def _sentence(learner: Learner) -> Any:
    """The encoder as sentence-transformers' losses know one."""
    torch, _ = require()
    pooling = learner.source.pooling

    class Sentence(torch.nn.Sequential):  # type: ignore[name-defined]
        def forward(self, features: dict[str, Any]) -> dict[str, Any]:
            vectors = pooled(self[0], features["input_ids"], features["attention_mask"], pooling)
            return {**features, "sentence_embedding": vectors}

        def get_embedding_dimension(self) -> int:
            return int(learner.net.config.hidden_size)

    return Sentence(learner.net)


def _loss_of(module: Any, learner: Learner) -> tuple[Any, Any]:
    try:
        from sentence_transformers.sentence_transformer.losses import (
            CachedMultipleNegativesRankingLoss,
            MatryoshkaLoss,
        )
    except ImportError as error:
        raise EncoderError("sentence-transformers is not installed; pip install 'django-coldrec[train]'") from error
    recipe, dims = learner.recipe, int(learner.net.config.hidden_size)
    cached = CachedMultipleNegativesRankingLoss(module, scale=recipe.scale, mini_batch_size=recipe.mini_batch)
    sizes = sorted({max(1, round(dims * share)) for share in recipe.matryoshka}, reverse=True)
    return MatryoshkaLoss(module, cached, sizes), cached
