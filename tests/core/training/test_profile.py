"""The profile's features in a fitted model: rare words, what was searched for, and that none of it leaks."""

from dataclasses import replace

import numpy as np
import pytest

from coldrec.core import pipeline
from coldrec.core.config import FitConfig
from coldrec.core.dataset import make_dataset
from coldrec.core.encoders.profile import profile_text
from coldrec.core.histories import RECENT, SEEN
from coldrec.core.model import Model
from coldrec.core.retrieval.content import words
from coldrec.core.retrieval.sources import COLD, PROFILES
from coldrec.core.training.fit import fit
from coldrec.core.types import Answer, Interaction, Item, Kind, Level, Request
from tests.core.training.test_meaning import DIMS, KINDS, model_of, wordless

RARE, USUAL = "zorblax", "sturdy"
READS_WORDS = ("text", "text_recent", "encoder", "bridge_ease", "bridge_neighbours", "bridge_factors", *PROFILES)
NEVER_BOUGHT = 420  # new items, of all series


def rare_words(*, planted=True, seed=0):
    """Items of sixty series, each with a word of its own among many usual ones; visitors take of two series.

    A word that nobody's taste has taught anything of ties one new item to one that a few of them took.
    """
    rng = np.random.default_rng(seed)
    filler = [f"fill{n}" for n in range(60)]

    def item(name, *more):
        return Item(name, title=USUAL, text=" ".join([*rng.choice(filler, 6, replace=False), *more]))

    series = range(60)
    items = [item(f"{one}-{n}", f"series{one}") for one in series for n in range(5)]
    items += [item(f"new{n}", f"series{n % 60}") for n in range(NEVER_BOUGHT)]
    items += [item("seed", RARE), item("wanted", *([RARE] if planted else []))]
    events = []
    for visitor in range(180):
        taken = [f"{one}-{n}" for one in rng.choice(60, 2, replace=False) for n in rng.choice(5, 4, replace=False)]
        taken += ["seed"] if visitor % 30 == 0 else []
        events += [(f"v{visitor}", one, 1.0, 1.7e9 + visitor * 9e3 + at) for at, one in enumerate(taken)]
    return make_dataset(items, events)


def model_with(data, path, **changes):
    return Model.of(fit(data, path, FitConfig(**{"profile": True, **changes})))


def place_of_wanted(model, *history):
    """Among the new items."""
    visit = pipeline.Visit(model, tuple(Interaction(item) for item in history), None)
    rows = visit.others(len(model.item_ids), model.counts == 0).rows.tolist()
    return 1 + rows.index(model.position["wanted"])


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    return model_with(rare_words(), tmp_path_factory.mktemp("read") / "model")


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return model_with(wordless(), tmp_path_factory.mktemp("told") / "model")


class TestRareWords:
    def test_one_that_a_history_shares_with_a_new_item_puts_it_among_the_first(self, read, tmp_path):
        assert place_of_wanted(read, "seed") <= 3
        assert place_of_wanted(read, "7-3") > 50, "of those who share nothing with it"
        assert place_of_wanted(model_of(rare_words(), tmp_path / "plain"), "seed") <= 3, "as a fit is without a profile"
        without = model_with(rare_words(), tmp_path / "without", without=READS_WORDS)
        assert place_of_wanted(without, "seed") > 50, "it is by the words that it stands there"
        assert place_of_wanted(model_with(rare_words(planted=False), tmp_path / "control"), "seed") > 3

    def test_one_changes_what_a_language_model_reads(self, read):
        rows = [read.position["seed"]]
        rare = read.sources.telling_words(rows, 3)
        assert rare[0] == RARE and USUAL not in rare
        more = set(words(profile_text(["Lamp"], rare_terms=rare))) - set(words(profile_text(["Lamp"])))
        assert more == set(rare) and RARE in more

    def test_words_of_later_items_alone_have_no_weight(self, read):
        later = [Item("x", title="quixot series7"), Item("y", title="quixot")]
        model = read.extend(later)
        assert "quixot" not in model.sources.words.columns
        assert model.sources.telling_words([model.position["x"]], 5) == ["series7"]
        assert model.sources.telling_words([model.position["y"]], 5) == []
        assert model.sources.fresh.text[[1]].nnz == 0
        assert np.array_equal(model.sources.words.idf, read.sources.words.idf)
        both = model.sources.telling_words([model.position["x"], model.position["seed"]], 2)
        assert set(both) == {"series7", RARE}, "later items and known ones are read together"


def asked(model, rows, said=None):
    """u of one visitor, by either weighting."""
    found = pipeline.histories.from_rows([np.array(rows, np.int64)], model.sources.size, [np.nan])
    found = found if said is None else replace(found, said=(said,))
    return [model.sources.profile.visitors(model.sources._summed(found, row))[0] for row in (SEEN, RECENT)]


