"""Nobody's data is in another's answer: people of every kind, at every address, with every id of somebody else.

A new address of coldrec or of its admin must be put into the tables below before these tests pass.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import override_settings
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils import timezone

from coldrec import urls
from coldrec.api.throttles import WindowThrottle
from coldrec.models import Event, Item, Shop, Slate, Visitor
from coldrec.services import letters, privacy, shops
from tests.api.shopper import EVENTS, HEALTH, SCHEMA, Shopper, server, similar, slates, view
from tests.served import bare_shop, settings_of_shop, shop, trained  # noqa: F401
from tests.templatetags import pages

LISTS = ("home", "recently_viewed", "product_similar", "basket", "trending", "new_arrivals")
TASTES = {"ada": ("tea1", "tea3"), "bob": ("coffee1", "coffee3"), "carol": ("tea9", "tea11"), "dave": ("coffee9",)}
GUESTS, ACCOUNTS = ("ada", "bob"), ("carol", "dave")

urlpatterns = [
    path("coldrec/", include("coldrec.urls")),
    path("admin/", admin.site.urls),
    path("", include("tests.templatetags.pages")),
]


class Browser(Shopper):
    """Notes on each answer what was asked for it, since to be given back one's own words is no leak."""

    def generic(self, method: str, path: str, data: Any = "", *more: Any, **extra: Any) -> Any:
        answer = super().generic(method, path, data, *more, **extra)
        body = data.decode() if isinstance(data, bytes) else str(data)
        answer.asked = unquote(f"{path}?{extra.get('QUERY_STRING', '')}\n{body}")
        return answer


@dataclass
class Person:
    """Somebody with a browser, and what of them nobody else may see."""

    name: str
    browser: Browser
    visitor: Visitor | None = None
    slate: str = ""
    secrets: dict[str, str] = field(default_factory=dict)  # what it is → how it looks

    @property
    def item(self) -> str:
        """Something that they alone have looked at, and that is in no list."""
        return f"only-for-{self.name}"


@dataclass
class Town:
    people: dict[str, Person]
    receipt: uuid.UUID  # of an erasure

    def others(self, name: str) -> list[Person]:
        return [one for one in self.people.values() if one.name != name and one.secrets]


@pytest.fixture(autouse=True)
def _without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WindowThrottle, "allow_request", lambda *_: True)


@pytest.fixture
def town(shop: Shop) -> Iterator[Town]:  # noqa: F811
    now = timezone.now()
    names = [*GUESTS, *ACCOUNTS]
    Item.objects.bulk_create(
        Item(
            shop=shop,
            external_id=f"only-for-{name}",
            title=f"Parcel for {name}",
            sellable=False,
            first_seen=now,
            updated_at=now,
        )
        for name in [*names, "eve"]
    )
    people = {name: known(shop, name) for name in names}
    eve = known(shop, "eve")
    assert eve.visitor is not None
    receipt = privacy.erase(eve.visitor, source="visitor").reference
    for name in ("nobody", "clerk"):
        people[name] = Person(name, Browser())
    people["clerk"].browser.force_login(User.objects.create_user("clerk", is_staff=True))
    people["eve"] = eve
    with override_settings(ROOT_URLCONF=__name__):
        yield Town(people, receipt)


def known(shop: Shop, name: str) -> Person:  # noqa: F811
    """Somebody who has looked around, searched, and been shown lists."""
    person = Person(name, Browser())
    if name in ACCOUNTS:
        person.browser.force_login(User.objects.create_user(f"{name}-login", email=f"{name}@mail.example"))
    looked = [view(item, f"{name}-event-{item}") for item in (*TASTES.get(name, ()), person.item)]
    search = {"event_id": f"{name}-event-search", "kind": "search", "query": f"gift from {name}"}
    unread = {"event_id": f"{name}-event-bad", "kind": "veiw", "item_id": "tea3"}
    assert person.browser.send([*looked, search, unread]).json()["accepted"] == len(looked) + 1
    person.visitor = Event.objects.get(event_id=f"{name}-event-search").visitor
    assert person.visitor is not None
    shown = slates(person.browser.list(*LISTS, seeds="tea5"))
    person.slate = shown[0]["slate_id"]
    person.secrets = {
        "key": person.visitor.key,
        "slate": person.slate,
        "event": f"{name}-event-",
        "search": f"gift from {name}",
        "item": person.item,
        "title": f"Parcel for {name}",
    }
    # Reasons name what the visitor has looked at: as an id in JSON, as a title on a page.
    if name in TASTES:
        title = Item.objects.get(external_id=TASTES[name][-1]).title
        person.secrets["reason"] = f"Because you looked at {title}<"
        person.secrets["reason in JSON"] = f'Because you looked at {title}"'
    return person


