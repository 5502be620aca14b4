"""A server for embeddings: what it answers, what it does wrong, and that nobody waits for it."""

import logging
import sys
import threading
import time

import numpy as np
import pytest

from coldrec.core.errors import EncoderError
from tests.backends.encoders.served import DIMS, Server, changing, refusing, running, silent, vector
from tests.encoders import needs

needs("openai")

from coldrec.backends.encoders.openai import OpenAIEncoder, Patience  # noqa: E402

pytestmark = pytest.mark.apart

KEY = "sk-a-secret-that-nobody-may-read"
HASTY = Patience(asking=2.0, retries=2, hurrying=0.3, resting=0.4)


@pytest.fixture
def server():
    with running() as server:
        yield server


@pytest.fixture
def make(server):
    return lambda **options: OpenAIEncoder(
        server.url, "shop-embed", **{"key": KEY, "dims": DIMS, "patience": HASTY, **options}
    )


class Kept(dict):
    def set(self, key, value):
        self[key] = value


def unit(text):
    return np.asarray(vector(text), np.float32) / np.linalg.norm(vector(text))


# What it is for


def test_texts_become_vectors_of_length_one_and_nothing_becomes_zeros(server, make):
    texts = ["red shoes", "", "   ", "blue lamp", "跑步"]
    found = make().encode(texts)
    assert found.shape == (5, DIMS) and found.dtype == np.float32
    for text, row in zip(texts, found, strict=True):
        assert np.allclose(row, unit(text) if text.strip() else 0, atol=1e-6)
    assert server.keys == {f"Bearer {KEY}"}
    assert [asked["model"] for asked in server.asked] == ["shop-embed"]
    assert make().encode([]).shape == (0, DIMS) and len(server.asked) == 1


def test_the_vectors_are_put_in_order_by_their_number(server, make):
    server.plan = [changing(lambda data: data[::-1])]
    texts = ["one", "two", "three"]
    assert np.allclose(make().encode(texts), [unit(text) for text in texts], atol=1e-6)


def test_requests_hold_so_many_texts_and_so_many_characters(server, make):
    texts = [f"text {at:03}" for at in range(25)]
    assert np.allclose(make(most=10).encode(texts), [unit(text) for text in texts], atol=1e-6)
    assert sorted(len(asked["input"]) for asked in server.asked) == [5, 10, 10]
    server.asked.clear()
    make(budget=80).encode(texts)
    assert {sum(map(len, asked["input"])) for asked in server.asked} == {80, 40}


def test_a_long_text_is_cut_and_all_of_it_counts(server, make):
    encoder = make(length=64)
    long = "lamp " * 200
    one, other = encoder.encode([f"{long}red", f"{long}wool"])
    assert max(len(text) for asked in server.asked for text in asked["input"]) <= 64 * 5
    assert min(len(text) for asked in server.asked for text in asked["input"]) > 100  # of even lengths
    assert not np.allclose(one, other, atol=1e-5)
    server.asked.clear()
    encoder.encode(["跑" * 500])
    assert {len(text) for asked in server.asked for text in asked["input"]} <= set(range(60, 65))


def test_a_query_and_a_document_are_told_apart_where_the_model_wants_it(server, make):
    make(prompts={"query": "query: "}).encode(["red"], query=True)
    make(prompts={"query": "query: "}).encode(["red"])
    assert [asked["input"] for asked in server.asked] == [["query: red"], ["red"]]


def test_the_dimensions_are_found_or_wished_for(server, make):
    assert make(dims=0).dims == DIMS
    assert "dimensions" not in server.asked[-1]
    assert make(dims=4, shorten=True).encode(["red"]).shape == (1, 4)
    assert server.asked[-1]["dimensions"] == 4


def test_the_fingerprint_tells_models_apart_and_not_keys(server, make):
    one = make()
    assert len(one.fingerprint) == 64 and one.fingerprint == make(key="another").fingerprint
    others = [make(prompts={"query": "q"}), make(dims=4), OpenAIEncoder(server.url, "b", dims=DIMS)]
    others.append(OpenAIEncoder(server.url + "/b", "shop-embed", dims=DIMS))
    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 5


# What it costs


