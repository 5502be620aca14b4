"""What lies around an item in the knowledge graph: its entities, and the entities that those belong to.

Facts lead from the particular to what it belongs to: a brand to its designer, a category to the one above, an
ingredient to its allergen. What is reached so says something of the item too, the less the longer the way and the more
the entities on it are tied to.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from coldrec.core.graph import ontology
from coldrec.core.retrieval.content import Bag, item_entities
from coldrec.core.types import Item, ItemId, Triple

STEPS = 2  # beyond an item's own entities
FAINT = 0.02  # weight below which an entity is too far away to say anything
ITEM = "item:"

BEHAVIOUR = frozenset({"VIEWED_WITH", "BOUGHT_WITH", "SEARCHED_BY"})
"""Types of relations that are made from the same events a model learns from. They teach it nothing new, and in a trial
they would tell who took an item that is made cold."""


class Tie(NamedTuple):
    """An entity as it is reached: what the relations on the way tell, its name, and a weight in (0, 1]."""

    told: str
    node: str
    weight: float

    @property
    def term(self) -> str:
        return f"{self.told}>{self.node}" if self.told else self.node


@dataclass(frozen=True)
class Surroundings:
    """Facts between entities: ``edges`` node → (relation, node it belongs to, weight); names are in lower case."""

    edges: Mapping[str, tuple[tuple[str, str, float], ...]]

    @classmethod
    def of(cls, triples: Iterable[Triple]) -> Surroundings:
        """Weights are those of ``Ã_r = D_r^-½ A_r D_r^-½`` for each relation r, as for items in :mod:`.graph`."""
        facts = {
            (t.head.lower(), t.relation, t.tail.lower()): min(t.weight, 1.0)
            for t in triples
            if not (t.head.startswith(ITEM) or t.tail.startswith(ITEM) or type_of(t) in BEHAVIOUR) and t.weight > 0
        }
        leaving = Counter((head, relation) for head, relation, _ in facts)
        entering = Counter((relation, tail) for _, relation, tail in facts)
        edges: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
        for (head, relation, tail), weight in sorted(facts.items()):
            if head != tail:
                damped = weight / math.sqrt(leaving[head, relation] * entering[relation, tail])
                edges[head].append((relation, tail, damped))
        return cls({head: tuple(told) for head, told in edges.items()})

    def plus(self, triples: Iterable[Triple]) -> Surroundings:
        """The same, and what entities belong to of which nothing was known."""
        return Surroundings({**Surroundings.of(triples).edges, **self.edges})

    def beyond(self, ties: Iterable[Tie]) -> Iterator[Tie]:
        """What the entities belong to, and what those do."""
        front = list(ties)
        for _ in range(STEPS):
            front = [
                _further(near, relation, node, near.weight * weight)
                for near in front
                for relation, node, weight in self.edges.get(near.node, ())
                if near.weight * weight >= FAINT
            ]
            yield from front

    def rows(self) -> list[list[object]]:
        """A JSON document from which :meth:`load` makes the same."""
        return [[head, *told] for head, tied in self.edges.items() for told in tied]

    @classmethod
    def load(cls, rows: Sequence[Sequence[object]]) -> Surroundings:
        edges: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
        for head, relation, node, weight in rows:
            edges[str(head)].append((str(relation), str(node), float(str(weight))))
        return cls({head: tuple(told) for head, told in edges.items()})


def item_ties(triples: Iterable[Triple]) -> dict[ItemId, list[Tie]]:
    """Item id → the entities that triples tie it to, in either direction; ties between items are left to ``graph``."""
    found: dict[ItemId, dict[Tie, None]] = defaultdict(dict)
    for triple in triples:
        is_head, is_tail = triple.head.startswith(ITEM), triple.tail.startswith(ITEM)
        if is_head != is_tail and type_of(triple) not in BEHAVIOUR and triple.weight > 0:
            item, entity = (triple.head, triple.tail) if is_head else (triple.tail, triple.head)
            tie = _further(Tie("", "", 1.0), triple.relation, entity.lower(), min(triple.weight, 1.0))
            found[item.removeprefix(ITEM)][tie] = None
    return {item: sorted(ties) for item, ties in found.items()}


def entity_bags(item: Item, ties: Sequence[Tie], around: Surroundings) -> tuple[Bag, Bag, Bag]:
    """What an item is tied to, by term: by its own fields; also by triples; also by what all these belong to.

    A term tells how an entity is reached, for to contain nuts is not to be free of them; but a relation called like
    the kind of entity it leads to adds nothing and is left out, so that fields and triples that say the same are one.
    """
    fields: dict[str, float] = dict.fromkeys(sorted(item_entities(item)), 1.0)
    known = set(fields)  # what an item is tied to itself is not told again from afar
    near = far = fields  # one and the same where there is nothing more: most shops' facts are those of their fields
    more: dict[str, float] = {}
    for tie in ties:
        known.add(tie.node)
        if tie.term not in fields:
            more[tie.term] = max(tie.weight, more.get(tie.term, 0.0))
    if more:
        near = far = {**fields, **more}
    if around.edges:
        further: dict[str, float] = {}
        for tie in around.beyond([*(Tie("", node, 1.0) for node in fields), *ties]):
            if tie.node not in known:
                further[tie.term] = max(tie.weight, further.get(tie.term, 0.0))
        if further:
            far = {**further, **near}
    return fields, near, far


def type_of(triple: Triple) -> str:
    """What the relation means: one of :data:`coldrec.core.graph.ontology.TYPES`."""
    return _type(triple.relation, triple.tail.startswith(ITEM))


@lru_cache(maxsize=4096)
def _type(relation: str, is_to_item: bool) -> str:
    return ontology.type_of(relation, ITEM if is_to_item else "")


def _further(near: Tie, relation: str, node: str, weight: float) -> Tie:
    says_more = relation.lower() != node.partition(":")[0]
    told = ">".join(part for part in (near.told, relation if says_more else "") if part)
    return Tie(told, node, weight)
