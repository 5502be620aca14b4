"""Builds the knowledge graph of a shop, and says how good it is.

Facts of the catalogue are written when items are (``services.catalogue``). A build does the rest: entities for all that
is named, values in their normal form, the shop's own relations, what is found in texts, what follows from other facts,
what visitors' behaviour says, and suggestions for staff. It goes in short transactions, so it may be stopped at any
point and run again, and a second run changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.module_loading import import_string

from coldrec import conf
from coldrec.catalogue import facts_of
from coldrec.core.errors import GraphError
from coldrec.core.graph import behaviour, implications
from coldrec.core.graph import quality as judging
from coldrec.core.graph.quality import Named, Quality
from coldrec.core.types import Triple as Fact
from coldrec.models import Entity, GraphSuggestion, Shop, Triple
from coldrec.services import graph_behaviour, outbox
from coldrec.services.batches import chunks
from coldrec.services.entities import LOOKUP, Entities, normaliser, ontology, stated
from coldrec.services.graph_text import Texts, Vectors, fitting, item_count, suggest
from coldrec.services.graph_writing import Claim, Claims, Counts, replace

Progress = Callable[[str, int, int | None], None]
"""Told the step at hand, how much of it is done, and of how much where that is known."""

CHUNK = 500
MOST_MERGES = 2000  # open suggestions of merges
LEAST_SURE = 0.5  # of a merge that is suggested

Source = Triple.Source
STEPS = ("catalogue", "normal forms", "own relations", "texts", "implications", "behaviour", "suggestions")


@dataclass(frozen=True)
class BuildReport:
    """What a build changed: rows of triples by source, entities that nothing named any more, open suggestions."""

    triples: Mapping[str, Counts] = field(default_factory=dict)
    renamed: int = 0
    unused: int = 0
    merges: int = 0
    edges: int = 0
    quality: Quality = field(default_factory=Quality)


def build(
    shop: Shop,
    *,
    until: datetime | None = None,
    least: int = behaviour.LEAST,
    vectors: Vectors | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Bring the graph in step with all that is known, and report what changed.

    Behaviour is read up to ``until`` (now, if not given), so that a graph for a model that is to be judged need not
    know what comes after; ``least`` visitors must stand behind an edge. ``vectors`` help where a name in a text has
    several meanings.

    Raises
    ------
    GraphError : ``COLDREC["GRAPH_RELATIONS"]`` cannot be called, or gave something that is no triple.
    OntologyError : ``COLDREC["ONTOLOGY"]`` is wrong.
    """
    ontology()
    hook = own_relations()
    until = until or timezone.now()
    tell = progress or (lambda step, done, total: None)
    total = item_count(shop) if progress else None
    counts: dict[str, Counts] = {}

    def say(source: str, step: str, facts: Iterable[Claim], *, takes_back: bool = True) -> None:
        claims = Claims(shop, source)
        claims.put(_counted(facts, lambda done: tell(step, done, None)))
        if takes_back:
            claims.withdraw()
        counts[str(source)] = claims.counts

    done = _Told(lambda done: tell("catalogue", done, total))
    say(str(Source.CATALOGUE), "catalogue", _of_catalogue(shop, done), takes_back=False)
    renamed = _in_normal_form(shop, lambda done: tell("normal forms", done, None))
    say(str(Source.SHOP), "own relations", _of_shop(shop, hook))
    texts, claims = Texts(shop, vectors), Claims(shop, str(Source.TEXT))
    done = _Told(lambda done: tell("texts", done, None if total is None else 2 * total))
    for size in chain(texts.learn(), texts.link(claims)):
        done(size)
    claims.put(fitting(shop))
    claims.withdraw()
    counts[str(Source.TEXT)] = claims.counts
    say(str(Source.IMPLIED), "implications", _implied(shop))
    say(str(Source.BEHAVIOUR), "behaviour", graph_behaviour.edges(shop, until=until, least=least))
    unused = _drop_unused(shop)
    tell("suggestions", 0, None)
    found = quality(shop)
    likely = [one for one in found.merges if one.confidence >= LEAST_SURE][:MOST_MERGES]
    suggest(
        shop,
        str(GraphSuggestion.Kind.MERGE),
        {(one.head, "", one.tail): (one.confidence, one.because) for one in likely},
    )
    is_open = shop.graph_suggestions.filter(state=GraphSuggestion.State.OPEN)
    return BuildReport(
        triples=counts,
        renamed=renamed,
        unused=unused,
        merges=is_open.filter(kind=GraphSuggestion.Kind.MERGE).count(),
        edges=is_open.filter(kind=GraphSuggestion.Kind.EDGE).count(),
        quality=found,
    )


def quality(shop: Shop) -> Quality:
    """How good the graph is as it stands; numbers and examples, nothing is changed.

    Items that left the catalogue are not counted, nor is what is known of them.
    """
    items: set[str] = set()
    gone: set[str] = set()
    for external_id, removed_at in shop.items.values_list("external_id", "removed_at").iterator(2000):
        (items if removed_at is None else gone).add(f"item:{external_id}")
    entities = {
        key: Named(key, kind, (name, *aliases, *labels.values()), is_amount=amount is not None)
        for key, kind, name, aliases, labels, amount in shop.entities.filter(merged_into=None)
        .values_list("key", "kind", "name", "aliases", "labels", "amount")
        .iterator(2000)
    }
    rows = shop.triples.order_by("head", "relation", "tail").values_list("head", "relation", "tail")
    facts = (Fact(*row) for row in rows.iterator(2000) if row[0] not in gone and row[2] not in gone)
    return judging.examine(items, entities, facts, ontology())


