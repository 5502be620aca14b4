"""Connections to a Neo4j server: one driver for answers that somebody waits for, one for bringing data over.

A server that refuses fails fast by itself; one that accepts and says nothing hangs a driver for minutes, whatever its
settings. So every call has a deadline of its own, and what reads for people has a circuit breaker before it. The
package ``neo4j`` is imported with the first call and not before: a web worker may never need it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from coldrec.backends import waiting
from coldrec.core.errors import GraphAwayError, GraphError, GraphValueError

T = TypeVar("T")
Work = Callable[[Any], T]
"""What is done in one transaction: takes it, gives something. Done again as a whole where the driver tries again."""

SCHEMES = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")


@dataclass(frozen=True, slots=True)
class Server:
    """Where a Neo4j is and who we are there. ``neo4j://`` finds the members of a cluster, ``bolt://`` is one server."""

    uri: str
    user: str = ""  # empty: the server asks for no credentials
    password: str = field(default="", repr=False)
    database: str | None = None  # None: the user's home database


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what, in seconds."""

    connecting: float
    acquiring: float  # a connection that works
    retrying: float  # a transaction that failed for a passing reason
    querying: float  # the server's own limit of one transaction
    answering: float  # all of it together


SERVING = Patience(connecting=0.3, acquiring=0.5, retrying=0.0, querying=1.0, answering=1.5)
SYNC = Patience(connecting=5.0, acquiring=10.0, retrying=30.0, querying=20.0, answering=35.0)


class Breaker(waiting.Breaker):
    """Of a Neo4j server."""

    name, away = "Neo4j", GraphAwayError


class Driver:
    """Runs transactions on one server with one patience. Safe to share between threads."""

    def __init__(self, server: Server, patience: Patience, *, breaker: Breaker | None = None) -> None:
        self._server = server
        self._patience = patience
        self.breaker = breaker
        self._lock = threading.Lock()
        self._driver: Any = None

    def read(self, work: Work[T]) -> T:
        """What ``work`` gives in a transaction that reads.

        Raises
        ------
        GraphAwayError : the server is away, silent, too slow or does not let us in.
        GraphValueError : it refuses what it was given.
        """
        return self._call(work, "execute_read")

    def write(self, work: Work[T]) -> T:
        """What ``work`` gives in a transaction that writes all or nothing; raises as ``read`` does."""
        return self._call(work, "execute_write")

    def close(self) -> None:
        """Close the connections; a later call makes new ones."""
        with self._lock:
            driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()

    def _call(self, work: Work[T], how: str) -> T:
        if self.breaker is not None:
            self.breaker.enter()
        try:
            # What is written after the time is over does no harm: who writes is told by the fence.
            done = waiting.within(self._patience.answering, lambda: self._transact(work, how), Breaker)
        except GraphAwayError:
            if self.breaker is not None:
                self.breaker.leave(failed=True)
            raise
        except BaseException:
            if self.breaker is not None:
                self.breaker.leave(failed=False)  # it has answered
            raise
        if self.breaker is not None:
            self.breaker.leave(failed=False)
        return done

    def _transact(self, work: Work[T], how: str) -> T:
        neo4j = _package()
        limited = neo4j.unit_of_work(timeout=self._patience.querying)(work)
        try:
            driver = self._opened(neo4j)
            bookmarks = _bookmarks(neo4j, self._server)
            with driver.session(database=self._server.database, bookmark_manager=bookmarks) as session:
                return getattr(session, how)(limited)
        except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError, OSError, ValueError, OverflowError) as error:
            raise self._translated(neo4j, error) from error
        except TypeError as error:  # a value of a type that the server has not
            raise GraphValueError(f"Neo4j cannot hold this: {error}") from error

    def _opened(self, neo4j: Any) -> Any:
        server, patience = self._server, self._patience
        if server.uri.partition("://")[0] not in SCHEMES:
            raise neo4j.exceptions.ConfigurationError("it has another scheme")
        with self._lock:
            if self._driver is None:
                self._driver = neo4j.GraphDatabase.driver(
                    server.uri,
                    auth=(server.user, server.password) if server.user else None,
                    connection_timeout=patience.connecting,
                    connection_acquisition_timeout=patience.acquiring,
                    max_transaction_retry_time=patience.retrying,
                    connection_write_timeout=patience.answering,
                    liveness_check_timeout=0,  # a connection to a server that has gone silent is found before its use
                    max_connection_pool_size=20,
                    notifications_min_severity="OFF",  # a label without nodes is no news
                    telemetry_disabled=True,
                )
            return self._driver

    def _translated(self, neo4j: Any, error: Exception) -> GraphError:
        """The error in our words, without what was sent."""
        errors, uri = neo4j.exceptions, self._server.uri
        if isinstance(error, errors.AuthError):
            said = f"Neo4j at {uri} does not let {self._server.user or 'somebody without a name'!r} in: {error.message}"
            return GraphAwayError(f"{said} Correct COLDREC['NEO4J']['USER'] and ['PASSWORD'].")
        if isinstance(error, errors.Neo4jError):
            code, said = error.code or "", f"{error.code}: {error.message}"
            if code.startswith("Neo.ClientError.Database."):
                said += " Correct COLDREC['NEO4J']['DATABASE']."
            refused = isinstance(error, (errors.ConstraintError, errors.CypherTypeError)) or code in _OF_THE_VALUE
            return GraphValueError(f"Neo4j refuses it: {said}") if refused else GraphAwayError(f"Neo4j fails: {said}")
        if isinstance(error, errors.ConfigurationError):
            said = f"COLDREC['NEO4J']['URI'] is {uri!r}: {error}"
            return GraphAwayError(f"{said}. Use one of {', '.join(SCHEMES)}, such as 'bolt://127.0.0.1:7687'.")
        if isinstance(error, (errors.DriverError, OSError)):
            return GraphAwayError(f"Neo4j at {uri} does not answer: {error}")
        return GraphValueError(f"Neo4j cannot hold this: {error}")


_OF_THE_VALUE = {
    "Neo.ClientError.Statement.ArgumentError",
    "Neo.ClientError.Statement.TypeError",
    "Neo.ClientError.Statement.ParameterMissing",
    "Neo.ClientError.Request.Invalid",
}
"""Codes that blame what was sent; whatever else goes wrong is the server's."""


