"""One encoder learns several things at once: each helps the other where they have something in common."""

import dataclasses
import json

import numpy as np
import pytest

from coldrec.backends.encoders.heads import Answer, Heads, Labels, answer, label, load, save
from coldrec.backends.encoders.source import Source
from coldrec.core.encoders.reading import item_fields
from coldrec.core.errors import EncoderError
from coldrec.core.types import Item
from tests.backends.learning import shop
from tests.encoders import needs

needs("torch", "transformers")

import torch  # noqa: E402

from coldrec.backends.encoders.torch import TorchEncoder  # noqa: E402
from coldrec.backends.learning import bottleneck, experts  # noqa: E402
from coldrec.backends.learning.heads import Classes, Pairs, Questions, train_heads  # noqa: E402

pytestmark = pytest.mark.apart


@pytest.fixture
def encoder(tiny_folder):
    return TorchEncoder(Source(tiny_folder), device="cpu")


def stars(worth):
    return np.where(worth > 0.6, "high", np.where(worth < -0.6, "low", "middle"))


def macro_f1(wanted, found):
    scores = []
    for name in set(wanted):
        hit = np.sum((wanted == name) & (found == name))
        scores.append(2 * hit / max(np.sum(wanted == name) + np.sum(found == name), 1))
    return float(np.mean(scores))


# Several tasks, one encoder


def test_a_large_task_helps_a_small_one_and_does_not_when_its_labels_are_shuffled(tiny_folder):
    """60 labelled reviews of the small task, 600 of the large one; macro-F1 on 400 that were in neither."""
    rng = np.random.default_rng(0)
    (small, small_worth), (large, large_worth), (held, held_worth) = (
        shop.reviews(number, rng) for number in (60, 600, 400)
    )
    own = {"stars": Classes(small, list(stars(small_worth)))}
    moods = np.where(large_worth > 0, "good", "bad")

    def score(tasks):
        encoder = TorchEncoder(Source(tiny_folder), device="cpu")
        heads = train_heads(encoder, tasks, steps=100, rate=2e-3)
        return macro_f1(stars(held_worth), np.array([name for name, _ in label(heads, "stars", held)]))

    alone = score(own)
    gain = score(own | {"sentiment": Classes(large, list(moods))}) - alone
    shuffled = score(own | {"sentiment": Classes(large, list(rng.permutation(moods)))}) - alone
    assert gain > 0.08 and shuffled < 0.05  # seeds 0 to 3 at 120 steps: .15 to .23, and -.05 to .03


@pytest.fixture(scope="module")
def three(tiny_folder):
    """Labels, questions and pairs at once; and what was told of it."""
    encoder = TorchEncoder(Source(tiny_folder), device="cpu")
    rng = np.random.default_rng(0)
    texts, worth = shop.reviews(200, rng)
    noise, _ = shop.reviews(200, rng)
    tasks = {
        "sentiment": Classes(texts, list(np.where(worth > 0, "good", "bad"))),
        "luck": Classes(noise, list(rng.choice(["heads", "tails"], 200))),
        "questions": Questions(*shop.questions(100, rng, ways=(0, 1, 2))),
        "bought": Pairs([text[:5] for text in texts], texts),
    }
    curve = []
    heads = train_heads(encoder, tasks, steps=30, rate=2e-3, batch=16, watch=lambda *told: curve.append(told))
    return heads, tasks, curve


def test_how_much_a_task_counts_is_learnt(three):
    heads, tasks, curve = three
    assert [step for step, _ in curve] == list(range(1, 31))
    first, last = curve[0][1], curve[-1][1]
    assert all(first[f"weight/{name}"] == 1 for name in tasks)
    assert all(abs(heads.weights[name] - 1) > 0.05 for name in tasks)
    assert last["loss/sentiment"] < last["loss/luck"] and heads.weights["sentiment"] > heads.weights["luck"]
    assert set(heads.weights) == set(tasks) and set(heads.parts) == set(tasks) - {"bought"}


def test_the_weights_of_tasks_go_where_the_formula_says():
    """exp(−s) L + s / 2 is lowest where exp(s) = 2 L: a task of loss L comes to count 1 / (2 L)."""
    doubt = torch.zeros((), requires_grad=True)
    loss = torch.tensor(2.0)
    (torch.exp(-doubt) * loss + doubt / 2).backward()
    assert float(doubt.grad) == pytest.approx(0.5 - 2.0)


def test_a_frozen_task_of_known_loss_comes_to_count_as_the_formula_says(encoder):
    """Nothing can be learnt of coins: the loss stays at log 2, so the task comes to count 1 / (2 log 2) = 0.72."""
    encoder.net.requires_grad_(False)
    task = Classes(["same"] * 64, ["heads", "tails"] * 32)
    heads = train_heads(encoder, {"coin": task}, steps=150, head_rate=0.02, batch=64)
    assert heads.weights["coin"] == pytest.approx(1 / (2 * np.log(2)), abs=0.03)


