"""Whatever stands in titles, addresses, searches, reasons or keys is words on every page, never markup or script."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import include, path, reverse

from coldrec.models import Item, Shop, Slate
from coldrec.services import emails, shops
from coldrec.templatetags.coldrec import TITLES
from tests import xss
from tests.served import cookie, settings_of_shop  # noqa: F401
from tests.templatetags import pages

pytestmark = pytest.mark.usefixtures("db", "settings_of_shop", "_urls")

SOME = 10  # payloads on a page about one person
FIELDS = ("visitor", "why", "category", "query", "shown", "find", "item")  # of the console
EVERY = 25  # of so many rows one is opened; each table begins at another


def home(request):
    lists = "{% coldrec_widget 'home' size=100 title=heading %}{% coldrec_widget 'trending' size=100 %}"
    return pages.HttpResponse(pages.render(lists, request, heading="x"))


urlpatterns = [
    path("", home),
    path("coldrec/", include("coldrec.urls")),
    path("admin/", admin.site.urls),
]


@pytest.fixture
def _urls():
    with override_settings(ROOT_URLCONF=__name__):
        yield


Page = Callable[[str], str]
"""The HTML at an address."""
Pages = list[tuple[str, str]]
"""Names of pages and their HTML."""


def as_staff() -> Page:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return lambda address: of(client.get(address), address)


def as_visitor(shop: Shop, texts: list[str], key: str) -> Page:
    client = Client()
    client.cookies.load(cookie(shop, xss.looked(shop, texts, key=key)))
    return lambda address: of(client.get(address), address)


def of(answer, address: str) -> str:
    assert answer.status_code == 200, (address, answer.status_code)
    assert answer["Content-Type"].startswith("text/html"), address
    return answer.content.decode()


def tables() -> list[type]:
    return [model for model in admin.site._registry if model._meta.app_label == "coldrec"]


# What is shown of each shop: names of pages and their HTML. The same function for plain words and for payloads.


def pages_of_the_shop(shop: Shop, texts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    yield "the shop's page", of(Client().get("/"), "/")
    for start in range(0, len(texts), SOME):
        page = as_visitor(shop, list(texts[start : start + SOME]), f"looker-{start}")
        for name in ("interests", "data", "erase", "consent"):
            yield f"{name} {start}", page(reverse(f"coldrec:{name}"))
        slate = Slate.objects.get(visitor__key=f"looker-{start}")
        for position in range(1, SOME + 1):
            yield f"why {start + position}", page(reverse("coldrec:why", args=[slate.pk, position]) + "?fragment=1")
        yield f"why {start}", page(reverse("coldrec:why", args=[slate.pk, 1]))


def lists_elsewhere(shop: Shop, texts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Lists that come late, and in letters."""
    address = reverse("coldrec:list", args=["home"])
    yield "late", of(Client().get(f"{address}?size=100"), address)
    for title in texts[::5]:
        signed = quote(TITLES.sign(title))
        yield f"late under {title}", of(Client().get(f"{address}?size=1&title={signed}"), address)
    for query in texts[::5]:
        near = reverse("coldrec:list", args=["empty_search"])
        yield f"near {query}", of(Client().get(f"{near}?query={quote(query)}&size=1"), near)
    letter = emails.render("home", shop=shop, base_url="https://shop.example", size=100)
    assert letter is not None
    yield "letter", letter.html


