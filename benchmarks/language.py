"""What a shop's own language model adds: frozen, trained as a whole, by LoRA. Run it by ``make bench-language``.

New items are looked for on a data set with behaviour, by the model that serves with the encoder's vectors; searches on
one with graded queries, by the encoder alone. Cold items of the split are in no corpus. Prints a table, what the gate
says, and on the last line one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

if not settings.configured:
    settings.configure()  # the app's defaults; no database is touched

from benchmarks import meaning
from benchmarks.quality import ROOT, SHARED, open_split, say
from coldrec.backends.encoders.source import Source
from coldrec.backends.encoders.torch import TorchEncoder
from coldrec.backends.learning.train import MODEL, train
from coldrec.core.dataset import Dataset, read_items, read_table
from coldrec.core.errors import ColdrecError
from coldrec.core.evaluation import metrics, report, tasks
from coldrec.core.evaluation.metrics import Array
from coldrec.core.evaluation.protocols import PARTS, build_views, check_lists
from coldrec.core.model import Model
from coldrec.core.training.fit import fit
from coldrec.core.training.language import judging
from coldrec.core.training.language.corpus import Corpus, corpus_of
from coldrec.core.training.language.recipe import Recipe
from coldrec.core.types import FloatArray
from coldrec.services.benchmark import read_changes, serve_task

VARIANTS: Mapping[str, Mapping[str, Any] | None] = {
    "frozen": None,
    "whole": {"method": "full"},
    "lora": {"method": "lora"},
}
VIEW = "cold"
TOP, DEEP, GOOD = 10, 100, 2


class Said:
    """Tells on standard error how far a training is."""

    def __init__(self, name: str) -> None:
        self._name, self._told = name, 0.0

    def stepped(self, stage: str, step: int, steps: int, loss: float, texts_per_second: float) -> None:
        if step == steps or time.monotonic() - self._told > 30:
            self._told = time.monotonic()
            say(f"{self._name}: {stage} {step}/{steps}, loss {loss:.3f}, {texts_per_second:.0f} texts/s")

    def said(self, what: str) -> None:
        say(f"{self._name}: {what}")

    def is_cancelled(self) -> bool:
        return False


def encoders(name: str, corpus: Corpus, recipe: Recipe, cache: Path) -> dict[str, tuple[TorchEncoder, dict[str, Any]]]:
    """Variant → encoder and card; a model is kept while neither corpus nor recipe changes."""
    told: dict[str, tuple[TorchEncoder, dict[str, Any]]] = {}
    for variant, changes in VARIANTS.items():
        if changes is None:
            told[variant] = TorchEncoder(Source.find(recipe.base)), {}
            continue
        own = replace(recipe, **changes)
        key = key_of(corpus.fingerprint(), own)
        folder = cache / f"{name}-{variant}-{key}"
        card = train(own, corpus, folder, Said(f"{name} {variant}"))
        told[variant] = TorchEncoder(Source.find(str(folder / MODEL))), card
    return told


def key_of(corpus: str, recipe: Recipe) -> str:
    """A short name for what a model was trained on and how."""
    return hashlib.sha256(f"{corpus}{json.dumps(recipe.as_dict(), sort_keys=True)}".encode()).hexdigest()[:16]


def vectors(encoder: TorchEncoder, texts: list[str], cache: Path) -> FloatArray:
    """(n, d), kept by what the encoder is and what it reads."""
    return meaning.kept(encoder.fingerprint, texts, cache / "vectors", encoder.encode)


def new_items(place: Path, recipe: Recipe, part: str, cache: Path) -> dict[str, Any]:
    """nDCG@20 of cold items in the lists of the model that is fitted with each variant's vectors."""
    split = open_split(place, recipe.seed)
    task = tasks.make_task(split, "item-cold", part)
    seen = _without(task.dataset, split.cold)
    corpus = corpus_of(seen, seed=recipe.seed)
    say(f"{place.name}: {len(corpus.texts):,} texts, {len(corpus.pairs):,} pairs")
    view = build_views(split, "item-cold", part)[VIEW]
    names = sorted(view.relevant)
    figures: dict[str, Array] = {}
    rows: dict[str, Any] = {}
    texts = meaning.texts_of(task.dataset.items)
    inside = meaning.texts_of(seen.items)
    made = encoders(place.name, corpus, recipe, cache)
    for variant, (encoder, card) in made.items():
        data = replace(task.dataset, vectors=vectors(encoder, texts, cache), encoder=encoder.fingerprint)
        with tempfile.TemporaryDirectory() as folder:
            fit(data, Path(folder) / "artifact", seed=recipe.seed)
            lists = serve_task(Model.open(Path(folder) / "artifact"), task)[VIEW]
        check_lists(view, lists, split)
        figures[variant] = report.visitor_figures(view, lists)["ndcg@20"]
        rows[variant] = _row(figures, variant, card)
        if variant != "frozen":
            rows[variant]["gate"] = asdict(judging.compare(encoder, made["frozen"][0], inside, corpus))
        _print(place.name, f"new items, {part}", variant, rows[variant], len(names))
    return rows


