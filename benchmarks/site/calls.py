"""Requests to the site: WSGI calls of the real handler, timed up to the last byte and to the end of the work."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core.handlers.wsgi import WSGIHandler


@dataclass(frozen=True)
class Answer:
    """What came back, the seconds until it was out, those of work after it, and processor seconds of the first."""

    status: int
    body: bytes
    seconds: float
    after: float
    cpu: float

    @property
    def text(self) -> str:
        return self.body.decode()


class Caller:
    """A client of the site in this process: everything a WSGI server would run, without its sockets."""

    def __init__(self, cookie: str = "") -> None:
        self.handler = WSGIHandler()
        self.cookie = cookie

    def __call__(self, address: str, data: Any = None, *, between: Callable[[], None] = lambda: None) -> Answer:
        """The answer to a GET, or to a POST of ``data`` as JSON; ``between`` is called when the answer is out."""
        body = b"" if data is None else json.dumps(data).encode()
        status: list[str] = []

        def start_response(line: str, headers: Any, exc_info: Any = None) -> None:
            status.append(line)

        environ = self._environ(address, body, "GET" if data is None else "POST")
        started, started_cpu = time.perf_counter(), time.thread_time()
        response = self.handler(environ, start_response)
        content = b"".join(response)
        out, cpu = time.perf_counter(), time.thread_time() - started_cpu
        between()
        resumed = time.perf_counter()
        response.close()  # what a server does once the last byte is sent
        after = time.perf_counter() - resumed
        return Answer(int(status[0].split()[0]), content, out - started, after, cpu)

    def _environ(self, address: str, body: bytes, method: str) -> dict[str, Any]:
        parts = urlsplit(address)
        return {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_USER_AGENT": "Mozilla/5.0",
            "HTTP_ACCEPT": "text/html,application/json",
            "HTTP_ACCEPT_LANGUAGE": "en",
            **({"HTTP_COOKIE": self.cookie} if self.cookie else {}),
            **({"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))} if body else {}),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }


def cookie_of(shop: Any, visitor: Any) -> str:
    """The header by which the site knows the visitor again."""
    from coldrec import conf
    from coldrec.services import visitors

    return f"{conf.get('COOKIE_NAME')}={visitors.token_of(shop, visitor)}"
