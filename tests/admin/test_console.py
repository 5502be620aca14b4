"""The recommendation console: who may ask what, what is told, and that nothing is left behind."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from coldrec.core.types import EventKind
from coldrec.models import Event, Item, Placement, Shop, Slate, SlateItem, Visitor
from coldrec.services import console, placements, recommend
from coldrec.services.console import Question
from coldrec.services.pasts import Past
from tests.served import HOME, bare_shop, ids, look, serve, settings_of_shop, shop, trained, visitor_who  # noqa: F401

CONSOLE = "/admin/coldrec/console/"
EVIL = '"><img src=x onerror=alert(1)>'


def sign_in(client: Client, *codenames: str) -> User:
    user = User.objects.create_user("kim", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="coldrec", codename__in=codenames))
    client.force_login(user)
    return user


@pytest.fixture
def asker(client: Client, shop: Shop) -> Client:  # noqa: F811
    sign_in(client, "use_console")
    return client


@pytest.fixture
def trusted(client: Client, shop: Shop) -> Client:  # noqa: F811
    sign_in(client, "use_console", "view_personal_data", "view_visitor", "view_slate", "view_item")
    return client


def document(client: Client, **asked: object) -> dict:
    answer = client.get(CONSOLE, {**asked, "format": "json"})
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith('attachment; filename="trace-')
    return json.loads(answer.content)


def frame(page: str) -> str:
    """What the page's frame holds."""
    return unescape(re.search(r'srcdoc="([^"]*)"', page)[1])


class TestStory:
    def test_somebody_is_made_up_and_the_list_turns_to_what_they_did(self, asker: Client) -> None:
        empty = asker.get(CONSOLE)
        assert empty.status_code == 200 and "srcdoc" not in empty.text
        found = asker.get(CONSOLE, {"placement": "home", "find": "coffee pot 1"})
        assert 'value="view:coffee1"' in found.text
        asked = {"placement": "home", "did": ["view:coffee1"], "add": "basket_add:coffee2", "find": "coffee"}
        page = asker.get(CONSOLE, asked)
        assert re.search('value="made_up"[^>]*checked', page.text), "who did something is made up"
        assert 'name="did" value="view:coffee1"' in page.text and 'name="did" value="basket_add:coffee2"' in page.text
        listed = frame(page.text)
        assert 'data-coldrec-placement="home"' in listed and "data-coldrec-slate" not in listed
        assert "Because you looked at coffee pot" in page.text
        fewer = asker.get(CONSOLE, {**asked, "add": "", "did": ["view:coffee1", "view:tea1"], "drop": "view:tea1"})
        assert 'name="did" value="view:tea1"' not in fewer.text

    def test_the_page_and_the_file_say_the_same_and_the_scores_add_up(self, asker: Client) -> None:
        asked = {"placement": "home", "did": ["view:coffee1", "view:coffee2", "dislike:coffee3"]}
        told = document(asker, **asked)
        assert told["policy"] == "level0-fusion" and told["version"] == 1 and told["question"]["is_made_up"]
        assert told["question"]["disliked"] == ["coffee3"]
        for item in told["items"]:
            assert sum(part["value"] for part in item["parts"]) == pytest.approx(item["score"], abs=2e-4)
        reasons = {one["item"]: one["reason"] for one in told["dropped"]}
        assert reasons["coffee1"] == reasons["coffee2"] == "seen"
        assert set(reasons.values()) <= {"seen", "disliked", "beyond"}
        page = asker.get(CONSOLE, asked)
        assert [item["id"] for item in told["items"]] == re.findall('data-coldrec-item="([^"]*)"', frame(page.text))
        assert all(table in page.text for table in ("What adds up to the score", "Best items of this source"))

    def test_every_candidate_that_is_dropped_has_its_reason(self, asker: Client, shop: Shop) -> None:  # noqa: F811
        listed = [item["id"] for item in document(asker, placement="product_similar", item="tea3")["items"]]
        sold, removed, twin, shown = listed[:4]
        Item.objects.filter(external_id=sold).update(sellable=False)
        Item.objects.filter(external_id=removed).update(removed_at="2026-01-01T00:00Z")
        Item.objects.filter(external_id__in=[twin, listed[4]]).update(variant_group="pots")
        told = document(asker, placement="product_similar", item="tea3", shown=f"{shown}, nothing")
        reasons = {one["item"]: one["reason"] for one in told["dropped"]}
        assert reasons["tea3"] == "page"
        assert (reasons[sold], reasons[removed], reasons[shown]) == ("sold_out", "removed", "shown")
        assert reasons[listed[4]] == "variant"
        assert not set(reasons) & {item["id"] for item in told["items"]}

    def test_lists_that_staff_left_out_say_so(self, asker: Client, shop: Shop) -> None:  # noqa: F811
        Placement.objects.create(shop=shop, name="home", is_shown=False)
        Placement.objects.create(shop=shop, name="recently_viewed", minimum=3)
        assert document(asker, placement="home")["left_out"] == "hidden"
        assert document(asker, placement="recently_viewed", did="view:tea1")["left_out"] == "minimum"
        assert "switched this list off" in asker.get(CONSOLE, {"placement": "home"}).text

    def test_language_category_time_and_words_count(self, asker: Client) -> None:
        Item.objects.filter(external_id__startswith="tea").update(translations={"zh-hans": {"title": "茶壶"}})
        page = asker.get(CONSOLE, {"placement": "trending", "category": "kitchen > tea", "language": "zh-hans"})
        assert "茶壶" in frame(page.text) and 'lang="zh-hans"' in frame(page.text)
        told = document(asker, placement="trending", category="kitchen › tea", now="2023-11-20T10:00")
        assert told["question"]["category"] == ["kitchen", "tea"] and told["level"] == "popular_here"
        near = document(asker, placement="empty_search", query="coffee house")
        assert near["items"] and near["items"][0]["id"].startswith("coffee")

    def test_what_makes_no_sense_is_told(self, asker: Client) -> None:
        assert "Select a valid choice" in asker.get(CONSOLE, {"placement": "nowhere"}).text
        assert "Enter a valid date/time" in asker.get(CONSOLE, {"placement": "home", "now": "soon"}).text
        page = asker.get(CONSOLE, {"placement": "home", "find": "no such thing", "did": ["dance:tea1", "view:"]})
        assert "No item has “no such thing” in its title" in page.text and 'name="did"' not in page.text
        assert asker.get(CONSOLE, {"placement": "home", "item": "a\0b", "shown": "\0"}).status_code == 200


