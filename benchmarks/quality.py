"""How good our lists are, beside tuned peers, on every data set of a directory. Run it by ``make bench-quality``.

Prints a table and, on the last line, one JSON object (benchmarks/README.md explains its keys).
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import math
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

if not settings.configured:
    settings.configure()  # the app's defaults; no database is touched

from benchmarks import complete_journey, meaning
from benchmarks.peers import TRIALS, hybrid, lightfm_warp
from benchmarks.peers.tuning import VIEW_PROTOCOL, Bench, Tuned, fingerprint, tuned_peers
from coldrec.core.config import FitConfig
from coldrec.core.dataset import Dataset, read_events, read_items, read_table, read_triples
from coldrec.core.errors import ColdrecError
from coldrec.core.evaluation import report, splitting, tasks
from coldrec.core.evaluation.protocols import PARTS, PROTOCOLS, Part, Split, View, check_lists
from coldrec.core.evaluation.shuffling import shuffled
from coldrec.core.model import Model
from coldrec.core.training.fit import fit
from coldrec.services.benchmark import read_changes, serve_task

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
QUICK_VISITORS = 300
HEAD = f"{'data set':<20}{'list':<10}{'visitors':>9}  {'ours':<26}{'best peer':<36}{'difference':<22}"


@dataclass(frozen=True)
class Options:
    part: Part
    seed: int
    changes: Mapping[str, Any]
    views: tuple[str, ...]
    peers: bool
    quick: bool
    cache: Path
    graph: str = "real"
    encoder: str = ""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def data_sets(directory: Path | None, wanted: Iterable[str]) -> dict[str, Path | None]:
    """Name → directory of every data set to run; ``None`` stands for the PyPI package."""
    if directory is None:
        return {"complete_journey": None}
    places = [directory] if (directory / "items.parquet").exists() else sorted(directory.iterdir())
    found = {place.name: place for place in places if (place / "events.parquet").exists()}
    if unknown := sorted(set(wanted) - found.keys()):
        raise SystemExit(f"no data set {unknown[0]!r} in {directory}; there are: {', '.join(found) or 'none'}")
    return {name: place for name, place in found.items() if not wanted or name in wanted}


def open_split(place: Path | None, seed: int) -> Split:
    """The split that a directory comes with, or one of our own."""
    if place is None:
        return splitting.split(complete_journey.load(), seed)
    if (place / "splits.json").exists():
        return splitting.read_split(place)
    items = read_items(place / "items.parquet")
    columns, _ = read_events(read_table(place / "events.parquet", ["user_id", "item_id"]), [item.id for item in items])
    return splitting.split(Dataset(items=items, **columns, triples=read_triples(place / "triples.parquet")), seed)


def with_graph(split: Split, graph: str, seed: int) -> Split:
    """The split with its own knowledge graph, one that is shuffled, or none: what a gain from the graph is against."""
    if graph == "real":
        return split
    told = shuffled(split.dataset.triples, seed) if graph == "shuffled" else ()
    return replace(split, dataset=replace(split.dataset, triples=told))


def fitted(name: str, dataset: Dataset, options: Options) -> tuple[Model, float]:
    """Our model of this data and the seconds that its training took; kept while neither data nor code changes."""
    code = hashlib.sha256(
        b"".join(path.read_bytes() for path in sorted((ROOT / "coldrec" / "core").rglob("*.py")))
    ).hexdigest()
    config = FitConfig.of(options.changes)
    shelf = options.cache / "artifacts"
    path = shelf / f"{name}-{fingerprint(dataset, config, options.seed, code)}"
    timing = path.with_suffix(".seconds")
    if not path.exists():
        shelf.mkdir(parents=True, exist_ok=True)
        for old in shelf.glob(f"{name}-*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        started = time.perf_counter()
        fit(dataset, path, config, seed=options.seed)
        timing.write_text(str(time.perf_counter() - started), encoding="utf-8")
    return Model.open(path), float(timing.read_text(encoding="utf-8")) if timing.exists() else math.nan


def sampled(view: View, options: Options) -> View:
    """All visitors of the view, or a few of them when in a hurry."""
    names = sorted(view.relevant)
    if options.quick and len(names) > QUICK_VISITORS:
        names = list(np.random.default_rng(options.seed).choice(names, QUICK_VISITORS, replace=False))
    return replace(view, relevant={name: view.relevant[name] for name in names})


def our_lists(name: str, bench: Bench, options: Options) -> tuple[dict[str, tasks.VisitorLists], dict[str, float]]:
    """View → lists, and what they cost: seconds to fit, milliseconds a list."""
    found: dict[str, tasks.VisitorLists] = {}
    cost = {"fit_s": 0.0, "list_ms": 0.0}
    seconds, served_lists = 0.0, 0
    for protocol in dict.fromkeys(VIEW_PROTOCOL[view] for view in options.views):
        task = tasks.make_task(bench.split, protocol, options.part)
        chosen = {view: sampled(bench.view(view, options.part), options).relevant for view in task.candidates}
        rows = [
            replace(
                row, views=tuple(view for view in row.views if view in options.views and row.visitor in chosen[view])
            )
            for row in task.served
        ]
        task = replace(task, served=tuple(row for row in rows if row.views))
        if not task.served:
            continue
        model, cost["fit_s"] = fitted(name, task.dataset, options)
        started = time.perf_counter()
        lists = serve_task(model, task)
        seconds += time.perf_counter() - started
        served_lists += sum(map(len, lists.values()))
        say(f"{name}: {protocol} served")
        for view, mine in lists.items():
            if view in options.views:
                check_lists(bench.view(view, options.part), mine, bench.split)
                found[view] = mine
    cost["list_ms"] = 1000 * seconds / max(served_lists, 1)
    return found, cost


def agree_with_shared(place: Path | None, bench: Bench, lists: Mapping[str, tasks.VisitorLists], part: Part) -> bool:
    """Whether the shared evaluator was there; it must then give our figures.

    Raises
    ------
    SystemExit : the two disagree, or the shared evaluator refuses the lists.
    """
    script = SHARED / "bench" / "evaluate.py"
    if place is None or not script.exists() or not (place / "splits.json").exists():
        return False
    spec = importlib.util.spec_from_file_location("shared_evaluate", script)
    assert spec and spec.loader
    shared = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = shared  # dataclasses look their module up
    spec.loader.exec_module(shared)
    with tempfile.TemporaryDirectory() as folder:
        for protocol in dict.fromkeys(VIEW_PROTOCOL[view] for view in lists):
            mine = {view: made for view, made in lists.items() if VIEW_PROTOCOL[view] == protocol}
            path = Path(folder) / f"{protocol}.parquet"
            tasks.write_predictions(path, mine)
            theirs = shared.evaluate(place, protocol, path, part, draws=2)["views"]
            for view, made in mine.items():
                ours = report.score(bench.split, bench.view(view, part), made, draws=2)
                pairs = {
                    name: (ours.figures[name].mean, theirs[view]["metrics"][name]["mean"]) for name in ours.figures
                }
                pairs |= {name: (ours.sides[name], theirs[view]["sides"][name]) for name in ours.sides}
                for name, (left, right) in pairs.items():
                    if abs(left - right) > 1e-9:
                        raise SystemExit(f"[{view}] {name}: our evaluator says {left}, the shared one {right}")
    return True


def measure(bench: Bench, view: View, mine: tasks.VisitorLists, others: list[Tuned], seed: int) -> dict[str, Any]:
    """The JSON of one row."""
    ours = report.score(bench.split, view, mine, seed=seed)
    row: dict[str, Any] = {
        "visitors": ours.visitors,
        "ours": {**_figures(ours), **{name: _number(value) for name, value in ours.lists.items()}},
        "peers": {},
    }
    for peer in others:
        theirs = report.score(bench.split, view, peer.lists, seed=seed)
        gap = report.compare(view, mine, peer.lists, seed=seed)["ndcg@20"]
        row["peers"][peer.peer] = {
            **_figures(theirs),
            "setting": dict(peer.trial),
            "val": peer.val,
            "gap": {name: _number(value) for name, value in asdict(gap).items()},
        }
    if row["peers"]:
        row["best_peer"] = max(row["peers"], key=lambda name: row["peers"][name]["ndcg@20"])
    return row


def _figures(one: report.Report) -> dict[str, Any]:
    ndcg = one.figures["ndcg@20"]
    means = {name: _number(figure.mean) for name, figure in one.figures.items()}
    return {**means, "ndcg@20_ci95": [ndcg.low, ndcg.high], **one.sides}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def lines(name: str, view: str, row: Mapping[str, Any]) -> list[str]:
    """The printed rows of one list kind; mixed lists get a second one for their balance."""
    ours, peers = row["ours"], row["peers"]
    low, high = ours["ndcg@20_ci95"]
    cells = [f"{ours['ndcg@20']:.4f} [{low:.4f}, {high:.4f}]", "", ""]
    if peers:
        best = peers[row["best_peer"]]
        cells[1] = f"{best['ndcg@20']:.4f} {row['best_peer']}"
        cells[2] = f"{best['gap']['difference']:+.4f} p={best['gap']['p_value']:.3f}"
    out = [f"{name:<20}{view:<10}{row['visitors']:>9}  {cells[0]:<26}{cells[1]:<36}{cells[2]:<22}"]
    rest = sorted(peers, key=lambda peer: -peers[peer]["ndcg@20"])[1:]
    if rest:
        out.append(" " * 67 + ", ".join(f"{peer} {peers[peer]['ndcg@20']:.4f}" for peer in rest))
    if "balanced" in ours:
        rivals = {peer: figures["balanced"] for peer, figures in peers.items()}
        switch = f"{rivals[hybrid.NAME]:.4f} {hybrid.NAME}" if hybrid.NAME in rivals else ""
        gap = f"{ours['balanced'] - rivals[hybrid.NAME]:+.4f}" if switch else ""
        sides = f"{ours['balanced']:.4f} ({ours['warm']:.4f}/{ours['cold']:.4f})"
        out.append(f"{name:<20}{'balanced':<10}{row['visitors']:>9}  {sides:<26}{switch:<36}{gap:<22}")
    return out


def run_set(name: str, place: Path | None, options: Options) -> dict[str, Any]:
    """All rows of one data set, printed as they come."""
    split = with_graph(open_split(place, options.seed), options.graph, options.seed)
    if options.encoder:
        vectors = meaning.vectors_of(split.dataset, options.encoder, options.cache / "vectors", options.seed)
        split = replace(split, dataset=replace(split.dataset, vectors=vectors))
    bench = Bench(split, options.cache / "peers")
    mine, cost = our_lists(name, bench, options)
    others = tuned_peers(bench, mine, options.part, say=lambda text: say(f"{name}: {text}")) if options.peers else {}
    checked = not options.quick and agree_with_shared(place, bench, mine, options.part)
    rows = {}
    for view in mine:
        rows[view] = measure(
            bench, sampled(bench.view(view, options.part), options), mine[view], others.get(view, []), options.seed
        )
        print("\n".join(lines(name, view, rows[view])), flush=True)
    return {"lists": rows, "cost": cost, "agrees_with_shared_evaluator": checked}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="directory of data sets (default ../shared/data, else the PyPI package)"
    )
    parser.add_argument("--sets", nargs="*", default=[], metavar="NAME", help="only these data sets")
    parser.add_argument("--protocols", nargs="*", choices=PROTOCOLS, default=list(PROTOCOLS))
    parser.add_argument("--part", choices=PARTS, default="test", help="val while tuning, test once for the report")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--config", type=Path, help="JSON object of changes to the training settings")
    parser.add_argument(
        "--without", nargs="*", default=[], metavar="BLOCK", help="leave these scores out of the fusion"
    )
    parser.add_argument(
        "--graph",
        choices=("real", "shuffled", "none"),
        default="real",
        help="the knowledge graph as it is, with its edges dealt anew within each relation, or left out",
    )
    parser.add_argument(
        "--encoder",
        default="",
        metavar="MODEL",
        help=f"a language model that reads the items: a hub id, a folder, {meaning.MODEL} or {meaning.SHUFFLED}",
    )
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--quick", action="store_true", help=f"at most {QUICK_VISITORS} visitors a list kind")
    parser.add_argument("--cache", type=Path, default=ROOT / "var" / "benchmarks")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    given = parse(arguments)
    directory = given.data or (SHARED / "data" if (SHARED / "data").is_dir() else None)
    changes = read_changes(given.config) if given.config else {}
    if given.without:
        changes["without"] = given.without
    options = Options(
        part=given.part,
        seed=given.seed,
        changes=changes,
        views=tuple(view for view, protocol in VIEW_PROTOCOL.items() if protocol in given.protocols),
        peers=not given.no_peers,
        quick=given.quick,
        cache=given.cache,
        graph=given.graph,
        encoder=given.encoder,
    )
    if options.peers and not lightfm_warp.is_installed():
        say("LightFM is not installed (pip install lightfm-next); its rows are left out")
    print(f"nDCG@20 on {options.part}, 95 % bootstrap interval; peers tuned on val with {TRIALS} trials each\n\n{HEAD}")
    started = time.perf_counter()
    sets = {name: run_set(name, place, options) for name, place in data_sets(directory, given.sets).items()}
    result = {
        "benchmark": "quality",
        "part": options.part,
        "seed": options.seed,
        "changes": dict(options.changes),
        "graph": options.graph,
        "encoder": options.encoder,
        "quick": options.quick,
        "lightfm": lightfm_warp.is_installed(),
        "seconds": round(time.perf_counter() - started, 1),
        "sets": sets,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ColdrecError as error:
        sys.exit(f"error: {error}")
