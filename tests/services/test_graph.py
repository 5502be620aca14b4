"""A shop's graph from what is known of it: one build, and the next that changes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from coldrec.catalogue import CatalogueItem
from coldrec.core.errors import GraphError, OntologyError
from coldrec.core.types import EventKind
from coldrec.core.types import Triple as Fact
from coldrec.models import Entity, Event, GraphChange, GraphSuggestion, Item, Triple, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import datasets, graph, shops
from coldrec.services.catalogue import Writer

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return shops.current()


def stock(shop, *items: dict) -> None:
    Writer(shop).write(CatalogueItem(**{"title": f"Item {fields['id']}", **fields}) for fields in items)


def facts(**conditions) -> set[tuple[str, str, str]]:
    return set(Triple.objects.filter(**conditions).values_list("head", "relation", "tail"))


def everything() -> tuple[list, list, list]:
    """All rows of the graph, without their numbers."""
    triples = Triple.objects.values_list(
        "head", "relation", "tail", "source", "confidence", "weight", "support", "lift"
    )
    entities = Entity.objects.values_list("key", "kind", "name", "labels", "aliases", "amount", "unit")
    asked = GraphSuggestion.objects.values_list("kind", "head", "relation", "tail", "confidence", "state")
    return tuple(sorted(map(repr, rows)) for rows in (triples, entities, asked))


def did(shop, visitor: str, *events: tuple, **fields) -> None:
    row, _ = Visitor.objects.get_or_create(shop=shop, key=visitor, defaults=fields)
    at = timezone.now() - timedelta(days=1)
    for number, (kind, what) in enumerate(events):
        is_search = kind == EventKind.SEARCH
        Event.objects.create(
            shop=shop,
            event_id=f"{visitor}-{Event.objects.count()}",
            kind=kind,
            visitor=row,
            item_id="" if is_search else what,
            query=what if is_search else "",
            occurred_at=at + timedelta(seconds=number),
        )


def test_a_catalogue_is_written_in_its_normal_form_and_entities_keep_every_spelling(shop):
    stock(
        shop,
        {"id": "1", "brand": "Acme", "category": "A > B", "attributes": {"Color": "Gray", "weight": "0.5 kg"}},
        {"id": "2", "brand": "Acme", "category": "A > B", "attributes": {"colour": "GREY", "weight": "500 g"}},
        {"id": "3", "attributes": {"colour": "灰色", "weight": "500克"}, "variant_group": "g"},
    )
    assert facts() == {
        *((f"item:{n}", "colour", "colour:grey") for n in "123"),
        *((f"item:{n}", "weight", "weight:500 g") for n in "123"),
        *((f"item:{n}", "brand", "brand:Acme") for n in "12"),
        *((f"item:{n}", "category", "category:A > B") for n in "12"),
        ("category:A > B", "parent", "category:A"),
        ("item:3", "variant_of", "variant_group:g"),
    }
    colour = Entity.objects.get(key="colour:grey")
    assert (colour.kind, colour.name, set(colour.aliases)) == ("colour", "Gray", {"GREY", "灰色"})
    assert colour.labels == {"en": "grey", "zh-hans": "灰"}
    weight = Entity.objects.get(key="weight:500 g")
    assert (weight.amount, weight.unit, weight.name, weight.aliases) == (500, "g", "0.5 kg", ["500克"])
    assert set(Entity.objects.values_list("key", flat=True)) == {
        "colour:grey", "weight:500 g", "brand:Acme", "category:A", "category:A > B", "variant_group:g",
    }  # fmt: skip


def test_a_build_twice_changes_nothing(shop):
    stock(shop, *({"id": str(n), "brand": ["Acme", "ACME"][n % 2], "attributes": {"colour": "red"}} for n in range(9)))
    for n in range(6):
        did(shop, f"v{n}", ("view", "1"), ("view", "2"))
    graph.build(shop)
    first = everything()
    report = graph.build(shop)
    assert everything() == first
    assert {source: (one.created, one.updated, one.deleted) for source, one in report.triples.items()} == dict.fromkeys(
        report.triples, (0, 0, 0)
    )
    assert (report.renamed, report.unused) == (0, 0)


def test_an_empty_shop_and_one_item(shop):
    assert graph.build(shop).quality.items == 0
    stock(shop, {"id": "1"})
    report = graph.build(shop)
    assert (report.quality.items, report.quality.coverage, report.quality.facts_per_item) == (1, 0.0, 0.0)
    stock(shop, {"id": "1", "brand": "Acme"})
    assert graph.build(shop).quality.coverage == 1.0


def test_what_was_written_before_a_preset_was_in_use_gets_its_normal_form(shop):
    for n, text in enumerate(["0.5 kg", "500 g"]):
        Item.objects.create(
            shop=shop,
            external_id=str(n),
            attributes={"weight": text},
            first_seen=timezone.now(),
            updated_at=timezone.now(),
        )
        Triple.objects.create(shop=shop, head=f"item:{n}", relation="weight", tail=f"weight:{text}")
    Triple.objects.create(
        shop=shop, head="item:0", relation="Color", tail="Color:Gray", source="import", confidence=0.5
    )
    graph.build(shop)
    assert facts(relation="weight") == {("item:0", "weight", "weight:500 g"), ("item:1", "weight", "weight:500 g")}
    row = Triple.objects.get(relation="colour")
    assert (row.tail, row.source, row.confidence) == ("colour:grey", "import", 0.5)
    assert Entity.objects.filter(key="colour:grey").exists(), "whoever wrote the triple, what it names has a row"


def test_a_writer_takes_back_its_own_facts_alone(shop):
    stock(shop, {"id": "1", "brand": "Acme", "attributes": {"colour": "red"}})
    for source in ("shop", "import", "text", "behaviour", "review"):
        Triple.objects.create(shop=shop, head="item:1", relation="said", tail=f"by:{source}", source=source)
    Triple.objects.create(
        shop=shop, head="item:1", relation="colour", tail="colour:blue", source="text", confidence=0.8
    )
    stock(shop, {"id": "1", "brand": "Bolt", "attributes": {"colour": "blue"}})
    assert facts(source="catalogue") == {("item:1", "brand", "brand:Bolt"), ("item:1", "colour", "colour:blue")}
    assert Triple.objects.get(tail="colour:blue").confidence == 1.0, "what was guessed is known now"
    assert Triple.objects.filter(relation="said").count() == 5


class TestOwnRelations:
    def build(self, shop, *triples):
        with override_settings(COLDREC={"GRAPH_RELATIONS": lambda shop: iter(triples)}):
            return graph.build(shop)

    def test_the_shop_says_what_it_knows_and_takes_it_back(self, shop):
        stock(shop, {"id": "1"}, {"id": "2"})
        self.build(shop, Fact("item:1", "designed by", "designer:Ann"), Fact("item:1", "fits_with", "item:2"))
        assert facts(source="shop") == {
            ("item:1", "designed by", "designer:Ann"),
            ("item:1", "fits_with", "item:2"),
        }
        assert Entity.objects.get(key="designer:Ann").name == "Ann"
        self.build(shop, Fact("item:1", "fits_with", "item:2"))
        assert facts(source="shop") == {("item:1", "fits_with", "item:2")}
        assert not Entity.objects.exists(), "nothing names her any more"
        graph.build(shop)
        assert not facts(), "the hook is gone, and what it said"

    def test_what_the_catalogue_says_stays_its_own(self, shop):
        stock(shop, {"id": "1", "brand": "Acme"})
        self.build(shop, Fact("item:1", "brand", "brand:Acme"))
        assert Triple.objects.get().source == "catalogue"

    @pytest.mark.parametrize("wrong", [("item:1", "a", "b:c"), None, Fact("item:1", "a", 3)])
    def test_what_is_no_triple_is_told(self, shop, wrong):
        with pytest.raises(GraphError, match="must give"):
            self.build(shop, wrong)

    @pytest.mark.parametrize("text", ["'; DROP TABLE", '"q"', "`b`", "🧨", "a\x00b", "x" * 10_000, " "])
    def test_hostile_names_survive(self, shop, text):
        stock(shop, {"id": "1", "attributes": {text: text}})
        self.build(
            shop, Fact("item:1", text, f"thing:{text}"), Fact("item:1", "x", f"{text}:y"), Fact("item:1", "x", "")
        )
        before = everything()
        self.build(
            shop, Fact("item:1", text, f"thing:{text}"), Fact("item:1", "x", f"{text}:y"), Fact("item:1", "x", "")
        )
        assert everything() == before
        assert {tail for _, _, tail in facts()} <= set(Entity.objects.values_list("key", flat=True))

    @pytest.mark.parametrize("path", ["no.such.thing", "coldrec.conf.DEFAULTS"])
    def test_a_hook_that_cannot_be_called_is_told(self, shop, path):
        with override_settings(COLDREC={"GRAPH_RELATIONS": path}), pytest.raises(GraphError, match="GRAPH_RELATIONS"):
            graph.build(shop)


class TestText:
    def shelf(self, shop, **last) -> None:
        """Ten bags of wool or cotton that say so, and one that says it in its text alone."""
        rows = [
            {
                "id": f"{material}{n}",
                "title": f"Bag of {material}",
                "category": "Bags",
                "attributes": {"material": material, "strap": ["long", "short"][n % 2]},
            }
            for material in ("wool", "cotton")
            for n in range(5)
        ]
        stock(shop, *rows, {"id": "last", "category": "Bags", **last})

    def test_a_name_in_a_title_becomes_a_fact(self, shop):
        self.shelf(shop, title="A bag in wool and felt")
        graph.build(shop)
        row = Triple.objects.get(head="item:last", source="text")
        assert (row.relation, row.tail) == ("material", "material:wool")
        assert 0.8 < row.confidence < 1

    def test_a_synonym_in_another_language_does_too(self, shop):
        self.shelf(shop, title="软包", translations={"en": {"title": "Bag"}}, text="这个包是羊毛做的。")
        graph.build(shop)
        assert GraphSuggestion.objects.get(head="item:last").tail == "material:wool", "a text is trusted less"

    def test_what_the_catalogue_says_is_not_corrected(self, shop):
        self.shelf(shop, title="Bag like wool", attributes={"material": "cotton"})
        graph.build(shop)
        assert not facts(source="text")
        assert not GraphSuggestion.objects.filter(kind="edge").exists()

    def test_a_name_that_misleads_is_not_believed(self, shop):
        self.shelf(shop, title="A long bag")
        graph.build(shop)
        assert ("item:last", "strap", "strap:long") not in facts(source="text"), "no other title tells a strap"

    def test_a_relation_of_another_kind_of_product_is_not_read(self, shop):
        self.shelf(shop, title="Wool scissors")
        stock(shop, {"id": "last", "title": "Wool scissors", "category": "Tools"})
        graph.build(shop)
        assert not facts(head="item:last", source="text")

    def test_a_fact_that_the_text_does_not_say_any_more_goes(self, shop):
        self.shelf(shop, title="A bag in wool")
        graph.build(shop)
        stock(shop, {"id": "last", "title": "A bag", "category": "Bags"})
        graph.build(shop)
        assert not facts(source="text")

    def test_a_meaning_is_chosen_by_vectors(self, shop):
        import numpy as np

        rows = [
            {
                "id": f"{relation}{n}",
                "category": "Things",
                "attributes": {"metal": "steel", "fruit": "pear"} | {relation: "quince"},
            }
            for relation in ("metal", "fruit")
            for n in range(3)
        ]
        stock(shop, *rows, {"id": "last", "title": "Jam of quince", "category": "Things"})
        axes = {"metal:quince": [1.0, 0.0], "fruit:quince": [0.0, 1.0], "item:last": [0.1, 0.9]}

        graph.build(shop)
        found = GraphSuggestion.objects.filter(head="item:last")
        assert {row.tail for row in found} == {"metal:quince", "fruit:quince"}, "both may be meant"
        graph.build(shop, vectors=lambda nodes: {node: np.array(axes[node]) for node in nodes if node in axes})
        assert [row.tail for row in found.all()] == ["fruit:quince"]

    def test_items_that_are_named_as_fitting_are_tied(self, shop):
        stock(
            shop,
            {"id": "printer", "title": "Laser printer 65", "brand": "Acme", "attributes": {"model": "L65"}},
            {"id": "toner", "title": "Toner", "attributes": {"fits": "Acme L65"}},
            {"id": "paper", "title": "Paper", "attributes": {"fits with": "laser PRINTER 65, unknown thing"}},
        )
        graph.build(shop)
        assert facts(relation="fits_with", source="text") == {
            ("item:toner", "fits_with", "item:printer"),
            ("item:paper", "fits_with", "item:printer"),
        }


class TestImplications:
    @pytest.fixture(autouse=True)
    def _presets(self):
        with override_settings(COLDREC={"ONTOLOGY": ["health_food", "finance"]}):
            yield

    def test_butter_is_milk_and_no_coconut_milk_is(self, shop):
        stock(
            shop,
            {"id": "biscuit", "attributes": {"Ingredients": "wheat flour, butter (20%), sugar"}},
            {"id": "curry", "attributes": {"ingredients": "coconut milk; peanut butter; rice"}},
            {"id": "muesli", "attributes": {"配料": "燕麦、牛奶"}},
        )
        graph.build(shop)
        assert facts(relation="allergen") == {
            ("item:biscuit", "allergen", "allergen:milk"),
            ("item:biscuit", "allergen", "allergen:gluten"),
            ("item:curry", "allergen", "allergen:peanut"),
            ("item:muesli", "allergen", "allergen:gluten"),
            ("item:muesli", "allergen", "allergen:milk"),
        }
        assert ("item:curry", "not_for", "diet:vegan") not in facts()
        assert ("item:biscuit", "not_for", "diet:vegan") in facts(source="implied")
        stock(shop, {"id": "biscuit", "attributes": {"ingredients": "rice, sugar"}})
        graph.build(shop)
        assert not facts(head="item:biscuit", source="implied"), "what it followed from is gone"

    def test_a_fund_has_the_risk_of_its_kind_unless_it_says_its_own(self, shop):
        stock(
            shop,
            {"id": "world", "category": "Money > Share funds"},
            {"id": "save", "category": "Money > Savings accounts > Young savers"},
            {"id": "own", "category": "Money > Share funds", "attributes": {"risk class": "3"}},
        )
        graph.build(shop)
        assert facts(relation="risk_class") == {
            ("item:world", "risk_class", "risk_class:high"),
            ("item:save", "risk_class", "risk_class:very low"),
            ("item:own", "risk_class", "risk_class:3"),
        }


class TestBehaviour:
    def test_who_meets_in_one_visit_is_tied_if_enough_people_say_so(self, shop):
        stock(shop, *({"id": n} for n in "abc"))
        for n in range(5):
            did(shop, f"v{n}", ("view", "a"), ("view", "b"), ("purchase", "a"), ("purchase", "c"))
        for n in range(4):
            did(shop, f"w{n}", ("view", "b"), ("view", "c"))
        graph.build(shop)
        rows = {row.relation: row for row in Triple.objects.filter(source="behaviour")}
        assert {(row.head, row.relation, row.tail) for row in rows.values()} == {
            ("item:a", "viewed_with", "item:b"),
            ("item:a", "bought_with", "item:c"),
        }
        assert (rows["viewed_with"].support, rows["viewed_with"].lift) == (5, 1.0), "5 · 9 / (5 · 9)"
        assert 4.9 < rows["viewed_with"].weight < 5
        graph.build(shop, least=4)
        assert ("item:b", "viewed_with", "item:c") in facts()

    def test_a_search_is_told_only_where_many_made_it(self, shop):
        stock(shop, {"id": "a"})
        for n in range(5):
            did(shop, f"v{n}", ("search", " Red  Shoes"), ("click", "a"))
        did(shop, "w", ("search", "shoes of john smith"), ("click", "a"))
        graph.build(shop)
        assert facts(source="behaviour") == {("item:a", "searched_by", "query:red shoes")}
        assert not Entity.objects.filter(key__contains="smith").exists()

    def test_only_what_happened_before_the_given_moment_counts(self, shop):
        stock(shop, {"id": "a"}, {"id": "b"})
        for n in range(5):
            did(shop, f"v{n}", ("view", "a"), ("view", "b"))
        graph.build(shop, until=timezone.now() - timedelta(days=2))
        assert not facts(source="behaviour")
        graph.build(shop)
        assert facts(source="behaviour")
        graph.build(shop, until=timezone.now() - timedelta(days=2))
        assert not facts(source="behaviour"), "and is taken back where it is not known"

    def test_one_person_counts_once_and_who_refused_not_at_all(self, shop):
        stock(shop, {"id": "a"}, {"id": "b"})
        for _ in range(9):
            did(shop, "one", ("view", "a"), ("view", "b"))
        for n in range(9):
            did(shop, f"r{n}", ("view", "a"), ("view", "b"), consent=Consent.REFUSED)
        graph.build(shop)
        assert not facts(source="behaviour")

    def test_a_model_does_not_learn_from_these_edges(self, shop):
        """It learns from the events, some of which are hidden to judge it."""
        stock(shop, {"id": "a", "brand": "Acme"}, {"id": "b"})
        for n in range(5):
            did(shop, f"v{n}", ("view", "a"), ("view", "b"))
        graph.build(shop)
        assert datasets.read_shop(shop).triples == (Fact("item:a", "brand", "brand:Acme"),)


class TestQuality:
    def test_the_report_finds_what_was_planted(self, shop):
        stock(
            shop,
            *({"id": str(n), "brand": "Acme", "attributes": {"colour": "red", "weight": "1 kg"}} for n in range(60)),
            {"id": "x", "brand": "ACME"},
            {"id": "bare"},
        )
        graph.build(shop)
        Triple.objects.create(shop=shop, head="item:1", relation="brand", tail="brand:Bolt", source="import")
        Triple.objects.create(shop=shop, head="item:1", relation="fits_with", tail="item:nowhere", source="import")
        Entity.objects.create(shop=shop, key="brand:Unused", kind="brand", name="Unused")
        found = graph.quality(shop)
        assert (found.items, found.covered) == (62, 61)
        assert found.relations["brand"].items == 61
        assert found.contradiction_examples == (("item:1", "brand", ("brand:Acme", "brand:Bolt")),)
        assert found.dangling == 2, "the other brand has no row before the next build"
        assert any("item:nowhere is not there" in text for text in found.dangling_examples)
        assert found.unused == 1
        assert [key for key, _ in found.super_nodes] == ["brand:Acme", "colour:red", "weight:1 kg"]
        assert found.single == 1
        assert [(one.head, one.tail) for one in found.merges] == [("brand:ACME", "brand:Acme")]

    def test_items_that_left_are_not_counted(self, shop):
        stock(shop, {"id": "1", "brand": "Acme"})
        Writer(shop).remove(["1"])
        assert (graph.quality(shop).items, graph.quality(shop).triples, graph.quality(shop).dangling) == (0, 0, 0)


def test_changed_heads_and_entities_are_told_to_the_outbox(shop):
    with override_settings(COLDREC={"NEO4J": {"URI": "bolt://nowhere"}, "GRAPH_RELATIONS": lambda shop: hook}):
        stock(shop, {"id": "1"}, {"id": "2"})
        GraphChange.objects.all().delete()
        hook = [Fact("item:1", "designed by", "designer:Ann")]
        graph.build(shop)
        assert set(GraphChange.objects.values_list("node", flat=True)) == {"item:1", "designer:Ann"}
        GraphChange.objects.all().delete()
        graph.build(shop)
        assert not GraphChange.objects.exists(), "nothing has changed"
        hook = []
        graph.build(shop)
        assert set(GraphChange.objects.values_list("node", flat=True)) == {"item:1", "designer:Ann"}


def test_an_unknown_preset_is_told(shop):
    with override_settings(COLDREC={"ONTOLOGY": "garden"}), pytest.raises(OntologyError, match="electronics, fashion"):
        graph.build(shop)


def test_progress_names_its_step(shop):
    stock(shop, *({"id": str(n), "brand": "Acme"} for n in range(3)))
    told: list[tuple] = []
    graph.build(shop, progress=lambda *step: told.append(step))
    assert ("catalogue", 3, 3) in told
    assert ("texts", 6, 6) in told
    assert {step for step, _, _ in told} <= set(graph.STEPS)
