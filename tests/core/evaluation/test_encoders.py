"""The gate of encoders: better somewhere and worse nowhere, beyond chance."""

from __future__ import annotations

import numpy as np
import pytest

from coldrec.core.encoders.pieces import unit
from coldrec.core.evaluation import encoders

RNG = np.random.default_rng(0)


def vectors(n: int, d: int = 8, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32))


def gains(mean: float, seed: int, cases: int = 200) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(mean, 0.1, cases), 0, 1)


class TestFound:
    def test_a_query_that_is_like_its_item_finds_it_first(self):
        items = vectors(50)
        wanted = [np.array([row]) for row in range(50)]
        assert encoders.found_by_text(items, items, wanted) == pytest.approx(np.ones(50))

    def test_a_query_that_is_like_none_finds_what_chance_does(self):
        found = encoders.found_by_text(vectors(300, seed=1), vectors(300), [np.array([row]) for row in range(300)])
        assert found.mean() < 0.1

    def test_more_cases_than_go_at_once_are_the_same(self, monkeypatch):
        items, queries = vectors(40), vectors(40, seed=1)
        wanted = [np.array([row, (row + 1) % 40]) for row in range(40)]
        whole = encoders.found_by_text(queries, items, wanted)
        monkeypatch.setattr(encoders, "BLOCK", 7)
        assert encoders.found_by_text(queries, items, wanted) == pytest.approx(whole)

    def test_a_history_finds_what_is_like_it_among_the_candidates(self):
        one, other = vectors(2, d=16)
        noise = 0.1 * RNG.normal(size=(20, 16)).astype(np.float32)
        items = unit(np.stack([one] * 10 + [other] * 10) + noise)
        candidates = np.array([8, 9, 18, 19])
        histories = [np.array([0, 1]), np.array([10, 11]), np.array([], np.int64)]
        found = encoders.found_by_history(
            items, histories, candidates, [np.array([8, 9]), np.array([18, 19])] * 1 + [np.array([8])]
        )
        assert found[:2] == pytest.approx([1, 1])

    def test_nothing_to_find_is_nothing(self):
        assert len(encoders.found_by_text(vectors(0), vectors(3), [])) == 0
        assert encoders.found_by_text(vectors(1), vectors(0), [np.array([0])]) == pytest.approx([0])

    def test_what_all_have_in_common_says_nothing(self):
        items = unit(vectors(30) * 0.1 + np.eye(8, dtype=np.float32)[0])
        items[3] = 0
        centred = encoders.centred(items)
        assert not centred[3].any()
        assert abs((centred @ centred.T)[~np.eye(30, dtype=bool)].mean()) < 0.1 < (items @ items.T).mean()


class TestJudge:
    def test_better_at_one_and_equal_at_the_other_is_taken(self):
        same = gains(0.4, 1)
        verdict = encoders.judge(
            {"cold": gains(0.4, 1) + 0.05, "search": same}, {"cold": gains(0.4, 1), "search": same}
        )
        assert verdict.refusal == ""
        assert verdict.figures["cold"]["gap"]["difference"] == pytest.approx(0.05, abs=1e-3)
        assert verdict.figures["cold"]["cases"] == 200

    def test_worse_at_one_is_refused_whatever_the_other_gains(self):
        better, worse = (gains(0.4, 1) + 0.2, gains(0.4, 1)), (gains(0.3, 2) - 0.05, gains(0.3, 2))
        verdict = encoders.judge({"cold": better[0], "search": worse[0]}, {"cold": better[1], "search": worse[1]})
        assert verdict.refusal.startswith("it is worse at search (nDCG@20 -0.0")

    @pytest.mark.parametrize("seed", range(5))
    def test_chance_is_no_gain(self, seed):
        verdict = encoders.judge(
            {"cold": gains(0.4, seed)}, {"cold": np.random.default_rng(seed).permutation(gains(0.4, seed))}
        )
        assert verdict.refusal.startswith("it is better at nothing: cold (nDCG@20")

    def test_the_same_encoder_is_refused(self):
        assert encoders.judge({"cold": gains(0.4, 1)}, {"cold": gains(0.4, 1)}).refusal

    def test_few_cases_are_told_and_not_judged(self):
        verdict = encoders.judge({"cold": np.ones(5)}, {"cold": np.zeros(5)})
        assert verdict.refusal == "it is better at nothing: cold has 5 held-out cases, 30 are needed"
        assert verdict.figures == {"cold": {"cases": 5, "candidate": 1.0, "current": 0.0}}

    def test_no_task_at_all_is_refused(self):
        assert encoders.judge({}, {}).refusal == "it is better at nothing: there is no held-out case"
