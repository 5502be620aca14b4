"""Every engine says the same of the same texts."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from coldrec.backends.encoders.source import Source
from coldrec.core.errors import EncoderError

pytestmark = pytest.mark.apart

TEXTS = ["red shoes", "", "   ", "blue lamp " * 60, "a", "wool", "跑步", "x" * 300]


@pytest.fixture(params=["tiny", "tiny_exported", "tiny_served"])
def encoder(request):
    return request.getfixturevalue(request.param)


def test_vectors_have_length_one_and_nothing_gives_zeros(encoder):
    found = encoder.encode(TEXTS)
    assert found.shape == (len(TEXTS), encoder.dims) == (len(TEXTS), 32) and found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), [1, 0, 0, 1, 1, 1, 1, 1], atol=1e-5)
    assert encoder.encode([]).shape == (0, 32)


def test_a_text_has_the_same_vector_in_any_company(encoder):
    together = encoder.encode(TEXTS * 20)
    for text, row in zip(TEXTS, together[: len(TEXTS)], strict=True):
        assert np.allclose(encoder.encode([text])[0], row, atol=1e-5)
    assert np.allclose(together.reshape(20, len(TEXTS), -1), together[: len(TEXTS)], atol=1e-5)


def test_a_query_is_told_from_a_document_where_the_model_wants_it(encoder):
    query, document = encoder.encode(["red shoes"], query=True), encoder.encode(["red shoes"])
    assert not np.allclose(query, document, atol=1e-3)
    assert np.allclose(query, encoder.encode(["the red shoes"]), atol=1e-5)


def test_the_end_of_a_long_text_counts(encoder):
    one, other = encoder.encode(["blue lamp " * 60 + "red", "blue lamp " * 60 + "wool"])
    assert not np.allclose(one, other, atol=1e-4)


def test_the_exported_model_agrees_with_the_one_it_comes_from(tiny, tiny_exported):
    from coldrec.backends.encoders.export import PROBES, agree, probes

    assert agree(tiny, tiny_exported) > 0.9999
    assert len(probes()) == PROBES == 64
    assert tiny.fingerprint == tiny_exported.fingerprint
    assert np.allclose(tiny.encode(TEXTS, query=True), tiny_exported.encode(TEXTS, query=True), atol=1e-4)


def test_an_export_that_disagrees_leaves_nothing_behind(tiny, tmp_path, monkeypatch):
    from coldrec.backends.encoders import export as exporting

    monkeypatch.setattr(exporting, "_write_network", lambda encoder, path: _other_network(encoder, path))
    with pytest.raises(EncoderError, match=r"disagrees: a cosine of .*, at least 0\.999 is asked"):
        exporting.export(tiny, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def _other_network(encoder, path):
    """Gives the first token's number instead of a vector of the text."""
    import onnx
    from onnx import TensorProto, helper

    ints = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in ("input_ids", "attention_mask")
    ]
    out = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", 32])
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["f", "axes"], ["m"], keepdims=1),
        helper.make_node("Expand", ["m", "shape"], ["vectors"]),
    ]
    consts = [
        helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
        helper.make_tensor("shape", TensorProto.INT64, [2], [1, 32]),
    ]
    graph = helper.make_graph(nodes, "other", ints, [out], consts)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)


def test_nothing_is_written_over(tiny, tmp_path):
    from coldrec.backends.encoders.export import export

    with pytest.raises(EncoderError, match="never written over"):
        export(tiny, tmp_path)


def test_an_exported_model_serves_without_torch(tiny_exported, tmp_path):
    shutil.copytree(tiny_exported.folder, tmp_path / "model")
    program = (
        "import sys\nfrom pathlib import Path\nfrom coldrec.backends.encoders.onnx import OnnxEncoder\n"
        "encoder = OnnxEncoder(Path(sys.argv[1]))\nprint(encoder.encode(['red shoes']).shape)\n"
        "assert not {'torch', 'transformers', 'onnx'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "model")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "(1, 32)"


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda folder: (folder / "encoder.json").unlink(), "has no encoder.json"),
        (lambda folder: (folder / "encoder.json").write_text("{"), "does not say what it has to"),
        (lambda folder: (folder / "encoder.json").write_text('{"dims": 3}'), "does not say what it has to"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"no network"), "cannot be run"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer.* cannot be read"),
    ],
)
def test_a_damaged_export_says_what_is_wrong(tiny_exported, tmp_path, break_it, said):
    from coldrec.backends.encoders.onnx import OnnxEncoder

    folder = shutil.copytree(tiny_exported.folder, tmp_path / "model")
    break_it(folder)
    with pytest.raises(EncoderError, match=said):
        OnnxEncoder(folder)


