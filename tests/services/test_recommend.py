"""Lists as a shop's pages get them. Half the items are tea, half coffee; nobody bought tea18, tea19 and their like."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import DatabaseError
from django.test import override_settings
from django.utils import timezone

from coldrec import conf
from coldrec.core import pipeline
from coldrec.core.types import Level
from coldrec.models import Item, Slate, SlateItem
from coldrec.services import placements, recommend, serving
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
        recommend._pages_seen.clear()
        self.ask(shop, rf, HOME, SIMILAR, pk="tea3")
        (home,) = self.ask(shop, rf, HOME, pk="not an item")
        assert ids(home) == ids(plain[0])

    def test_a_price_is_what_the_tables_say(self, shop):
        (home,) = serve(shop, PlacementRequest("home", size=50))
        assert {item.price for item in home.items} == set(Item.objects.values_list("price", flat=True))
