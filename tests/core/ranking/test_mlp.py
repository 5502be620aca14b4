from dataclasses import replace

import numpy as np
import pytest

from coldrec.core import artifact
from coldrec.core.errors import ArtifactError, FitError
from coldrec.core.ranking import linear, mlp
from coldrec.core.ranking.features import Candidates, Examples, Profile
from coldrec.core.ranking.mlp import MLPRanker
from tests.core.ranking.pairs import NONE, auc, exclusive_or, planted, scores


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="training the MLP needs the extra [train]")


@pytest.fixture(scope="module")
def by_tokens(torch) -> MLPRanker:
    return mlp.train(exclusive_or("tokens"))


@pytest.fixture(scope="module")
def both(torch) -> tuple[MLPRanker, Examples]:
    """Taste shows in content (how well v fits u), and half of the items are liked by all for reasons of their own."""
    rng = np.random.default_rng(0)
    n, items, visitors = 12_000, 200, 200
    u, v, charm = rng.standard_normal((visitors, 2)), rng.standard_normal((items, 2)), np.arange(items) % 2
    visitor, item = rng.integers(0, visitors, n), rng.integers(0, items, n)
    labels = ((u[visitor] * v[item]).sum(axis=1) + 2.5 * (charm[item] - 0.5) > 0).astype(np.float64)
    profiles = [Profile(row, np.zeros(1), NONE) for row in u]
    examples = Examples(profiles, Candidates(v[item], np.zeros((n, 1)), item), visitor, labels)
    return mlp.train(examples), examples


@pytest.mark.parametrize("by", ["tokens", "content"])
def test_it_learns_that_opposites_attract_where_the_linear_ranker_cannot(torch, by):
    learn, judge = exclusive_or(by, seed=0), exclusive_or(by, n=3_000, seed=1)
    # Where each visitor has a token of their own, one who is held out tells nothing of how the others' are learned.
    ranker = mlp.train(learn, held_out=0.0 if by == "tokens" else 0.1)
    assert auc(scores(ranker, judge), judge.labels) > 0.95
    assert auc(scores(linear.train(learn), judge), judge.labels) == pytest.approx(0.5, abs=0.1)


def test_pairs_never_seen_together_are_foretold(torch):
    """Half of the combinations of visitor and item are kept back: it is the rule that is learned, not the table."""
    every = exclusive_or("tokens")
    kept = np.random.default_rng(0).random((200, 200))[every.visitor, every.candidates.tokens] < 0.5

    def part(rows):
        items = every.candidates
        chosen = Candidates(items.vectors[rows], items.facts[rows], items.tokens[rows])
        return Examples(every.profiles, chosen, every.visitor[rows], every.labels[rows])

    ranker = mlp.train(part(kept), held_out=0.0)
    assert auc(scores(ranker, part(~kept)), part(~kept).labels) > 0.95


def test_numpy_serves_what_torch_learned(torch, by_tokens):
    examples = exclusive_or("tokens", n=300, seed=1)
    inputs = mlp._Inputs.of(examples, np.arange(300), 1)
    inputs = replace(
        inputs,
        bags=[mlp._rows(by_tokens.visitor_rows, mlp.bag(profile)) for profile in examples.profiles],
        items=mlp._rows(by_tokens.item_rows, examples.candidates.tokens),
        centre=by_tokens.centre,
        scale=by_tokens.scale,
    )
    weights = {
        name: torch.tensor(getattr(by_tokens, name))
        for name in ("visitor_table", "item_table", "w1", "b1", "w2", "b2", "w3", "b3")
    }
    expected = mlp._forward(torch, weights, inputs, np.arange(300), lambda n: np.zeros(n, bool)).numpy()
    np.testing.assert_allclose(scores(by_tokens, examples), expected, atol=1e-5)


def test_the_row_of_the_unseen_is_trained(torch):
    examples = exclusive_or("tokens")
    trained, untouched = (mlp.train(examples, unseen=unseen, epochs=5, decay=0.0) for unseen in (0.15, 0.0))
    start = mlp._initial(mlp._Inputs.of(examples, examples.held_out(0.1, 0)[0], 3), 16, np.random.default_rng(0))
    for table in ("visitor_table", "item_table"):
        np.testing.assert_array_equal(getattr(untouched, table)[0], start[table][0])
        assert np.abs(getattr(trained, table)[0] - start[table][0]).max() > 0.02


def test_what_is_unseen_is_scored_by_content(both):
    """A new item has no charm of its own yet; where it fits clearly, or clearly not, charm makes no difference."""
    ranker, _ = both
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal(2), rng.standard_normal((500, 2))
    fresh = Candidates(v, np.zeros((500, 1)), np.arange(1_000, 1_500))
    told = ranker.score(Profile(u, np.zeros(1), NONE), fresh)
    clear = np.abs(v @ u) > 1.25
    assert clear.sum() > 50 and auc(told[clear], (v @ u > 0)[clear].astype(float)) > 0.9
    anyone = ranker.score(Profile(u, np.zeros(1), NONE), replace(fresh, tokens=np.full(500, -1)))
    np.testing.assert_array_equal(told, anyone)


