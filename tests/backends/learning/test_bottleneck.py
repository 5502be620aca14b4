"""A few numbers behind each layer learn a shop; the model that all shops share stays as it is."""

import copy
import shutil

import numpy as np
import pytest

from coldrec.backends.encoders.source import Source
from coldrec.core.errors import EncoderError
from tests.encoders import needs

needs("torch", "transformers")

import torch  # noqa: E402

from coldrec.backends.encoders.torch import TorchEncoder  # noqa: E402
from coldrec.backends.learning import attached, bottleneck  # noqa: E402
from tests.backends.learning.domains import contrast, pairs  # noqa: E402

pytestmark = pytest.mark.apart

TEXTS = ["red shoes", "blue lamp " * 30, "a b", "n o"]


def teach(encoder, domain, steps=40):
    rng = np.random.default_rng(domain)
    torch.manual_seed(domain)
    learning = [weight for weight in encoder.net.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(learning, lr=1e-2)
    losses = []
    for _ in range(steps):
        loss = contrast(encoder, *pairs(domain, 10, rng))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    return losses


@pytest.fixture
def encoder(tiny_folder):
    return TorchEncoder(Source(tiny_folder), device="cpu")


def test_only_the_adapters_learn_and_the_base_stays_as_it_is(encoder):
    before = {name: weight.clone() for name, weight in encoder.net.state_dict().items()}
    vectors, base = encoder.encode(TEXTS), attached.base(encoder.net, bottleneck.PARTS)
    bottleneck.add(encoder.net, rank=8)
    assert np.array_equal(encoder.encode(TEXTS), vectors)  # says at first what it said without
    losses = teach(encoder, 0)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert not np.allclose(encoder.encode(TEXTS), vectors, atol=1e-2)
    after = encoder.net.state_dict()
    assert all(torch.equal(after[name], weight) for name, weight in before.items())
    assert attached.base(encoder.net, bottleneck.PARTS) == base
    bottleneck.remove(encoder.net)
    assert list(encoder.net.state_dict()) == list(before)
    assert np.array_equal(encoder.encode(TEXTS), vectors)
    assert all(weight.requires_grad for weight in encoder.net.parameters())


def test_two_shops_adapters_take_turns_on_one_base(encoder, tmp_path):
    said = {}
    for domain in (0, 1):
        bottleneck.add(encoder.net, rank=4 + domain)
        teach(encoder, domain, 5)
        said[domain] = encoder.encode(TEXTS)
        bottleneck.save(encoder.net, tmp_path / str(domain))
        bottleneck.remove(encoder.net)
    assert not np.allclose(said[0], said[1], atol=1e-2)
    for domain in (0, 1, 1, 0):
        bottleneck.load(encoder.net, tmp_path / str(domain))
        assert np.array_equal(encoder.encode(TEXTS), said[domain])


def test_a_folder_with_an_adapter_is_a_model_of_its_own(encoder, tiny_folder, tmp_path):
    bottleneck.add(encoder.net, rank=4)
    teach(encoder, 0, 3)
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    bottleneck.save(encoder.net, folder)
    read = TorchEncoder(Source(folder), device="cpu")
    assert np.allclose(read.encode(TEXTS), encoder.encode(TEXTS), atol=1e-6)
    teach(encoder, 1, 1)
    other = shutil.copytree(tiny_folder, tmp_path / "other")
    bottleneck.save(encoder.net, other)
    assert len({Source(one).fingerprint for one in (tiny_folder, folder, other)}) == 3


def test_the_real_models_adapter_is_small(english, tmp_path):
    net = copy.deepcopy(english.net)
    bottleneck.add(net)
    bottleneck.save(net, tmp_path)
    size = (tmp_path / attached.WEIGHTS).stat().st_size
    assert size < 0.03 * (english.folder / "model.safetensors").stat().st_size


def test_a_copy_of_an_adapted_network_goes_its_own_way(encoder):
    bottleneck.add(encoder.net, rank=4)
    teach(encoder, 0, 2)
    said, taught = encoder.encode(TEXTS), encoder.net
    encoder.net = copy.deepcopy(taught)
    bottleneck.remove(encoder.net)
    assert not np.allclose(encoder.encode(TEXTS), said, atol=1e-3)
    encoder.net = taught
    assert np.array_equal(encoder.encode(TEXTS), said)


@pytest.mark.parametrize(
    "family", ["RobertaModel", "MPNetModel", "DistilBertModel", "ModernBertModel", "XLMRobertaModel"]
)
def test_it_fits_families_of_encoders(family):
    net = other(family)
    ids = torch.tensor([[5, 6, 7]])
    before = net(input_ids=ids).last_hidden_state
    bottleneck.add(net, 4)
    learning = [weight for weight in net.parameters() if weight.requires_grad]
    with torch.no_grad():
        assert torch.equal(net(input_ids=ids).last_hidden_state, before)
        learning[-1].copy_(torch.linspace(-1, 1, 32))
        assert not torch.allclose(net(input_ids=ids).last_hidden_state, before, atol=1e-3)
    assert len(learning) == 2 * 4


def other(family):
    import transformers

    model = getattr(transformers, family)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    if family == "DistilBertModel":
        sizes = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
    special = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "cls_token_id": 0, "sep_token_id": 2}
    if family != "ModernBertModel":
        special = {"pad_token_id": 1}
    torch.manual_seed(0)
    return model(model.config_class(vocab_size=60, **sizes, **special)).eval()


def test_an_adapter_for_another_model_is_refused_and_changes_nothing(encoder, tmp_path):
    bottleneck.add(encoder.net, rank=4)
    bottleneck.save(encoder.net, tmp_path)
    stranger = other("RobertaModel")
    with pytest.raises(EncoderError, match="was trained on another base model"):
        bottleneck.load(stranger, tmp_path)
    assert not attached.weights(stranger, bottleneck.PARTS)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda folder: (folder / "adapter.json").unlink(), r"has no adapter\.json"),
        (lambda folder: (folder / "adapter.safetensors").unlink(), r"has no adapter\.safetensors"),
        (lambda folder: (folder / "adapter.json").write_text("{"), "cannot be read"),
        (
            lambda folder: (folder / "adapter.json").write_text('{"kind": "experts", "base": ""}'),
            "of the kind 'experts'",
        ),
        (lambda folder: (folder / "adapter.safetensors").write_bytes(b"no tensors"), "cannot be read"),
    ],
)
def test_a_damaged_adapter_says_what_is_wrong(encoder, tmp_path, break_it, said):
    bottleneck.add(encoder.net, rank=4)
    bottleneck.save(encoder.net, tmp_path)
    break_it(tmp_path)
    with pytest.raises(EncoderError, match=said):
        bottleneck.load(encoder.net, tmp_path)


def test_what_cannot_be_is_refused(encoder, tmp_path):
    for rank in (0, 33):
        with pytest.raises(EncoderError, match=f"between 1 and 32, the model's dimensions; got {rank}"):
            bottleneck.add(encoder.net, rank)
    with pytest.raises(EncoderError, match="nothing to save"):
        bottleneck.save(encoder.net, tmp_path)
    bottleneck.add(encoder.net, 4)
    with pytest.raises(EncoderError, match="already"):
        bottleneck.add(encoder.net, 4)


def test_a_model_folder_with_an_unknown_adapter_is_refused(tiny_folder, tmp_path):
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / "adapter.json").write_text('{"kind": "prefix"}')
    with pytest.raises(EncoderError, match="kind 'prefix'; allowed are bottleneck and experts"):
        TorchEncoder(Source(folder), device="cpu")
