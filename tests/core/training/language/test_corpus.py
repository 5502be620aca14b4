"""What is mined from a shop: what belongs together is paired, and nothing that may belong together is held apart."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from coldrec.core.dataset import Dataset, make_dataset
from coldrec.core.encoders.reading import item_text
from coldrec.core.training.language.corpus import corpus_of
from coldrec.core.types import Item, Triple
from tests.core.training.language.shops import shop

pytestmark = pytest.mark.apart


@pytest.fixture(scope="module")
def mined():
    dataset, searches = shop()
    return dataset, searches, corpus_of(dataset, searches, seed=3)


def test_a_shop_gives_texts_and_pairs_of_all_kinds(mined):
    dataset, searches, corpus = mined
    assert {pair.kind for pair in corpus.pairs} == {"told", "taken", "search"}
    told = next(pair for pair in corpus.pairs if pair.kind == "told")
    item = next(item for item in dataset.items if item.id == told.left)
    assert told.anchor == item.title
    assert item.title not in told.positive
    assert item.text in told.positive
    asked = next(pair for pair in corpus.pairs if pair.kind == "search")
    assert (asked.anchor, asked.right) in {(query, item) for query, item, _ in searches}
    assert sum(bool(pair.negative) for pair in corpus.pairs) > 0.3 * len(corpus.pairs)


def test_it_is_the_same_for_the_same_seed_alone(mined):
    dataset, searches, corpus = mined
    assert corpus_of(dataset, searches, seed=3).fingerprint() == corpus.fingerprint()
    assert corpus_of(dataset, searches, seed=4).fingerprint() != corpus.fingerprint()


def test_nothing_held_out_is_learned_from(mined):
    dataset, _, corpus = mined
    held = {dataset.items[row].id for row in corpus.held_items}
    assert held
    assert corpus.searches
    for pair in corpus.pairs:
        assert not {pair.left, pair.right, pair.stranger} & held
        assert pair.anchor not in corpus.searches
    texts = {text.text for text in corpus.texts}
    assert not texts & {item_text(dataset.items[row]) for row in corpus.held_items}
    assert not texts & set(corpus.searches)


def test_what_is_held_out_stays_so_while_the_shop_grows(mined):
    _, _, corpus = mined
    dataset, searches = shop(items=80, visitors=60)
    grown = corpus_of(dataset, [*searches, ("a new search", "1", 1.0)], seed=3)
    assert set(corpus.held_items.tolist()) <= set(grown.held_items.tolist())
    assert set(corpus.searches) <= set(grown.searches)


def test_what_held_out_visitors_took_is_only_measured_on():
    dataset, searches = shop(visitors=60)
    corpus = corpus_of(dataset, searches)
    measured = {(pair.left, pair.right) for pair in corpus.held_pairs if pair.kind == "taken"}
    learned = {(pair.left, pair.right) for pair in corpus.pairs}
    assert measured
    assert not measured & (learned | {(b, a) for a, b in learned})


def test_a_stranger_shares_nothing_with_the_two():
    dataset, searches = shop(visitors=9)  # too few for one to be held out
    corpus = corpus_of(dataset, searches)
    by_item = {item.id: item for item in dataset.items}
    visitors: dict[str, set[int]] = {}
    for visitor, item in zip(dataset.event_visitor.tolist(), dataset.event_item.tolist(), strict=True):
        visitors.setdefault(dataset.items[item].id, set()).add(visitor)
    strange = [pair for pair in corpus.pairs if pair.stranger]
    assert len(strange) > 50
    for pair in strange:
        assert by_item[pair.stranger].category == by_item[pair.right].category
        for other in {pair.left, pair.right} & set(by_item):
            assert other != pair.stranger
            assert not visitors.get(other, set()) & visitors.get(pair.stranger, set())
        if pair.kind == "search":
            assert pair.stranger not in {item for query, item, _ in searches if query == pair.anchor}


def test_variants_and_copies_are_never_strangers_nor_pairs():
    items = [
        Item(str(at), title=f"Mug {'abcdefghij'[at // 2]}", text=f"size {at}", category=("Mugs",)) for at in range(20)
    ]
    # 0, 1 share a title; 2 and 5 are variants of one thing.
    triples = [
        Triple("item:2", "variant_group", "variant_group:x"),
        Triple("item:5", "variant_group", "variant_group:x"),
    ]
    events = [(f"v{v}", item, 1.0, None) for v in range(30) for item in ("0", "1", "2", "5")]
    corpus = corpus_of(make_dataset(items, events, triples), [("mug", "0", 1.0), ("mug", "7", 1.0), ("mug", "9", 1.0)])
    one_thing = [{"0", "1"}, {"2", "3", "4", "5"}]
    for pair in corpus.pairs:
        for same in one_thing:
            assert not (pair.stranger in same and {pair.left, pair.right} & same)
            assert pair.kind == "told" or not {pair.left, pair.right} <= same


def test_all_items_of_a_search_are_friends():
    items = [Item(str(at), title=f"Thing {'abcdefghijkl'[at]}", category=("X",)) for at in range(12)]
    corpus = corpus_of(make_dataset(items), [("thing", str(at), 1.0) for at in range(12)] + [("b", "1", 1.0)] * 3)
    known = sorted({str(at) for at in range(12)} - {items[row].id for row in corpus.held_items})
    assert corpus.searches == ()
    assert {(a, b) for a in known for b in known if a < b} <= corpus.friends


def test_nearly_equal_texts_are_no_strangers():
    said = "a long and careful description of one and the same thing, as sellers copy it from each other"
    items = [Item(str(at), title=f"{'abcdefghijklmnop'[at]} cup", text=said, category=("Cups",)) for at in range(16)]
    assert not any(pair.negative for pair in corpus_of(make_dataset(items)).pairs)


def test_chinese_texts_are_mined_alike():
    items = [
        Item(
            str(at),
            title=f"{'红蓝绿白黑黄紫橙'[at % 8]}色{'鞋灯杯包'[at // 8]}",
            text="适合每天使用的好东西",
            brand="飞鱼",
            category=("家居",),
        )
        for at in range(32)
    ]
    corpus = corpus_of(make_dataset(items), [("红鞋", "0", 1.0)])
    assert sum(pair.kind == "told" for pair in corpus.pairs) > 20
    assert any(pair.negative for pair in corpus.pairs)
    assert "飞鱼" in corpus.texts[0].values


@pytest.mark.parametrize(
    ("dataset", "searches"),
    [
        (make_dataset([]), []),
        (make_dataset([]), [("lamp", "7", 1.0)]),
        (make_dataset([Item("1")]), []),
    ],
    ids=["an empty shop", "searches of nothing", "an item without a word"],
)
def test_nothing_comes_of_nothing(dataset: Dataset, searches):
    corpus = corpus_of(dataset, searches)
    assert corpus.pairs == ()
    assert corpus.held_pairs == ()


def test_one_item_gives_its_text_and_one_pair():
    corpus = corpus_of(make_dataset([Item("1", title="Mug", text="of clay")], [("v", "1", 1.0, None)] * 3))
    assert [text.text for text in corpus.texts] == ["Mug. of clay"]
    assert [(pair.anchor, pair.positive, pair.negative) for pair in corpus.pairs] == [("Mug", "of clay", "")]


WORDS = st.sampled_from(["red mug", "Red  Mug", "blue lamp", "", "灯", "a b c", "0"])


@settings(max_examples=60, deadline=None)
@given(
    titles=st.lists(st.tuples(WORDS, WORDS, st.sampled_from(["", "Home", "Town"])), max_size=14),
    events=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 13)), max_size=40),
    searches=st.lists(st.tuples(WORDS, st.integers(0, 20)), max_size=8),
    seed=st.integers(0, 5),
)
def test_whatever_the_shop_rules_are_kept(titles, events, searches, seed):
    items = [
        Item(str(at), title=title, text=text, category=(category,) if category else ())
        for at, (title, text, category) in enumerate(titles)
    ]
    taken = [(f"v{who}", str(at), 1.0, None) for who, at in events if at < len(items)]
    corpus = corpus_of(make_dataset(items, taken), [(query, str(at), 1.0) for query, at in searches], seed)
    held = {items[row].id for row in corpus.held_items}
    for pair in corpus.pairs:
        assert pair.positive
        assert bool(pair.negative) == bool(pair.stranger)
        assert pair.stranger not in {pair.left, pair.right}
        assert not {pair.left, pair.right, pair.stranger} & held
    assert not {text.text for text in corpus.texts} & set(corpus.searches) - {item_text(item) for item in items}
