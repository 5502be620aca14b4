"""Every page opens, says what it should, and costs the same however many rows there are."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from coldrec.admin import base
from coldrec.models import (
    ConsentRecord,
    EncoderVersion,
    Entity,
    Erasure,
    Event,
    GraphChange,
    GraphSuggestion,
    IgnoredCount,
    Item,
    ModelVersion,
    RejectedEvent,
    Shop,
    Slate,
    TrainingRun,
    Triple,
    Visitor,
)
from tests.admin.conftest import NOON, permit, stock

GRAPH = [Triple, Entity, GraphSuggestion, GraphChange]
PROOFS = [ConsentRecord, Erasure, IgnoredCount]
MODELS = [Item, Event, RejectedEvent, Slate, Visitor, *GRAPH, TrainingRun, ModelVersion, EncoderVersion, Shop, *PROOFS]
FACTS = [Event, RejectedEvent, Slate, Visitor, *GRAPH, TrainingRun, ModelVersion, EncoderVersion, *PROOFS]


def changelist(model: type) -> str:
    return reverse(f"admin:coldrec_{model._meta.model_name}_changelist")


def page_of(row: object) -> str:
    return reverse(f"admin:coldrec_{row._meta.model_name}_change", args=[row.pk])


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = client.get(address)
    assert response.status_code == 200, address
    return len(captured)


@pytest.mark.parametrize("model", MODELS)
def test_changelist_takes_as_many_queries_for_many_rows_as_for_few(staff: Client, shop: Shop, model: type) -> None:
    stock(shop, 2)
    queries(staff, changelist(model))  # content types and the like are remembered from here on
    few = queries(staff, changelist(model))
    stock(shop, 20, start=10)
    many = queries(staff, changelist(model))
    assert many == few <= 10, f"{few} queries for 2 rows, {many} for 22"


@pytest.mark.parametrize("model", MODELS)
def test_change_page_takes_as_many_queries_for_many_rows_as_for_few(staff: Client, shop: Shop, model: type) -> None:
    stock(shop, 2)
    row = model.objects.order_by("pk").first()
    queries(staff, page_of(row))
    few = queries(staff, page_of(row))
    stock(shop, 20, start=10)
    assert queries(staff, page_of(row)) == few <= 12


@pytest.mark.parametrize("model", MODELS)
def test_pages_of_an_empty_installation_open(staff: Client, model: type) -> None:
    Shop.objects.all().delete()
    assert queries(staff, changelist(model)) <= 10


@pytest.mark.parametrize("model", MODELS)
def test_changelist_of_several_shops_names_the_shop(staff: Client, shop: Shop, model: type) -> None:
    stock(shop, 1)
    stock(Shop.objects.create(key="other", name="Another shop"), 1)
    page = staff.get(changelist(model))
    assert page.context["cl"].result_count == 2
    assert "Another shop" in page.text


@pytest.mark.parametrize("model", MODELS)
def test_search_finds_nothing_without_failing(staff: Client, shop: Shop, model: type) -> None:
    stock(shop, 1)
    page = staff.get(changelist(model), {"q": "no such thing, 没有\x00"})
    assert page.status_code == 200


@pytest.mark.parametrize("model", FACTS)
def test_facts_cannot_be_added_changed_or_deleted(admin_client: Client, shop: Shop, model: type) -> None:
    stock(shop, 1)
    row = model.objects.first()
    name = model._meta.model_name
    assert admin_client.get(reverse(f"admin:coldrec_{name}_add")).status_code == 403
    assert admin_client.post(page_of(row), {"anything": "x"}).status_code == 403
    assert admin_client.post(reverse(f"admin:coldrec_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    delete = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    admin_client.post(changelist(model), delete)
    assert model.objects.filter(pk=row.pk).exists()


def test_somebody_without_permission_sees_nothing(client: Client, shop: Shop, django_user_model: type) -> None:
    client.force_login(django_user_model.objects.create_user("new", is_staff=True))
    assert {client.get(changelist(model)).status_code for model in MODELS} == {403}


def test_counting_stops_on_big_tables(staff: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    stock(shop, 5)
    monkeypatch.setattr(base, "COUNTED", 3)
    assert staff.get(changelist(Event)).context["cl"].result_count == 3


def test_item_page_reads_well_and_links_out_safely(staff: Client, shop: Shop) -> None:
    stock(shop, 1)
    page = staff.get(page_of(Item.objects.get())).text
    for text in ("Kitchen › Kettles", "12.90 EUR", "red", "s, m", "Fellow</a>", "/kettles/0/"):
        assert text in page, text
    assert "javascript:" not in page, "an address from outside must not run code"


def test_only_the_sellable_flag_of_an_item_can_be_changed(staff: Client, shop: Shop) -> None:
    stock(shop, 1)
    item = Item.objects.get()
    assert staff.post(page_of(item), {"title": "Mine now"}).status_code == 403, "looking is not changing"
    permit("change_item")
    assert staff.post(page_of(item), {"title": "Mine now"}).status_code == 302
    item.refresh_from_db()
    assert (item.title, item.sellable) == ("Kettle 0", False)
    assert item.updated_at > NOON, "workers look for changed items by this"


def test_slate_page_shows_titles_reasons_and_what_was_clicked(staff: Client, shop: Shop) -> None:
    stock(shop, 1)
    response = staff.get(page_of(Slate.objects.get()))
    (formset,) = response.context["inline_admin_formsets"]
    rows = list(formset.formset.queryset)
    assert [(row.item_id, row.title, row.wanted) for row in rows] == [
        ("sku-0", "Kettle 0", True),
        ("gone", None, False),
    ]
    assert "because: sku-7, sku-8" in response.text
    assert page_of(Item.objects.get()) in response.text


def test_version_page_says_what_its_figures_mean(staff: Client, shop: Shop) -> None:
    stock(shop, 1)
    page = staff.get(page_of(ModelVersion.objects.get())).text
    for text in ("new items among themselves", "0.3125", "new visitors after 1 interaction"):
        assert text in page, text


def test_failed_run_shows_its_error_and_configuration(staff: Client, shop: Shop) -> None:
    stock(shop, 1)
    page = staff.get(page_of(TrainingRun.objects.get())).text
    for text in ("FitError: no data", "factors", "30 s"):
        assert text in page, text


@pytest.mark.parametrize(
    ("row", "target"),
    [
        (Item, Event),
        (Visitor, Event),
        (Visitor, Slate),
        (Event, Slate),
        (Event, Item),
        (Shop, Item),
        (Shop, RejectedEvent),
    ],
)
def test_pages_link_to_what_belongs_to_them(staff: Client, shop: Shop, row: type, target: type) -> None:
    stock(shop, 2)
    page = staff.get(page_of(row.objects.order_by("pk").first())).text
    start = page.index(f'href="{changelist(target)}?') + len('href="')
    followed = staff.get(page[start : page.index('"', start)].replace("&amp;", "&"))
    assert followed.status_code == 200, "the link is followed without a redirect to ?e=1"
    assert followed.context["cl"].result_count == (2 if row is Shop else 1)


def test_every_table_is_in_the_admin() -> None:
    assert all(admin.site.is_registered(model) for model in MODELS)


@pytest.mark.parametrize(
    ("model", "query", "count"),
    [
        (Item, "", 3),
        (Item, "in_catalogue=yes", 2),
        (Item, "in_catalogue=no", 1),
        (Item, "in_catalogue=perhaps", 3),
        (Visitor, "with_account=yes", 1),
        (Visitor, "with_account=no", 2),
    ],
)
def test_filters_narrow_down(staff: Client, shop: Shop, model: type, query: str, count: int) -> None:
    stock(shop, 3)
    Item.objects.filter(external_id="sku-0").update(removed_at=NOON)
    Visitor.objects.filter(key="default-visitor-0").update(user=User.objects.get())
    assert staff.get(f"{changelist(model)}?{query}").context["cl"].result_count == count


@pytest.mark.parametrize(
    ("values", "state"),
    [({}, "waiting"), ({"refusal": "worse"}, "refused"), ({"promoted_at": NOON}, "has served"), (None, "in service")],
)
def test_versions_say_how_they_stand(staff: Client, shop: Shop, values: dict[str, object] | None, state: str) -> None:
    version = ModelVersion.objects.create(shop=shop, number=1, path="p", digest="ab" * 32, **(values or {}))
    if values is None:
        Shop.objects.update(serving_version=version)
    assert f'<td class="field-standing">{state}</td>' in staff.get(changelist(ModelVersion)).text