def search(place: Path, recipe: Recipe, cache: Path, *, quick: bool = False) -> dict[str, Any]:
    """nDCG@10 over what was judged, with gains 2^grade − 1, and recall@100 of what was graded 2 or better.

    ``quick`` reads what was judged alone, and tells no recall.

    Queries and grades are in no corpus: there are no splits, and nothing is chosen by them.
    """
    items = read_items(place / "items.parquet")
    queries = dict(
        zip(*(read_table(place / "queries.parquet")[n].to_pylist() for n in ("query_id", "query")), strict=True)
    )
    table = read_table(place / "labels.parquet", ["query_id", "item_id", "grade"])
    position = {item.id: row for row, item in enumerate(items)}
    grades: dict[str, dict[int, float]] = {}
    for query, item, grade in zip(*(table[n].to_pylist() for n in ("query_id", "item_id", "grade")), strict=True):
        if str(item) in position:
            grades.setdefault(query, {})[position[str(item)]] = float(grade)
    nothing = np.empty(0, np.int64)
    dataset = Dataset(items, (), nothing, nothing, nothing.astype(np.float32), nothing.astype(np.float64))
    corpus = corpus_of(dataset, seed=recipe.seed)
    say(f"{place.name}: {len(corpus.texts):,} texts, {len(corpus.pairs):,} pairs")
    asked = sorted(query for query, told in grades.items() if any(told.values()))  # of the rest all orders are as good
    figures: dict[str, dict[str, Array]] = {"ndcg@10": {}}
    if quick:
        judged = sorted({row for told in grades.values() for row in told})
        place_of = {row: at for at, row in enumerate(judged)}
        items = tuple(items[row] for row in judged)
        grades = {query: {place_of[row]: grade for row, grade in told.items()} for query, told in grades.items()}
    else:
        figures["recall@100"] = {}
    texts = meaning.texts_of(items)
    rows: dict[str, Any] = {}
    made = encoders(place.name, corpus, recipe, cache)
    for variant, (encoder, card) in made.items():
        there = vectors(encoder, texts, cache)
        scores = encoder.encode([queries[query] for query in asked], query=True) @ there.T
        found = [_graded(row, grades[query]) for row, query in zip(scores, asked, strict=True)]
        rows[variant] = {}
        for at, name in enumerate(figures):
            figures[name][variant] = np.array([one[at] for one in found])
            rows[variant][name] = _row(figures[name], variant, card)
            _print(place.name, f"search {name}", variant, rows[variant][name], len(asked))
        if variant != "frozen":
            rows[variant]["gate"] = asdict(judging.compare(encoder, made["frozen"][0], texts, corpus))
    return rows


def _graded(scores: FloatArray, grades: Mapping[int, float]) -> tuple[float, float]:
    judged = np.array(sorted(grades))
    gains = np.array([2.0 ** grades[row] - 1 for row in judged])
    discount = 1 / np.log2(np.arange(2, TOP + 2))
    order = np.argsort(-scores[judged], kind="stable")[:TOP]
    best = np.sort(gains)[::-1][:TOP]
    ideal = float(best @ discount[: len(best)])
    ndcg = float(gains[order] @ discount[: len(order)]) / ideal if ideal else 0.0
    good = {row for row, grade in grades.items() if grade >= GOOD}
    deep = set(np.argpartition(-scores, DEEP)[:DEEP].tolist())
    return ndcg, len(good & deep) / len(good) if good else 0.0


def _without(dataset: Dataset, cold: Any) -> Dataset:
    """The same without what nobody could have known: its new items."""
    kept = np.array([item.id not in cold for item in dataset.items])
    place = np.cumsum(kept) - 1
    events = kept[dataset.event_item]
    return replace(
        dataset,
        items=tuple(item for item, keep in zip(dataset.items, kept.tolist(), strict=True) if keep),
        event_visitor=dataset.event_visitor[events],
        event_item=place[dataset.event_item[events]],
        event_weight=dataset.event_weight[events],
        event_time=dataset.event_time[events],
    )


def _row(figures: Mapping[str, Array], variant: str, card: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = asdict(metrics.figure(figures[variant]))
    if variant != "frozen":
        told["gap"] = asdict(metrics.compare(figures[variant], figures["frozen"]))
        told["training"] = {name: card.get(name) for name in ("figures", "seconds", "weights")}
    return told


def _print(name: str, what: str, variant: str, row: Mapping[str, Any], cases: int) -> None:
    gap = row.get("gap")
    beside = f"{gap['difference']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}] p={gap['p_value']:.3f}" if gap else ""
    figure = f"{row['mean']:.4f} [{row['low']:.4f}, {row['high']:.4f}]"
    print(f"{name:<20}{what:<20}{variant:<10}{cases:>6}  {figure}  {beside}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=Path, default=SHARED / "data" / "amazon_office", help="data set with behaviour")
    parser.add_argument("--search", type=Path, default=SHARED / "data" / "chorus_electronics", help="with queries")
    parser.add_argument("--only", choices=("items", "search"))
    parser.add_argument("--part", choices=PARTS, default="test", help="val while tuning, test once for the report")
    parser.add_argument("--config", type=Path, help="JSON object of changes to the recipe")
    parser.add_argument("--quick", action="store_true", help="of searches, read only the items that were judged")
    parser.add_argument("--cache", type=Path, default=ROOT / "var" / "benchmarks" / "language")
    given = parser.parse_args(arguments)
    recipe = Recipe.of(read_changes(given.config) if given.config else {})
    result: dict[str, Any] = {"benchmark": "language", "part": given.part, "recipe": recipe.as_dict()}
    if given.only != "search":
        result["items"] = new_items(given.items, recipe, given.part, given.cache)
    if given.only != "items":
        result["search"] = search(given.search, recipe, given.cache, quick=given.quick)
    for name in ("items", "search"):
        for variant, row in result.get(name, {}).items():
            if gate := row.get("gate"):
                print(f"gate, {name}, {variant}: {gate['refusal'] or 'it may take its place'}")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ColdrecError as error:
        sys.exit(f"error: {error}")
