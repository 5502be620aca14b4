"""Keeps items and the facts they give to the knowledge graph in step with the shop's products.

``sync`` goes through the whole catalogue, ``refresh_item`` through one product. Both compare before they write, so
running them again changes nothing, and a run that was killed is finished by the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone, translation

from coldrec import catalogue
from coldrec.catalogue import CatalogueAdapter, CatalogueItem
from coldrec.core.errors import CatalogueError
from coldrec.core.graph.values import Stated
from coldrec.core.types import Triple as Fact
from coldrec.models import Item, Shop, Triple
from coldrec.services import outbox, shops
from coldrec.services.batches import chunks
from coldrec.services.entities import LOOKUP, Entities, Progress, normaliser, stated
from coldrec.services.keys import Keys

logger = logging.getLogger(__name__)

PROBLEMS_KEPT = 1000  # of one run; the count goes on

_SHOWN = ("url", "image_url", "sellable", "currency", "variant_group")
_CONTENT = ("title", "text", "brand", "category", "attributes", "price", "language", "translations", "content_hash")
KNOWN: Mapping[str, Any] = {
    "source": Triple.Source.CATALOGUE,
    "confidence": 1.0,
    "weight": 1.0,
    "support": None,
    "lift": None,
}
"""What makes a fact that was found elsewhere one that the shop itself says."""

_WRITTEN = (*_CONTENT, *_SHOWN, "first_seen", "updated_at", "removed_at")


@dataclass(frozen=True, slots=True)
class Problem:
    """One product that did not become an item, and why."""

    product: str
    reason: str


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a run changed. ``skipped`` counts products that did not become an item; ``problems`` says why."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    skipped: int = 0
    problems: tuple[Problem, ...] = ()


def sync(
    adapter: CatalogueAdapter | None = None,
    *,
    shop: Shop | None = None,
    dry_run: bool = False,
    batch_size: int = 500,
    progress: Progress | None = None,
) -> SyncReport:
    """What it took to bring all items in step with the shop's products.

    Each batch is one transaction and holds the items with their facts, so a run that is killed leaves nothing half
    done. An item whose product went away becomes unsellable and is counted as deleted once; its row stays, since what
    visitors did with it still teaches. Memory does not grow with the catalogue.

    Raises
    ------
    CatalogueError : the adapter names something that the product model does not have. Nothing was written.
    """
    adapter = adapter or catalogue.load()
    adapter.validate()
    shop = shop or shops.current()
    writer = Writer(shop, dry_run=dry_run)
    total = adapter.count() if progress else None
    done = 0
    for products in adapter.batches(batch_size):
        writer.write(_adapted(adapter, products, writer.skip))
        done += len(products)
        if progress:
            progress(done, total)
    deleted = 0
    for ids in writer.unseen(batch_size):
        # The shop is asked again: a product may have come while this run was under way, or may be there but broken.
        there = adapter.find(ids)
        writer.write(_adapted(adapter, there, skip=None))
        deleted += writer.remove(set(ids) - set(_ids(adapter, there)))
    if not dry_run:
        _drop_orphaned_categories(shop)
    return writer.report(deleted)


def refresh_item(external_id: str) -> None:
    """Bring one item in step with its product as it is now; harmless when nothing changed or the product is gone."""
    adapter, shop = catalogue.load(), shops.current()
    writer = Writer(shop)
    with transaction.atomic():
        # Whoever refreshes the same item waits here and then reads what is newest. A write, because a lock for
        # reading cannot be upgraded in SQLite once somebody else has written.
        _rows(shop, [external_id]).update(updated_at=F("updated_at"))
        products = adapter.find([external_id])
        writer.write(_adapted(adapter, products, writer.skip))
        if external_id not in _ids(adapter, products):
            writer.remove({external_id})
    for problem in writer.problems:
        logger.warning("coldrec keeps item %s as it was: %s", problem.product, problem.reason)


def refresh_sellable(external_id: str) -> None:
    """Take over only whether the item may be shown; cheap, for places where the rest is left to a worker."""
    adapter, shop = catalogue.load(), shops.current()
    products = adapter.find([external_id])
    sellable = any(adapter.is_sellable(product) for product in products)
    stale = _rows(shop, [external_id]).exclude(sellable=sellable)
    with transaction.atomic():
        if stale.update(sellable=sellable, updated_at=timezone.now()):
            outbox.note(shop, [f"item:{external_id}"])


class Writer:
    """Writes items that differ from what is stored, counts them, and remembers which rows it has met."""

    def __init__(self, shop: Shop, *, dry_run: bool = False, now: datetime | None = None) -> None:
        self.shop = shop
        self.dry_run = dry_run
        self.now = now or timezone.now()
        self.created = self.updated = self.unchanged = self.skipped = 0
        self.problems: list[Problem] = []
        self._seen = Keys()
        self._announced: set[str] = set()  # ids a dry run would have created

    def write(self, items: Iterable[CatalogueItem]) -> list[CatalogueItem]:
        """The items refused because their id was met before in this run; the others are stored, in one transaction."""
        batch: dict[str, CatalogueItem] = {}
        twice: list[CatalogueItem] = []
        for item in items:
            if batch.setdefault(item.id, item) is not item:
                twice.append(item)
        stored = {row.external_id: row for row in _rows(self.shop, list(batch))}
        changed: list[tuple[CatalogueItem, Item | None]] = []
        content: list[CatalogueItem] = []  # whose facts may differ too
        created = updated = 0
        for external_id in sorted(batch):  # one order for all writers, so that PostgreSQL does without deadlocks
            item, row = batch[external_id], stored.get(external_id)
            if (row is not None and row.pk in self._seen) or external_id in self._announced:
                twice.append(item)
                continue
            if row is not None:
                self._seen.add(row.pk)
            if row is None or row.removed_at is not None:
                created += 1
            elif _differs(row, item):
                updated += 1
            else:
                self.unchanged += 1
                continue
            changed.append((item, row))
            if row is None or (row.content_hash, row.variant_group) != (item.content_hash, item.variant_group):
                content.append(item)
        if self.dry_run:
            self._announced.update(item.id for item, row in changed if row is None)
        elif changed:
            self._store(changed, content)
        self.created += created
        self.updated += updated
        for item in twice:
            self.skip(item.id, f"item id {item.id!r} is given by more than one product; the first one stays.")
        return twice

    def unseen(self, size: int) -> Iterator[list[str]]:
        """Ids of stored items, not yet removed, that were not met; at most ``size`` at a time."""
        rows = self.shop.items.filter(removed_at=None).order_by("pk").values_list("pk", "external_id")
        last, missing = 0, list[str]()
        while page := list(rows.filter(pk__gt=last)[: max(size, 1000)]):
            last = page[-1][0]
            missing.extend(external_id for pk, external_id in page if pk not in self._seen)
            while len(missing) >= size:
                yield missing[:size]
                del missing[:size]
        if missing:
            yield missing

    def remove(self, ids: Iterable[str]) -> int:
        """How many items were still in the catalogue and now are not."""
        names = sorted(ids)
        rows = _rows(self.shop, names).filter(removed_at=None)
        if self.dry_run:
            return int(rows.count())
        with transaction.atomic():
            removed = int(rows.update(sellable=False, removed_at=self.now, updated_at=self.now))
            if removed:
                outbox.note(self.shop, (f"item:{id}" for id in names))
        return removed

    def skip(self, product: str, reason: str) -> None:
        """Count a product that does not become an item, and keep the reason."""
        self.skipped += 1
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(Problem(product, reason))

    def report(self, deleted: int = 0) -> SyncReport:
        """What this writer has done so far."""
        return SyncReport(self.created, self.updated, self.unchanged, deleted, self.skipped, tuple(self.problems))

    def _store(self, changed: Sequence[tuple[CatalogueItem, Item | None]], content: Sequence[CatalogueItem]) -> None:
        rows = [self._row(item, row) for item, row in changed]
        entities, facts = Entities(self.shop), self._stated(content)
        with transaction.atomic():
            Item.objects.bulk_create(
                rows, update_conflicts=True, unique_fields=["shop", "external_id"], update_fields=_WRITTEN
            )
            entities.learn(facts)
            stale, taken_over, fresh = self._facts(content, entities, facts)
            if stale:
                Triple.objects.filter(pk__in=stale).delete()
            if taken_over:
                Triple.objects.filter(pk__in=taken_over).update(**KNOWN)
            # Two items may say the same of a category, in two processes at once.
            Triple.objects.bulk_create(fresh, ignore_conflicts=True)
            entities.write()
            outbox.note(self.shop, {f"item:{row.external_id}" for row in rows} | {fact.head for fact in fresh})
        for row in rows:
            self._seen.add(row.pk)

    def _row(self, item: CatalogueItem, row: Item | None) -> Item:
        first_seen = item.first_seen or (row.first_seen if row else self.now)
        values: dict[str, Any] = {name: getattr(item, name) for name in (*_CONTENT, *_SHOWN)}
        values["category"] = list(item.category)
        return Item(
            shop=self.shop, external_id=item.id, first_seen=first_seen, updated_at=self.now, removed_at=None, **values
        )

    @staticmethod
    def _stated(items: Sequence[CatalogueItem]) -> list[Stated]:
        split = normaliser().split
        return stated(fact for item in items for fact in item.facts(split))

    def _facts(
        self, items: Sequence[CatalogueItem], entities: Entities, facts: Sequence[Stated]
    ) -> tuple[list[int], list[int], list[Triple]]:
        """Stored facts of the catalogue that no longer hold, those known from elsewhere till now, and new ones."""
        wanted = {fact for one in facts if (fact := entities.fact(one)) is not None}
        heads = sorted({fact.head for fact in wanted} | {item.node for item in items})
        held: set[Fact] = set()
        stale: list[int] = []
        taken_over: list[int] = []
        for names in chunks(heads, LOOKUP):
            stored = self.shop.triples.filter(head__in=names)
            for pk, head, relation, tail, source in stored.values_list("pk", "head", "relation", "tail", "source"):
                fact = Fact(head, relation, tail)
                held.add(fact)
                is_own = source == Triple.Source.CATALOGUE
                if fact in wanted and not is_own:
                    taken_over.append(pk)
                # What is said of a category or another entity is not this item's to take back.
                elif fact not in wanted and is_own and head.startswith("item:"):
                    stale.append(pk)
        missing = sorted(wanted - held, key=lambda fact: (fact.head, fact.relation, fact.tail))
        fresh = [Triple(shop=self.shop, head=fact.head, relation=fact.relation, tail=fact.tail) for fact in missing]
        return stale, taken_over, fresh


def _rows(shop: Shop, ids: Sequence[str]) -> Any:
    return Item.objects.filter(shop=shop, external_id__in=ids)


def _differs(row: Item, item: CatalogueItem) -> bool:
    return (
        row.content_hash != item.content_hash
        or any(getattr(row, name) != getattr(item, name) for name in _SHOWN)
        or (item.first_seen is not None and row.first_seen != item.first_seen)
    )


def _adapted(
    adapter: CatalogueAdapter, products: Sequence[Any], skip: Callable[[str, str], None] | None
) -> Iterator[CatalogueItem]:
    """The items these products make; one that makes none is told to ``skip`` and harms no other.

    They are read in the adapter's own language whatever the page's is, so that a save from a Chinese admin and one by
    a worker, which has no page, give the same item.
    """
    language = adapter.own_language()
    with translation.override(language):
        adapter.prepare(products)
    for product in products:
        try:
            with translation.override(language):  # around each: between two the language is the caller's again
                item = adapter.to_item(product)
            if not isinstance(item, CatalogueItem):
                raise CatalogueError(f"{adapter}.to_item gave {type(item).__name__}; it must give a CatalogueItem.")
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 the shop's own code may raise anything
            if skip is not None:
                reason = str(error) if isinstance(error, CatalogueError) else f"{type(error).__name__}: {error}"
                skip(str(getattr(product, "pk", product))[:255], reason)
        else:
            yield item


def _ids(adapter: CatalogueAdapter, products: Sequence[Any]) -> set[str]:
    return {adapter.item_id(product) for product in products}


def _drop_orphaned_categories(shop: Shop) -> None:
    """Forget where a category hangs once nothing hangs under it; from the leaves upwards, a level at a time."""
    children = Triple.objects.filter(shop=shop, tail=OuterRef("head"))
    parents = shop.triples.filter(relation="parent", head__startswith="category:").exclude(Exists(children))
    while rows := dict(parents.values_list("pk", "head")[:500]):
        with transaction.atomic():
            Triple.objects.filter(pk__in=list(rows)).delete()
            outbox.note(shop, rows.values())
