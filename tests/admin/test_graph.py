"""The graph in the admin: what lies around a node, what is suggested, how the copy in Neo4j fares."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from coldrec.admin import neighbourhood
from coldrec.models import Entity, GraphChange, GraphSuggestion, Item, Shop, Triple
from tests.admin.conftest import NOON, permit, stock

SCREEN = "/admin/coldrec/graph/"
HOSTILE = ["<script>x</script>", "a\"'`b", "emoji 🫖", "x" * 290]


def tie(shop: Shop, head: str, relation: str, tail: str, **more: object) -> None:
    for node in (head, tail):
        kind, _colon, name = node.partition(":")
        if kind != "item":
            Entity.objects.get_or_create(shop=shop, key=node, defaults={"kind": kind, "name": name})
    Triple.objects.create(shop=shop, head=head, relation=relation, tail=tail, **more)


class TestNeighbourhood:
    def test_the_list_names_every_edge_with_a_link_and_the_picture_the_first(self, staff: Client, shop: Shop) -> None:
        stock(shop, 1)
        for n in range(30):
            tie(shop, "item:sku-0", "material", f"material:m{n:02}")
        page = staff.get(reverse("admin:coldrec_item_change", args=[Item.objects.get().pk])).text
        assert page.count("material:") == 0, "names, not keys"
        assert all(f">m{n:02}</a>" in page for n in range(30))
        assert f"{neighbourhood.DRAWN} of them in the picture" in page and "31 edges" in page
        assert page.count('class="coldrec-edge') == neighbourhood.DRAWN

    def test_the_picture_is_sound_whatever_the_names(self, shop: Shop) -> None:
        stock(shop, 1)
        for name in HOSTILE:
            tie(shop, "item:sku-0", name[:60], f"kind:{name}")
        markup = neighbourhood.picture(HOSTILE[0], neighbourhood.around(shop, "item:sku-0"))
        figure = ElementTree.fromstring(markup)
        names = [one.text for one in figure.iter("text")]
        assert len(names) == 1 + 1 + len(HOSTILE)
        assert "<script" not in markup and "style" not in markup
        assert all(len(name or "") <= neighbourhood.NAME for name in names)

    def test_an_item_that_nothing_is_tied_to_says_so(self, staff: Client, shop: Shop) -> None:
        stock(shop, 1)
        Triple.objects.all().delete()
        page = staff.get(reverse("admin:coldrec_item_change", args=[Item.objects.get().pk])).text
        assert "Nothing is tied to it yet." in page

    def test_it_goes_from_the_entity_back_to_its_items(self, staff: Client, shop: Shop) -> None:
        stock(shop, 3)
        page = staff.get(reverse("admin:coldrec_entity_change", args=[Entity.objects.get().pk])).text
        for item in Item.objects.all():
            assert f'{reverse("admin:coldrec_item_change", args=[item.pk])}">{item.title}</a>' in page
        assert page.count("comes from") == 3


class TestSuggestions:
    def decide(self, client: Client, action: str, *chosen: GraphSuggestion) -> str:
        data = {"action": action, "_selected_action": [one.pk for one in chosen]}
        return client.post(reverse("admin:coldrec_graphsuggestion_changelist"), data, follow=True).text

    def suggestion(self, shop: Shop) -> GraphSuggestion:
        tie(shop, "item:sku-0", "brand", "brand:Felow")
        return GraphSuggestion.objects.create(
            shop=shop, kind="merge", head="brand:Felow", tail="brand:Fellow", confidence=0.9, because="one letter"
        )

    def test_a_merge_that_is_accepted_holds_at_once(self, staff: Client, shop: Shop) -> None:
        stock(shop, 1)
        one = self.suggestion(shop)
        permit("review_graphsuggestion")
        assert "1 suggestion: done." in self.decide(staff, "accept", one)
        one.refresh_from_db()
        assert (one.state, one.decided_by.username) == ("accepted", "staff")
        assert not Triple.objects.filter(tail="brand:Felow").exists()
        assert Entity.objects.get(key="brand:Felow").merged_into == Entity.objects.get(key="brand:Fellow")

    def test_a_decision_can_be_taken_back(self, staff: Client, shop: Shop) -> None:
        stock(shop, 1)
        one = self.suggestion(shop)
        permit("review_graphsuggestion")
        self.decide(staff, "accept", one)
        self.decide(staff, "take_back", one)
        one.refresh_from_db()
        assert one.state == "open"
        assert Entity.objects.get(key="brand:Felow").merged_into is None

    def test_what_is_refused_changes_nothing(self, staff: Client, shop: Shop) -> None:
        stock(shop, 1)
        one = self.suggestion(shop)
        permit("review_graphsuggestion")
        self.decide(staff, "refuse", one)
        one.refresh_from_db()
        assert one.state == "refused"
        assert Triple.objects.filter(tail="brand:Felow").exists()

    def test_who_may_only_look_decides_nothing(self, staff: Client, shop: Shop) -> None:
        stock(shop, 1)
        one = self.suggestion(shop)
        self.decide(staff, "accept", one)
        one.refresh_from_db()
        assert one.state == "open"

    def test_both_sides_are_shown_beside_the_question(self, staff: Client, shop: Shop) -> None:
        stock(shop, 2)
        one = self.suggestion(shop)
        page = staff.get(reverse("admin:coldrec_graphsuggestion_change", args=[one.pk])).text
        assert "brand:Felow is the same as brand:Fellow" in page and "one letter" in page
        assert "Kettle 0" in page and "Kettle 1" in page


class TestScreen:
    def test_without_neo4j_the_tables_are_the_graph(self, staff: Client, shop: Shop) -> None:
        page = staff.get(SCREEN).text
        assert "the tables are the graph" in page and "Nothing is suggested" in page
        assert "Compare with the tables" not in page

    def test_relations_link_to_their_rows(self, staff: Client, shop: Shop) -> None:
        stock(shop, 3)
        tie(shop, "item:sku-0", "viewed_together", "item:sku-1", source="behaviour")
        page = staff.get(SCREEN)
        table = page.context["relation_table"]
        assert [[cell.value for cell in row] for row in table.rows] == [
            ["brand", "catalogue", 3],
            ["viewed_together", "behaviour", 1],
        ]
        assert staff.get(table.rows[0][2].link).context["cl"].result_count == 3

    def test_the_quality_is_examined_when_asked_for(self, staff: Client, shop: Shop) -> None:
        stock(shop, 4)
        tie(shop, "item:gone", "brand", "brand:Fellow")
        assert "Examine the whole graph" in staff.get(SCREEN).text
        page = staff.get(SCREEN, {"examine": "1"})
        figures = {row[0].value: row[1].value for row in page.context["quality_table"].rows}
        assert figures["items"] == 4 and figures["items of which anything is known"] == 1
        assert figures["triples with an end that is not there"] == 1
        assert "loose end" in page.text

    @override_settings(COLDREC={"NEO4J": {"URI": "bolt://127.0.0.1:1"}})
    def test_what_was_given_up_is_tried_again_or_discarded(self, staff: Client, shop: Shop) -> None:
        stock(shop, 3)
        page = staff.get(SCREEN).text
        assert "3 changes were given up" in page
        first, second, _third = GraphChange.objects.order_by("pk")
        permit("change_graphchange")
        address = reverse("admin:coldrec_graphchange_changelist")
        staff.post(address, {"action": "retry", "_selected_action": [first.pk]})
        staff.post(address, {"action": "discard", "_selected_action": [second.pk]})
        first.refresh_from_db()
        assert (first.dead_at, first.tries) == (None, 0)
        assert not GraphChange.objects.filter(pk=second.pk).exists()
        assert "1 change was given up" in staff.get(SCREEN).text

    @override_settings(COLDREC={"NEO4J": {"URI": "bolt://127.0.0.1:1"}})
    def test_a_server_that_is_away_is_said_and_breaks_nothing(self, staff: Client, shop: Shop) -> None:
        assert staff.post(SCREEN, {"act": "verify"}).status_code == 403
        permit("change_graphchange")
        page = staff.post(SCREEN, {"act": "verify"}, follow=True)
        assert page.status_code == 200 and "127.0.0.1:1" in page.text

    @pytest.mark.neo4j
    def test_a_planted_mismatch_is_found_and_put_right(self, admin_client: Client) -> None:
        from benchmarks.site.graphs import open_shop, put_item
        from coldrec.services import graph_sync

        with open_shop() as shop:
            put_item(shop, "1")
            graph_sync.deliver(shop)
            Item.objects.filter(shop=shop).update(title="Another", updated_at=NOON)  # behind coldrec's back
            address = f"{SCREEN}?shop={shop.key}"
            found = admin_client.post(address, {"act": "verify"}, follow=True).text
            assert "item:1 (properties)" in found
            admin_client.post(address, {"act": "repair"})
            assert "is equal to the tables" in admin_client.post(address, {"act": "verify"}, follow=True).text
