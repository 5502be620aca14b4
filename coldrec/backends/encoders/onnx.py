"""Runs an exported sentence encoder without torch: for queries, in a web worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from coldrec.backends.encoders.local import LocalEncoder
from coldrec.core.errors import EncoderError
from coldrec.core.types import FloatArray

NETWORK, CARD = "model.onnx", "encoder.json"
INPUTS, OUTPUT = ("input_ids", "attention_mask"), "vectors"


class OnnxEncoder(LocalEncoder):
    """What ``export`` has written to ``folder``. One thread: workers are what runs beside each other."""

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise EncoderError("onnxruntime is not installed; pip install 'django-coldrec[serve]'") from error
        card = _card(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(folder / NETWORK), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise EncoderError(f"{folder / NETWORK} cannot be run: {error}") from error
        super().__init__(folder, **card)

    def forward(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> FloatArray:
        vectors: FloatArray = self._session.run([OUTPUT], dict(zip(INPUTS, (ids, mask), strict=True)))[0]
        return vectors


def _card(folder: Path) -> dict[str, Any]:
    path = folder / CARD
    try:
        told = json.loads(path.read_text("utf-8"))
        return {name: told[name] for name in ("dims", "length", "prompts", "fingerprint")}
    except FileNotFoundError:
        raise EncoderError(f"{folder} holds no exported model: it has no {CARD}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(f"{path} does not say what it has to: {error!r}") from error
