"""Facts found in titles and descriptions, by the names that the catalogue itself uses."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from django.db.models import Count, F

from coldrec.core.graph.linking import TEXT, TITLE, Linker, Target
from coldrec.core.graph.ontology import folded
from coldrec.core.graph.values import AS_WRITTEN
from coldrec.core.types import FloatArray
from coldrec.core.types import Triple as Fact
from coldrec.models import GraphSuggestion, Item, Shop, Triple
from coldrec.services.batches import chunks
from coldrec.services.entities import LOOKUP, ontology
from coldrec.services.graph_writing import Claim, Claims

SURE = 0.8  # confidence from which on a fact found in text is written down; below it, staff are asked
ASKED = 0.3  # and below this it is forgotten
MOST_ASKED = 5000  # open suggestions of facts; the surest are kept
TARGETS = 100_000  # entities looked for, those of most items
NAMED = 0.9  # confidence that an item is meant where another names it as what it fits with
USED = 2  # items of the rarest entity looked for
LONGEST_NAME = 60  # characters
USUAL = 0.2  # share of the items of a category that have a relation, from which on it is taken to concern them all

_CHUNK = 500
_FIELDS = ("external_id", "title", "text", "translations", "category")
_LOOKED_FOR = (Triple.Source.CATALOGUE, Triple.Source.SHOP, Triple.Source.IMPORT, Triple.Source.REVIEW)

Vectors = Callable[[Sequence[str]], Mapping[str, FloatArray]]
"""Names of nodes → their vectors, as far as there are any; for telling the meanings of one name apart."""


class Texts:
    """Looks through the texts of a shop's items, once to learn how far names can be trusted and once to link."""

    def __init__(self, shop: Shop, vectors: Vectors | None = None) -> None:
        self.shop = shop
        self._targets = _targets(shop)
        self._linker = Linker(self._targets)
        self._vectors = vectors
        self._items_of: Counter[str] = Counter()  # category → its items
        self._having: Counter[tuple[str, str]] = Counter()  # (category, relation) → items that have it
        self._of_entities: Mapping[str, FloatArray] = {}
        if vectors is not None:
            self._of_entities = vectors([target.key for target in self._targets])

    def learn(self) -> Iterator[int]:
        """How many items were read, chunk by chunk."""
        for rows, known in self._chunks():
            for item, category, texts in rows:
                values = known.get(item, {})
                self._items_of[category] += 1
                self._having.update((category, relation) for relation in values)
                self._linker.learn(texts, {name: frozenset(keys) for name, keys in values.items()})
            yield len(rows)

    def link(self, claims: Claims) -> Iterator[int]:
        """Write down what is sure and suggest what is less so; how many items were read, chunk by chunk."""
        asked: list[tuple[float, str, str, str, str]] = []
        for rows, known in self._chunks():
            refused = _refused(self.shop, [item for item, _, _ in rows])
            of_items = self._vectors([item for item, _, _ in rows]) if self._vectors else {}
            found: list[Claim] = []
            for item, category, texts in rows:
                for key, relation, name, sure in self._links(item, category, texts, known.get(item, {}), of_items):
                    fact = Fact(item, relation, key)
                    if fact in refused or sure < ASKED:
                        continue
                    if sure >= SURE:
                        found.append(Claim(fact, round(sure, 3)))
                        continue
                    push = heapq.heappush if len(asked) < MOST_ASKED else heapq.heappushpop
                    push(asked, (round(sure, 3), item, relation, key, name))
            claims.put(found)
            yield len(rows)
        suggest(
            self.shop,
            str(GraphSuggestion.Kind.EDGE),
            {(head, relation, tail): (sure, f"“{name}”") for sure, head, relation, tail, name in asked},
        )

    def _links(
        self,
        item: str,
        category: str,
        texts: Sequence[tuple[str, float]],
        values: Mapping[str, set[str]],
        vectors: Mapping[str, FloatArray],
    ) -> Iterator[tuple[str, str, str, float]]:
        for link in self._linker.link(texts, vector=vectors.get(item), vectors=self._of_entities):
            if link.relation not in values:  # what the catalogue says of an item is not corrected by its text
                yield link.key, link.relation, link.name, link.confidence * self._concerns(category, link.relation)

    def _concerns(self, category: str, relation: str) -> float:
        """How far a relation is one of this category: a shirt that is "light" has no roast."""
        share = self._having[category, relation] / (self._items_of[category] or 1)
        return min(1.0, share / USUAL)

    def _chunks(
        self,
    ) -> Iterator[tuple[list[tuple[str, str, list[tuple[str, float]]]], dict[str, dict[str, set[str]]]]]:
        """Items with category and texts, and what is known of them: item → relation → tails."""
        last = 0
        rows = self.shop.items.filter(removed_at=None).order_by("pk").values_list("pk", *_FIELDS)
        while page := list(rows.filter(pk__gt=last)[:_CHUNK]):
            last = page[-1][0]
            items = [
                (f"item:{external_id}", " > ".join(category), texts_of(title, text, translations))
                for _, external_id, title, text, translations, category in page
            ]
            known: dict[str, dict[str, set[str]]] = {}
            for heads in chunks([item for item, _, _ in items], LOOKUP):
                facts = self.shop.triples.filter(head__in=heads, source__in=_LOOKED_FOR)
                for head, relation, tail in facts.values_list("head", "relation", "tail"):
                    known.setdefault(head, defaultdict(set))[relation].add(tail)
            yield items, known


