"""The open model of each shop in this process: found, opened, checked and swapped without a pause."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.db.models import DateTimeField, OuterRef, Subquery, Value

from coldrec import conf
from coldrec.core.errors import ArtifactError, ColdrecError
from coldrec.core.model import Model
from coldrec.core.pipeline import recommend
from coldrec.core.types import Interaction, Kind, Request
from coldrec.models import EncoderVersion, Item, ItemVector, ModelVersion, Shop
from coldrec.services import vectors
from coldrec.services.core_items import core_item
from coldrec.services.datasets import facts_about

logger = logging.getLogger(__name__)

LINE = 3  # versions tried by a process that has none open


@dataclass(frozen=True)
class Serving:
    """One answer's model: the version it came from and the model with the newest items added."""

    version_id: int | None = None
    number: int | None = None
    model: Model | None = None
    encoder: EncoderVersion | None = None  # whose vectors the version was fitted with


@dataclass
class _Slot:
    """What a process holds for one shop."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    serving: Serving = Serving()
    base: Model | None = None  # without fresh items
    looked: float = -1e9  # monotonic seconds
    encoder: EncoderVersion | None = None  # whose vectors the open version was fitted with
    # Primary key and time of change of the side buffer's items, and when the encoder last read each.
    fresh: tuple[tuple[int, datetime, datetime | None], ...] = ()
    refused: tuple[int, str] | None = None  # version and digest that could not be opened


_slots: dict[int, _Slot] = {}
_guard = threading.Lock()


def artifact_path(version: ModelVersion) -> Path:
    """Where a version's artifact lies."""
    return Path(conf.get("ARTIFACTS")) / version.path


def current(shop: Shop) -> Serving:
    """The model that answers for the shop now; every ``REFRESH_SECONDS`` one caller looks for a newer one.

    The others go on with what is there, so an answer is always made by one version. A version that cannot be opened is
    logged and passed over: the one before it keeps serving.
    """
    with _guard:
        slot = _slots.setdefault(shop.pk, _Slot())
    if time.monotonic() - slot.looked >= conf.get("REFRESH_SECONDS") and slot.lock.acquire(blocking=slot.looked < 0):
        try:
            if time.monotonic() - slot.looked >= conf.get("REFRESH_SECONDS"):
                _refresh(slot, shop)
                slot.looked = time.monotonic()
        except Exception:
            logger.exception("coldrec: the serving model could not be refreshed; the last one goes on")
            slot.looked = time.monotonic()
        finally:
            slot.lock.release()
    return slot.serving


def held(shop: Shop) -> Serving:
    """What this process has open for the shop, as old as it may be; nothing is looked for."""
    slot = _slots.get(shop.pk)
    return Serving() if slot is None else slot.serving


def forget() -> None:
    """Drop every open model of this process, so that the next request looks at once; for tests and for promotion."""
    with _guard:
        for slot in _slots.values():
            slot.looked = min(slot.looked, time.monotonic() - conf.get("REFRESH_SECONDS"))


def reset() -> None:
    """Forget everything, as a new process would."""
    with _guard:
        _slots.clear()


def _refresh(slot: _Slot, shop: Shop) -> None:
    wanted = ModelVersion.objects.filter(pk__in=Shop.objects.filter(pk=shop.pk).values("serving_version"))
    wanted = wanted.select_related("encoder").first()
    if wanted is None:
        slot.serving, slot.base, slot.encoder, slot.fresh = Serving(), None, None, ()
        return
    version_id, number, base, encoder = slot.serving.version_id, slot.serving.number, slot.base, slot.encoder
    if wanted.pk != version_id and slot.refused != (wanted.pk, wanted.digest):
        # A process that has served nothing yet goes back along the versions that served before.
        for version in _line(wanted) if base is None else [wanted]:
            try:
                base = _open(version)
            except (ColdrecError, OSError) as error:
                logger.error("coldrec: version %s cannot serve, the one before it goes on: %s", version, error)
            else:
                version_id, number, encoder = version.pk, version.number, version.encoder
                break
        if version_id != wanted.pk:
            slot.refused = (wanted.pk, wanted.digest)
    if base is None:
        return
    rows = _fresh_rows(shop, base, encoder)
    fresh = tuple((row.pk, row.updated_at, row.read_at) for row in rows)
    if version_id != slot.serving.version_id or fresh != slot.fresh:
        told = None if encoder is None else vectors.read(encoder, [row.pk for row in rows])
        model = base.extend([core_item(row) for row in rows], facts_about(shop, rows), told)
        _warm_up(model)
        slot.base, slot.encoder, slot.fresh = base, encoder, fresh
        slot.serving = Serving(version_id, number, model, encoder)


def _open(version: ModelVersion) -> Model:
    """The version's model, if it is still the artifact that was registered, fitted with that encoder's vectors."""
    model = Model.open(artifact_path(version))
    if model.version != version.digest:
        raise ArtifactError(f"{artifact_path(version)} is not the artifact that {version} was registered with")
    if model.card.get("encoder") != (version.encoder.fingerprint if version.encoder else None):
        raise ArtifactError(f"{artifact_path(version)} was fitted with vectors of another encoder than {version} says")
    return model


def _line(version: ModelVersion | None) -> Iterator[ModelVersion]:
    """The version, the one that it replaced, and so on, as far back as artifacts are kept."""
    for _ in range(LINE):
        if version is None:
            return
        yield version
        version = version.replaced


def _fresh_rows(shop: Shop, base: Model, encoder: EncoderVersion | None) -> list[Item]:
    """Items the model has never seen, the newest first, no more than the side buffer holds.

    ``read_at`` says of each when the encoder read it, None if it has not.
    """
    read = ItemVector.objects.filter(encoder=encoder, item=OuterRef("pk")).values("updated_at")
    since = base.card.get("fitted_at")
    rows = Item.objects.filter(shop=shop, removed_at__isnull=True, sellable=True)
    rows = rows.annotate(read_at=Subquery(read) if encoder else Value(None, DateTimeField()))
    if since is not None:
        rows = rows.filter(updated_at__gte=datetime.fromtimestamp(since - 60, tz=UTC))
    limit = conf.get("FRESH_ITEMS")
    return [row for row in rows.order_by("-updated_at", "-pk")[:limit] if base.position.get(row.external_id) is None]


def _warm_up(model: Model) -> None:
    """Answer once, so that the first visitor does not pay for what is computed on first use."""
    if model.item_ids:
        _ = model.sources.lexicon.spelling  # kept over every extension of the model; a request would wait for it
        seeds = (model.item_ids[0],)
        recommend(model, [Request(kind=kind, history=(Interaction(seeds[0]),), seeds=seeds) for kind in Kind], 1)
