"""From a shop's tables to a version, into service and back out of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from coldrec import conf
from coldrec.core.artifact import Artifact
from coldrec.core.config import FitConfig
from coldrec.core.errors import ArtifactError, PromotionError
from coldrec.core.model import Model
from coldrec.core.training.fit import fit
from coldrec.models import ModelVersion, Shop, TrainingRun
from coldrec.services import serving
from coldrec.services.datasets import read_shop

TOLERANCE = 0.02  # share of the serving version's figure that a candidate may lose
GATED = ("cold", "warm")  # figures that the gate compares
KEPT = 3  # versions whose artifacts stay on disk beside those in service
STALE = timedelta(hours=12)  # a run that has not ended by then was killed


def fit_shop(
    shop: Shop,
    *,
    seed: int = 0,
    changes: dict[str, Any] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> ModelVersion:
    """Train on what the tables hold and register the version; it does not serve until it is promoted.

    Raises
    ------
    ColdrecError : the configuration or the data cannot give a model. The run's row keeps the reason.
    """
    config = FitConfig.of({"ranker": conf.get("RANKER"), **conf.get("FIT"), **(changes or {})})
    clean_up(shop)
    run = TrainingRun.objects.create(
        shop=shop, state=TrainingRun.State.RUNNING, config={**config.as_dict(), "seed": seed}
    )
    said = time.monotonic()

    def say(what: str, share: float) -> None:
        nonlocal said
        if progress:
            progress(what, share)
        if time.monotonic() - said > 1:
            said = time.monotonic()
            TrainingRun.objects.filter(pk=run.pk).update(progress=f"{what} ({share:.0%})")

    name = f"{shop.key}/run-{run.pk}"
    path = Path(conf.get("ARTIFACTS")) / name
    try:
        artifact = fit(read_shop(shop), path, config, seed=seed, progress=say)
    except BaseException as error:
        run.state, run.error, run.finished_at = TrainingRun.State.FAILED, f"{error}" or repr(error), timezone.now()
        run.save(update_fields=["state", "error", "finished_at"])
        raise
    with transaction.atomic():
        Shop.objects.select_for_update().get(pk=shop.pk)
        last = shop.versions.aggregate(last=Max("number"))["last"] or 0
        version = ModelVersion.objects.create(
            shop=shop, number=last + 1, path=name, digest=artifact.digest, metrics=dict(artifact.card["metrics"])
        )
        run.version, run.state, run.finished_at, run.progress = (
            version,
            TrainingRun.State.SUCCEEDED,
            timezone.now(),
            "",
        )
        run.save()
    return version


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
            shop.serving_version = version
            shop.save(update_fields=["serving_version"])
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
        locked.serving_version = before
        locked.save(update_fields=["serving_version"])
    serving.forget()
    return before


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
    """Close runs that were killed, and drop artifacts that no version on hand needs."""
    TrainingRun.objects.filter(
        shop=shop, state=TrainingRun.State.RUNNING, started_at__lt=timezone.now() - STALE
    ).update(state=TrainingRun.State.FAILED, error="The process was stopped.", finished_at=timezone.now())
    with transaction.atomic():
        # Alone: rows joined to a row that is waited for would be those from before the wait.
        _drop_artifacts(Shop.objects.select_for_update().get(pk=shop.pk))


def _drop_artifacts(shop: Shop) -> None:
    current = shop.serving_version
    needed = set(shop.versions.order_by("-number").values_list("path", flat=True)[:KEPT])
    while current is not None and len(needed) < 2 * KEPT:
        needed.add(current.path)
        current = current.replaced
    running = {
        f"{shop.key}/run-{pk}"
        for pk in TrainingRun.objects.filter(shop=shop, state=TrainingRun.State.RUNNING).values_list("pk", flat=True)
    }
    folder = Path(conf.get("ARTIFACTS")) / shop.key
    for path in list(folder.glob("run-*")) if folder.is_dir() else ():
        name = f"{shop.key}/{path.name.split('.')[0]}"
        if name not in running and (name not in needed or path.name.endswith(".partial")):
            with suppress(OSError):  # what cannot be dropped now is tried again by the next
                # Killed over it, we leave no half artifact under a whole one's name.
                shutil.rmtree(path.rename(path.with_suffix(".partial")), ignore_errors=True)
