"""Whether the ways that are shown as reasons bear the items shown: their edges are taken out of the graph.

``python -m benchmarks.graph_paths`` trains on a part of a real grocer's shop whose facts stand in the graph alone, asks
for lists, finds the way from what a visitor did to each item as the window "Why this?" does, and scores the item once
more without the edges of that way, and once without as many others, drawn from all and from those of the same two
items. Nothing is learned anew. Prints lines, and JSON on the last.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from django.conf import settings

if not settings.configured:
    settings.configure()  # the app's defaults; no database is touched

from benchmarks import complete_journey
from benchmarks.checks import Check, run
from coldrec.backends.graph.walking import Walker
from coldrec.core import histories, pipeline
from coldrec.core.config import FitConfig
from coldrec.core.dataset import Dataset, make_dataset
from coldrec.core.explain import because
from coldrec.core.model import Model
from coldrec.core.training.fit import fit
from coldrec.core.types import Interaction, Item, Triple
from coldrec.core.types import Path as Way

SHARE = 0.8
HISTORY = 8  # latest items of a visitor
LISTED = 5  # items of a list that are asked about
COLD_SHARE = 0.15  # of the items: those of which the model sees no event
LONGEST = 4


class InMemory(Walker):
    """The graph as a list."""

    def __init__(self, triples: Sequence[Triple]) -> None:
        self._edges: dict[str, list[Triple]] = defaultdict(list)
        for triple in triples:
            for node in {triple.head, triple.tail}:
                self._edges[node].append(triple)

    def edges(self, nodes: Collection[str], *, entities: bool = False) -> Mapping[str, tuple[Triple, ...]]:
        found = {}
        for node in nodes:
            told = self._edges.get(node, [])
            if entities:
                told = [one for one in told if not (one.tail if one.head == node else one.head).startswith("item:")]
            if told:
                found[node] = tuple(told)
        return found

    def degrees(self, nodes: Collection[str]) -> Mapping[str, int]:
        return {node: len(self._edges[node]) for node in nodes if node in self._edges}


def shop(items: int, seed: int) -> Dataset:
    """The most bought products, with titles as their only fields: brand, category and the rest are facts."""
    whole = complete_journey.load()
    rng = np.random.default_rng(seed)
    counts = np.bincount(whole.event_item, minlength=len(whole.items))
    kept = np.sort(rng.permutation(np.argsort(-counts, kind="stable")[: 2 * items])[:items])
    cold = set(rng.choice(kept, int(items * COLD_SHARE), replace=False).tolist())
    triples: dict[Triple, None] = {}
    for row in kept:
        item = whole.items[row]
        node, path = f"item:{item.id}", [" > ".join(item.category[: n + 1]) for n in range(len(item.category))]
        triples[Triple(node, "brand", f"brand:{item.brand}")] = None
        triples[Triple(f"brand:{item.brand}", "maker", f"maker:{item.attributes['manufacturer']}")] = None
        triples[Triple(node, "pack", f"pack:{item.title.rpartition(' ')[2]}")] = None
        if path:
            triples[Triple(node, "category", f"category:{path[-1]}")] = None
        for below, above in zip(path[1:], path[:-1], strict=True):
            triples[Triple(f"category:{below}", "parent", f"category:{above}")] = None
    names = {row: whole.items[row].id for row in kept}
    events = [
        (whole.visitors[visitor], names[row], float(weight), float(at))
        for visitor, row, weight, at in zip(
            whole.event_visitor, whole.event_item, whole.event_weight, whole.event_time, strict=True
        )
        if row in names and row not in cold
    ]
    bare = [Item(whole.items[row].id, title=whole.items[row].title) for row in kept]
    return make_dataset(bare, events, list(triples))


def measure(data: Dataset, cases: int, seed: int) -> list[Check]:
    config = FitConfig()
    with tempfile.TemporaryDirectory() as folder:
        model = Model.of(fit(data, Path(folder) / "model", config, seed=seed))
        by_id = {item.id: item for item in data.items}
        catalogue = [by_id[one] for one in model.item_ids]
        rng = np.random.default_rng(seed)
        walker, won, tried = InMemory(data.triples), Counter[str](), Counter[str]()
        of_node = defaultdict(list)
        for triple in data.triples:
            of_node[triple.head].append(triple)

        def score(history: Sequence[int], row: int, without: Collection[Triple]) -> float:
            gone = set(without)
            left = [triple for triple in data.triples if triple not in gone]
            told = model
            if gone:
                told = replace(model, sources=model.sources.reread(catalogue, left, config.entries))
            asked = histories.from_rows([np.array(history)], len(model.item_ids), [np.nan])
            return float(told.scores(asked)[0][row])

        for history, row, way in shown(model, data, walker, rng):
            group = "new" if model.counts[row] == 0 else "known"
            if tried[group] >= cases // 2:
                if sum(tried.values()) >= cases // 2 * 2:
                    break
                continue
            before, after = score(history, row, ()), score(history, row, way.triples)
            own = [t for node in (way.nodes[0], way.nodes[-1]) for t in of_node[node] if t not in way.triples]
            others = {"any": data.triples, "own": own}
            tried[group] += 1
            for name, pool in others.items():
                drawn = [pool[at] for at in rng.permutation(len(pool))[: len(way.triples)]]
                won[f"{group} {name}"] += before - after > before - score(history, row, drawn) + 1e-6
            won[f"{group} lower"] += after < before - 1e-6
    total = sum(tried.values())
    details = {"cases": total, "graph_reach": model.card["graph_reach"], "tried": dict(tried)}
    details |= {name: round(count / tried[name.split()[0]], 3) for name, count in sorted(won.items())}
    return [
        Check("faithful_paths", sum(won[f"{g} any"] for g in tried) / max(total, 1), "at least", SHARE, details=details)
    ]


def shown(model: Model, data: Dataset, walker: Walker, rng: np.random.Generator):
    """Ways from something a visitor did to an item of their list: what they did, the item, the way."""
    order = np.argsort(data.event_visitor, kind="stable")
    ends = np.searchsorted(data.event_visitor[order], np.arange(len(data.visitors) + 1))
    is_cold = model.counts == 0
    for visitor in rng.permutation(len(data.visitors)):
        mine = data.event_item[order[ends[visitor] : ends[visitor + 1]]]
        latest = list(dict.fromkeys(data.items[row].id for row in mine[::-1]))[:HISTORY][::-1]
        history = [model.position[one] for one in latest]
        visit = pipeline.Visit(model, tuple(Interaction(one) for one in latest), None)
        for candidates in (is_cold, ~is_cold):
            rows = visit.others(LISTED, candidates).rows.tolist()
            for row, evidence in zip(rows, because(model.sources, rows, history), strict=True):
                if evidence:
                    ends_of = ([f"item:{model.item_ids[evidence[0]]}"], [f"item:{model.item_ids[row]}"])
                    found: tuple[Way, ...] = walker.paths(*ends_of, longest=LONGEST, limit=1, over_items=False)
                    if found:
                        yield history, row, found[0]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1500)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    facts = {"items": given.items, "seed": given.seed}
    return run(
        "graph_paths",
        {"faithful_paths": lambda: measure(shop(given.items, given.seed), given.cases, given.seed)},
        facts,
    )


if __name__ == "__main__":
    sys.exit(main())
