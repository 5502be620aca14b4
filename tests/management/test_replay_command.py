"""coldrec_replay_rejected: once the cause is gone, what was kept aside is taken."""

from __future__ import annotations

import json

import pytest

from coldrec.models import Event, RejectedEvent
from coldrec.services import shops

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("settings_of_shop")]


@pytest.fixture
def kept() -> None:
    """Two that can be taken by now, one that was sent again meanwhile, and one that never can."""
    bodies = [
        {"event_id": "1", "kind": "view", "item_id": "a", "visitor": "ann", "occurred_at": "2026-01-01T00:00:00Z"},
        {"event_id": "2", "kind": "view", "item_id": "b", "visitor": "bob", "occurred_at": "2026-01-01T00:00:00Z"},
        {"event_id": "1", "kind": "view", "item_id": "a", "visitor": "ann", "occurred_at": "2026-01-01T00:00:00Z"},
        {"event_id": "3", "kind": "stare", "item_id": "b", "visitor": "bob"},
    ]
    for body, code in zip(bodies, ["future", "future", "future", "unknown_kind"], strict=True):
        RejectedEvent.objects.create(shop=shops.current(), body=json.dumps(body), code=code, reason="?", source="test")


def test_a_dry_run_counts_them_by_reason(run, kept):
    said = run("coldrec_replay_rejected", "--dry-run")
    assert said.out.startswith("4 rejected events: ")
    assert "3 future" in said.out and "1 unknown_kind" in said.out
    assert RejectedEvent.objects.count() == 4 and not Event.objects.exists()


def test_those_taken_leave_the_table_and_a_second_run_finds_the_rest(run, kept):
    assert run("coldrec_replay_rejected").out == "2 accepted, 1 duplicate, 1 still rejected\n"
    assert set(Event.objects.values_list("event_id", flat=True)) == {"1", "2"}
    assert list(RejectedEvent.objects.values_list("code", flat=True)) == ["unknown_kind"]
    assert run("coldrec_replay_rejected").out == "0 accepted, 0 duplicate, 1 still rejected\n"
    assert RejectedEvent.objects.count() == 1


def test_none_is_no_error(run):
    assert run("coldrec_replay_rejected", "--dry-run").out == "0 rejected events: none\n"
    assert run("coldrec_replay_rejected").out == "0 accepted, 0 duplicate, 0 still rejected\n"
