"""Events need no CSRF token; a page of another site is refused all the same."""

import pytest
from django.test import Client, override_settings

from coldrec.models import Event, Visitor
from tests.api.shopper import Shopper, view

pytestmark = pytest.mark.usefixtures("db", "settings_of_shop")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://testserver"},
        {"Origin": "https://testserver", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_pages_of_this_site_and_servers_may_send(headers):
    assert Shopper(enforce_csrf_checks=True).send(view(), **headers).status_code == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://testserver.evil.example"},
        {"Origin": "https://eviltestserver"},
        {"Origin": "http://testserver:8080"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "testserver"},
        {"Origin": "http://[testserver"},
        {"Origin": "http://testserver@evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
def test_pages_of_other_sites_may_not(headers, content_type):
    answer = Shopper().send(view(), content_type=content_type, **headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert "CSRF_TRUSTED_ORIGINS" in answer.json()["detail"]
    assert not answer.cookies
    assert not Event.objects.exists()
    assert not Visitor.objects.exists()


@override_settings(CSRF_TRUSTED_ORIGINS=["https://*.example.com", "http://localhost:3000"])
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://www.example.com", 202),
        ("https://a.b.example.com", 202),
        ("http://localhost:3000", 202),
        ("http://www.example.com", 403),
        ("https://example.com.evil.example", 403),
        ("https://evilexample.com", 403),
        ("http://localhost:3001", 403),
    ],
)
def test_the_shops_other_origins_are_named_in_the_settings(origin, status):
    assert Shopper().send(view(), Origin=origin).status_code == status


def test_lists_can_be_asked_for_from_anywhere_but_read_by_the_own_pages_alone():
    answer = Client().get("/coldrec/v1/recommendations/?placement=home", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer
