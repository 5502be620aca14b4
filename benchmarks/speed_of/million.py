"""Memory of a process that serves a list out of a million items.

What is asked: that it stays bounded by the catalogue and never grows with pairs of items. Training on that many is
another matter, so the artifact is put together from random numbers of the right shapes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import sparse

from benchmarks.checks import Check
from benchmarks.site import project
from coldrec.core import artifact, pipeline
from coldrec.core.encoders.profile import ProfileMap
from coldrec.core.model import Model
from coldrec.core.ranking.fusion import Fusion
from coldrec.core.retrieval import content
from coldrec.core.retrieval.lexicon import Lexicon
from coldrec.core.retrieval.sources import Content, Sources
from coldrec.core.retrieval.surroundings import Surroundings
from coldrec.core.types import Interaction, Kind, Request

BYTES_AN_ITEM = 4_000  # peak of the serving process for every item: 4 GB for a million
BASE = 0.5e9  # what the process takes with no items at all
WORDS, ENTITIES, FACTORS = 50_000, 1_000, 64
ENTRIES = {"text": 8, "entity": 3, "borrow": 20, "neighbours": 30, "ease": 30}  # of one item


def check(items: int) -> list[Check]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "artifact")
        _run("make", path, items)
        served = _run("serve", path, items)
    return judge(served, items)


def judge(served: dict[str, float], items: int) -> list[Check]:
    details = {name: served[name] for name in ("opening_s", "list_ms", "length", "artifact_gigabytes")}
    target = (BASE + BYTES_AN_ITEM * items) / 1e9
    return [
        Check("million_gigabytes", served["bytes"] / 1e9, "at most", target, "GB", {"items": items, **details}),
    ]


def _run(step: str, path: str, items: int) -> dict[str, float]:
    return project.answer("benchmarks.speed_of.million", step, path, str(items), threads=2)


def make(path: Path, items: int) -> dict[str, float]:
    """An artifact as a fit would leave it, its numbers drawn."""
    rng = np.random.default_rng(0)

    def matrix(name: str, columns: int) -> sparse.csr_array:
        k = min(ENTRIES[name], columns)
        indices = np.sort(rng.integers(0, columns, (items, k), dtype=np.int32), axis=1).ravel()
        data = rng.random(items * k, dtype=np.float32)
        return sparse.csr_array((data, indices, np.arange(items + 1, dtype=np.int64) * k), shape=(items, columns))

    def vocabulary(size: int) -> content.Vocabulary:
        return content.Vocabulary({f"t{at}": at for at in range(size)}, np.ones(size, np.float32), 8.0)

    counts = rng.integers(1, 50, items)
    counts[-items // 20 :] = 0
    empty = sparse.csr_array((items, items), dtype=np.float32)
    numbers = rng.standard_normal((items, FACTORS), dtype=np.float32)
    sources = Sources(
        lexicon=Lexicon(vocabulary(WORDS), vocabulary(ENTITIES)),
        content=Content(
            matrix("text", WORDS),
            matrix("entity", ENTITIES),
            matrix("borrow", items),
            numbers,
            np.zeros((items, 0), np.float32),
            np.zeros((items, 0), np.float32),
        ),
        counts=counts,
        sold=counts,
        ease=matrix("ease", items),
        neighbours=matrix("neighbours", items),
        graph=empty,
        centre=np.zeros(0, np.float32),
        profile=ProfileMap.none(0, WORDS + ENTITIES),
        graph_far=empty,
        companions=empty,
        around=Surroundings({}),
        reach=0,
        factors=numbers,
        encoder=np.zeros((WORDS + ENTITIES, FACTORS), np.float32),
        trend=None,
        trend_fast=None,
        factor_alpha=10.0,
        factor_regularisation=0.1,
    )
    arrays, documents = sources.save()
    arrays["first_seen"] = np.full(items, 1.7e9)
    documents |= {
        "fusion": Fusion.prior().save(),
        "ranker": {"kind": "fusion"},
        "catalogue": {
            "ids": [f"p{at}" for at in range(items)],
            "categories": [["all", f"c{at % 500}"] for at in range(items)],
        },
    }
    artifact.write(path, arrays, documents, {"config": {}})
    return {}


def serve(path: Path) -> dict[str, float]:
    started = time.perf_counter()
    model = Model.open(path)
    opened = time.perf_counter() - started
    asked = [Request(Kind.PERSONAL, history=tuple(Interaction(f"p{at * 7}") for at in range(20)))]
    pipeline.recommend(model, asked, 12)
    started = time.perf_counter()
    (found,) = pipeline.recommend(model, asked, 12)
    return {
        "opening_s": round(opened, 2),
        "list_ms": round(1000 * (time.perf_counter() - started), 1),
        "length": len(found),
        "artifact_gigabytes": round(sum(file.stat().st_size for file in path.iterdir()) / 1e9, 3),
        "bytes": project.peak_bytes(),
    }


if __name__ == "__main__":
    step, path, items = sys.argv[1:]
    print(json.dumps(make(Path(path), int(items)) if step == "make" else serve(Path(path))))
