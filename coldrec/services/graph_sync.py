"""Keeps the copy of the knowledge graph in Neo4j equal to the tables. The tables are the truth.

``deliver`` brings over what the outbox says has changed, ``full`` everything. ``verify`` compares with what is really
in Neo4j, ``repair`` mends exactly that, ``rebuild`` makes a new copy beside the old one.

Whatever writes holds the lease, one process at a time. Each lease has a higher number, the fence, and Neo4j refuses
what comes with a lower one than it has seen, so a process that slept through its lease does no harm. A run that was
killed anywhere is finished by the next: a change leaves the outbox after Neo4j has it, and bringing it over twice is
bringing it over once.

Why the order is right. A batch reads the outbox, then the tables, then writes. What changes after that has a row in the
outbox of its own, so the last write wins. Only who still holds the lease takes rows out of the outbox. Where a node
appears or goes, edges that lead to it do too, and the nodes they leave are put into the outbox first.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Min, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from coldrec import conf
from coldrec.backends.graph import neo4j_driver
from coldrec.backends.graph.cypher import Label
from coldrec.backends.graph.neo4j_driver import Server
from coldrec.backends.graph.neo4j_writer import Writer
from coldrec.core.errors import GraphAwayError, GraphError, GraphFenceError, GraphValueError
from coldrec.core.graph.node import Node
from coldrec.models import GraphChange, GraphSync, Shop
from coldrec.services import graph_nodes, holders, outbox
from coldrec.services.batches import chunks
from coldrec.services.entities import LOOKUP, Progress

BATCH = 1_000  # nodes in a transaction
TRIES = 5  # of a change that Neo4j refuses, before it is given up
LEASE = timedelta(seconds=10)  # renewed with each batch; a process that was killed is missed for so long
ERROR_LENGTH = 2_000
LISTED = 1_000  # differences that a report names; all are counted


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a run brought over. ``is_busy``: another run is at it, which goes on until nothing waits."""

    changes: int = 0  # taken out of the outbox
    written: int = 0  # nodes that differed
    removed: int = 0
    refused: int = 0  # changes that Neo4j refused in this run
    waiting: int = 0  # changes left
    is_busy: bool = False


