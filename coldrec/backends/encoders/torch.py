"""Runs a sentence encoder with torch: for training, and for many texts on a GPU."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from coldrec.backends.encoders.local import LocalEncoder
from coldrec.backends.encoders.source import Source
from coldrec.core.errors import EncoderError
from coldrec.core.types import FloatArray

if TYPE_CHECKING:
    import torch


class TorchEncoder(LocalEncoder):
    """The model of a source; on a GPU in bfloat16 where there is one. ``device``: torch's name of one."""

    def __init__(self, source: Source, *, device: str = "") -> None:
        torch, transformers = require()
        self.source = source
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.net = load(source, transformers).to(self.device).eval()
        super().__init__(
            source.folder,
            dims=int(self.net.config.hidden_size),
            length=source.length,
            prompts=source.prompts,
            fingerprint=source.fingerprint,
        )

    def forward(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> FloatArray:
        torch, _ = require()
        is_gpu = self.device.startswith("cuda")
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=is_gpu):
            put = torch.from_numpy(ids).to(self.device), torch.from_numpy(mask).to(self.device)
            vectors: FloatArray = pooled(self.net, *put, self.source.pooling).float().cpu().numpy()
        return vectors


def pooled(net: Any, ids: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """(p, d) the mean over a piece's tokens, or the vector of its first."""
    hidden = net(input_ids=ids, attention_mask=mask).last_hidden_state
    if pooling == "cls":
        return hidden[:, 0]
    weight = mask[..., None].to(hidden.dtype)
    return (hidden * weight).sum(1) / weight.sum(1)


def load(source: Source, transformers: Any) -> Any:
    """The network of a source, in float32, with the adapter that lies in its folder.

    Raises
    ------
    EncoderError : it cannot be read, or parts of it are missing; weights are read as safetensors only.
    """
    try:
        with quietly():
            net, told = transformers.AutoModel.from_pretrained(
                source.folder, use_safetensors=True, output_loading_info=True, local_files_only=True, dtype="float32"
            )
    except (OSError, ValueError, KeyError) as error:
        raise EncoderError(f"the model in {source.folder} cannot be read: {error}") from error
    if missing := sorted(key for key in told["missing_keys"] if not key.startswith("pooler.")):
        raise EncoderError(f"the model in {source.folder} lacks weights: {', '.join(missing[:3])}")
    if source.adapter:
        from coldrec.backends.learning import bottleneck, experts

        {bottleneck.KIND: bottleneck, experts.KIND: experts}[source.adapter].load(net, source.folder)
    return net


@contextmanager
def quietly() -> Iterator[None]:
    """Without the bars and remarks that libraries print while they read, train or write a network."""
    _, transformers = require()
    names = ("transformers", "accelerate", "sentence_transformers", "torch.onnx")
    levels = {name: logging.getLogger(name).level for name in names}
    bars = transformers.utils.logging.is_progress_bar_enabled()
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        transformers.utils.logging.disable_progress_bar()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()


def require() -> tuple[Any, Any]:
    """The modules torch and transformers.

    Raises
    ------
    EncoderError : they are not installed.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise EncoderError(f"{error.name} is not installed; pip install 'django-coldrec[train]'") from error
    return torch, transformers
