"""Works on a training run of whichever kind, and puts what came of it into service where that was ordered."""

from __future__ import annotations

import logging

from coldrec.core.errors import PromotionError
from coldrec.models import ModelVersion, Shop, TrainingRun
from coldrec.services import language, runs, training

logger = logging.getLogger(__name__)


def perform(run_id: int) -> ModelVersion | None:
    """The version that serves now because of this run; None where none does, or another process is at the run.

    Raises
    ------
    ColdrecError : the run failed; its row keeps the reason.
    """
    run = TrainingRun.objects.select_related("shop").filter(pk=run_id).first()
    if run is None:
        return None
    was_open = run.state in runs.OPEN
    if run.kind == TrainingRun.Kind.ENCODER:
        before = run.shop.serving_version_id
        language.perform(run)
        now: ModelVersion | None = Shop.objects.select_related("serving_version").get(pk=run.shop_id).serving_version
        return now if now is not None and now.pk != before else None
    run = training.perform(run)
    if not was_open or run.version is None or not run.config.get("promote"):
        return None
    version: ModelVersion = run.version
    try:
        training.promote(version)
    except PromotionError as error:
        logger.warning("coldrec keeps the serving version: %s", error)
        return None
    return version