@dataclass(frozen=True, slots=True)
class FullReport:
    """What a comparison by hash found and, unless it was a dry run, wrote."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    version: int = 1

    @property
    def contains_updates(self) -> bool:
        """Whether anything had to be written."""
        return bool(self.created or self.updated or self.removed)


@dataclass(frozen=True, slots=True)
class Difference:
    """One node that is not as the tables have it: ``missing``, ``extra``, ``properties`` or ``edges``."""

    key: str
    kind: str
    says: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """Both sides beside each other: counts, and nodes whose hash, made anew on both sides, differs."""

    nodes: int  # in the tables
    nodes_there: int
    edges: int
    edges_there: int
    count: int  # of differences
    differences: tuple[Difference, ...] = ()  # the first LISTED
    waiting: int = 0  # nodes left out, because a change of theirs is yet to be delivered
    keys: tuple[str, ...] = field(default=(), repr=False)  # of all nodes that differ

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return self.count == 0


@dataclass(frozen=True, slots=True)
class GraphHealth:
    """How the copy in Neo4j fares; told from the tables alone, Neo4j is not asked."""

    is_on: bool
    waiting: int = 0
    lag: timedelta = timedelta(0)  # age of the oldest change that waits
    dead: int = 0
    version: int = 1
    synced_at: datetime | None = None
    degraded_since: datetime | None = None
    error: str = ""
    verified_at: datetime | None = None
    differences: int | None = None

    @property
    def is_degraded(self) -> bool:
        """Whether Neo4j lags behind for a reason that somebody has to look at."""
        return bool(self.degraded_since or self.dead or self.differences)


# What is delivered ------------------------------------------------------------------------------------------------


def deliver(
    shop: Shop, *, batch_size: int = BATCH, limit_s: float | None = None, progress: Progress | None = None
) -> Delivery:
    """Bring over what waits in the outbox, oldest first, until nothing does or the time is over.

    A change that Neo4j refuses is tried again by later runs and given up after ``TRIES``; it holds up no other.

    Raises
    ------
    GraphAwayError : Neo4j is away. What waits goes on waiting, and ``health`` says since when.
    """
    ends = None if limit_s is None else time.monotonic() + limit_s
    total = _Relay(shop, batch_size)
    # A change that was noted between our last look and the end of our lease has been left to us by whoever brought it.
    while total.has_work(ends):
        with _Lease.taken(shop) as lease:
            if lease is None:
                return total.report(is_busy=True)
            try:
                total.run(lease, ends, progress)
            except GraphFenceError:  # we were too slow, and whoever has taken over goes on
                return total.report(is_busy=True)
    return total.report()


def preview(shop: Shop, *, batch_size: int = BATCH) -> Delivery:
    """What ``deliver`` would bring over now; nothing is written anywhere.

    Raises
    ------
    GraphAwayError : Neo4j is away.
    """
    writer = _writer(shop, _state(shop).version)
    written = removed = last = 0
    seen: set[str] = set()
    while batch := list(_due(shop).filter(pk__gt=last).order_by("pk").values_list("pk", "node")[:batch_size]):
        last = batch[-1][0]
        keys = sorted({node for _, node in batch} - seen)
        seen.update(keys)
        nodes, held = graph_nodes.read(shop, keys), writer.hashes(keys)
        written += sum(held.get(key) != node.digest() for key, node in nodes.items())
        removed += sum(key in held and key not in nodes for key in keys)
    return Delivery(written=written, removed=removed, waiting=_due(shop).count())


class _Relay:
    """Delivers batch by batch and remembers how it went."""

    def __init__(self, shop: Shop, batch_size: int) -> None:
        self.shop = shop
        self.batch_size = batch_size
        self.changes = self.written = self.removed = 0
        self.refused: set[int] = set()  # not tried twice in a run

    def has_work(self, ends: float | None = None) -> bool:
        return (ends is None or time.monotonic() < ends) and self._due().exists()

    def report(self, *, is_busy: bool = False) -> Delivery:
        waiting = _due(self.shop).count()
        return Delivery(self.changes, self.written, self.removed, len(self.refused), waiting, is_busy)

    def run(self, lease: _Lease, ends: float | None, progress: Progress | None) -> None:
        lease.claim()
        while self.has_work(ends):
            # First the outbox, then the tables.
            batch = list(self._due().order_by("pk").values_list("pk", "node")[: self.batch_size])
            self._deliver(lease, batch)
            if progress:
                progress(self.changes, None)
        lease.succeeded()

    def _due(self) -> Any:
        return _due(self.shop).exclude(pk__in=list(self.refused)) if self.refused else _due(self.shop)

    def _deliver(self, lease: _Lease, batch: Sequence[tuple[int, str]]) -> None:
        keys = sorted({node for _, node in batch})
        try:
            found = _Batch.read(lease, keys)
            found.write()
        except GraphValueError as error:
            if len(keys) > 1:  # which of them was it?
                middle = keys[len(keys) // 2]
                self._deliver(lease, [change for change in batch if change[1] < middle])
                self._deliver(lease, [change for change in batch if change[1] >= middle])
            else:
                self._refuse([pk for pk, _ in batch], error)
            return
        lease.delivered([pk for pk, _ in batch], keys)
        self.changes += len(batch)
        self.written += len(found.changed)
        self.removed += len(found.gone)

    def _refuse(self, changes: Sequence[int], error: GraphValueError) -> None:
        rows = GraphChange.objects.filter(pk__in=changes)
        rows.update(tries=F("tries") + 1, error=str(error)[:ERROR_LENGTH])
        rows.filter(tries__gte=TRIES).update(dead_at=timezone.now())
        self.refused.update(changes)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some nodes as the tables have them, and which of them Neo4j does not have so."""

    lease: _Lease
    changed: Sequence[Node]
    gone: Sequence[str]

    @classmethod
    def read(cls, lease: _Lease, keys: Sequence[str], *, even_if_equal: bool = False) -> _Batch:
        """What is to be written for these nodes to be as in the tables now."""
        lease.renew()
        nodes = graph_nodes.read(lease.shop, keys)
        held = lease.writer.hashes(keys)
        gone = [key for key in keys if key in held and key not in nodes]
        appeared = [key for key in nodes if held.get(key) is None]
        _note_heads(lease.shop, [*gone, *appeared], besides=keys)
        changed = [node for key, node in nodes.items() if even_if_equal or held.get(key) != node.digest()]
        return cls(lease, changed, gone)

    def write(self) -> None:
        """Write it, all or nothing."""
        self.lease.writer.write(self.changed, self.gone)


