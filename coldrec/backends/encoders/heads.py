"""What a language model was taught to tell of a text beside its vector: a label, or the field that answers a question.

A head is a few numbers over the vectors that any engine gives, so it needs no torch. ``learning.heads`` trains them.

A head of labels gives ``W v + b`` of a text's vector v. A head of fields gives each field of an item, read as
``name: value``, the score ``qᵀ M f`` of the question's vector q and the field's f, and ``nᵀ q + b`` to there being no
field that answers: where that is the highest, there is no answer.

Letters: n texts, c labels, d dimensions of a vector, m fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coldrec.core.encoders.reading import item_fields
from coldrec.core.errors import EncoderError
from coldrec.core.protocols import TextEncoder
from coldrec.core.types import FloatArray, Item

CARD, WEIGHTS = "heads.json", "heads.safetensors"


@dataclass(frozen=True)
class Labels:
    """``weight`` (c, d), ``bias`` (c,) and the names of the c labels."""

    names: tuple[str, ...]
    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True)
class Fields:
    """``match`` (d, d) M, ``none`` (d,) n and ``bias`` (1,) b."""

    match: FloatArray
    none: FloatArray
    bias: FloatArray


@dataclass(frozen=True)
class Heads:
    """Heads by name, the encoder whose vectors they read, and how much each task counted at the end of training."""

    encoder: TextEncoder
    parts: Mapping[str, Labels | Fields]
    weights: Mapping[str, float]

    def without(self, name: str) -> Heads:
        """All but one; the others say what they said."""
        self.part(name)
        return Heads(self.encoder, {one: part for one, part in self.parts.items() if one != name}, self.weights)

    def part(self, name: str) -> Labels | Fields:
        """One head.

        Raises
        ------
        EncoderError : there is none of this name.
        """
        if name not in self.parts:
            raise EncoderError(f"there is no head {name!r}; there is {', '.join(sorted(self.parts)) or 'none'}")
        return self.parts[name]


@dataclass(frozen=True)
class Answer:
    """The field that answers a question, what stands in it, and how sure that is, 0 to 1."""

    field: str
    value: str
    confidence: float


def label(heads: Heads, name: str, texts: Sequence[str]) -> list[tuple[str, float]]:
    """For each text its label, by the head ``name``, and how sure that is, 0 to 1."""
    part = heads.part(name)
    if not isinstance(part, Labels):
        raise EncoderError(f"the head {name!r} answers questions; it gives no labels")
    shares = _softmax(heads.encoder.encode(texts) @ part.weight.T + part.bias)
    return [(part.names[at], float(row[at])) for at, row in zip(shares.argmax(1), shares, strict=True)]


def answer(heads: Heads, item: Item, question: str, *, name: str = "questions") -> Answer | None:
    """What the item's own fields say to a question, or None where they say nothing to it.

    Raises
    ------
    EncoderError : there is no such head, or the encoder cannot be asked.
    """
    part = heads.part(name)
    if not isinstance(part, Fields):
        raise EncoderError(f"the head {name!r} gives labels; it answers no questions")
    fields = item_fields(item)
    if not fields or not question.strip():
        return None
    asked = heads.encoder.encode([question], query=True)[0]
    told = heads.encoder.encode([field_text(*field) for field in fields.items()])
    none = part.none @ asked + part.bias
    shares = _softmax(np.concatenate([told @ (asked @ part.match), none])[None])[0]
    best = int(shares.argmax())
    if best == len(fields):
        return None
    field = list(fields)[best]
    return Answer(field, fields[field], float(shares[best]))


def field_text(name: str, value: str) -> str:
    """As a model reads a field."""
    return f"{name.replace('_', ' ')}: {value}"


def save(heads: Heads, folder: Path, fingerprint: str) -> None:
    """Write the heads. ``fingerprint``: of the encoder with which they learnt, as it was saved."""
    save_file = _safetensors().save_file
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {}
    kinds: dict[str, Any] = {}
    for name, part in heads.parts.items():
        kinds[name] = list(part.names) if isinstance(part, Labels) else None
        own = {key: value for key, value in vars(part).items() if key != "names"}
        arrays |= {f"{name}.{key}": np.ascontiguousarray(value, np.float32) for key, value in own.items()}
    save_file(arrays, folder / WEIGHTS)
    card = {"fingerprint": fingerprint, "heads": kinds, "weights": dict(heads.weights)}
    (folder / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False), "utf-8")


def load(folder: Path, encoder: TextEncoder) -> Heads:
    """What ``save`` has written, for the encoder with which it was trained.

    Raises
    ------
    EncoderError : there is nothing, it is damaged, or made for another encoder.
    """
    path = folder / CARD
    load_file = _safetensors().load_file
    try:
        card = json.loads(path.read_text("utf-8"))
        arrays = load_file(folder / WEIGHTS)
        parts: dict[str, Labels | Fields] = {}
        for name, names in card["heads"].items():
            own = {key.partition(".")[2]: array for key, array in arrays.items() if key.partition(".")[0] == name}
            parts[name] = Fields(**own) if names is None else Labels(tuple(names), **own)
            _check(parts[name], encoder.dims)
        fingerprint, weights = card["fingerprint"], card["weights"]
    except FileNotFoundError as error:
        raise EncoderError(f"{folder} holds no heads: {error}") from None
    except Exception as error:
        raise EncoderError(f"the heads in {folder} cannot be read: {error!r}") from error
    if fingerprint != encoder.fingerprint:
        raise EncoderError(f"the heads in {folder} were trained with another encoder")
    return Heads(encoder, parts, weights)


def _check(part: Labels | Fields, dims: int) -> None:
    found: list[tuple[int, ...]] = [array.shape for name, array in vars(part).items() if name != "names"]
    wanted: list[tuple[int, ...]] = [(dims, dims), (dims,), (1,)]
    if isinstance(part, Labels):
        wanted = [(len(part.names), dims), (len(part.names),)]
    if found != wanted:
        raise ValueError(f"a head has arrays of {found}, it should have {wanted}")


def _softmax(scores: FloatArray) -> FloatArray:
    """Rows of sum 1."""
    shares: FloatArray = np.exp(scores - scores.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise EncoderError("safetensors is not installed; pip install 'django-coldrec[serve]'") from error
    return safetensors.numpy
