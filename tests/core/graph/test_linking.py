"""Entities are found in texts, and trusted as far as the catalogue bears them out."""

from __future__ import annotations

import numpy as np
import pytest

from coldrec.core.graph.implications import Rules
from coldrec.core.graph.linking import TEXT, TITLE, Linker, Names, Target, is_telling, tokens
from coldrec.core.graph.ontology import Ontology, preset_names


def found(names: Names, text: str) -> list[tuple[str, ...]]:
    return [mention.keys for mention in names.find(text)]


def test_the_longest_name_wins_and_words_are_whole():
    names = Names(
        [("wool", "wool"), ("merino wool", "merino"), ("steel", "steel"), ("不锈钢", "steel"), ("钢", "iron")]
    )
    assert found(names, "Merino Wool and wool, no woollen thing, stainless steels") == [
        ("merino",),
        ("wool",),
        ("steel",),
    ]
    assert found(names, "这是不锈钢和钢的") == [("steel",), ("iron",)], "Chinese has no spaces"
    assert found(names, "merino") == []
    assert found(names, "") == []


def test_a_name_may_stand_for_several_things():
    names = Names([("orange", "colour:orange"), ("Oranges", "fruit:orange")])
    assert found(names, "An orange") == [("colour:orange", "fruit:orange")]


@pytest.mark.parametrize("text", ["x" * 10_000, "🧨", "'\"`}) DETACH DELETE", "\x00", "a " * 50_000])
def test_any_text_can_be_read(text):
    names = Names([("a", "a"), (text, "text")])
    assert all(mention.keys for mention in names.find(text))


def test_numbers_and_empty_words_are_not_looked_for():
    for name in ("42", "", "no", "XL", "其他", "🧨", "a1", "500 g"):
        assert not is_telling(name), name
    for name in ("wool", "羊毛", "Acme", "usb-c"):
        assert is_telling(name), name


class TestTrust:
    TARGETS = (
        Target("material:wool", "material", ("wool", "羊毛")),
        Target("strap:long", "strap", ("long",)),
        Target("colour:orange", "colour", ("orange",)),
        Target("fruit:orange", "fruit", ("orange",)),
    )

    def confidence(self, linker: Linker, text: str, key: str, trust: float = TITLE, **options) -> float:
        return next((link.confidence for link in linker.link([(text, trust)], **options) if link.key == key), 0.0)

    def test_a_name_that_was_right_is_trusted_more_and_one_that_misled_less(self):
        linker = Linker(self.TARGETS)
        before = self.confidence(linker, "wool bag", "material:wool")
        assert before == TITLE
        for _ in range(10):
            linker.learn(
                [("wool bag long", TITLE)], {"material": frozenset(["material:wool"]), "strap": frozenset(["x"])}
            )
        assert self.confidence(linker, "wool bag", "material:wool") == pytest.approx((10 + 4 * TITLE) / 14)
        assert self.confidence(linker, "long bag", "strap:long") == pytest.approx(4 * TITLE / 14)

    def test_an_item_of_which_the_relation_is_not_known_teaches_nothing(self):
        linker = Linker(self.TARGETS)
        linker.learn([("wool", TITLE)], {"colour": frozenset(["colour:red"])})
        assert self.confidence(linker, "wool", "material:wool") == TITLE

    def test_a_title_is_trusted_more_than_a_text_and_the_surest_name_counts(self):
        linker = Linker(self.TARGETS)
        assert self.confidence(linker, "wool", "material:wool", TEXT) < self.confidence(linker, "wool", "material:wool")
        (link,) = linker.link([("羊毛", TEXT), ("wool", TITLE)])
        assert link.confidence == TITLE

    def test_ambiguity_lowers_it_and_vectors_resolve_it(self):
        linker = Linker(self.TARGETS)
        assert self.confidence(linker, "orange", "fruit:orange") == TITLE / 2
        vectors = {"colour:orange": np.array([1.0, 0.0]), "fruit:orange": np.array([0.0, 1.0])}
        options = {"vector": np.array([0.2, 0.8]), "vectors": vectors}
        fruit = self.confidence(linker, "orange", "fruit:orange", **options)
        colour = self.confidence(linker, "orange", "colour:orange", **options)
        assert fruit > 0.95 * TITLE > 0.05 * TITLE > colour
        assert fruit + colour == pytest.approx(TITLE)
        nothing = {"vector": np.zeros(2), "vectors": vectors}
        assert self.confidence(linker, "orange", "fruit:orange", **nothing) == pytest.approx(TITLE / 2)


class TestImplications:
    RULES = Rules(Ontology.load(preset_names()))

    def follows(self, *facts: tuple[str, str]) -> set[tuple[str, str]]:
        told = {(kind, f"{kind}:{name}"): 1.0 for kind, name in facts}
        return {(relation, tail) for relation, tail, _ in self.RULES.follow(told)}

    @pytest.mark.parametrize(
        ("ingredient", "allergens"),
        [
            ("skimmed milk powder", {"milk"}),
            ("coconut milk", set()),
            ("almond milk", {"nuts"}),
            ("peanut butter", {"peanut"}),
            ("cocoa butter", set()),
            ("soya lecithin (soya)", {"soya"}),
            ("buckwheat", set()),
            ("gluten-free oats", set()),
            ("全脂牛奶", {"milk"}),
            ("椰奶", set()),
            ("eggplant", set()),
            ("free-range eggs", {"egg"}),
        ],
    )
    def test_what_an_ingredient_is(self, ingredient, allergens):
        found = {
            tail.partition(":")[2]
            for relation, tail in self.follows(("ingredient", ingredient))
            if relation == "allergen"
        }
        assert found == allergens

    def test_what_suits_whom(self):
        assert ("not_for", "diet:vegan") in self.follows(("ingredient", "honey"))
        assert ("not_for", "diet:vegetarian") not in self.follows(("ingredient", "honey"))
        assert ("diet", "diet:vegetarian") in self.follows(("diet", "vegan"))
        assert self.follows(("flavour", "milk")) == set(), "a flavour is no ingredient"

    def test_it_is_as_sure_as_what_it_follows_from(self):
        facts = {("ingredient", "ingredient:butter"): 0.4, ("ingredient", "ingredient:cream"): 0.9}
        assert ("allergen", "allergen:milk", 0.9) in list(self.RULES.follow(facts))

    def test_of_a_relation_with_one_value_the_graver_holds_and_its_own_before_all(self):
        both = ("product_class", "Savings account"), ("category", "Money > Share funds")
        assert self.follows(*both) == {("risk_class", "risk_class:high")}
        assert self.follows(*both, ("risk_class", "low")) == set()
        assert self.follows(("category", "Money > Share funds > World")) == {("risk_class", "risk_class:high")}


def test_tokens_of_any_writing():
    assert tokens("Ｍｅｒｉｎｏ socks 羊毛 42") == ["merino", "sock", "羊", "毛", "42"]
