import numpy as np
import pytest

from coldrec.core import pipeline
from coldrec.core.config import FitConfig
from coldrec.core.dataset import Dataset, make_dataset
from coldrec.core.errors import FitError
from coldrec.core.model import Model
from coldrec.core.training.fit import fit
from coldrec.core.training.simulate import simulate
from coldrec.core.types import Interaction, Item, Kind, Request
from tests.core.worlds import two_hops, two_tastes


def _ids(lists):
    return [candidate.item for candidate in lists[0]]


def _history(*items):
    return tuple(Interaction(item, at=1.7e9 + n) for n, item in enumerate(items))


def test_new_items_go_to_those_who_like_their_kind(model):
    """tea18, tea19, coffee18 and coffee19 were never bought by anyone."""
    cold = np.array([model.counts[row] == 0 for row in range(len(model.item_ids))])
    for kind in ("tea", "coffee"):
        rows, _ = pipeline.rank(model, _history(f"{kind}1", f"{kind}2"), 2, candidates=cold)
        assert {model.item_ids[row] for row in rows} == {f"{kind}18", f"{kind}19"}


def test_a_stranger_gets_what_sells_and_one_click_changes_the_list(model):
    stranger = _ids(pipeline.recommend(model, [Request()], 6))
    clicked = _ids(pipeline.recommend(model, [Request(history=_history("tea3"))], 6))
    assert len(stranger) == 6
    assert sum(item.startswith("tea") for item in clicked) > sum(item.startswith("tea") for item in stranger)


def test_the_card_has_figures_from_held_out_data_that_beat_popularity(model):
    metrics = model.card["metrics"]
    assert metrics["cold"] > 0.8
    assert metrics["warm"] > metrics["popularity_warm"]


def test_the_same_seed_gives_the_same_model(tmp_path):
    digests = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        made = fit(two_tastes(), tmp_path / name, seed=seed)
        digests[name] = {file: facts["sha256"] for file, facts in made.files.items()}
    assert digests["a"] == digests["b"]
    assert digests["a"] != digests["c"]


def test_popularity_of_simulated_cold_items_is_hidden():
    data = two_tastes()
    simulation = simulate(data, FitConfig(), seed=0)
    assert simulation.cold.any()
    assert not simulation.cold[data.event_item[simulation.keep]].any()
    wanted = {item for case in simulation.cold_items for item in case.targets}
    assert wanted <= set(np.flatnonzero(simulation.cold))


def test_a_visitors_hidden_item_is_not_in_his_visible_events():
    data = two_tastes()
    simulation = simulate(data, FitConfig(), seed=0)
    for case in simulation.warm:
        assert not set(case.targets) & set(case.history)
    for case in simulation.new_visitors:
        assert not set(case.targets) & set(case.history)


def test_taste_that_travels_only_through_the_graph_is_found_and_a_shuffled_graph_is_not(tmp_path):
    data = two_hops()

    def hits(dataset: Dataset, name: str) -> float:
        opened = Model.of(fit(dataset, tmp_path / name))
        cold = opened.counts == 0
        found = 0
        for kind in ("tea", "coffee"):
            rows, _ = pipeline.rank(opened, _history(*(f"{kind}{i}" for i in range(4))), 2, candidates=cold)
            found += sum(opened.item_ids[row].startswith(kind) for row in rows)
        return found / 4

    assert hits(data, "graph") == 1.0
    without = Dataset(
        data.items, data.visitors, data.event_visitor, data.event_item, data.event_weight, data.event_time
    )
    opened = Model.of(fit(without, tmp_path / "none"))
    assert {"graph", "graph_far", "text", "entity"}.isdisjoint(opened.fusion.names())


@pytest.mark.parametrize(
    "dataset",
    [
        make_dataset([]),
        make_dataset([Item("only")]),
        make_dataset([Item("only", title="One thing")], [("v", "only", 1.0, None)]),
        make_dataset([Item(f"{i}") for i in range(5)], [("v", "0", 1.0, 1.0), ("v", "0", 1.0, 2.0)]),
        make_dataset([Item("q\"'<🙂> " * 20)], [("v\n", "q\"'<🙂> " * 20, 5.0, None)]),
        make_dataset(
            [Item(f"{i}", title="same") for i in range(30)], [(f"v{i}", f"{i % 30}", 1.0, 5.0) for i in range(90)]
        ),
    ],
    ids=["empty", "one item", "one event", "no text", "odd ids", "same text"],
)
def test_the_smallest_shops_fit_and_answer(tmp_path, dataset):
    opened = Model.of(fit(dataset, tmp_path / "model"))
    ids = [item.id for item in dataset.items]
    history = tuple(Interaction(item) for item in ids[:2])
    for kind in Kind:
        (listed,) = pipeline.recommend(opened, [Request(kind=kind, history=history, seeds=tuple(ids[:1]))], 5)
        found = [candidate.item for candidate in listed]
        assert len(found) == len(set(found)) and set(found) <= set(ids)
    strangers = _ids(pipeline.recommend(opened, [Request()], 3))
    assert len(strangers) == min(3, len(ids))


def test_wrong_settings_say_what_is_allowed(tmp_path):
    with pytest.raises(FitError, match=r"unknown training setting 'facters'; known are .*factors"):
        FitConfig.of({"facters": 3})
    with pytest.raises(FitError, match=r"held_items must lie between 0 and 0.5, got 0.9"):
        FitConfig(held_items=0.9)
    twice = Dataset((Item("a"), Item("a")), (), *(np.zeros(0, t) for t in (int, int, np.float32, float)))
    with pytest.raises(FitError, match="gives an item id twice"):
        fit(twice, tmp_path / "model")
