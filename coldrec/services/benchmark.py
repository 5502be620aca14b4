"""Fit on a task directory and serve its visitors, by the same core as the site."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coldrec import conf
from coldrec.core import pipeline
from coldrec.core.config import FitConfig
from coldrec.core.errors import FitError
from coldrec.core.evaluation import tasks
from coldrec.core.model import Model
from coldrec.core.training.fit import fit
from coldrec.core.types import BoolArray, IntArray, Interaction

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class BenchmarkRun:
    """What one run took and made; times in seconds."""

    visitors: int
    lists: int
    rows: int
    fit_s: float
    serve_s: float


def run_benchmark(
    directory: Path,
    out: Path,
    *,
    seed: int = 0,
    changes: Mapping[str, Any] | None = None,
    artifact: Path | None = None,
    progress: Progress | None = None,
) -> BenchmarkRun:
    """Write the lists for the task in ``directory`` to ``out`` and say what that took.

    ``changes`` are laid over the shop's own training settings. The artifact is kept when ``artifact`` names a place
    for it; an artifact that is there already is served as it is. Nothing but ``directory`` is read.

    Raises
    ------
    ColdrecError : the task cannot be read, or nothing can be learned from it.
    """
    task = tasks.read_task(directory)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="coldrec-benchmark-") as temporary:
        path = artifact or Path(temporary) / "artifact"
        if not path.exists():
            config = FitConfig.of({**conf.get("FIT"), **(changes or {})})
            fit(task.dataset, path, config, seed=seed, progress=progress)
        fitted = time.perf_counter()
        lists = serve_task(Model.open(path), task, progress=progress)
        served = time.perf_counter()
    return BenchmarkRun(
        visitors=len(task.served),
        lists=sum(map(len, lists.values())),
        rows=tasks.write_predictions(out, lists),
        fit_s=fitted - started,
        serve_s=served - fitted,
    )


def serve_task(model: Model, task: tasks.Task, *, progress: Progress | None = None) -> dict[str, tasks.VisitorLists]:
    """View → visitor → items, from the personal list of the site restricted to each view's candidates."""
    place = np.array([model.position[item] for item in task.dataset.item_ids], np.int64)  # task's order → model's
    back = np.argsort(place)

    def rank(history: Sequence[Interaction], k: int, candidates: BoolArray) -> IntArray:
        return back[pipeline.rank(model, history, k, candidates=candidates[back])[0]]

    return tasks.serve(task, rank, history_length=conf.get("HISTORY_LENGTH"), progress=progress)


def read_changes(path: Path) -> dict[str, Any]:
    """Changes to the training settings from a JSON file.

    Raises
    ------
    FitError : the file cannot be read or does not hold a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FitError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise FitError(f"{path} must hold a JSON object of training settings, got {type(content).__name__}")
    return content
