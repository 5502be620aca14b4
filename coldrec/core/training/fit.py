"""``fit(Dataset) → Artifact``: the one way a level-0 model comes to be, for the shop and for the benchmark."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from coldrec import __version__
from coldrec.core import artifact
from coldrec.core.artifact import Artifact
from coldrec.core.config import FitConfig
from coldrec.core.dataset import Dataset
from coldrec.core.errors import FitError
from coldrec.core.protocols import Ranker
from coldrec.core.ranking.fusion import Fusion
from coldrec.core.ranking.reader import Reader, learn_directions
from coldrec.core.retrieval.sources import PROFILES, Bags, Sources
from coldrec.core.training import rankers, weights
from coldrec.core.training.gate import believed
from coldrec.core.training.judge import Policy
from coldrec.core.training.simulate import interactions, simulate
from coldrec.core.types import FloatArray, Item

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of the work that is behind."""

DEFAULT = FitConfig()
ENOUGH_EVENTS = 50  # fewer teach no weights; the prior's stand


def fit(
    dataset: Dataset, path: Path, config: FitConfig = DEFAULT, *, seed: int = 0, progress: Progress | None = None
) -> Artifact:
    """The artifact of a model trained on ``dataset``, written to ``path``.

    Cold starts are simulated, sources fitted without them, weights learned on them; then the sources are fitted once
    more on everything. An empty shop gives an artifact that answers with empty lists.

    Raises
    ------
    FitError : the configuration or the data cannot give a model; the message says why.
    ArtifactError : ``path`` exists, or a value that is not finite came out.
    """
    say = progress or (lambda _what, _share: None)
    begun, fitted_at = time.monotonic(), time.time()
    if len(set(dataset.item_ids)) != len(dataset.items):
        raise FitError("the dataset gives an item id twice; ids must be unique")
    dataset = warm_first(dataset)
    say("reading the catalogue", 0.0)
    bags = Bags.read(dataset.items, dataset.triples, config, dataset.vectors)
    fusion = Fusion.prior()
    figures: dict[str, float] = {}
    ranker: Ranker | None = None  # the fusion's own order
    directions: FloatArray | None = None
    if len(dataset.event_item) >= ENOUGH_EVENTS:
        say("simulating cold starts", 0.05)
        simulation = simulate(dataset, config, seed)
        bags = believed(bags, simulation)
        trial = Sources.learn(
            bags,
            interactions(dataset, simulation.keep),
            dataset.event_item[simulation.keep],
            dataset.event_time[simulation.keep],
            config,
            seed,
        )
        say("learning the weights", 0.35)
        learn, judge = weights.halves(simulation)
        cold = np.flatnonzero((trial.counts == 0) & simulation.cold)
        fusion = weights.learn(trial, cold, learn, config, seed)
        policy = Policy(trial, fusion, cold)
        if config.ranker != "fusion":
            say("learning the ranker", 0.55)
            directions = learn_directions(bags.joint, seed)
            reader = Reader.of(trial, directions)
            ranker = rankers.learn(policy, reader, [*learn.mixed, *learn.new], config, seed)
            policy = replace(policy, ranker=ranker, reader=reader)
        figures = weights.figures(policy, judge)
        del trial, simulation, policy
    say("fitting on everything", 0.7)
    sources = Sources.learn(
        bags,
        interactions(dataset),
        dataset.event_item,
        dataset.event_time,
        config,
        seed,
        profiled=not set(PROFILES).isdisjoint(fusion.names()),  # without a weight it would only take room
    )
    say("writing the artifact", 0.95)
    arrays, documents = sources.save()
    arrays["first_seen"] = np.array([_or_zero(item.first_seen) for item in dataset.items], np.float64)
    documents["fusion"] = fusion.save()
    documents["ranker"] = {"kind": "fusion"}
    if ranker is not None and directions is not None:
        weights_of, documents["ranker"] = ranker.save()
        arrays |= weights_of | {"directions": directions}
    documents["catalogue"] = {"ids": dataset.item_ids, "categories": [list(item.category) for item in dataset.items]}
    known = dataset.event_time[np.isfinite(dataset.event_time)]
    card = {
        "coldrec": __version__,
        "config": config.as_dict(),
        "seed": seed,
        "items": len(dataset.items),
        "warm_items": int((sources.counts > 0).sum()),
        "visitors": len(dataset.visitors),
        "events": len(dataset.event_item),
        "data_window": [float(known.min()), float(known.max())] if len(known) else None,
        "graph_reach": bags.reach,
        "encoder": dataset.encoder or None,
        "metrics": figures,
        "seconds": round(time.monotonic() - begun, 2),
        "fitted_at": fitted_at,
    }
    written = artifact.write(path, arrays, documents, card)
    say("done", 1.0)
    return written


def _or_zero(moment: float | None) -> float:
    return 0.0 if moment is None else moment


def warm_first(dataset: Dataset) -> Dataset:
    """The same dataset with items that have interactions before those that have none.

    Serving then takes either group as a slice. Inside a group items are put in the order of their ids' hash-free
    shuffle, so that ties and the catalogue's own order say nothing.
    """
    n = len(dataset.items)
    touched = np.zeros(n, np.bool_)
    touched[dataset.event_item] = True
    order = np.random.default_rng(0).permutation(n)
    order = order[np.argsort(~touched[order], kind="stable")]
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    items: tuple[Item, ...] = tuple(dataset.items[row] for row in order)
    vectors = None if dataset.vectors is None else dataset.vectors[order]
    return replace(dataset, items=items, event_item=place[dataset.event_item], vectors=vectors)
