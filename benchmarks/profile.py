"""What a visitor is made of: a plain mean of language vectors against the learned map and each of its blocks, and
against a language model that reads the visitor as text. Run it by ``python -m benchmarks.profile``.

Each puts the items made cold, or the known ones, in order by itself, for visitors simulated inside the training data;
nothing of val or test is touched. What it adds to all other sources is asked by ``benchmarks.quality --without``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

if not settings.configured:
    settings.configure()  # the app's defaults; no database is touched

from benchmarks import meaning
from benchmarks.quality import ROOT, SHARED, data_sets, open_split
from coldrec.core import histories
from coldrec.core.config import FitConfig
from coldrec.core.encoders.profile import profile_text
from coldrec.core.evaluation import metrics, tasks
from coldrec.core.evaluation.metrics import compare
from coldrec.core.histories import RECENT
from coldrec.core.ranking.reader import top
from coldrec.core.retrieval.sources import Bags, Sources, centred
from coldrec.core.training.fit import warm_first
from coldrec.core.training.gate import believed
from coldrec.core.training.simulate import Case, interactions, simulate
from coldrec.core.types import FloatArray, IntArray

CASES = 500  # of each kind
DEPTH = 20
READ = 8  # latest titles that a language model reads
RARE = 12  # words
BLOCKS = ("meaning", "words", "item2vec")
MEAN = "mean of vectors"


def run_set(place: Path | None, model: str, cache: Path, seed: int) -> dict[str, Any]:
    split = open_split(place, seed)
    vectors = meaning.vectors_of(split.dataset, model, cache, seed)
    split = replace(split, dataset=replace(split.dataset, vectors=vectors))
    dataset, config = warm_first(tasks.make_task(split, "mixed", "val").dataset), FitConfig(profile=True)
    bags = Bags.read(dataset.items, dataset.triples, config, dataset.vectors)
    simulation = simulate(dataset, config, seed)
    bags = believed(bags, simulation)
    kept = simulation.keep
    sources = Sources.learn(
        bags, interactions(dataset, kept), dataset.event_item[kept], dataset.event_time[kept], config, seed
    )
    cold = np.flatnonzero((sources.counts == 0) & simulation.cold)
    warm = np.flatnonzero(sources.counts > 0)
    titles = [item.title for item in dataset.items]
    found = {}
    for name, cases, items in (
        ("cold", simulation.cold_items[:CASES], cold),
        ("warm", simulation.warm[:CASES], warm),
        ("first click", [case for case in simulation.new_visitors if len(case.history) == 1][:CASES], warm),
    ):
        if not cases:
            continue
        gains = {
            way: _gains(scores, cases, items) for way, scores in _ways(sources, cases, items, titles, model).items()
        }
        found[name] = {
            way: {"ndcg@20": float(gain.mean()), "p_value": compare(gain, gains[MEAN], seed=seed).p_value}
            for way, gain in gains.items()
        }
    return found


def _ways(
    sources: Sources, cases: Sequence[Case], items: IntArray, titles: Sequence[str], model: str
) -> Mapping[str, FloatArray]:
    """Way of making u → (cases, items) scores."""
    asked = histories.from_rows([case.history for case in cases], sources.n, [case.now for case in cases])
    matrix = asked.matrix(RECENT)
    ways = {MEAN: np.asarray(matrix @ sources.content.meaning @ sources.content.meaning[items].T, np.float32)}
    blocks = sources.content.blocks
    sums = np.asarray(matrix @ blocks, np.float32)
    ways["the blocks alike"] = sources.profile.even(sums) @ blocks[items].T
    ways["learned map"] = sources.profile.visitors(sums) @ blocks[items].T
    for at, name in enumerate(BLOCKS):
        without = sums.copy()
        np.split(without, sources.profile.cuts, axis=1)[at][:] = 0
        ways[f"  without {name}"] = sources.profile.visitors(without) @ blocks[items].T
    if model != meaning.SHUFFLED:
        encoder = meaning.encoder_of(model)
        for name, rare in (("titles as text", 0), ("titles and telling words as text", RARE)):
            texts = [_text(sources, case, titles, rare) for case in cases]
            said = centred(np.asarray(encoder.encode(texts), np.float32), sources.centre)
            ways[name] = np.asarray(said @ sources.content.meaning[items].T, np.float32)
    return ways


def _text(sources: Sources, case: Case, titles: Sequence[str], rare: int) -> str:
    latest = list(dict.fromkeys(case.history[::-1].tolist()))[:READ]
    words = sources.telling_words(latest, rare) if rare else []
    return profile_text([titles[row] for row in latest], rare_terms=words)


def _gains(scores: FloatArray, cases: Sequence[Case], items: IntArray) -> FloatArray:
    """(cases with a wanted item,) nDCG@20."""
    gains = []
    for case, score in zip(cases, scores, strict=True):
        wanted = set(np.flatnonzero(np.isin(items, case.targets)).tolist())
        if not wanted:
            continue
        left = np.where(np.isin(items, case.history), -np.inf, score).astype(np.float32)
        hits = metrics.hit_matrix([top(left, DEPTH).tolist()], [wanted], DEPTH)
        gains.append(float(metrics.ndcg(hits, np.array([len(wanted)]), DEPTH)[0]))
    return np.array(gains)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="directory of data sets (default ../shared/data)")
    parser.add_argument("--sets", nargs="*", default=[], metavar="NAME", help="only these data sets")
    parser.add_argument("--encoder", default=meaning.MODEL, metavar="MODEL", help="as of benchmarks.quality")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=ROOT / "var" / "benchmarks" / "vectors")
    given = parser.parse_args(arguments)
    directory = given.data or (SHARED / "data" if (SHARED / "data").is_dir() else None)
    result = {}
    for name, place in data_sets(directory, given.sets).items():
        result[name] = run_set(place, given.encoder, given.cache, given.seed)
        for view, ways in result[name].items():
            for way, told in ways.items():
                print(f"{name:<16}{view:<13}{way:<34}{told['ndcg@20']:.4f}  p={told['p_value']:.3f}", flush=True)
    print(json.dumps({"benchmark": "profile", "encoder": given.encoder, "seed": given.seed, "sets": result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
