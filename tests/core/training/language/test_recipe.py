"""The choices of a training: checked where they are made, not an hour later."""

from __future__ import annotations

import json

import pytest

from coldrec.core.errors import EncoderError
from coldrec.core.training.language.recipe import RATES, Recipe

pytestmark = pytest.mark.apart


def test_it_comes_back_from_json():
    recipe = Recipe.of({"method": "lora", "matryoshka": [1.0, 0.25], "mask_steps": 0, "rate": 0.001})
    assert Recipe.of(json.loads(json.dumps(recipe.as_dict()))) == recipe
    assert recipe.matryoshka == (1.0, 0.25)


def test_the_rate_suits_the_method():
    assert Recipe(method="lora").learning_rate == RATES["lora"] > Recipe(method="full").learning_rate
    assert Recipe(method="lora", rate=0.1).learning_rate == 0.1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": 1}, "unknown choice of the recipe 'colour'; known are base, batch"),
        ({"method": "magic"}, "method must be one of full, lora, ia3, bottleneck, experts, got 'magic'"),
        ({"precision": "int8"}, "precision must be one of auto, float32, bfloat16"),
        ({"pair_steps": 0}, "pair_steps must be a whole number of at least 1"),
        ({"batch": 1}, "batch must be a whole number of at least 2"),
        ({"batch": 2.5}, "batch must be a whole number"),
        ({"rank": True}, "rank must be a whole number"),
        ({"mask_steps": -1}, "mask_steps must be a whole number of at least 0"),
        ({"mask_share": 1.5}, "mask_share must lie between 0 and 1"),
        ({"mask_share": 0}, "mask_share must lie between 0 and 1"),
        ({"matryoshka": [0.5]}, "matryoshka must hold shares between 0 and 1, and 1 itself"),
        ({"matryoshka": 0.5}, "matryoshka must be a list"),
        ({"scale": 0}, "scale must be above 0"),
        ({"rate": "fast"}, "rate must be a number"),
        ({"rate": float("nan")}, "rate must be a number"),
        ({"checkpoint_minutes": -1}, "may not be negative"),
        ({"base": 7}, "base must be a text"),
        ({"wandb": "yes"}, "wandb must be true or false"),
        ({"method": "experts", "gradient_checkpointing": True}, "experts do not go with gradient checkpointing"),
    ],
)
def test_a_wrong_choice_is_named(changes, said):
    with pytest.raises(EncoderError, match=said.replace("(", r"\(")):
        Recipe.of(changes)