def _note_heads(shop: Shop, tails: Collection[str], *, besides: Collection[str]) -> None:
    """Put the nodes with edges to these into the outbox, unless they wait there anyway or are in hand."""
    in_hand = set(besides)
    for heads in graph_nodes.heads(shop, tails):
        waiting = set(_due(shop).filter(node__in=heads).values_list("node", flat=True))
        outbox.note(shop, set(heads) - waiting - in_hand)


# All of it --------------------------------------------------------------------------------------------------------


def full(
    shop: Shop,
    *,
    since: datetime | None = None,
    dry_run: bool = False,
    batch_size: int = BATCH,
    progress: Progress | None = None,
) -> FullReport:
    """Compare every node's hash with the one that Neo4j keeps, and write those that differ.

    With ``since`` only nodes whose row was written from then on are looked at, and nothing is removed. Memory does not
    grow with the catalogue.

    Raises
    ------
    GraphAwayError : Neo4j is away; a later run finishes.
    GraphError : another sync is at work.
    """
    if dry_run:
        writer = _writer(shop, _state(shop).version)
        return _compare(shop, writer, since=since, batch_size=batch_size, progress=progress)
    with _Lease.needed(shop) as lease:
        report = _compare(shop, lease.writer, lease, since=since, batch_size=batch_size, progress=progress)
        lease.succeeded()
        return report


def _compare(
    shop: Shop,
    writer: Writer,
    lease: _Lease | None = None,
    *,
    since: datetime | None = None,
    batch_size: int = BATCH,
    progress: Progress | None = None,
) -> FullReport:
    """Goes through the tables, then through what Neo4j holds beyond them; writes for who has a lease."""
    created = updated = unchanged = removed = 0
    total = sum(graph_nodes.counts(shop)) if progress and since is None else None
    if lease is not None:
        writer.prepare()
    with ThreadPoolExecutor(2, "coldrec-graph") as pool:
        written: Future[None] | None = None
        for nodes, held in _beside(pool, writer, graph_nodes.pages(shop, batch_size, since=since)):
            changed = [node for node in nodes if held.get(node.key) != node.digest()]
            new = [node.key for node in changed if held.get(node.key) is None]
            created += len(new)
            updated += len(changed) - len(new)
            unchanged += len(nodes) - len(changed)
            if lease is not None:
                lease.renew()
                # A node that came while this run was under way: who leads to it may have been passed already.
                came = [key for keys in chunks(new, LOOKUP) for key in _waiting(shop, keys)]
                _note_heads(shop, came, besides=())
                if changed:  # a run that finds nothing to write leaves no trace of itself either
                    lease.claim()
                    if written is not None:
                        written.result()
                    written = pool.submit(writer.write, changed)
            if progress:
                progress(created + updated + unchanged, total)
        if written is not None:
            written.result()
    there = created + updated + unchanged if lease is not None else updated + unchanged
    if since is None and writer.count() != there:
        for keys in writer.all_keys(batch_size):
            gone = set(keys) - graph_nodes.existing(shop, keys)
            removed += len(gone)
            if lease is not None and gone:
                lease.claim()
                _note_heads(shop, gone, besides=())
                writer.write((), gone)
    return FullReport(created, updated, unchanged, removed, writer.label.version)


def _beside(
    pool: ThreadPoolExecutor, writer: Writer, pages: Iterable[list[Node]]
) -> Iterator[tuple[list[Node], dict[str, str | None]]]:
    """Each page with the hashes that Neo4j keeps of its nodes, asked for while the next page is read."""
    asked: list[tuple[list[Node], Future[dict[str, str | None]]]] = []
    for nodes in pages:
        asked.append((nodes, pool.submit(writer.hashes, [node.key for node in nodes])))
        if len(asked) > 1:
            before, held = asked.pop(0)
            yield before, held.result()
    for before, held in asked:
        yield before, held.result()


# Comparing and mending --------------------------------------------------------------------------------------------


