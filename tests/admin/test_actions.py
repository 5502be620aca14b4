"""What staff can do: put a version into service, take it back, try rejected events again."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from coldrec.models import Event, Item, ModelVersion, RejectedEvent, Shop, Visitor
from coldrec.services import serving
from coldrec.services.training import fit_shop, promote
from tests.admin.conftest import NOON, permit

VERSIONS = "admin:coldrec_modelversion_changelist"
REJECTED = "admin:coldrec_rejectedevent_changelist"


def act(client: Client, page: str, action: str, *rows: Any) -> list[str]:
    """The messages that answer an action on these rows."""
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    response = client.post(reverse(page), chosen, follow=True)
    assert response.redirect_chain, f"{action} is not offered"
    return [str(message) for message in response.context["messages"]]


@pytest.fixture
def versions(shop: Shop, tmp_path: Path, settings: Any) -> list[ModelVersion]:
    """Two trained versions of a small shop; none serves."""
    settings.COLDREC = {"ARTIFACTS": str(tmp_path)}
    for n in range(6):
        Item.objects.create(shop=shop, external_id=f"i{n}", title=f"Green tea {n}", first_seen=NOON, updated_at=NOON)
    yield [fit_shop(shop, seed=seed) for seed in (0, 1)]
    serving.reset()


def serving_version(shop: Shop) -> ModelVersion | None:
    return Shop.objects.select_related("serving_version").get(pk=shop.pk).serving_version


def test_promote_and_roll_back_are_done_told_and_logged(
    staff: Client, shop: Shop, versions: list[ModelVersion]
) -> None:
    permit("promote_modelversion")
    first, second = versions
    assert act(staff, VERSIONS, "promote", first) == ["v1 is in service."]
    assert act(staff, VERSIONS, "promote", second) == ["v2 is in service."]
    assert serving_version(shop) == second
    assert act(staff, VERSIONS, "roll_back", second) == ["v1 serves again in place of v2."]
    assert serving_version(shop) == first
    logged = LogEntry.objects.order_by("pk").values_list("object_repr", "change_message")
    assert list(logged) == [
        ("v1", "Put into service."),
        ("v2", "Put into service."),
        ("v2", "Taken out of service; v1 serves again."),
    ]


def test_what_cannot_be_done_is_told_and_changes_nothing(
    staff: Client, shop: Shop, versions: list[ModelVersion], tmp_path: Path
) -> None:
    permit("promote_modelversion")
    first, second = versions
    assert act(staff, VERSIONS, "promote", first, second) == ["Select exactly one version to put into service."]
    assert "serves now" in act(staff, VERSIONS, "roll_back", first)[0], "nothing serves yet"
    promote(first)
    assert "is the first that served" in act(staff, VERSIONS, "roll_back", first)[0]
    next((tmp_path / second.path).glob("*.npy")).write_bytes(b"damaged")
    (told,) = act(staff, VERSIONS, "promote", second)
    assert told.startswith("v2 is not promoted: "), told
    assert serving_version(shop) == first
    assert not LogEntry.objects.exists(), "only what was done is logged"


def test_looking_at_versions_does_not_permit_promoting_them(
    staff: Client, shop: Shop, versions: list[ModelVersion]
) -> None:
    response = staff.post(reverse(VERSIONS), {"action": "promote", "_selected_action": [versions[0].pk]})
    assert response.status_code in (200, 302)
    assert serving_version(shop) is None
    permit("change_modelversion")
    staff.post(reverse(VERSIONS), {"action": "promote", "_selected_action": [versions[0].pk]})
    assert serving_version(shop) is None, "the permission to change rows is another"


def rejected(shop: Shop, visitor: Visitor, event_id: str, kind: str) -> RejectedEvent:
    body = json.dumps({"event_id": event_id, "kind": kind, "item_id": "i1"})
    return RejectedEvent.objects.create(shop=shop, body=body, code="unknown_kind", reason="?", visitor=visitor)


def test_replay_takes_what_can_be_taken_of_the_chosen_events(staff: Client, shop: Shop) -> None:
    permit("replay_rejectedevent")
    visitor = Visitor.objects.create(shop=shop, key="v")
    good, bad = rejected(shop, visitor, "a", "view"), rejected(shop, visitor, "b", "dance")
    other = rejected(shop, visitor, "c", "view")
    assert act(staff, REJECTED, "replay", good, bad) == [
        "1 event is no longer rejected: 1 taken now, 0 there already.",
        "1 event stays rejected.",
    ]
    assert list(Event.objects.values_list("event_id", flat=True)) == ["a"]
    assert list(RejectedEvent.objects.order_by("pk")) == [bad, other], "what was not chosen is left alone"
    assert LogEntry.objects.get().change_message == "1 accepted, 0 duplicate, 1 rejected"


def test_replay_needs_its_own_permission(staff: Client, shop: Shop) -> None:
    row = rejected(shop, Visitor.objects.create(shop=shop, key="v"), "a", "view")
    staff.post(reverse(REJECTED), {"action": "replay", "_selected_action": [row.pk]})
    assert not Event.objects.exists()
