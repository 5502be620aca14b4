"""Works on a training run of whichever kind, and puts what came of it into service where that was ordered."""

from __future__ import annotations

import logging

from coldrec.core.errors import PromotionError
from coldrec.models import ModelVersion, TrainingRun
from coldrec.services import training

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
    was_open = run.state in (TrainingRun.State.WAITING, TrainingRun.State.RUNNING)
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