def test_the_counter_tells_the_tokens_that_the_server_counted(server, make):
    encoder = make(price=20.0, most=2)
    encoder.encode(["one two", "three", "four five six"])
    encoder.encode(["seven"], query=True)
    assert encoder.spent.tokens == server.tokens == 7
    assert encoder.spent.requests == 3 == len(server.asked)
    assert encoder.spent.cost == pytest.approx(7 * 20 / 1e6)


def test_a_repeat_is_served_by_the_cache(server, make):
    kept = Kept()
    first = make(cache=kept).encode(["red shoes", "red shoes", "blue lamp"])
    assert [asked["input"] for asked in server.asked] == [["red shoes", "blue lamp"]]
    encoder = make(cache=kept)
    assert np.array_equal(encoder.encode(["red shoes", "red shoes", "blue lamp"]), first)
    assert len(server.asked) == 1 and encoder.spent.tokens == 0
    encoder.encode(["red shoes", "green tea"])
    assert server.asked[-1]["input"] == ["green tea"]
    make(cache=kept, prompts={"document": "d: "}).encode(["red shoes"])
    assert server.asked[-1]["input"] == ["d: red shoes"]
    assert not any("red" in key or KEY in key for key in kept)
    for key in kept:
        kept[key] = b"torn"
    assert np.array_equal(make(cache=kept).encode(["red shoes"]), first[:1])


# What goes wrong


def test_who_is_asked_to_wait_waits_as_long_as_he_is_told(server, make):
    server.plan = [refusing(429, Retry_After="1")]
    begun = time.monotonic()
    assert np.allclose(make().encode(["red"])[0], unit("red"), atol=1e-6)
    assert 1.0 <= time.monotonic() - begun < 2.0 and len(server.asked) == 2


