"""A shared cache in front of a site, as a shop's CDN would be: what RFC 9111 lets it keep, it keeps and gives to all.

Answers to GET are kept by address and by the request headers that ``Vary`` names. ``private`` and ``no-store`` are
obeyed; a ``Set-Cookie`` does not keep an answer out (§7.3), so a careless one would reach every visitor.
"""

from __future__ import annotations

import http.client
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key.lower() == name)

    @property
    def varies_by(self) -> tuple[str, ...]:
        return tuple(sorted(part.strip().lower() for part in self.all("vary").split(",") if part.strip()))


class SharedCache(ThreadingHTTPServer):
    """``hits``, ``misses`` and ``passed`` count requests by path; ``kept`` is what lies in the cache.

    ``delays``: seconds that the next requests for a path wait, one after the other; then none.
    """

    daemon_threads = True

    def __init__(self, origin: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.origin = urlsplit(origin).netloc
        self.kept: dict[str, list[tuple[dict[str, str], Answer]]] = {}
        self.hits: Counter[str] = Counter()
        self.misses: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.delays: dict[str, list[float]] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that left the page has hung up; anything else is ours to know of."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def find(self, path: str, headers: dict[str, str]) -> Answer | None:
        for wanted, answer in self.kept.get(path, []):
            if all(headers.get(name, "") == value for name, value in wanted.items()):
                return answer
        return None

    def keep(self, path: str, headers: dict[str, str], answer: Answer) -> None:
        self.kept.setdefault(path, []).append(({name: headers.get(name, "") for name in answer.varies_by}, answer))


def may_be_kept(answer: Answer, headers: dict[str, str]) -> bool:
    """Whether a shared cache may keep the answer, and serve it without asking again (RFC 9111, §3)."""
    says = {part.strip().split("=")[0].lower() for part in answer.all("cache-control").split(",")}
    if answer.status != 200 or "*" in answer.varies_by or says & {"private", "no-store", "no-cache"}:
        return False
    if "authorization" in headers and not says & {"public", "s-maxage", "must-revalidate"}:
        return False
    lives = re.search(r"(?:s-maxage|max-age)=[1-9]", answer.all("cache-control").lower())
    return bool(lives or "public" in says)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SharedCache

    def do_GET(self) -> None:
        cache, headers = self.server, {name.lower(): value for name, value in self.headers.items()}
        if waiting := cache.delays.get(self._name):
            time.sleep(waiting.pop(0))
        if answer := cache.find(self.path, headers):
            cache.hits[self._name] += 1
        else:
            answer = self._ask()
            if may_be_kept(answer, headers):
                cache.misses[self._name] += 1
                cache.keep(self.path, headers, answer)
            else:
                cache.passed[self._name] += 1
        self._give(answer)

    def do_POST(self) -> None:
        self._give(self._ask())

    @property
    def _name(self) -> str:
        return urlsplit(self.path).path

    def _ask(self) -> Answer:
        connection = http.client.HTTPConnection(self.server.origin, timeout=30)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        # The Host of the shop's public address goes through, as a shop's own proxy is set up to do.
        connection.request(self.command, self.path, body, headers)
        response = connection.getresponse()
        kept = tuple((name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP)
        answer = Answer(response.status, kept, response.read())
        connection.close()
        return answer

    def _give(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def in_front_of(origin: str) -> Iterator[SharedCache]:
    cache = SharedCache(origin)
    thread = threading.Thread(target=cache.serve_forever, daemon=True)
    thread.start()
    try:
        yield cache
    finally:
        cache.shutdown()
        cache.server_close()
