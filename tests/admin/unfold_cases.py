"""Run by test_unfold in a process of their own: every page of coldrec's in the admin opens under django-unfold."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from unfold.admin import ModelAdmin

from coldrec.models import Placement, Shop, Slate, Visitor
from coldrec.services import rollups
from tests.admin.conftest import NOON, stock
from tests.admin.test_placements import EMPTY, PREVIEW

OURS = [model for model in apps.get_app_config("coldrec").get_models() if admin.site.is_registered(model)]


@pytest.fixture
def manager(client: Client, db: None) -> Client:
    shop = Shop.objects.create(key="default")
    stock(shop, 2)
    rollups.roll_up(shop, now=NOON)
    Placement.objects.create(shop=shop, name="home", size=5, titles={"en": "For you"})
    client.force_login(User.objects.create_superuser("boss"))
    return client


def opened(client: Client, address: str, **asked: str) -> str:
    response = client.get(address, asked)
    assert response.status_code == 200, address
    assert "unfold/css/styles.css" in response.text, "the theme is on"
    outside = re.findall(r'(?:src|href)="(https?://[^"]*|//[^"]*)"', response.text)
    assert outside == [], "nothing comes from elsewhere"
    return response.text


def test_all_tables_take_the_themes_own_class() -> None:
    assert OURS and all(isinstance(admin.site.get_model_admin(model), ModelAdmin) for model in OURS)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_lists_and_rows_open(manager: Client, model: type) -> None:
    name = model._meta.model_name
    opened(manager, reverse(f"admin:coldrec_{name}_changelist"))
    row = model.objects.first()
    if row is not None:
        opened(manager, reverse(f"admin:coldrec_{name}_change", args=[row.pk]))
        opened(manager, reverse(f"admin:coldrec_{name}_history", args=[row.pk]))


def test_screens_open(manager: Client) -> None:
    start = opened(manager, reverse("admin:index"))
    screens = [url.name for url in admin.site.get_urls() if getattr(url, "lookup_str", "").endswith("Screen")]
    assert screens == [
        "coldrec_overview",
        "coldrec_cold_start",
        "coldrec_readiness",
        "coldrec_console",
        "coldrec_graph",
    ]
    assert re.findall(r'id="link-coldrec-([^"]*)"', start)[: len(screens)] == [
        name.removeprefix("coldrec_") for name in screens
    ], "they stand above the tables"
    for name in screens:
        address = reverse(f"admin:{name}")
        assert address in start, "it is in the menu"
        opened(manager, address)


def test_screens_are_neither_open_nor_listed_without_permission(manager: Client) -> None:
    manager.force_login(User.objects.create_user("nobody", is_staff=True))
    start = manager.get(reverse("admin:index")).text
    for name in ("overview", "cold_start", "readiness", "console", "graph"):
        assert manager.get(reverse(f"admin:coldrec_{name}")).status_code == 403
        assert f"link-coldrec-{name}" not in start


def test_the_console_and_the_editor_answer(manager: Client) -> None:
    page = opened(manager, reverse("admin:coldrec_console"), placement="home", find="Kettle", add="view:sku-1")
    assert "srcdoc" in page and "Kettle 1" in page
    form = opened(manager, reverse("admin:coldrec_placement_add"), name="trending")
    assert 'name="title_zh-hans"' in form and "data-coldrec-preview" in form
    preview = manager.post(PREVIEW, {**EMPTY, "name": "trending", "size": "1"})
    assert preview.text.count("data-coldrec-item=") == 1
    assert not Slate.objects.exclude(policy="ladder").exists()
    saved = manager.post(reverse("admin:coldrec_placement_add"), {**EMPTY, "name": "trending", "size": "3"})
    assert saved.status_code == 302 and Placement.objects.get(name="trending").size == 3


def test_erasing_is_asked(manager: Client) -> None:
    opened(manager, reverse("admin:coldrec_visitor_erase", args=[Visitor.objects.first().pk]))