def own_relations() -> Callable[[Shop], Iterable[Fact]] | None:
    """The hook that ``COLDREC["GRAPH_RELATIONS"]`` names, if it names one.

    Raises
    ------
    GraphError : it names nothing that can be imported, or something that cannot be called.
    """
    path = conf.get("GRAPH_RELATIONS")
    if not path:
        return None
    try:
        found = import_string(path) if isinstance(path, str) else path
    except ImportError as error:
        raise GraphError(f"COLDREC['GRAPH_RELATIONS'] is {path!r}, which cannot be imported: {error}.") from error
    if not callable(found):
        raise GraphError(f"COLDREC['GRAPH_RELATIONS'] is {path!r}; it must be a callable that takes the shop.")
    return found


# What each source says ------------------------------------------------------------------------------------------------


def _of_catalogue(shop: Shop, done: Callable[[int], None]) -> Iterator[Claim]:
    """What the fields of all items say. Rows from before a preset was in use get their normal form by it."""
    split = normaliser().split
    rows = shop.items.filter(removed_at=None).order_by("pk")
    for page in _pages(rows, "external_id", "brand", "category", "attributes", "variant_group"):
        for external_id, brand, category, attributes, variant_group in page:
            node = f"item:{external_id}"
            yield from map(Claim, facts_of(node, brand, category, attributes, variant_group, split))
        done(len(page))


def _of_shop(shop: Shop, hook: Callable[[Shop], Iterable[Fact]] | None) -> Iterator[Claim]:
    for triple in hook(shop) if hook else ():
        if not isinstance(triple, Fact) or not all(
            isinstance(part, str) for part in (triple.head, triple.relation, triple.tail)
        ):
            raise GraphError(f"COLDREC['GRAPH_RELATIONS'] gave {triple!r}; it must give coldrec.core.types.Triple.")
        yield Claim(triple)


def _implied(shop: Shop) -> Iterator[Claim]:
    """What follows for items from what is known of them, by the ontology's implications."""
    known = ontology()
    rules = implications.Rules(known)
    if not rules.kinds:
        return
    rows = shop.triples.filter(head__startswith="item:").exclude(source__in=(Source.IMPLIED, Source.BEHAVIOUR))
    for heads in _heads(shop):
        said: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
        for head, relation, tail, confidence in rows.filter(head__in=heads).values_list(
            "head", "relation", "tail", "confidence"
        ):
            said[head][relation, tail] = confidence
        for head in heads:
            for relation, tail, confidence in rules.follow(said.get(head, {})):
                yield Claim(Fact(head, relation, tail), round(confidence, 3))


# Normal forms ---------------------------------------------------------------------------------------------------------


def _in_normal_form(shop: Shop, tell: Callable[[int], None]) -> int:
    """How many stored triples were written otherwise, or named an entity that is merged into another.

    All that triples name gets its row of Entity here, whoever wrote them.
    """
    rows = shop.triples.order_by("pk")
    last = renamed = done = 0
    while page := list(rows.filter(pk__gt=last)[:CHUNK]):
        last = page[-1].pk
        forms = [(row, stated([Fact(row.head, row.relation, row.tail, row.weight)])) for row in page]
        entities = Entities(shop)
        with transaction.atomic():
            entities.learn(form for _, found in forms for form in found)
            other: list[tuple[Triple, Fact | None]] = []
            for row, found in forms:
                fact = entities.fact(found[0]) if found else None
                if fact is None or (fact.head, fact.relation, fact.tail) != (row.head, row.relation, row.tail):
                    other.append((row, fact))
            replace(shop, other)
            entities.write()
        renamed += len(other)
        done += len(page)
        tell(done)
    return renamed


def _drop_unused(shop: Shop) -> int:
    """Entities that no triple names go, except those that stand for a merge, which must be remembered."""
    named = Triple.objects.filter(shop=shop)
    unused = (
        shop.entities.filter(merged_into=None)
        .exclude(Exists(named.filter(tail=OuterRef("key"))))
        .exclude(Exists(named.filter(head=OuterRef("key"))))
        .exclude(Exists(Entity.objects.filter(merged_into=OuterRef("pk"))))
    )
    dropped = 0
    while rows := list(unused.values_list("pk", "key")[:LOOKUP]):
        with transaction.atomic():
            Entity.objects.filter(pk__in=[pk for pk, _ in rows]).delete()
            outbox.note(shop, [key for _, key in rows])
        dropped += len(rows)
    return dropped


# Reading in chunks ----------------------------------------------------------------------------------------------------


def _pages(rows: Any, *names: str) -> Iterator[list[tuple[Any, ...]]]:
    last = 0
    while page := list(rows.filter(pk__gt=last).values_list("pk", *names)[:CHUNK]):
        last = page[-1][0]
        yield [row[1:] for row in page]


def _heads(shop: Shop) -> Iterator[list[str]]:
    for page in _pages(shop.items.filter(removed_at=None).order_by("pk"), "external_id"):
        yield from chunks([f"item:{external_id}" for (external_id,) in page], LOOKUP)


class _Told:
    """Adds up what is done and tells it."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell, self._done = tell, 0

    def __call__(self, more: int) -> None:
        self._done += more
        self._tell(self._done)


def _counted(claims: Iterable[Claim], tell: Callable[[int], None]) -> Iterator[Claim]:
    for number, claim in enumerate(claims, start=1):
        yield claim
        if number % CHUNK == 0:
            tell(number)
