"""Asks a server for vectors: any that has the ``/embeddings`` of OpenAI's API, in a data centre or in the next room.

Texts leave this machine; what they say, and the key, stand in no log and no error. A page that waits for the vector of
a query waits a moment and no longer, whatever the server does: without one, search goes on with words alone. The
package ``openai`` tries again by itself, after the time that the server's ``Retry-After`` says.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np

from coldrec.backends import waiting
from coldrec.core.encoders.pieces import PieceEncoder, windows
from coldrec.core.errors import EncoderError
from coldrec.core.types import FloatArray

OVERLAP = 32  # words or parts of words that two pieces of a long text share
_WORDS = re.compile(r"\s*(?:[a-zA-Z]{1,4}|\S)")
"""About as much as a token, rather less: four letters, or one character of anything else."""


class Cache(Protocol):
    """Where vectors are kept from one time to the next. Its owner decides for how long."""

    def get(self, key: str) -> bytes | None:
        """What was set, or None."""

    def set(self, key: str, value: bytes) -> None:
        """Keep it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what, in seconds."""

    asking: float = 30.0  # one request for documents
    retries: int = 5  # of such a request, each after a longer pause
    hurrying: float = 0.3  # a request for a query, all in all; it is not tried again
    resting: float = 10.0  # that no query is sent after one has failed


@dataclass(frozen=True, slots=True)
class Spent:
    """What was asked for so far. ``cost`` is in the currency of the price."""

    requests: int = 0
    tokens: int = 0  # as the server counts them
    cost: float = 0.0


class Breaker(waiting.Breaker):
    """Of an embeddings server."""

    name, away = "The embeddings server", EncoderError


class _RefusedError(EncoderError):
    """The server is well and does not want what it was sent."""


class OpenAIEncoder:
    """The model ``model`` of the server at ``url``, such as ``https://api.openai.com/v1``. Threads may share it.

    Parameters
    ----------
    key : where the server asks for one.
    dims : how long its vectors are; 0 asks the server, with the first request.
    shorten : ask the server for vectors of ``dims`` numbers. Of OpenAI's, those of the third generation can.
    length : tokens that the model reads at once. Longer texts are cut, and their vectors averaged.
    prompts : what the model wants before a "query" and before a "document".
    most, budget : texts of one request, and characters.
    price : of a million tokens.
    cache : where vectors are looked for first.

    Raises
    ------
    EncoderError : the package ``openai`` is not installed, an argument cannot be, or the server was asked for the
        dimensions and does not say.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str = "",
        dims: int = 0,
        shorten: bool = False,
        length: int = 2_048,
        prompts: Mapping[str, str] | None = None,
        most: int = 256,
        budget: int = 200_000,
        price: float = 0.0,
        cache: Cache | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._openai = _package()
        self.url, self.model = _checked(url), model
        if dims < 0 or (shorten and not dims):
            raise EncoderError(f"the dimensions are a number above 0, or 0 to ask the server; got {dims}")
        if length <= OVERLAP or most < 1 or budget < 1:
            raise EncoderError(f"a piece has more than {OVERLAP} tokens, a request a text; got {length} and {most}")
        self.patience = patience or Patience()
        self.breaker = Breaker(failures=1, rest_s=self.patience.resting)
        self._key, self._shorten, self._most, self._price, self._cache = key, shorten, most, price, cache
        self._clients: dict[int, Any] = {}
        self._lock = threading.Lock()
        self._spent = Spent()
        self.dims = dims
        self.dims = dims or len(self._patiently(["a"])[0])
        prompts = {kind: (prompts or {}).get(kind, "") for kind in ("query", "document")}
        said = [self.url, self.model, self.dims, shorten, prompts]
        self.fingerprint = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        self._readers = {kind: _Reader(self, kind, prompts[kind], length, budget) for kind in prompts}

    def encode(self, texts: Sequence[str], *, query: bool = False) -> FloatArray:
        """As ``TextEncoder.encode``; a query has an answer, or an error, within a moment."""
        return self._readers["query" if query else "document"].encode(texts)

    @property
    def spent(self) -> Spent:
        """Since this encoder was made, in this process."""
        with self._lock:
            return self._spent

    def vectors(self, texts: Sequence[str], kind: str) -> FloatArray:
        """(n, d) of texts that the model reads at once, from the cache where it has them."""
        keys = [f"coldrec-vector-{hashlib.sha256(f'{self.fingerprint}{text}'.encode()).hexdigest()}" for text in texts]
        found = {key: vector for key in dict.fromkeys(keys) if (vector := self._kept(key)) is not None}
        lacking = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        ask = self._hurriedly if kind == "query" else self._patiently
        wanted = list(lacking.items())
        for start in range(0, len(wanted), self._most):
            some = wanted[start : start + self._most]
            for (key, _), vector in zip(some, ask([text for _, text in some]), strict=True):
                found[key] = vector
                if self._cache is not None:
                    self._cache.set(key, vector.tobytes())
        return np.stack([found[key] for key in keys])

    def _kept(self, key: str) -> FloatArray | None:
        told = self._cache.get(key) if self._cache is not None else None
        return np.frombuffer(told, "<f4") if told and len(told) == 4 * self.dims else None

    def _hurriedly(self, texts: list[str]) -> list[FloatArray]:
        self.breaker.enter()
        failed = True
        try:
            told = waiting.within(self.patience.hurrying, lambda: self._ask(texts, self.patience.hurrying, 0), Breaker)
            failed = False
        except _RefusedError:
            failed = False  # of this text; others may do
            raise
        finally:
            self.breaker.leave(failed=failed)
        return told

    def _patiently(self, texts: list[str]) -> list[FloatArray]:
        return self._ask(texts, self.patience.asking, self.patience.retries)

    def _ask(self, texts: list[str], seconds: float, retries: int) -> list[FloatArray]:
        """One request; raised is what we say ourselves: the package's errors quote the server, who may quote us."""
        wish = {"dimensions": self.dims} if self._shorten else {}
        kind: type[EncoderError] = EncoderError
        try:
            client = self._client().with_options(timeout=seconds, max_retries=retries)
            answer = client.embeddings.create(model=self.model, input=texts, **wish)
            self._count(answer)
            return self._ordered(answer.data, len(texts))
        except EncoderError as error:
            said = str(error)
        except self._openai.OpenAIError as error:
            said = self._told(error, seconds)
            kind = _RefusedError if getattr(error, "status_code", 0) in (400, 413, 422) else EncoderError
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            said = f"has answered with something else than vectors ({type(error).__name__})"
        raise kind(f"the embeddings server {self.url} {said}")

    def _ordered(self, data: Any, number: int) -> list[FloatArray]:
        """The vectors in the order of the texts, which is not always that of the answer."""
        told = {int(one.index): np.asarray(one.embedding, "<f4") for one in data}
        if len(data) != number or sorted(told) != list(range(number)):
            raise EncoderError(f"has given {len(data)} vectors for {number} texts, numbered {sorted(told)[:3]}…")
        wanted = self.dims or len(told[0])
        for vector in told.values():
            if vector.shape != (wanted,):
                raise EncoderError(f"has given a vector of {vector.size} numbers; it should be {wanted}")
            if not np.isfinite(vector).all():
                raise EncoderError("has given a vector with numbers that are not finite")
        return [told[at] for at in range(number)]

    def _count(self, answer: Any) -> None:
        usage = getattr(answer, "usage", None)
        tokens = int(getattr(usage, "total_tokens", 0) or getattr(usage, "prompt_tokens", 0) or 0)
        with self._lock:
            was = self._spent
            cost = was.cost + tokens * self._price / 1e6
            self._spent = replace(was, requests=was.requests + 1, tokens=was.tokens + tokens, cost=cost)

    def _told(self, error: Any, seconds: float) -> str:
        if isinstance(error, self._openai.APITimeoutError):
            return f"has not answered within {seconds:g} s"
        if isinstance(error, self._openai.APIConnectionError):
            return "cannot be reached"
        status = getattr(error, "status_code", None)
        if status is None:
            return f"has answered with something else than vectors ({type(error).__name__})"
        return f"refuses: {status}, {_MEANING.get(status, 'it fails' if status >= 500 else 'the request is wrong')}"

    def _client(self) -> Any:
        """One for each process: a connection that was opened before a fork must not be used on both sides."""
        with self._lock:
            if (client := self._clients.get(os.getpid())) is None:
                client = self._openai.OpenAI(api_key=self._key or "none", base_url=self.url)
                self._clients = {os.getpid(): client}
            return client


