"""Several tasks teach one encoder: labels of texts, questions about items, and pairs that belong together.

Each step takes a batch of every task. How much a task counts is learnt beside all else, by how uncertain the model is
of it: with s the logarithm of a task's variance the loss is

    Σ over tasks of  exp(−s) L + s / 2,

L a cross-entropy; each s begins at 0. Where only the heads shall learn, or an adapter, freeze the rest of the network
before; what requires a gradient learns.

References
----------
Kendall, Gal, Cipolla (2018), "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR (eq. 10 for a softmax).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from coldrec.backends.encoders.heads import Fields, Heads, Labels, field_text
from coldrec.backends.encoders.torch import TorchEncoder, pooled
from coldrec.backends.learning import experts
from coldrec.core.encoders.reading import item_fields
from coldrec.core.errors import EncoderError
from coldrec.core.types import Item

SHARP = 20.0  # of cosines before a softmax
BALANCE = 0.1  # how much the load of experts counts
Watch = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Classes:
    """Texts and the label of each, such as reviews and "positive" or "negative"."""

    texts: Sequence[str]
    labels: Sequence[str]


@dataclass(frozen=True)
class Questions:
    """Questions, the item that each is about, and the name of its field that answers; "" where none does."""

    questions: Sequence[str]
    items: Sequence[Item]
    fields: Sequence[str]


@dataclass(frozen=True)
class Pairs:
    """Texts and, for each, one that belongs to it: a query and what was bought after it."""

    ones: Sequence[str]
    others: Sequence[str]


Task = Classes | Questions | Pairs


def train_heads(
    encoder: TorchEncoder,
    tasks: Mapping[str, Task],
    *,
    steps: int,
    seed: int = 0,
    batch: int = 32,
    rate: float = 2e-5,
    head_rate: float = 1e-2,
    watch: Watch | None = None,
) -> Heads:
    """Teach the network of ``encoder``, which changes, and a head for each task but pairs.

    ``rate`` is that of the network, ``head_rate`` that of all that is new. ``watch`` is told after each step, from 1
    on, the loss, each task's own as ``loss/<task>`` and how much it counts as ``weight/<task>``; what it raises ends
    the training. What a task draws is up to the seed and its name, so another task beside it changes no draw. Of a long
    text its first piece is read.

    Raises
    ------
    EncoderError : there is no task, one is empty, or its columns do not fit each other.
    """
    if not tasks:
        raise EncoderError("there is no task to train a head for")
    learners: dict[str, Any] = {}
    for name, task in tasks.items():
        torch.manual_seed(seed)
        learners[name] = _learner(name, task, encoder.dims)
    new = nn.ModuleDict(learners).to(encoder.device)
    doubts = {name: nn.Parameter(torch.zeros((), device=encoder.device)) for name in tasks}
    draws = {name: np.random.default_rng([seed, *name.encode()]) for name in tasks}
    old = [weight for weight in encoder.net.parameters() if weight.requires_grad]
    groups = [{"params": [*new.parameters(), *doubts.values()], "lr": head_rate, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW([{"params": old, "lr": rate}, *groups] if old else groups)
    read = _Reader(encoder, learns=bool(old))
    encoder.net.train(bool(old))
    try:
        for step in range(1, steps + 1):
            total: Any = torch.zeros((), device=encoder.device)
            told: dict[str, Any] = {}
            for name, learner in learners.items():
                rows = draws[name].integers(learner.size, size=batch).tolist()
                loss = learner.loss(read, rows)
                total = total + torch.exp(-doubts[name]) * loss + doubts[name] / 2
                told |= {f"loss/{name}": loss.detach(), f"weight/{name}": torch.exp(-doubts[name]).detach()}
            if read.gates:
                total = total + BALANCE * experts.loss(torch.cat(read.gates))
                read.gates.clear()
            optimiser.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_([*old, *new.parameters()], 1.0)
            optimiser.step()
            if watch is not None:
                watch(step, {"loss": float(total), **{key: float(value) for key, value in told.items()}})
    finally:
        encoder.net.eval()
    parts = {name: part for name, learner in learners.items() if (part := learner.part()) is not None}
    return Heads(encoder, parts, {name: float(torch.exp(-doubt)) for name, doubt in doubts.items()})


class _Reader:
    """Texts to vectors as the encoder gives them, of length 1. What cannot change any more is read once.

    ``gates`` gathers how the experts shared the texts out, where the network has any.
    """

    def __init__(self, encoder: TorchEncoder, *, learns: bool) -> None:
        self._encoder, self._learns = encoder, learns
        self._kept: dict[tuple[str, bool], torch.Tensor] = {}
        self._has_experts = experts.ROUTER in dict(encoder.net.named_children())
        self.gates: list[torch.Tensor] = []

    def __call__(self, texts: Sequence[str], *, query: bool = False) -> torch.Tensor:
        """(n, d)"""
        once = list(dict.fromkeys(texts))
        if self._learns:
            found = dict(zip(once, self._read(once, query), strict=True))
        else:
            if lacking := [text for text in once if (text, query) not in self._kept]:
                with torch.no_grad():
                    self._kept |= zip(((text, query) for text in lacking), self._read(lacking, query), strict=True)
            found = {text: self._kept[text, query] for text in once}
        return torch.stack([found[text] for text in texts])

    def _read(self, texts: list[str], query: bool) -> torch.Tensor:
        encoder = self._encoder
        pieces = [cut[0] if cut else [] for cut in encoder.cut(texts, query=query)]
        full = [row for row, piece in enumerate(pieces) if piece]
        vectors = torch.zeros((len(texts), encoder.dims), device=encoder.device)
        if not full:
            return vectors
        ids = torch.zeros((len(full), max(len(pieces[row]) for row in full)), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for at, row in enumerate(full):
            ids[at, : len(pieces[row])] = torch.tensor(pieces[row])
            mask[at, : len(pieces[row])] = 1
        put = ids.to(encoder.device), mask.to(encoder.device)
        if self._has_experts and self._learns:
            self.gates.append(experts.gates(encoder.net, *put))
        with torch.autocast("cuda", torch.bfloat16, enabled=encoder.device.startswith("cuda")):
            read = pooled(encoder.net, *put, encoder.source.pooling)
        return vectors.index_copy(0, torch.tensor(full, device=encoder.device), nn.functional.normalize(read.float()))


class _Classes(nn.Module):
    def __init__(self, task: Classes, dims: int) -> None:
        super().__init__()
        self.names = tuple(sorted(set(task.labels)))
        if len(self.names) < 2:
            raise EncoderError(f"labels have to differ to be told apart; there is only {self.names[0]!r}")
        self.task, self.size = task, len(task.texts)
        self.numbers = [self.names.index(one) for one in task.labels]
        self.linear = nn.Linear(dims, len(self.names))

    def loss(self, read: _Reader, rows: Sequence[int]) -> torch.Tensor:
        logits = self.linear(read([self.task.texts[row] for row in rows]))
        wanted = torch.tensor([self.numbers[row] for row in rows], device=logits.device)
        return nn.functional.cross_entropy(logits, wanted)

    def part(self) -> Labels:
        return Labels(self.names, _array(self.linear.weight), _array(self.linear.bias))


class _Questions(nn.Module):
    def __init__(self, task: Questions, dims: int) -> None:
        super().__init__()
        self.task, self.size = task, len(task.questions)
        self.told = [item_fields(item) for item in task.items]
        for row, (fields, wanted) in enumerate(zip(self.told, task.fields, strict=True)):
            if wanted and wanted not in fields:
                raise EncoderError(f"question {row} is answered by {wanted!r}, which its item does not have")
        self.match = nn.Parameter(SHARP * torch.eye(dims))  # at first: how alike they are
        self.none, self.bias = nn.Parameter(torch.zeros(dims)), nn.Parameter(torch.full((1,), SHARP / 4))

    def loss(self, read: _Reader, rows: Sequence[int]) -> torch.Tensor:
        asked = read([self.task.questions[row] for row in rows], query=True)
        none = asked @ self.none + self.bias
        most = max(len(self.told[row]) for row in rows)
        scores = torch.full((len(rows), most + 1), -torch.inf, device=asked.device)
        scores[:, most] = none
        texts = [field_text(*field) for row in rows for field in self.told[row].items()]
        if texts:
            at = [(place, field) for place, row in enumerate(rows) for field in range(len(self.told[row]))]
            places, fields = (torch.tensor(one, device=asked.device) for one in zip(*at, strict=True))
            found = ((asked @ self.match)[places] * read(texts)).sum(1)
            scores = scores.index_put((places, fields), found)
        wanted = [list(self.told[row]).index(name) if (name := self.task.fields[row]) else most for row in rows]
        return nn.functional.cross_entropy(scores, torch.tensor(wanted, device=asked.device))

    def part(self) -> Fields:
        return Fields(_array(self.match), _array(self.none), _array(self.bias))


class _Pairs(nn.Module):
    """Each text against what belongs to the others of the batch; equal ones are no wrong answers."""

    def __init__(self, task: Pairs) -> None:
        super().__init__()
        self.task, self.size = task, len(task.ones)

    def loss(self, read: _Reader, rows: Sequence[int]) -> torch.Tensor:
        ones, others = ([texts[row] for row in rows] for texts in (self.task.ones, self.task.others))
        scores = SHARP * read(ones, query=True) @ read(others).T
        own = torch.eye(len(rows), dtype=torch.bool)
        same = torch.tensor(
            [[a == c or b == d for c, d in zip(ones, others, strict=True)] for a, b in zip(ones, others, strict=True)]
        )
        scores = scores.masked_fill((same & ~own).to(scores.device), -torch.inf)
        return nn.functional.cross_entropy(scores, torch.arange(len(rows), device=scores.device))

    def part(self) -> None:
        """Pairs shape the vectors alone."""


def _learner(name: str, task: Task, dims: int) -> _Classes | _Questions | _Pairs:
    if not name.isidentifier():
        raise EncoderError(f"a task is named as a variable is, by letters, digits and _; got {name!r}")
    columns = {key: len(column) for key, column in vars(task).items()}
    if len(set(columns.values())) != 1 or not min(columns.values()):
        raise EncoderError(f"the columns of the task {name!r} have to be of one length above 0, got {columns}")
    if isinstance(task, Classes):
        return _Classes(task, dims)
    return _Questions(task, dims) if isinstance(task, Questions) else _Pairs(task)


def _array(weight: torch.Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return weight.detach().float().cpu().numpy()
