"""A training in a process of its own that can be killed like any other; what it needs is loaded once for all."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

from coldrec.core.training.language.recipe import Recipe
from tests.backends.learning import corpora
from tests.backends.learning.watching import Watched

LOADED = ["torch", "transformers", "accelerate", "peft", "sentence_transformers.sentence_transformer.losses"]


class Doomed(Watched):
    """Writes down each step, and kills its process at one."""

    def __init__(self, log: Path, last: int) -> None:
        super().__init__()
        self.log, self.last = log, last

    def stepped(self, stage, step, steps, loss, texts_per_second):
        with self.log.open("a") as file:
            file.write(f"{stage} {step}\n")
        self.last -= 1
        if self.last == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def work(recipe: Recipe, folder: Path, log: Path, last: int) -> None:
    import torch

    from coldrec.backends.learning.train import train

    torch.set_num_threads(1)
    train(recipe, both(), folder, Doomed(log, last))


def both():
    """Texts and pairs, some of them held out."""
    words, things = corpora.brands(number=60), corpora.translations()
    return corpora.corpus(words.texts, things.pairs, words.held_texts[:20], things.held_pairs)


def start(recipe: Recipe, folder: Path, log: Path, last: int = 0):
    """``last``: the step of this process that is its last; 0: it may finish."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    process = context.Process(target=work, args=(recipe, folder, log, last))
    process.start()
    return process