def pages_of_the_admin(shop: Shop, texts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    page = as_staff()
    for at, model in enumerate(tables()):
        name = model._meta.model_name
        changelist = reverse(f"admin:coldrec_{name}_changelist")
        for number in (1, 2):
            yield f"{name} list {number}", page(f"{changelist}?p={number}")
        for pk in model.objects.order_by("pk").values_list("pk", flat=True)[at % EVERY :: EVERY]:
            yield f"{name} {at}", page(reverse(f"admin:coldrec_{name}_change", args=[pk]))


def pages_of_items(shop: Shop, texts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    page = as_staff()
    for pk in Item.objects.order_by("pk").values_list("pk", flat=True)[::4]:
        yield f"item {pk}", page(reverse("admin:coldrec_item_change", args=[pk]))


def pages_that_echo(shop: Shop, texts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What stands in the address comes back in the page."""
    staff, visitor, console = as_staff(), Client(), reverse("admin:coldrec_console")
    refused = staff(f"{console}?placement=hoem&who=visitor&visitor=nobody&size=x")  # some of the texts are, some not
    for text in texts[::3]:
        address = reverse("admin:coldrec_visitor_changelist")
        yield f"search for {text}", staff(f"{address}?q={quote(text)}")
        asked = urlencode({"placement": "home", "who": "visitor", **dict.fromkeys(FIELDS, text)})
        yield f"console about {text}", staff(f"{console}?{asked}") + refused
        address = f"{reverse('coldrec:consent')}?next={quote(text)}"
        yield f"consent before {text}", of(visitor.get(address), address)


def seen(show: Callable, texts: tuple[str, ...], **planted) -> Pages:
    shop = shops.current()
    xss.plant(shop, texts, **planted)
    found = list(show(shop, texts))
    shop.delete()
    User.objects.all().delete()
    return found


def test_there_are_two_hundred_of_them_all_different():
    assert len(set(xss.payloads())) == len(xss.payloads()) == len(xss.harmless()) == 200


@pytest.mark.parametrize("show", [pages_of_the_shop, lists_elsewhere, pages_of_the_admin])
def test_words_stay_words(show):
    plain, page = seen(show, xss.harmless()), seen(show, xss.payloads())
    assert not differences(page, plain, xss.same_but_for_words)
    whole = "".join(xss.Skeleton(html).text for _name, html in page)
    legible = [text for text in xss.payloads() if text.split("\n")[0].strip() in whole]
    assert len(legible) >= (95 if show is lists_elsewhere else 170), "and are read as they were written"


def test_what_an_address_says_is_not_repeated_as_markup():
    plain, page = seen(pages_that_echo, xss.harmless()), seen(pages_that_echo, xss.payloads())
    assert not differences(page, plain, xss.nothing_new)


@pytest.mark.parametrize("show", [pages_of_the_shop, lists_elsewhere, pages_of_items])
def test_addresses_lead_nowhere_they_must_not(show):
    words = tuple(f"tea pot {number}" for number in range(len(xss.payloads())))
    plain = seen(show, words, addresses=[f"/products/{number}/" for number in range(len(words))])
    page = seen(show, words, addresses=xss.payloads())
    assert not differences(page, plain, xss.nothing_new)


def differences(page: Pages, plain: Pages, compare: Callable[[str, str], list[str]]) -> dict[str, list[str]]:
    both = zip(page, plain, strict=True)
    return {name: found for (name, html), (_name, words) in both if (found := compare(html, words))}


def test_the_api_answers_with_json_that_no_browser_reads_as_a_page():
    shop = shops.current()
    xss.plant(shop, xss.payloads())
    answer = Client().get("/coldrec/v1/recommendations/?placement=home&size=100")
    items = json.loads(answer.content)["slates"][0]["items"]
    assert {item["title"] for item in items} <= set(xss.payloads())
    for text in xss.payloads()[::7]:
        for address in (
            f"/coldrec/v1/recommendations/?placement={quote(text)}",
            f"/coldrec/v1/items/{quote(text, safe='')}/similar/",
            f"/coldrec/v1/{quote(text, safe='')}/",
        ):
            answer = Client().get(address)
            assert answer["Content-Type"] == "application/json"
            assert answer["X-Content-Type-Options"] == "nosniff"
            json.loads(answer.content)


def test_the_comparison_finds_what_is_not_escaped():
    plain = "<ul><li class=x title='{}'>{}</li></ul>"
    found = [
        n
        for n, (text, words) in enumerate(zip(xss.payloads(), xss.harmless(), strict=True))
        if xss.same_but_for_words(plain.format(text, text), plain.format(words, words))
    ]
    assert len(found) >= 120, "those that are addresses or are encoded need more than a missing escape"
    assert Item.objects.count() == 0
