"""A server for embeddings on this machine, as tests of who asks it need one."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

DIMS = 8


def vector(text):
    """What the server makes of a text: of its letters, so that two texts differ where these do."""
    counts = np.zeros(DIMS)
    for at, letter in enumerate(text):
        counts[ord(letter) % DIMS] += 1 + at / 100
    return counts.tolist()


class Server(ThreadingHTTPServer):
    """``embed``: a text to a list of numbers. ``plan``: what is done with the next requests, each a function of the
    handler and the request; then it is fine."""

    daemon_threads = True

    def __init__(self, embed=vector):
        super().__init__(("127.0.0.1", 0), Handler)
        self.embed = embed
        self.asked, self.keys, self.plan, self.tokens = [], set(), [], 0
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.let_go = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/embeddings"
        self.server.asked.append(asked)
        self.server.keys.add(self.headers["Authorization"])
        (self.server.plan.pop(0) if self.server.plan else fine)(self, asked)

    def tell(self, status, body, **headers):
        told = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(told), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_):
        pass


def fine(handler, asked, change=lambda data: data):
    dims = asked.get("dimensions")
    data = [
        {"object": "embedding", "index": at, "embedding": written(handler.server.embed(text)[:dims], asked)}
        for at, text in enumerate(asked["input"])
    ]
    tokens = sum(len(text.split()) for text in asked["input"])
    handler.server.tokens += tokens
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    handler.tell(200, {"object": "list", "data": change(data), "model": asked["model"], "usage": usage})


def written(numbers, asked):
    if asked.get("encoding_format") == "base64":
        return base64.b64encode(np.asarray(numbers, "<f4").tobytes()).decode()
    return numbers


def refusing(status, body=None, **headers):
    return lambda handler, asked: handler.tell(status, body or {"error": {"message": "no"}}, **headers)


def changing(change):
    return lambda handler, asked: fine(handler, asked, change)


def silent(handler, asked):
    handler.server.let_go.wait(10)
    handler.close_connection = True


@contextmanager
def running(embed=vector) -> Iterator[Server]:
    with Server(embed) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            server.let_go.set()
            server.shutdown()
