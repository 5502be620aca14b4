"""Reasons as ways through the graph: from what the visitor did to what is shown, and every step of them is there."""

from __future__ import annotations

import os

import pytest
from django.utils import timezone, translation

from benchmarks.site.graphs import run, settings_of
from coldrec.core.types import Triple as Fact
from coldrec.models import Entity, Event, Item, Shop, SlateItem, Triple
from coldrec.services import graph_sync, reasons, slates, ties
from tests.served import HOME, SIMILAR, TOGETHER, serve, visitor_who

pytestmark = pytest.mark.django_db

FACTS = [
    *(Fact(f"item:tea{n}", "brand", "brand:Tea House") for n in range(6)),
    *(Fact(f"item:tea{n}", "brand", "brand:Leaf") for n in range(6, 20)),
    *(Fact(f"item:tea{n}", "colour", "colour:green") for n in (1, 2, 9, 12)),
    Fact("brand:Tea House", "designer", "designer:Ada"),
    Fact("brand:Leaf", "designer", "designer:Ada"),
    Fact("item:tea3", "fits_with", "item:tea4"),
]


@pytest.fixture
def told(shop: Shop) -> Shop:
    """The shop with two tastes and a graph."""
    tell(shop, FACTS)
    return shop


def tell(shop: Shop, facts: list[Fact]) -> None:
    nodes = {node for fact in facts for node in (fact.head, fact.tail) if not node.startswith("item:")}
    Entity.objects.bulk_create(
        (Entity(shop=shop, key=key, kind=key.split(":")[0], name=key.split(":")[1]) for key in sorted(nodes)),
        ignore_conflicts=True,
    )
    Triple.objects.bulk_create(Triple(shop=shop, head=f.head, relation=f.relation, tail=f.tail) for f in facts)


def tie(shop: Shop, known: str, shown: str) -> str:
    found = ties.find(shop, known, shown)
    return found.text if found else ""


def shown_ties(shop: Shop, visitor, *requests) -> list[tuple[SlateItem, str, ties.Tie]]:
    """All ties that the visitor could be shown for these lists: row, item that is known, tie."""
    for request in requests:
        serve(shop, request, visitor=visitor)
    slates.write_waiting()
    rows = SlateItem.objects.filter(shop=shop).select_related("shop", "slate")
    return [(row, one.card.id, one.tie) for row in rows for one in reasons.explain(row).evidence if one.tie]


class TestWhatIsShown:
    def test_starts_at_what_the_visitor_did_ends_at_the_item_and_exists(self, told):
        visitor = visitor_who(told, "tea1", "tea2", "tea3")
        did = set(Event.objects.filter(visitor=visitor).values_list("item_id", flat=True))
        found = shown_ties(told, visitor, HOME)
        assert len(found) >= 10
        for row, known, tie in found:
            assert (tie.path.nodes[0], tie.path.nodes[-1]) == (f"item:{known}", f"item:{row.item_id}")
            assert known in did
            exists(told, tie)

    def test_beside_an_item_it_starts_there(self, told):
        found = shown_ties(told, visitor_who(told), SIMILAR, TOGETHER)
        assert found and {known for _, known, _ in found} == {"tea3"}
        for _, _, tie in found:
            exists(told, tie)

    @pytest.mark.neo4j
    def test_cypher_finds_every_step(self, told):
        with settings_of(NEO4J={"URI": os.environ["NEO4J_URL"]}):
            try:
                graph_sync.full(told)
                for _, _, tie in shown_ties(told, visitor_who(told, "tea1", "tea2", "tea3"), HOME):
                    for triple in tie.path.triples:
                        asked = "MATCH (:LABEL {key: $head})-[r {relation: $relation}]->(:LABEL {key: $tail}) RETURN r"
                        names = {"head": triple.head, "relation": triple.relation, "tail": triple.tail}
                        assert len(run(told, asked, **names)) == 1
            finally:
                graph_sync.forget(told)

    def test_what_is_no_longer_so_is_no_longer_told(self, told):
        visitor = visitor_who(told, "tea1")
        assert shown_ties(told, visitor, HOME)
        Triple.objects.all().delete()
        assert not shown_ties(told, visitor)
        row = SlateItem.objects.filter(shop=told).select_related("shop", "slate").first()
        assert reasons.explain(row).text == "Because you looked at tea pot 1", "the sentence stays"


