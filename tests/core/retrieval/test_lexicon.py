"""What queries mean to a shop, misspelt ones and those in Chinese too."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldrec.core import pipeline
from coldrec.core.model import Model
from coldrec.core.retrieval.content import Vocabulary
from coldrec.core.retrieval.lexicon import MOST_WORDS, Lexicon, Spelling
from coldrec.core.training.fit import fit
from coldrec.core.types import Candidate, Item, Kind, Level, Request
from tests.core.worlds import two_shelves


@pytest.fixture(scope="module")
def shelves(tmp_path_factory) -> Model:
    path = tmp_path_factory.mktemp("shelves") / "model"
    fit(two_shelves(), path)
    return Model.open(path)


def near(model: Model, query: str, k: int = 20) -> list[Candidate]:
    return pipeline.recommend(model, [Request(Kind.NEAR, query=query)], k)[0]


def found(model: Model, query: str) -> list[str]:
    """What kinds of item the words lead to, the best first."""
    hits = [one.item.rstrip("0123456789") for one in near(model, query) if one.level is Level.SIMILAR]
    return list(dict.fromkeys(hits))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("running", ["shoe"]),
        ("running shoes", ["shoe", "boot"]),  # boots are in the category of shoes
        ("MUGS, please", ["mug"]),
        ("Fleet", ["shoe", "boot"]),
        ("kitchen", ["mug"]),
        ("cofee", ["mug"]),
        ("kitchn", ["mug"]),
        ("runing shoo", ["shoe", "boot"]),
        ("咖啡", ["mug"]),
        ("跑步鞋", ["shoe"]),
        ("跑鞋", ["shoe"]),
        ("zzz", []),
        ("1234", []),
        ("", []),
        ("  🙂 \x00 ", []),
    ],
)
def test_words_lead_to_what_they_describe(shelves, query, expected):
    assert found(shelves, query) == expected
    assert len(near(shelves, query)) == 20, "the list is filled up by what sells"


def test_what_has_all_the_words_stands_before_what_has_some(shelves):
    best = near(shelves, "red boot")
    assert [one.item.rstrip("0123456789") for one in best[:6]] == ["boot"] * 6
    assert found(shelves, "red boot") == ["boot", "shoe"], "two of the shoes are red"


@pytest.mark.parametrize(("query", "own"), [("跑步鞋", 1), ("跑鞋", 0)])
def test_both_chinese_words_for_a_running_shoe_find_all_of_them(shelves, query, own):
    hits = [one.item for one in near(shelves, query) if one.level is Level.SIMILAR]
    assert {int(item.removeprefix("shoe")) % 2 for item in hits[:4]} == {own}, "the word itself first"
    assert len(hits) == 8


def test_hits_say_that_they_are_near_and_the_others_what_they_are(shelves):
    assert {(one.level, one.reason.kind) for one in near(shelves, "mug", 6)} == {(Level.SIMILAR, "near")}
    assert {one.reason.kind for one in near(shelves, "zzz")} <= {"popular", "new"}


def test_what_is_hidden_or_disliked_is_not_near(shelves):
    request = Request(Kind.NEAR, query="mug", exclude=frozenset({"mug1"}), disliked=("mug2",))
    assert not {"mug1", "mug2"} & {one.item for one in pipeline.recommend(shelves, [request], 20)[0]}


def test_an_item_that_no_model_knows_is_replaced_by_its_words(shelves):
    request = Request(Kind.SIMILAR, seeds=("gone",), query="trail boot of old")
    listed = pipeline.recommend(shelves, [request], 6)[0]
    assert all(one.item.startswith("boot") and one.level is Level.SIMILAR for one in listed)
    assert {one.reason.kind for one in listed} == {"similar"}


def test_a_fresh_item_is_found_by_the_same_words_without_learning_them_again(shelves):
    _ = shelves.sources.lexicon.spelling
    fresh = shelves.extend([Item("fresh", title="Coffee mug without a handle")])
    assert fresh.sources.lexicon is shelves.sources.lexicon
    assert "fresh" in [one.item for one in near(fresh, "cofee mug", 8)]


def test_a_long_description_is_known_by_its_rarest_words(shelves):
    lexicon = shelves.sources.lexicon
    read = lexicon.read(" ".join([*lexicon.words.columns, *lexicon.named]))
    weights = [word.weight for word in read]
    assert len(read) <= MOST_WORDS and weights == sorted(weights, reverse=True)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("kettel", "kettle"), ("sheos", "shoes"), ("laufschuhe", "schuhe"), ("quartz", ""), ("ketchup", "")],
)
def test_spelling(written, meant):
    assert Spelling.of(["kettle", "shoes", "schuhe", "tea"]).nearest(written) == meant


def test_spelling_of_nothing():
    assert Spelling.of([]).nearest("tea") == ""


def test_a_word_set_right_counts_less_than_one_that_was_written_so():
    goods = Vocabulary.learn([Counter({"milk": 1, "shirt": 1})] * 2)
    lexicon = Lexicon(goods, Vocabulary.learn([Counter()]))
    weights = {word.text: word.weight for word in lexicon.read("silk shirt")}
    assert 0 < weights["milk"] < weights["shirt"] / 2
    assert lexicon.read("milk shirt")[0].weight == lexicon.read("milk shirt")[1].weight


@settings(max_examples=150, deadline=None)
@given(query=st.text(max_size=300))
def test_any_text_gives_a_list(shelves, query):
    listed = near(shelves, query, 5)
    assert len(listed) == 5 and len({one.item for one in listed}) == 5
    assert all(np.isfinite(one.score) for one in listed)


def test_an_empty_shop_has_nothing_near(tmp_path):
    fit(type(two_shelves())((), (), *(np.zeros(0, kind) for kind in (int, int, "f4", float))), tmp_path / "empty")
    assert near(Model.open(tmp_path / "empty"), "mug") == []
