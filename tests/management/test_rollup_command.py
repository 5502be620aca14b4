"""coldrec_rollup says what it did; what it sums up is in tests/services/test_rollups.py."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from coldrec import tasks
from coldrec.models import RollUp
from coldrec.services import rollups, shops
from tests.happened import visitor_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_an_empty_shop_has_nothing_to_roll_up(run):
    assert "There is nothing to roll up yet" in run("coldrec_rollup").out


def test_the_days_done_are_told(run):
    today = timezone.now().date()
    visitor_of(shops.current(), timezone.now() - 2 * DAY)
    assert f"Rolled up 3 days, {today - 2 * DAY} to {today}." in run("coldrec_rollup").out
    assert f"Rolled up 2 days, {today - DAY} to {today}." in run("coldrec_rollup", "--since", str(today - DAY)).out
    assert "Rolled up 3 days" in run("coldrec_rollup", "--all").out


def test_a_day_that_cannot_be_read_is_refused(run):
    said = run("coldrec_rollup", "--since", "yesterday")
    assert said.code != 0
    assert "--since must be a day such as 2026-01-31, got 'yesterday'." in said.err


def test_a_run_that_was_overtaken_says_so(run, monkeypatch):
    monkeypatch.setattr(rollups, "roll_up", lambda *_, **__: rollups.Report(4, is_overtaken=True))
    assert "Another roll-up is at work and goes on; 4 days were done here." in run("coldrec_rollup").out


def test_the_scheduler_s_task_does_the_same():
    tasks.rollup()
    assert RollUp.objects.get(shop=shops.current()).rolled_up_at is not None
