"""What the shop's language models made of its items, kept in step with the items' texts.

Each vector says of which state of its item it was made. What is stale is found by the database, so unchanged items cost
no more than that query; and since each batch is stored on its own, a run that was killed is finished by the next, and
two at once do each other no harm.

Shapes: n items, d dimensions.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from coldrec.core.encoders.reading import item_text
from coldrec.core.protocols import TextEncoder
from coldrec.core.types import FloatArray
from coldrec.models import EncoderVersion, Item, ItemVector, Shop
from coldrec.services import encoders
from coldrec.services.batches import chunks
from coldrec.services.core_items import FIELDS, core_item

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with how many items are done and how many there are to do."""

LEAST, MOST = 64, 2_048  # items of a batch
BATCH_SECONDS = 4.0  # that a batch takes: what is lost when the process is killed
FEW = 32  # items that are not worth more than one thread
LOOKUP = 500  # rows per query: SQLite takes a limited number of parameters
DROPPED = 2_000  # rows of one deletion, which others wait for
HELD = np.dtype("<f2")  # of a vector in the tables


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a run did. ``renewed``: items that changed while their text did not; ``left``: those there was no time for.

    ``seconds`` were spent in all, ``encoding`` of them by the language model.
    """

    encoded: int = 0
    renewed: int = 0
    unchanged: int = 0
    dropped: int = 0
    left: int = 0
    seconds: float = 0.0
    encoding: float = 0.0


def stale(shop: Shop, encoder: EncoderVersion) -> Any:
    """The items of the catalogue that the encoder has not read as they are now, as rows to count or go through."""
    read_as_is = ItemVector.objects.filter(encoder=encoder, item=OuterRef("pk"), content_hash=OuterRef("content_hash"))
    return Item.objects.filter(~Exists(read_as_is), shop=shop, removed_at=None)


def coverage(shop: Shop, encoder: EncoderVersion) -> tuple[int, int]:
    """How many items there are, and how many of them the encoder has read as they are now."""
    items = Item.objects.filter(shop=shop, removed_at=None).count()
    return items, items - stale(shop, encoder).count()


def refresh(
    shop: Shop, encoder: EncoderVersion, *, limit_s: float | None = None, progress: Progress | None = None
) -> Refreshed:
    """Have the encoder read what it has not read yet; what took more than ``limit_s`` seconds is left to the next run.

    Raises
    ------
    EncoderError : the model cannot be asked. What was done stays done.
    """
    began = time.monotonic()
    todo = stale(shop, encoder)
    items, number = Item.objects.filter(shop=shop, removed_at=None).count(), todo.count()
    done = _Done()
    last, size = 0, LEAST
    rows = todo.order_by("pk").only(*FIELDS, "content_hash")
    while number and (limit_s is None or time.monotonic() - began < limit_s):
        started = time.monotonic()
        page = list(rows.filter(pk__gt=last)[:size])
        if not page:
            break
        last = page[-1].pk
        _take_in(encoder, page, done)
        if progress:
            progress(done.items, max(number, done.items))
        rate = len(page) / max(time.monotonic() - started, 1e-3)
        size = int(min(max(rate * BATCH_SECONDS, LEAST), MOST, 2 * size))
    dropped = _drop_unneeded(shop)
    left = 0 if limit_s is None or not number else todo.count()
    took = time.monotonic() - began
    return Refreshed(done.encoded, done.renewed, max(items - number, 0), dropped, left, took, done.encoding)


def refresh_items(shop: Shop, encoder: EncoderVersion, ids: Iterable[str]) -> Refreshed:
    """Have the encoder read those of these items that it has not read as they are now; a remote one soon or not at all.

    Raises
    ------
    EncoderError : the model cannot be asked.
    """
    began, done = time.monotonic(), _Done()
    for names in chunks(sorted(set(ids)), LOOKUP):
        rows = stale(shop, encoder).filter(external_id__in=names)
        if page := list(rows.order_by("pk").only(*FIELDS, "content_hash")):
            _take_in(encoder, page, done, hurried=True)
    return Refreshed(done.encoded, done.renewed, seconds=time.monotonic() - began, encoding=done.encoding)


def follow(shop: Shop, ids: Iterable[str]) -> None:
    """Have whatever reads this shop's texts read items that were just saved; what cannot be read now stays stale.

    Nothing that a model does is raised: a page may stand behind it.
    """
    wanted = list(ids)
    for encoder in encoders.reading(shop):
        if encoders.is_resting(encoder):
            continue
        try:
            refresh_items(shop, encoder, wanted)
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 engines raise their own
            encoders.rest(encoder, error)


def read(encoder: EncoderVersion, items: Sequence[int]) -> FloatArray:
    """(n, d) float32 of items by their primary keys, as they were last read; zeros where they never were."""
    told = np.zeros((len(items), encoder.dims), np.float32)
    place: dict[int, list[int]] = {}
    for row, pk in enumerate(items):
        place.setdefault(pk, []).append(row)
    for some in chunks(sorted(place), LOOKUP):
        rows = ItemVector.objects.filter(encoder=encoder, item__in=some)
        for pk, vector in rows.values_list("item_id", "vector"):
            if len(vector) == encoder.dims * HELD.itemsize:
                told[place[pk]] = np.frombuffer(vector, HELD)
    return told


def text_hash(text: str) -> str:
    """64 hex digits that change when, and only when, what the model is given to read changes."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# Inside -----------------------------------------------------------------------------------------------------------