class TestVisitors:
    def test_a_real_visitor_is_looked_at_with_permission_and_it_is_written_down(
        self,
        trusted: Client,
        shop: Shop,  # noqa: F811
    ) -> None:
        ann = User.objects.create_user("ann", email="ann@example.com")
        visitor = visitor_who(shop, "coffee1", "coffee2")
        asked = {"placement": "home", "who": "visitor", "visitor": visitor.key, "why": "she complained"}
        told = document(trusted, **asked)
        assert told["question"]["visitor"] == visitor.key and len(told["question"]["history"]) == 2
        assert [item["id"] for item in told["items"]] == ids(serve(shop, HOME, visitor=visitor)[0])
        entry = LogEntry.objects.get()
        assert (entry.object_id, entry.user.username) == (str(visitor.pk), "kim")
        assert entry.change_message == "Looked at in the recommendation console (home). Reason: she complained"
        trusted.get(CONSOLE, asked)
        assert LogEntry.objects.count() == 1, "the same look"
        trusted.get(CONSOLE, {**asked, "why": "another"})
        assert LogEntry.objects.count() == 2
        Visitor.objects.filter(pk=visitor.pk).update(user=ann)
        page = trusted.get(CONSOLE, {**asked, "visitor": "ann"})
        assert page.status_code == 200 and "ann@example.com" not in page.text

    def test_without_the_permission_there_is_no_way_to_a_visitor(self, asker: Client, shop: Shop) -> None:  # noqa: F811
        visitor = visitor_who(shop, "coffee1")
        page = asker.get(CONSOLE, {"placement": "home"})
        assert 'name="visitor"' not in page.text and 'value="visitor"' not in page.text
        asked = asker.get(CONSOLE, {"placement": "home", "who": "visitor", "visitor": visitor.key})
        assert "srcdoc" not in asked.text and "coffee pot 1" not in asked.text
        assert not LogEntry.objects.exists()

    def test_a_wrong_key_is_told_and_none_of_another_shop_is_found(self, trusted: Client) -> None:
        other = visitor_who(Shop.objects.create(key="other"), "coffee1")
        for named, told in (("", "Give a visitor"), ("nobody", "no such visitor"), (other.key, "no such visitor")):
            page = trusted.get(CONSOLE, {"placement": "home", "who": "visitor", "visitor": named})
            assert told in page.text and "srcdoc" not in page.text
        assert trusted.get(CONSOLE, {"placement": "home", "who": "visitor", "visitor": "a\0"}).status_code == 200

    def test_who_has_refused_gets_a_strangers_list(self, trusted: Client, shop: Shop) -> None:  # noqa: F811
        visitor = visitor_who(shop, "coffee1", "coffee2")
        Visitor.objects.update(consent="refused")
        told = document(trusted, placement="home", who="visitor", visitor=visitor.key)
        assert told["question"]["history"] == []
        assert (
            "refused to be remembered"
            in trusted.get(CONSOLE, {"placement": "home", "who": "visitor", "visitor": visitor.key}).text
        )


