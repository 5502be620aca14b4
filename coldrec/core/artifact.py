"""An artifact: the immutable directory that a training run leaves and that web workers memory-map.

It holds ``manifest.json`` (format, card, and size and SHA-256 of every other file), arrays as ``.npy`` and documents as
``.json``. Nothing in it can run code: arrays are read with ``allow_pickle=False``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from coldrec.core.errors import ArtifactError

FORMAT = 1
MANIFEST = "manifest.json"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(
    path: Path, arrays: Mapping[str, npt.NDArray[Any]], documents: Mapping[str, Any], card: Mapping[str, Any]
) -> Artifact:
    """The artifact written to ``path``, which must not exist; nothing half-written is left at that name.

    Everything goes to a directory beside it first, is flushed to disk and then renamed.

    Raises
    ------
    ArtifactError : ``path`` exists, or an array holds objects or a value that is not finite.
    """
    if path.exists():
        raise ArtifactError(f"{path} exists already; an artifact is written once")
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise ArtifactError(f"array {name!r} holds Python objects; only plain numbers and text are allowed")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ArtifactError(f"array {name!r} holds NaN or infinite values")
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(partial / f"{name}.npy", array, allow_pickle=False)
    for name, document in documents.items():
        (partial / f"{name}.json").write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), "utf-8")
    files = {p.name: {"sha256": _sha256(p), "bytes": p.stat().st_size} for p in sorted(partial.iterdir())}
    manifest = {"format": FORMAT, "card": dict(card), "files": files}
    (partial / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False, allow_nan=False), "utf-8")
    for file in partial.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    partial.rename(path)
    return Artifact.open(path, verify=False)


@dataclass(frozen=True)
class Artifact:
    """An opened artifact directory. Arrays are memory-mapped on demand, documents are read on demand."""

    path: Path
    digest: str  # SHA-256 of the manifest, which names the SHA-256 of everything else
    card: Mapping[str, Any]
    files: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path, *, verify: bool = True) -> Artifact:
        """The artifact at ``path``; with ``verify`` every byte is compared with the manifest first.

        Raises
        ------
        ArtifactError : something is missing, damaged, or of another format; the message names the file.
        """
        try:
            raw = (path / MANIFEST).read_bytes()
        except OSError as error:
            raise ArtifactError(f"{path} has no readable {MANIFEST}: {error.strerror}") from error
        try:
            manifest = json.loads(raw)
            version, card, files = (manifest["format"], manifest["card"], manifest["files"])
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{path / MANIFEST} is damaged: {error}") from error
        if version != FORMAT:
            raise ArtifactError(f"{path} has artifact format {version!r}; this code reads format {FORMAT}")
        for name, facts in files.items():
            file = path / name
            if file.parent != path or not file.is_file() or file.is_symlink():
                raise ArtifactError(f"{file} is missing or not a plain file")
            if file.stat().st_size != facts["bytes"]:
                raise ArtifactError(f"{file} has {file.stat().st_size} bytes; the manifest says {facts['bytes']}")
            if verify and _sha256(file) != facts["sha256"]:
                raise ArtifactError(f"{file} is damaged: its SHA-256 is not the one in the manifest")
        return cls(path, hashlib.sha256(raw).hexdigest(), card, files)

    def __contains__(self, name: str) -> bool:
        return f"{name}.npy" in self.files

    def array(self, name: str) -> npt.NDArray[Any]:
        """The array, memory-mapped read-only (0-d and empty arrays are read whole).

        Raises
        ------
        ArtifactError : it is not there, not readable, or holds a value that is not finite.
        """
        file = self._file(f"{name}.npy")
        try:
            try:
                # As a plain array over the map: numpy's own class for maps costs time at every operation.
                array = np.load(file, mmap_mode="r", allow_pickle=False).view(np.ndarray)
            except ValueError:  # an empty array cannot be mapped
                array = np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise ArtifactError(f"{file} cannot be read as an array: {error}") from error
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ArtifactError(f"{file} holds NaN or infinite values")
        return array

    def document(self, name: str) -> Any:
        file = self._file(f"{name}.json")
        try:
            return json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{file} cannot be read as JSON: {error}") from error

    def _file(self, name: str) -> Path:
        if name not in self.files:
            raise ArtifactError(f"{self.path} has no {name}; it was made by another version of coldrec")
        return self.path / name
