"""A shop's own language model: trained on its texts and its visitors' behaviour, judged, and put into service.

A run goes through four steps and begins again at the one that it was killed in: the model is trained (in a folder that
keeps its checkpoints), judged on what was held out beside the encoder in use, registered, and, where that was ordered,
put into service. That last step has every item read beside the vectors that serve, fits a model with them and moves
both pointers at once, so that no answer mixes two encoders.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from coldrec import conf
from coldrec.core.dataset import Dataset
from coldrec.core.encoders.reading import item_text
from coldrec.core.errors import EncoderError, PromotionError
from coldrec.core.evaluation.encoders import Verdict
from coldrec.core.protocols import TextEncoder
from coldrec.core.training.language import judging
from coldrec.core.training.language.corpus import Corpus, corpus_of
from coldrec.core.training.language.recipe import Recipe
from coldrec.models import EncoderVersion, Shop, TrainingRun
from coldrec.services import encoders, graph_behaviour, runs, training, vectors
from coldrec.services.datasets import read_shop
from coldrec.services.runs import Held

if TYPE_CHECKING:
    from coldrec.backends.learning.estimate import Estimate

logger = logging.getLogger(__name__)

OWN = ("promote", "switch")  # of a run's configuration: what is no choice of the recipe


def order(shop: Shop, *, changes: dict[str, Any] | None = None, promote: bool = False) -> TrainingRun:
    """A run that will train a language model on what the tables hold; ``promote``: and have it serve if it may.

    Raises
    ------
    EncoderError : a choice is wrong, or the shop has no model to begin with.
    """
    recipe = Recipe.of({**conf.get("TRAINING"), **(changes or {})})
    base = encoders.in_use(shop) or encoders.install(shop)
    if not base.path:
        raise EncoderError(f"{base} is asked over the network; only a model that lies here can be trained further")
    return runs.order(shop, TrainingRun.Kind.ENCODER, {**recipe.as_dict(), "promote": promote})


def estimate(shop: Shop, *, changes: dict[str, Any] | None = None) -> Estimate:
    """What a training would take on this machine, told by some of its steps; nothing is ordered or kept.

    Raises
    ------
    EncoderError : as training would.
    """
    from coldrec.backends.learning.estimate import estimate

    recipe = Recipe.of({**conf.get("TRAINING"), **(changes or {})})
    recipe = _with_base(recipe, encoders.in_use(shop) or encoders.install(shop))
    _, corpus = _read(shop, recipe, timezone.now())
    return estimate(recipe, corpus)


def order_switch(encoder: EncoderVersion) -> TrainingRun:
    """A run that will put an encoder into service, with a model fitted with its vectors.

    Raises
    ------
    EncoderError : it serves already.
    """
    shop = Shop.objects.get(pk=encoder.shop_id)
    if shop.encoder_id == encoder.pk and shop.serving_version and shop.serving_version.encoder_id == encoder.pk:
        raise EncoderError(f"{encoder} serves already")
    return runs.order(shop, TrainingRun.Kind.ENCODER, {"switch": encoder.pk, "promote": True})


def perform(run: TrainingRun) -> TrainingRun:
    """Work on the run until it has ended, unless another process is at it.

    Raises
    ------
    ColdrecError : it failed; its row keeps the reason.
    """
    return runs.perform(run, _work)


def _work(held: Held) -> None:
    run = held.run
    switched: int | None = run.config.get("switch")
    if switched is not None:
        encoder = EncoderVersion.objects.get(pk=switched, shop=run.shop)
    else:
        encoder = run.encoder or _trained(held)
    if switched is not None or (run.config.get("promote") and not encoder.refusal):
        _switch(held, encoder)
    with held.succeeding():
        pass


# Training ---------------------------------------------------------------------------------------------------------


def _trained(held: Held) -> EncoderVersion:
    """The version that came of the run; it is registered with what the judge says of it."""
    from coldrec.backends.encoders.source import Source
    from coldrec.backends.encoders.torch import TorchEncoder
    from coldrec.backends.learning.train import train

    run, shop = held.run, held.run.shop
    if (made := shop.encoders.filter(card__run=run.pk).first()) is not None:  # and killed before it could say so
        return _made_by(run, made)
    recipe = Recipe.of({name: value for name, value in run.config.items() if name not in OWN})
    current = encoders.in_use(shop) or encoders.install(shop)
    recipe = _with_base(recipe, current)
    held.said("reading the shop")
    dataset, corpus = _read(shop, recipe, run.started_at)
    folder = Path(conf.get("ARTIFACTS")) / shop.key / f"training-{run.pk}"
    train(recipe, corpus, folder, held)
    held.said("comparing it with the encoder in use")
    verdict = compare(
        TorchEncoder(Source.find(str(folder / encoders.MODEL))), encoders.opened(current, many=True), dataset, corpus
    )
    held.said("exporting it for web workers")
    _sign(folder / encoders.CARD, run)
    version = encoders.register(
        shop, folder, source=f"{current}: {current.source}", metrics=verdict.figures, refusal=verdict.refusal
    )
    _made_by(run, version)
    logger.info("coldrec: %s was trained: %s", version, verdict.refusal or "it may serve")
    _clean_up(shop, keep=run)
    return version


def _sign(card: Path, run: TrainingRun) -> None:
    """Have the card say which run the model is of, so that no second is registered for it."""
    card.write_text(json.dumps({**json.loads(card.read_text("utf-8")), "run": run.pk}, indent=1), "utf-8")


def _made_by(run: TrainingRun, version: EncoderVersion) -> EncoderVersion:
    TrainingRun.objects.filter(pk=run.pk).update(encoder=version)
    run.encoder = version
    return version


def _clean_up(shop: Shop, keep: TrainingRun) -> None:
    """Drop encoders that nobody may ask for, and checkpoints but those of runs that go on: a newer model is there."""
    encoders.clean_up(shop)
    open_runs = {f"training-{pk}" for pk in runs.open_runs(shop) if pk != keep.pk}
    for folder in (Path(conf.get("ARTIFACTS")) / shop.key).glob("training-*"):
        if folder.name not in open_runs:
            shutil.rmtree(folder, ignore_errors=True)


def _with_base(recipe: Recipe, current: EncoderVersion) -> Recipe:
    return recipe if recipe.base else replace(recipe, base=str(encoders.folder_of(current) / encoders.MODEL))


def _read(shop: Shop, recipe: Recipe, until: datetime) -> tuple[Dataset, Corpus]:
    dataset = read_shop(shop)
    return dataset, corpus_of(dataset, graph_behaviour.searches(shop, until=until), recipe.seed)


def compare(candidate: TextEncoder, current: TextEncoder, dataset: Dataset, corpus: Corpus) -> Verdict:
    """Whether the candidate finds what was held out of its training better than the encoder in use."""
    texts = [item_text(item) for item in dataset.items]
    return judging.compare(candidate, current, texts, corpus)


# Into service -----------------------------------------------------------------------------------------------------


def _switch(held: Held, encoder: EncoderVersion) -> None:
    """Fit a model with the encoder's vectors and promote both, or keep the reason why not."""
    shop = held.run.shop
    vectors.refresh(shop, encoder, progress=partial(_reading, held))
    held.said("fitting a model with its vectors")
    version = training.fit_shop(shop, encoder=encoder, progress=_alive(held))
    try:
        training.promote(version)
    except PromotionError as error:
        encoder.refusal = str(error)
        encoder.save(update_fields=["refusal"])
        logger.warning("coldrec keeps the encoder in use: %s", error)
    else:
        EncoderVersion.objects.filter(pk=encoder.pk).update(promoted_at=timezone.now(), refusal="")


def _reading(held: Held, done: int, total: int) -> None:
    held.progressed(f"reading {total:,} items", done / max(total, 1))
    held.check()


def _alive(held: Held) -> Callable[[str, float], None]:
    def say(what: str, share: float) -> None:
        held.progressed(f"fitting a model: {what}", share)
        held.check()

    return say
