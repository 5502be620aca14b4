"""Writes a model in the form in which web workers run it, and makes sure that it still says the same."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from coldrec.backends.encoders.onnx import CARD, INPUTS, NETWORK, OUTPUT, OnnxEncoder
from coldrec.backends.encoders.torch import TorchEncoder, pooled, quietly, require
from coldrec.core.errors import EncoderError

AGREE = 0.999  # cosine that each probe's two vectors have at least
PROBES = 64
MOST_TEXTS = 4_096  # of one call

_WORDS = ("red", "blue", "wool", "shoe", "42", "kg", "tea", "garden", "new", "跑步", "鞋", "crème", "Größe")


def export(encoder: TorchEncoder, folder: Path) -> OnnxEncoder:
    """The same model for ONNX Runtime in ``folder``, in float32, whole or not at all.

    Raises
    ------
    EncoderError : the folder exists, the model cannot be exported, or the two do not agree on ``PROBES`` texts.
    """
    if folder.exists():
        raise EncoderError(f"{folder} exists; an exported model is never written over")
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".export-", dir=folder.parent))
    try:
        _write_network(encoder, new / NETWORK)
        shutil.copy(encoder.source.folder / "tokenizer.json", new)
        card = {
            "dims": encoder.dims,
            "length": encoder.length,
            "prompts": encoder.source.prompts,
            "fingerprint": encoder.fingerprint,
        }
        (new / CARD).write_text(json.dumps(card, indent=1), "utf-8")
        agreement = agree(encoder, OnnxEncoder(new))
        if agreement < AGREE:
            raise EncoderError(f"the exported model disagrees: a cosine of {agreement:.4f}, at least {AGREE} is asked")
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return OnnxEncoder(folder)


def agree(one: TorchEncoder, other: OnnxEncoder) -> float:
    """The lowest cosine between what two engines say of the same texts, short and long."""
    texts = probes()
    return float((one.encode(texts) * other.encode(texts)).sum(1).min())


def probes() -> list[str]:
    """Texts of one word to some hundred, of several languages, the same every time."""
    rng = np.random.default_rng(0)
    lengths = np.geomspace(1, 400, PROBES).astype(int)
    return [" ".join(rng.choice(_WORDS, length)) for length in lengths]


def _write_network(encoder: TorchEncoder, path: Path) -> None:
    torch, _ = require()
    pooling = encoder.source.pooling

    class Pooled(torch.nn.Module):  # type: ignore[name-defined]
        def __init__(self, net: Any) -> None:
            super().__init__()
            self.net = net

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return pooled(self.net, input_ids, attention_mask, pooling)

    net = Pooled(encoder.net).eval()
    texts = torch.export.Dim("texts", min=1, max=MOST_TEXTS)
    tokens = torch.export.Dim("tokens", min=2, max=encoder.length)
    example = torch.ones((2, 8), dtype=torch.long, device=encoder.device)
    try:
        with quietly():
            torch.onnx.export(
                net,
                (example, example.clone()),
                path,
                input_names=list(INPUTS),
                output_names=[OUTPUT],
                dynamic_shapes=({0: texts, 1: tokens}, {0: texts, 1: tokens}),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except ImportError as error:
        raise EncoderError(f"{error.name} is not installed; pip install 'django-coldrec[train]'") from error
    except Exception as error:
        raise EncoderError(f"the model cannot be exported: {error}") from error