class TestGuard:
    def test_only_staff_with_the_permission_open_it(self, client: Client, shop: Shop) -> None:  # noqa: F811
        assert client.get(CONSOLE)["Location"].startswith("/admin/login/")
        sign_in(client, "view_visitor", "view_slate", "view_personal_data")
        assert client.get(CONSOLE).status_code == 403
        User.objects.update(is_staff=False)
        assert client.get(CONSOLE).status_code == 302

    def test_nothing_is_recorded(self, trusted: Client, shop: Shop) -> None:  # noqa: F811
        visitor = visitor_who(shop, "coffee1")
        before = (Event.objects.count(), Visitor.objects.count())
        for name in placements.all_placements():
            page = trusted.get(CONSOLE, {"placement": name, "who": "visitor", "visitor": visitor.key, "item": "tea3"})
            assert page.status_code == 200, name
            assert "coldrec_visitor" not in page.cookies and "no-store" in page["Cache-Control"]
        recommend.slates.write_waiting()
        assert (Event.objects.count(), Visitor.objects.count()) == before
        assert not Slate.objects.exists() and not SlateItem.objects.exists()

    def test_what_comes_from_outside_is_text(self, trusted: Client, shop: Shop) -> None:  # noqa: F811
        Item.objects.update(title=EVIL, brand=EVIL)
        visitor = visitor_who(shop, "coffee1")
        Visitor.objects.update(key=EVIL)
        asked = {"placement": "home", "did": f"view:{EVIL}", "item": EVIL, "shown": EVIL, "find": EVIL, "query": EVIL}
        for more in ({}, {"who": "visitor", "visitor": EVIL, "why": EVIL}):
            page = trusted.get(CONSOLE, {**asked, "category": EVIL, **more})
            assert page.status_code == 200 and "srcdoc" in page.text
            assert "<img src=x" not in page.text, "a frame's own page is escaped a second time"
            assert "<img src=x" not in frame(page.text)
        assert visitor.pk

    def test_the_frame_may_run_nothing(self, asker: Client) -> None:
        page = asker.get(CONSOLE, {"placement": "home"}).text
        assert 'sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"' in page
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>|\son\w+=|\sstyle=", frame(page)), (
            "no inline script or style"
        )


