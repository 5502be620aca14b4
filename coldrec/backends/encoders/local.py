"""What the engines that run a model on this machine share: the tokenizer and the padding."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from coldrec.core.encoders.pieces import PieceEncoder, windows
from coldrec.core.errors import EncoderError
from coldrec.core.types import FloatArray

OVERLAP = 32  # tokens that two pieces of a long text share, so that no phrase is torn
Tokens = list[int]


class LocalEncoder(PieceEncoder[Tokens]):
    """A model whose tokenizer lies in ``folder``. ``length``: tokens that it reads at once."""

    def __init__(self, folder: Path, *, dims: int, length: int, prompts: dict[str, str], fingerprint: str) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise EncoderError("tokenizers is not installed; pip install 'django-coldrec[serve]'") from error
        path = folder / "tokenizer.json"
        try:
            self.tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            raise EncoderError(f"the tokenizer {path} cannot be read: {error}") from error
        self.folder = folder
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.dims, self.length, self.fingerprint = dims, length, fingerprint
        self._before, self._after = _marks(self.tokenizer)
        self._prompts = {kind: self._ids([text])[0] if text else [] for kind, text in prompts.items()}
        self._room = length - len(self._before) - len(self._after) - max(map(len, self._prompts.values()), default=0)
        self._overlap = min(OVERLAP, self._room // 4)
        if self._room < 2:
            raise EncoderError(f"the model reads {length} tokens at once, which is too few")

    @abstractmethod
    def forward(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> FloatArray:
        """(p, d) vectors of (p, t) padded tokens, of which those with a mask of 1 count."""

    def cut(self, texts: Sequence[str], *, query: bool = False) -> list[list[Tokens]]:
        prompt = self._prompts.get("query" if query else "document", [])
        return [
            [[*self._before, *prompt, *piece, *self._after] for piece in windows(ids, self._room, self._overlap)]
            for ids in self._ids(texts)
        ]

    def embed(self, pieces: Sequence[Tokens]) -> FloatArray:
        width = max(map(len, pieces))
        ids, mask = np.zeros((len(pieces), width), np.int64), np.zeros((len(pieces), width), np.int64)
        for row, piece in enumerate(pieces):
            ids[row, : len(piece)] = piece
            mask[row, : len(piece)] = 1
        return self.forward(ids, mask)

    def unknown_share(self, texts: Iterable[str]) -> float:
        """The share of tokens that the model has never seen, 0 to 1: near 1 where it does not know the language."""
        unknown = getattr(self.tokenizer.model, "unk_token", None)
        number = self.tokenizer.token_to_id(unknown) if unknown else None
        ids = [id for some in self._ids(list(texts)) for id in some]
        return sum(id == number for id in ids) / len(ids) if ids else 0.0

    def _ids(self, texts: Sequence[str]) -> list[Tokens]:
        found = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in found]


def _marks(tokenizer: object) -> tuple[Tokens, Tokens]:
    """What the tokenizer puts before and after every text."""
    bare = tokenizer.encode("a", add_special_tokens=False).ids  # type: ignore[attr-defined]
    marked = tokenizer.encode("a").ids  # type: ignore[attr-defined]
    for at in range(len(marked) - len(bare) + 1):
        if marked[at : at + len(bare)] == bare:
            return marked[:at], marked[at + len(bare) :]
    raise EncoderError("the tokenizer changes a text where it marks its begin and end, which cannot be cut into pieces")