def texts_of(title: str, text: str, translations: Mapping[str, Mapping[str, str]]) -> list[tuple[str, float]]:
    """The texts of an item in all its languages, each with the trust in a name that stands there."""
    told = [(title, TITLE), (text, TEXT)]
    for other in translations.values():
        told += [(other.get("title", ""), TITLE), (other.get("text", ""), TEXT)]
    return [(words, trust) for words, trust in told if words]


def fitting(shop: Shop) -> Iterator[Claim]:
    """Items that others say they fit with, where a text names them: by title, by id or by a model's name."""
    known = ontology()
    wanted: dict[str, set[tuple[str, str]]] = defaultdict(set)  # folded name → (head, relation)
    relations = [name for name in _relations(shop) if known.relation(name).type == "FITS_WITH"]
    rows = shop.triples.filter(relation__in=relations, head__startswith="item:").exclude(tail__startswith="item:")
    for head, relation, tail in rows.values_list("head", "relation", "tail").iterator(2000):
        wanted[folded(tail.partition(":")[2])].add((head, relation))
    if not wanted:
        return
    named: dict[str, set[str]] = defaultdict(set)
    items = shop.items.filter(removed_at=None).order_by("pk")
    for external_id, title, brand, attributes in items.values_list(
        "external_id", "title", "brand", "attributes"
    ).iterator(2000):
        model = next((str(attributes[name]) for name in ("model", "mpn", "sku", "name") if attributes.get(name)), "")
        for name in {folded(text) for text in (external_id, title, model, f"{brand} {model}" if model else "")}:
            if name in wanted:
                named[name].add(f"item:{external_id}")
    for name, items_named in named.items():
        for head, _relation in sorted(wanted[name]):
            yield from (
                Claim(Fact(head, "fits_with", item), round(NAMED / len(items_named), 3))
                for item in sorted(items_named)
                if item != head
            )


def suggest(shop: Shop, kind: str, wanted: Mapping[tuple[str, str, str], tuple[float, str]]) -> None:
    """Have these be the open suggestions of a kind: (head, relation, tail) → confidence and what speaks for it.

    What staff have decided on stays decided. Of a merge either direction counts.
    """
    decided: set[tuple[str, str, str]] = set()
    rows = shop.graph_suggestions.filter(kind=kind)
    for head, relation, tail in rows.exclude(state=GraphSuggestion.State.OPEN).values_list("head", "relation", "tail"):
        decided |= {(head, relation, tail)} | ({(tail, "", head)} if kind == str(GraphSuggestion.Kind.MERGE) else set())
    left = {key: told for key, told in wanted.items() if key not in decided}
    stale: list[int] = []
    changed: list[GraphSuggestion] = []
    for row in rows.filter(state=GraphSuggestion.State.OPEN):
        told = left.pop((row.head, row.relation, row.tail), None)
        if told is None:
            stale.append(row.pk)
        elif (row.confidence, row.because) != (told[0], told[1][:300]):
            row.confidence, row.because = told[0], told[1][:300]
            changed.append(row)
    for keys in chunks(stale, LOOKUP):
        rows.filter(pk__in=keys, state=GraphSuggestion.State.OPEN).delete()
    GraphSuggestion.objects.bulk_update(changed, ["confidence", "because"], batch_size=LOOKUP // 5)
    GraphSuggestion.objects.bulk_create(
        (
            GraphSuggestion(
                shop=shop,
                kind=kind,
                head=head,
                relation=relation,
                tail=tail,
                confidence=confidence,
                because=because[:300],
            )
            for (head, relation, tail), (confidence, because) in sorted(left.items())
        ),
        batch_size=LOOKUP,
        ignore_conflicts=True,
    )


def _refused(shop: Shop, heads: Sequence[str]) -> set[Fact]:
    refused = shop.graph_suggestions.filter(
        kind=GraphSuggestion.Kind.EDGE, state=GraphSuggestion.State.REFUSED, head__in=heads
    )
    return {Fact(*row) for row in refused.values_list("head", "relation", "tail")}


def _relations(shop: Shop) -> list[str]:
    return list(shop.triples.order_by("relation").values_list("relation", flat=True).distinct())


def _targets(shop: Shop) -> list[Target]:
    """Entities that several items have, with all names they go by."""
    tied = (
        shop.triples.filter(source__in=_LOOKED_FOR, head__startswith="item:")
        .exclude(tail__startswith="item:")
        .order_by()
        .values(key=F("tail"), by=F("relation"))
        .annotate(items=Count("pk"))
        .filter(items__gte=USED)
        .order_by("-items", "tail", "relation")
    )
    relation_of: dict[str, str] = {}
    for row in tied[:TARGETS].iterator(2000):
        kind = row["key"].partition(":")[0]
        if kind == "brand" or kind not in AS_WRITTEN:
            relation_of.setdefault(row["key"], row["by"])
    known = ontology()
    targets: list[Target] = []
    for keys in chunks(sorted(relation_of), LOOKUP):
        rows = shop.entities.filter(key__in=keys, amount=None, merged_into=None)
        for key, kind, name, labels, aliases in rows.values_list("key", "kind", "name", "labels", "aliases"):
            names = {name, key.partition(":")[2], *labels.values(), *aliases}
            if vocabulary := known.vocabulary(kind):
                names.update(vocabulary.terms.get(key.partition(":")[2], ()))
            short = tuple(sorted(text for text in names if 0 < len(text) <= LONGEST_NAME))
            targets.append(Target(key, relation_of[key], short))
    return targets


def item_count(shop: Shop) -> int:
    """Items in the catalogue."""
    return int(Item.objects.filter(shop=shop, removed_at=None).count())
