"""Masked tokens: the encoder learns the shop's words by telling those that are hidden from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from coldrec.backends.encoders.torch import quietly, require
from coldrec.backends.learning.methods import Learner
from coldrec.core.errors import EncoderError
from coldrec.core.training.language import batching, masking
from coldrec.core.training.language.corpus import Corpus, Text

IGNORED = -100  # what torch's cross entropy takes for no label
MASKS = ("[MASK]", "<mask>")
MEASURED = 512  # held-out texts


class MaskedTokens:
    """A stage that has a new head above the encoder, which is thrown away with it."""

    name = "masked tokens"

    def __init__(self, learner: Learner, corpus: Corpus, tokenizer: Any) -> None:
        torch, transformers = require()
        self.learner, self.corpus, self.steps = learner, corpus, learner.recipe.mask_steps
        self._tokenizer, self._recipe = tokenizer, learner.recipe
        self._mask = _mask_of(tokenizer, learner)
        torch.manual_seed(self._recipe.seed)
        self.module = _under_a_head(learner, transformers)

    def groups(self) -> list[dict[str, Any]]:
        """Weights that learn, with their rates: at first the head alone, whose errors would spoil what is below it."""
        own = [weight for weight in self.learner.net.parameters() if weight.requires_grad]
        ids = set(map(id, self.learner.net.parameters()))
        head = [weight for weight in self.module.parameters() if id(weight) not in ids]
        recipe = self._recipe
        return [
            {"params": own, "lr": recipe.learning_rate, "waits": recipe.head_share},
            {"params": head, "lr": recipe.head_rate},
        ]

    def batch(self, step: int) -> list[Text]:
        """The texts of a step."""
        return batching.texts_of(self.corpus.texts, self._recipe.batch, step, self._recipe.seed)

    def tensors(self, texts: Sequence[Text], step: int) -> dict[str, Any]:
        """What the model reads, and what it has to tell."""
        return self._masked(texts, np.random.default_rng((self._recipe.seed, step)))

    def backward(self, module: Any, inputs: dict[str, Any], mini: int, back: Callable[[Any], None]) -> Any:
        """The mean loss over the hidden tokens; gradients are added up over parts of ``mini`` texts."""
        total = int((inputs["labels"] != IGNORED).sum())
        mean = 0.0
        for start in range(0, len(inputs["labels"]), mini):
            part = {name: tensor[start : start + mini] for name, tensor in inputs.items()}
            loss = self._loss(module, part) / max(total, 1)
            back(loss)
            mean = mean + loss.detach()
        return mean

    def measure(self) -> float | None:
        """The mean loss over hidden tokens of held-out texts, always the same ones; None where there are none."""
        torch, _ = require()
        texts = self.corpus.held_texts[:MEASURED]
        if not texts:
            return None
        rng, total, count = np.random.default_rng(0), 0.0, 0
        device = next(self.module.parameters()).device
        self.module.eval()
        with torch.inference_mode():
            for start in range(0, len(texts), 32):
                inputs = {n: t.to(device) for n, t in self._masked(texts[start : start + 32], rng).items()}
                total += float(self._loss(self.module, inputs))
                count += int((inputs["labels"] != IGNORED).sum())
        return total / max(count, 1)

    def _loss(self, module: Any, inputs: dict[str, Any]) -> Any:
        """Summed over the hidden tokens."""
        torch, _ = require()
        told = inputs["labels"] != IGNORED

        def narrow(_net: Any, _args: Any, output: Any) -> Any:
            output.last_hidden_state = output.last_hidden_state[told][None]
            return output

        # The head looks at each token alone, and over a large vocabulary it costs more than the encoder: so it is given
        # those that are hidden, and no others.
        hook = self.learner.net.register_forward_hook(narrow)
        try:
            said = module(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[0]
        finally:
            hook.remove()
        return torch.nn.functional.cross_entropy(said.float(), inputs["labels"][told], reduction="sum")

    def _masked(self, texts: Sequence[Text], rng: np.random.Generator) -> dict[str, Any]:
        torch, _ = require()
        read = self._tokenizer.encode_batch([text.text for text in texts])
        width = min(max(len(one.ids) for one in read), self._recipe.length)
        ids, mask = np.zeros((len(read), width), np.int64), np.zeros((len(read), width), np.int64)
        labels = np.full((len(read), width), IGNORED, np.int64)
        size = self.learner.net.get_input_embeddings().num_embeddings
        for row, (text, one) in enumerate(zip(texts, read, strict=True)):
            own = np.array(one.ids[:width], np.int64)
            words = [
                None if special else word for word, special in zip(one.word_ids, one.special_tokens_mask, strict=True)
            ][:width]
            told = masking.chosen(
                words,
                one.offsets[:width],
                masking.find(text.text, text.values),
                rng,
                share=self._recipe.mask_share,
                value_share=self._recipe.value_share,
            )
            labels[row, : len(own)] = np.where(told, own, IGNORED)
            ids[row, : len(own)] = masking.hidden(own, told, rng, mask=self._mask, vocabulary=size)
            mask[row, : len(own)] = 1
        told_all = {"input_ids": ids, "attention_mask": mask, "labels": labels}
        return {name: torch.from_numpy(array) for name, array in told_all.items()}


def _under_a_head(learner: Learner, transformers: Any) -> Any:
    """The encoder under a head that tells tokens; the head is new where the base has none."""
    folder = learner.source.folder
    try:
        with quietly():
            model, told = transformers.AutoModelForMaskedLM.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, local_files_only=True, dtype="float32"
            )
    except (OSError, ValueError, KeyError) as error:
        raise EncoderError(f"the model in {folder} cannot learn from masked tokens: {error}") from error
    below = f"{model.base_model_prefix}."
    if lost := sorted(name for name in told["missing_keys"] if name.startswith(below) and ".pooler." not in name):
        raise EncoderError(f"the model in {folder} lacks weights: {', '.join(lost[:3])}")
    setattr(model, model.base_model_prefix, learner.net)
    model.tie_weights()
    return model


def _mask_of(tokenizer: Any, learner: Learner) -> int:
    """The token that stands for a hidden one: the one that the folder names, else what such a token is called."""
    folder, known = learner.source.folder, learner.net.get_input_embeddings().num_embeddings
    named = []
    for path in (folder / "tokenizer_config.json", folder / "special_tokens_map.json"):
        told = json.loads(path.read_text("utf-8")).get("mask_token") if path.exists() else None
        named.append(told.get("content") if isinstance(told, dict) else told)
    for name in (*named, *MASKS):
        number = tokenizer.token_to_id(name) if name else None
        # Some tokenizers give it a number that the model has no vector for.
        if number is not None and number < known:
            return int(number)
    raise EncoderError(f"the model in {folder} knows no token for what is hidden; set mask_steps to 0")
