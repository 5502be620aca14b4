"""Tune every peer on ``val`` view by view, then list with the winning setting; results are kept by content."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks import peers
from benchmarks.peers import hybrid, lightfm_warp, popularity, shop
from benchmarks.peers.shop import Scorer, Shop
from coldrec.core.dataset import Dataset
from coldrec.core.evaluation import report
from coldrec.core.evaluation.protocols import LIST_LENGTH, Part, Protocol, Split, View, build_views
from coldrec.core.evaluation.tasks import VisitorLists

VIEW_PROTOCOL: dict[str, Protocol] = {
    "cold": "item-cold",
    "full": "item-cold",
    "warm": "warm",
    **{f"k={k}": "user-cold" for k in (0, 1, 2, 3, 5)},
    "mixed": "mixed",
}
TUNING_VISITORS = 1_000  # of one view on val, drawn by seed, so that a trial stays affordable
BLOCK = 256  # visitors scored at a time


@dataclass(frozen=True)
class Tuned:
    """A peer with its best setting for one view, the figure that chose it, and its lists."""

    peer: str
    trial: Mapping[str, Any]
    val: float
    lists: VisitorLists


def fingerprint(dataset: Dataset, *more: object) -> str:
    """A name for the content of a dataset and whatever else a result depends on."""
    digest = hashlib.sha256()
    for column in (dataset.event_visitor, dataset.event_item, dataset.event_weight, dataset.event_time):
        digest.update(np.ascontiguousarray(column).tobytes())
    for part in (dataset.items, dataset.visitors, dataset.triples, *more):
        digest.update(repr(part).encode())
    if dataset.vectors is not None:
        digest.update(np.ascontiguousarray(dataset.vectors).tobytes())
    return digest.hexdigest()[:24]


@dataclass(frozen=True)
class Bench:
    """One data set and the place where results are kept."""

    split: Split
    cache: Path

    @cached_property
    def shop(self) -> Shop:
        return Shop(self.split.train("mixed"))

    @cached_property
    def key(self) -> str:
        held_out = [sorted(items) for items in self.split.held_out.values()]
        labels = hashlib.sha256(self.split.label.tobytes()).hexdigest()
        return fingerprint(self.split.dataset, labels, held_out)

    @cached_property
    def position(self) -> dict[str, int]:
        return {item: row for row, item in enumerate(self.split.dataset.item_ids)}

    @cached_property
    def popular(self) -> Scorer:
        return popularity.fit(self.shop, of="all")

    def view(self, name: str, part: Part) -> View:
        return build_views(self.split, VIEW_PROTOCOL[name], part)[name]

    def kept(self, name: str, code: Iterable[ModuleType], make: Callable[[], Any]) -> Any:
        """The result of ``make``, from the cache while neither the data nor the code behind it has changed."""
        sources = "".join(inspect.getsource(module) for module in (*code, shop, sys.modules[__name__]))
        path = self.cache / f"{hashlib.sha256(f'{self.key} {name} {sources}'.encode()).hexdigest()[:32]}.json"
        if path.exists():
            return json.loads(path.read_text(encoding="utf-8"))
        result = make()
        self.cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(result), encoding="utf-8")
        partial.rename(path)
        return result

    def lists(self, view: View, scorer: Scorer, visitors: Iterable[str] | None = None) -> VisitorLists:
        """The best candidates of every visitor; all-time popularity where the history is empty."""
        ids, names = self.split.dataset.item_ids, sorted(view.relevant if visitors is None else visitors)
        barred = np.array([item not in view.allowed for item in ids])
        out: VisitorLists = {}
        for start in range(0, len(names), BLOCK):
            block = names[start : start + BLOCK]
            rows = [[self.position[item] for item in view.revealed[name]] for name in block]
            histories = _matrix(rows, len(ids))
            scores = np.array(scorer(histories, block), dtype=np.float32)
            empty = [row for row, mine in enumerate(rows) if not mine]
            if empty:
                scores[empty] = self.popular(histories[empty], block)[: len(empty)]
            scores[:, barred] = -np.inf
            for name, mine, line in zip(block, rows, scores, strict=True):
                line[mine] = -np.inf
                best = np.argpartition(-line, min(LIST_LENGTH, len(line) - 1))[:LIST_LENGTH]
                best = best[np.argsort(-line[best], kind="stable")]
                out[name] = tuple(ids[item] for item in best if np.isfinite(line[item]))
        return out

    def figure(self, view: View, scorer: Scorer) -> float:
        """What a trial is chosen by: nDCG@20, in mixed lists the balance of both sides, over sampled visitors."""
        names = sorted(view.relevant)
        if len(names) > TUNING_VISITORS:
            names = list(np.random.default_rng(0).choice(names, TUNING_VISITORS, replace=False))
        few = View(view.name, {name: view.relevant[name] for name in names}, view.revealed, view.allowed)
        lists = self.lists(few, scorer)
        if view.name == "mixed":
            return report.side_figures(self.split, few, lists)["balanced"]
        return float(report.visitor_figures(few, lists)["ndcg@20"].mean())


def _matrix(rows: list[list[int]], width: int) -> sparse.csr_array:
    pointer = np.cumsum([0, *map(len, rows)])
    columns = np.array([item for row in rows for item in row], dtype=np.int64)
    return sparse.csr_array((np.ones(len(columns), np.float32), columns, pointer), shape=(len(rows), width))


def tuned_peers(
    bench: Bench, views: Iterable[str], part: Part, only: Iterable[str] = (), say: Callable[[str], None] = print
) -> dict[str, list[Tuned]]:
    """View → tuned peers with their lists on ``part``, best on ``val`` first; LightFM only where it is installed."""
    wanted = [name for name in views if bench.view(name, "val").relevant and bench.view(name, part).relevant]
    chosen = [
        peer
        for peer in peers.PEERS
        if (peer is not lightfm_warp or lightfm_warp.is_installed()) and (not only or peer.NAME in set(only))
    ]
    found: dict[str, list[Tuned]] = {name: [] for name in wanted}
    figures: dict[str, list[dict[str, float]]] = {}
    for peer in chosen:
        started = time.perf_counter()
        figures[peer.NAME] = [_trial(bench, peer, trial, wanted) for trial in peer.GRID]
        for name in set(wanted) & set(peer.VIEWS):
            best = int(np.argmax([figure[name] for figure in figures[peer.NAME]]))
            lists = _listed(bench, peer, peer.GRID[best], name, part)
            found[name].append(Tuned(peer.NAME, peer.GRID[best], figures[peer.NAME][best][name], lists))
        say(f"{peer.NAME}: {len(peer.GRID)} trials, {time.perf_counter() - started:.0f} s")
    for name in set(wanted) & set(hybrid.VIEWS):
        if joined := _hybrid(bench, figures, name, part):
            found[name].append(joined)
            say(f"{hybrid.NAME} [{name}]: {joined.trial}")
    return {name: sorted(tuned, key=lambda one: -one.val) for name, tuned in found.items()}


def _trial(bench: Bench, peer: ModuleType, trial: Mapping[str, Any], views: Iterable[str]) -> dict[str, float]:
    """The figure of one setting in every view that the peer can list for; fitted at most once."""
    fitted: list[Scorer] = []

    def measure(name: str) -> float:
        if not fitted:
            fitted.append(peer.fit(bench.shop, **trial))
        return bench.figure(bench.view(name, "val"), fitted[0])

    return {
        name: bench.kept(f"figure {peer.NAME} {trial} {name}", [peer], lambda name=name: measure(name))  # type: ignore[misc]
        for name in views
        if name in peer.VIEWS
    }


def _listed(bench: Bench, peer: ModuleType, trial: Mapping[str, Any], name: str, part: Part) -> VisitorLists:
    kept = bench.kept(
        f"lists {part} {peer.NAME} {trial} {name}",
        [peer],
        lambda: bench.lists(bench.view(name, part), peer.fit(bench.shop, **trial)),
    )
    return {visitor: tuple(items) for visitor, items in kept.items()}


def _hybrid(bench: Bench, figures: Mapping[str, list[dict[str, float]]], name: str, part: Part) -> Tuned | None:
    def best(side: Iterable[ModuleType], view: str) -> tuple[ModuleType, Mapping[str, Any]] | None:
        tried = [
            (figure[view], number, peer)
            for peer in side
            for number, figure in enumerate(figures.get(peer.NAME, ()))
            if view in figure
        ]
        if not tried:
            return None
        _, number, peer = max(tried, key=lambda one: one[0])
        return peer, peer.GRID[number]

    warm, cold = best(peers.COLLABORATIVE, "warm"), best(peers.CONTENT, "cold")
    if warm is None or cold is None:
        return None
    sides = f"{warm[0].NAME} {warm[1]} {cold[0].NAME} {cold[1]}"

    def make() -> dict[str, Any]:
        left, right = (peer.fit(bench.shop, **trial) for peer, trial in (warm, cold))
        scorers = [hybrid.join(bench.shop, left, right, **trial) for trial in hybrid.GRID]
        values = [bench.figure(bench.view(name, "val"), scorer) for scorer in scorers]
        winner = int(np.argmax(values))
        return {
            "trial": {**hybrid.GRID[winner], "warm": warm[0].NAME, "cold": cold[0].NAME},
            "val": values[winner],
            "lists": bench.lists(bench.view(name, part), scorers[winner]),
        }

    kept = bench.kept(f"{part} {hybrid.NAME} {sides} {name}", [hybrid, warm[0], cold[0]], make)
    lists = {visitor: tuple(items) for visitor, items in kept["lists"].items()}
    return Tuned(hybrid.NAME, kept["trial"], kept["val"], lists)