def exists(shop: Shop, tie: ties.Tie) -> None:
    nodes, triples = tie.path.nodes, tie.path.triples
    assert len(triples) == len(nodes) - 1
    for one, other, triple in zip(nodes[:-1], nodes[1:], triples, strict=True):
        assert {one, other} == {triple.head, triple.tail}
        assert Triple.objects.filter(shop=shop, head=triple.head, relation=triple.relation, tail=triple.tail).exists()


class TestWords:
    def test_the_rarest_is_told(self, told):
        assert tie(told, "tea1", "tea2") == "Both have the same colour: green"
        assert tie(told, "tea0", "tea5") == "Both are by Tea House"

    def test_two_steps_in_one_sentence(self, told):
        assert tie(told, "tea0", "tea7") == "Tea House and Leaf have the same designer: Ada"

    @pytest.mark.parametrize(
        ("relation", "text"),
        [
            ("fits_with", "Fits with it"),
            ("accessory_of", "Fits with it"),
            ("bought_with", "Often bought together"),
            ("viewed_with", "Often looked at together"),
            ("cites", "Tied in the catalogue: refers to"),
            ("twin_of", "Tied in the catalogue: twin of"),
        ],
    )
    @pytest.mark.parametrize("way", [("tea0", "coffee0"), ("coffee0", "tea0")])
    def test_one_edge(self, told, relation, text, way):
        tell(told, [Fact(f"item:{way[0]}", relation, f"item:{way[1]}")])
        assert tie(told, "tea0", "coffee0") == text

    @pytest.mark.parametrize(
        ("relation", "node", "text"),
        [
            ("category", "category:home > pots", "Both are in pots"),
            ("ingredient", "ingredient:oats", "Both contain oats"),
            ("variant_of", "variant_group:7", "Both are variants of one product"),
            ("searched_by", "query:gift", "Both are found by searching for “gift”"),
            ("made in", "town:Ely", "Both have the same made in: Ely"),
        ],
    )
    def test_something_in_common(self, told, relation, node, text):
        tell(told, [Fact(f"item:{item}", relation, node) for item in ("tea0", "coffee0")])
        assert tie(told, "tea0", "coffee0") == text

    def test_categories_of_one_room(self, told):
        above = "category:home"
        tell(told, [Fact(f"category:home > {kind}", "parent", above) for kind in ("pots", "cups")])
        tell(told, [Fact("item:tea0", "category", "category:home > pots")])
        tell(told, [Fact("item:coffee0", "category", "category:home > cups")])
        assert tie(told, "tea0", "coffee0") == "pots and cups both belong to home"

    def test_what_is_told_of_both_in_different_ways_is_not_made_the_same(self, told):
        tell(told, [Fact("item:tea0", "contains", "nut:hazel"), Fact("item:coffee0", "free_of", "nut:hazel")])
        assert tie(told, "tea0", "coffee0") == "Both have to do with hazel"

    def test_names_are_those_of_the_language(self, told):
        Entity.objects.filter(key="colour:green").update(labels={"zh-hans": "绿色"})
        with translation.override("zh-hans"):
            assert "绿色" in tie(told, "tea1", "tea2") and "颜色" in tie(told, "tea1", "tea2")

    def test_hostile_names_are_shown_as_text(self, told, client):
        evil = "<img src=x onerror=alert(1)>"
        tell(told, [Fact(f"item:{item}", "brand", f"brand:{evil}") for item in ("tea0", "coffee0")])
        assert tie(told, "tea0", "coffee0") == f"Both are by {evil}"

    def test_no_tie_no_words(self, told):
        assert tie(told, "tea1", "coffee1") == "" and tie(told, "gone", "tea1") == ""
        Item.objects.filter(external_id="tea2").update(removed_at=timezone.now())
        assert tie(told, "tea1", "tea2") == ""
