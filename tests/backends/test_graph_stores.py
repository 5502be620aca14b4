"""What every engine of the knowledge graph answers, and that all answer the same."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from benchmarks.site.graphs import open_shop, run
from coldrec.backends.graph.neo4j import Neo4jGraphStore
from coldrec.backends.graph.orm import OrmGraphStore
from coldrec.core.types import Edge, Path, Triple
from coldrec.models import Entity, Item, Shop
from coldrec.services import graph_stores, graph_sync
from tests.backends import graphs

pytestmark = pytest.mark.django_db

ODD = ("item:1", "item:2", "item:3", "item:'\"`\\", "brand:Ａ", "brand:🙂", "brand:a", "x:MATCH (n) DELETE n", "x:")
GRAPH = [
    Triple("item:1", "brand", "brand:Acme"),
    Triple("item:2", "brand", "brand:Acme"),
    Triple("item:3", "brand", "brand:Oak"),
    Triple("brand:Acme", "designer", "designer:Ada"),
    Triple("brand:Oak", "designer", "designer:Ada"),
    Triple("item:1", "colour", "colour:red"),
    Triple("item:3", "colour", "colour:red"),
    Triple("item:4", "colour", "colour:red"),
    Triple("item:1", "fits_with", "item:4", 0.5),
    Triple("item:1", "bought_together", "item:2", 3.0),
]
FEW = how(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

triples = st.lists(
    st.builds(Triple, st.sampled_from(ODD), st.sampled_from(("brand", "fits_with", "x'`")), st.sampled_from(ODD)),
    unique=True,
    max_size=14,
)
weights = st.sampled_from((0.25, 1.0, 1.0, 7.5))


@pytest.fixture
def shop(tmp_path) -> Iterator[Shop]:
    with override_settings(COLDREC={"ARTIFACTS": tmp_path}):
        yield Shop.objects.create(key="graph")


@pytest.fixture
def copied(tmp_path) -> Iterator[Shop]:
    """A shop with a label of its own in Neo4j."""
    with open_shop() as shop, override_settings(COLDREC={**settings.COLDREC, "ARTIFACTS": tmp_path}):
        yield shop


@pytest.fixture(params=["orm", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def keep(request: pytest.FixtureRequest) -> graphs.Keep:
    if request.param == "orm":
        return graphs.orm(request.getfixturevalue("shop"))
    return graphs.neo4j(request.getfixturevalue("copied"))


class TestNeighbours:
    def test_by_relation_and_direction(self, keep):
        store = keep(GRAPH)
        (edges,) = store.neighbours(["item:1"]).values()
        assert edges == (
            Edge("bought_together", "item:2", True, 3.0),
            Edge("brand", "brand:Acme"),
            Edge("colour", "colour:red"),
            Edge("fits_with", "item:4", True, 0.5),
        )
        assert store.neighbours(["item:1"], relations=["colour", "fits_with"])["item:1"] == edges[2:]
        assert store.neighbours(["item:1"], relations=[]) == {"item:1": ()}
        assert store.neighbours(["brand:Acme"], direction="in")["brand:Acme"] == (
            Edge("brand", "item:1", False),
            Edge("brand", "item:2", False),
        )
        assert store.neighbours(["brand:Acme"], direction="out")["brand:Acme"] == (Edge("designer", "designer:Ada"),)

    def test_the_limit_keeps_the_weightiest(self, keep):
        assert [edge.other for edge in keep(GRAPH).neighbours(["item:1"], limit=2)["item:1"]] == [
            "item:2",
            "brand:Acme",
        ]

    def test_who_is_not_there_has_none(self, keep):
        assert keep(GRAPH).neighbours(["item:99", "brand:' OR 1=1 //"]) == {"item:99": (), "brand:' OR 1=1 //": ()}

    def test_of_equals_the_order_is_that_of_code_points(self, keep):
        others = ["x:ｚ", "x:🙂", "x:Z", "x:a", "x:é", "x:中"]
        store = keep([Triple("item:1", "of", other) for other in others])
        for limit in (3, 6):
            assert [e.other for e in store.neighbours(["item:1"], limit=limit)["item:1"]] == sorted(others)[:limit]


def test_what_is_guessed_weighs_less(keep):
    store = keep([Triple("item:1", "of", "x:known", 1.5), Triple("item:1", "of", "x:guessed", 4.0)], believed=0.25)
    assert [edge.weight for edge in store.neighbours(["item:1"])["item:1"]] == [1.0, 0.375]
    assert [triple.weight for triple in store.export()] == [1.0, 0.375]
    assert {triple.weight for triple in store.subgraph(["item:1"])} == {1.0, 0.375}


class TestPaths:
    def test_the_shortest_come_first_and_of_those_the_rarest(self, keep):
        found = keep(GRAPH).paths(["item:1"], ["item:3"], longest=4, over_items=False)
        assert [path.nodes for path in found] == [
            ("item:1", "colour:red", "item:3"),
            ("item:1", "brand:Acme", "designer:Ada", "brand:Oak", "item:3"),
        ]
        assert found[0].triples == (GRAPH[5], GRAPH[6])
        assert found[1].triples == (GRAPH[0], GRAPH[3], GRAPH[4], GRAPH[2])
        twins = [Triple(f"item:{n}", "of", "x:rare") for n in (1, 2)]
        twins += [Triple(f"item:{n}", "of", "x:common") for n in range(1, 6)]
        assert [p.nodes[1] for p in keep(twins).paths(["item:1"], ["item:2"])] == ["x:rare", "x:common"]

    def test_other_items_stand_between_only_where_that_is_wanted(self, keep):
        store = keep([Triple("item:1", "fits_with", "item:2"), Triple("item:3", "fits_with", "item:2")])
        assert [p.nodes for p in store.paths(["item:1"], ["item:3"])] == [("item:1", "item:2", "item:3")]
        assert store.paths(["item:1"], ["item:3"], longest=4, over_items=False) == ()
        assert [p.nodes for p in store.paths(["item:1"], ["item:2"], over_items=False)] == [("item:1", "item:2")]

    def test_none_leads_through_a_crowd(self, keep):
        crowd = [Triple(f"item:{n}", "of", "x:all") for n in range(8)]
        assert len(keep(crowd).paths(["item:1"], ["item:2"], most_degree=8)) == 1
        assert keep(crowd).paths(["item:1"], ["item:2"], most_degree=7) == ()

    def test_a_length_out_of_range_says_what_is_allowed(self, keep):
        with pytest.raises(ValueError, match="between 1 and 4 edges, got 5"):
            keep([]).paths(["item:1"], ["item:2"], longest=5)


def test_subgraph_stops_at_crowds(keep):
    store = keep(GRAPH)
    assert set(store.subgraph(["designer:Ada"])) == {GRAPH[3], GRAPH[4]}
    assert set(store.subgraph(["designer:Ada"], hops=2)) == {*GRAPH[:5]}
    assert set(store.subgraph(["designer:Ada"], hops=2, most_degree=2)) == {GRAPH[3], GRAPH[4], GRAPH[2]}


def test_export_is_everything_in_order_with_its_weight(keep):
    found = list(keep(GRAPH).export())
    assert found == sorted(GRAPH, key=lambda t: (t.head, t.relation, t.tail))
    assert {t.weight for t in found} == {1.0, 0.5, 3.0}


class TestVectors:
    VECTORS = np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0, -2]], np.float32)

    def test_nearest_by_cosine(self, keep):
        store = keep(GRAPH)
        store.write_vectors(["1", "2", "3", "4"], self.VECTORS)
        assert store.nearest(np.array([2, 0, 0]), 3) == (("1", 1.0), ("2", pytest.approx(0.993884)), ("3", 0.0))
        assert store.nearest(np.array([0, 0, -1]), 1) == (("4", 1.0),)

    def test_new_ones_take_the_place_of_all_old_ones(self, keep):
        store = keep(GRAPH)
        store.write_vectors(["1", "2"], self.VECTORS[:2])
        store.write_vectors(["2", "99"], np.array([[1, 1], [1, 0]], np.float32))
        assert store.nearest(np.array([1, 1]), 5) == (("2", 1.0),), "no item 99, and no vector of item 1"
        assert store.nearest(np.array([1, 0, 0]), 5) == (), "none of that length"
        store.write_vectors([], np.zeros((0, 2), np.float32))
        assert store.nearest(np.array([1, 1]), 5) == ()

    def test_none_are_kept_at_first(self, keep):
        assert keep(GRAPH).nearest(np.array([1.0, 0.0]), 5) == ()

    @pytest.mark.parametrize(
        ("vectors", "said"),
        [(np.zeros((2, 3)), r"each of 1 ids, got \(2, 3\)"), (np.array([[np.nan]]), "must be finite")],
    )
    def test_wrong_vectors_are_refused(self, keep, vectors, said):
        with pytest.raises(ValueError, match=said):
            keep(GRAPH).write_vectors(["1"], vectors)


class TestWhatIsThere:
    """The tables hold more than the graph: a triple counts while both its nodes are there."""

    def test_removed_items_and_merged_entities_are_not(self, shop):
        store = graphs.orm(shop)(GRAPH)
        store.write_vectors(["1", "3"], np.eye(2, dtype=np.float32))
        Item.objects.filter(external_id="3").update(removed_at=timezone.now())
        Entity.objects.filter(key="brand:Acme").update(merged_into=Entity.objects.get(key="brand:Oak"))
        left = [GRAPH[4], GRAPH[5], GRAPH[7], GRAPH[8], GRAPH[9]]
        assert set(store.export()) == set(left)
        assert store.degrees(["colour:red", "designer:Ada", "item:3"]) == {"colour:red": 2, "designer:Ada": 1}
        assert store.paths(["item:1"], ["item:3"], longest=4) == ()
        assert [one for one, _ in store.nearest(np.ones(2), 5)] == ["1"]

    def test_another_shop_is_another_graph(self, shop):
        graphs.orm(shop)(GRAPH)
        other = graphs.orm(Shop.objects.create(key="other"))([GRAPH[0]])
        assert list(other.export()) == [GRAPH[0]] and len(other.neighbours(["item:1"])["item:1"]) == 1


@given(found=triples, weight=st.lists(weights, min_size=14, max_size=14), data=st.data())
@FEW
def test_answers_are_those_of_a_search_through_everything(keep, found, weight, data):
    """Each engine against an oracle that enumerates; so all engines agree."""
    found = [Triple(t.head, t.relation, t.tail, w) for t, w in zip(found, weight, strict=False)]
    store = keep(found)
    assert list(store.export()) == sorted(found, key=_name)
    limit, cap = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 6))
    answer = store.neighbours(ODD, limit=limit)
    for node in ODD:
        edges = [Edge(t.relation, t.tail, True, t.weight) for t in found if t.head == node]
        edges += [Edge(t.relation, t.head, False, t.weight) for t in found if t.tail == node]
        assert (
            answer[node] == tuple(sorted(edges, key=lambda e: (-e.weight, e.relation, e.other, not e.is_out)))[:limit]
        )
    longest, over_items = data.draw(st.integers(1, 4)), data.draw(st.booleans())
    starts, ends = (data.draw(st.lists(st.sampled_from(ODD), min_size=1, max_size=3, unique=True)) for _ in "12")
    asked = {"longest": longest, "most_degree": cap, "limit": limit, "over_items": over_items}
    assert store.paths(starts, ends, **asked) == _all_paths(found, starts, ends, **asked)
    hops = data.draw(st.integers(1, 3))
    assert set(store.subgraph(starts, hops=hops, most_degree=cap)) == _reached(found, starts, hops, cap)


@pytest.mark.neo4j
@given(seed=st.integers(0, 10**6), k=st.integers(1, 12))
@how(FEW, max_examples=10)
def test_vectors_are_the_same_in_both(copied, seed, k):
    rng = np.random.default_rng(seed)
    made = [Triple(f"item:{n}", "of", "x:all") for n in range(60)]
    vectors = rng.standard_normal((60, 8)).astype(np.float32)
    asked = rng.standard_normal(8)
    answers = []
    for store in (graphs.orm(copied)(made), graphs.neo4j(copied)(made)):
        store.write_vectors([str(n) for n in range(60)], vectors)
        answers.append(store.nearest(asked, k))
    assert [one for one, _ in answers[0]] == [one for one, _ in answers[1]] and len(answers[0]) == k
    assert [how for _, how in answers[0]] == pytest.approx([how for _, how in answers[1]], abs=1e-6)


@pytest.mark.neo4j
def test_a_graph_user_asks_by_cypher(copied):
    store = graphs.neo4j(copied)(GRAPH)
    store.write_vectors(["1", "2", "3"], TestVectors.VECTORS[:3])
    asked = (
        "MATCH (n:LABEL {key: 'item:1'}) CALL db.index.vector.queryNodes($index, 2, n.vector)"
        " YIELD node, score RETURN node.key AS key"
    )
    assert [row["key"] for row in run(copied, asked, index=store.index)] == ["item:1", "item:2"]
    graph_sync.full(copied)
    assert graph_sync.verify(copied).is_equal and store.nearest(TestVectors.VECTORS[0], 1) == (("1", 1.0),)


@pytest.mark.neo4j
def test_the_setting_chooses(copied):
    with override_settings(COLDREC={**settings.COLDREC, "GRAPH": "neo4j"}):
        assert isinstance(graph_stores.of(copied), Neo4jGraphStore)
    assert isinstance(graph_stores.of(copied), OrmGraphStore)


def _name(triple: Triple) -> tuple[str, str, str]:
    return triple.head, triple.relation, triple.tail


def _degree(found: list[Triple], node: str) -> int:
    return sum(node in (t.head, t.tail) for t in found)


def _all_paths(found, starts, ends, *, longest, most_degree, limit, over_items):
    ways = [Path((start,), ()) for start in starts]
    paths = set()
    for _ in range(longest):
        ways = [
            Path((*way.nodes, other), (*way.triples, triple))
            for way in ways
            for triple in found
            for here, other in {(triple.head, triple.tail), (triple.tail, triple.head)}
            if here == way.nodes[-1] and other not in way.nodes
        ]
        paths |= {way for way in ways if way.nodes[-1] in ends}
    allowed = [
        path
        for path in paths
        if all(
            _degree(found, node) <= most_degree and (over_items or not node.startswith("item:"))
            for node in path.nodes[1:-1]
        )
    ]

    def order(path):
        between = math.prod(_degree(found, node) for node in path.nodes[1:-1])
        return len(path.triples), between, path.nodes, [_name(triple) for triple in path.triples]

    return tuple(sorted(allowed, key=order)[:limit])


def _reached(found, starts, hops, cap):
    reached, kept = set(starts), set()
    for _ in range(hops):
        left = {node for node in reached if _degree(found, node) <= cap}
        kept |= {t for t in found if t.head in left or t.tail in left}
        reached |= {node for t in kept for node in (t.head, t.tail)}
    return kept
