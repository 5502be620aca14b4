"""What learns beside a base: small, mergeable, exchangeable, and the base is what it was, to the last bit."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from coldrec.core.errors import EncoderError
from coldrec.core.training.language.recipe import Recipe
from tests.encoders import needs

pytestmark = pytest.mark.apart

TEXTS = ["red wool shoe", "a blue lamp for the garden", "tea", "Größe 42"]


@pytest.fixture(scope="module", params=["lora", "ia3"])
def method(request):
    needs("torch", "transformers", "peft")
    return request.param


def learner(source, method, **changes):
    from coldrec.backends.learning import methods

    return methods.learner(source, Recipe.of({"method": method, **changes}))


def weights(net):
    """sha256 of what a network holds of its own, by the names that it has in its base."""
    told = {}
    for name, tensor in net.state_dict().items():
        if "lora_" not in name and "ia3_" not in name:
            plain = name.replace(".base_layer", "").removeprefix("base_model.model.")
            told[plain] = hashlib.sha256(tensor.detach().numpy().tobytes()).hexdigest()
    return {name: digest for name, digest in told.items() if not name.startswith("pooler.")}


def teach(learner, encoder, texts=TEXTS, steps=3, seed=0):
    """Some steps of anything at all, of which only what learns may change."""
    import torch

    from coldrec.backends.encoders.torch import pooled

    torch.manual_seed(seed)
    wanted = torch.randn(len(texts), encoder.dims)
    own = [weight for weight in learner.net.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(own, 1e-2)
    ids, mask = tokens(encoder, texts)
    for _ in range(steps):
        loss = (pooled(learner.net.train(), ids, mask, "mean") - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    learner.net.eval()


def tokens(encoder, texts):
    import torch

    pieces = [encoder.cut([text])[0][0] for text in texts]
    ids = torch.zeros((len(pieces), max(map(len, pieces))), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, piece in enumerate(pieces):
        ids[row, : len(piece)], mask[row, : len(piece)] = torch.tensor(piece), 1
    return ids, mask


def vectors(net, encoder, texts=TEXTS):
    import torch

    from coldrec.backends.encoders.torch import pooled

    with torch.inference_mode():
        return pooled(net, *tokens(encoder, texts), "mean").numpy()


def test_only_what_is_beside_the_base_learns(english, method, tmp_path):
    one = learner(english.source, method)
    before, said = weights(one.net), vectors(one.net.eval(), english)
    assert np.allclose(said, vectors(english.net, english), atol=1e-6)  # new, it says nothing yet
    teach(one, english)
    assert weights(one.net) == before == weights(english.net)
    assert not np.allclose(vectors(one.net, english), said, atol=1e-3)
    one.save_adapter(tmp_path)
    size = sum(path.stat().st_size for path in tmp_path.glob("*.safetensors"))
    base = sum(path.stat().st_size for path in english.source.folder.glob("*.safetensors"))
    assert 0 < size < 0.03 * base


def test_merged_it_says_the_same(english, method):
    one = learner(english.source, method)
    teach(one, english)
    unmerged = vectors(one.net, english)
    merged = one.merged()
    assert not [name for name in merged.state_dict() if "lora_" in name or "ia3_" in name]
    assert np.abs(vectors(merged.eval(), english) - unmerged).max() < 1e-4
    assert np.abs(vectors(english.net, english) - unmerged).max() > 1e-3


def test_two_shops_work_on_one_base(tiny, method, tmp_path):
    from coldrec.backends.learning import methods

    said = []
    for shop in range(2):
        one = learner(tiny.source, method)
        teach(one, tiny, seed=shop)
        one.save_adapter(tmp_path / str(shop))
        said.append(vectors(one.net, tiny))
    assert np.abs(said[0] - said[1]).max() > 1e-3
    served = learner(tiny.source, method)
    base = weights(served.net)
    for shop in (0, 1, 0):
        methods.swap(served.peft, tmp_path / str(shop), f"shop{shop}")
        assert np.allclose(vectors(served.net.eval(), tiny), said[shop], atol=1e-6)
    assert weights(served.net) == base


def test_all_of_it_learns_where_that_is_chosen(tiny):
    from coldrec.backends.learning import methods

    one = methods.learner(tiny.source, Recipe())
    assert all(weight.requires_grad for name, weight in one.net.named_parameters() if not name.startswith("pooler."))
    assert one.merged() is one.net


@pytest.mark.parametrize("method", ["bottleneck", "experts"])
def test_what_cannot_be_merged_is_put_in_as_well(tiny, method, tmp_path):
    one = learner(tiny.source, method, rank=2)
    before = weights(tiny.net)
    teach(one, tiny)
    assert {name: digest for name, digest in weights(one.net).items() if name in before} == before
    one.save_adapter(tmp_path)
    assert (tmp_path / "adapter.safetensors").exists()


def test_a_network_that_has_none_of_the_maps_is_named(method):
    import torch

    from coldrec.backends.learning.methods import _maps

    net = torch.nn.Sequential(torch.nn.Linear(2, 2))
    net.config = type("Config", (), {"model_type": "odd"})
    with pytest.raises(EncoderError, match="a odd has none of the maps"):
        _maps(net, attention=True)


def test_experts_are_told_to_share_the_work_and_others_are_not(tiny):
    import torch

    ids, mask = tokens(tiny, TEXTS)
    features = [{"input_ids": ids, "attention_mask": mask}]
    extra = learner(tiny.source, "experts").extra_loss(features)
    assert extra is not None and extra.requires_grad and torch.isfinite(extra)
    assert learner(tiny.source, "bottleneck").extra_loss(features) is None
