"""A ranker chosen by setting: trained inside the fit, kept in the artifact, asked by the pipeline."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from coldrec.core import artifact, pipeline
from coldrec.core.artifact import Artifact
from coldrec.core.config import FitConfig
from coldrec.core.errors import ArtifactError, FitError
from coldrec.core.model import Model
from coldrec.core.ranking.linear import LinearRanker
from coldrec.core.ranking.mlp import MLPRanker
from coldrec.core.ranking.reader import POOL, Reader, learn_directions
from coldrec.core.retrieval.sources import Bags
from coldrec.core.training.fit import fit
from coldrec.core.types import Interaction, Item, Kind, Request
from tests.core.worlds import two_tastes

CHOICES = [{"ranker": "linear"}, {"ranker": "linear", "ranker_optimiser": "sgd"}, {"ranker": "mlp"}]


@pytest.fixture(scope="module", params=CHOICES, ids=lambda choice: "-".join(choice.values()))
def ranked(request, tmp_path_factory) -> Model:
    if request.param["ranker"] == "mlp":
        pytest.importorskip("torch", reason="training the MLP needs the extra [train]")
    return Model.of(fit(two_tastes(), tmp_path_factory.mktemp("ranked") / "model", FitConfig.of(request.param)))


def _history(*items):
    return tuple(Interaction(item, at=1.7e9 + n) for n, item in enumerate(items))


def test_the_artifact_brings_the_ranker_that_was_chosen(ranked):
    wanted = {"linear": LinearRanker, "mlp": MLPRanker}[ranked.card["config"]["ranker"]]
    assert isinstance(ranked.ranker, wanted)
    assert ranked.policy == f"level0-{ranked.card['config']['ranker']}"


def test_its_figures_are_those_of_its_own_lists_and_no_worse_than_guessing(ranked, model):
    figures = ranked.card["metrics"]
    assert set(figures) == set(model.card["metrics"])
    assert figures["cold"] > 0.6 and figures["warm"] > figures["popularity_warm"]


def test_taste_leads_the_list_and_a_new_item_finds_its_place(ranked):
    (listed,) = pipeline.recommend(ranked, [Request(history=_history(*(f"tea{i}" for i in range(6))))], 6)
    is_tea = [candidate.item.startswith("tea") for candidate in listed]
    is_new = [ranked.counts[ranked.position[candidate.item]] == 0 for candidate in listed]
    assert is_tea[0] and sum(is_tea) >= 4, "the two new coffees may stand behind"
    assert all(tea or new for tea, new in zip(is_tea, is_new, strict=True)), "no coffee that others have had"
    fresh = ranked.extend([Item("fresh", title="tea pot new", brand="tea house", category=("kitchen", "tea"))])
    cold = np.array([fresh.counts[row] == 0 for row in range(len(fresh.item_ids))])
    rows, _ = pipeline.rank(fresh, _history("tea1", "tea2"), 4, candidates=cold)
    assert "fresh" in {fresh.item_ids[row] for row in rows}


def test_every_kind_of_list_and_a_stranger_are_served(ranked):
    for kind in Kind:
        for history in ((), _history("tea3", "nobody")):
            (listed,) = pipeline.recommend(ranked, [Request(kind=kind, history=history, seeds=("tea3",))], 8)
            assert len({candidate.item for candidate in listed}) == len(listed) <= 8


def test_the_rankers_order_is_served_and_its_choice_is_the_fusions_best(ranked):
    class Backwards:
        def score(self, profile, candidates):
            return -candidates.facts[:, 0]

        def save(self):
            raise NotImplementedError

    history = _history("tea1", "tea2")
    plain = replace(ranked, ranker=None)
    expected, fused = pipeline.rank(plain, history, POOL)
    turned, scores = pipeline.rank(replace(ranked, ranker=Backwards()), history, POOL)
    assert set(turned) == set(expected) and (np.diff(scores) <= 0).all()
    before = dict(zip(expected.tolist(), fused.tolist(), strict=True))
    assert (np.diff([before[row] for row in turned.tolist()]) > -1e-5).all(), "the fusion's worst comes first"


def test_a_damaged_or_unknown_ranker_is_refused(ranked, tmp_path):
    source, kind = ranked.card, ranked.card["config"]["ranker"]
    assert source
    made = fit(two_tastes(), tmp_path / "a", FitConfig(ranker="linear"))
    for name, change, message in (
        ("kind", {"kind": "oracle"}, "has the ranker 'oracle'; known are fusion, linear, mlp"),
        ("size", {"d": 5}, "weights of shape"),
    ):
        path = tmp_path / f"{kind}-{name}"
        shutil.copytree(made.path, path)
        document = json.loads((path / "ranker.json").read_text())
        _rewrite(path, "ranker.json", json.dumps({**document, **change}).encode())
        with pytest.raises(ArtifactError, match=message):
            Model.of(Artifact.open(path))
    path = tmp_path / "directions"
    shutil.copytree(made.path, path)
    np.save(path / "directions.npy", np.zeros((2, 3), np.float32))
    _rewrite(path, "directions.npy", (path / "directions.npy").read_bytes())
    with pytest.raises(ArtifactError, match=r"directions of shape \(2, 3\) do not fit"):
        Model.of(Artifact.open(path))


def _rewrite(path, name, content):
    """A file changed together with what the manifest says of it, as by a faulty writer."""
    (path / name).write_bytes(content)
    manifest = json.loads((path / artifact.MANIFEST).read_text())
    manifest["files"][name] = {"sha256": artifact._sha256(path / name), "bytes": len(content)}
    (path / artifact.MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize("wrong", [{"ranker": "oracle"}, {"ranker_optimiser": "lbfgs"}])
def test_other_names_are_refused(wrong):
    with pytest.raises(FitError, match=f"got '{next(iter(wrong.values()))}'"):
        FitConfig(**wrong)


def test_a_shop_without_events_keeps_the_fusion(tmp_path):
    data = two_tastes(visitors=2)
    opened = Model.of(fit(data, tmp_path / "model", FitConfig(ranker="linear")))
    assert opened.ranker is None


def test_vectors_come_from_content_alone_and_new_items_have_one(model):
    data = two_tastes()
    bags = Bags.read(data.items, data.triples, FitConfig())
    directions = learn_directions(bags.joint, 0)
    np.testing.assert_array_equal(directions, learn_directions(bags.joint, 0))
    fresh = model.sources.extend([Item("fresh", title="coffee pot 5", brand="coffee house"), Item("mute")])
    reader = Reader.of(fresh, directions)
    assert len(reader.vectors) == fresh.size == fresh.n + 2
    np.testing.assert_allclose(np.linalg.norm(reader.vectors[:-1], axis=1), 1, rtol=1e-4)
    assert not reader.vectors[-1].any(), "an item that says nothing has no direction"
    tea, coffee = ([row for row, item in enumerate(model.item_ids) if item.startswith(k)] for k in ("tea", "coffee"))
    likeness = reader.vectors @ reader.vectors[-2]
    assert likeness[coffee].mean() > likeness[tea].mean() + 0.3


def test_a_strangers_profile_is_empty_and_the_latest_item_weighs_most(model):
    reader = Reader(np.eye(3, dtype=np.float32), np.zeros((3, 3), np.float32))
    stranger = reader.profile(np.zeros(0, np.int64))
    assert not stranger.vector.any() and stranger.context[0] == 1
    vector = reader.profile(np.array([0, 1, 2])).vector
    assert vector[2] > vector[1] > vector[0] > 0
    assert np.linalg.norm(vector) == pytest.approx(1)
