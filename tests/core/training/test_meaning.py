"""Vectors from a language model: they place what no word ties to anything, and no more than they truly know."""

from dataclasses import replace

import numpy as np
import pytest

from coldrec.core import pipeline
from coldrec.core.dataset import make_dataset
from coldrec.core.encoders.reading import item_text
from coldrec.core.errors import ArtifactError, DatasetError, FitError
from coldrec.core.model import Model
from coldrec.core.training.fit import fit
from coldrec.core.types import Interaction, Item, Kind, Request

KINDS, EACH, COLD, DIMS = 4, 40, 8, 12


def wordless(*, told=True, seed=0):
    """Items of four kinds whose titles share no word; visitors like one kind. Only the vectors tell the kinds."""
    rng = np.random.default_rng(seed)
    items = [Item(f"{kind}-{at}", title=f"w{kind}x{at}") for kind in range(KINDS) for at in range(EACH)]
    events = []
    for visitor in range(160):
        chosen = rng.choice(EACH - COLD, 8, replace=False)
        events += [(f"v{visitor}", f"{visitor % KINDS}-{at}", 1.0, 1.7e9 + visitor * 9e3 + at) for at in chosen]
    data = make_dataset(items, events)
    vectors = rng.standard_normal((len(items), DIMS)) * 0.3 + 3  # a narrow cone, as a model's are
    vectors[np.arange(len(items)), np.repeat(np.arange(KINDS), EACH)] += 1.5
    return replace(data, vectors=vectors.astype(np.float32) if told else None)


def right(model):
    """The share of new items of the visitor's kind in the first eight of the new ones."""
    shares = []
    for kind in range(KINDS):
        visit = pipeline.Visit(model, tuple(Interaction(f"{kind}-{at}") for at in (1, 5, 9)), None)
        rows = visit.others(COLD, model.counts == 0).rows
        shares.append(np.mean([model.item_ids[row].startswith(f"{kind}-") for row in rows]))
    return float(np.mean(shares))


def model_of(data, path):
    return Model.of(fit(data, path))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return model_of(wordless(), tmp_path_factory.mktemp("told") / "model")


def test_what_no_word_ties_to_anything_is_placed_by_its_vector(told, tmp_path):
    assert right(told) > 0.9
    assert right(model_of(wordless(told=False), tmp_path / "none")) < 0.5


def test_vectors_of_other_items_help_nobody(tmp_path):
    data = wordless()
    shuffled = np.random.default_rng(1).permutation(data.vectors)
    assert right(model_of(replace(data, vectors=shuffled), tmp_path / "model")) < 0.5


def test_an_item_that_comes_later_is_placed_by_its_vector_too(told):
    vectors = np.stack([told.sources.centre + 2 * np.eye(DIMS, dtype=np.float32)[kind] for kind in (0, 1)])
    extended = replace(told, sources=told.sources.extend([Item("new-0"), Item("new-1")], (), (), vectors))
    asked = pipeline.histories.from_rows([np.array([told.position["1-3"]])], extended.sources.size, [np.nan])
    near = extended.sources.scores(asked, ["meaning"])["meaning"][0][-2:]
    assert near[1] > 0.5 > near[0] + 0.3
    unread = told.sources.extend([Item("new-0")])
    assert unread.scores(asked.among(0, unread.n), ["ease"])["ease"].shape == (1, unread.size)
    assert not unread.fresh.meaning.any() and unread.fresh.meaning.shape == (1, DIMS)


def test_an_item_that_the_model_has_not_read_is_no_better_or_worse(tmp_path):
    data = wordless()
    vectors = data.vectors.copy()
    vectors[::3] = 0
    model = model_of(replace(data, vectors=vectors), tmp_path / "model")
    unread = np.flatnonzero(~model.sources.content.meaning.any(axis=1))
    assert len(unread) == len(vectors[::3])
    asked = pipeline.histories.from_rows([np.array([3])], model.sources.size, [np.nan])
    assert not model.sources.scores(asked, ["meaning"])["meaning"][0][unread].any()


def test_the_artifact_keeps_the_vectors(told, tmp_path):
    data = wordless()
    written = fit(data, tmp_path / "model")
    again = Model.open(tmp_path / "model")
    assert np.array_equal(again.sources.content.meaning, told.sources.content.meaning)
    request = [Request(Kind.PERSONAL, history=(Interaction("2-3"),))]
    assert pipeline.recommend(again, request, 5) == pipeline.recommend(told, request, 5)
    broken = np.load(tmp_path / "model" / "meaning.npy")[:, :-1]
    np.save(tmp_path / "model" / "meaning.npy", broken)
    with pytest.raises(ArtifactError, match="meaning"):
        Model.open(written.path)


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.ones((3, 4)), r"a vector for each of 160 items, got \(3, 4\)"),
        (np.ones(160), r"a vector for each of 160 items, got \(160,\)"),
        (np.full((160, 4), np.nan), "finite"),
    ],
)
def test_vectors_that_are_none_of_these_items_are_refused(vectors, said):
    with pytest.raises(DatasetError, match=said):
        replace(wordless(), vectors=vectors)


@pytest.mark.parametrize("vectors", [np.ones((1, DIMS + 1)), np.ones((2, DIMS)), np.full((1, DIMS), np.inf)])
def test_a_later_item_needs_a_vector_of_the_same_model(told, vectors):
    with pytest.raises(FitError, match="vectors of items must"):
        told.sources.extend([Item("new")], (), (), vectors)


def test_a_model_reads_all_that_an_item_says():
    item = Item(
        "1",
        title="Mug ",
        text="For\ntea.",
        brand="Acme",
        category=("Home", "Kitchen"),
        attributes={"glaze_colour": ["red", "blue"], "size": {"height": "9 cm"}, "empty": None},
        translations={"zh": {"title": "杯子", "text": "喝茶"}},
    )
    assert item_text(item) == (
        "Mug. Acme. Home > Kitchen. glaze colour: red, blue. size: height 9 cm. For tea. 杯子. 喝茶"
    )
    assert item_text(Item("2")) == ""
