"""Two domains in one model: each text is sent to whoever knows its domain, and no expert starves."""

import shutil
import threading

import numpy as np
import pytest

from coldrec.backends.encoders.source import Source
from coldrec.core.errors import EncoderError
from tests.encoders import needs

needs("torch", "transformers")

import torch  # noqa: E402

from coldrec.backends.encoders.torch import TorchEncoder  # noqa: E402
from coldrec.backends.learning import attached, experts  # noqa: E402
from tests.backends.learning.domains import contrast, pairs, tokens  # noqa: E402
from tests.backends.learning.test_bottleneck import other  # noqa: E402

pytestmark = pytest.mark.apart

TEXTS = ["red shoes", "blue lamp " * 30, "a b", "n o", "", "wool"]


def teach(encoder, *, steps=40, weight=0.5, known=True, seed=0):
    """Both domains in turn; gives the loss of the task at the beginning and at the end."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW([one for one in encoder.net.parameters() if one.requires_grad], lr=1e-2)
    encoder.net.train()
    tasks = []
    for _ in range(steps):
        read = [pairs(domain, 10, rng) for domain in (0, 1)]
        task = sum(contrast(encoder, *one) for one in read) / 2
        gates = [experts.gates(encoder.net, *tokens(encoder, [*one, *other])) for one, other in read]
        balance = experts.loss(torch.cat(gates), [0] * 20 + [1] * 20 if known else None)
        (task + weight * balance).backward()
        optimiser.step()
        optimiser.zero_grad()
        tasks.append(float(task.detach()))
    encoder.net.eval()
    return np.mean(tasks[:5]), np.mean(tasks[-5:])


def shares(encoder):
    """(2, E) what share of each domain each expert reads."""
    rng = np.random.default_rng(9)
    with torch.no_grad():
        told = [experts.gates(encoder.net, *tokens(encoder, pairs(domain, 13, rng)[0])) for domain in (0, 1)]
    return np.stack([gates.mean(0) for gates in told])


def untaught(folder, **sizes):
    encoder = TorchEncoder(Source(folder), device="cpu")
    torch.manual_seed(0)
    experts.add(encoder.net, **sizes)
    return encoder


@pytest.fixture(scope="module")
def taught(tiny_folder):
    encoder = untaught(tiny_folder)
    encoder.losses = teach(encoder)
    return encoder


@pytest.fixture(scope="module")
def folder(taught, tiny_folder, tmp_path_factory):
    folder = shutil.copytree(tiny_folder, tmp_path_factory.mktemp("experts") / "model")
    experts.save(taught.net, folder)
    return folder


def test_domains_prefer_different_experts_and_all_have_work(taught, tiny_folder):
    before, after = shares(untaught(tiny_folder)), shares(taught)
    assert taught.losses[1] < 0.8 * taught.losses[0]
    assert experts.spread(torch.tensor(after)) > 0.5
    assert after.argmax(1)[0] != after.argmax(1)[1]
    apart = np.abs(after[0] - after[1]).sum() / 2
    assert apart > 0.3 > 0.15 > np.abs(before[0] - before[1]).sum() / 2


def test_where_nobody_knows_the_domains_the_texts_tell(tiny_folder):
    encoder = untaught(tiny_folder)
    teach(encoder, known=False)
    found = shares(encoder)
    assert experts.spread(torch.tensor(found)) > 0.5 and found.argmax(1)[0] != found.argmax(1)[1]


def test_an_expert_that_has_all_the_work_gives_some_away_and_would_not_without_the_loss(tiny_folder):
    spreads = []
    for weight in (1.0, 0.0):
        encoder = untaught(tiny_folder)
        with torch.no_grad():
            encoder.net.expert_router.choose.bias[0] += 5
        assert experts.spread(torch.tensor(shares(encoder))) < 0.2
        teach(encoder, weight=weight, steps=60)
        spreads.append(experts.spread(torch.tensor(shares(encoder))))
    assert spreads[0] > 0.5 > spreads[1]


def test_the_base_is_untouched_and_comes_back(taught, folder, tiny, tiny_folder):
    plain = tiny.net.state_dict()
    own = {name: weight for name, weight in taught.net.state_dict().items() if name in plain}
    assert len(own) == len(plain)
    assert all(torch.equal(weight, plain[name]) for name, weight in own.items() if not name.startswith("pooler"))
    encoder = TorchEncoder(Source(folder), device="cpu")
    assert not np.allclose(encoder.encode(TEXTS), tiny.encode(TEXTS), atol=1e-2)
    experts.remove(encoder.net)
    assert np.array_equal(encoder.encode(TEXTS), tiny.encode(TEXTS))
    experts.add(encoder.net)
    assert np.array_equal(encoder.encode(TEXTS), tiny.encode(TEXTS))  # new ones say nothing yet


def test_a_model_folder_says_that_it_has_experts(taught, folder, tiny_folder, tmp_path):
    assert Source(folder).adapter == "experts" and Source(tiny_folder).adapter == ""
    read = TorchEncoder(Source(folder), device="cpu")
    assert np.allclose(read.encode(TEXTS), taught.encode(TEXTS), atol=1e-6)
    changed = shutil.copytree(folder, tmp_path / "changed")
    with (changed / attached.WEIGHTS).open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\1\2\3\4")
    assert len({Source(one).fingerprint for one in (tiny_folder, folder, changed)}) == 3


def test_a_mixture_is_exported_as_it_is(folder, tmp_path):
    needs("onnx", "onnxscript", "onnxruntime")
    from coldrec.backends.encoders.export import agree, export

    encoder = TorchEncoder(Source(folder), device="cpu")
    exported = export(encoder, tmp_path / "onnx")
    assert agree(encoder, exported) > 0.9999
    assert exported.fingerprint == Source(folder).fingerprint
    # One batch of both domains: each text has its own experts.
    assert np.allclose(exported.encode(TEXTS), encoder.encode(TEXTS), atol=1e-4)


def test_shops_take_turns_on_one_base(tiny_folder, tmp_path):
    encoder, said = untaught(tiny_folder), {}
    for number in (2, 3):
        experts.remove(encoder.net)
        experts.add(encoder.net, rank=2, experts=number)
        teach(encoder, steps=4, seed=number)
        said[number] = encoder.encode(TEXTS)
        experts.save(encoder.net, tmp_path / str(number))
    assert not np.allclose(said[2], said[3], atol=1e-2)
    for number in (2, 3, 2):
        experts.load(encoder.net, tmp_path / str(number))
        assert np.array_equal(encoder.encode(TEXTS), said[number])


def test_a_text_has_the_same_vector_in_any_company_and_in_any_thread(taught):
    alone = np.concatenate([taught.encode([text]) for text in TEXTS])
    assert np.allclose(taught.encode(TEXTS * 5).reshape(5, len(TEXTS), -1), alone, atol=1e-5)
    found = {}

    def ask(text):
        for _ in range(20):
            found.setdefault(text, []).append(taught.encode([text])[0])

    threads = [threading.Thread(target=ask, args=(text,)) for text in ("a b", "n o n o")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for text, vectors in found.items():
        assert len(vectors) == 20 and np.allclose(vectors, taught.encode([text])[0], atol=1e-5)


@pytest.mark.parametrize("family", ["RobertaModel", "MPNetModel", "DistilBertModel", "ModernBertModel"])
def test_it_fits_families_of_encoders(family):
    net, ids = other(family), torch.tensor([[5, 6, 7]])
    before = net(input_ids=ids).last_hidden_state
    experts.add(net)
    with torch.no_grad():
        assert torch.equal(net(input_ids=ids).last_hidden_state, before)
        for part in net.modules():
            if isinstance(part, experts.Experts):
                part.up.weight.add_(0.1)
        assert not torch.allclose(net(input_ids=ids).last_hidden_state, before, atol=1e-3)


def test_the_real_models_experts_are_small(english, tmp_path):
    experts.add(english.net)
    try:
        experts.save(english.net, tmp_path)
    finally:
        experts.remove(english.net)
    size = (tmp_path / attached.WEIGHTS).stat().st_size
    assert size < 0.03 * (english.folder / "model.safetensors").stat().st_size


@pytest.mark.parametrize(
    ("gates", "domains", "expected"),
    [
        ([[1.0, 0.0], [0.0, 1.0]], [0, 1], -np.log(2)),
        ([[1.0, 0.0], [0.0, 1.0]], [0, 0], 0),
        ([[1.0, 0.0], [0.0, 1.0]], None, -np.log(2)),
        ([[0.5, 0.5], [0.5, 0.5]], [0, 1], 0),
        ([[1.0, 0.0], [1.0, 0.0]], None, 0),
    ],
)
def test_the_loss_is_lowest_where_each_domain_has_its_own(gates, domains, expected):
    assert float(experts.loss(torch.tensor(gates), domains)) == pytest.approx(expected, abs=1e-5)


def test_a_loss_wants_the_domain_of_each_text():
    with pytest.raises(EncoderError, match="2 domains for 1 texts"):
        experts.loss(torch.tensor([[0.5, 0.5]]), [0, 1])


def test_the_loss_teaches_the_router_and_nothing_else(tiny_folder):
    encoder = untaught(tiny_folder)
    experts.loss(experts.gates(encoder.net, *tokens(encoder, ["a b", "n o"]))).backward()
    taught = {name for name, weight in encoder.net.named_parameters() if weight.grad is not None}
    assert taught == {"expert_router.choose.weight", "expert_router.choose.bias"}


def test_what_cannot_be_is_refused(tiny_folder, tmp_path):
    encoder = TorchEncoder(Source(tiny_folder), device="cpu")
    for sizes in ({"experts": 1}, {"rank": 0}):
        with pytest.raises(EncoderError, match="at least 2 experts of a rank of at least 1"):
            experts.add(encoder.net, **sizes)
    with pytest.raises(EncoderError, match="nothing to save"):
        experts.save(encoder.net, tmp_path)
    experts.add(encoder.net)
    with pytest.raises(EncoderError, match="already"):
        experts.add(encoder.net)
    encoder.net.gradient_checkpointing_enable()
    encoder.net.train()
    with pytest.raises(EncoderError, match="do not go with gradient checkpointing"):
        contrast(encoder, ["a b"], ["a c"])
