"""What a training will take, told by some of its steps."""

from __future__ import annotations

import contextlib
import resource
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from coldrec.backends.encoders.source import Source
from coldrec.backends.encoders.torch import require
from coldrec.backends.learning import methods, running
from coldrec.backends.learning.mlm import MaskedTokens
from coldrec.backends.learning.pairs import Pairs
from coldrec.backends.learning.running import Stage
from coldrec.backends.learning.train import tokenizer_of
from coldrec.core.errors import RunCancelledError
from coldrec.core.training.language.corpus import Corpus
from coldrec.core.training.language.recipe import Recipe

TRIED = 3  # steps of each stage, the first of which is not counted


@dataclass(frozen=True)
class Estimate:
    """``minutes`` of the whole training, ``gigabytes`` at its peak: of the GPU where there is one, else of memory."""

    minutes: float
    gigabytes: float
    device: str
    texts: int
    pairs: int

    def __str__(self) -> str:
        took = f"{self.minutes:.0f} minutes" if self.minutes >= 2 else f"{60 * self.minutes:.0f} seconds"
        return (
            f"About {took} and {self.gigabytes:.1f} GB on this {self.device}, to learn from {self.texts:,} texts and "
            f"{self.pairs:,} pairs."
        )


class _Clock:
    """Follows some steps, and ends them."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def stepped(self, stage: str, step: int, steps: int, loss: float, texts_per_second: float) -> None:
        self.moments.append(time.monotonic())

    def said(self, what: str) -> None:
        pass

    def is_cancelled(self) -> bool:
        return len(self.moments) >= TRIED

    @property
    def seconds(self) -> float:
        """Of a step."""
        return (self.moments[-1] - self.moments[0]) / max(len(self.moments) - 1, 1)


def estimate(recipe: Recipe, corpus: Corpus) -> Estimate:
    """What the recipe takes on this machine as busy as it is now; some steps are made and thrown away.

    Raises
    ------
    EncoderError : as training would.
    """
    torch, _ = require()
    source = Source.find(recipe.base)
    learner = methods.learner(source, recipe)
    tokenizer = tokenizer_of(source, recipe)
    stages: list[Stage] = [Pairs(learner, corpus, tokenizer)]
    if recipe.mask_steps and corpus.texts:
        stages.append(MaskedTokens(learner, corpus, tokenizer))
    seconds = sum(_seconds(stage, recipe) * stage.steps for stage in stages)
    device, _half = running.device_of(recipe)
    used = torch.cuda.max_memory_allocated() if device == "cuda" else _peak()
    return Estimate(seconds / 60, used / 1e9, device, len(corpus.texts), len(corpus.pairs))


def _seconds(stage: Stage, recipe: Recipe) -> float:
    clock = _Clock()
    with tempfile.TemporaryDirectory() as place, contextlib.suppress(RunCancelledError):
        running.run(stage, replace(recipe, wandb=False), Path(place), clock)
    return clock.seconds


def _peak() -> float:
    """Bytes that this process has held at most."""
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)
