"""Masked tokens teach a shop's words, and nothing where there is nothing to be learned."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from coldrec.core.errors import EncoderError
from coldrec.core.training.language.recipe import Recipe
from tests.backends.learning.corpora import brands
from tests.backends.learning.watching import Watched
from tests.encoders import needs

pytestmark = pytest.mark.apart


def stage(base, corpus, **changes):
    needs("torch", "transformers", "accelerate", "peft")
    from coldrec.backends.encoders.source import Source
    from coldrec.backends.learning import methods
    from coldrec.backends.learning.mlm import MaskedTokens
    from coldrec.backends.learning.train import tokenizer_of

    recipe = Recipe.of(
        {"mask_steps": 100, "batch": 16, "rate": 3e-3, "length": 32, "seed": 1, "head_share": 0.0, **changes}
    )
    source = Source.find(str(base))
    return MaskedTokens(methods.learner(source, recipe), corpus, tokenizer_of(source, recipe)), recipe


def learn(base, corpus, folder, **changes):
    """The stage, and the held-out loss before and after."""
    from coldrec.backends.learning import running

    masked, recipe = stage(base, corpus, **changes)
    before = masked.measure()
    running.run(masked, recipe, folder, Watched())
    return masked, before, masked.measure()


@pytest.fixture(scope="module")
def base(tiny_folder, tmp_path_factory):
    """A model that knows how frequent each token is, and nothing else: what a new head learns of any text at all."""
    masked, _, _ = learn(tiny_folder, brands(shuffled=True, seed=9), tmp_path_factory.mktemp("work"), mask_steps=200)
    folder = tmp_path_factory.mktemp("base") / "model"
    shutil.copytree(tiny_folder, folder)
    masked.module.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def learned(base, tmp_path_factory):
    return learn(base, brands(), tmp_path_factory.mktemp("learned"))


def test_the_loss_on_held_out_texts_falls_by_a_fifth_at_least(learned):
    _, before, after = learned
    assert after < 0.8 * before


def test_of_shuffled_words_nothing_is_learned(base, learned, tmp_path):
    _, before, after = learn(base, brands(shuffled=True), tmp_path)
    assert 1 - after / before < 0.1
    assert learned[2] < 0.5 * after


def test_the_brand_tells_what_it_sells(learned):
    """The value was hidden as a whole, so the other one is all there is to tell it by."""
    import torch

    masked, _, _ = learned
    tokenizer = masked._tokenizer
    mask = masked._mask
    right = 0
    for brand, thing in (("zorbla", "lamp"), ("quixi", "shoe")):
        read = tokenizer.encode(f"red {thing} a {brand}")
        at = [token for token, (start, end) in enumerate(read.offsets) if 4 <= start < 4 + len(thing) and end > start]
        hidden = [mask if token in at else number for token, number in enumerate(read.ids)]
        with torch.inference_mode():
            logits = masked.module.eval()(
                input_ids=torch.tensor([hidden]), attention_mask=torch.ones((1, len(hidden)), dtype=torch.long)
            ).logits[0]
        right += [int(logits[token].argmax()) for token in at] == [read.ids[token] for token in at]
    assert right == 2


def test_a_saved_model_says_the_same_to_the_last_bit(learned, tmp_path):
    import torch
    from transformers import AutoModelForMaskedLM

    masked, _, _ = learned
    masked.module.save_pretrained(tmp_path)
    again = AutoModelForMaskedLM.from_pretrained(tmp_path).eval()
    inputs = {name: value for name, value in masked.tensors(masked.batch(3), 3).items() if name != "labels"}
    with torch.inference_mode():
        assert torch.equal(again(**inputs).logits, masked.module.eval()(**inputs).logits)


def test_parts_of_a_batch_add_up_to_the_gradient_of_the_whole(base):
    masked, _ = stage(base, brands(number=50))
    masked.module.eval()
    inputs, found = masked.tensors(masked.batch(0), 0), []
    for mini in (16, 3):
        masked.module.zero_grad()
        loss = float(masked.backward(masked.module, inputs, mini, lambda part: part.backward()))
        found.append((loss, masked.learner.net.embeddings.word_embeddings.weight.grad.numpy().copy()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert np.allclose(found[0][1], found[1][1], atol=1e-5)


def test_the_loss_is_that_of_the_whole_model(base):
    """The head is given the hidden tokens alone; asked about all of them it says the same of these."""
    import torch

    masked, _ = stage(base, brands(number=50))
    inputs = masked.tensors(masked.batch(0), 0)
    labels = inputs["labels"]
    with torch.inference_mode():
        loss = masked.backward(masked.module.eval(), inputs, 16, lambda part: None)
        whole = masked.module(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
    assert float(loss) == pytest.approx(float(torch.nn.functional.cross_entropy(whole.flatten(0, 1), labels.flatten())))


def test_what_is_read_in_a_step_is_the_same_after_a_restart(base):
    first, _ = stage(base, brands(number=50))
    again, _ = stage(base, brands(number=50))
    one, other = first.tensors(first.batch(7), 7), again.tensors(again.batch(7), 7)
    assert all(bool((one[name] == other[name]).all()) for name in one)
    assert not bool((one["input_ids"] == first.tensors(first.batch(7), 8)["input_ids"]).all())


def test_a_model_without_a_mask_is_named(tiny_folder, tmp_path):
    """Its tokenizer would make one up, with a number that the model has no vector for."""
    shutil.copytree(tiny_folder, tmp_path / "model")
    path = tmp_path / "model" / "tokenizer.json"
    told = json.loads(path.read_text())
    told["model"]["vocab"]["[HIDDEN]"] = told["model"]["vocab"].pop("[MASK]")
    path.write_text(json.dumps(told))
    with pytest.raises(EncoderError, match="knows no token for what is hidden; set mask_steps to 0"):
        stage(tmp_path / "model", brands(number=5))
