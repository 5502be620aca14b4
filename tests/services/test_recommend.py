"""Lists as a shop's pages get them. Half the items are tea, half coffee; nobody bought tea18, tea19 and their like."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import DatabaseError
from django.test import override_settings
from django.utils import timezone, translation

from coldrec import conf
from coldrec.core import pipeline
from coldrec.core.types import Level
from coldrec.models import Item, Slate, SlateItem
from coldrec.services import dislikes, foresight, placements, recommend, serving
from tests.served import (
    EVERY_LIST,
    HOME,
    SIMILAR,
    TOGETHER,
    TRENDING,
    PlacementRequest,
    ids,
    look,
    serve,
    share_of,
    visitor_who,
)


class TestStory:
    def test_a_stranger_gets_a_list_and_three_views_change_it(self, shop):
        (stranger,) = serve(shop, HOME)
        assert len(stranger.items) == 12 and stranger.level == Level.POPULAR
        visitor = visitor_who(shop)
        (first,) = serve(shop, HOME, visitor=visitor)
        assert ids(first) == ids(stranger), "nothing is known yet"
        look(visitor, "coffee1", "coffee2", "coffee3")
        (then,) = serve(shop, HOME, visitor=visitor)
        assert ids(then) != ids(first)
        assert share_of("coffee", then) > share_of("coffee", first), "the list turns to what was looked at"
        assert not {"coffee1", "coffee2", "coffee3"} & set(ids(then))
        assert then.level == Level.SESSION and then.items[0].reason.text.startswith("Because you looked at coffee pot")

    def test_what_is_unsellable_is_gone_from_every_list_at_once(self, shop):
        visitor = visitor_who(shop, "tea1", "tea2", "tea5")
        before = {item for slate in serve(shop, *EVERY_LIST, visitor=visitor) for item in ids(slate)}
        sold_out = sorted(before - {"tea3"})[::2]
        assert sold_out
        Item.objects.filter(external_id__in=sold_out).update(sellable=False)
        for slate in serve(shop, *EVERY_LIST, visitor=visitor):
            assert not set(ids(slate)) & set(sold_out), f"{slate.placement} shows what is sold out"
        Item.objects.update(removed_at=timezone.now())
        assert not any(slate.items for slate in serve(shop, *EVERY_LIST, visitor=visitor))

    def test_a_product_saved_after_the_fit_is_recommended(self, shop):
        visitor = visitor_who(shop, "coffee1", "coffee2", "coffee3")
        serve(shop, HOME, visitor=visitor)
        now = timezone.now()
        Item.objects.create(
            shop=shop,
            external_id="brand-new",
            title="coffee pot 99",
            brand="coffee house",
            category=["kitchen", "coffee"],
            first_seen=now,
            updated_at=now,
        )
        (arrivals,) = serve(shop, PlacementRequest("new_arrivals"), visitor=visitor)
        assert ids(arrivals)[0] == "brand-new"
        (home,) = serve(shop, PlacementRequest("home", size=38), visitor=visitor)
        assert "brand-new" in ids(home)
        (similar,) = serve(shop, PlacementRequest("product_similar", seeds=("brand-new",)))
        assert similar.items and share_of("coffee", similar) == 1, "a page about it has neighbours at once"


class TestPage:
    def test_no_product_twice_on_a_page_and_never_what_the_page_is_about(self, shop):
        visitor = visitor_who(shop, "tea1", "tea2", "coffee4")
        shown = [item for slate in serve(shop, *EVERY_LIST, visitor=visitor) for item in ids(slate)]
        assert len(shown) == len(set(shown)) and "tea3" not in shown
        assert len(shown) == 39, "everything that the shop has, once"

    def test_variants_of_one_product_do_not_stand_together(self, shop):
        Item.objects.filter(external_id__startswith="tea").update(variant_group="the-tea")
        slates = serve(shop, HOME, TRENDING, visitor=visitor_who(shop, "tea1"))
        assert sum(item.startswith("tea") for slate in slates for item in ids(slate)) <= 1
        assert all(slate.items for slate in slates)

    def test_one_that_is_sold_out_at_the_top_is_replaced_from_below(self, shop):
        best = ids(serve(shop, PlacementRequest("home", size=38))[0])
        Item.objects.filter(external_id__in=best[:20]).update(sellable=False)
        (home,) = serve(shop, PlacementRequest("home", size=5))
        assert ids(home) == best[20:25], "the order below stays what it was"

    def test_size_zero_is_an_empty_list(self, shop):
        (none,) = serve(shop, PlacementRequest("home", size=0))
        assert none.items == () and none.level == Level.EMPTY

    def test_kinds_answer_in_kind(self, shop):
        similar, together = (serve(shop, one)[0] for one in (SIMILAR, TOGETHER))
        assert share_of("tea", similar) == 1 and share_of("tea", together) == 1
        (recent,) = serve(shop, PlacementRequest("recently_viewed"), visitor=visitor_who(shop, "tea1", "coffee2"))
        assert ids(recent) == ["coffee2", "tea1"]
        assert serve(shop, PlacementRequest("recently_viewed"))[0].items == ()
        (here,) = serve(shop, PlacementRequest("home", category=("kitchen", "coffee"), size=6))
        assert share_of("coffee", here) == 1 and here.level == Level.POPULAR_HERE

    def test_what_is_shown_is_the_row_of_now(self, shop):
        Item.objects.update(title="Renamed", price="3.50", url="/new/")
        item = serve(shop, HOME)[0].items[0]
        assert (item.title, str(item.price), item.currency, item.url) == ("Renamed", "3.50", "GBP", "/new/")
        assert [one.position for one in serve(shop, HOME)[0].items] == list(range(1, 13))


class TestDislikes:
    def test_what_somebody_is_not_interested_in_is_in_none_of_their_lists(self, shop, bare_shop):
        visitor = visitor_who(shop, "tea1", "tea2", "coffee4")
        before = [item for slate in serve(shop, *EVERY_LIST, visitor=visitor) for item in ids(slate)]
        for item in before[::3]:
            dislikes.add(visitor, item)
        for slate in serve(shop, *EVERY_LIST, visitor=visitor):
            assert not set(ids(slate)) & set(before[::3]), f"{slate.placement} shows what was refused"
        assert set(before[::3]) <= {item for slate in serve(shop, *EVERY_LIST) for item in ids(slate)}, "others see it"

    def test_its_like_fade_and_come_back_when_it_is_taken_back(self, shop):
        visitor = visitor_who(shop, "coffee1", "tea1", "coffee2", "tea2")
        (before,) = serve(shop, HOME, visitor=visitor)
        first = ids(before)[0]
        kind = first.rstrip("0123456789")
        dislikes.add(visitor, first)
        (after,) = serve(shop, HOME, visitor=visitor)
        assert first not in ids(after) and share_of(kind, after) < share_of(kind, before)
        dislikes.remove(visitor, first)
        assert ids(serve(shop, HOME, visitor=visitor)[0]) == ids(before)

    def test_they_hold_without_a_model_and_when_the_core_fails(self, bare_shop, monkeypatch):
        visitor = visitor_who(bare_shop, "tea1")
        look(visitor, "coffee19", "tea1", kind="dislike")
        for wanted in (HOME, PlacementRequest("recently_viewed"), PlacementRequest("empty_search", query="coffee")):
            assert not {"coffee19", "tea1"} & set(ids(serve(bare_shop, wanted, visitor=visitor)[0]))


class TestNear:
    def test_a_search_without_results_shows_what_is_near_to_its_words(self, shop):
        (slate,) = serve(shop, PlacementRequest("empty_search", query="cofee  pots\u202e for two"))
        assert share_of("coffee", slate) == 1 and slate.level == Level.SIMILAR
        assert slate.items[0].reason.text == "Near to “cofee pots for two”"
        assert Slate.objects.get().context.get("query") is None, "words are kept with the search, not with the list"

    def test_words_that_mean_nothing_here_leave_what_is_popular(self, shop):
        (slate,) = serve(shop, PlacementRequest("empty_search", query="zzz"))
        assert slate.items and slate.level == Level.POPULAR
        assert "Near" not in slate.items[0].reason.text

    def test_long_words_are_told_short(self, shop):
        (slate,) = serve(shop, PlacementRequest("empty_search", query="coffee " * 200))
        assert len(slate.items[0].reason.text) < 80 and slate.items[0].reason.text.endswith("…”")

    @pytest.mark.parametrize("left", [{"sellable": False}, {"removed_at": timezone.now()}])
    def test_a_page_of_what_is_sold_out_shows_its_like(self, shop, left):
        Item.objects.filter(external_id="coffee3").update(**left)
        (slate,) = serve(shop, PlacementRequest("sold_out", seeds=("coffee3",)))
        assert len(slate.items) == 8 and share_of("coffee", slate) == 1 and slate.level == Level.SIMILAR

    def test_one_that_no_model_has_met_is_known_by_its_row(self, shop, django_assert_num_queries):
        now = timezone.now()
        Item.objects.create(
            shop=shop,
            external_id="old",
            title="a coffee pot",
            category=["kitchen"],
            sellable=False,
            first_seen=now,
            updated_at=now,
        )
        with override_settings(COLDREC={**conf.get_config(), "REFRESH_SECONDS": 60.0, "LOG_SLATES": False}):
            serve(shop, HOME)
            with django_assert_num_queries(2):
                (slate,) = serve(shop, PlacementRequest("sold_out", seeds=("old",)))
            with django_assert_num_queries(1):
                serve(shop, PlacementRequest("sold_out", seeds=("coffee3",)))
        assert share_of("coffee", slate) == 1 and slate.items[0].reason.text == "Similar to this product"

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("/catalogue/trail-shoe-3_12/", "trail shoe"),
            ("/shop/Red%20mug.html", "Red mug"),
            ("/zh-hans/catalogue/跑步鞋_7/", "跑步鞋"),
            ("/catalogue/12/", "catalogue"),
            ("/404/7/", ""),
            ("", ""),
        ],
    )
    def test_words_of_a_path(self, path, words):
        assert recommend.words_of_path(path) == words

    def test_what_stands_in_for_an_item(self, shop):
        assert recommend.stand_in(shop, "tea3").id == "tea3"
        Item.objects.filter(external_id="tea3").update(sellable=False)
        assert recommend.stand_in(shop, "tea3").id.startswith("tea")
        assert recommend.stand_in(shop, "never heard of") is None
        Item.objects.update(sellable=False)
        assert recommend.stand_in(shop, "tea3") is None


class TestMinimum:
    def test_a_list_with_too_few_items_is_left_empty(self, shop, monkeypatch):
        Item.objects.exclude(external_id__in=["tea1", "tea2", "tea3"]).update(sellable=False)
        assert len(serve(shop, HOME)[0].items) == 3
        few = replace(placements.DEFAULT_PLACEMENTS["home"], minimum=4)
        monkeypatch.setattr(placements, "all_placements", lambda _shop: {"home": few})
        (home,) = serve(shop, HOME)
        assert home.items == () and home.level == Level.EMPTY
        (two,) = serve(shop, PlacementRequest("home", size=2))
        assert len(two.items) == 2, "who asks for fewer gets fewer"


class TestLanguages:
    @pytest.fixture
    def speaking(self, shop):
        Item.objects.filter(external_id__startswith="coffee").update(
            translations={"zh-hans": {"title": "咖啡壶"}, "pt": {"title": "cafeteira", "text": "…"}}
        )
        return shop

    @pytest.mark.parametrize(
        ("language", "title"),
        [
            ("en", "coffee pot"),
            ("zh-hans", "咖啡壶"),
            ("pt-br", "cafeteira"),
            ("de", "coffee pot"),
            (None, "coffee pot"),
        ],
    )
    def test_titles_are_in_the_language_of_the_page(self, speaking, language, title, django_assert_num_queries):
        visitor = visitor_who(speaking, "coffee1", "coffee2")
        with translation.override(language):
            (home,) = serve(speaking, HOME, visitor=visitor)
        coffee = [item for item in home.items if item.id.startswith("coffee")]
        assert coffee and all(item.title.startswith(title) for item in coffee)
        assert all(item.title.startswith("tea pot") for item in home.items if item.id.startswith("tea"))
        assert any(title in item.reason.text for item in home.items), "and what a reason names"

    def test_without_a_model_too(self, bare_shop):
        Item.objects.update(translations={"zh-hans": {"title": "壶"}})
        with translation.override("zh-hans"):
            assert {item.title for item in serve(bare_shop, HOME)[0].items} == {"壶"}


class TestSlates:
    def test_a_served_list_is_written_down_whole(self, shop):
        visitor = visitor_who(shop, "tea1", "tea2")
        (served,) = serve(shop, HOME, visitor=visitor)
        slate = Slate.objects.get()
        assert slate.pk == served.slate_id
        assert (slate.placement, slate.visitor, slate.policy) == ("home", visitor, "level0-fusion")
        assert (slate.version, slate.level, slate.context["history"]) == (shop.serving_version, served.level, 2)
        rows = list(SlateItem.objects.order_by("position"))
        assert [(row.item_id, row.position, row.score) for row in rows] == [
            (item.id, item.position, pytest.approx(item.score)) for item in served.items
        ]
        assert {row.shop_id for row in rows} == {shop.pk} and all(0 < row.propensity <= 1 for row in rows)
        assert rows[0].reason["kind"] == served.items[0].reason.kind
        assert set(rows[0].reason["evidence"]) <= {"tea1", "tea2"}

    def test_without_a_visitor_nothing_is_tied_to_one(self, shop):
        serve(shop, HOME)
        assert Slate.objects.get().visitor is None

    def test_they_can_be_left_unwritten(self, shop):
        with override_settings(COLDREC={**conf.get_config(), "LOG_SLATES": False}):
            (served,) = serve(shop, HOME)
        assert served.items and served.slate_id is None and not Slate.objects.exists()

    def test_a_log_that_cannot_be_written_costs_nobody_a_list(self, shop, monkeypatch, caplog):
        def refuse(*_args):
            raise DatabaseError("disk full")

        monkeypatch.setattr(Slate.objects, "bulk_create", refuse)
        assert serve(shop, HOME)[0].items
        assert "could not be written down" in caplog.text


class TestTrouble:
    def test_an_unknown_placement_is_an_error(self, shop):
        with pytest.raises(placements.PlacementError, match="did you mean 'home'"):
            serve(shop, PlacementRequest("hme"))

    def test_a_failing_core_leaves_the_newest_items(self, shop, monkeypatch, caplog):
        serve(shop, HOME)

        def fail(*_args, **_kwargs):
            raise RuntimeError("boom")

        monkeypatch.setattr(pipeline, "recommend", fail)
        home, similar = serve(shop, HOME, SIMILAR, visitor=visitor_who(shop, "tea1"))
        assert ids(home)[:2] == ["coffee19", "coffee18"] and home.level == Level.NEWEST
        assert not set(ids(home)) & set(ids(similar))
        assert "boom" in caplog.text and any(record.levelno == logging.ERROR for record in caplog.records)

    def test_a_history_that_cannot_be_read_leaves_a_strangers_list(self, shop, monkeypatch):
        def fail(*_args):
            raise DatabaseError("locked")

        visitor = visitor_who(shop, "tea1")
        monkeypatch.setattr(recommend.visitors, "past", fail)
        assert ids(serve(shop, HOME, visitor=visitor)[0]) == ids(serve(shop, HOME)[0])

    def test_a_model_that_is_not_there_leaves_the_newest_and_the_recent(self, bare_shop):
        visitor = visitor_who(bare_shop, "tea1", "coffee2")
        home, recent = serve(bare_shop, HOME, PlacementRequest("recently_viewed"), visitor=visitor)
        assert ids(home)[0] == "coffee19" and home.policy == "no-model" and home.version is None
        assert ids(recent) == ["coffee2", "tea1"] and recent.level == Level.SESSION

    def test_an_empty_shop_has_empty_lists(self, db, settings_of_shop):
        empty = serve(recommend.Shop.objects.create(key="empty"), *EVERY_LIST)
        assert [(slate.items, slate.level) for slate in empty] == [((), Level.EMPTY)] * len(EVERY_LIST)

    def test_shops_do_not_see_each_other(self, shop):
        other = recommend.Shop.objects.create(key="other")
        now = timezone.now() - timedelta(days=1)
        Item.objects.create(shop=other, external_id="theirs", first_seen=now, updated_at=now)
        assert ids(serve(other, HOME)[0]) == ["theirs"]
        assert "theirs" not in ids(serve(shop, PlacementRequest("home", size=50))[0])
        assert serving.current(other).model is None


def test_the_shops_own_knowledge_of_an_item(shop):
    assert recommend.is_known(shop, "tea1") and not recommend.is_known(shop, "nothing")
    assert recommend.basket_of(None) == ()


class TestForesight:
    """Lists are asked for one by one by template tags, on a request of their own."""

    def ask(self, shop, rf, *wanted, **kwargs):
        request = rf.get("/")
        request.resolver_match = SimpleNamespace(namespaces=[], view_name="product", kwargs=kwargs)
        return [recommend.serve([one], shop=shop, visitor=None, request=request)[0] for one in wanted]

    def test_a_page_known_by_its_address_reads_its_items_once(self, shop, rf, django_assert_num_queries):
        with override_settings(COLDREC={**conf.get_config(), "REFRESH_SECONDS": 60.0}):
            first = self.ask(shop, rf, HOME, SIMILAR, pk="tea3")
            with django_assert_num_queries(1):
                again = self.ask(shop, rf, HOME, SIMILAR, pk="tea3")
            other = PlacementRequest("product_similar", seeds=("coffee3",))
            with django_assert_num_queries(1):
                self.ask(shop, rf, HOME, other, pk="coffee3")
        assert [ids(slate) for slate in again] == [ids(slate) for slate in first]

    def test_a_wrong_guess_changes_no_list(self, shop, rf):
        plain = self.ask(shop, rf, HOME, SIMILAR, pk="tea3")
        foresight._pages_seen.clear()
        self.ask(shop, rf, HOME, SIMILAR, pk="tea3")
        (home,) = self.ask(shop, rf, HOME, pk="not an item")
        assert ids(home) == ids(plain[0])

    def test_a_price_is_what_the_tables_say(self, shop):
        (home,) = serve(shop, PlacementRequest("home", size=50))
        assert {item.price for item in home.items} == set(Item.objects.values_list("price", flat=True))
