"""How long the admin's screens take in a shop with ten million events a year.

They read daily roll-ups, so these are what is made up here: a year of them, as busy as such a shop would leave them.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection, models, transaction
from django.db.models import Sum
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from benchmarks.checks import Check
from coldrec.models import (
    DailyCohort,
    DailyItemMetric,
    DailyMetric,
    DailyPlaceMetric,
    DailyTotal,
    Item,
    RollUp,
    Shop,
)
from coldrec.models.metric import BUCKETS, Measures, edge
from coldrec.services import placements, shops

SECONDS = 2.0
EVENTS = 10_000_000
DAYS = 365
ITEMS = 20_000
ITEMS_A_DAY = 0.3  # share of the items that something happens to on a day
COMES_ABOUT = 0.7  # share of the combinations that are met on a day
CHANNELS = ("direct", "search", "email", "social", "paid", "referral:a.example")
LEVELS = ("personal", "session", "popular")
AT_ONCE = ("overview", "cold_start", "readiness")  # as they open
YEAR = (("overview", "?days=365"), ("cold_start", "?days=365"))
ROUNDS = 5


def check(*, days: int = DAYS, items: int = ITEMS) -> list[Check]:
    shop = shops.current()
    made_up(shop, days, items, timezone.now().date())
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("chief"))
    took = {name: seconds(client, name) for name in AT_ONCE}
    of_a_year = {f"{name}{period}": round(seconds(client, name, period), 3) for name, period in YEAR}
    rows = {table._meta.model_name: table.objects.count() for table in (DailyMetric, DailyItemMetric, DailyCohort)}
    details = {"events": EVENTS * days // DAYS, "rows": rows, "screens": {k: round(v, 3) for k, v in took.items()}}
    return [Check("screen_seconds", max(took.values()), "at most", SECONDS, "s", {**details, "of_a_year": of_a_year})]


def seconds(client: Client, screen: str, query: str = "") -> float:
    """The median time of one screen, once it has been opened."""
    took = []
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        for _ in range(ROUNDS + 1):
            began = time.perf_counter()
            answer = client.get(reverse(f"admin:coldrec_{screen}") + query)
            took.append(time.perf_counter() - began)
            if answer.status_code != 200:
                raise RuntimeError(f"the screen {screen}{query} answered {answer.status_code}")
    return statistics.median(took[1:])


def made_up(shop: Shop, days: int, items: int, today: date) -> None:
    """The roll-ups of so many days, a day to a transaction."""
    rng = random.Random(3)
    ids = [f"sku-{number}" for number in range(items)]
    now = timezone.now()
    Item.objects.bulk_create(
        (
            Item(
                shop=shop,
                external_id=name,
                title=f"Item {name}",
                text="words " * 40,
                category=["A", "B"],
                price=1,
                first_seen=now - timedelta(days=rng.randrange(2 * days)),
                updated_at=now,
            )
            for name in ids
        ),
        batch_size=500,
    )
    interactions = dict.fromkeys(ids, 0)
    impressions = dict.fromkeys(ids, 0)
    for back in range(days - 1, -1, -1):
        day = today - timedelta(days=back)
        with transaction.atomic():
            _insert(DailyMetric, _of_lists(shop, day, rng))
            _insert(DailyItemMetric, _of_items(shop, day, rng, ids, interactions, impressions))
            _insert(DailyCohort, _of_cohorts(shop, day, rng))
            _insert(DailyTotal, [_total(shop, day, rng)])
    _insert(DailyPlaceMetric, _by_place(shop))
    RollUp.objects.create(shop=shop, rolled_up_at=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _of_lists(shop: Shop, day: date, rng: random.Random) -> list[dict[str, Any]]:
    """A row for each combination that comes about in such a shop, and for some of the items' buckets."""
    rows = []
    for placement in placements.DEFAULT_PLACEMENTS:
        for level in LEVELS:
            for visitor in BUCKETS:
                for channel in CHANNELS:
                    if rng.random() > COMES_ABOUT:
                        continue
                    at = {
                        "shop_id": shop.pk,
                        "day": day,
                        "placement": placement,
                        "level": level,
                        "visitor_bucket": visitor,
                        "channel": channel,
                    }
                    rows.append(_row(DailyMetric, at | {"lists": rng.randrange(1, 20)}))
                    for bucket in rng.sample(list(BUCKETS), 2):
                        seen = rng.randrange(3, 40)
                        counts = {"served": 2 * seen, "impressions": seen, "clicks": rng.randrange(1 + seen // 8)}
                        rows.append(_row(DailyMetric, at | {"item_bucket": bucket, **counts}))
                    if rng.random() < 0.25:
                        sold = {"item_bucket": "11+", "currency": "EUR", "purchases": 1, "revenue": "19.90"}
                        rows.append(_row(DailyMetric, at | sold))
    return rows


def _of_items(
    shop: Shop,
    day: date,
    rng: random.Random,
    ids: Sequence[str],
    interactions: dict[str, int],
    impressions: dict[str, int],
) -> list[dict[str, Any]]:
    rows = []
    for name in rng.sample(ids[: -max(len(ids) // 50, 1)], int(len(ids) * ITEMS_A_DAY)):  # some are never shown
        known, seen, more = interactions[name], impressions[name], rng.randrange(6)
        interactions[name] += more
        impressions[name] += 4
        crossed = edge(known, known + more)
        firsts = {
            "is_first_served": seen == 0,
            "is_first_seen": seen == 0,
            "is_first_followed": known == 0 and more > 0,
            "is_much_seen": seen < 100 <= seen + 4,
        }
        counts = {"interactions_before": known, "interactions": more, "served": 6, "impressions": 4, "edge": crossed}
        notable = {"is_notable": crossed > 0 or any(firsts.values())}
        rows.append(
            _row(DailyItemMetric, {"shop_id": shop.pk, "day": day, "item_id": name, **counts, **firsts, **notable})
        )
    return rows


def _of_cohorts(shop: Shop, day: date, rng: random.Random) -> list[dict[str, Any]]:
    at = {"shop_id": shop.pk, "day": day}
    rows = []
    for channel in CHANNELS:
        new = {"first_day": day, "channel": channel, "milestone": "first_seen", "visitors": rng.randrange(20, 200)}
        rows.append(_row(DailyCohort, at | new))
        for milestone in ("click", "basket_add", "purchase", "second_item"):
            for age, within in ((0, 1800), (1, 86_400), (3, 3 * 86_400), (7, 7 * 86_400)):
                reached = {"milestone": milestone, "within": within, "visitors": rng.randrange(1, 9)}
                rows.append(
                    _row(DailyCohort, at | {"first_day": day - timedelta(days=age), "channel": channel, **reached})
                )
    return rows


def _total(shop: Shop, day: date, rng: random.Random) -> dict[str, Any]:
    events = EVENTS // DAYS + rng.randrange(1000)
    return _row(DailyTotal, {"shop_id": shop.pk, "day": day, "events": events, "interactions": 9000, "visitors": 6000})


def _by_place(shop: Shop) -> list[dict[str, Any]]:
    measures = [field.name for field in Measures._meta.get_fields()]
    at = ("shop_id", "day", "placement", "level", "currency")
    sums = DailyMetric.objects.filter(shop=shop).values(*at).annotate(**{f"sum_{name}": Sum(name) for name in measures})
    return [
        _row(DailyPlaceMetric, {key: row[key] for key in at} | {name: row[f"sum_{name}"] for name in measures})
        for row in sums
    ]


def _row(table: type[models.Model], values: dict[str, Any]) -> dict[str, Any]:
    """All columns of a row but its key."""
    fields = [field for field in table._meta.concrete_fields if not field.primary_key]
    return {field.column: values.get(field.attname, field.get_default()) for field in fields}


def _insert(table: type[models.Model], rows: Sequence[dict[str, Any]]) -> None:
    """Plain SQL: the ORM would take minutes to make millions of objects."""
    columns = ", ".join(rows[0])
    marks = ", ".join(["%s"] * len(rows[0]))
    fields = {field.column: field for field in table._meta.concrete_fields}
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table._meta.db_table} ({columns}) VALUES ({marks})",
            [[fields[name].get_db_prep_save(value, connection) for name, value in row.items()] for row in rows],
        )
