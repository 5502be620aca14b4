"""Every choice of a language model's training in one place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from coldrec.core.errors import EncoderError

METHODS = ("full", "lora", "ia3", "bottleneck", "experts")
PRECISIONS = ("auto", "float32", "bfloat16")
RATES = {"full": 2e-5, "lora": 5e-4, "ia3": 5e-3, "bottleneck": 5e-4, "experts": 5e-4}
"""Learning rate of the encoder by method, where none is chosen: few new weights bear more than many old ones."""


@dataclass(frozen=True)
class Recipe:
    """Defaults suit a small encoder on one GPU; a shop changes them with ``COLDREC["TRAINING"]``."""

    base: str = ""  # hub id or folder of what is trained further; the encoder in use where it is empty
    method: str = "full"  # which weights change: all of them, or a few beside them
    rank: int = 8  # of LoRA and its experts; width of a bottleneck is eight times as much
    experts: int = 2
    # Masked tokens, Devlin et al. 2019
    mask_steps: int = 500  # 0 leaves the stage out
    mask_share: float = 0.15  # of a text's tokens
    value_share: float = 0.3  # of the texts in which one attribute's value is masked as a whole instead
    head_rate: float = 1e-3  # the new head learns fast, the encoder below it slowly
    head_share: float = 0.2  # of the steps, in which the head learns alone
    # Pairs
    pair_steps: int = 500
    scale: float = 20.0  # inverse temperature of the softmax over a batch
    matryoshka: tuple[float, ...] = (1.0, 0.5, 0.25)  # shares of the dimensions that must do on their own
    # Both
    rate: float = 0.0  # of the encoder's weights; 0 takes what suits the method
    batch: int = 64  # texts or pairs of a step, on each device
    mini_batch: int = 32  # of them that are in memory at once; halved by itself where that is too much
    length: int = 128  # tokens that are read of a text
    warm_up: float = 0.1  # share of the steps in which the rates grow
    precision: str = "auto"  # bfloat16 where the device has it
    gradient_checkpointing: bool = False
    checkpoint_minutes: float = 5.0
    wandb: bool = False  # tell Weights & Biases, beside TensorBoard
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            if (word := _KINDS.get(str(field.type))) is not None and not word[0](value := getattr(self, field.name)):
                raise EncoderError(f"{field.name} must be {word[1]}, got {value!r}")
        for name, allowed in (("method", METHODS), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise EncoderError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        for name, least in (
            *(("rank", 1), ("experts", 2), ("mask_steps", 0), ("pair_steps", 1)),
            *(("batch", 2), ("mini_batch", 1), ("length", 8), ("seed", 0)),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                said = " (masked tokens alone spoil an encoder)" if name == "pair_steps" else ""
                raise EncoderError(f"{name} must be a whole number of at least {least}{said}, got {value!r}")
        for name in ("mask_share", "value_share", "head_share", "warm_up"):
            value = getattr(self, name)
            if not 0 <= value < 1 or (name == "mask_share" and not value):
                raise EncoderError(f"{name} must lie between 0 and 1, got {value!r}")
        if not self.matryoshka or 1.0 not in self.matryoshka or not all(0 < share <= 1 for share in self.matryoshka):
            raise EncoderError(f"matryoshka must hold shares between 0 and 1, and 1 itself, got {self.matryoshka!r}")
        for name in ("head_rate", "scale"):
            if not getattr(self, name) > 0:
                raise EncoderError(f"{name} must be above 0, got {getattr(self, name)!r}")
        if self.rate < 0 or self.checkpoint_minutes < 0:
            raise EncoderError("rate and checkpoint_minutes may not be negative")
        if self.method == "experts" and self.gradient_checkpointing:
            raise EncoderError("experts do not go with gradient checkpointing; switch one of the two off")

    @classmethod
    def of(cls, changes: Mapping[str, Any]) -> Recipe:
        """The defaults with ``changes``; an unknown name is an error that lists the known ones."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(changes) - known):
            raise EncoderError(f"unknown choice of the recipe {unknown[0]!r}; known are {', '.join(sorted(known))}")
        told = dict(changes)
        if "matryoshka" in told:
            if not isinstance(shares := told["matryoshka"], (list, tuple)) or not all(map(_is_number, shares)):
                raise EncoderError(f"matryoshka must be a list of shares, got {shares!r}")
            told["matryoshka"] = tuple(shares)
        return cls(**told)

    def as_dict(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {**asdict(self), "matryoshka": list(self.matryoshka)}

    @property
    def learning_rate(self) -> float:
        """Of the encoder's weights."""
        return self.rate or RATES[self.method]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


_KINDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "a text"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "float": (_is_number, "a number"),
}
"""By annotation: whether a value is of that kind, and its name in words; whole numbers are checked with their range."""
