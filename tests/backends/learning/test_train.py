"""From a shop's words to a model of its own: what lies in the folder in the end, and what never does."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from coldrec.core.errors import EncoderError, RunCancelledError
from coldrec.core.training.language.recipe import METHODS, Recipe
from tests.backends.learning import corpora
from tests.backends.learning.killing import both
from tests.backends.learning.watching import Watched
from tests.encoders import needs

pytestmark = pytest.mark.apart

TEXTS = ["red wool shoe", "a lamp", "blue " * 60, ""]


@pytest.fixture(autouse=True)
def there():
    needs("torch", "transformers", "accelerate", "peft", "sentence_transformers")


def recipe_of(base, **changes):
    told = {"base": str(base), "mask_steps": 3, "pair_steps": 3, "batch": 8, "mini_batch": 8, "length": 24, "rank": 2}
    return Recipe.of({**told, **changes})


def taught(recipe, folder, watch=None, corpus=None):
    from coldrec.backends.learning.train import train

    return train(recipe, corpus or both(), folder, watch or Watched())


def encoder(folder):
    from coldrec.backends.encoders.source import Source
    from coldrec.backends.encoders.torch import TorchEncoder

    return TorchEncoder(Source.find(str(folder)), device="cpu")


@pytest.mark.parametrize("method", METHODS)
def test_it_leaves_a_model_that_is_used_as_its_base_is(tiny, tiny_folder, tmp_path, method):
    before = tiny.source.fingerprint
    card = taught(recipe_of(tiny_folder, method=method), tmp_path)
    model = encoder(tmp_path / "model")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "logs") == sorted(
        ["card.json", "model"] + (["adapter"] if method != "full" else [])
    )
    assert (model.source.pooling, model.source.prompts) == (tiny.source.pooling, tiny.source.prompts)
    assert (model.length, model.dims) == (tiny.length, tiny.dims)
    vectors = model.encode(TEXTS)
    assert vectors.shape == (4, tiny.dims)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 0], abs=1e-5)
    assert not np.allclose(vectors, tiny.encode(TEXTS), atol=1e-3)
    assert card["fingerprint"] == model.fingerprint != before
    type(tiny.source)(tiny_folder)  # a new view of the base, which is what it was
    assert type(tiny.source)(tiny_folder).fingerprint == before == card["base"]


def test_the_card_says_how_it_came_about(tiny_folder, tmp_path):
    corpus, watch = both(), Watched()
    card = taught(recipe_of(tiny_folder, mask_steps=40, rate=3e-3), tmp_path, watch, corpus)
    assert card == json.loads((tmp_path / "card.json").read_text())
    assert Recipe.of(card["recipe"]) == recipe_of(tiny_folder, mask_steps=40, rate=3e-3)
    assert card["corpus"]["sha256"] == corpus.fingerprint()
    assert card["figures"]["masked_loss_after"] < card["figures"]["masked_loss_before"]
    assert set(card["figures"]["found_before"]) == set(card["figures"]["found_after"]) == {"told"}
    assert card["weights"]["learned"] <= card["weights"]["all"]
    assert card["seconds"] > 0
    assert card["energy_kwh"] >= 0
    assert "estimated" in card["energy_note"]
    assert card["hardware"]["device"]
    assert [(stage, steps) for stage, step, steps, *_ in watch.steps if step == 1] == [
        ("masked tokens", 40),
        ("pairs", 3),
    ]


def test_what_is_there_is_given_again_and_nothing_is_learned(tiny_folder, tmp_path):
    card = taught(recipe_of(tiny_folder), tmp_path)
    watch = Watched()
    assert taught(recipe_of(tiny_folder), tmp_path, watch) == card
    assert watch.steps == []
    with pytest.raises(EncoderError, match=r"belongs to a training by another recipe, which differs in rank, seed"):
        taught(recipe_of(tiny_folder, rank=3, seed=5), tmp_path)


def test_after_a_cancel_it_goes_on_by_the_same_recipe_alone(tiny_folder, tmp_path):
    with pytest.raises(RunCancelledError):
        taught(recipe_of(tiny_folder), tmp_path, Watched(cancel_at=5))
    assert not (tmp_path / "model").exists()
    with pytest.raises(EncoderError, match="another recipe"):
        taught(recipe_of(tiny_folder, seed=1), tmp_path)
    watch = Watched()
    taught(recipe_of(tiny_folder), tmp_path, watch)
    assert [(stage, step) for stage, step, *_ in watch.steps] == [("pairs", 3)]


def test_masked_tokens_alone_make_no_model(tiny_folder, tmp_path):
    with pytest.raises(EncoderError, match=re.escape("masked tokens alone spoil an encoder")):
        recipe_of(tiny_folder, pair_steps=0)
    words = corpora.brands(number=20)
    with pytest.raises(EncoderError, match="too few to learn from"):
        taught(recipe_of(tiny_folder), tmp_path, corpus=words)
    with pytest.raises(EncoderError, match="too few to learn from"):
        taught(recipe_of(tiny_folder), tmp_path, corpus=corpora.corpus())
    with pytest.raises(RunCancelledError):
        taught(recipe_of(tiny_folder), tmp_path, Watched(cancel_at=3))  # the masked tokens are behind
    assert not list(tmp_path.glob("model*"))
    assert not (tmp_path / "card.json").exists()


def test_without_masked_tokens_it_learns_from_pairs_alone(tiny_folder, tmp_path):
    watch = Watched()
    card = taught(recipe_of(tiny_folder, mask_steps=0), tmp_path, watch)
    assert {stage for stage, *_ in watch.steps} == {"pairs"}
    assert "masked_loss_before" not in card["figures"]


def test_what_is_no_base_is_named(tmp_path):
    with pytest.raises(EncoderError, match="there is no folder"):
        taught(recipe_of(tmp_path / "nothing"), tmp_path)


def test_an_encoder_with_an_adapter_beside_it_is_no_base(tiny_folder, tmp_path):
    taught(recipe_of(tiny_folder, method="bottleneck", mask_steps=0, pair_steps=1), tmp_path / "one")
    with pytest.raises(EncoderError, match="has bottleneck beside its weights; train its base further instead"):
        taught(recipe_of(tmp_path / "one" / "model"), tmp_path / "two")


def test_an_estimate_leaves_nothing_and_tells_minutes_and_memory(tiny_folder):
    from coldrec.backends.learning.estimate import estimate

    short, long = (estimate(recipe_of(tiny_folder, pair_steps=steps), both()) for steps in (100, 10_000))
    assert 0 < short.minutes < long.minutes / 5
    assert 0.01 < short.gigabytes < 64
    assert re.fullmatch(
        r"About .+ (minutes|seconds) and .+ GB on this .+, to learn from 60 texts and 70 pairs\.", str(short)
    )
