from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldrec.core.retrieval import content
from coldrec.core.types import Item


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red MUG", ["red", "mug"]),
        ("跑鞋", ["跑", "鞋", "跑鞋"]),
        ("A5纸", ["a5", "纸"]),
        ("ﬁne ＡＢ", ["fine", "ab"]),
        ("snake_case", ["snake", "case"]),
        ("", []),
        ("🙂 !!", []),
    ],
)
def test_words(text, expected):
    assert list(content.words(text)) == expected


def test_a_two_character_word_is_found_inside_a_longer_one():
    assert set(content.words("处理")) <= set(content.words("待处理"))


def test_an_item_has_the_words_of_all_its_languages():
    item = Item("1", "Mug", translations={"zh-hans": {"title": "杯", "text": "红"}, "de": {"title": "Becher"}})
    assert content.item_words(item) == {"mug": 2, "杯": 2, "红": 1, "becher": 2}


def test_entities_come_from_every_field():
    item = Item("1", brand="Acme", category=("Home", "Mugs"), attributes={"Colour": ["Red", "Blue"], "note": None})
    assert content.item_entities(item) == {
        "brand:acme",
        "category:home",
        "category:home > mugs",
        "colour:red",
        "colour:blue",
    }


def test_rare_words_weigh_more_and_words_of_one_item_nothing():
    bags = [Counter(words) for words in (["mug", "red"], ["mug", "blue"], ["mug", "red"], ["only"])]
    vocabulary = content.Vocabulary.learn(bags)
    assert set(vocabulary.columns) == {"mug", "red"}
    row = vocabulary.transform(bags[:1]).toarray()[0]
    assert row[vocabulary.columns["red"]] > row[vocabulary.columns["mug"]] > 0


def test_a_word_seen_only_later_has_no_weight():
    vocabulary = content.Vocabulary.learn([Counter(["a"]), Counter(["a"])])
    assert vocabulary.transform([Counter(["new"])]).nnz == 0


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5), max_size=5), max_size=8))
def test_rows_have_length_one_or_are_empty(bags):
    counters = [Counter(bag) for bag in bags]
    matrix = content.Vocabulary.learn(counters).transform(counters)
    norms = np.sqrt(matrix.power(2).sum(axis=1))
    assert all(norm == 0 or abs(norm - 1) < 1e-5 for norm in norms)


@given(st.text(max_size=300))
def test_any_text_gives_words_without_spaces(text):
    assert all(word and not word.isspace() for word in content.words(text))
