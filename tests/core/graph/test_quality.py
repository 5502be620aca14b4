"""What is broken in a graph is found, and what is likely one thing."""

from __future__ import annotations

import pytest

from coldrec.core.graph.ontology import Ontology
from coldrec.core.graph.quality import SHOWN, Named, examine, merges
from coldrec.core.types import Triple

ONTOLOGY = Ontology.load("health_food")


def named(*keys: str, **more: tuple[str, ...]) -> dict[str, Named]:
    return {
        key: Named(key, key.partition(":")[0], (key.partition(":")[2], *more.get(key.partition(":")[2], ())))
        for key in keys
    }


def pairs(*keys: str, uses: dict[str, int] | None = None, **more: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(one.head, one.tail) for one in merges(named(*keys, **more).values(), uses or {})]


def test_an_empty_graph_has_no_faults():
    found = examine((), {}, (), ONTOLOGY)
    assert (found.coverage, found.dangling, found.contradictions, found.merges) == (0.0, 0, 0, ())


def test_coverage_and_sparsity():
    items = {f"item:{n}" for n in range(4)}
    triples = [
        Triple("item:0", "brand", "brand:A"),
        Triple("item:0", "colour", "colour:red"),
        Triple("item:1", "brand", "brand:A"),
    ]
    found = examine(items, named("brand:A", "colour:red", "brand:B"), triples, ONTOLOGY)
    assert (found.coverage, found.facts_per_item, found.density) == (0.5, 0.75, 3 / 12)
    assert (found.single, found.unused) == (1, 1)
    assert (found.relations["brand"].items, found.relations["brand"].tails) == (2, 1)


def test_dangling_ends_are_counted_and_some_are_named():
    triples = [Triple("item:0", "brand", f"brand:{n}") for n in range(100)] + [Triple("ghost:1", "x", "item:0")]
    found = examine({"item:0"}, {}, triples, ONTOLOGY)
    assert found.dangling == 101
    assert len(found.dangling_examples) == SHOWN


def test_contradictions():
    triples = [
        Triple("item:0", "brand", "brand:A"),
        Triple("item:0", "brand", "brand:B"),
        Triple("item:1", "diet", "diet:vegan"),
        Triple("item:1", "not_for", "diet:vegan"),
        Triple("item:2", "colour", "colour:red"),
        Triple("item:2", "colour", "colour:blue"),
    ]
    found = examine({"item:0", "item:1", "item:2"}, {}, triples, ONTOLOGY)
    assert found.contradiction_examples == (
        ("item:0", "brand", ("brand:A", "brand:B")),
        ("item:1", "not_for", ("diet:vegan",)),
    ), "an item may well have two colours"


def test_super_nodes():
    items = {f"item:{n}" for n in range(100)}
    triples = [Triple(f"item:{n}", "brand", "brand:A") for n in range(60)]
    assert examine(items, named("brand:A"), triples, ONTOLOGY).super_nodes == (("brand:A", 60),)


@pytest.mark.parametrize(
    ("keys", "pair"),
    [
        (("brand:Acme", "brand:ACME"), True),
        (("brand:Acme", "brand:A.C.M.E."), True),
        (("brand:Café Noir", "brand:Cafe Noir"), True),
        (("kind:mug", "kind:mugs"), True),
        (("material:organic cotton", "material:cotton organic"), True),
        (("brand:Brightside", "brand:Brigthside"), True),
        (("brand:Brightside", "brand:Briteside"), False),  # three letters
        (("brand:Brightside", "brand:Brightsidee"), True),
        (("brand:Brightside", "brand:Brightsyde"), True),
        (("brand:Acme", "material:Acme"), False),
        (("model:X1", "model:X2"), False),
        (("model:Series 10", "model:Series 100"), False),
        (("brand:Cat", "brand:Car"), False),  # short words are like too many others
        (("brand:", "brand:!"), False),
        (("medium:DVD+R", "medium:DVD-R"), False),
        (("range:-5 - 50", "range:5 - 50"), False),
        (("plug:DB 9", "plug:DB-9"), True),
        (("plug:DB9 male, DB25 female", "plug:DB9 female, DB25 male"), False),
    ],
)
def test_what_is_likely_one(keys, pair):
    assert bool(pairs(*keys)) is pair


def test_the_rarer_is_merged_into_the_other_with_its_reason():
    (found,) = merges(named("brand:Acme", "brand:ACME").values(), {"brand:ACME": 9, "brand:Acme": 2})
    assert (found.head, found.tail, found.confidence) == ("brand:Acme", "brand:ACME", 0.97)
    assert "case" in found.because


def test_other_spellings_speak_for_it():
    assert pairs("colour:grey", "colour:ash", ash=("Grey",), uses={"colour:grey": 3}) == [("colour:ash", "colour:grey")]


def test_amounts_are_not_compared_and_a_slip_of_a_much_used_name_is_doubted():
    entities = [Named(f"w:{n} g", "w", (f"{n} g",), is_amount=True) for n in (500, 501)]
    assert merges(entities, {}) == []
    keys = ("brand:Brightside", "brand:Brightsyde")
    (rare,), (much,) = (merges(named(*keys).values(), {keys[0]: 500, keys[1]: used}) for used in (1, 400))
    assert rare.confidence > 0.5 > much.confidence


def test_a_series_is_no_slip():
    keys = [f"brand:Bright{letter}ide" for letter in "abcdefghijklmnopqrstuvwxyz"]
    assert pairs(*keys) == []