def verify(shop: Shop, *, batch_size: int = BATCH, progress: Progress | None = None) -> Verification:
    """Compare the tables with what Neo4j really holds, whatever hash it keeps; what waits is delivered first.

    A node of which a change waits is left out: it differs for a good reason.

    Raises
    ------
    GraphAwayError : Neo4j is away.
    """
    deliver(shop, batch_size=batch_size)
    writer = _writer(shop, _state(shop).version)
    suspects, nodes, edges = _suspects(shop, writer, batch_size, progress)
    if suspects and _due(shop).exists():  # editors are at work
        deliver(shop, batch_size=batch_size)
    there = writer.counts()
    found, waiting = _differences(shop, writer, suspects, batch_size)
    state = GraphSync.objects.filter(shop=shop)
    state.update(verified_at=timezone.now(), differences=len(found))
    return Verification(
        nodes=nodes,
        nodes_there=there.items + there.entities,
        edges=edges,
        edges_there=there.edges,
        count=len(found),
        differences=tuple(found[:LISTED]),
        waiting=waiting,
        keys=tuple(difference.key for difference in found),
    )


def repair(shop: Shop, *, batch_size: int = BATCH, progress: Progress | None = None) -> Verification:
    """Mend what ``verify`` finds, and only that; what it found before.

    Raises
    ------
    GraphAwayError : Neo4j is away.
    GraphError : another sync is at work.
    """
    found = verify(shop, batch_size=batch_size, progress=progress)
    if found.keys:
        with _Lease.needed(shop) as lease:
            lease.claim()
            for keys in chunks(found.keys, batch_size):
                _Batch.read(lease, keys, even_if_equal=True).write()
            left, _ = _differences(shop, lease.writer, found.keys, batch_size)
            GraphSync.objects.filter(shop=shop).update(verified_at=timezone.now(), differences=len(left))
            lease.succeeded()
        deliver(shop, batch_size=batch_size)  # what led to nodes that have gone
    return found


def _suspects(shop: Shop, writer: Writer, batch_size: int, progress: Progress | None) -> tuple[list[str], int, int]:
    """Names of nodes that differ at a first look, and how many nodes and edges the tables have."""
    suspects: list[str] = []
    nodes_seen = edges_seen = 0
    total = sum(graph_nodes.counts(shop)) if progress else None
    for nodes in graph_nodes.pages(shop, batch_size):
        held = writer.read([node.key for node in nodes])
        suspects += [node.key for node in nodes if _unlike(node, held.get(node.key))]
        nodes_seen += len(nodes)
        edges_seen += sum(len(node.edges) for node in nodes)
        if progress:
            progress(nodes_seen, total)
    for keys in writer.all_keys(batch_size):
        suspects += sorted(set(keys) - graph_nodes.existing(shop, keys))
    return suspects, nodes_seen, edges_seen


def _differences(shop: Shop, writer: Writer, suspects: Sequence[str], batch_size: int) -> tuple[list[Difference], int]:
    """What differs of these at a second look, and how many were left out because they wait."""
    found: list[Difference] = []
    left_out = 0
    for keys in chunks(suspects, batch_size):
        held = writer.read(keys)
        nodes = graph_nodes.read(shop, keys)
        waiting = {key for some in chunks(keys, LOOKUP) for key in _waiting(shop, some)}
        for key in keys:
            node, there = nodes.get(key), held.get(key)
            if node is None and there is None:
                continue
            if key in waiting:
                left_out += 1
            elif node is None:
                found.append(Difference(key, "extra"))
            elif said := _unlike(node, there):
                found.append(Difference(key, *said))
    return found, left_out


def _unlike(node: Node, there: Node | None) -> tuple[str, str] | None:
    """In what they differ, and how; None where they are equal."""
    if there is None:
        return "missing", ""
    if there.digest() == node.digest():
        return None
    wanted = {name: value for name, value in node.properties.items() if value is not None}
    if wanted != there.properties:
        names = sorted(
            name for name in wanted.keys() | there.properties if wanted.get(name) != there.properties.get(name)
        )
        return "properties", ", ".join(names)
    lost = len(set(node.edges) - set(there.edges))
    return "edges", f"-{lost} +{len(there.edges) - len(node.edges) + lost}"


# A new copy -------------------------------------------------------------------------------------------------------


