"""What staff decide holds: for what is there, and for what is written later."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings

from coldrec.core.errors import GraphError
from coldrec.core.types import Triple as Fact
from coldrec.models import Entity, GraphChange, GraphSuggestion, Triple
from coldrec.services import graph, graph_review, shops
from coldrec.services.catalogue import Writer
from tests.services.test_graph import everything, facts, stock

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return shops.current()


@pytest.fixture
def two(shop) -> GraphSuggestion:
    """A shop with two spellings of a brand, and the suggestion to merge them."""
    stock(shop, *({"id": str(n), "brand": "Acme"} for n in range(3)), {"id": "x", "brand": "ACME"})
    graph.build(shop)
    return GraphSuggestion.objects.get()


class TestMerge:
    def test_a_merge_through_its_life(self, shop, two, django_user_model):
        user = django_user_model.objects.create(username="ann")
        before = everything()
        assert (two.kind, two.head, two.tail, two.state) == ("merge", "brand:ACME", "brand:Acme", "open")
        assert "case" in two.because

        graph_review.accept(two, user)
        assert (two.state, two.decided_by) == ("accepted", user)
        assert {tail for _, _, tail in facts()} == {"brand:Acme"}
        assert Entity.objects.get(key="brand:ACME").merged_into.key == "brand:Acme"
        assert Entity.objects.get(key="brand:Acme").aliases == ["ACME"]

        stock(shop, {"id": "y", "brand": "ACME"})
        assert ("item:y", "brand", "brand:Acme") in facts(), "what is written later is resolved"
        Triple.objects.create(shop=shop, head="item:y", relation="rivals", tail="brand:ACME", source="import")
        after = everything()
        graph.build(shop)
        assert ("item:y", "rivals", "brand:Acme") in facts(), "and what was written past it is mended by a build"
        assert GraphSuggestion.objects.get().state == "accepted", "it is not suggested again"
        Triple.objects.filter(relation="rivals").delete()
        Writer(shop).remove(["y"])
        Triple.objects.filter(head="item:y").delete()
        assert after != before

        graph_review.take_back(two, user)
        assert everything() == before
        assert (two.state, two.decided_by) == ("open", None)

    def test_a_refused_merge_never_comes_back_in_either_direction(self, shop, two):
        graph_review.refuse(two)
        stock(shop, *({"id": f"n{n}", "brand": "ACME"} for n in range(9)))  # now the other is the rarer
        graph.build(shop)
        assert [row.state for row in GraphSuggestion.objects.all()] == ["refused"]
        with pytest.raises(GraphError, match="refused"):
            graph_review.accept(two)
        graph_review.take_back(two)
        graph_review.accept(two)
        assert {tail for _, _, tail in facts()} == {"brand:Acme"}
        with pytest.raises(GraphError, match="accepted"):
            graph_review.refuse(two)

    def test_the_surer_of_two_facts_that_become_one_stays(self, shop, two):
        Triple.objects.create(
            shop=shop, head="item:x", relation="brand", tail="brand:Acme", source="text", confidence=0.9
        )
        graph_review.accept(two)
        row = Triple.objects.get(head="item:x")
        assert (row.source, row.confidence) == ("catalogue", 1.0)

    def test_a_chain_of_merges_ends_at_one(self, shop, two):
        stock(shop, {"id": "z", "brand": "A.C.M.E."})
        Entity.objects.create(shop=shop, key="brand:Best", kind="brand", name="Best")
        graph_review.accept(two)
        other = {"shop": shop, "kind": "merge", "confidence": 1}
        graph_review.accept(GraphSuggestion.objects.create(head="brand:Acme", tail="brand:Best", **other))
        graph_review.accept(GraphSuggestion.objects.create(head="brand:A.C.M.E.", tail="brand:ACME", **other))
        assert {tail for _, _, tail in facts()} == {"brand:Best"}
        assert {row.merged_into.key for row in Entity.objects.exclude(merged_into=None)} == {"brand:Best"}
        graph_review.accept(GraphSuggestion.objects.create(head="brand:Best", tail="brand:ACME", **other))
        assert Entity.objects.get(key="brand:Best").merged_into is None, "a ring cannot be closed"

    def test_ends_that_become_one_are_no_fact(self, shop, two):
        Triple.objects.create(shop=shop, head="brand:ACME", relation="part of", tail="brand:Acme", source="import")
        graph_review.accept(two)
        assert not Triple.objects.filter(relation="part of").exists()

    def test_an_entity_that_is_gone_is_told(self, shop, two):
        Entity.objects.filter(key="brand:ACME").delete()
        with pytest.raises(GraphError, match="brand:ACME"):
            graph_review.accept(two)
        two.refresh_from_db()
        assert two.state == "open", "nothing was done"
        GraphSuggestion.objects.all().delete()
        with pytest.raises(GraphError, match="not there"):
            graph_review.accept(two)

    def test_all_that_changed_is_told_to_the_outbox(self, shop, two):
        with override_settings(COLDREC={"NEO4J": {"URI": "bolt://nowhere"}}):
            graph_review.accept(two)
        assert set(GraphChange.objects.values_list("node", flat=True)) == {"item:x", "brand:ACME", "brand:Acme"}


class TestEdge:
    @pytest.fixture
    def found(self, shop) -> GraphSuggestion:
        rows = [{"id": str(n), "title": f"Bag {n}", "attributes": {"material": "wool"}} for n in range(5)]
        stock(shop, *rows, {"id": "last", "title": "Wool bag"})
        graph.build(shop)
        return GraphSuggestion.objects.get(kind="edge")

    def test_an_accepted_fact_is_staff_s_own(self, shop, found):
        assert (found.head, found.relation, found.tail) == ("item:last", "material", "material:wool")
        graph_review.accept(found)
        graph_review.accept(found)
        row = Triple.objects.get(head="item:last")
        assert (row.tail, row.source, row.confidence) == ("material:wool", "review", 1.0)
        graph.build(shop)
        assert Triple.objects.get(head="item:last").source == "review"
        graph_review.take_back(found)
        assert not facts(head="item:last")

    def test_a_refused_fact_is_not_read_out_of_the_text_however_sure(self, shop, found):
        graph_review.refuse(found)
        stock(
            shop,
            *({"id": str(n), "title": f"Wool bag {n}", "attributes": {"material": "wool"}} for n in range(20)),
        )
        graph.build(shop)
        assert not facts(head="item:last")
        assert GraphSuggestion.objects.get(kind="edge").state == "refused"
        graph_review.take_back(found)
        graph.build(shop)
        assert facts(head="item:last", source="text")

    def test_a_suggestion_that_nothing_speaks_for_any_more_goes(self, shop, found):
        stock(shop, {"id": "last", "title": "Bag"})
        graph.build(shop)
        assert not GraphSuggestion.objects.exists()


def test_users_without_a_name_decide_nothing(shop, two):
    from django.contrib.auth.models import AnonymousUser

    graph_review.refuse(two, AnonymousUser())
    assert two.decided_by is None
    assert get_user_model().objects.count() == 0
    assert Fact("item:x", "brand", "brand:ACME") in {Fact(*row) for row in facts()}