class _Reader(PieceEncoder[str]):
    """Cuts the texts of one kind, and has their pieces read."""

    def __init__(self, server: OpenAIEncoder, kind: str, prompt: str, length: int, budget: int) -> None:
        self.dims, self.budget = server.dims, budget
        self._server, self._kind, self._prompt, self._length = server, kind, prompt, length

    def cut(self, texts: Sequence[str], *, query: bool = False) -> list[list[str]]:
        return [self._cut(text) for text in texts]

    def embed(self, pieces: Sequence[str]) -> FloatArray:
        return self._server.vectors(pieces, self._kind)

    def _cut(self, text: str) -> list[str]:
        words = _WORDS.findall(text)
        cuts = windows(range(len(words)), self._length, OVERLAP)
        return [self._prompt + "".join(words[at] for at in cut).strip() for cut in cuts]


_MEANING = {
    400: "the request is wrong; a text may be too long for the model, or it cannot shorten vectors",
    401: "the key is wrong or lacking",
    403: "the key does not allow it",
    404: "it knows no such model or address",
    413: "the request is too large",
    429: "it is asked too often, or the account is empty",
}


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EncoderError("the address of an embeddings server begins with http:// or https://")
    if parts.username or parts.password or parts.query:
        raise EncoderError("a key does not belong in the address of an embeddings server; give it as the key")
    return url.rstrip("/")


def _package() -> Any:
    try:
        import openai
    except ImportError as error:
        raise EncoderError("openai is not installed; pip install 'django-coldrec[llm]'") from error
    # Some versions write whole requests to their log, where it is set to tell everything.
    logging.getLogger("openai._base_client").setLevel(logging.INFO)
    return openai
