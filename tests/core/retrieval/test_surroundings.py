import pytest

from coldrec.core.retrieval.surroundings import STEPS, Surroundings, entity_bags, item_ties
from coldrec.core.types import Item, Triple

FACTS = [
    Triple("item:1", "contains", "ingredient:Peanut"),
    Triple("item:2", "free_of", "ingredient:Peanut"),
    Triple("item:1", "brand", "brand:Acme"),
    Triple("item:1", "like", "item:2"),
    Triple("tag:y", "of", "item:2", 0.5),
    Triple("ingredient:Peanut", "has", "allergen:nuts"),
    Triple("ingredient:Almond", "has", "allergen:nuts"),
    Triple("brand:acme", "designer", "designer:Ada"),
    Triple("designer:ada", "school", "school:Bauhaus"),
    Triple("school:bauhaus", "town", "town:Weimar"),
]


def bags_of(item: Item):
    return entity_bags(item, item_ties(FACTS).get(item.id, ()), Surroundings.of(FACTS))


def test_an_entity_is_told_once_and_by_how_it_is_reached():
    fields, near, _ = bags_of(Item("1", brand="ACME"))
    assert fields == {"brand:acme": 1.0}
    assert near == {"brand:acme": 1.0, "contains>ingredient:peanut": 1.0}
    assert bags_of(Item("2"))[1] == {"free_of>ingredient:peanut": 1.0, "of>tag:y": 0.5}


def test_entities_further_away_count_less():
    far = bags_of(Item("1", brand="Acme"))[2]
    assert far["designer:ada"] == 1.0 and far["school:bauhaus"] == 1.0
    assert far["contains>has>allergen:nuts"] == pytest.approx(2**-0.5)
    assert "free_of>has>allergen:nuts" in bags_of(Item("2"))[2], "to be free of something is not to contain it"
    assert "town:weimar" not in far and STEPS == 2


def test_what_an_item_says_itself_is_not_told_again_from_afar():
    above = [Triple("category:home > mugs", "parent", "category:home")]
    item = Item("1", category=("Home", "Mugs"))
    fields, near, far = entity_bags(item, (), Surroundings.of(above))
    assert fields is near is far


def test_ways_that_lead_in_a_circle_end():
    round_about = [Triple("a:1", "to", "b:1"), Triple("b:1", "to", "a:1"), Triple("a:1", "to", "a:1")]
    far = entity_bags(Item("1", attributes={"a": "1"}), (), Surroundings.of(round_about))[2]
    assert set(far) == {"a:1", "to>b:1"}


def test_it_is_kept_and_read_again():
    around = Surroundings.of(FACTS)
    assert Surroundings.load(around.rows()) == around
    assert around.plus([Triple("brand:new", "designer", "designer:ada")]).edges["brand:new"]