# Every address of coldrec: what somebody asks there, with another's ids. Those that change something come last.

Ask = Callable[[Browser, Person, Town], list[Any]]


def lists(browser: Browser, other: Person, town: Town) -> list[Any]:
    named = browser.list("home", visitor_id=f"user:{other.visitor.user_id}" if other.visitor else "x")
    assert named.status_code == 403
    forged = browser.list("home", "recently_viewed", visitor=other.secrets["key"])
    return [browser.list(*LISTS, seeds="tea5", basket="tea7"), named, forged, browser.list("home", public=True)]


def next_page(browser: Browser, other: Person, town: Town) -> list[Any]:
    answer = browser.next({"slate_id": other.slate})
    assert answer.status_code == 404
    assert answer.content == browser.next({"slate_id": uuid.uuid4()}).content
    return [answer]


def send_events(browser: Browser, other: Person, town: Town) -> list[Any]:
    taken = f"{other.name}-event-{other.item}"
    return [
        browser.send(view("tea3", taken)),
        browser.send([view("tea5", slate_id=other.slate, position=1), view("tea3", visitor=other.secrets["key"])]),
        browser.send(view("tea3"), path=f"{EVENTS}?visitor={other.secrets['key']}"),
    ]


def follow_letter(browser: Browser, other: Person, town: Town) -> list[Any]:
    token = letters.token_of(shops.current(), uuid.UUID(other.slate), 1)
    return [browser.get(reverse("coldrec:letter", args=[token])), browser.get(reverse("coldrec:letter", args=["x"]))]


def interests(browser: Browser, other: Person, town: Town) -> list[Any]:
    address = reverse("coldrec:interests")
    wishes = [browser.post(address, {"wish": wish, "item": other.item}) for wish in ("forget", "show", "plain")]
    return [*wishes, browser.post(address, {"wish": "personal"}), browser.get(address)]


def consent_page(browser: Browser, other: Person, town: Town) -> list[Any]:
    address = reverse("coldrec:consent")
    return [browser.get(address), browser.post(address, {"answer": "granted", "next": address})]


def getting(name: str) -> Ask:
    return lambda browser, other, town: [browser.get(reverse(f"coldrec:{name}"))]


def erase(browser: Browser, other: Person, town: Town) -> list[Any]:
    address = reverse("coldrec:erase")
    return [browser.get(address), browser.post(address, {"visitor": other.secrets["key"]})]


def fragments(browser: Browser, other: Person, town: Town) -> list[Any]:
    address = reverse("coldrec:list", args=["product_similar"])
    return [
        browser.get(reverse("coldrec:list", args=["home"]), {"shown": "tea7"}),
        browser.get(reverse("coldrec:list", args=["recently_viewed"])),
        browser.get(address, {"item": "tea5", "visitor": other.secrets["key"]}),
    ]


def why(browser: Browser, other: Person, town: Town) -> list[Any]:
    asked = [reverse("coldrec:why", args=[slate, 1]) for slate in (other.slate, uuid.uuid4())]
    answers = [
        *(browser.get(address) for address in asked),
        *(browser.get(f"{address}?fragment=1") for address in asked),
        *(browser.post(address, {"wanted": "no"}) for address in asked),
    ]
    assert {answer.status_code for answer in answers} == {404}
    return answers


def click(browser: Browser, other: Person, town: Town) -> list[Any]:
    answer = browser.post(reverse("coldrec:click", args=[other.slate, 1]))
    assert (answer.status_code, answer.content) == (204, b"")
    return [answer]


def wishes(browser: Browser, other: Person, town: Town) -> list[Any]:
    wish = {"item_id": other.item, "slate_id": other.slate, "position": 1}
    return [browser.send(wish, path="/coldrec/v1/dislikes/"), browser.send({}, path="/coldrec/v1/dislikes/")]


