"""Lights turn green as data comes in; until then they say what is missing and how long that takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coldrec.core.types import Kind
from coldrec.models import ConsentRecord, DailyTotal, Event, Item, ModelVersion, RejectedEvent, RollUp, Shop
from coldrec.services import alarms, metrics, placements, readiness, rollups
from coldrec.services.doctor import ENOUGH_BASKETS, ENOUGH_INTERACTIONS, ENOUGH_VISITORS
from coldrec.services.readiness import Light, Standing
from tests.happened import event_of, slate_of, visitor_of

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop.objects.create(key="default")


def parts(shop: Shop) -> dict[str, Standing]:
    return {one.name: one for one in readiness.check(shop, NOW).parts}


def lists(shop: Shop) -> dict[str, Standing]:
    return {one.name: one for one in readiness.check(shop, NOW).lists}


def lights(standings: dict[str, Standing]) -> dict[str, Light]:
    return {name: one.light for name, one in standings.items()}


def items(shop: Shop, number: int, **fields: Any) -> None:
    full = {"text": "Green tea", "category": ["Tea"], "image_url": "/tea.png", "price": 3} | fields
    Item.objects.bulk_create(
        Item(shop=shop, external_id=f"i{n}{fields}", title="", first_seen=NOW - 90 * DAY, updated_at=NOW, **full)
        for n in range(number)
    )


def serve_a_model(shop: Shop) -> None:
    version = ModelVersion.objects.create(shop=shop, number=1, path="p", digest="0" * 64)
    ModelVersion.objects.update(created_at=NOW - DAY)
    Shop.objects.filter(pk=shop.pk).update(serving_version=version)


def busy_days(shop: Shop, days: int, visitors: int) -> None:
    """On each of the latest full days so many new visitors look at two items and put one in the basket."""
    made = []
    for back in range(1, days + 1):
        at = NOW - back * DAY
        for _ in range(visitors):
            visitor = visitor_of(shop, at)
            made += [
                event_of(visitor, kind, item, at) for kind, item in (("view", "a"), ("view", "b"), ("basket_add", "a"))
            ]
    Event.objects.bulk_create(made)
    rollups.roll_up(shop, now=NOW)


def test_every_kind_of_placement_has_its_needs_and_its_rungs() -> None:
    assert set(readiness.NEEDS) == set(metrics.OWN_LEVELS) == set(Kind)


def test_an_empty_shop_lacks_all_but_consent(shop: Shop) -> None:
    found = lights(parts(shop))
    assert found.pop("consent") is Light.READY, "nobody has to be asked, and nobody has refused"
    assert set(found.values()) == {Light.MISSING}
    assert lists(shop)["recently_viewed"].light is Light.WAITING, "needs no data, but no page shows it"
    assert lists(shop)["home"].light is Light.MISSING
    assert parts(shop)["personal"].says == "1,000 interactions missing of 1,000; none come in at present."


def test_what_is_missing_is_told_with_the_days_it_takes(shop: Shop) -> None:
    busy_days(shop, days=4, visitors=3)
    found = parts(shop)
    per_day = {"personal": 9, "collaborative": 3, "together": 3}
    for name, need in (
        ("personal", ENOUGH_INTERACTIONS),
        ("collaborative", ENOUGH_VISITORS),
        ("together", ENOUGH_BASKETS),
    ):
        one = found[name]
        assert (one.light, one.need, one.have) == (Light.WAITING, need, 4 * per_day[name])
        assert one.missing == need - one.have
        assert one.days == -(-one.missing // per_day[name]), "the shop is four days old, and so is its trend"
    assert (
        found["together"].says == "88 purchases or basket additions missing of 100; about 30 days at the present rate."
    )
    assert (found["trending"].have, found["trending"].days) == (4, 3)


def test_lights_turn_green_as_data_comes_in(shop: Shop) -> None:
    items(shop, 10)
    serve_a_model(shop)
    busy_days(shop, days=8, visitors=3)
    assert lights(parts(shop))["collaborative"] is Light.WAITING
    assert lists(shop)["product_together"].light is Light.WAITING
    busy_days(shop, days=8, visitors=40)
    ann = visitor_of(shop, NOW - DAY)
    for place in placements.all_placements(shop):
        slate = slate_of(shop, ann, NOW - DAY, ["a"], placement=place, level="personal")
        event_of(ann, "impression", "a", NOW - DAY, slate_id=slate.pk).save()
        event_of(ann, "click", "a", NOW - DAY, slate_id=slate.pk).save()
    rollups.roll_up(shop, now=NOW)
    assert set(lights(parts(shop)).values()) == {Light.READY}
    assert set(lights(lists(shop)).values()) == {Light.READY}
    assert lists(shop)["home"].says == "1 list in seven days, 0 % from a lower rung."
    assert lists(shop)["trending"].says == "1 list in seven days, 100 % from a lower rung."


def test_an_old_model_waits_once_there_is_more_to_learn(shop: Shop) -> None:
    serve_a_model(shop)
    ModelVersion.objects.update(created_at=NOW - 40 * DAY)
    assert parts(shop)["model"].light is Light.READY, "nothing has come in since"
    DailyTotal.objects.create(shop=shop, day=(NOW - DAY).date(), interactions=ENOUGH_INTERACTIONS)
    assert parts(shop)["model"].light is Light.WAITING
    assert "train again" in parts(shop)["model"].says


def test_items_without_texts_and_pictures_are_told(shop: Shop) -> None:
    items(shop, 8)
    items(shop, 2, text="", image_url="", category=[])
    found = parts(shop)
    assert {found[name].light for name in ("text", "image", "category")} == {Light.WAITING}
    assert (found["text"].have, found["text"].need, found["text"].missing) == (8, 9, 1)
    assert found["price"].light is Light.READY


def test_lists_without_impressions_mean_that_the_script_is_missing(shop: Shop) -> None:
    slate_of(shop, None, NOW - DAY, ["a"])
    rollups.roll_up(shop, now=NOW)
    assert parts(shop)["impressions"].light is Light.MISSING
    assert "coldrec_script" in parts(shop)["impressions"].fix


@pytest.mark.parametrize(
    ("granted", "refused", "light"), [(6, 4, Light.READY), (4, 6, Light.WAITING), (0, 3, Light.WAITING)]
)
def test_consent_is_a_share_of_the_answers(shop: Shop, granted: int, refused: int, light: Light) -> None:
    ann = visitor_of(shop)
    for answer, number in (("granted", granted), ("refused", refused)):
        for _ in range(number):
            ConsentRecord.objects.create(shop=shop, visitor=ann, answer=answer, source="banner")
    ConsentRecord.objects.update(created_at=NOW - 2 * DAY)
    rollups.roll_up(shop, now=NOW, since=(NOW - 3 * DAY).date())
    assert parts(shop)["consent"].light is light


def test_nobody_asked_where_consent_must_be_given_is_a_fault(shop: Shop, settings: Any) -> None:
    settings.COLDREC = {"CONSENT": "explicit"}
    assert parts(shop)["consent"].light is Light.MISSING


class TestAlarms:
    @pytest.fixture
    def sound(self, shop: Shop) -> Shop:
        """A shop in which nothing is wrong."""
        items(shop, 20)
        serve_a_model(shop)
        RollUp.objects.create(shop=shop, rolled_up_at=NOW - timedelta(hours=1))
        for back in range(1, 9):
            DailyTotal.objects.create(shop=shop, day=(NOW - back * DAY).date(), events=1000)
        return shop

    def topics(self, shop: Shop) -> list[str]:
        return [alarm.topic for alarm in alarms.find(shop, NOW)]

    def test_a_sound_shop_has_none(self, sound: Shop) -> None:
        assert self.topics(sound) == []

    def test_a_new_shop_is_told_to_begin(self, shop: Shop) -> None:
        assert self.topics(shop) == ["rollup", "versions"]

    def test_a_roll_up_that_is_late(self, sound: Shop) -> None:
        RollUp.objects.update(rolled_up_at=NOW - timedelta(hours=27))
        assert self.topics(sound) == ["rollup"]

    @pytest.mark.parametrize(("events", "expected"), [(499, ["events"]), (500, [])])
    def test_half_of_the_usual_events(self, sound: Shop, events: int, expected: list[str]) -> None:
        DailyTotal.objects.filter(day=(NOW - DAY).date()).update(events=events)
        assert self.topics(sound) == expected

    def test_a_small_shop_s_quiet_day_is_no_alarm(self, sound: Shop) -> None:
        DailyTotal.objects.update(events=40)
        DailyTotal.objects.filter(day=(NOW - DAY).date()).update(events=0)
        assert self.topics(sound) == []

    @pytest.mark.parametrize(("rejected", "expected"), [(9, []), (10, []), (40, ["rejected"])])
    def test_many_rejected_events(self, sound: Shop, rejected: int, expected: list[str]) -> None:
        RejectedEvent.objects.bulk_create(
            RejectedEvent(shop=sound, body="{}", code="type", reason="?") for _ in range(rejected)
        )
        RejectedEvent.objects.update(received_at=NOW - timedelta(hours=2))
        assert self.topics(sound) == expected

    def test_products_that_lack_something(self, sound: Shop) -> None:
        items(sound, 1, price=None, image_url="")
        assert self.topics(sound) == ["lacking_price", "lacking_image"]

    def test_no_model(self, sound: Shop) -> None:
        Shop.objects.update(serving_version=None)
        (alarm,) = alarms.find(sound, NOW)
        assert (alarm.topic, alarm.says) == (
            "versions",
            "No model serves, though one is trained: lists show what is newest.",
        )
