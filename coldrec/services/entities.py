"""The things that triples name: their rows, their other spellings, and which of them are one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.utils import timezone

from coldrec import conf
from coldrec.core.graph.ontology import Ontology
from coldrec.core.graph.values import Node, Normaliser, Stated
from coldrec.core.types import Triple as Fact
from coldrec.models import Entity, Shop
from coldrec.services import outbox
from coldrec.services.batches import chunks

LOOKUP = 500  # names per query: SQLite takes a limited number of parameters
ALIASES = 50  # spellings kept of one entity
BATCH = 1000

_READ = ("key", "merged_into__key", "pk", "kind", "name", "aliases", "labels", "amount", "unit")


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


@dataclass(slots=True)
class _Known:
    """What is stored of an entity; ``pk`` None: nothing yet."""

    pk: int | None
    kind: str
    name: str
    aliases: list[str]
    labels: dict[str, str]
    amount: float | None
    unit: str


class Entities:
    """Rows of the entities that a batch of triples names.

    :meth:`learn` reads what is stored, :meth:`write` stores what is new. Between the two, :meth:`fact` gives the
    triples as they are to be written: with the entity in whose stead another is merged.
    """

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._known: dict[str, _Known] = {}
        self._merged: dict[str, str] = {}
        self._changed: set[str] = set()

    def learn(self, batch: Iterable[Stated]) -> None:
        """Look up the entities of a batch, and take note of how they are written there."""
        nodes = {(node.key, node.name): node for one in batch for node in one.nodes}
        self._read({key for key, _ in nodes} - self._known.keys())
        for node in nodes.values():
            self._meet(node)

    def fact(self, one: Stated) -> Fact | None:
        """The triple as it is to be stored; None where merging has made its two ends one."""
        told = one.triple
        if self._merged:
            head, tail = self._merged.get(told.head, told.head), self._merged.get(told.tail, told.tail)
            told = Fact(head, told.relation, tail, told.weight)
        return None if told.head == told.tail else told

    def write(self) -> tuple[int, int]:
        """How many rows were made and changed. They are told to the outbox; call it inside a transaction."""
        now = timezone.now()
        rows = [  # in one order for all writers, so that PostgreSQL does without deadlocks
            Entity(
                pk=known.pk,
                shop=self.shop,
                key=key,
                kind=known.kind,
                name=known.name,
                aliases=known.aliases,
                labels=known.labels,
                amount=known.amount,
                unit=known.unit,
                updated_at=now,
            )
            for key, known in ((key, self._known[key]) for key in sorted(self._changed))
        ]
        new = [row for row in rows if row.pk is None]
        old = [row for row in rows if row.pk is not None]
        Entity.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
        Entity.objects.bulk_update(old, ["aliases", "labels", "amount", "unit", "updated_at"], batch_size=LOOKUP // 5)
        outbox.note(self.shop, [row.key for row in rows])
        self._changed.clear()
        return len(new), len(old)

    def _read(self, keys: set[str]) -> None:
        for some in chunks(sorted(keys), LOOKUP):
            for key, merged, *told in self.shop.entities.filter(key__in=some).values_list(*_READ):
                self._known[key] = _Known(*told)
                if merged is not None:
                    self._merged[key] = merged

    def _meet(self, node: Node) -> None:
        known = self._known.get(node.key)
        if known is None:
            self._changed.add(node.key)
            self._known[node.key] = _Known(None, node.kind, node.name, [], dict(node.labels), node.amount, node.unit)
            return
        is_spelling = node.name != node.key.partition(":")[2]  # else triples write it so, and nobody else
        if is_spelling and node.name not in (known.name, *known.aliases) and len(known.aliases) < ALIASES:
            known.aliases = [*known.aliases, node.name]
            self._changed.add(node.key)
        if (node.amount, node.unit) != (known.amount, known.unit) or node.labels.items() - known.labels.items():
            known.amount, known.unit, known.labels = node.amount, node.unit, {**known.labels, **node.labels}
            self._changed.add(node.key)


Progress = Callable[[int, int | None], None]
"""Told how many are done, and of how many where that is known."""
