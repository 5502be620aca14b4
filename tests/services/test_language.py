"""A shop's own language model: ordered, trained, judged, registered, and put into service with a model of its own."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from django.test import override_settings

from coldrec import conf
from coldrec.core.errors import EncoderError
from coldrec.core.evaluation.encoders import Verdict
from coldrec.models import EncoderVersion, Event, Item, ItemVector, ModelVersion, TrainingRun, Visitor
from coldrec.services import encoders, language, performing, runs, serving, shops, training, vectors
from tests.encoders import registered

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db
QUICK = {"mask_steps": 2, "pair_steps": 3, "batch": 8, "mini_batch": 4, "length": 32, "method": "lora", "rank": 2}
State = TrainingRun.State


@pytest.fixture
def shop(tmp_path, tiny_versions):
    with override_settings(COLDREC={"ARTIFACTS": str(tmp_path), "ENCODER": "nowhere", "REFRESH_SECONDS": 0.0}):
        shop = shops.current()
        words = ("red", "blue", "wool")
        for n in range(60):
            colour, kind = words[n % 3], ("shoe", "lamp")[n % 2]
            Item.objects.create(
                shop=shop,
                external_id=str(n),
                title=f"{colour} {kind} {n}",
                text=f"the {kind} is {colour}",
                category=[kind],
                content_hash=f"h{n}",
                first_seen=NOW,
                updated_at=NOW,
            )
        for v in range(40):
            visitor = Visitor.objects.create(shop=shop, key=f"v{v}")
            for step in range(4):
                Event.objects.create(
                    shop=shop,
                    event_id=f"e{v}-{step}",
                    kind="view",
                    visitor=visitor,
                    item_id=str((v * 7 + step * 6) % 60),
                    occurred_at=NOW,
                )
        base = registered(shop, tiny_versions[0])
        encoders.put_in_use(shop, base)
        shop.refresh_from_db()
        yield shop
        encoders.reset()
        serving.reset()


@pytest.fixture
def trained_before(monkeypatch, tiny_versions):
    """Training gives a model that was made before: what counts is what becomes of it."""
    from coldrec.backends.learning import train

    def copy(_recipe, _corpus, folder, _watch):
        shutil.copytree(tiny_versions[1], folder, dirs_exist_ok=True)
        (folder / "card.json").write_text("{}", "utf-8")
        return {}

    monkeypatch.setattr(train, "train", copy)


@pytest.fixture
def accepted(monkeypatch):
    """The judge finds any candidate better: three steps on sixty items teach nothing that could be told."""
    figures = {"cold": {"cases": 40, "candidate": 0.4, "current": 0.3}}
    monkeypatch.setattr(language, "compare", lambda *_: Verdict("", figures))


def test_a_model_is_trained_judged_and_kept_with_its_card(shop):
    run = language.perform(language.order(shop, changes=QUICK))
    assert run.state == State.SUCCEEDED and run.encoder.number == 2
    encoder = run.encoder
    assert encoder.origin == EncoderVersion.Origin.TRAINED
    assert encoder.card["corpus"]["pairs"]["told"] > 30 and encoder.card["recipe"]["method"] == "lora"
    assert {"cold", "retrieval"} <= set(encoder.metrics)
    assert encoder.refusal, "so little training is no better, and the gate says so"
    assert list(dict.fromkeys(point[0] for point in run.curve)) == ["masked tokens", "pairs"]
    shop.refresh_from_db()
    assert shop.encoder.number == 1, "nothing was put into service"
    folder = encoders.folder_of(encoder)
    assert {path.name for path in folder.iterdir()} >= {"model", "onnx", "adapter", "card.json", "logs"}
    assert not list(Path(conf.get("ARTIFACTS")).glob("*/training-*"))
    vector = encoders.opened(encoder).encode(["red shoe"])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_one_that_is_better_is_put_into_service_with_a_model_of_its_own(shop, accepted, trained_before):
    before = training.fit_shop(shop)
    training.promote(before)
    version = performing.perform(language.order(shop, changes=QUICK, promote=True).pk)
    shop.refresh_from_db()
    assert version == shop.serving_version and version != before
    assert shop.encoder.number == 2 == version.encoder.number and before.encoder.number == 1
    assert vectors.coverage(shop, shop.encoder) == (60, 60)
    assert ItemVector.objects.filter(encoder=before.encoder).count() == 60, "a rollback finds its vectors"
    assert serving.current(shop).model.card["encoder"] == shop.encoder.fingerprint
    training.rollback(shop)
    shop.refresh_from_db()
    assert (shop.serving_version, shop.encoder) == (before, before.encoder)


def test_one_that_is_refused_serves_nobody(shop, trained_before):
    before = training.fit_shop(shop)
    training.promote(before)
    assert performing.perform(language.order(shop, changes=QUICK, promote=True).pk) is None
    shop.refresh_from_db()
    assert (shop.serving_version, shop.encoder) == (before, before.encoder)
    assert ModelVersion.objects.count() == 1


def test_staff_may_put_one_into_service_all_the_same(shop, trained_before):
    trained = language.perform(language.order(shop, changes=QUICK)).encoder
    assert trained.refusal
    assert performing.perform(language.order_switch(trained).pk) is not None
    shop.refresh_from_db()
    assert shop.encoder == trained
    with pytest.raises(EncoderError, match="e2 serves already"):
        language.order_switch(trained)


def test_a_run_that_was_killed_after_it_had_registered_its_model_registers_no_second(
    shop, accepted, monkeypatch, trained_before
):
    class Killed(BaseException):
        pass

    def killed(*_args, **_options):
        raise Killed

    run = language.order(shop, changes=QUICK, promote=True)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(vectors, "refresh", killed)
        language.perform(run)
    assert runs.sweep(shop) == [run]
    assert language.perform(run).state == State.SUCCEEDED
    assert EncoderVersion.objects.count() == 2


def test_one_that_was_killed_before_it_could_say_so_is_still_refused_and_no_second_is_made(
    shop, trained_before, monkeypatch
):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    run = language.order(shop, changes=QUICK, promote=True)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(language, "_made_by", killed)
        language.perform(run)
    made = EncoderVersion.objects.get(number=2)
    assert made.refusal and made.card["run"] == run.pk
    assert language.perform(run).encoder == made
    shop.refresh_from_db()
    assert EncoderVersion.objects.count() == 2 and shop.encoder.number == 1


def test_a_run_that_was_cancelled_goes_on_where_it_was(shop, monkeypatch):
    monkeypatch.setattr(runs, "BEAT_SECONDS", 0.0)
    run = language.order(shop, changes=QUICK)
    stepped = runs.Held.stepped

    def cancelling(held, stage, step, *told):
        stepped(held, stage, step, *told)
        if (stage, step) == ("pairs", 2):
            runs.cancel(run)

    with monkeypatch.context() as patch:
        patch.setattr(runs.Held, "stepped", cancelling)
        assert language.perform(run).state == State.CANCELLED
    runs.retry(run)
    seen = []

    def seeing(held, stage, step, *told):
        seen.append((stage, step))
        stepped(held, stage, step, *told)

    monkeypatch.setattr(runs.Held, "stepped", seeing)
    assert language.perform(run).state == State.SUCCEEDED
    assert seen == [("pairs", 3)]


def test_checkpoints_of_runs_that_ended_go_once_a_newer_model_is_there(shop, trained_before):
    ended, waits = language.order(shop, changes=QUICK), language.order(shop, changes=QUICK)
    runs.cancel(ended)
    place = Path(conf.get("ARTIFACTS")) / shop.key
    for run in (ended, waits):
        (place / f"training-{run.pk}").mkdir()
    language.perform(language.order(shop, changes=QUICK))
    assert [path.name for path in place.glob("training-*")] == [f"training-{waits.pk}"]


def test_a_wrong_recipe_is_refused_before_anything_is_ordered(shop):
    with pytest.raises(EncoderError, match="unknown choice of the recipe 'speed'"):
        language.order(shop, changes={"speed": 3})
    assert not TrainingRun.objects.exists()


def test_a_shop_with_nothing_to_learn_from_is_told_so(shop):
    Event.objects.all().delete()
    Item.objects.exclude(external_id="0").update(removed_at=NOW)
    with pytest.raises(EncoderError, match="too few to learn from"):
        language.perform(language.order(shop, changes=QUICK))
    run = TrainingRun.objects.get()
    assert run.state == State.FAILED and "too few to learn from" in run.error


def test_what_it_would_take_is_told_without_an_order(shop):
    told = language.estimate(shop, changes=QUICK)
    assert told.minutes > 0 and told.gigabytes > 0 and told.texts > 40
    assert not TrainingRun.objects.exists()
