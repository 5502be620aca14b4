"""Clicks that a browser tells of without a script."""

import pytest
from django.contrib.auth.models import User

from coldrec.models import Event, SlateItem, Visitor
from tests.api.shopper import Shopper
from tests.templatetags.pages import Page

pytestmark = pytest.mark.usefixtures("shop")


def addresses(shopper: Shopper) -> list[str]:
    return Page(shopper.get("/coldrec/lists/home/").content.decode()).values("ping")


def ping(shopper: Shopper, address: str, **headers: str):
    return shopper.post(address, b"PING", content_type="text/ping", headers=headers)


@pytest.fixture
def shopper() -> Shopper:
    shopper = Shopper()
    shopper.view("tea1")
    return shopper


def test_a_click_is_one_event_however_often_it_is_told(shopper):
    address = addresses(shopper)[2]
    assert [ping(shopper, address).status_code for _ in range(3)] == [204, 204, 204]
    click = Event.objects.get(kind="click")
    row = SlateItem.objects.get(slate=click.slate_id, position=click.position)
    assert (click.position, click.item_id, click.visitor) == (3, row.item_id, Visitor.objects.get())


def test_links_of_one_list_are_clicks_of_their_own(shopper):
    for address in addresses(shopper)[:4]:
        ping(shopper, address)
    assert Event.objects.filter(kind="click").count() == 4


def test_an_account_s_session_is_enough(shopper):
    shopper.force_login(User.objects.create_user("ada"))
    strict = Shopper(enforce_csrf_checks=True)
    strict.cookies = shopper.cookies
    assert ping(strict, addresses(strict)[0]).status_code == 204
    assert Event.objects.get(kind="click").visitor.user.username == "ada"


def test_others_cannot_click_in_one_s_list(shopper):
    (address, *_) = addresses(shopper)
    assert ping(Shopper(), address).status_code == 204
    assert ping(shopper, address, Origin="https://evil.example").status_code == 403
    assert not Event.objects.filter(kind="click").exists() and Visitor.objects.count() == 1


def test_a_stranger_s_click_makes_a_visitor_where_that_is_allowed():
    stranger = Shopper()
    first, second, *_ = addresses(stranger)
    ping(stranger, first, **{"Sec-GPC": "1"})
    assert not Visitor.objects.exists()
    ping(stranger, second)
    assert Event.objects.get().visitor == Visitor.objects.get()


def test_a_list_that_is_not_known_is_passed_over(shopper):
    assert ping(shopper, "/coldrec/clicks/0197f3c2-5a1e-7c40-9d2b-3f5f0a6c8e11/1/").status_code == 204
    assert shopper.get(addresses(shopper)[0]).status_code == 405
