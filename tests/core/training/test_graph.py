"""What a fit makes of the knowledge graph: a gain where it carries taste, nothing where it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from coldrec.core import pipeline
from coldrec.core.config import FitConfig
from coldrec.core.dataset import Dataset
from coldrec.core.evaluation.protocols import BEHAVIOUR
from coldrec.core.evaluation.shuffling import shuffled
from coldrec.core.model import Model
from coldrec.core.retrieval.sources import Bags
from coldrec.core.training.fit import fit
from coldrec.core.types import Interaction, Item, Triple
from tests.core.worlds import designers


def _recalls(model: Model, data: Dataset) -> np.ndarray:
    """By designer, recall@20 of their new items for who bought of five of their brands."""
    made_by = {t.head.removeprefix("brand:"): t.tail for t in designers().triples if t.relation == "designer"}
    cold = model.counts == 0
    found = []
    for designer in sorted(set(made_by.values())):
        theirs = [item.id for item in data.items if made_by.get(item.brand) == designer]
        sold = [item for item in theirs if not cold[model.position[item]]][:10:2]
        wanted = {item for item in theirs if cold[model.position[item]]}
        rows, _ = pipeline.rank(model, tuple(Interaction(item) for item in sold), 20, candidates=cold)
        found.append(len(wanted & {model.item_ids[row] for row in rows}) / len(wanted))
    return np.array(found)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return designers()


@pytest.fixture(scope="module")
def known(data, tmp_path_factory) -> Model:
    return Model.of(fit(data, tmp_path_factory.mktemp("designers") / "model"))


def test_taste_that_travels_over_two_steps_is_found(data, known, tmp_path):
    off = _recalls(Model.of(fit(replace(data, triples=()), tmp_path / "off")), data).mean()
    on = _recalls(known, data).mean()
    assert on >= 5 * off and on > 0.5, (on, off)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_shuffled_graph_is_worth_what_none_is(data, tmp_path, seed):
    off = _recalls(Model.of(fit(replace(data, triples=()), tmp_path / "off")), data)
    model = Model.of(fit(replace(data, triples=shuffled(data.triples, seed)), tmp_path / "shuffled"))
    gaps = _recalls(model, data) - off
    assert abs(gaps.mean()) <= 1.96 * gaps.std(ddof=1) / np.sqrt(len(gaps)) + 0.05, gaps


def test_a_node_that_comes_later_is_placed_by_its_edges(known):
    """A new item of a new brand: nothing but the brand's designer, told with it, says whose taste it is."""
    item = Item("late", brand="latehouse")
    facts = [Triple("item:late", "brand", "brand:latehouse"), Triple("brand:latehouse", "designer", "designer:d3")]

    def place(triples: list[Triple], liked: int) -> int:
        model = known.extend([item], triples)
        history = tuple(Interaction(f"house{12 * n + liked}/a") for n in range(5))
        rows, _ = pipeline.rank(model, history, 500, candidates=model.counts == 0)
        return [model.item_ids[row] for row in rows].index("late")

    assert place(facts, liked=3) < 25
    assert place(facts, liked=4) > 100
    assert place([], liked=3) == place([], liked=4), "without its edges it is anybody's"


def test_behaviour_of_our_own_teaches_nothing_twice():
    """Edges made from events would tell, in a trial, who took an item that is made cold."""
    items = [Item("a"), Item("b"), Item("c")]
    made = [Triple("item:a", name, "item:b", 9.0) for name in ("viewed_with", "bought_with")]
    made.append(Triple("item:a", "searched_by", "query:mug"))
    bags = Bags.read(items, made, FitConfig())
    assert not bags.graph.nnz and not bags.entity.nnz and not bags.poorer
    assert bags.companions.toarray()[0].tolist() == [0, 1, 0], "but it is what goes together"
    assert all(BEHAVIOUR.search(triple.relation) for triple in made), "and no part of an evaluation either"


def test_shuffling_keeps_degrees_and_relations(data):
    before, after = list(data.triples), shuffled(data.triples, 3)
    assert set(after) != set(before) and len(after) >= 0.99 * len(before)
    for relation in ("brand", "designer"):
        heads, tails = ([getattr(t, end) for t in after if t.relation == relation] for end in ("head", "tail"))
        assert set(heads) <= {t.head for t in before} and set(tails) <= {t.tail for t in before}
    assert shuffled(data.triples, 3) == after
