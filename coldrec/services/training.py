"""From a shop's tables to a version, into service and back out of it."""

from __future__ import annotations

import logging
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from coldrec import conf
from coldrec.core.artifact import Artifact
from coldrec.core.config import FitConfig
from coldrec.core.errors import ArtifactError, EncoderError, FitError, PromotionError
from coldrec.core.model import Model
from coldrec.core.training.fit import Progress, fit
from coldrec.models import EncoderVersion, ModelVersion, Shop, TrainingRun
from coldrec.services import encoders, runs, serving, vectors
from coldrec.services.datasets import read_shop
from coldrec.services.runs import Held

logger = logging.getLogger(__name__)

TOLERANCE = 0.02  # share of the serving version's figure that a candidate may lose
GATED = ("cold", "warm")  # figures that the gate compares
KEPT = 3  # versions whose artifacts stay on disk beside those in service


def fit_shop(
    shop: Shop,
    *,
    seed: int = 0,
    changes: dict[str, Any] | None = None,
    encoder: EncoderVersion | None = None,
    progress: Progress | None = None,
) -> ModelVersion:
    """Train on what the tables hold and register the version; it does not serve until it is promoted.

    Raises
    ------
    ColdrecError : the configuration or the data cannot give a model. The run's row keeps the reason.
    """
    run = perform(order(shop, seed=seed, changes=changes, encoder=encoder), progress=progress)
    version: ModelVersion | None = run.version
    if version is None:
        raise FitError(f"the run ended without a version: {run.get_state_display()}")
    return version


def order(
    shop: Shop,
    *,
    seed: int = 0,
    changes: dict[str, Any] | None = None,
    encoder: EncoderVersion | None = None,
    promote: bool = False,
) -> TrainingRun:
    """A run that will train on what the tables hold; ``promote``: and put the version into service if the gate lets it.

    It learns with the vectors of ``encoder``, else of the one in use when it begins.

    Raises
    ------
    FitError : the configuration is wrong.
    """
    config = FitConfig.of({"ranker": conf.get("RANKER"), **conf.get("FIT"), **(changes or {})})
    others = {"seed": seed, "promote": promote, "encoder": encoder.pk if encoder else None}
    runs.supersede(shop, TrainingRun.Kind.MODEL)
    return runs.order(shop, TrainingRun.Kind.MODEL, {**config.as_dict(), **others})


def perform(run: TrainingRun, *, progress: Progress | None = None) -> TrainingRun:
    """Train what the run orders, unless another process is at it or it has ended.

    Raises
    ------
    ColdrecError : as for ``fit_shop``.
    """
    return runs.perform(run, partial(_fit, progress=progress))


def _fit(held: Held, progress: Progress | None) -> None:
    run, shop = held.run, held.run.shop
    clean_up(shop)
    changes = {name: value for name, value in run.config.items() if name not in ("seed", "promote", "encoder")}

    def say(what: str, share: float) -> None:
        held.progressed(what, share)
        held.check()
        if progress:
            progress(what, share)

    name = f"{shop.key}/run-{run.pk}"
    path = Path(conf.get("ARTIFACTS")) / name
    if path.exists():  # by a process that was killed before it could register it
        _drop(path)
    data = read_shop(shop, encoder=_read_texts(run, say))
    artifact = fit(data, path, FitConfig.of(changes), seed=run.config.get("seed", 0), progress=say)
    with held.succeeding() as mine:
        Shop.objects.select_for_update().get(pk=shop.pk)
        last = shop.versions.aggregate(last=Max("number"))["last"] or 0
        mine.version = ModelVersion.objects.create(
            shop=shop,
            number=last + 1,
            path=name,
            digest=artifact.digest,
            metrics=dict(artifact.card["metrics"]),
            encoder=shop.encoders.get(fingerprint=data.encoder) if data.encoder else None,
        )


def _read_texts(run: TrainingRun, say: Progress) -> EncoderVersion | None:
    """The language model that the run learns with, which has read all that it can.

    Where the one in use cannot be asked now, the vectors that there are must do: a shop's nightly fit does not wait for
    a server that is away. One that was ordered by name has to read everything.

    Raises
    ------
    EncoderError : the one that was ordered cannot be asked, or is gone.
    """
    shop, ordered = run.shop, run.config.get("encoder")
    encoder = shop.encoders.filter(pk=ordered).first() if ordered else encoders.in_use(shop)
    if encoder is None:
        if ordered:
            raise EncoderError(f"the encoder {ordered}, which the run was ordered with, is gone")
        return None
    try:
        vectors.refresh(shop, encoder, progress=lambda done, total: say("reading the texts", done / total))
    except EncoderError as error:
        if ordered:
            raise
        logger.warning("coldrec learns with the vectors that there are: %s", error)
    return encoder


