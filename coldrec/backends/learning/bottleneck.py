"""Bottleneck adapters: behind each layer a narrow detour that learns, while the network itself stays as it is.

    h ← h + W₂ gelu(W₁ h + b₁) + b₂,   W₁ (r, d), W₂ (d, r)

with W₂ and b₂ of zeros at first, so that a network with new adapters says what it said without. One behind each layer's
feed-forward part, where the second of the two of Houlsby et al. stands. peft has no such adapters. They cannot be
merged into the network: what they change is no linear map. Letters: d dimensions of the layers, r rank.

References
----------
Houlsby et al. (2019), "Parameter-Efficient Transfer Learning for NLP", ICML. Pfeiffer et al. (2021), "AdapterFusion",
EACL (one adapter a layer is enough).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from coldrec.backends.learning import attached
from coldrec.core.errors import EncoderError

KIND = "bottleneck"
PARTS = ("bottleneck_adapter",)


class Bottleneck(nn.Module):
    """(…, d) to (…, d)."""

    def __init__(self, dims: int, rank: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(dims, rank), nn.Linear(rank, dims)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        detour: torch.Tensor = self.up(nn.functional.gelu(self.down(hidden)))
        return hidden + detour

    @staticmethod
    def after(layer: Any, _inputs: Any, output: Any) -> Any:
        """As a forward hook of the layer, whose output is its hidden state or begins with it."""
        if isinstance(output, tuple):
            return (layer.bottleneck_adapter(output[0]), *output[1:])
        return layer.bottleneck_adapter(output)


def add(net: Any, rank: int = 48) -> None:
    """Put an adapter behind each layer, and let nothing else learn.

    Raises
    ------
    EncoderError : the rank is not between 1 and d, the network has adapters already or no layers that are known.
    """
    dims = int(net.config.hidden_size)
    if not 1 <= rank <= dims:
        raise EncoderError(f"the rank of an adapter lies between 1 and {dims}, the model's dimensions; got {rank}")
    if attached.weights(net, PARTS):
        raise EncoderError("the network has bottleneck adapters already; remove them first")
    found = attached.layers(net)
    net.requires_grad_(False)
    for layer in found:
        attached.attach(layer, *PARTS, Bottleneck(dims, rank))


def remove(net: Any) -> None:
    """Take the adapters out: the network says what it said before, and all of it may learn again."""
    attached.detach(net, PARTS)


def save(net: Any, folder: Path) -> None:
    """Write the adapters, and only them, to ``folder``."""
    rank = next((part.down.out_features for part in net.modules() if isinstance(part, Bottleneck)), 0)
    attached.save(net, folder, PARTS, {"kind": KIND, "parts": PARTS, "rank": rank})


def load(net: Any, folder: Path) -> None:
    """Put the adapters of ``folder`` in, in the place of those that are there.

    Raises
    ------
    EncoderError : they cannot be read, or were trained on another base; the network is left as it was.
    """
    card, tensors = attached.read(net, folder, KIND)
    remove(net)
    add(net, int(card["rank"]))
    attached.fill(net, tensors, PARTS)
