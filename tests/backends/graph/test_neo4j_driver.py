"""Servers that refuse, say nothing, or do not let us in; and what a call costs then."""

from __future__ import annotations

import builtins
import os
import socket
import time
from collections.abc import Iterator

import pytest

from coldrec.backends import waiting
from coldrec.backends.graph import neo4j_driver
from coldrec.backends.graph.neo4j_driver import SERVING, Breaker, Driver, Patience, Server
from coldrec.core.errors import GraphAwayError, GraphValueError

HASTY = Patience(connecting=0.2, acquiring=0.3, retrying=0.0, querying=1.0, answering=0.8)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def silent() -> Iterator[str]:
    """Accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"bolt://127.0.0.1:{server.getsockname()[1]}"


def one(tx) -> int:
    return tx.run("RETURN 1 AS one").single()["one"]


class TestBreaker:
    def test_it_opens_after_three_failures_and_lets_one_try_after_a_rest(self):
        clock = Clock()
        breaker = Breaker(failures=3, rest_s=5, clock=clock)
        for _ in range(3):
            assert not breaker.is_open
            breaker.enter()
            breaker.leave(failed=True)
        assert breaker.is_open
        with pytest.raises(GraphAwayError, match="3 times in a row"):
            breaker.enter()
        clock.now += 5
        breaker.enter()  # this one tries …
        with pytest.raises(GraphAwayError):
            breaker.enter()  # … and no other
        breaker.leave(failed=True)
        with pytest.raises(GraphAwayError):
            breaker.enter()
        clock.now += 5
        breaker.enter()
        breaker.leave(failed=False)
        breaker.enter()
        assert not breaker.is_open

    def test_failures_count_in_a_row_only(self):
        breaker = Breaker(failures=2)
        for failed in (True, False, True, False):
            breaker.enter()
            breaker.leave(failed=failed)
        breaker.enter()

    def test_an_open_one_costs_nothing(self):
        breaker = Breaker()
        for _ in range(3):
            breaker.leave(failed=True)
        driver = Driver(Server("bolt://127.0.0.1:9"), SERVING, breaker=breaker)
        took = []
        for _ in range(200):
            began = time.perf_counter()
            with pytest.raises(GraphAwayError):
                driver.read(one)
            took.append(time.perf_counter() - began)
        assert sorted(took)[100] < 0.001


class TestAway:
    def test_one_that_refuses_is_given_up_at_once(self):
        began = time.monotonic()
        with pytest.raises(GraphAwayError, match="does not answer"):
            Driver(Server("bolt://127.0.0.1:9"), HASTY).read(one)
        assert time.monotonic() - began < 1.5

    def test_one_that_says_nothing_too(self, silent):
        driver = Driver(Server(silent), HASTY, breaker=Breaker())
        driver.read.__func__  # noqa: B018
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(GraphAwayError):
                driver.read(one)
            assert time.monotonic() - began < 1.5
        assert driver.breaker.is_open

    def test_work_that_takes_too_long_is_not_waited_for(self):
        began = time.monotonic()
        with pytest.raises(GraphAwayError, match="not answered within"):
            waiting.within(0.1, lambda: time.sleep(2), Breaker)
        assert time.monotonic() - began < 1

    @pytest.mark.parametrize("uri", ["http://127.0.0.1", "127.0.0.1:7687", "bolt://a:b@127.0.0.1"])
    def test_a_wrong_address_is_named_with_those_allowed(self, uri):
        with pytest.raises(GraphAwayError, match="such as 'bolt://"):
            Driver(Server(uri), HASTY).read(one)

    def test_a_missing_package_is_named_with_the_line_that_brings_it(self, monkeypatch):
        imported = builtins.__import__

        def refuse(name, *rest):
            if name == "neo4j":
                raise ImportError(name)
            return imported(name, *rest)

        monkeypatch.setattr(builtins, "__import__", refuse)
        with pytest.raises(GraphAwayError, match=r"pip install 'django-coldrec\[neo4j\]'"):
            Driver(Server("bolt://127.0.0.1:9"), HASTY).read(one)

    def test_wrong_credentials_are_said_and_the_password_is_not(self):
        import neo4j

        driver = Driver(Server("bolt://127.0.0.1:9", "shop", "secret word"), HASTY)
        error = driver._translated(neo4j, neo4j.exceptions.AuthError("unauthorized"))
        assert isinstance(error, GraphAwayError)
        assert "'shop'" in str(error) and "['PASSWORD']" in str(error) and "secret" not in str(error)
        assert "secret" not in repr(driver._server)


@pytest.mark.neo4j
class TestServer:
    @pytest.fixture
    def server(self) -> Server:
        return Server(os.environ["NEO4J_URL"])

    def test_there_is_one_driver_for_each_patience_in_a_process(self, server):
        assert neo4j_driver.serving(server) is neo4j_driver.serving(Server(server.uri))
        assert neo4j_driver.serving(server) is not neo4j_driver.syncing(server)
        assert neo4j_driver.serving(server).read(one) == 1

    def test_a_fork_gets_connections_of_its_own(self, server, monkeypatch):
        mine = neo4j_driver.serving(server)
        monkeypatch.setattr(neo4j_driver.os, "getpid", lambda: -1)
        assert neo4j_driver.serving(server) is not mine

    def test_an_answer_closes_the_breaker_even_if_it_is_a_refusal(self, server):
        driver = Driver(server, HASTY, breaker=Breaker())
        for _ in range(4):
            with pytest.raises(GraphValueError):
                driver.read(lambda tx: tx.run("RETURN $x + 1", x=[object()]).consume())
        assert driver.read(one) == 1

    def test_a_database_that_is_not_there_is_named(self, server):
        with pytest.raises(GraphAwayError, match="'DATABASE'"):
            Driver(Server(server.uri, database="nowhere"), HASTY).read(one)

    def test_who_reads_after_a_write_waits_for_it(self, server):
        import neo4j

        written = neo4j_driver.syncing(server)
        written.write(lambda tx: tx.run("MERGE (n:ColdrecDriverTest) SET n.at = timestamp()").consume())
        known = set(neo4j_driver._bookmarks(neo4j, server).get_bookmarks())
        assert known, "the next session of this process, with whichever patience, is given these"
        written.write(lambda tx: tx.run("MATCH (n:ColdrecDriverTest) DELETE n").consume())
        assert set(neo4j_driver._bookmarks(neo4j, server).get_bookmarks()) != known