class TestLinks:
    def test_a_slate_is_asked_again_with_what_it_was_asked_for(self, trusted: Client, shop: Shop) -> None:  # noqa: F811
        visitor = visitor_who(shop, "coffee1")
        wanted = placements.PlacementRequest("product_similar", seeds=("tea3",), category=("kitchen", "tea"))
        (served,) = recommend.serve([wanted], shop=shop, visitor=visitor)
        page = trusted.get(reverse("admin:coldrec_slate_change", args=[served.slate_id]))
        address = unescape(re.search(r'href="(/admin/coldrec/console/\?[^"]*)"', page.text)[1])
        again = trusted.get(address)
        assert re.findall('data-coldrec-item="([^"]*)"', frame(again.text)) == ids(served)
        assert f"visitor={visitor.key}" in address

    def test_a_slate_of_a_placement_that_is_gone_has_no_link(self, trusted: Client, shop: Shop) -> None:  # noqa: F811
        slate = Slate.objects.create(
            shop=shop, placement="gone", policy="x", level="popular", created_at="2026-01-01T00:00Z"
        )
        page = trusted.get(reverse("admin:coldrec_slate_change", args=[slate.pk]))
        assert page.status_code == 200 and "/admin/coldrec/console/?" not in page.text

    def test_without_permissions_a_slates_page_has_no_link(self, client: Client, shop: Shop) -> None:  # noqa: F811
        sign_in(client, "view_slate")
        (served,) = serve(shop, HOME)
        assert "console/?" not in client.get(reverse("admin:coldrec_slate_change", args=[served.slate_id])).text


class TestService:
    def test_without_a_model_the_newest_are_told(self, bare_shop: Shop) -> None:  # noqa: F811
        told = console.answer(bare_shop, Question(placements.get("home")))
        assert told.slate.items and told.traces == () and told.slate.policy == "no-model"
        assert console.as_document(told)["items"][0]["parts"] == []

    def test_a_failing_model_is_told(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
        def fail(*_args: object, **_more: object) -> None:
            raise RuntimeError("boom")

        monkeypatch.setattr(recommend, "trace", fail)
        monkeypatch.setattr(recommend.pipeline, "recommend", fail)
        told = console.answer(shop, Question(placements.get("home")))
        assert told.trouble == "RuntimeError: boom" and told.slate.level == "newest"

    @pytest.mark.parametrize("place", sorted(placements.DEFAULT_PLACEMENTS))
    def test_the_traced_list_is_the_one_that_is_served(self, shop: Shop, place: str) -> None:  # noqa: F811
        visitor = visitor_who(shop, "tea1", "coffee4", "tea2")
        look(visitor, "tea5", kind=EventKind.DISLIKE)
        best = ids(serve(shop, HOME, visitor=visitor)[0])
        Item.objects.filter(external_id__in=best[:8]).update(sellable=False)
        Item.objects.filter(external_id__in=["tea7", "tea8"]).update(variant_group="pots")
        one = placements.PlacementRequest(place, seeds=("tea3",), query="coffee pot")
        (served,) = recommend.serve([one], shop=shop, visitor=visitor)
        told = console.answer(shop, Question(placements.get(place), visitor, seeds=("tea3",), query="coffee pot"))
        watched = recommend.Watch()
        traced = recommend.preview(one, placements.get(place), shop=shop, visitor=visitor, watch=watched)
        assert ids(served) == ids(told.slate) == ids(traced)
        gone = {one.item for one in told.dropped}
        offered = {c.item for trace in told.traces for c in trace.candidates}
        assert offered <= gone | set(ids(served)), "each candidate is listed or has its reason"
        assert not gone & set(ids(served))

    def test_items_are_found_by_id_or_words(self, shop: Shop) -> None:  # noqa: F811
        assert console.find_items(shop, "tea1")[0].id == "tea1"
        assert {one.id for one in console.find_items(shop, "TEA POT 1")} >= {"tea1", "tea10"}
        assert console.find_items(shop, " ") == console.find_items(shop, "\0") == []
        assert console.find_items(Shop.objects.create(key="other"), "tea1") == []

    def test_a_made_up_past_is_a_past(self, shop: Shop) -> None:  # noqa: F811
        told = console.answer(shop, Question(placements.get("home"), past=Past((), ("tea1",))))
        assert "tea1" not in ids(told.slate)
