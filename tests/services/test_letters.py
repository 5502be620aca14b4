"""Links in letters, from the day they are sent to long after."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import signing
from django.db import OperationalError, connection
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from coldrec import conf
from coldrec.models import Event, Item, Shop, Slate, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import letters
from tests.served import HOME, serve, visitor_who


@pytest.fixture
def reader(shop) -> Visitor:
    return visitor_who(shop, "coffee1", "coffee2")


@pytest.fixture
def sent(shop, reader):
    """The list of a letter, and the address of its second item."""
    (slate,) = serve(shop, HOME, visitor=reader)
    return slate, address(shop, slate)


def address(shop, slate, position=2) -> str:
    return reverse("coldrec:letter", args=[letters.token_of(shop, slate.slate_id, position)])


def clicks() -> list[tuple]:
    return list(Event.objects.filter(kind="click").values_list("visitor", "item_id", "slate_id", "position"))


def test_a_link_leads_to_the_product_signed_out_and_counts_once(sent, reader):
    slate, link = sent
    item = slate.items[1]
    for _ in range(3):
        answer = Client().get(link)
        assert (answer.status_code, answer["Location"]) == (302, f"/products/{item.id}/")
    assert clicks() == [(reader.pk, item.id, slate.slate_id, 2)]
    assert answer["Cache-Control"] == "private, no-store" and not answer.cookies


def test_what_is_sold_out_by_then_is_replaced_by_its_like_and_at_last_by_the_shop(sent):
    slate, link = sent
    item = slate.items[1].id
    Item.objects.filter(external_id=item).update(sellable=False)
    other = Client().get(link)["Location"]
    assert other.startswith(f"/products/{item.rstrip('0123456789')}") and other != f"/products/{item}/"
    Item.objects.update(sellable=False)
    assert Client().get(link)["Location"] == "/"


def test_after_ninety_days_it_leads_on_and_counts_no_more(sent, monkeypatch):
    slate, link = sent
    real = signing.time.time
    monkeypatch.setattr(signing.time, "time", lambda: real() + 91 * 86_400)
    assert Client().get(link)["Location"] == f"/products/{slate.items[1].id}/"
    assert clicks() == []


def test_once_its_list_is_gone_it_leads_to_the_shop(sent):
    Slate.objects.all().delete()
    assert Client().get(sent[1])["Location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [{"Sec-GPC": "1"}, {"DNT": "1"}, {"Sec-Purpose": "prefetch"}, {"User-Agent": "Googlebot/2.1"}],
)
def test_a_browser_that_says_no_or_fetches_ahead_and_a_crawler_count_nothing(sent, headers):
    assert Client(headers=headers).get(sent[1]).status_code == 302
    assert clicks() == []


def test_a_look_at_the_headers_counts_nothing(sent):
    assert Client().head(sent[1]).status_code == 302
    assert Client().post(sent[1]).status_code == 405
    assert clicks() == []


@pytest.mark.parametrize(
    ("consent", "setting", "counted"),
    [
        (Consent.REFUSED, "implied", 0),
        (Consent.UNKNOWN, "implied", 1),
        (Consent.UNKNOWN, "explicit", 0),
        (Consent.GRANTED, "explicit", 1),
    ],
)
def test_consent_is_kept_to(shop, sent, reader, consent, setting, counted):
    Visitor.objects.filter(pk=reader.pk).update(consent=consent)
    browser = Client()
    browser.cookies[conf.get("COOKIE_NAME") + "_consent"] = "granted"
    with override_settings(COLDREC={**conf.get_config(), "CONSENT": setting}):
        assert browser.get(sent[1]).status_code == 302
    assert len(clicks()) == counted


def test_a_strangers_letter_and_an_erased_visitors_count_for_nobody(shop, sent, reader):
    (slate,) = serve(shop, HOME)
    assert Client().get(address(shop, slate))["Location"].startswith("/products/")
    reader.delete()
    assert Client().get(sent[1])["Location"].startswith("/products/")
    assert clicks() == []


def test_a_token_names_a_list_and_a_place_and_nobody(shop, reader):
    slate_id = uuid4()
    said = letters.token_of(shop, slate_id, 3).split(":")[0]
    assert said == f"{slate_id.hex}-3" and reader.key not in said


@pytest.mark.parametrize("token", ["x", "https:evil.example", "..", "a" * 5000, "%00", "\N{TEAPOT}"])
def test_what_was_not_signed_here_leads_to_the_shop(shop, token):
    answer = Client().get(reverse("coldrec:letter", args=[token]))
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_a_token_of_another_shop_or_with_another_place_is_not_ours(shop, sent):
    slate, link = sent
    assert Client().get(link.replace("-2:", "-1:"))["Location"] == "/"
    other = Shop.objects.create(key="other")
    assert Client().get(address(other, slate))["Location"] == "/"


@pytest.mark.parametrize(
    ("stored", "led_to"),
    [
        ("https://shop.example/x", "https://shop.example/x"),
        ("p/1", "/p/1"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_it_leads_to_the_items_own_address_or_to_the_shop(sent, stored, led_to):
    Item.objects.update(url=stored)
    assert Client().get(f"{sent[1]}?next=https://evil.example")["Location"] == led_to


def test_a_database_that_is_away_still_leads_to_the_shop(sent):
    def away(*_args):
        raise OperationalError("gone")

    with connection.execute_wrapper(away):
        answer = Client().get(sent[1])
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_a_click_that_cannot_be_recorded_stops_nobody(sent, monkeypatch, caplog):
    def fail(*_args, **_kwargs):
        raise RuntimeError("boom")

    monkeypatch.setattr(letters.events, "record", fail)
    assert Client().get(sent[1])["Location"].startswith("/products/")
    assert "boom" in caplog.text


def test_times_are_told_in_utc(sent):
    before = timezone.now() - timedelta(seconds=5)
    Client().get(sent[1])
    assert before <= Event.objects.get(kind="click").occurred_at <= timezone.now()
