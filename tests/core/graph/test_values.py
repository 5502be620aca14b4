"""What means one thing is one node, and nothing that was written is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldrec.core.graph.ontology import Ontology, preset_names
from coldrec.core.graph.values import NODE_LENGTH, Normaliser, entity, folded_value, tidy
from coldrec.core.types import Triple

EVERYTHING = Normaliser(Ontology.load(preset_names()))
BASE = Normaliser(Ontology.load())
UNITS = sorted(EVERYTHING.ontology.units.values(), key=lambda unit: unit.symbol)
RELATIONS = ["colour", "material", "weight", "cable colour", "ingredient", "connector", "未知", "`x`"]


def name(relation: str, text: str) -> str:
    value = EVERYTHING.value(relation, text)
    assert value is not None
    return value.name


@pytest.mark.parametrize(
    ("relation", "spellings", "meant"),
    [
        (
            "weight",
            ["500 g", "0.5 kg", "0,5kg", "500克", "0.5 公斤", "500 grams", "1 斤", "５００ｇ", "0.500 KG"],
            "500 g",
        ),
        ("display", ['17"', "17 in", "17 inches", "17 英寸", "43.18cm", "431.8 mm", "17″"], "43.18 cm"),
        ("net", ["6 × 1 l", "6x1000 ml", "6 * 1 Liter"], "6 x 1 l"),
        ("battery", ["90 minutes", "1.5 h", "90 分钟", "5400 s"], "1.5 h"),
        ("resolution", ["1440 x 900", "1440×900", "1440x900"], "1440 x 900"),
        ("ram", ["0.512 GB", "512 MB", "512mb"], "512 MB"),
        ("colour", ["Gray", "GREY", "grey", "灰色", "灰"], "grey"),
        ("product colour", ["dark gray", "Dark  Grey"], "dark grey"),
        ("material", ["Aluminum", "aluminium", "铝"], "aluminium"),
        ("material", ["oak wood", "橡木", "Oak"], "oak"),
        ("material", ["100% cotton", "100 % Cotton", "100%棉", "cotton"], "cotton"),
        ("count", ["42", "42.0", "42,0"], "42"),
        ("pages", ["1,000", "1 000", "1'000", "1000.00"], "1000"),
    ],
)
def test_what_means_the_same_has_one_name(relation, spellings, meant):
    assert {name(relation, text) for text in spellings} == {meant}


@pytest.mark.parametrize(
    ("relation", "text", "meant"),
    [
        ("code", "007", "007"),
        ("dialling code", "+44", "+44"),
        ("ean", "4012345678901234567890", "4012345678901234567890"),
        ("data rates", "10,100,1000", "10,100,1000"),
        ("range", "-15 - 3048", "-15 - 3048"),
        ("version", "4.0.1", "4.0.1"),
        ("released", "2009-12-10", "2009-12-10"),
        ("interest", "1.80% a year", "1.80% a year"),
        ("colour", "Charcoal", "charcoal"),
        ("wifi", "802.11b", "802.11b"),
    ],
)
def test_what_only_looks_like_an_amount_stays_a_name(relation, text, meant):
    assert name(relation, text) == meant


def test_an_amount_is_known_in_its_base_unit():
    value = EVERYTHING.value("weight", "2 kg")
    assert (value.name, value.amount, value.unit) == ("2 kg", 2000.0, "g")


def test_a_colour_knows_its_name_in_other_languages():
    assert EVERYTHING.value("colour", "gray").labels == {"en": "grey", "zh-hans": "灰"}


@given(
    number=st.decimals(min_value="0.001", max_value="99999", places=3),
    unit=st.sampled_from(UNITS),
)
def test_equal_amounts_meet_whatever_unit_they_came_in(number, unit):
    """An amount written in any unit of its kind, if it can be written there exactly, has one name."""
    first = EVERYTHING.value("weight", f"{number} {unit.symbol}")
    for other in UNITS:
        if other.base == unit.base:
            amount = number * type(number)(str(unit.factor)) / type(number)(str(other.factor))
            if amount * type(number)(str(other.factor)) != number * type(number)(str(unit.factor)):
                continue
            if sum(c.isdigit() for c in f"{amount:f}") > 15:
                continue  # nobody writes it so, and a number of so many digits is a code
            assert EVERYTHING.value("weight", f"{amount:f}{other.symbol}") == first


@settings(max_examples=300)
@given(st.sampled_from(RELATIONS), st.one_of(st.text(), st.from_regex(r"[-+]?[0-9.,' ]{1,12} ?[a-zA-Z%°\"×x]{0,3}")))
def test_a_normal_form_stays_as_it_is(relation, text):
    value = EVERYTHING.value(relation, text)
    if value is None:
        assert not tidy(text) or not folded_value(text)
    else:
        assert EVERYTHING.value(relation, value.name) == value


@settings(max_examples=300)
@given(st.text(min_size=1), st.text(min_size=1), st.text())
def test_any_names_and_values_survive(head, relation, text):
    found = EVERYTHING.fact(Triple(f"item:{head}", relation, f"{relation}:{text}"))
    if found is None:
        return
    for part in (found.triple.head, found.triple.tail):
        assert len(part) <= NODE_LENGTH
        assert "\x00" not in part
        part.encode()
    assert 0 < len(found.triple.relation) <= 64
    again = EVERYTHING.fact(found.triple)
    assert again is not None
    assert again.triple == found.triple
    assert all(node.name for node in found.nodes)


HOSTILE = [
    "'; DROP TABLE",
    '"quoted"',
    "`back`tick`",
    "}) DETACH DELETE (n",
    "🧨🔥",
    "\\u0000",
    "a\x00b",
    "\ud800",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_keep_their_spelling(text):
    found = BASE.fact(Triple("item:1", text, f"{text}:{text}"))
    if ":" in text:
        return
    assert found is not None
    (node,) = found.nodes
    assert node.name == tidy(text)[:NODE_LENGTH]
    assert BASE.fact(found.triple).triple == found.triple


@pytest.mark.parametrize("text", ["", " ", "\x00", "\n\t"])
def test_nothing_is_no_fact(text):
    assert BASE.fact(Triple("item:1", "colour", f"colour:{text}")) is None
    assert BASE.fact(Triple("item:1", text, "colour:red")) is None
    assert BASE.fact(Triple("item:1", "colour", text)) is None
    assert BASE.fact(Triple(f"item:{text}", "colour", "colour:red")) is None
    assert BASE.fact(Triple("item:1", "colour", "no kind")) is None


def test_two_long_names_stay_two():
    one, two = entity("text", "x" * 10_000), entity("text", "x" * 10_000 + "y")
    assert one != two
    assert len(one) == len(two) == NODE_LENGTH


def test_names_are_as_the_shop_writes_them_and_values_are_not():
    facts = [("brand", "brand:ACME"), ("category", "category:A > B"), ("Color", "Color:RED"), ("uses", "chip:M1")]
    said = [EVERYTHING.fact(Triple("item:1", *fact)).triple for fact in facts]
    assert [(one.relation, one.tail) for one in said] == [
        ("brand", "brand:ACME"),
        ("category", "category:A > B"),
        ("colour", "colour:red"),
        ("uses", "chip:M1"),
    ]


def test_a_list_of_ingredients_is_many_values():
    split = EVERYTHING.split
    assert split("ingredients", "Oats (60%), sugar; salt") == ["Oats", "sugar", "salt"]
    assert split("配料", "燕麦、白砂糖，盐") == ["燕麦", "白砂糖", "盐"]
    assert split("ingredients", "flour (wheat, calcium), yeast.") == ["flour (wheat, calcium)", "yeast"]
    assert split("colour", "red, white") == ["red, white"], "other texts stay whole"
    assert split("ingredients", " ,; ") == []