def unwish(browser: Browser, other: Person, town: Town) -> list[Any]:
    return [browser.delete(f"/coldrec/v1/dislikes/{other.item}/")]


ADDRESSES: dict[str, Ask] = {
    "recommendations": lists,
    "similar": lambda browser, other, town: [browser.get(similar("tea3")), browser.get(similar(other.item))],
    "next": next_page,
    "health": lambda browser, other, town: [browser.get(HEALTH)],
    "schema": lambda browser, other, town: [browser.get(SCHEMA)],
    "unknown": lambda browser, other, town: [browser.get("/coldrec/v2/x/"), browser.get("/coldrec/v1/x/")],
    "consent": consent_page,
    "v1-consent": lambda browser, other, town: [browser.send({"granted": True}, path="/coldrec/v1/consent/")],
    "data": getting("data"),
    "download": getting("download"),
    "interests": interests,
    "erased": lambda browser, other, town: [browser.get(reverse("coldrec:erased", args=[town.receipt]))],
    "letter": follow_letter,
    "lists": lambda browser, other, town: [
        browser.get(reverse("coldrec:lists"), {"list": ["home/?size=6", "recently_viewed/", "trending/"]})
    ],
    "list": fragments,
    "why": why,
    "click": click,
    "events": send_events,
    "dislikes": wishes,
    "dislike": unwish,
    "erase": erase,
}
SHARED = {"schema"}  # the same for everybody; lists are if asked for as public
LAST = ("similar", "events", "dislikes", "dislike", "erase")  # what is said there is one's own from then on


def test_every_address_is_in_the_table():
    names = {one.name for one in urls.urlpatterns}
    assert names - ADDRESSES.keys() == set(), "say in ADDRESSES what somebody might ask there with another's ids"
    assert ADDRESSES.keys() - names == set()


@pytest.mark.parametrize("name", [*GUESTS, *ACCOUNTS])
def test_everybody_sees_their_own(town: Town, name: str) -> None:
    """Else the tests below would find nothing whatever was wrong."""
    me = town.people[name]
    pages_of_mine = ("/", reverse("coldrec:interests"), reverse("coldrec:download"))
    own = [me.browser.list(*LISTS, seeds="tea5"), *map(me.browser.get, pages_of_mine)]
    seen = "".join(text_of(answer) for answer in own)
    assert [what for what, secret in me.secrets.items() if secret not in seen] == []


@pytest.mark.parametrize("name", ["ada", "bob", "carol", "dave", "nobody", "clerk"])
def test_nobody_sees_anothers(town: Town, name: str) -> None:
    me, kept = town.people[name], {one.name: data_of(one) for one in town.others(name)}
    leaks, open_to_caches = [], []
    order = sorted(ADDRESSES, key=lambda address: address in LAST)
    for other in town.others(name):
        for address in order:
            if address == "erase" and other is not town.others(name)[-1]:
                continue  # whoever is erased has nothing left to mix up
            for answer in ADDRESSES[address](me.browser, other, town):
                leaks += [(address, other.name, what) for what in leaked(answer, other)]
                is_public = "public" in answer.wsgi_request.GET
                if address not in SHARED and not is_public and answer.get("Cache-Control") != "private, no-store":
                    open_to_caches.append((address, answer.status_code, answer.get("Cache-Control")))
    assert leaks == []
    assert open_to_caches == []
    assert {one.name: data_of(one) for one in town.others(name)} == kept, "nor changes it"


@pytest.mark.parametrize("name", ["ada", "bob", "carol", "dave", "nobody", "clerk"])
def test_a_page_with_lists_on_it_is_about_whoever_looks_at_it(town: Town, name: str) -> None:
    me = town.people[name]
    for address in ("/", "/products/tea5/"):
        answer = me.browser.get(address)
        assert pages.Page(answer.content.decode()).items
        assert [(one.name, leaked(answer, one)) for one in town.others(name) if leaked(answer, one)] == []