def test_the_share_of_unknown_tokens_tells_a_language_that_the_model_does_not_know(tiny, tiny_exported):
    for encoder in (tiny, tiny_exported):
        assert encoder.unknown_share(["red shoes"]) == 0
        assert encoder.unknown_share(["跑步 红"]) == 1
        assert encoder.unknown_share([]) == encoder.unknown_share([""]) == 0


# Where a model comes from


def test_a_fingerprint_changes_with_the_weights_and_with_how_they_are_used(tiny_folder, tmp_path):
    same = shutil.copytree(tiny_folder, tmp_path / "same")
    assert Source(same).fingerprint == Source(tiny_folder).fingerprint
    with (same / "model.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"\1\2\3\4")
    pooled = shutil.copytree(tiny_folder, tmp_path / "pooled")
    (pooled / "1_Pooling").mkdir()
    (pooled / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    assert Source(pooled).pooling == "cls"
    assert len({Source(folder).fingerprint for folder in (tiny_folder, same, pooled)}) == 3


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("./nowhere", r"there is no folder \./nowhere"),
        ("/no/such/folder", "there is no folder"),
        ("not a hub id!", "neither a folder nor a hub id"),
    ],
)
def test_a_model_that_is_not_there_says_so(model, said):
    with pytest.raises(EncoderError, match=said):
        Source.find(model)


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(EncoderError, match=r"has no config\.json"):
        Source.find(str(tmp_path))


def test_weights_that_are_missing_or_no_safetensors_are_refused(tiny_folder, tmp_path):
    from safetensors.torch import load_file, save_file

    from coldrec.backends.encoders.torch import TorchEncoder

    folder = shutil.copytree(tiny_folder, tmp_path / "part")
    weights = load_file(folder / "model.safetensors")
    weights.pop("encoder.layer.0.output.dense.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"lacks weights: encoder\.layer\.0\.output\.dense\.weight"):
        TorchEncoder(Source(folder), device="cpu")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(EncoderError, match="cannot be read"):
        TorchEncoder(Source(folder), device="cpu")


def test_a_way_of_pooling_that_is_not_known_is_refused(tiny_folder, tmp_path):
    folder = shutil.copytree(tiny_folder, tmp_path / "max")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(EncoderError, match="allowed are mean and cls"):
        _ = Source(folder).pooling


# The demo's real model


def test_a_fact_after_token_3000_is_found_and_is_not_where_the_text_is_cut_off(english):
    """Twenty manuals that are the same but for the order of their sentences, and one near the end."""
    rng = np.random.default_rng(0)
    filler = [f"Section {at}: read this before use and keep it for later reference." for at in range(240)]
    facts = ["a brass telescope", "frozen raspberries", "a violin bow", "snow chains", "a fish tank heater"]
    facts += ["a wedding veil", "chess pieces", "a chainsaw blade", "baby formula", "a surfboard leash"]
    facts += [f"spare part {letter * 2}{number}" for letter, number in zip("abcdefghij", range(40, 50), strict=True)]
    before = [" ".join(filler[at] for at in rng.permutation(len(filler))) for _ in facts]
    assert min(len(english.tokenizer.encode(text).ids) for text in before) > 3000
    texts = [f"{text} {f'This product is {fact}. ' * 3}" for text, fact in zip(before, facts, strict=True)]
    queries = english.encode(facts, query=True)
    assert recall(queries, english.encode(texts), 5) >= 0.8
    cut = [text[:1200] for text in texts]  # no more than the model reads at once
    assert recall(queries, english.encode(cut), 5) < 0.5


def recall(queries, documents, k):
    ranks = (-(queries @ documents.T)).argsort(axis=1)[:, :k]
    return float(np.mean([row in ranks[row] for row in range(len(queries))]))
