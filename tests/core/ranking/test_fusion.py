import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coldrec.core.errors import ArtifactError
from coldrec.core.ranking import fusion
from coldrec.core.ranking.fusion import Fusion, Lists
from coldrec.core.retrieval.sources import COLD, NAMES, WARM


@given(arrays(np.float32, (3, 7), elements=st.floats(-1e4, 1e4, width=32)))
def test_standardised_rows_have_mean_zero_and_deviation_one_or_are_zero(scores):
    got = fusion.standardise(scores)
    for row in got:
        assert abs(row.mean()) < 1e-2
        assert (row == 0).all() or abs(row.std() - 1) < 1e-2


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20))
def test_hats_are_weights(sizes):
    got = fusion.hats(np.array(sizes))
    np.testing.assert_allclose(got.sum(axis=1), 1, rtol=1e-5)
    assert (got >= 0).all() and ((got > 0).sum(axis=1) <= 2).all()


def _lists(n=200, seed=0):
    """The wanted item is told by source 1; source 0 is noise."""
    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((n, 2, 10)).astype(np.float32)
    sources[:, 1, 0] += 3
    return Lists(sources, np.ones(n, np.int64), np.ones((n, 10), bool), rng.integers(0, 50, n), np.ones(n))


def test_the_source_that_tells_gets_the_weight():
    weights = fusion.learn([_lists()], np.zeros((1, 2), np.float32), ridge=1e-3, smooth=0)[0]
    assert weights[1] > 1 and weights[1] > 5 * abs(weights[0])


def test_few_lists_keep_the_prior():
    prior = np.array([[0.7, 0.0]], np.float32)
    few = Lists(*(part[:1] for part in vars(_lists()).values()))
    weights = fusion.learn([few], prior, ridge=1e-1, smooth=0)
    np.testing.assert_allclose(weights, prior, atol=0.1)
    np.testing.assert_array_equal(fusion.learn([], prior, ridge=1, smooth=0), prior)


def test_a_sample_that_stands_for_the_rest_teaches_what_the_whole_list_does():
    rng = np.random.default_rng(0)
    sources = rng.standard_normal((2000, 2, 200)).astype(np.float32)
    sources[::2, 1, 0] += 4  # half of the wanted are told, half are not: no weights are right for all
    ones = np.ones(2000, np.int64)

    def learned(width, stands_for):
        part = Lists(sources[:, :, :width], ones, np.ones((2000, width), bool), ones, stands_for * np.ones(2000))
        return fusion.learn([part], np.zeros((1, 2), np.float32), ridge=0, smooth=0)[0]

    whole = learned(200, 1)
    np.testing.assert_allclose(learned(40, 199 / 39), whole, atol=0.1)
    assert abs(learned(40, 1)[1] - whole[1]) > abs(learned(40, 199 / 39)[1] - whole[1])


def test_the_hopeless_do_not_decide_the_order_at_the_top():
    """Source 0 finds a third of the wanted items at once; source 1 lifts the others a little."""
    rng = np.random.default_rng(0)
    sources = rng.standard_normal((1000, 2, 200)).astype(np.float32)
    sources[:300, 0, 0], sources[300:, 0, 0] = 3, -0.5
    sources[:300, 1, 0], sources[300:, 1, 0] = -2, 1
    ones = np.ones(1000, np.int64)
    lists = Lists(sources, ones, np.ones((1000, 200), bool), ones, ones)

    def found(focus):
        prior = np.zeros((1, 2), np.float32)
        plain = fusion.learn([lists], prior, ridge=1e-3, smooth=0)
        weights = fusion.learn([lists], prior, ridge=1e-3, smooth=0, focus=focus, start=plain)[0]
        return (np.argmax(weights @ sources, axis=1) == 0).mean()

    assert found(0.25) > 2 * found(0.0) > 0


def test_places_past_the_end_of_a_list_teach_nothing():
    lists = _lists()
    padded = Lists(
        np.pad(lists.sources, ((0, 0), (0, 0), (0, 5)), constant_values=99),
        lists.targets,
        np.pad(lists.valid, ((0, 0), (0, 5))),
        lists.size,
        lists.stands_for,
    )
    prior = np.zeros((len(fusion.KNOTS), 2), np.float32)
    np.testing.assert_allclose(
        fusion.learn([padded], prior, ridge=1e-3, smooth=1e-3),
        fusion.learn([lists], prior, ridge=1e-3, smooth=1e-3),
        atol=1e-3,
    )


def test_scores_are_log_probabilities_and_cold_share_moves_mass():
    rng = np.random.default_rng(0)
    sources = {name: rng.standard_normal((2, 9)).astype(np.float32) for name in NAMES}
    for share in (-2.0, 0.0, 2.0):
        prior = Fusion.prior()
        scores = Fusion(prior.warm, prior.cold, True, False, share).scores(sources, np.array([0, 7]), 5)
        np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-4)
        np.testing.assert_allclose(np.exp(scores[:, 5:]).sum(axis=1), 1 / (1 + np.exp(-share)), rtol=1e-4)


def test_weights_survive_saving_and_damage_is_refused():
    made = Fusion.prior()
    document = made.save()
    read = Fusion.load(document)
    np.testing.assert_array_equal(read.warm, made.warm)
    np.testing.assert_array_equal(read.cold, made.cold)
    for broken in ({**document, "warm": {}}, {**document, "knots": [1]}, {**document, "cold_share": "x"}):
        with pytest.raises(ArtifactError):
            Fusion.load(broken)


def test_sources_without_weight_are_not_computed():
    warm = np.zeros((len(fusion.KNOTS), len(WARM)), np.float32)
    warm[:, WARM.index("popularity")] = 1
    made = Fusion(warm, np.zeros(len(COLD), np.float32), False, False, 0.0)
    assert made.names() == ("popularity",)


def test_the_short_way_to_the_sum_gives_what_the_long_one_does():
    """Without damping the standardised values are never written down; the sum is the same."""
    rng = np.random.default_rng(1)
    names = WARM[:6]
    sources = {name: (rng.standard_normal((4, 50)) * 9 + 3).astype(np.float32) for name in names}
    sources[names[2]] = np.full((4, 50), 5.0, np.float32)  # says nothing
    made = Fusion(rng.standard_normal((len(fusion.KNOTS), len(WARM))), np.zeros(len(COLD)), False, False, 0.0)
    size = np.array([0, 2, 7, 90])
    expected = sum(
        (fusion.hats(size) @ made.warm[:, [WARM.index(name)]]) * fusion.standardise(sources[name]) for name in names
    )
    np.testing.assert_allclose(made.group_scores(sources, size, slice(None), cold=False), expected, atol=1e-4)
