"""One of several processes that train together: python -m torch.distributed.run … several.py BASE FOLDER."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import torch

from coldrec.backends.encoders.source import Source
from coldrec.backends.learning import methods, running
from coldrec.backends.learning.mlm import MaskedTokens
from coldrec.backends.learning.pairs import Pairs
from coldrec.backends.learning.train import tokenizer_of
from coldrec.core.training.language.recipe import Recipe
from tests.backends.learning.killing import both
from tests.backends.learning.watching import Watched

torch.set_num_threads(1)
base, folder = sys.argv[1], Path(sys.argv[2])
recipe = Recipe.of(
    {"base": base, "mask_steps": 3, "pair_steps": 3, "batch": 8, "mini_batch": 4, "length": 24, "rate": 1e-2}
)
source, watch = Source.find(base), Watched()
learner = methods.learner(source, recipe)
for kind in (MaskedTokens, Pairs):
    running.run(kind(learner, both(), tokenizer_of(source, recipe)), recipe, folder / kind.__name__, watch)
digest = hashlib.sha256()
for _, weight in sorted(learner.net.named_parameters()):
    digest.update(weight.detach().numpy().tobytes())
(folder / f"process-{os.environ['RANK']}").write_text(f"{digest.hexdigest()} {len(watch.steps)}")
