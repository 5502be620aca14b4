"""The copy of the graph in a real Neo4j: brought over, found wrong, mended, made anew; and who may write when."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from benchmarks.site import graphs
from benchmarks.site.graphs import drop_item, held, is_equal, put_entity, put_item, run, set_edges, stock, wanted
from coldrec.backends.graph import neo4j_driver, neo4j_writer
from coldrec.core.errors import GraphAwayError, GraphFenceError
from coldrec.core.graph.node import Node
from coldrec.models import Entity, GraphChange, GraphSync
from coldrec.services import graph_sync, outbox

pytestmark = [pytest.mark.neo4j, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shop():
    with graphs.open_shop() as made:
        yield made


def tell(shop) -> None:
    """Two lamps of one brand, the first bought with the second."""
    put_entity(shop, "brand:acme", name="Acme")
    for id in ("1", "2"):
        put_item(shop, id)
        set_edges(shop, f"item:{id}", [("brand", "brand:acme")])
    set_edges(shop, "item:1", [("brand", "brand:acme"), ("bought_with", "item:2")])


def test_a_change_reaches_neo4j_and_leaves_the_outbox(shop):
    tell(shop)
    done = graph_sync.deliver(shop)
    assert (done.written, done.removed, done.waiting) == (3, 0, 0)
    assert run(shop, "MATCH (a:LABEL:Item)-[r:BOUGHT_WITH]->(b:LABEL:Item) RETURN a.id, r.relation, b.title") == [
        {"a.id": "1", "r.relation": "bought_with", "b.title": "Item 2"}
    ]
    put_item(shop, "1", title="A lamp", price=None)
    put_item(shop, "1", title="A better lamp", price=None)  # the last write wins
    assert graph_sync.deliver(shop).written == 1
    assert run(shop, "MATCH (n:LABEL {key: 'item:1'}) RETURN n.title, n.price") == [
        {"n.title": "A better lamp", "n.price": None}
    ]
    drop_item(shop, "2")
    assert graph_sync.deliver(shop).removed == 1
    assert held(shop).keys() == {"brand:acme", "item:1"} and is_equal(shop)
    put_item(shop, "2")  # it is back, and with it the edge that led to it
    graph_sync.deliver(shop)
    assert len(held(shop)["item:1"].edges) == 2 and is_equal(shop)
    assert graph_sync.full(shop).unchanged == 3
    assert not GraphChange.objects.exists()


def test_edges_come_and_go_with_what_they_lead_to(shop):
    put_item(shop, "1")
    set_edges(shop, "item:1", [("brand", "brand:acme")])
    graph_sync.deliver(shop)
    assert held(shop)["item:1"].edges == ()  # nobody knows the brand yet
    put_entity(shop, "brand:acme")
    graph_sync.deliver(shop)
    assert len(held(shop)["item:1"].edges) == 1
    other = Entity.objects.create(shop=shop, key="brand:other", kind="brand", name="other")
    Entity.objects.filter(key="brand:acme").update(merged_into=other)
    outbox.note(shop, ["brand:acme", "brand:other"])
    graph_sync.deliver(shop)
    assert held(shop).keys() == {"item:1", "brand:other"} and is_equal(shop)
    assert not graph_sync.full(shop).contains_updates


HOSTILE = [
    "'); MATCH (n) DETACH DELETE n //",
    '"} SET n.price = 0 //',
    "`) DETACH DELETE n //",
    "$LABEL $TYPE $rows",
    "🛋️ 灯 \u202e \u0007",
    "\\u0027 \\",
    "line\nbreak\ttab",
    "",
    " ",
]


def test_hostile_names_and_values_survive_a_round_trip(shop):
    for at, text in enumerate(HOSTILE):
        id = f"{at} {text}"
        put_item(shop, id, title=text, brand=text)
        put_entity(shop, f"{text}:{text}", kind=text[:64], name=text)
        set_edges(shop, f"item:{id}", [(text or "of", f"{text}:{text}")])
    put_item(shop, "long", title="x" * 500, brand="🛋" * 200)
    put_entity(shop, "word:" + "`" * 290, name="y" * 300)
    graph_sync.deliver(shop)
    assert held(shop) == {key: _plain(node) for key, node in wanted(shop).items()}
    assert len(held(shop)) == 2 * len(HOSTILE) + 2
    assert held(shop)["item:0 " + HOSTILE[0]].properties["title"] == HOSTILE[0]
    assert graph_sync.verify(shop).is_equal
    long = Node("word:long", {"kind": "word", "name": "\"'`🛋\n" * 2_000})  # longer than a column lets a name be
    graphs.writer(shop).write([long])
    assert graphs.writer(shop).read(["word:long"]) == {"word:long": long}


def _plain(node):
    """A node without what is None, which Neo4j does not keep."""
    kept = {name: value for name, value in node.properties.items() if value is not None}
    return type(node)(node.key, kept, node.edges)


def test_a_full_sync_writes_what_differs_and_nothing_else(shop):
    stock(shop, 2_300)
    told: list[tuple[int, int | None]] = []
    first = graph_sync.full(shop, progress=lambda done, of: told.append((done, of)))
    assert (first.created, first.updated, first.removed) == (2_358, 0, 0)
    assert told[-1] == (2_358, 2_358)
    assert is_equal(shop)
    before = run(shop, "MATCH (m:ColdrecGraph {shop: $shop}) RETURN properties(m) AS all", shop=shop.pk)
    second = graph_sync.full(shop)
    assert not second.contains_updates and second.unchanged == 2_358
    after = run(shop, "MATCH (m:ColdrecGraph {shop: $shop}) RETURN properties(m) AS all", shop=shop.pk)
    assert before == after
    put_item(shop, "7", title="another", note=False)
    shop.items.filter(external_id="8").update(removed_at=timezone.now())
    dry = graph_sync.full(shop, dry_run=True)
    assert (dry.created, dry.updated, dry.removed) == (0, 2, 1)  # item 9 loses the edge to item 8
    assert graph_sync.full(shop, dry_run=True) == dry  # nothing was written
    done = graph_sync.full(shop)
    assert (done.created, done.updated, done.removed) == (0, 2, 1)
    graph_sync.deliver(shop)
    assert is_equal(shop) and not graph_sync.full(shop).contains_updates


def test_an_unchanged_sync_contains_no_updates_by_neo4js_own_word(shop, monkeypatch):
    stock(shop, 50)
    graph_sync.full(shop)
    seen = []
    transact = neo4j_driver.Driver._transact

    def spied(self, work, how):
        def watched(tx):
            return work(_Listed(tx, seen))

        return transact(self, watched, how)

    monkeypatch.setattr(neo4j_driver.Driver, "_transact", spied)
    graph_sync.full(shop)
    assert seen and not any(seen)
    put_item(shop, "7", title="another", note=False)
    graph_sync.full(shop)
    assert any(seen)


class _Listed:
    """A transaction that writes down of each statement whether it changed anything."""

    def __init__(self, tx, seen):
        self._tx, self._seen = tx, seen

    def run(self, *arguments, **parameters):
        result = self._tx.run(*arguments, **parameters)
        consume = result.consume
        rows = list(result)
        self._seen.append(consume().counters.contains_updates)
        return _Rows(rows)


class _Rows(list):
    def single(self):
        return self[0]

    def values(self):
        return [list(record) for record in self]

    def consume(self):
        return None


def test_since_looks_at_what_was_written_since(shop):
    stock(shop, 20)
    graph_sync.full(shop)
    shop.items.update(title="changed unseen")
    since = timezone.now()
    put_item(shop, "7", title="changed", note=False)
    done = graph_sync.full(shop, since=since)
    assert (done.updated, done.unchanged, done.removed) == (1, 0, 0)


def test_verify_finds_what_hands_have_done_and_repair_mends_just_that(shop):
    stock(shop, 120)
    graph_sync.full(shop)
    assert graph_sync.verify(shop).is_equal
    run(shop, "MATCH (n:LABEL {key: 'item:5'}) SET n.title = 'something else'")
    run(shop, "MATCH (:LABEL {key: 'item:6'})-[r:HAS_BRAND]->() DELETE r")
    run(shop, "MATCH (a:LABEL {key: 'item:7'}), (b:LABEL {key: 'item:50'}) CREATE (a)-[:LIKES {since: 1}]->(b)")
    run(shop, "CREATE (:LABEL:Item {key: 'item:invented', title: 'no'})")
    run(shop, "MATCH (n:LABEL {key: 'item:8'}) DETACH DELETE n")
    run(shop, "MATCH (n:LABEL {key: 'item:10'}) REMOVE n:Item")
    run(shop, "MATCH (n:LABEL {key: 'item:11'}) SET n.mine = 'a word of our own'")
    run(shop, "MATCH (:LABEL {key: 'item:12'})-[r:BOUGHT_WITH]->() SET r.weight = 7")
    found = graph_sync.verify(shop)
    assert {(one.key, one.kind) for one in found.differences} == {
        ("item:5", "properties"),
        ("item:6", "edges"),
        ("item:7", "edges"),
        ("item:invented", "extra"),
        ("item:8", "missing"),
        ("item:9", "edges"),  # led to 8
        ("item:10", "properties"),
        ("item:12", "edges"),
    }
    assert found.count == 8 == graph_sync.health(shop).differences
    assert graph_sync.full(shop).updated == 0  # hashes tell nothing of it
    graph_sync.repair(shop)
    assert graph_sync.verify(shop).is_equal and is_equal(shop)
    assert graph_sync.health(shop).differences == 0
    assert run(shop, "MATCH (n:LABEL) WHERE n.mine IS NOT NULL RETURN n.key") == [{"n.key": "item:11"}]
    assert not graph_sync.full(shop).contains_updates


def test_what_waits_is_no_difference(shop, monkeypatch):
    stock(shop, 10)
    graph_sync.full(shop)
    put_item(shop, "3", title="just now")
    monkeypatch.setattr(graph_sync, "deliver", lambda *_, **__: None)
    found = graph_sync.verify(shop)
    assert (found.count, found.waiting) == (0, 1)


def test_a_rebuild_switches_once_and_drops_the_copy_before(shop):
    stock(shop, 60)
    graph_sync.full(shop)
    run(shop, "MATCH (n:LABEL {key: 'item:3'}) SET n.vector = [0.5, 1.0], n.title = 'wrong'")
    before = graph_sync.label(shop)
    done = graph_sync.rebuild(shop)
    assert (before.version, done.version, graph_sync.label(shop).version) == (1, 2, 2)
    assert graph_sync.verify(shop).is_equal and is_equal(shop)
    assert graphs.writer(shop).versions() == [2]
    assert run(shop, "MATCH (n:LABEL {key: 'item:3'}) RETURN n.vector") == [{"n.vector": [0.5, 1.0]}]
    assert run(shop, "MATCH (m:ColdrecGraph {shop: $shop}) RETURN m.label", shop=shop.pk) == [
        {"m.label": f"Coldrec{shop.pk}v2"}
    ]


def test_what_is_tied_to_all_items_is_dropped_after_them(shop, monkeypatch):
    """Else one transaction would hold every edge of a catalogue."""
    monkeypatch.setattr(neo4j_writer, "DROPPED_AT_ONCE", 10)
    stock(shop, 30)
    graph_sync.full(shop)
    writer, left = graphs.writer(shop), []
    entities = writer.counts().entities
    writer.drop(graph_sync.label(shop), between=lambda: left.append(writer.counts()))
    assert [(one.items, one.entities) for one in left[:3]] == [(20, entities), (10, entities), (0, entities)]
    assert writer.count() == 0 and all(one.edges <= 6 * one.items for one in left)


def test_a_rebuild_that_was_stopped_leaves_the_copy_before_in_service(shop, monkeypatch):
    stock(shop, 60)
    graph_sync.full(shop)

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(graph_sync._Lease, "switch", stop)
        graph_sync.rebuild(shop)
    assert graph_sync.label(shop).version == 1 and is_equal(shop)
    assert graphs.writer(shop).versions() == [1, 2]
    graph_sync.rebuild(shop)
    assert graphs.writer(shop).versions() == [2] and is_equal(shop)


def test_a_transaction_rolled_back_leaves_no_trace(shop):
    with pytest.raises(RuntimeError), transaction.atomic():
        tell(shop)
        raise RuntimeError
    assert not GraphChange.objects.exists()
    assert graph_sync.deliver(shop) == graph_sync.Delivery()
    assert held(shop) == {}


def test_two_relays_at_once_do_no_harm(shop):
    stock(shop, 600, note=True)
    done, failed = [], []

    def relay():
        try:
            done.append(graph_sync.deliver(shop, batch_size=50))
        except Exception as error:  # noqa: BLE001
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=relay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sum(one.is_busy for one in done) >= 1
    graph_sync.deliver(shop)
    assert is_equal(shop) and not GraphChange.objects.exists()


def test_a_relay_that_slept_through_its_lease_is_refused(shop):
    put_item(shop, "1", title="old")
    with pytest.raises(GraphFenceError), graph_sync._Lease.taken(shop) as asleep:
        asleep.claim()
        old = wanted(shop)
        GraphSync.objects.update(held_until=timezone.now() - timedelta(seconds=1))
        put_item(shop, "1", title="new")
        graph_sync.deliver(shop)
        with pytest.raises(GraphFenceError):
            asleep.writer.write(list(old.values()))
        asleep.delivered([], [])
    assert held(shop)["item:1"].properties["title"] == "new"


def test_a_database_restored_from_a_backup_still_gets_its_turn(shop):
    tell(shop)
    graph_sync.deliver(shop)
    run(shop, "MATCH (m:ColdrecGraph {shop: $shop}) SET m.fence = 5000", shop=shop.pk)
    put_item(shop, "1", title="later")
    graph_sync.deliver(shop)
    assert is_equal(shop) and GraphSync.objects.get().fence == 5001


def test_a_change_that_neo4j_refuses_is_given_up_and_holds_up_no_other(shop):
    text = f"CREATE CONSTRAINT coldrec_test_{shop.pk} FOR (n:LABEL) REQUIRE n.title IS UNIQUE"
    run(shop, text)
    for at in range(30):
        put_item(shop, str(at))
    put_item(shop, "again", title="Item 3")  # the shop's own constraint forbids it
    done = graph_sync.deliver(shop)
    assert (done.changes, done.refused, done.waiting) == (30, 1, 1)
    for _ in range(graph_sync.TRIES - 1):
        graph_sync.deliver(shop)
    health = graph_sync.health(shop)
    assert (health.dead, health.waiting, health.is_degraded) == (1, 0, True)
    dead = GraphChange.objects.get()
    assert dead.tries == graph_sync.TRIES and "constraint" in dead.error.lower()
    assert [one.kind for one in graph_sync.verify(shop).differences] == ["missing"]
    run(shop, f"DROP CONSTRAINT coldrec_test_{shop.pk}")
    assert graph_sync.retry_dead(shop) == 1
    graph_sync.deliver(shop)
    assert is_equal(shop) and not GraphChange.objects.exists()


def test_what_was_given_up_is_moot_once_the_node_is_delivered(shop):
    put_item(shop, "1")
    GraphChange.objects.update(dead_at=timezone.now(), tries=5, error="x")
    put_item(shop, "2")
    graph_sync.deliver(shop)
    assert GraphChange.objects.count() == 1 and graph_sync.health(shop).dead == 1
    put_item(shop, "1")
    graph_sync.deliver(shop)
    assert not GraphChange.objects.exists()


def test_what_was_given_up_can_be_discarded(shop):
    put_item(shop, "1")
    GraphChange.objects.update(dead_at=timezone.now())
    assert graph_sync.discard_dead(shop, [0]) == 0
    assert graph_sync.discard_dead(shop) == 1
    assert not GraphChange.objects.exists()


def test_a_server_that_is_away_is_not_the_changes_fault(shop, monkeypatch):
    monkeypatch.setattr(neo4j_driver, "SYNC", neo4j_driver.Patience(0.2, 0.3, 0.0, 1.0, 1.0))
    tell(shop)
    config = {"NEO4J": {"URI": "bolt://127.0.0.1:9"}, "SHOP": shop.key}
    with override_settings(COLDREC=config):
        for _ in range(graph_sync.TRIES + 1):
            with pytest.raises(GraphAwayError):
                graph_sync.deliver(shop)
        health = graph_sync.health(shop)
        assert health.is_degraded and health.degraded_since < timezone.now() and "9" in health.error
        assert health.waiting == 6 and health.lag > timedelta(0) and health.dead == 0
    assert set(GraphChange.objects.values_list("tries", flat=True)) == {0}
    graph_sync.deliver(shop)
    health = graph_sync.health(shop)
    assert (health.degraded_since, health.waiting, health.error) == (None, 0, "") and health.synced_at
    assert is_equal(shop)


def test_without_a_server_nothing_is_noted(shop):
    with override_settings(COLDREC={}):
        put_item(shop, "1")
        assert graph_sync.health(shop) == graph_sync.GraphHealth(is_on=False)
    assert not GraphChange.objects.exists()