class TestProfile:
    def test_the_order_of_a_history_counts_only_by_how_lately(self, told):
        (seen, recent), (seen_back, recent_back) = (asked(told, rows) for rows in ([3, 50, 90], [90, 50, 3]))
        np.testing.assert_allclose(seen, seen_back, atol=1e-6)
        assert np.abs(recent - recent_back).max() > 1e-3
        np.testing.assert_allclose(asked(told, [7])[0], asked(told, [7])[1], atol=1e-6)

    def test_nothing_done_says_nothing(self, told):
        assert not np.any(asked(told, []))
        empty = pipeline.histories.from_rows([np.zeros(0, np.int64)], told.sources.size, [np.nan])
        assert not any(score.any() for score in told.sources.scores(empty, PROFILES).values())

    def test_a_later_item_and_a_first_click_on_it_are_placed(self, told):
        vectors = told.sources.centre + 2 * np.eye(DIMS, dtype=np.float32)[:2]
        model = told.extend([Item("n0"), Item("n1")], (), vectors)
        assert model.sources.fresh.blocks.shape == (2, model.sources.content.blocks.shape[1])
        found = pipeline.histories.from_rows([np.array([model.position["n1"]])], model.sources.size, [np.nan])
        score = model.sources.scores(found, ["profile"])["profile"][0]
        kinds = [np.mean([score[model.position[f"{kind}-{at}"]] for at in range(20)]) for kind in range(KINDS)]
        assert int(np.argmax(kinds)) == 1

    @pytest.mark.parametrize("changes", [{"profile": False}, {"without": PROFILES}])
    def test_left_out_it_takes_no_room(self, tmp_path, changes):
        model = model_with(wordless(), tmp_path / "model", **changes)
        assert model.sources.content.blocks.size == 0 and not set(PROFILES) & set(model.fusion.names())
        assert model.extend([Item("new")]).sources.fresh.blocks.shape == (1, 0)
        found = pipeline.histories.from_rows([np.array([3])], model.sources.size, [np.nan])
        assert not model.sources.scores(found, PROFILES)["profile"].any()

    def test_it_is_heard_of_known_items_and_of_new_ones(self):
        assert set(PROFILES) <= set(COLD)


def encode_kind(model, kind):
    """A language model to which every text is about one kind."""
    vector = model.sources.centre + 2 * np.eye(DIMS, dtype=np.float32)[kind]
    heard = []

    def encode(texts):
        heard.extend(texts)
        return np.stack([vector] * len(texts)).astype(np.float32)

    encode.heard = heard
    return encode


def kinds_of(listed):
    return [candidate.item[0] for candidate in listed]


@pytest.fixture(scope="module", params=["mean", "profile"])
def hearing(request, told, tmp_path_factory):
    """By the mean of vectors alone, as a fit is without a word of it; and with the profile."""
    return told if request.param == "profile" else model_of(wordless(), tmp_path_factory.mktemp("mean") / "model")


class TestSaid:
    @pytest.mark.parametrize("kind", range(KINDS))
    def test_who_only_searched_gets_what_it_was_about(self, hearing, kind):
        encode = encode_kind(hearing, kind)
        (listed,) = pipeline.recommend(hearing, [Request(searches=("warm",))], 8, encode=encode)
        assert kinds_of(listed).count(str(kind)) >= 7
        assert {one.level for one in listed} == {Level.SESSION} and {one.reason.kind for one in listed} == {"searched"}
        (stranger,) = pipeline.recommend(hearing, [Request(searches=("warm",))], 8)
        assert {one.level for one in stranger} == {Level.POPULAR}, "without a language model nothing was heard"

    def test_answers_are_heard_as_one_text_and_only_what_is_liked(self, hearing):
        encode = encode_kind(hearing, 2)
        given = (Answer("colour", "red"), Answer("material", "wool", -1.0))
        (listed,) = pipeline.recommend(hearing, [Request(answers=given)], 8, encode=encode)
        assert encode.heard == ["colour: red"] and kinds_of(listed).count("2") >= 7
        assert {one.reason.kind for one in listed} == {"told"}
        (stranger,) = pipeline.recommend(hearing, [Request(answers=given[1:])], 8, encode=encode)
        assert {one.level for one in stranger} == {Level.POPULAR}

    def test_a_search_turns_what_was_done_before(self, hearing):
        history = (Interaction("0-3"), Interaction("0-5"))
        plain, turned = (
            pipeline.recommend(
                hearing, [Request(history=history, searches=searches)], 20, encode=encode_kind(hearing, 3)
            )[0]
            for searches in ((), ("warm", "dry", "soft"))
        )
        assert kinds_of(turned).count("3") > kinds_of(plain).count("3")

    def test_lists_of_one_page_ask_once_and_those_that_need_no_taste_never(self, hearing):
        encode = encode_kind(hearing, 1)
        kinds = (Kind.RECENT, Kind.TRENDING, Kind.PERSONAL, Kind.NEW, Kind.PERSONAL)
        pipeline.recommend(hearing, [Request(kind, searches=("a", "b")) for kind in kinds], 4, encode=encode)
        assert encode.heard == ["a", "b"]
        encode.heard.clear()
        pipeline.recommend(hearing, [Request(kind, searches=("a",)) for kind in kinds[:2]], 4, encode=encode)
        assert encode.heard == []

    def test_what_could_not_be_read_is_as_if_it_was_not_said(self, hearing):
        history = (Interaction("1-3"),)
        silent = pipeline.recommend(
            hearing,
            [Request(history=history, searches=("a",))],
            8,
            encode=lambda texts: np.zeros((len(texts), DIMS), np.float32),
        )
        assert silent == pipeline.recommend(hearing, [Request(history=history)], 8)