@dataclass
class _Done:
    """Counts of a run that goes on."""

    encoded: int = 0
    renewed: int = 0
    encoding: float = 0.0  # seconds

    @property
    def items(self) -> int:
        return self.encoded + self.renewed


def _take_in(encoder: EncoderVersion, page: Sequence[Item], done: _Done, *, hurried: bool = False) -> None:
    """Encode the texts that are new and store them, each with the hash of the row that was read.

    An item that changes meanwhile has another hash by then, and so is stale again.
    """
    texts = {row.pk: item_text(core_item(row)) for row in page}
    hashes = {pk: text_hash(text) for pk, text in texts.items()}
    renewed = _renew(encoder, page, hashes)
    changed = [row for row in page if row.pk not in renewed]
    done.renewed += len(renewed)
    if not changed:
        return
    started = time.monotonic()
    engine: TextEncoder = encoders.opened(encoder, many=len(changed) > FEW or not (encoder.path or hurried))
    vectors = engine.encode([texts[row.pk] for row in changed])
    done.encoding += time.monotonic() - started
    now = timezone.now()
    made = [
        ItemVector(
            item_id=row.pk,
            encoder_id=encoder.pk,
            content_hash=row.content_hash,
            text_hash=hashes[row.pk],
            vector=vector.tobytes(),
            updated_at=now,
        )
        for row, vector in zip(changed, vectors.astype(HELD), strict=True)
    ]
    with transaction.atomic():
        there = _still_there(made)
        ItemVector.objects.bulk_create(
            there,
            batch_size=LOOKUP,
            update_conflicts=True,
            unique_fields=["encoder", "item"],
            update_fields=["content_hash", "text_hash", "vector", "updated_at"],
        )
    done.encoded += len(changed)


def _still_there(made: Sequence[ItemVector]) -> list[ItemVector]:
    """Those whose items were not deleted while they were encoded; held so until they are stored."""
    pks: set[int] = set()
    for some in chunks([one.item_id for one in made], LOOKUP):
        pks.update(Item.objects.select_for_update(no_key=True).filter(pk__in=some).values_list("pk", flat=True))
    return [one for one in made if one.item_id in pks]


def _renew(encoder: EncoderVersion, page: Sequence[Item], hashes: dict[int, str]) -> set[int]:
    """Items whose text is the one that was read before: their vectors now stand for the state that they are in."""
    renewed: set[int] = set()
    for some in chunks(page, LOOKUP):
        with transaction.atomic():
            # Locked while they are compared: else another's newer vector could be taken for the one that was seen.
            held = ItemVector.objects.select_for_update().filter(encoder=encoder, item__in=[row.pk for row in some])
            before = {one.item_id: one for one in held.defer("vector").order_by("pk")}
            same = [row for row in some if row.pk in before and before[row.pk].text_hash == hashes[row.pk]]
            for row in same:
                before[row.pk].content_hash = row.content_hash
            ItemVector.objects.bulk_update([before[row.pk] for row in same], ["content_hash"])
            renewed.update(row.pk for row in same)
    return renewed


def _drop_unneeded(shop: Shop) -> int:
    """How many vectors were dropped whose encoder nobody may ask for any more."""
    gone = ItemVector.objects.filter(
        encoder__in=shop.encoders.exclude(pk__in=encoders.kept(shop)).values_list("pk", flat=True)
    )
    dropped = 0
    while pks := list(gone.values_list("pk", flat=True)[:DROPPED]):
        for some in chunks(pks, LOOKUP):
            dropped += ItemVector.objects.filter(pk__in=some).delete()[0]
    return dropped