def serving(server: Server) -> Driver:
    """This process's driver for answers: it gives up at once, and a breaker spares a server that is away."""
    return _kept(server, SERVING, lambda: Driver(server, SERVING, breaker=Breaker()))


def syncing(server: Server) -> Driver:
    """This process's driver for bringing data over: it tries again for half a minute."""
    return _kept(server, SYNC, lambda: Driver(server, SYNC))


def is_installed() -> bool:
    """Whether the package ``neo4j`` is there; it is not imported for that."""
    from importlib.util import find_spec

    return find_spec("neo4j") is not None


# Inside -----------------------------------------------------------------------------------------------------------

_drivers: dict[tuple[int, Server, Patience], Driver] = {}
_managers: dict[tuple[int, Server], Any] = {}
_lock = threading.Lock()


def _kept(server: Server, patience: Patience, make: Callable[[], Driver]) -> Driver:
    """One driver for each process: a connection that was opened before a fork must not be used on both sides."""
    with _lock:
        key = (os.getpid(), server, patience)
        if key not in _drivers:
            _drivers[key] = make()
        return _drivers[key]


def _bookmarks(neo4j: Any, server: Server) -> Any:
    """What all sessions of this process know of the writes before them.

    In a cluster a member that lags behind waits until it has them too, so whoever reads after a sync sees it.
    """
    with _lock:
        key = (os.getpid(), server)
        if key not in _managers:
            _managers[key] = neo4j.GraphDatabase.bookmark_manager()
        return _managers[key]


def _package() -> Any:
    try:
        import neo4j
    except ImportError as error:
        said = "COLDREC['NEO4J'] is set, but the package neo4j is not installed"
        raise GraphAwayError(f"{said}; pip install 'django-coldrec[neo4j]'.") from error
    return neo4j
