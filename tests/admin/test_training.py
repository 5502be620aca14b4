"""Training runs and encoders: followed, ended, tried again, compared; and what a card says."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client, override_settings
from django.urls import reverse

from coldrec import tasks
from coldrec.models import EncoderVersion, Shop, TrainingRun
from coldrec.services import runs
from tests.admin.conftest import permit, stock
from tests.admin.test_actions import act
from tests.admin.test_pages import changelist, page_of

RUNS = "admin:coldrec_trainingrun_changelist"
State, Kind = TrainingRun.State, TrainingRun.Kind
CURVE = [["mlm", 1, 4.0, 50.0], ["mlm", 20, 2.5, 60.0], ["pairs", 1, 1.0, 40.0], ["pairs", 30, 0.25, 45.0]]


@pytest.fixture
def run(shop: Shop) -> TrainingRun:
    made = runs.order(shop, Kind.ENCODER, {"method": "lora"})
    TrainingRun.objects.update(state=State.RUNNING, progress="pairs: step 30 of 200", curve=CURVE)
    made.refresh_from_db()
    return made


def test_a_run_at_work_is_live_on_both_pages(staff: Client, run: TrainingRun) -> None:
    for address in (changelist(TrainingRun), page_of(run)):
        page = staff.get(address).text
        assert f'<div id="run-{run.pk}" data-coldrec-live>' in page, address
        assert "pairs: step 30 of 200" in page and "coldrec/live.js" in page, address


def test_a_run_that_has_ended_is_not(staff: Client, run: TrainingRun) -> None:
    TrainingRun.objects.update(state=State.SUCCEEDED)
    for address in (changelist(TrainingRun), page_of(run)):
        assert "data-coldrec-live" not in staff.get(address).text


def test_its_page_draws_each_stage_with_its_figures(staff: Client, run: TrainingRun) -> None:
    page = staff.get(page_of(run)).text
    assert page.count('<figure class="coldrec-chart">') == 2
    for text in ("mlm: loss by step", "pairs: loss by step", "<td>4.0</td><td>2.5</td><td>60.0</td>"):
        assert text in page, text


def test_one_that_has_not_begun_has_no_curve(staff: Client, shop: Shop) -> None:
    assert "coldrec-chart" not in staff.get(page_of(runs.order(shop, Kind.MODEL, {}))).text


def test_cancelling_is_asked_for_and_logged(staff: Client, run: TrainingRun) -> None:
    permit("control_trainingrun")
    assert act(staff, RUNS, "cancel", run) == ["1 run ends at its next step."]
    run.refresh_from_db()
    assert run.cancel_asked and LogEntry.objects.get().change_message == "Cancelled."
    TrainingRun.objects.update(state=State.SUCCEEDED)
    assert act(staff, RUNS, "cancel", run) == [
        "A run that is succeeded cannot be cancelled; only one that waits or runs can."
    ]


def test_trying_again_wakes_a_worker_or_says_that_there_is_none(
    staff: Client, run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    permit("control_trainingrun")
    asked: list[Any] = []
    monkeypatch.setattr(
        tasks, "_queued", lambda task, *told, queue=None: asked.append((task.name, told, queue)) or True
    )
    TrainingRun.objects.update(state=State.FAILED)
    said = act(staff, RUNS, "retry", run)
    assert said == ["1 run waits for a worker. There are none here: coldrec_train --waiting works on it."]
    assert asked == []
    TrainingRun.objects.update(state=State.DEAD)
    with override_settings(COLDREC={"TASKS": "celery"}):
        assert act(staff, RUNS, "retry", run) == ["1 run waits for a worker."]
    assert asked == [("coldrec.train", (run.pk,), "gpu")]
    assert act(staff, RUNS, "retry", run) == [
        "A run that is waiting cannot be tried again; only one that ended without a result can."
    ]


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_who_may_only_look_is_not_offered_them(staff: Client, run: TrainingRun, action: str) -> None:
    staff.post(reverse(RUNS), {"action": action, "_selected_action": [run.pk]}, follow=True)
    run.refresh_from_db()
    assert not run.cancel_asked and run.state == State.RUNNING


def test_curves_of_runs_are_compared(staff: Client, shop: Shop, run: TrainingRun) -> None:
    other = TrainingRun.objects.create(
        shop=shop, kind=Kind.ENCODER, curve=[["pairs", 1, 2.0, 9.0], ["pairs", 60, 0.5, 8.0]]
    )
    chosen = {"action": "compare", "_selected_action": [run.pk, other.pk]}
    page = staff.post(reverse(RUNS), chosen).text
    assert page.count("coldrec-chart") == 2 and page.count("<polyline") == 3
    for text in (f"run {run.pk}", f"run {other.pk}", "Curves of training runs"):
        assert text in page, text


def test_an_encoder_tells_its_card_its_refusal_and_how_much_it_has_read(staff: Client, shop: Shop) -> None:
    stock(shop, 2)
    first = EncoderVersion.objects.get(number=1)
    page = staff.get(page_of(first)).text
    for text in ("MIT", "it is worse at search", "refused", "1 of 2 (50%)"):
        assert text in page, text
    shop.items.filter(external_id="sku-0").update(content_hash="changed")
    assert "0 of 2 (0%)" in staff.get(page_of(first)).text


def test_vectors_of_items_that_went_away_are_not_counted(staff: Client, shop: Shop) -> None:
    stock(shop, 2)
    shop.items.filter(external_id="sku-1").update(removed_at="2026-03-02T00:00Z")
    page = staff.get(changelist(EncoderVersion)).text
    assert "1 of 1" in page and "0 of 1 (0%)" in page