def rebuild(shop: Shop, *, batch_size: int = BATCH, progress: Progress | None = None) -> FullReport:
    """Make a copy of the next version from nothing, have it served by one switch, then drop the one before.

    Until the switch the copy before serves as it was; what changes meanwhile waits and is delivered after it.

    Raises
    ------
    GraphAwayError : Neo4j is away; the copy before goes on serving.
    GraphError : another sync is at work.
    """
    with _Lease.needed(shop) as lease:
        old = lease.writer
        for version in old.versions():
            if version != old.label.version:  # left by a rebuild that was killed
                lease.drop(version)
        lease.writer = _writer(shop, old.label.version + 1, lease)
        report = _compare(shop, lease.writer, lease, batch_size=batch_size, progress=progress)
        for keys in lease.writer.all_keys(batch_size):
            lease.renew()
            lease.writer.copy_vectors(old.label, keys)
        lease.writer.index_vectors(old.label)
        while not lease.writer.are_vectors_indexed():
            lease.renew()
            time.sleep(0.2)
        lease.switch(lease.writer.label.version)
        lease.writer.announce()
        lease.drop(old.label.version)
        lease.succeeded()
    deliver(shop, batch_size=batch_size)
    return report


def forget(shop: Shop) -> None:
    """Remove everything of the shop from Neo4j, and what waits to be told to it."""
    with _Lease.needed(shop) as lease:
        lease.claim()
        for version in {*lease.writer.versions(), lease.writer.label.version}:
            lease.drop(version)
        lease.writer.forget()
        GraphChange.objects.filter(shop=shop).delete()


# What was given up ------------------------------------------------------------------------------------------------


def retry_dead(shop: Shop, changes: Iterable[int] | None = None) -> int:
    """How many changes that were given up wait again; all of the shop's, or those with these keys."""
    return int(_dead(shop, changes).update(dead_at=None, tries=0, error=""))


def discard_dead(shop: Shop, changes: Iterable[int] | None = None) -> int:
    """How many changes that were given up are gone for good; ``verify`` will name their nodes."""
    return int(_dead(shop, changes).delete()[0])


def _dead(shop: Shop, changes: Iterable[int] | None) -> Any:
    rows = GraphChange.objects.filter(shop=shop).exclude(dead_at=None)
    return rows if changes is None else rows.filter(pk__in=list(changes))


def health(shop: Shop, *, now: datetime | None = None) -> GraphHealth:
    """How the copy in Neo4j fares, in three queries."""
    if not conf.get("NEO4J"):
        return GraphHealth(is_on=False)
    state = GraphSync.objects.filter(shop=shop).first() or GraphSync(shop=shop)
    waiting = _due(shop)
    oldest = waiting.aggregate(oldest=Min("made_at"))["oldest"]
    return GraphHealth(
        is_on=True,
        waiting=waiting.count(),
        lag=max((now or timezone.now()) - oldest, timedelta(0)) if oldest else timedelta(0),
        dead=GraphChange.objects.filter(shop=shop).exclude(dead_at=None).count(),
        version=state.version,
        synced_at=state.synced_at,
        degraded_since=state.degraded_since,
        error=state.error,
        verified_at=state.verified_at,
        differences=state.differences,
    )


# The lease --------------------------------------------------------------------------------------------------------