def test_taking_one_head_away_leaves_the_others_as_they_were(three):
    heads, tasks, _ = three
    texts, (asked, items, _) = tasks["sentiment"].texts[:20], shop.questions(5, np.random.default_rng(5), ways=(0,))
    less = heads.without("luck")
    assert label(less, "sentiment", texts) == label(heads, "sentiment", texts)
    assert [answer(less, *one) for one in zip(items, asked, strict=True)] == [
        answer(heads, *one) for one in zip(items, asked, strict=True)
    ]
    with pytest.raises(EncoderError, match="no head 'luck'; there is questions, sentiment"):
        label(less, "luck", texts)


def test_the_same_seed_gives_the_same_heads(tiny_folder, three):
    _, tasks, _ = three
    found = []
    for _ in range(2):
        encoder = TorchEncoder(Source(tiny_folder), device="cpu")
        heads = train_heads(encoder, {"sentiment": tasks["sentiment"]}, steps=4, rate=1e-3, seed=3)
        found.append(heads.parts["sentiment"].weight)
    assert np.array_equal(*found)


@pytest.mark.parametrize("method", [bottleneck, experts])
def test_adapters_learn_in_the_place_of_the_base(encoder, three, method):
    method.add(encoder.net, 4)
    before = {name: weight.clone() for name, weight in encoder.net.named_parameters()}
    train_heads(encoder, {"sentiment": three[1]["sentiment"]}, steps=3, rate=1e-2)
    changed = {name for name, weight in encoder.net.named_parameters() if not torch.equal(weight, before[name])}
    assert changed and all(set(method.PARTS) & set(name.split(".")) for name in changed)


# Questions


class Remembering:
    """An encoder that reads a text once."""

    def __init__(self, encoder):
        self.encoder, self.dims, self.fingerprint, self.kept = encoder, encoder.dims, encoder.fingerprint, {}

    def encode(self, texts, *, query=False):
        for text in texts:
            if (text, query) not in self.kept:
                self.kept[text, query] = self.encoder.encode([text], query=query)[0]
        return np.stack([self.kept[text, query] for text in texts])


@pytest.fixture(scope="module")
def asked(english):
    """Heads over the real model, which stays as it is: as trained, untrained, and from answers that were shuffled."""
    rng = np.random.default_rng(0)
    questions, items, fields = shop.questions(400, rng, ways=(0, 1, 2))
    shuffled = [str(rng.choice(["", *item_fields(item)])) for item in items]
    remembering = Remembering(english)
    english.net.requires_grad_(False)
    try:
        trained = [
            train_heads(english, {"questions": Questions(questions, items, told)}, steps=steps)
            for told, steps in ((fields, 100), (fields, 0), (shuffled, 100))
        ]
    finally:
        english.net.requires_grad_(True)
    return [dataclasses.replace(heads, encoder=remembering) for heads in trained]


def test_a_question_is_answered_by_the_items_own_field_or_not_at_all(asked):
    """Items that were not seen, asked about in words that were not."""
    trained, untrained, shuffled = (judged(heads) for heads in asked)
    assert trained["answered"] >= 0.7 and trained["abstained"] >= 0.95
    assert trained["right"] >= untrained["right"] and trained["abstained"] > untrained["abstained"] + 0.1
    assert shuffled["right"] < trained["right"] - 0.2


def judged(heads):
    questions, items, fields = shop.questions(150, np.random.default_rng(1), ways=(3,))
    found = [answer(heads, item, question) for item, question in zip(items, questions, strict=True)]
    for item, told in zip(items, found, strict=True):  # whatever is said is quoted
        if told is not None:
            assert told.value == item_fields(item)[told.field] and 0 < told.confidence <= 1
    right = np.array([(told.field if told else "") == field for told, field in zip(found, fields, strict=True)])
    has = np.array([bool(field) for field in fields])
    return {"answered": right[has].mean(), "abstained": right[~has].mean(), "right": right.mean()}


def test_an_answer_quotes_the_field(asked):
    kettle = Item("1", title="Kettle", brand="Fellow", attributes={"weight": "900 g", "colour": ["black", "white"]})
    told = answer(asked[0], kettle, "How heavy is it?")
    assert (told.field, told.value) == ("weight", "900 g") and told.confidence > 0.5
    assert answer(asked[0], kettle, "Which colour does it have?").value == "black, white"
    assert answer(asked[0], kettle, "Who makes it?").field == "brand"
    assert answer(asked[0], kettle, "How long does the battery last?") is None
    assert answer(asked[0], kettle, " ") is None
    assert answer(asked[0], Item("2", title="Nothing is known of it"), "How heavy is it?") is None


