"""Small parts put into a network whose own weights stay as they are: what ``bottleneck`` and ``experts`` share.

A part is a child module of the layer that it changes and works through that layer's forward hook, so the names of the
network's own weights stay what they were and taking the parts out leaves the network as it was found. Not to be merged
into it, they lie beside its weights, as ``adapter.json`` and ``adapter.safetensors``; ``encoders.torch.load`` puts them
back in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from coldrec.backends.encoders.source import ADAPTER
from coldrec.core.errors import EncoderError

WEIGHTS = "adapter.safetensors"
_EVERY = 997  # which numbers of each of the base's tensors are looked at


def layers(net: Any) -> list[Any]:
    """The network's equal layers, in order.

    Raises
    ------
    EncoderError : it is not made of such layers.
    """
    number = getattr(net.config, "num_hidden_layers", 0)
    for module in net.modules():
        if isinstance(module, nn.ModuleList) and len(module) == number:
            return list(module)
    raise EncoderError(f"a {net.config.model_type} is not a list of {number} layers; choose another way to train it")


def attach(owner: Any, name: str, part: Any) -> None:
    """Put ``part`` into ``owner`` and do as it says; it has a method ``after(owner, inputs, output)``, a hook."""
    whole = next(owner.parameters())
    owner.add_module(name, part.to(whole.device).train(owner.training))
    part.handle = owner.register_forward_hook(part.after)


def detach(net: Any, names: tuple[str, ...]) -> None:
    """Take all parts of these names out; the network is what it was, and its own weights may learn again."""
    for owner in list(net.modules()):
        for name in names:
            if (part := owner._modules.pop(name, None)) is not None:
                part.handle.remove()
    net.requires_grad_(True)


def weights(net: Any, names: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """The tensors of the parts, by their full name."""
    return {name: tensor for name, tensor in net.state_dict().items() if set(names) & set(name.split("."))}


def save(net: Any, folder: Path, names: tuple[str, ...], card: dict[str, Any]) -> None:
    """Write the parts to ``folder``, and of which base they are."""
    if not (own := weights(net, names)):
        raise EncoderError("there is no adapter in the network; nothing to save")
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in own.items()}, folder / WEIGHTS)
    (folder / ADAPTER).write_text(json.dumps(card | {"base": base(net, names)}, indent=1), "utf-8")


def read(net: Any, folder: Path, kind: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """What ``save`` has written for this network: the card and the tensors.

    Raises
    ------
    EncoderError : there is nothing, it is damaged, of another kind, or made for another base.
    """
    path = folder / ADAPTER
    try:
        card = json.loads(path.read_text("utf-8"))
        found, of = card["kind"], card["base"]
        tensors = load_file(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise EncoderError(
            f"{folder} holds no adapter: it has no {Path(str(error.filename or WEIGHTS)).name}"
        ) from None
    except (ValueError, KeyError, TypeError, OSError, SafetensorError) as error:
        raise EncoderError(f"the adapter in {folder} cannot be read: {error!r}") from error
    if found != kind:
        raise EncoderError(f"{path} is of the kind {found!r}; {kind!r} is asked")
    if of != base(net, tuple(card["parts"])):
        raise EncoderError(f"the adapter in {folder} was trained on another base model")
    return card, tensors


def fill(net: Any, tensors: dict[str, torch.Tensor], names: tuple[str, ...]) -> None:
    """Give the parts in the network the numbers that were read.

    Raises
    ------
    EncoderError : they are of other names or shapes.
    """
    own = weights(net, names)
    if {name: tensor.shape for name, tensor in own.items()} != {name: told.shape for name, told in tensors.items()}:
        raise EncoderError("the adapter has other tensors than its card says")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def base(net: Any, names: tuple[str, ...]) -> str:
    """Tells the network without its parts from others: sha256 of all names, shapes and every so-manyth number."""
    digest = hashlib.sha256()
    for name, tensor in _own(net, names):
        digest.update(f"{name}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor.detach().flatten()[::_EVERY].float().cpu().numpy().tobytes())
    return digest.hexdigest()


def _own(net: Any, names: tuple[str, ...]) -> Iterator[tuple[str, torch.Tensor]]:
    """What decides the vectors: a pooler that is not asked is of random numbers, other ones each time it is read."""
    for name, tensor in sorted(net.named_parameters()):
        if not set(names) & set(name.split(".")) and not name.startswith("pooler."):
            yield name, tensor
