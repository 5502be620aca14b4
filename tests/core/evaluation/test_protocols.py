import numpy as np
import pytest

from coldrec.core.dataset import make_dataset
from coldrec.core.errors import DatasetError, EvaluationError
from coldrec.core.evaluation import report
from coldrec.core.evaluation.protocols import LABELS, Split, build_views, check_lists
from coldrec.core.types import Item, Triple

WARM, COLD_VAL, COLD_TEST = [f"w{n}" for n in range(9)], ["v0"], ["c0", "c1"]
ROWS = [  # visitor, item, label
    ("ann", "w0", "train"),
    ("ann", "w1", "train"),
    ("ann", "w0", "train"),  # again: still one pair
    ("ann", "c0", "item_cold_test"),
    ("ann", "v0", "item_cold_val"),
    ("ann", "w2", "warm_test"),
    ("bob", "w3", "train"),
    ("bob", "w4", "warm_test"),
    *(("new", f"w{n}", "user_cold_test") for n in range(7)),
    ("new", "c1", "both_cold_test"),
    ("short", "w0", "user_cold_test"),
    ("ghost", "c1", "item_cold_test"),  # has no training event
]


@pytest.fixture
def split():
    items = [Item(name) for name in [*WARM, *COLD_VAL, *COLD_TEST]]
    triples = [Triple("item:c0", "also_bought", "item:w0"), Triple("item:w0", "also_viewed", "item:w1")]
    data = make_dataset(items, [(v, i, 1.0, None) for v, i, _ in ROWS], [*triples, Triple("item:c0", "made_by", "m")])
    label = np.array([LABELS.index(name) for _, _, name in ROWS])
    return Split(data, label, {"val": frozenset(COLD_VAL), "test": frozenset(COLD_TEST)})


def sets(mapping):
    return {name: set(items) for name, items in mapping.items()}


def test_held_out_items_are_ranked_for_warm_visitors_who_took_one(split):
    views = build_views(split, "item-cold")
    assert sets(views["cold"].relevant) == {"ann": {"c0"}}
    assert views["cold"].allowed == {"c0", "c1"}, "only this part's items"
    assert views["cold"].revealed == {"ann": ("w0", "w1")}, "distinct items in the order of discovery"
    assert views["cold"].skipped == 1, "the ghost has shown nothing"
    assert len(views["full"].allowed) == 12


def test_a_warm_visitor_has_one_target(split):
    view = build_views(split, "warm")["warm"]
    assert sets(view.relevant) == {"ann": {"w2"}, "bob": {"w4"}}
    assert view.allowed == set(WARM)


@pytest.mark.parametrize(("k", "revealed"), [(0, ()), (1, ("w0",)), (3, ("w0", "w1", "w2"))])
def test_held_out_visitors_are_judged_from_their_sixth_item_whatever_was_shown(split, k, revealed):
    view = build_views(split, "user-cold")[f"k={k}"]
    assert sets(view.relevant) == {"new": {"w5", "w6"}}
    assert view.revealed == {"new": revealed}
    assert view.skipped == 1, "a visitor with one item has no sixth"


def test_mixed_lists_hold_both_kinds(split):
    view = build_views(split, "mixed")["mixed"]
    assert sets(view.relevant) == {"ann": {"w2", "c0"}, "bob": {"w4"}, "new": {"w5", "w6", "c1"}}
    assert view.revealed["new"] == ("w0", "w1")
    assert view.groups == {"ann": "warm users, both kinds", "bob": "warm users, one kind", "new": "held-out users"}


def test_training_data_says_nothing_about_held_out_behaviour(split):
    for protocol, relations in (("item-cold", ["made_by"]), ("warm", ["also_viewed", "made_by"])):
        train = split.train(protocol)
        assert train.visitors == ("ann", "bob")
        assert [train.items[row].id for row in train.event_item] == ["w0", "w1", "w0", "w3"]
        assert [triple.relation for triple in train.triples] == relations, protocol


def test_a_split_that_trains_on_a_held_out_item_is_refused(split):
    with pytest.raises(DatasetError, match="held-out item 'w0' has a training event"):
        Split(split.dataset, split.label, {"val": frozenset(), "test": frozenset({"w0"})})


def test_an_unknown_protocol_names_the_known_ones(split):
    with pytest.raises(EvaluationError, match="no protocol 'tepid'; choose one of item-cold, user-cold, warm, mixed"):
        build_views(split, "tepid")


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"nobody": ("w5",)}, "visitor 'nobody' is not in the data"),
        ({"ann": ("zzz",)}, "unknown item 'zzz' at rank 1"),
        ({"ann": ("w5", "c0")}, "item 'c0' at rank 2, which is not a candidate"),
        ({"ann": ("w5", "w0")}, "item 'w0' at rank 2, one of the visitor's own"),
        ({"ann": ("w5", "w6", "w5")}, "item 'w5' listed twice"),
        ({"ann": tuple(WARM) * 3}, "27 items listed; at most 20"),
    ],
)
def test_lists_that_break_a_rule_are_named(split, lists, message):
    with pytest.raises(EvaluationError, match=message):
        check_lists(build_views(split, "warm")["warm"], lists, split)


def test_the_report_of_a_mixed_list(split):
    view = build_views(split, "mixed")["mixed"]
    lists = {"ann": ("c0", "w2"), "bob": ("w4",)}
    result = report.score(split, view, lists)
    assert (result.visitors, result.without_list) == (3, 1)
    assert result.figures["recall@20"].mean == pytest.approx(2 / 3), "a visitor without a list scores zero"
    warm = (1 / np.log2(3) + 1 + 0) / 3
    assert result.sides["warm"] == pytest.approx(warm)
    assert result.sides["cold"] == pytest.approx((1 + 0) / 2)
    assert result.sides["balanced"] == pytest.approx(2 * warm * 0.5 / (warm + 0.5))
    assert result.lists["cold_share"] == pytest.approx(1 / 3)
    assert result.lists["coverage"] == pytest.approx(3 / 12)
    assert result.lists["mean_popularity"] == 0.0, "none of the three was taken in training"
    assert result.groups["held-out users"]["visitors"] == 1


def test_two_systems_are_compared_visitor_by_visitor(split):
    view = build_views(split, "warm")["warm"]
    result = report.compare(view, {"ann": ("w2",), "bob": ("w4",)}, {"ann": ("w2",)})
    assert result["hit@20"].difference == 0.5
