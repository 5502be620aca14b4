"""One visitor's page: what they did, what they would see, and their wishes followed."""

from __future__ import annotations

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from coldrec.models import Erasure, Event, Shop, Visitor
from tests.admin.conftest import permit, stock


@pytest.fixture
def visitor(shop: Shop) -> Visitor:
    """An account whose guest clicked a kettle in a list."""
    stock(shop, 2)
    account = Visitor.objects.create(shop=shop, key="account", user=User.objects.create_user("ann"))
    Visitor.objects.filter(key="default-visitor-0").update(merged_into=account)
    return account


def page(client: Client, visitor: Visitor) -> str:
    response = client.get(reverse("admin:coldrec_visitor_change", args=[visitor.pk]))
    assert response.status_code == 200
    return response.text


def test_who_may_look_sees_the_timeline_and_it_is_written_down(staff: Client, visitor: Visitor) -> None:
    permit("view_personal_data", "use_console")
    told = page(staff, visitor)
    assert "Kettle 0" in told and "product clicked" in told and "Kettle 1" not in told
    assert "as guest default-visi" in told, "which guest it was"
    slate = Event.objects.get(event_id="e0").slate_id
    assert f'/admin/coldrec/slate/{slate}/change/">home</a>' in told
    assert "/admin/coldrec/console/?placement=home&amp;who=visitor&amp;visitor=account" in told
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(visitor.pk), "Looked at in the visitor's page.")


def test_who_may_not_sees_the_row_alone(staff: Client, visitor: Visitor) -> None:
    told = page(staff, visitor)
    assert "Kettle 0" not in told and "console/?" not in told and "Export" not in told
    assert not LogEntry.objects.exists()
    for name in ("export", "erase"):
        assert staff.get(reverse(f"admin:coldrec_visitor_{name}", args=[visitor.pk])).status_code == 403


def test_all_rows_are_given_out_as_a_file(staff: Client, visitor: Visitor) -> None:
    permit("view_personal_data")
    response = staff.get(reverse("admin:coldrec_visitor_export", args=[visitor.pk]))
    kept = json.loads(b"".join(response.streaming_content))
    assert kept["visitor"] == "account" and [one["item_id"] for one in kept["events"]] == ["sku-0"]
    assert "an export of all rows" in LogEntry.objects.get().change_message
    assert staff.get(reverse("admin:coldrec_visitor_export", args=[9999])).status_code == 404


def test_erasing_is_asked_first_done_whole_and_leaves_a_receipt(staff: Client, visitor: Visitor) -> None:
    permit("delete_visitor")
    address = reverse("admin:coldrec_visitor_erase", args=[visitor.pk])
    asked = staff.get(address)
    assert asked.status_code == 200 and '<td class="is-number">1</td>' in asked.text
    assert Visitor.objects.filter(pk=visitor.pk).exists(), "asking erases nothing"
    done = staff.post(address, follow=True)
    assert "All rows of this visitor are erased." in done.text
    assert list(Visitor.objects.values_list("key", flat=True)) == ["default-visitor-1"]
    assert not Event.objects.filter(item_id="sku-0").exists()
    receipt = Erasure.objects.get(source="admin")
    entry = LogEntry.objects.get()
    assert receipt.source == "admin" and str(receipt.reference) in entry.change_message
    assert "account" not in entry.object_repr, "the key is gone here too"


def test_to_look_is_not_to_erase(staff: Client, visitor: Visitor) -> None:
    permit("view_personal_data")
    assert staff.post(reverse("admin:coldrec_visitor_erase", args=[visitor.pk])).status_code == 403
    assert "Erase" not in page(staff, visitor)