class _Lease:
    """The right to write to a shop's graph for the next seconds, and the writer that goes with it."""

    def __init__(self, shop: Shop, state: GraphSync) -> None:
        self.shop = shop
        self.holder: str = state.holder
        self.fence: int = state.fence
        self.writer = _writer(shop, state.version, self)
        self._claimed: Label | None = None

    @classmethod
    @contextmanager
    def taken(cls, shop: Shop) -> Iterator[_Lease | None]:
        """The lease, given back at the end; None while another holds it. Tells the table how Neo4j fares."""
        state, now, holder = _state(shop), timezone.now(), holders.our_name()
        free = Q(held_until=None) | Q(held_until__lt=now)
        if holders.is_gone(state.holder):
            free |= Q(holder=state.holder)
        row = GraphSync.objects.filter(pk=state.pk)
        if not row.filter(free).update(holder=holder, held_until=now + LEASE, fence=F("fence") + 1):
            yield None
            return
        lease = cls(shop, row.get())
        try:
            yield lease
        except GraphAwayError as error:
            now = timezone.now()
            row.update(degraded_since=Coalesce("degraded_since", now), error=str(error)[:ERROR_LENGTH])
            raise
        finally:
            row.filter(holder=holder).update(holder="", held_until=None)

    @classmethod
    @contextmanager
    def needed(cls, shop: Shop) -> Iterator[_Lease]:
        """The lease; waits for whoever holds it, for as long as a holder that was killed is missed."""
        patience = time.monotonic() + 2 * LEASE.total_seconds()
        while True:
            with cls.taken(shop) as lease:
                if lease is not None:
                    yield lease
                    return
            if time.monotonic() > patience:
                raise GraphError("Another sync of the graph is at work; run this again when it is done.")
            time.sleep(0.2)

    def claim(self) -> None:
        """Have Neo4j refuse whoever held the lease before."""
        self.renew()
        if self._claimed == self.writer.label:
            return
        try:
            self.writer.claim()
        except GraphFenceError as error:
            # Ours is still the latest here, so Neo4j has seen a number that this database has never given: one of the
            # two was restored from a backup, or made anew.
            self._own().update(fence=error.fence + 1)
            self.renew()
            self.fence = self.writer.fence = error.fence + 1
            self.writer.claim()
        self._claimed = self.writer.label

    def renew(self) -> None:
        """Hold it for longer.

        Raises
        ------
        GraphFenceError : another has taken it.
        """
        if not self._own().update(held_until=timezone.now() + LEASE):
            self._lost()

    def delivered(self, changes: Sequence[int], keys: Sequence[str]) -> None:
        """Take changes out of the outbox that Neo4j has now, and what was given up of the same nodes."""
        with transaction.atomic():
            self.renew()  # who has lost the lease must leave them to who has it; the row is locked until all is done
            for pks in chunks(changes, LOOKUP):
                GraphChange.objects.filter(pk__in=pks).delete()
            dead = GraphChange.objects.filter(shop=self.shop).exclude(dead_at=None)
            if dead.exists():
                for nodes in chunks(keys, LOOKUP):
                    dead.filter(node__in=nodes).delete()

    def switch(self, version: int) -> None:
        """Have another version of the copy serve."""
        if not self._own().update(version=version, held_until=timezone.now() + LEASE):
            self._lost()

    def drop(self, version: int) -> None:
        """Remove a copy."""
        self.claim()
        self.writer.drop(Label(self.shop.pk, version), between=self.renew)

    def succeeded(self) -> None:
        """Write down that Neo4j is well and has what it was to have."""
        self._own().update(synced_at=timezone.now(), degraded_since=None, error="")

    def _own(self) -> Any:
        return GraphSync.objects.filter(shop=self.shop, holder=self.holder)

    def _lost(self) -> None:
        raise GraphFenceError("Another sync of the graph has taken over from this one.", self.fence)


def label(shop: Shop) -> Label:
    """The label of the copy that serves."""
    return Label(shop.pk, _state(shop).version)


def server() -> Server:
    """The Neo4j server of the settings.

    Raises
    ------
    GraphError : there is none.
    """
    told = conf.get("NEO4J")
    if not told:
        raise GraphError("COLDREC['NEO4J'] is not set, so there is no Neo4j to bring anything to.")
    return Server(
        uri=told["URI"],
        user=told.get("USER") or "",
        password=told.get("PASSWORD") or "",
        database=told.get("DATABASE") or None,
    )


def reach() -> None:
    """Make sure that Neo4j answers, for a page that must not wait for the patience of a sync.

    Raises
    ------
    GraphError : there is none, or it does not answer within half a second.
    """
    neo4j_driver.serving(server()).read(lambda tx: tx.run("RETURN 1").consume())


def _writer(shop: Shop, version: int, lease: _Lease | None = None) -> Writer:
    fence, holder = (lease.fence, lease.holder) if lease else (0, "")
    return Writer(neo4j_driver.syncing(server()), Label(shop.pk, version), fence=fence, holder=holder)


def _state(shop: Shop) -> GraphSync:
    return GraphSync.objects.get_or_create(shop=shop)[0]


def _due(shop: Shop) -> Any:
    return GraphChange.objects.filter(shop=shop, dead_at=None)


def _waiting(shop: Shop, keys: Sequence[str]) -> set[str]:
    return set(_due(shop).filter(node__in=keys).values_list("node", flat=True))