def verify(version: ModelVersion) -> Artifact:
    """The version's artifact with every byte and value checked.

    Raises
    ------
    ArtifactError : it is damaged, missing or not the one that was registered.
    """
    artifact = Artifact.open(serving.artifact_path(version))
    if artifact.digest != version.digest:
        raise ArtifactError(f"{artifact.path} is not the artifact that {version} was registered with")
    Model.of(artifact)
    return artifact


def promote(version: ModelVersion, *, force: bool = False) -> None:
    """Put a version into service: checks, gate, then one pointer moved in one transaction.

    ``force`` skips the gate's comparison, never the checks.

    Raises
    ------
    PromotionError : the artifact is damaged, or the gate refuses; the reason is kept on the version.
    """
    with transaction.atomic():
        # Locked before the artifact is read: no clean-up may take it away until the pointer has moved.
        shop = Shop.objects.select_for_update().get(pk=version.shop_id)
        try:
            verify(version)
            reason = "" if force else _refusal(version)
        except ArtifactError as error:
            reason = str(error)
        changed = ["refusal"]
        if not reason:
            changed += ["replaced", "promoted_at"]
            if shop.serving_version_id != version.pk:
                version.replaced_id = shop.serving_version_id
            version.promoted_at = timezone.now()
            _serve(shop, version)
        version.refusal = reason
        version.save(update_fields=changed)
    if reason:
        raise PromotionError(f"{version} is not promoted: {reason}")
    serving.forget()
    clean_up(shop)


def rollback(shop: Shop) -> ModelVersion:
    """Take the serving version out and return to the one it replaced, which is given back.

    Raises
    ------
    PromotionError : nothing serves, nothing was replaced, or the version before it is damaged.
    """
    with transaction.atomic():
        locked = Shop.objects.select_for_update().get(pk=shop.pk)
        current = locked.serving_version
        if current is None:
            raise PromotionError("there is nothing to roll back: no version serves")
        before: ModelVersion | None = current.replaced
        if before is None:
            raise PromotionError(f"there is nothing to roll back to: {current} is the first that served")
        try:
            verify(before)
        except ArtifactError as error:
            raise PromotionError(f"{before} cannot serve again: {error}") from error
        _serve(locked, before)
    serving.forget()
    return before


def _serve(shop: Shop, version: ModelVersion) -> None:
    """Move both pointers: the encoder goes with the version. One fitted without leaves in use what is in use."""
    shop.serving_version = version
    if version.encoder_id is not None and shop.encoder_id != version.encoder_id:
        shop.encoder_id = version.encoder_id
        EncoderVersion.objects.filter(pk=version.encoder_id).update(promoted_at=timezone.now())
    shop.save(update_fields=["serving_version", "encoder"])


def _refusal(version: ModelVersion) -> str:
    """Why the gate keeps a candidate out, or nothing: it may not be worse than what serves, on cold items or warm."""
    current = Shop.objects.select_related("serving_version").get(pk=version.shop_id).serving_version
    if current is None or current.pk == version.pk:
        return ""
    for name in GATED:
        ours, theirs = version.metrics.get(name), current.metrics.get(name)
        if theirs and ours is None:
            return f"it has no figure for {name}, where {current} has {theirs:.4f}"
        if theirs and ours < theirs * (1 - TOLERANCE):
            return f"its nDCG@20 on {name} items is {ours:.4f}; {current}, which serves, has {theirs:.4f}"
    return ""


def clean_up(shop: Shop) -> None:
    """Drop artifacts that no version on hand needs."""
    with transaction.atomic():
        # Alone: rows joined to a row that is waited for would be those from before the wait.
        _drop_artifacts(Shop.objects.select_for_update().get(pk=shop.pk))


def _drop_artifacts(shop: Shop) -> None:
    current = shop.serving_version
    needed = set(shop.versions.order_by("-number").values_list("path", flat=True)[:KEPT])
    for _step in range(2 * KEPT):  # two versions that were promoted in turns have replaced each other
        if current is None or len(needed) >= 2 * KEPT:
            break
        needed.add(current.path)
        current = current.replaced
    running = {
        f"{shop.key}/run-{pk}"
        for pk in TrainingRun.objects.filter(shop=shop, state__in=runs.OPEN).values_list("pk", flat=True)
    }
    folder = Path(conf.get("ARTIFACTS")) / shop.key
    for path in list(folder.glob("run-*")) if folder.is_dir() else ():
        name = f"{shop.key}/{path.name.split('.')[0]}"
        if name not in running and (name not in needed or path.name.endswith(".partial")):
            _drop(path)


def _drop(path: Path) -> None:
    with suppress(OSError):  # what cannot be dropped now is tried again by the next
        # Killed over it, we leave no half artifact under a whole one's name.
        shutil.rmtree(path.rename(path.with_suffix(".partial")), ignore_errors=True)
