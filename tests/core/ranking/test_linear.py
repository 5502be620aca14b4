from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldrec.core import artifact
from coldrec.core.errors import ArtifactError, FitError
from coldrec.core.ranking import linear
from coldrec.core.ranking.features import Candidates, Profile
from coldrec.core.ranking.linear import LinearRanker
from tests.core.ranking.pairs import C, D, E, auc, exclusive_or, planted, scores


@pytest.fixture(scope="module")
def world():
    return planted()


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_planted_weights_are_recovered(world, optimiser):
    examples, truth = world
    found = linear.train(examples, optimiser=optimiser)
    np.testing.assert_allclose(found.w, truth.w, atol=1e-2)
    assert found.b == pytest.approx(truth.b, abs=1e-2)


@pytest.mark.parametrize("decay", [0.0, 1e-3, 0.3])
def test_closed_form_and_training_agree(world, decay):
    examples, _ = world
    found = linear.train(examples, decay=decay, held_out=0.0)
    exact = linear.ridge(examples, decay=decay)
    np.testing.assert_allclose(found.w, exact.w, atol=2e-3)
    assert found.b == pytest.approx(exact.b, abs=2e-3)


def test_the_closed_form_is_the_textbooks():
    """On one standardised feature, (zᵀz/N + λ)⁻¹ zᵀy/N is done by hand."""
    examples, _ = planted(50, visitors=5)
    design = linear._Design.of(examples)
    z, y = design.rows(np.arange(50)), examples.labels - examples.labels.mean()
    by_hand = np.linalg.inv(z.T @ z / 50 + 0.1 * np.eye(z.shape[1])) @ z.T @ y / 50
    np.testing.assert_allclose(linear.ridge(examples, decay=0.1).w * design.scale, by_hand, rtol=1e-8)


def test_sgd_and_adam_reach_the_same_loss():
    examples, _ = planted(noise=1.0)
    losses = [
        linear.mean_squared_error(linear.train(examples, optimiser=optimiser), examples)
        for optimiser in ("sgd", "adam")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)
    assert losses[0] == pytest.approx(1.0, abs=0.1), "what is left is the noise"


@given(seed=st.integers(0, 1_000), decay=st.floats(0, 2))
def test_the_gradient_is_that_of_finite_differences(seed, decay):
    rng = np.random.default_rng(seed)
    z, y, w, b = rng.standard_normal((20, 5)), rng.standard_normal(20), rng.standard_normal(5), rng.standard_normal()
    _, gradient, slope = linear.loss_and_gradient(w, b, z, y, decay)

    def loss(w, b):
        return linear.loss_and_gradient(w, b, z, y, decay)[0]

    step = 1e-6
    for column, unit in enumerate(np.eye(5)):
        numeric = (loss(w + step * unit, b) - loss(w - step * unit, b)) / (2 * step)
        assert gradient[column] == pytest.approx(numeric, rel=1e-5, abs=1e-6)
    assert slope == pytest.approx((loss(w, b + step) - loss(w, b - step)) / (2 * step), rel=1e-5, abs=1e-6)


def test_the_feature_map_is_what_the_docstring_says():
    u, p, v, x = (np.array([row]) for row in ([1.0, 2.0], [3.0], [5.0, 7.0], [11.0, 13.0]))
    assert linear.feature_map(u, p, v, x)[0].tolist() == [1, 2, 3, 5, 7, 5, 14, 11, 13, 33, 39]


def test_it_cannot_learn_that_opposites_attract():
    """The counterpart of the MLP's test: an exclusive or is no sum of its parts."""
    learn, judge = exclusive_or("content", seed=0), exclusive_or("content", seed=1)
    assert auc(scores(linear.train(learn), judge), judge.labels) == pytest.approx(0.5, abs=0.1)


def test_predictions_survive_the_artifact(world, tmp_path):
    examples, _ = world
    ranker = linear.ridge(examples)
    arrays, document = ranker.save()
    written = artifact.write(tmp_path / "a", arrays, {"ranker": document}, {})
    read = LinearRanker.load(written.array, written.document("ranker"))
    np.testing.assert_array_equal(scores(read, examples), scores(ranker, examples))


@pytest.mark.parametrize(
    ("arrays", "document", "message"),
    [
        ({"ranker_w": np.zeros(3)}, {}, r"weights of shape \(3,\), needed is"),
        ({"ranker_w": np.full(linear.size(D, C, E), np.nan)}, {}, "NaN"),
        ({}, {"b": "x"}, "damaged"),
        ({}, {"d": None}, "damaged"),
        ({}, {"b": float("inf")}, "NaN or infinite"),
    ],
)
def test_damaged_weights_are_refused(world, arrays, document, message):
    good_arrays, good_document = linear.ridge(world[0]).save()
    found = {**good_arrays, **arrays}
    with pytest.raises(ArtifactError, match=message):
        LinearRanker.load(found.__getitem__, {**good_document, **document})


@pytest.mark.parametrize(
    ("profile", "candidates", "message"),
    [
        ((D + 1, C), (4, D, E), r"profile.vector has shape \(4,\); the ranker was trained on \(3,\)"),
        ((D, C + 1), (4, D, E), r"profile.context has shape \(3,\)"),
        ((D, C), (4, D - 1, E), r"candidates.vectors has shape \(4, 2\); the ranker was trained on \(4, 3\)"),
        ((D, C), (4, D, E + 2), r"candidates.facts has shape \(4, 4\)"),
    ],
)
def test_wrong_shapes_are_named(world, profile, candidates, message):
    n, d, e = candidates
    visitor = Profile(np.zeros(profile[0]), np.zeros(profile[1]), np.zeros(0, np.int64))
    with pytest.raises(ValueError, match=message):
        world[1].score(visitor, Candidates(np.zeros((n, d)), np.zeros((n, e)), np.arange(n)))


@pytest.mark.parametrize(
    "wrong",
    [{"optimiser": "lbfgs"}, {"decay": -1}, {"epochs": 0}, {"batch": 0}, {"learning_rate": 0}, {"learning_rate": -1}],
)
def test_arguments_out_of_range_are_refused(world, wrong):
    with pytest.raises(FitError, match=str(next(iter(wrong.values())))):
        linear.train(world[0], **wrong)


def test_a_step_that_is_too_large_is_an_error_not_a_ranker_of_nan(world):
    with pytest.raises(FitError, match="diverged at learning rate 1e"):
        linear.train(world[0], optimiser="sgd", learning_rate=1e6)


def test_the_same_seed_gives_the_same_weights(world):
    examples, _ = world
    first, again, other = (linear.train(examples, epochs=3, seed=seed).w for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


def test_one_pair_no_candidates_and_constant_features_are_no_trouble(world):
    examples, truth = world
    one, _ = planted(1, visitors=1)
    assert np.isfinite(scores(linear.train(one), one)).all()
    nothing = Candidates(np.zeros((0, D)), np.zeros((0, E)), np.zeros(0, np.int64))
    assert truth.score(examples.profiles[0], nothing).shape == (0,)
    flat = replace(examples, candidates=replace(examples.candidates, facts=np.full((len(examples.labels), E), 1e8)))
    np.testing.assert_allclose(linear.ridge(flat).w[D + C + 2 * D : D + C + 2 * D + E], 0)
    assert np.isfinite(linear.train(flat, epochs=2).w).all()
