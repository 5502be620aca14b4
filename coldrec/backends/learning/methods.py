"""Which weights of an encoder learn: all of them, or a few that are put beside them.

What is put beside leaves the network's own weights as they are, so that the changes of many shops can share one base.
LoRA (Hu et al. 2022, ICLR) and (IA)³ (Liu et al. 2022, NeurIPS) are peft's and can be merged into the weights in the
end; bottlenecks and experts are ``bottleneck`` and ``experts``, and lie beside the model for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coldrec.backends.encoders.source import Source
from coldrec.backends.encoders.torch import load, quietly, require
from coldrec.core.errors import EncoderError
from coldrec.core.training.language.recipe import Recipe

ADAPTER = "default"
WIDTH = 8  # of a bottleneck, in ranks
PEFT = ("lora", "ia3")


@dataclass(frozen=True)
class Learner:
    """An encoder of which some weights learn. ``net`` is the network itself, changed where it is."""

    net: Any
    source: Source
    recipe: Recipe
    peft: Any = None  # peft's own view of it

    def save_adapter(self, folder: Path) -> None:
        """Write what was put beside the network, and only that; where all of it learned there is nothing."""
        from coldrec.backends.learning import bottleneck, experts

        if self.peft is not None:
            self.peft.save_pretrained(str(folder))
        elif self.recipe.method == "bottleneck":
            bottleneck.save(self.net, folder)
        elif self.recipe.method == "experts":
            experts.save(self.net, folder)

    def merged(self) -> Any:
        """The network with the changes in its weights; it cannot be trained further. What cannot be merged stays."""
        if self.peft is None:
            return self.net
        return self.peft.merge_and_unload()

    def extra_loss(self, features: list[dict[str, Any]]) -> Any:
        """What the texts of a step add to its loss, or None: that no expert is left without work."""
        if self.recipe.method != "experts":
            return None
        import torch

        from coldrec.backends.learning import experts

        gates = [experts.gates(self.net, one["input_ids"], one["attention_mask"]) for one in features]
        return experts.loss(torch.cat(gates))


def learner(source: Source, recipe: Recipe) -> Learner:
    """The encoder of a source, with those weights ready to learn that the recipe chooses.

    Raises
    ------
    EncoderError : it cannot be read, has an adapter that is not merged, or the method does not fit it.
    """
    torch, transformers = require()
    if source.adapter:
        raise EncoderError(
            f"the model in {source.folder} has {source.adapter} beside its weights; train its base further instead"
        )
    torch.manual_seed(recipe.seed)
    net = load(source, transformers)
    for name, weight in net.named_parameters():
        weight.requires_grad_(not name.startswith("pooler."))  # which no vector comes through
    if recipe.method == "full":
        return Learner(net, source, recipe)
    if recipe.method in PEFT:
        return Learner(net, source, recipe, _with_peft(net, recipe))
    from coldrec.backends.learning import bottleneck, experts

    if recipe.method == "bottleneck":
        bottleneck.add(net, min(WIDTH * recipe.rank, int(net.config.hidden_size)))
    else:
        experts.add(net, recipe.rank, recipe.experts)
    return Learner(net, source, recipe)


def swap(peft: Any, folder: Path, name: str) -> None:
    """Have a network with peft's adapters work with those in ``folder``, as ``name``; its base stays as it is."""
    if name not in peft.peft_config:
        peft.load_adapter(str(folder), adapter_name=name)
    peft.set_adapter(name)


def _with_peft(net: Any, recipe: Recipe) -> Any:
    try:
        import peft
    except ImportError as error:
        raise EncoderError("peft is not installed; pip install 'django-coldrec[train]'") from error
    config: Any
    if recipe.method == "lora":
        config = peft.LoraConfig(r=recipe.rank, lora_alpha=2 * recipe.rank, target_modules=_maps(net, attention=True))
    else:
        forward = _maps(net, attention=False)
        config = peft.IA3Config(target_modules=[*_maps(net, attention=True), *forward], feedforward_modules=forward)
    try:
        with quietly():
            return peft.get_peft_model(net, config)
    except (ValueError, TypeError) as error:
        raise EncoderError(f"{recipe.method} does not fit a {net.config.model_type}: {error}") from error


def _maps(net: Any, *, attention: bool) -> list[str]:
    """Names of the linear maps that are changed: query and value, or the second of the feed-forward part.

    Raises
    ------
    EncoderError : the network has none of the names that are known.
    """
    from coldrec.backends.learning.experts import MAPS

    torch, _ = require()
    known = MAPS - {"query_key_value"} if attention else {"output.dense", "lin2", "wo", "fc2", "Wo"}
    found = set()
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.Linear) and not name.startswith("pooler."):
            tail = name.rpartition(".")[2]
            two = ".".join(name.split(".")[-2:])
            if (tail in known or two in known) and not (not attention and ".attention." in f".{name}"):
                found.add(name if two in known else tail)
    if not found:
        raise EncoderError(f"a {net.config.model_type} has none of the maps {', '.join(sorted(known))}")
    return sorted(found)