def test_without_the_tables_content_still_tells(both):
    ranker, examples = both
    bare = ranker.without_embeddings()
    assert bare.item_table.shape[0] == bare.visitor_table.shape[0] == 1
    whole, content = (auc(scores(one, examples), examples.labels) for one in (ranker, bare))
    assert whole > 0.95
    assert 0.65 < content < whole, "content tells something, and the tables told more"


def test_embeddings_that_are_never_dropped_leave_the_unseen_worse_off(both):
    """Why tokens are sent to the row of the unseen in training."""
    ranker, examples = both
    careless = mlp.train(examples, unseen=0.0)
    careful, other = (auc(scores(one.without_embeddings(), examples), examples.labels) for one in (ranker, careless))
    assert careful > other - 0.02


def test_predictions_survive_the_artifact(by_tokens, tmp_path):
    arrays, document = by_tokens.save()
    written = artifact.write(tmp_path / "a", arrays, {"ranker": document}, {})
    read = MLPRanker.load(written.array, written.document("ranker"))
    examples = exclusive_or("tokens", n=200)
    np.testing.assert_array_equal(scores(read, examples), scores(by_tokens, examples))


def _ranker() -> MLPRanker:
    """A small one made by hand, so that what serves is tested without torch too."""
    rng = np.random.default_rng(0)
    k, d, c, e = 2, 1, 1, 1
    content = 3 * d + c + e
    return MLPRanker(
        visitor_rows=np.array([0, 1]),
        item_rows=np.array([1, 0, 2]),
        visitor_table=np.zeros((2, k), np.float32),
        item_table=np.arange(6, dtype=np.float32).reshape(3, k),
        centre=np.zeros(content, np.float32),
        scale=np.ones(content, np.float32),
        w1=rng.standard_normal((64, 3 * k + content)).astype(np.float32),
        b1=np.zeros(64, np.float32),
        w2=rng.standard_normal((32, 64)).astype(np.float32),
        b2=np.zeros(32, np.float32),
        w3=rng.standard_normal(32).astype(np.float32),
        b3=np.zeros(1, np.float32),
        d=d,
        c=c,
        e=e,
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("w1", np.zeros((64, 3)), r"w1 has shape \(64, 3\), needed is \(64, 11\)"),
        ("w2", np.full((32, 64), np.nan), "w2 holds NaN"),
        ("item_table", np.zeros(6), "shape"),
        ("item_table", np.zeros((2, 2)), "item_rows point outside"),
        ("visitor_rows", np.array([-1]), "visitor_rows point outside"),
        ("visitor_table", np.zeros((0, 2)), "visitor_rows point outside"),
        ("scale", np.zeros(2), "scale has shape"),
    ],
)
def test_damaged_weights_are_refused(name, value, message):
    arrays, document = _ranker().save()
    found = {**arrays, f"ranker_{name}": value}
    with pytest.raises(ArtifactError, match=message):
        MLPRanker.load(found.__getitem__, document)
    with pytest.raises(ArtifactError, match="damaged"):
        MLPRanker.load(arrays.__getitem__, {**document, "d": None})


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"profile.vector has shape \(2,\); the ranker was trained on \(1,\)"):
        _ranker().score(
            Profile(np.zeros(2), np.zeros(1), NONE), Candidates(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros(1, int))
        )


def test_no_candidates_no_scores():
    empty = Candidates(np.zeros((0, 1)), np.zeros((0, 1)), np.zeros(0, np.int64))
    assert _ranker().score(Profile(np.zeros(1), np.zeros(1), NONE), empty).shape == (0,)


def test_without_torch_the_extra_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(mlp.importlib, "import_module", missing)
    with pytest.raises(FitError, match=r"install django-coldrec\[train\]"):
        mlp.train(exclusive_or("tokens", n=100))


@pytest.mark.parametrize("wrong", [{"unseen": 1.0}, {"embedding": 0}, {"epochs": 0}, {"batch": 0}])
def test_arguments_out_of_range_are_refused(torch, wrong):
    with pytest.raises(FitError, match="must lie in"):
        mlp.train(exclusive_or("tokens", n=100), **wrong)


def test_labels_must_be_shares(torch):
    with pytest.raises(FitError, match=r"labels must lie in 0\.\.1"):
        mlp.train(planted(100)[0])


def test_the_same_seed_gives_the_same_ranker(torch):
    examples = exclusive_or("tokens", n=600)
    first, again, other = (mlp.train(examples, epochs=2, seed=seed).w1 for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0