def test_a_server_that_fails_is_asked_again(server, make):
    server.plan = [refusing(500), refusing(503, Retry_After="0.05")]
    assert np.allclose(make().encode(["red"])[0], unit("red"), atol=1e-6)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "said", "times"),
    [
        (500, "refuses: 500, it fails", 2),
        (429, "refuses: 429, it is asked too often", 2),
        (401, "refuses: 401, the key is wrong or lacking", 1),
        (404, "refuses: 404, it knows no such model or address", 1),
        (400, "refuses: 400, the request is wrong", 1),
    ],
)
def test_a_server_that_goes_on_refusing_is_named(server, make, status, said, times):
    server.plan = [refusing(status, Retry_After="0.01")] * 9
    with pytest.raises(EncoderError, match=said):
        make(patience=Patience(asking=2, retries=1)).encode(["red"])
    assert len(server.asked) == times


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusing(200, b'{"data": [{"embed'), "something else than vectors"),
        (refusing(200, b"<html>Welcome</html>", Content_Type="text/html"), "something else than vectors"),
        (refusing(200, {"data": "vectors"}), "something else than vectors"),
        (refusing(200, {"data": [{"index": 0}, {"index": 1}]}), "something else than vectors|of 1 numbers"),
        (refusing(200, {"data": []}), "something else than vectors|0 vectors for 2 texts"),
        (refusing(200, b"[]"), "something else than vectors"),
        (changing(lambda data: data[:1]), "1 vectors for 2 texts"),
        (changing(lambda data: [*data, data[0]]), "3 vectors for 2 texts"),
        (changing(lambda data: [data[0], data[0]]), "2 vectors for 2 texts, numbered"),
        (changing(lambda data: [row | {"embedding": [1.0, 2.0]} for row in data]), "of 2 numbers; it should be 8"),
        (changing(lambda data: [row | {"embedding": [None] * 8} for row in data]), "not finite|something else"),
        (changing(lambda data: [row | {"embedding": [1e60] * 8} for row in data]), "not finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_an_answer_that_is_none_is_refused(server, make, answer, said):
    server.plan = [answer] * 3
    with pytest.raises(EncoderError, match=said):
        make().encode(["red", "blue"])


def test_a_silent_server_is_given_up(server, make):
    server.plan = [silent] * 9
    with pytest.raises(EncoderError, match=r"has not answered within 0\.2 s"):
        make(patience=Patience(asking=0.2, retries=0)).encode(["red"])


def test_nobody_there():
    with Server() as gone:
        pass
    with pytest.raises(EncoderError, match="cannot be reached"):
        OpenAIEncoder(gone.url, "m", dims=DIMS, patience=Patience(retries=0)).encode(["red"])


# Nobody waits for it


def dripping(handler, asked):
    """Sends a byte now and then, so that no single read ever takes long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    while not handler.server.let_go.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


@pytest.mark.parametrize("answer", [silent, dripping])
def test_a_page_waits_a_moment_and_then_not_at_all_until_the_server_is_back(server, make, answer):
    kept = Kept()
    encoder = make(cache=kept)
    known = encoder.encode(["red"], query=True)
    server.plan = [answer]
    begun = time.monotonic()
    with pytest.raises(EncoderError, match=r"has not answered within 0\.3 s"):
        encoder.encode(["blue"], query=True)
    assert time.monotonic() - begun < 0.8
    assert encoder.breaker.is_open
    begun, asked = time.monotonic(), len(server.asked)
    for _ in range(50):
        with pytest.raises(EncoderError, match="left alone for a moment"):
            encoder.encode(["blue"], query=True)
    assert np.array_equal(encoder.encode(["red"], query=True), known)  # from the cache
    assert time.monotonic() - begun < 0.3 and len(server.asked) == asked
    assert encoder.encode(["documents are asked for all the same"]).any()
    time.sleep(HASTY.resting)
    assert np.allclose(encoder.encode(["blue"], query=True)[0], unit("blue"), atol=1e-6)
    assert not encoder.breaker.is_open


def test_a_query_is_tried_once(server, make):
    server.plan = [refusing(503)]
    with pytest.raises(EncoderError, match="503"):
        make().encode(["red"], query=True)
    assert len(server.asked) == 1


def test_one_query_that_is_refused_does_not_shut_the_others_out(server, make):
    encoder = make()
    server.plan = [refusing(400)]
    with pytest.raises(EncoderError, match="400"):
        encoder.encode(["strange"], query=True)
    assert encoder.encode(["red"], query=True).any()


# What is told to nobody


@pytest.mark.parametrize("query", [False, True])
def test_neither_the_key_nor_a_text_stands_in_an_error_or_a_log(server, make, caplog, query):
    """Servers quote both."""
    body = {"error": {"message": f"the key {KEY} may not embed 'my secret illness'"}}
    caplog.set_level(logging.DEBUG)
    with pytest.raises(EncoderError) as raised:
        server.plan = [refusing(401, body)]
        make().encode(["my secret illness"], query=query)
    error = raised.value
    assert error.__cause__ is None and error.__context__ is None
    encoder = make()
    encoder.encode(["my secret illness"], query=query)
    told = f"{error} {caplog.text} {encoder!r} {vars(encoder.breaker)}"
    assert KEY not in told and "illness" not in told and "401" in told


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("ftp://a", {}, "begins with http"),
        ("embeddings", {}, "begins with http"),
        (f"http://user:{KEY}@a/v1", {}, "a key does not belong in the address"),
        (f"http://a/v1?key={KEY}", {}, "a key does not belong in the address"),
        ("http://a", {"dims": -1}, "a number above 0"),
        ("http://a", {"dims": 0, "shorten": True}, "a number above 0"),
        ("http://a", {"length": 32}, "more than 32 tokens"),
        ("http://a", {"most": 0}, "more than 32 tokens, a request a text; got 2048 and 0"),
    ],
)
def test_what_cannot_be_is_refused_at_once(url, options, said):
    with pytest.raises(EncoderError, match=said) as raised:
        OpenAIEncoder(url, "m", **{"dims": DIMS, **options})
    assert KEY not in str(raised.value)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(EncoderError, match=r"pip install 'django-coldrec\[llm\]'"):
        OpenAIEncoder("http://a", "m", dims=DIMS)


def test_threads_share_one(server, make):
    encoder, found = make(price=1.0), {}

    def ask(at):
        found[at] = encoder.encode([f"text {at}"])[0]

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.allclose(found[at], unit(f"text {at}"), atol=1e-6) for at in range(12))
    assert encoder.spent.tokens == server.tokens == 24
