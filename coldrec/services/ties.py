"""How two items are tied in the knowledge graph, found when somebody asks and told in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from coldrec import conf
from coldrec.core.graph.ontology import Ontology, type_of
from coldrec.core.types import Path, Triple
from coldrec.models import Entity, Shop
from coldrec.services import graph_stores

LONGEST = 4  # edges: over a brand, its designer, and back down another brand
MOST_DEGREE = 1000  # edges of what lies between: what more have in common ties nobody
LOOKED_AT = 20  # paths, of which the first that can be put in words is told
ITEM = "item:"


@dataclass(frozen=True)
class Tie:
    """A way from one item to another, every edge of it in the tables, and what it says."""

    path: Path
    text: str


def find(shop: Shop, known: str, shown: str) -> Tie | None:
    """How the item ``shown`` is tied to the one somebody knows, beside which it is told; None where nothing tells.

    The shortest way is told, of equals the one over the rarest entities. Other items do not lie between. The tables
    are asked and not the copy in Neo4j: this stands on a page of the shop's.
    """
    store = graph_stores.tables(shop)
    found = store.paths(
        [ITEM + known],
        [ITEM + shown],
        longest=LONGEST,
        most_degree=MOST_DEGREE,
        limit=LOOKED_AT,
        over_items=False,
    )
    names = _names(shop, {node for path in found for node in path.nodes if not node.startswith(ITEM)})
    told = ((path, sentence(path, names)) for path in found)
    return next((Tie(path, text) for path, text in told if text), None)


def sentence(path: Path, names: Mapping[str, str]) -> str:
    """What a way from a known item to another says of the two, in the request's language; nothing if it cannot.

    ``names`` are those of the entities. The known item stands beside the sentence and is not named.
    """
    nodes, triples = path.nodes, path.triples
    if len(triples) == 1:
        return _edge(triples[0])
    halfway = len(triples) // 2
    if len(triples) % 2 == 0 and _is_alike(triples[halfway - 1], triples[halfway], nodes[halfway]):
        if len(triples) == 2:
            return _shared(triples[0], names[nodes[1]])
        relation, name = triples[1], names[nodes[2]]
        told = {"one": names[nodes[1]], "other": names[nodes[3]], "name": name}
        if type_of(relation.relation) == "PARENT" or relation.tail != nodes[2]:
            return _("%(one)s and %(other)s both belong to %(name)s") % told
        told["relation"] = _label(relation.relation)
        return _("%(one)s and %(other)s have the same %(relation)s: %(name)s") % told
    return _("Both have to do with %s") % names[nodes[halfway]]


def _edge(triple: Triple) -> str:
    """One edge between the two items."""
    kind = type_of(triple.relation, triple.tail)
    if kind == "FITS_WITH":
        return _("Fits with it")
    if kind == "BOUGHT_WITH":
        return _("Often bought together")
    if kind == "VIEWED_WITH":
        return _("Often looked at together")
    if kind == "VARIANT_OF":
        return _("A variant of it")
    return _("Tied in the catalogue: %s") % _label(triple.relation)


def _shared(triple: Triple, name: str) -> str:
    """Two edges of one relation to something that both items have."""
    kind = type_of(triple.relation)
    if kind == "HAS_BRAND":
        return _("Both are by %s") % name
    if kind == "IN_CATEGORY":
        return _("Both are in %s") % name
    if kind == "CONTAINS":
        return _("Both contain %s") % name
    if kind == "SUITS":
        return _("Both suit: %s") % name
    if kind == "NOT_FOR":
        return _("Neither is for: %s") % name
    if kind == "FITS_WITH":
        return _("Both fit with %s") % name
    if kind == "VARIANT_OF":
        return _("Both are variants of one product")
    if kind == "SEARCHED_BY":
        return _("Both are found by searching for “%s”") % name
    return _("Both have the same %(relation)s: %(name)s") % {"relation": _label(triple.relation), "name": name}


def _is_alike(one: Triple, other: Triple, node: str) -> bool:
    """Whether two edges say the same of their node."""
    return one.relation == other.relation and (one.tail == node) == (other.tail == node)


def _label(relation: str) -> str:
    """What the relation is called in the request's language, as far as the ontology knows; else its own name."""
    english, *chinese = Ontology.load(conf.get("ONTOLOGY")).relation(relation).label or (relation.replace("_", " "),)
    return chinese[0] if chinese and (get_language() or "").startswith("zh") else english


def _names(shop: Shop, keys: set[str]) -> dict[str, str]:
    """Entities by key as they are called in the request's language; of a path of categories the last."""
    language = get_language() or ""
    found: dict[str, str] = {}
    for key, kind, name, labels in Entity.objects.filter(shop=shop, key__in=sorted(keys)).values_list(
        "key", "kind", "name", "labels"
    ):
        told = labels if isinstance(labels, dict) else {}
        text = next((told[code] for code in (language, language.split("-")[0]) if told.get(code)), name)
        found[key] = str(text).rpartition(" > ")[2] if kind == "category" else str(text)
    return found
