"""``train(recipe, corpus, folder, watch)``: from a shop's words to a language model of its own, whole or not at all.

``folder`` holds checkpoints under ``work/`` while it goes on, and in the end ``model/``, ``adapter/`` (of what was put
beside the base), ``logs/`` (TensorBoard) and ``card.json``. Only what went through the stage of pairs becomes a model:
masked tokens alone teach words and spoil distances.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coldrec.backends.encoders.source import ADAPTER, Source
from coldrec.backends.encoders.torch import quietly, require
from coldrec.backends.learning import methods, running
from coldrec.backends.learning.methods import Learner
from coldrec.backends.learning.mlm import MaskedTokens
from coldrec.backends.learning.pairs import Pairs
from coldrec.core.errors import EncoderError
from coldrec.core.protocols import Watch
from coldrec.core.training.language.corpus import Corpus
from coldrec.core.training.language.recipe import Recipe

MODEL, BESIDE, WORK, LOGS, CARD = "model", "adapter", "work", "logs", "card.json"
WATTS_CPU, WATTS_GPU = 10.0, 400.0  # assumed of a busy core, and of a GPU, where nothing better is known
_COPIED = ("*.json", "*.txt", "*.model", "*.md")  # what stands beside a model's weights


def train(recipe: Recipe, corpus: Corpus, folder: Path, watch: Watch) -> dict[str, Any]:
    """The card of the trained model. The same call again goes on after a kill, or gives what is there.

    Raises
    ------
    EncoderError : the base cannot be read or trained in that way, or the corpus has no pairs that could meet.
    RunCancelledError : the watch wants no more; what was done is kept for the next call.
    """
    if (folder / CARD).exists():
        card: dict[str, Any] = json.loads((folder / CARD).read_text("utf-8"))
        _is_same(card["recipe"], recipe, folder)
        shutil.rmtree(folder / WORK, ignore_errors=True)  # a kill may have come between the card and this
        return card
    began = time.time()
    folder.mkdir(parents=True, exist_ok=True)
    source = Source.find(recipe.base)
    learner = methods.learner(source, recipe)
    tokenizer = tokenizer_of(source, recipe)
    pairs = Pairs(learner, corpus, tokenizer)  # refuses a corpus that no model could come of, before an hour is spent
    _is_same(_once(folder / WORK / "recipe.json", recipe.as_dict), recipe, folder)
    figures: dict[str, Any] = {"found_before": _once(folder / WORK / "found.json", pairs.measure)}
    if recipe.mask_steps and corpus.texts:
        masked = MaskedTokens(learner, corpus, tokenizer)
        figures["masked_loss_before"] = _once(folder / WORK / "masked_loss.json", masked.measure)
        watch.said("learning the shop's words")
        running.run(masked, recipe, folder / WORK / "masked", watch, logs=folder / LOGS / "masked")
        figures["masked_loss_after"] = masked.measure()
        del masked
    watch.said("learning what belongs together")
    running.run(pairs, recipe, folder / WORK / "pairs", watch, logs=folder / LOGS / "pairs")
    figures["found_after"] = pairs.measure()
    if running.is_first():
        watch.said("writing the model")
        card = _card(recipe, corpus, source, learner, figures, began)
        _write(learner, folder, card)
        return card
    return {}


def _write(learner: Learner, folder: Path, card: dict[str, Any]) -> None:
    """The model under its name once it is whole, then the card, then no checkpoints any more."""
    learner.save_adapter(folder / BESIDE)
    for name in (MODEL, f"{MODEL}.partial"):
        shutil.rmtree(folder / name, ignore_errors=True)
    new = folder / f"{MODEL}.partial"
    new.mkdir()
    for path in {path for pattern in _COPIED for path in learner.source.folder.rglob(pattern)}:
        if path.name not in (ADAPTER, "model.safetensors.index.json"):
            (new / path.relative_to(learner.source.folder)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, new / path.relative_to(learner.source.folder))
    net = learner.merged()
    beside = folder / BESIDE if (folder / BESIDE / ADAPTER).exists() else None
    if beside is None:
        with quietly():
            net.save_pretrained(new)
    else:
        for path in learner.source.folder.glob("*.safetensors*"):
            shutil.copyfile(path, new / path.name)  # the base is what it was
        for path in beside.iterdir():
            shutil.copyfile(path, new / path.name)
    new.rename(folder / MODEL)
    card["fingerprint"] = Source(folder / MODEL).fingerprint
    partial = folder / f"{CARD}.partial"
    partial.write_text(json.dumps(card, indent=1, ensure_ascii=False), "utf-8")
    partial.rename(folder / CARD)
    shutil.rmtree(folder / WORK, ignore_errors=True)


def _card(
    recipe: Recipe, corpus: Corpus, source: Source, learner: Learner, figures: dict[str, Any], began: float
) -> dict[str, Any]:
    torch, transformers = require()
    seconds = time.time() - began
    device, half = running.device_of(recipe)
    learned = sum(weight.numel() for weight in learner.net.parameters() if weight.requires_grad)
    watts = WATTS_GPU * torch.cuda.device_count() if device == "cuda" else WATTS_CPU * torch.get_num_threads()
    return {
        "base": source.fingerprint,
        "recipe": recipe.as_dict(),
        "corpus": {
            "sha256": corpus.fingerprint(),
            "texts": len(corpus.texts),
            "pairs": {kind: sum(pair.kind == kind for pair in corpus.pairs) for kind in ("told", "taken", "search")},
            "held_out": {
                "items": len(corpus.held_items),
                "visitors": len(corpus.histories),
                "searches": len(corpus.searches),
            },
        },
        "figures": {name: _rounded(value) for name, value in figures.items()},
        "weights": {"all": sum(weight.numel() for weight in learner.net.parameters()), "learned": learned},
        "seed": recipe.seed,
        "seconds": round(seconds, 1),
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": {
            "device": torch.cuda.get_device_name(0) if device == "cuda" else platform.processor() or platform.machine(),
            "devices": int(os.environ.get("WORLD_SIZE", "1")),
            "threads": torch.get_num_threads(),
            "precision": "bfloat16" if half else "float32",
        },
        "energy_kwh": round(watts * seconds / 3.6e6, 5),
        "energy_note": f"estimated: {watts:.0f} W for the whole time of the last process that worked on it",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }


def _is_same(begun: Any, recipe: Recipe, folder: Path) -> None:
    if begun != recipe.as_dict():
        differs = sorted(name for name, value in recipe.as_dict().items() if begun.get(name) != value)
        raise EncoderError(
            f"{folder} belongs to a training by another recipe, which differs in {', '.join(differs)}; choose another "
            "folder, or remove it"
        )


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return None if value is None else round(value, 4)


def _once(path: Path, measure: Callable[[], Any]) -> Any:
    """What was found by whoever began; after a kill it cannot be measured any more."""
    if path.exists():
        return json.loads(path.read_text("utf-8"))
    told = measure()
    if running.is_first():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(told), "utf-8")
        partial.rename(path)
    return told


def tokenizer_of(source: Source, recipe: Recipe) -> Any:
    """The source's own, which cuts a text after so many tokens."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(source.folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(min(recipe.length, source.length))
    return tokenizer
