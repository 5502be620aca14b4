"""The things that triples name: their rows, their other spellings, and which of them are one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TypeVar

from django.utils import timezone

from coldrec import conf
from coldrec.core.graph.ontology import Ontology
from coldrec.core.graph.values import Node, Normaliser, Stated
from coldrec.core.types import Triple as Fact
from coldrec.models import Entity, Shop
from coldrec.services import outbox

T = TypeVar("T")

LOOKUP = 500  # names per query: SQLite takes a limited number of parameters
ALIASES = 50  # spellings kept of one entity
BATCH = 1000

_KEPT = ("pk", "key", "name", "aliases", "labels", "amount", "unit", "merged_into__key")


def ontology() -> Ontology:
    """The one that ``COLDREC["ONTOLOGY"]`` names.

    Raises
    ------
    OntologyError : it names what there is not, or a file that says something that cannot be.
    """
    return normaliser().ontology


def normaliser() -> Normaliser:
    """Gives triples their normal form by the shop's ontology; kept, with what it has met, for the process."""
    names = conf.get("ONTOLOGY")
    return _normaliser((names,) if isinstance(names, str) else tuple(names or ()))


@lru_cache(maxsize=4)
def _normaliser(names: tuple[str, ...]) -> Normaliser:
    return Normaliser(Ontology.load(names))


def stated(facts: Iterable[Fact]) -> list[Stated]:
    """The facts in their normal form; those that say nothing are left out."""
    form = normaliser().fact
    return [one for fact in facts if (one := form(fact)) is not None]


class Entities:
    """Rows of the entities that a batch of triples names.

    :meth:`learn` reads what is stored, :meth:`write` stores what is new. Between the two, :meth:`fact` gives the
    triples as they are to be written: with the entity in whose stead another is merged.
    """

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._rows: dict[str, Entity] = {}
        self._merged: dict[str, str] = {}
        self._new: set[str] = set()
        self._changed: set[str] = set()

    def learn(self, batch: Iterable[Stated]) -> None:
        """Look up the entities of a batch, and take note of how they are written there."""
        nodes = {(node.key, node.name): node for one in batch for node in one.nodes}
        self._read({key for key, _ in nodes} - self._rows.keys() - self._merged.keys())
        for node in nodes.values():
            self._meet(node)

    def resolve(self, key: str) -> str:
        """The entity that triples name instead of this one."""
        return self._merged.get(key, key)

    def fact(self, one: Stated) -> Fact | None:
        """The triple as it is to be stored; None where merging has made its two ends one."""
        head, tail = self.resolve(one.triple.head), self.resolve(one.triple.tail)
        return None if head == tail else Fact(head, one.triple.relation, tail, one.triple.weight)

    def write(self) -> tuple[int, int]:
        """How many rows were made and changed. They are told to the outbox; call it inside a transaction."""
        now = timezone.now()
        new = [self._rows[key] for key in sorted(self._new)]  # one order for all writers: no deadlocks
        changed = [self._rows[key] for key in sorted(self._changed - self._new)]
        for row in changed:
            row.updated_at = now
        Entity.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
        Entity.objects.bulk_update(
            changed, ["aliases", "labels", "amount", "unit", "updated_at"], batch_size=LOOKUP // 5
        )
        outbox.note(self.shop, [row.key for row in (*new, *changed)])
        self._new.clear()
        self._changed.clear()
        return len(new), len(changed)

    def _read(self, keys: set[str]) -> None:
        for chunk in chunks(sorted(keys), LOOKUP):
            for pk, key, name, aliases, labels, amount, unit, merged in self.shop.entities.filter(
                key__in=chunk
            ).values_list(*_KEPT):
                if merged is not None:
                    self._merged[key] = merged
                self._rows[key] = Entity(
                    pk=pk, shop=self.shop, key=key, name=name, aliases=aliases, labels=labels, amount=amount, unit=unit
                )

    def _meet(self, node: Node) -> None:
        row = self._rows.get(node.key)
        if row is None:
            self._new.add(node.key)
            self._rows[node.key] = Entity(
                shop=self.shop,
                key=node.key,
                kind=node.kind,
                name=node.name,
                amount=node.amount,
                unit=node.unit,
                labels=dict(node.labels),
            )
            return
        spelling = node.name != node.key.partition(":")[2]  # else it is how triples write it, and nobody else
        if spelling and node.name != row.name and node.name not in row.aliases and len(row.aliases) < ALIASES:
            row.aliases = [*row.aliases, node.name]
            self._changed.add(node.key)
        if (node.amount, node.unit) != (row.amount, row.unit) or node.labels.items() - row.labels.items():
            row.amount, row.unit, row.labels = node.amount, node.unit, {**row.labels, **node.labels}
            self._changed.add(node.key)


def chunks(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The values in their order, at most ``size`` at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


Progress = Callable[[int, int | None], None]
"""Told how many are done, and of how many where that is known."""
