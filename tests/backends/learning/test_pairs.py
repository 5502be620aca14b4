"""Pairs teach what belongs together, also of things never seen; pairs by lot teach nothing."""

from __future__ import annotations

import numpy as np
import pytest

from coldrec.core.errors import EncoderError
from coldrec.core.training.language.corpus import Pair
from coldrec.core.training.language.recipe import Recipe
from tests.backends.learning.corpora import corpus, translations
from tests.backends.learning.watching import Watched
from tests.encoders import needs

pytestmark = pytest.mark.apart


def stage(base, corpus, **changes):
    needs("torch", "transformers", "accelerate", "peft", "sentence_transformers")
    from coldrec.backends.encoders.source import Source
    from coldrec.backends.learning import methods
    from coldrec.backends.learning.pairs import Pairs
    from coldrec.backends.learning.train import tokenizer_of

    recipe = Recipe.of({"pair_steps": 90, "batch": 32, "rate": 3e-3, "length": 32, **changes})
    source = Source.find(str(base))
    return Pairs(methods.learner(source, recipe), corpus, tokenizer_of(source, recipe)), recipe


def learn(base, corpus, folder, **changes):
    from coldrec.backends.learning import running

    pairs, recipe = stage(base, corpus, **changes)
    before = pairs.measure()["told"]
    running.run(pairs, recipe, folder, Watched())
    return before, pairs.measure()["told"]


def test_held_out_pairs_are_found_again(tiny_folder, tmp_path):
    before, after = learn(tiny_folder, translations(), tmp_path)
    assert before < 0.3
    assert after > before + 0.3


def test_pairs_by_lot_teach_nothing(tiny_folder, tmp_path):
    before, after = learn(tiny_folder, translations(permuted=True), tmp_path)
    assert after < before + 0.1


def test_the_memory_for_few_gives_the_gradient_of_all(tiny_folder):
    pairs, _ = stage(tiny_folder, translations())
    pairs.module.eval()
    inputs, found = pairs.tensors(pairs.batch(0), 0), []
    for mini in (32, 5):
        pairs.module.zero_grad()
        loss = float(pairs.backward(pairs.module, inputs, mini, lambda whole: whole.backward()))
        found.append((loss, pairs.learner.net.embeddings.word_embeddings.weight.grad.numpy().copy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4)
    assert np.allclose(found[0][1], found[1][1], atol=1e-4)


def test_short_vectors_are_taught_too(tiny_folder):
    """The loss is the sum over all the lengths, each by the first numbers of the vectors."""
    inputs, losses = None, []
    for shares in ([1.0], [1.0, 0.25]):
        pairs, _ = stage(tiny_folder, translations(), matryoshka=shares)
        pairs.module.eval()
        inputs = pairs.tensors(pairs.batch(0), 0)
        losses.append(float(pairs.backward(pairs.module, inputs, 32, lambda whole: whole.backward())))
    pairs, _ = stage(tiny_folder, translations())
    texts = pairs.batch(0)
    one, other = (
        pairs._vectors([prompt + text for text in some])[:, :8]
        for prompt, some in (
            (pairs._prompts["query"], [pair.anchor for pair in texts]),
            (pairs._prompts["document"], [pair.positive for pair in texts]),
        )
    )
    one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (one, other))
    likeness = 20.0 * one @ other.T
    short = float(np.mean(np.log(np.exp(likeness).sum(1)) - np.diag(likeness)))
    assert losses[1] - losses[0] == pytest.approx(short, rel=1e-3)


def test_the_rank_is_that_of_the_positive_among_all():
    """By hand: of three, one is first, one second and one has another text of its anchor before it."""
    from coldrec.backends.learning.pairs import Pairs

    held = [Pair("a", "1", "a", "a", "told"), Pair("b", "2", "b", "b", "told"), Pair("a", "3", "a", "a", "told")]
    vectors = {"a": (1, 0, 0), "b": (0, 1, 0), "1": (0.9, 0.1, 0), "2": (0.5, 0.5, 0), "3": (0.6, 0.7, 0)}

    class Fake(Pairs):
        def __init__(self):
            self.corpus, self._prompts = corpus(held_pairs=held), {"query": "", "document": ""}

        def _vectors(self, texts):
            return np.array([vectors[text] for text in texts], np.float32)

    # a finds 1 at once, and 3 with only 1 before it, which belongs to it; b finds 3 before 2.
    assert Fake().measure() == {"told": pytest.approx((1 + 1 / 2 + 1) / 3)}


@pytest.mark.parametrize(
    "pairs",
    [[], [Pair("a", "b", "1", "1", "told")], [Pair("a", "b", "1", "1", "told"), Pair("a", "c", "1", "2", "taken")]],
    ids=["no pair", "one", "two of one thing"],
)
def test_without_two_that_may_meet_there_is_nothing_to_learn(tiny_folder, pairs):
    with pytest.raises(EncoderError, match="too few to learn from: at least 2 have to be of different items"):
        stage(tiny_folder, corpus(pairs=pairs))


def test_a_search_is_read_with_its_prompt_and_an_item_without(tiny_folder):
    held = [Pair("shoe", "lamp", "1", "2", "search"), Pair("wool", "red", "3", "4", "taken")]
    pairs, _ = stage(tiny_folder, corpus(pairs=held))
    inputs = pairs.tensors(held, 0)
    the = pairs._tokenizer.token_to_id("the")
    assert (inputs["0.input_ids"] == the).any(1).tolist() == [True, False]
    assert not (inputs["1.input_ids"] == the).any()
