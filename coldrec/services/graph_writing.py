"""Writes the triples of one source and takes back those that it does not say any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Max

from coldrec.core.types import Triple as Fact
from coldrec.models import Shop, Triple
from coldrec.services import outbox
from coldrec.services.batches import chunks
from coldrec.services.entities import LOOKUP, Entities, stated
from coldrec.services.keys import Keys

BATCH = 500  # claims per transaction

Source = Triple.Source
_WEAKEST_FIRST = (
    Source.BEHAVIOUR,
    Source.TEXT,
    Source.IMPLIED,
    Source.IMPORT,
    Source.SHOP,
    Source.REVIEW,
    Source.CATALOGUE,
)
STRENGTH: dict[str, int] = {str(source): rank for rank, source in enumerate(_WEAKEST_FIRST)}
"""A fact has one row, which belongs to the strongest of the sources that say it."""

_TOLD = ("source", "confidence", "weight", "support", "lift")


@dataclass(frozen=True, slots=True)
class Claim:
    """A fact as one source says it."""

    fact: Fact
    confidence: float = 1.0
    support: int | None = None
    lift: float | None = None


@dataclass(slots=True)
class Counts:
    """Rows of triples that a run made, changed and took back; facts that were there already, as others say them too."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class Claims:
    """What one source says of a shop. :meth:`put` it in batches, then :meth:`withdraw` the rest.

    Each batch is one transaction, so a run that was killed is finished by the next, and memory stays flat. Two runs at
    once write the same.
    """

    shop: Shop
    source: str
    dry_run: bool = False
    counts: Counts = field(default_factory=Counts)
    _seen: Keys = field(default_factory=Keys)
    _mark: int | None = None

    def put(self, claims: Iterable[Claim]) -> None:
        """Say these facts, in their normal form; what a stronger source says already stays that source's."""
        if self._mark is None:  # before the first is written: a row past it is as new as this run
            self._mark = self.shop.triples.aggregate(last=Max("pk"))["last"] or 0
        batch: list[Claim] = []
        for claim in claims:
            batch.append(claim)
            if len(batch) == BATCH:
                self._put(batch)
                batch = []
        if batch:
            self._put(batch)

    def withdraw(self) -> None:
        """Take back what this source said before and has not said in this run."""
        self.put(())
        rows = self.shop.triples.filter(source=self.source, pk__lte=self._mark).order_by("pk")
        last = taken = 0
        while page := list(rows.filter(pk__gt=last).values_list("pk", "head")[:LOOKUP]):
            last = page[-1][0]
            stale = [(pk, head) for pk, head in page if pk not in self._seen]
            if self.dry_run:
                taken += len(stale)
            elif stale:
                with transaction.atomic():
                    deleted, _ = Triple.objects.filter(pk__in=[pk for pk, _ in stale], source=self.source).delete()
                    outbox.note(self.shop, [head for _, head in stale])
                taken += deleted
        self.counts.deleted += taken

    def _put(self, batch: Sequence[Claim]) -> None:
        entities = Entities(self.shop)
        forms = [(claim, form) for claim in batch for form in stated([claim.fact])]
        with transaction.atomic():
            entities.learn(form for _, form in forms)
            wanted: dict[Fact, Claim] = {}
            for claim, form in forms:
                if (fact := entities.fact(form)) is not None and (
                    fact not in wanted or wanted[fact].confidence < claim.confidence
                ):
                    wanted[fact] = claim
            new, changed = self._compare(wanted)
            if not self.dry_run:
                Triple.objects.bulk_create(new, ignore_conflicts=True)
                Triple.objects.bulk_update(changed, _TOLD, batch_size=LOOKUP // 10)
                entities.write()
                outbox.note(self.shop, [row.head for row in (*new, *changed)])
        self.counts.created += len(new)
        self.counts.updated += len(changed)
        self.counts.unchanged += len(wanted) - len(new) - len(changed)

    def _compare(self, wanted: dict[Fact, Claim]) -> tuple[list[Triple], list[Triple]]:
        """Rows to make, and rows that are there and say it otherwise or for a weaker source."""
        held: dict[Fact, Triple] = {}
        for heads in chunks(sorted({fact.head for fact in wanted}), LOOKUP):
            for row in self.shop.triples.filter(head__in=heads):
                held[Fact(row.head, row.relation, row.tail)] = row
        new, changed = [], []
        for fact, claim in sorted(wanted.items(), key=lambda one: (one[0].head, one[0].relation, one[0].tail)):
            told: dict[str, Any] = {
                "source": self.source,
                "confidence": claim.confidence,
                "weight": claim.fact.weight,
                "support": claim.support,
                "lift": claim.lift,
            }
            row = held.get(fact)
            if row is None:
                new.append(Triple(shop=self.shop, head=fact.head, relation=fact.relation, tail=fact.tail, **told))
            elif STRENGTH[row.source] <= STRENGTH[self.source]:
                self._seen.add(row.pk)
                if any(getattr(row, name) != value for name, value in told.items()):
                    for name, value in told.items():
                        setattr(row, name, value)
                    changed.append(row)
        return new, changed


def replace(shop: Shop, rows: Collection[tuple[Triple, Fact | None]]) -> None:
    """Have these triples say the facts beside them, or go; inside the caller's transaction.

    Where the fact is there already it has one row, of the stronger source. Old and new heads are told to the outbox.
    """
    if not rows:
        return
    heads = {row.head for row, _ in rows} | {fact.head for _, fact in rows if fact}
    Triple.objects.filter(pk__in=[row.pk for row, _ in rows]).delete()
    held: dict[Fact, Triple] = {}
    for some in chunks(sorted({fact.head for _, fact in rows if fact}), LOOKUP):
        held |= {Fact(row.head, row.relation, row.tail): row for row in shop.triples.filter(head__in=some)}
    new: list[Triple] = []
    changed: dict[int, Triple] = {}
    for row, fact in rows:
        if fact is None:
            continue
        there = held.get(fact)
        if there is None:
            there = held[fact] = Triple(shop=shop, head=fact.head, relation=fact.relation, tail=fact.tail)
            new.append(there)
        elif STRENGTH[there.source] >= STRENGTH[row.source]:
            continue
        elif there.pk is not None:
            changed[there.pk] = there
        for name in _TOLD:
            setattr(there, name, getattr(row, name))
    Triple.objects.bulk_create(new, ignore_conflicts=True)
    Triple.objects.bulk_update(changed.values(), _TOLD, batch_size=LOOKUP // 10)
    outbox.note(shop, heads)
