"""A mixture of LoRA experts: several low-rank changes of one network, and a router that reads which fit a text.

    W x ← W x + (s / r) Σₑ gₑ Bₑ Aₑ x,   g = softmax(R e + c),   Aₑ (r, d), Bₑ (d', r)

on the query and value maps of every layer. e is the mean of the text's input embeddings, standardised over all texts
read in training, so the gates are known before the first layer and one pass is enough. Bₑ is of zeros at first: the
network says what it said before. peft's X-LoRA wants experts that are trained already and runs an encoder twice, its
Poly routes by a task that it is told and not by the text; neither balances the load.

Left alone, a router sends everything to whoever learns fastest. ``loss`` is the negative mutual information, in nats,
of the experts and of where a text comes from, or of the experts and the text itself where nobody knows,

    − H(mean of g) + mean over domains of H(mean of g within the domain),

lowest where all experts have work and each domain has its own.

Letters: E experts, r rank, d dimensions that a map reads, d' that it gives, p texts, t tokens, s ``SCALE``.

References
----------
Hu et al. (2022), "LoRA", ICLR. Shazeer et al. (2017), "Outrageously Large Neural Networks", ICLR (balance). Chen et al.
(2023), "Mod-Squad", CVPR (mutual information).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torch
from torch import nn

from coldrec.backends.learning import attached
from coldrec.core.errors import EncoderError

KIND = "experts"
ROUTER, EXPERTS = PARTS = ("expert_router", "lora_experts")
SCALE = 16.0
MAPS = {"query", "value", "q", "v", "q_lin", "v_lin", "q_proj", "v_proj", "Wqkv", "query_key_value", "qkv_proj"}
"""What families of encoders call the maps of attention that are changed."""

_gates: ContextVar[torch.Tensor | None] = ContextVar("coldrec_gates", default=None)
"""(p, E) of the pass that is running here: two threads may run one network."""


class Router(nn.Module):
    """(p, t) tokens to (p, E) gates, rows of sum 1."""

    mean: torch.Tensor
    square: torch.Tensor
    texts: torch.Tensor

    def __init__(self, dims: int, experts: int) -> None:
        super().__init__()
        self.choose = nn.Linear(dims, experts)
        self.register_buffer("mean", torch.zeros(dims))
        self.register_buffer("square", torch.ones(dims))
        self.register_buffer("texts", torch.zeros(()))

    def forward(self, embedded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        spread = (self.square - self.mean**2).clamp_min(1e-12).sqrt()
        return torch.softmax(self.choose((_mean(embedded, mask) - self.mean) / spread), dim=-1)

    def learn(self, embedded: torch.Tensor, mask: torch.Tensor) -> None:
        """What texts have in common says nothing about their domain; the batch at hand may be of one domain alone."""
        with torch.no_grad():
            read = _mean(embedded, mask)
            self.texts.add_(len(read))
            share = len(read) / self.texts
            self.mean.lerp_(read.mean(0), share)
            self.square.lerp_((read**2).mean(0), share)

    @staticmethod
    def before(net: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """As a forward hook of the network: work out the gates before its first layer."""
        ids, mask = _asked(args, kwargs)
        if net.training:
            if any(getattr(layer, "gradient_checkpointing", False) for layer in net.modules()):
                raise EncoderError("experts do not go with gradient checkpointing; switch one of the two off")
            net.expert_router.learn(net.get_input_embeddings()(ids), mask)
        _gates.set(gates(net, ids, mask))

    @staticmethod
    def after(_net: Any, _inputs: Any, _output: Any) -> None:
        _gates.set(None)


class Experts(nn.Module):
    """(p, t, d) to (p, t, d'): what all experts add to one map, each as far as its gate is open."""

    def __init__(self, dims: int, out: int, rank: int, experts: int) -> None:
        super().__init__()
        self.rank = rank
        self.down, self.up = nn.Linear(dims, experts * rank, bias=False), nn.Linear(experts * rank, out, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, hidden: torch.Tensor, gates: torch.Tensor) -> torch.Tensor:
        share = gates.repeat_interleave(self.rank, dim=1)[:, None].to(hidden.dtype)
        added: torch.Tensor = self.up(self.down(hidden) * share) * (SCALE / self.rank)
        return added

    @staticmethod
    def after(linear: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        if (gates := _gates.get()) is None:
            raise EncoderError("experts work inside their network only, which says who is to be asked")
        added: torch.Tensor = linear.lora_experts(inputs[0], gates)
        return output + added


def add(net: Any, rank: int = 4, experts: int = 4) -> None:
    """Put the experts and their router in, and let nothing else learn.

    Raises
    ------
    EncoderError : there are fewer than two experts, the rank is below 1, or the network has experts already or no maps
        that are known.
    """
    if experts < 2 or rank < 1:
        raise EncoderError(f"a mixture has at least 2 experts of a rank of at least 1, got {experts} of {rank}")
    if attached.weights(net, PARTS):
        raise EncoderError("the network has experts already; remove them first")
    maps = [
        module
        for layer in attached.layers(net)
        for name, module in layer.named_modules()
        if isinstance(module, nn.Linear) and name.rpartition(".")[2] in MAPS
    ]
    if not maps:
        raise EncoderError(f"a {net.config.model_type} has none of the maps {', '.join(sorted(MAPS))}")
    net.requires_grad_(False)
    for linear in maps:
        attached.attach(linear, EXPERTS, Experts(linear.in_features, linear.out_features, rank, experts))
    dims = net.get_input_embeddings().embedding_dim
    router = Router(dims, experts)
    attached.attach(net, ROUTER, router)
    router.entry = net.register_forward_pre_hook(Router.before, with_kwargs=True)


def remove(net: Any) -> None:
    """Take the experts out: the network says what it said before, and all of it may learn again."""
    if (router := net._modules.get(ROUTER)) is not None:
        router.entry.remove()
    attached.detach(net, PARTS)


def gates(net: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(p, E) how the router shares out these texts; its gradient leads to the router and not to the embeddings."""
    told: torch.Tensor = net.expert_router(net.get_input_embeddings()(ids).detach(), mask)
    return told


def loss(gates: torch.Tensor, domains: Sequence[int] | None = None) -> torch.Tensor:
    """What to add to the task's loss, of the (p, E) gates of a step's texts.

    ``domains``: the number of the domain, or shop, of each text. About 0 while the router does not choose, down to
    ``−log E`` where it does and all experts have as much work (``−log`` of the domains' number where that is lower).

    Raises
    ------
    EncoderError : there is not one domain for each text.
    """
    if domains is None:
        return _entropy(gates).mean() - _entropy(gates.mean(0))
    if len(domains) != len(gates):
        raise EncoderError(f"there are {len(domains)} domains for {len(gates)} texts; each text is of one")
    number = torch.as_tensor(domains, device=gates.device)
    within = [gates[number == one] for one in sorted(set(domains))]
    return sum(_entropy(some.mean(0)) * len(some) for some in within) / len(gates) - _entropy(gates.mean(0))


def spread(gates: torch.Tensor) -> float:
    """How evenly the work of (p, E) gates is spread: the entropy of their mean, 0 (all to one) to 1 (all the same)."""
    even = torch.log(torch.tensor(float(gates.shape[1])))
    return float(_entropy(gates.mean(0)) / even)


def save(net: Any, folder: Path) -> None:
    """Write experts and router, and only them, to ``folder``."""
    part = next((part for part in net.modules() if isinstance(part, Experts)), None)
    rank = part.rank if part else 0
    experts = part.down.out_features // rank if part else 0
    attached.save(net, folder, PARTS, {"kind": KIND, "parts": PARTS, "rank": rank, "experts": experts})


def load(net: Any, folder: Path) -> None:
    """Put the experts of ``folder`` in, in the place of those that are there.

    Raises
    ------
    EncoderError : they cannot be read, or were trained on another base; the network is left as it was.
    """
    card, tensors = attached.read(net, folder, KIND)
    remove(net)
    add(net, int(card["rank"]), int(card["experts"]))
    attached.fill(net, tensors, PARTS)


def _asked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    ids = kwargs.get("input_ids", args[0] if args else None)
    mask = kwargs.get("attention_mask", args[1] if len(args) > 1 else None)
    if ids is None:
        raise EncoderError("experts choose by the tokens; the network was given none")
    return ids, torch.ones_like(ids) if mask is None else mask


def _mean(embedded: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weight = mask[..., None].to(embedded.dtype)
    return ((embedded * weight).sum(1) / weight.sum(1)).float()


def _entropy(shares: torch.Tensor) -> torch.Tensor:
    """Of rows of sum 1, in nats."""
    return -(shares * shares.clamp_min(1e-9).log()).sum(-1)