def test_one_browser_after_another_person(town: Town) -> None:
    """A shared computer: who signs out leaves nothing to the next."""
    carol, browser = town.people["carol"], town.people["carol"].browser
    browser.logout()
    for address in ("interests", "data", "download"):
        assert leaked(browser.get(reverse(f"coldrec:{address}"), follow=True), carol) == []
    assert leaked(browser.list(*LISTS, seeds="tea5"), carol) == []
    browser.force_login(User.objects.get(username="dave-login"))
    assert leaked(browser.list(*LISTS, seeds="tea5"), carol) == []
    assert leaked(browser.get(reverse("coldrec:download")), carol) == []


@pytest.mark.parametrize("permission", ["add_event", "view_visitor"])
def test_a_servers_permission_is_for_what_it_says(town: Town, permission: str) -> None:
    """What a program signs in with opens no page about a person."""
    headers = server(permission)
    for name in ("interests", "data", "download"):
        for other in town.others("nobody"):
            assert leaked(Browser().get(reverse(f"coldrec:{name}"), headers=headers), other) == []


# The admin: whoever has no permission there sees nothing, whatever the address.


def addresses_of_the_admin(town: Town) -> Iterator[str]:
    """Each address of coldrec in the admin, for a row of Ada's where it is for one."""
    ada = town.people["ada"]
    for pattern in below(admin.site.get_urls()):
        name = str(pattern.name or "")
        if not name.startswith("coldrec_"):
            continue
        given = {key: row_of(name, key, ada) for key in pattern.pattern.converters}
        yield unquote(reverse(f"admin:{name}", kwargs=given))


def below(patterns: list[Any]) -> Iterator[URLPattern]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from below(one.url_patterns)
        else:
            yield one


def row_of(name: str, key: str, person: Person) -> object:
    """What stands for ``key`` in an address of the admin: a row of the person's where the table has one."""
    if key != "object_id":
        return {"slate_id": person.slate, "pk": 1, "shop": "default", "placement": "home"}[key]
    models = {model._meta.model_name: model for model in admin.site._registry if model._meta.app_label == "coldrec"}
    model = models[name.removeprefix("coldrec_").rsplit("_", 1)[0]]
    if model is Slate:
        return person.slate
    if model is Visitor:
        return person.visitor.pk if person.visitor else 0
    rows = model._default_manager.all()
    if any(column.name == "visitor" for column in model._meta.fields):
        rows = rows.filter(visitor=person.visitor)
    first = rows.order_by("pk").first()
    return first.pk if first else 1


@pytest.mark.parametrize("name", ["bob", "carol", "nobody", "clerk"])
def test_the_admin_is_closed_to_whoever_may_not_look_in(town: Town, name: str) -> None:
    me, found = town.people[name], list(addresses_of_the_admin(town))
    assert len(found) >= 50
    wrong = []
    for address in found:
        for answer in (me.browser.get(address), me.browser.post(address, {"action": "x"})):
            seen_there = [what for one in town.others(name) for what in leaked(answer, one)]
            if seen_there or not is_shut(answer, has_account=name == "clerk"):
                wrong.append((address, answer.status_code))
            assert answer.status_code in (403, 405) or "private" in answer["Cache-Control"]
    assert wrong == []


def is_shut(answer: Any, *, has_account: bool) -> bool:
    """Refused, or led to where one signs in; of a row that is not there Django leads staff to the first page."""
    led_to = answer.get("Location", "")
    return answer.status_code in (403, 405) or led_to == reverse("admin:index") if has_account else "/login/" in led_to


# Inside


def text_of(answer: Any) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    headers = "\n".join(f"{name}: {value}" for name, value in answer.items())
    return f"{headers}\n{answer.cookies.output()}\n{body.decode()}"


def leaked(answer: Any, person: Person) -> list[str]:
    """What of the person is in the answer, and was not in the question."""
    text = text_of(answer)
    return [what for what, secret in person.secrets.items() if secret in text and secret not in answer.asked]


def data_of(person: Person) -> dict[str, Any]:
    """Everything stored about them, but for the moment of asking, and clicks in a letter that they passed on."""
    assert person.visitor is not None
    stored = json.loads("".join(privacy.export(person.visitor)))
    stored["events"] = [event for event in stored["events"] if not event["event_id"].startswith("letter-")]
    return {name: rows for name, rows in stored.items() if name != "exported_at"}