# In a folder


def test_heads_lie_in_a_folder_and_need_no_torch(three, tmp_path):
    heads, tasks, _ = three
    save(heads, tmp_path, heads.encoder.fingerprint)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["heads.json", "heads.safetensors"]
    read = load(tmp_path, heads.encoder)
    assert label(read, "sentiment", tasks["sentiment"].texts[:9]) == label(
        heads, "sentiment", tasks["sentiment"].texts[:9]
    )
    asked, items, _ = shop.questions(5, np.random.default_rng(5), ways=(0,))
    for item, question in zip(items, asked, strict=True):
        assert answer(read, item, question) == answer(heads, item, question)
    assert read.weights == heads.weights


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda folder: (folder / "heads.json").unlink(), "holds no heads"),
        (lambda folder: (folder / "heads.safetensors").unlink(), "holds no heads"),
        (lambda folder: (folder / "heads.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "heads.safetensors").write_bytes(b"none"), "cannot be read"),
        (lambda folder: rename(folder, "sentiment", ["good"]), r"cannot be read.*it should have"),
        (lambda folder: rename(folder, "another", None), "cannot be read"),
    ],
)
def test_damaged_heads_say_what_is_wrong(three, tmp_path, break_it, said):
    save(three[0], tmp_path, three[0].encoder.fingerprint)
    break_it(tmp_path)
    with pytest.raises(EncoderError, match=said):
        load(tmp_path, three[0].encoder)


def rename(folder, name, names):
    card = json.loads((folder / "heads.json").read_text())
    card["heads"][name] = names
    (folder / "heads.json").write_text(json.dumps(card))


def test_heads_of_another_encoder_are_refused(three, tmp_path):
    save(three[0], tmp_path, "another")
    with pytest.raises(EncoderError, match="trained with another encoder"):
        load(tmp_path, three[0].encoder)


# What cannot be


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ({}, "there is no task"),
        ({"a": Classes([], [])}, "of one length above 0"),
        ({"a": Classes(["x", "y"], ["1"])}, "of one length above 0, got {'texts': 2, 'labels': 1}"),
        ({"a": Classes(["x", "y"], ["1", "1"])}, "there is only '1'"),
        ({"a.b": Classes(["x", "y"], ["1", "2"])}, "named as a variable"),
        ({"a": Questions(["?"], [Item("1")], ["weight"])}, "answered by 'weight', which its item does not have"),
    ],
)
def test_tasks_that_cannot_be_learnt_say_why(encoder, tasks, said):
    with pytest.raises(EncoderError, match=said):
        train_heads(encoder, tasks, steps=1)


def test_texts_without_a_word_and_items_without_a_field_are_learnt_from(encoder):
    tasks = {
        "mood": Classes(["", "a", "b", " "], ["good", "bad", "good", "bad"]),
        "questions": Questions(["a", ""], [Item("1"), Item("2", brand="a")], ["", "brand"]),
        "bought": Pairs(["a", "a"], ["b", "b"]),  # the same pair twice is no wrong answer
    }
    curve = []
    heads = train_heads(encoder, tasks, steps=2, batch=4, watch=lambda step, told: curve.append(told))
    assert all(np.isfinite(list(told.values())).all() for told in curve)
    assert curve[0]["loss/bought"] == pytest.approx(0, abs=1e-6)
    assert [name for name, _ in label(heads, "mood", ["", "a"])]


def test_what_the_watcher_raises_ends_the_training(encoder):
    class StopItError(Exception):
        pass

    def watch(step, _):
        if step == 2:
            raise StopItError

    with pytest.raises(StopItError):
        train_heads(encoder, {"a": Classes(["x", "y"], ["1", "2"])}, steps=9, watch=watch)
    assert not encoder.net.training


def test_a_head_is_asked_for_what_it_tells(three):
    with pytest.raises(EncoderError, match="it gives no labels"):
        label(three[0], "questions", ["a"])
    with pytest.raises(EncoderError, match="it answers no questions"):
        answer(three[0], Item("1", brand="a"), "who?", name="sentiment")


def test_a_head_without_torch_gives_shares(tiny):
    heads = Heads(tiny, {"mood": Labels(("bad", "good"), np.zeros((2, 32), np.float32), np.array([0.0, 1.0]))}, {})
    assert label(heads, "mood", ["a"]) == [("good", pytest.approx(1 / (1 + np.exp(-1))))]
    assert Answer("weight", "2 kg", 0.9).value == "2 kg"
