"""Presets are data, and what is wrong with one is told."""

from __future__ import annotations

import pytest

from coldrec.core.errors import OntologyError
from coldrec.core.graph import ontology
from coldrec.core.graph.ontology import TYPES, Ontology, folded, preset_names, type_of


def test_every_preset_can_be_read_alone_and_all_together():
    assert preset_names() == ("electronics", "fashion", "finance", "health_food", "home")
    for names in (*preset_names(), preset_names()):
        assert Ontology.load(names).relation("品牌").name in ("品牌", "brand")
    assert Ontology.load().relation("color").name == "colour"


def test_a_relation_has_one_type_whatever_presets_are_in_use():
    """What is stored in Neo4j must not change when a shop changes its setting."""
    for name in preset_names():
        for relation in Ontology.load(name).relations.values():
            for spelling in (relation.name, *relation.names):
                assert type_of(spelling) == relation.type, spelling


@pytest.mark.parametrize("relation", ["", "`]->()", "x" * 10_000, "HAS_BRAND", "品牌们", "\x00"])
def test_any_relation_has_a_type_of_the_whitelist(relation):
    assert type_of(relation) in TYPES
    assert type_of(relation, "item:1") in TYPES


def test_relations_know_what_their_values_are_written_in():
    known = Ontology.load(preset_names())
    assert known.vocabulary("product colour").name == "colour"
    assert known.vocabulary("Jacket_Material").name == "material"
    assert known.vocabulary("colourful") is None
    assert known.relation("Net Weight") == known.relation("净含量")
    assert known.relation("no such thing").type == "HAS_ATTRIBUTE"


def test_no_spelling_of_a_term_is_a_term_of_the_same_vocabulary():
    """One would never be reached."""
    for one in Ontology.load(preset_names()).vocabularies.values():
        terms = {folded(term) for term in one.terms}
        for term, spellings in one.terms.items():
            assert not terms & {folded(spelling) for spelling in spellings}, (one.name, term)


def test_later_presets_are_heard_and_vocabularies_are_put_together(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(
        '[relations.brand]\ntype = "RELATED"\n[vocabularies.colour.terms]\ngrey = ["ash"]\n', encoding="utf-8"
    )
    found = Ontology.load(["fashion", str(own)])
    assert found.relation("brand").type == "RELATED"
    assert found.vocabularies["colour"].term_of["ash"] == found.vocabularies["colour"].term_of["gray"] == "grey"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "no TOML"),
        ("[relation.x]\n", "part 'relation'"),
        ('[relations.x]\ntype = "LIKES"\n', "the type 'LIKES'"),
        ("[relations.x]\nlabel = 3\n", "relations.x.label is 3"),
        ("[relations.x]\nfunctional = 1\n", "must be true or false"),
        ("[relations.x]\ntyp = 'PARENT'\n", "has 'typ'"),
        ('[relations.x]\nvalues = "smell"\n', "no vocabulary"),
        ("[units]\nx = 3\n", "must be a table"),
        ('[units]\nx = { base = "g", factor = 0 }\n', "above 0"),
        ('[units]\nx = { base = "g" }\n', "not whole"),
        ('[[implications]]\nkinds = ["a"]\n', "not whole"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path, text, said):
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(OntologyError, match=said.replace("[", r"\[")):
        Ontology.load(str(path))


@pytest.mark.parametrize(
    ("name", "said"), [("garden", "fashion"), ("", "fashion"), ("../presets/home", "fashion"), ("no.toml", "cannot")]
)
def test_an_unknown_preset_is_told(name, said):
    with pytest.raises(OntologyError, match=said):
        Ontology.load(name)


def test_presets_lie_inside_the_package():
    assert ontology.PRESETS.parent.name == "coldrec", "so that they travel in the wheel"
