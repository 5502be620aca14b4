"""Changes and two relays in any order, each paused between any two of its steps: the last write wins all the same."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from benchmarks.checks import Check
from benchmarks.site import graphs
from coldrec.core.errors import GraphFenceError
from coldrec.models import Entity, GraphChange, GraphSync, Item, Shop, Triple
from coldrec.services import graph_sync

STEPS = 30  # of a run
IDS = st.sampled_from(["1", "2", "3"])
EDITS = ("put", "put", "drop", "name", "forget", "lead", "lead")
ACTS = (*EDITS, *["relay"] * 6, *["take over"] * 3, "die")
TAILS = st.sampled_from(["brand:a", "brand:b", "item:1", "item:2"])
ENDS = st.sets(st.tuples(st.sampled_from(["brand", "bought_with"]), TAILS), max_size=4)
KEYS = st.sampled_from(["brand:a", "brand:b"])
UNDONE = "?"  # of a change that is rolled back
TITLES = st.sampled_from(["", "a", "b`'\"", "灯", UNDONE])
WHO = st.sampled_from([0, 1])


class Relay:
    """``coldrec.services.graph_sync.deliver`` for one batch, a step at a time."""

    def __init__(self) -> None:
        self.taken: AbstractContextManager[graph_sync._Lease | None] | None = None
        self.lease: graph_sync._Lease | None = None
        self.changes: list[tuple[int, str]] = []
        self.batch: graph_sync._Batch | None = None
        self.is_written = False

    def begin(self, shop: Shop) -> None:
        self.taken = graph_sync._Lease.taken(shop)
        self.lease = self.taken.__enter__()
        if self.lease is None:
            self.end()
        else:
            self.lease.claim()

    def end(self) -> None:
        if self.taken is not None:
            self.taken.__exit__(None, None, None)


class Shopkeeping(RuleBasedStateMachine):
    """Who edits the shop, and who brings it over."""

    shop: Shop

    @initialize()
    def empty(self) -> None:
        for table in (Item, Entity, Triple, GraphChange):
            table.objects.filter(shop=self.shop).delete()
        graphs.run(self.shop, "MATCH (n:LABEL) DETACH DELETE n")
        self.relays = [Relay(), Relay()]
        self.dead: list[Relay] = []  # their leases are not given back

    # One rule, since Hypothesis leaves some of many out of a run, and here only all together are of interest.
    @rule(
        what=st.sampled_from([*EDITS, *"rrrr", "take over", "die"]), who=WHO, id=IDS, key=KEYS, title=TITLES, ends=ENDS
    )
    def act(self, what: str, who: int, id: str, key: str, title: str, ends: set[tuple[str, str]]) -> None:
        if what in EDITS:
            self.edit(what, id, key, title, ends)
        elif what == "take over":
            self.take_over(who)
        elif what == "die":
            self.die(who)
        else:
            for _ in range(1 + len(ends)):
                self.step(who, size=3)

    def edit(self, what: str, id: str, key: str, title: str, ends: set[tuple[str, str]]) -> None:
        with transaction.atomic():
            if what == "put":
                graphs.put_item(self.shop, id, title=title)
            elif what == "drop":
                graphs.drop_item(self.shop, id)
            elif what == "name":
                graphs.put_entity(self.shop, key)
            elif what == "forget":
                graphs.drop_entity(self.shop, key)
            else:
                graphs.set_edges(self.shop, f"item:{id}", sorted(ends))
            transaction.set_rollback(title == UNDONE)

    def take_over(self, who: int) -> None:
        """The other sleeps for so long that its lease runs out, and this one takes it."""
        if self.relays[who].lease is None:
            GraphSync.objects.filter(shop=self.shop).update(held_until=timezone.now() - timedelta(seconds=1))
            self.step(who, 1)
            self.step(who, 1)

    def step(self, who: int, size: int) -> None:
        """A relay goes on from where it was paused: lease, outbox and tables, writing, taking out; and round again."""
        relay = self.relays[who]
        if relay.lease is None:
            relay.begin(self.shop)
            if relay.lease is None:  # the other has it
                self.relays[who] = Relay()
            return
        other = self.relays[1 - who].lease
        is_late = other is not None and other.fence > relay.lease.fence
        try:
            if relay.batch is None:
                rows = GraphChange.objects.filter(shop=self.shop, dead_at=None).order_by("pk")
                relay.changes = list(rows.values_list("pk", "node")[:size])
                relay.batch = graph_sync._Batch.read(relay.lease, sorted({node for _, node in relay.changes}))
            elif not relay.is_written:
                relay.batch.write()
                relay.is_written = True
                assert not (is_late and (relay.batch.changed or relay.batch.gone)), "written by who had lost the lease"
            else:
                relay.lease.delivered([pk for pk, _ in relay.changes], sorted({node for _, node in relay.changes}))
                relay.batch, relay.is_written = None, False
                assert not is_late, "taken out by who had lost the lease"
        except GraphFenceError:
            assert is_late or self.dead or other is None, "refused for no reason"
            self.go_home(who)

    def go_home(self, who: int) -> None:
        """Give the lease back and stop."""
        self.relays[who].end()
        self.relays[who] = Relay()

    def die(self, who: int) -> None:
        """As a process that is killed: its lease stays until it runs out."""
        self.dead.append(self.relays[who])
        self.relays[who] = Relay()

    def teardown(self) -> None:
        if not hasattr(self, "relays"):
            return
        for relay in (*self.relays, *self.dead):
            relay.end()
        graph_sync.deliver(self.shop)
        assert not GraphChange.objects.filter(shop=self.shop).exists(), "the queue is not empty"
        assert graphs.digests(graphs.held(self.shop)) == graphs.digests(graphs.wanted(self.shop))
        assert not graph_sync.full(self.shop).contains_updates, "a hash that is kept is not that of what is there"


def explore(shop: Shop, runs: int) -> None:
    """So many runs; an AssertionError shows the shortest that went wrong."""
    machine = type("Runs", (Shopkeeping,), {"shop": shop})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


def check(uri: str, *, runs: int) -> list[Check]:
    with graphs.open_shop(uri) as shop:
        try:
            explore(shop, runs)
        except Exception as error:  # noqa: BLE001  it is told with the shortest run that leads to it
            return judge(runs, "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]))
    return judge(runs, "")


def judge(runs: int, trouble: str) -> list[Check]:
    return [Check("graph_orders_gone_wrong", int(bool(trouble)), "exactly", 0, "", {"runs": runs, "trouble": trouble})]
