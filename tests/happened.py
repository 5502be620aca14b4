"""A shop's days made up at random, and their figures counted by the words of docs/metrics.md, in plain SQL."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import uuid4

from django.db import connection

from coldrec.core.types import INTERACTION_WEIGHTS
from coldrec.models import Event, Item, Shop, Slate, SlateItem, Visitor

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 9
KINDS = ["view", "view", "click", "click", "impression", "impression", "impression", "basket_add", "purchase", "refund"]
_numbers = count()

Fact = Event | Slate


def visitor_of(shop: Shop, created_at: datetime = START, **fields: Any) -> Visitor:
    visitor = Visitor.objects.create(shop=shop, key=f"v{next(_numbers)}", **fields)
    Visitor.objects.filter(pk=visitor.pk).update(created_at=created_at)
    return visitor


def slate_of(shop: Shop, visitor: Visitor | None, at: datetime, items: Iterable[str], **fields: Any) -> Slate:
    """A served list, written down."""
    fields = {"placement": "home", "level": "popular", "policy": "p", "context": {"history": 0}} | fields
    slate = Slate.objects.create(shop=shop, visitor=visitor, created_at=at, **fields)
    SlateItem.objects.bulk_create(_rows_of(slate, items))
    return slate


def _rows_of(slate: Slate, items: Iterable[str]) -> list[SlateItem]:
    return [
        SlateItem(slate=slate, shop_id=slate.shop_id, item_id=item, position=n, score=0.0, level=slate.level)
        for n, item in enumerate(items, start=1)
    ]


def event_of(visitor: Visitor, kind: str, item: str, at: datetime, **fields: Any) -> Event:
    number = f"e{next(_numbers)}"
    return Event(
        shop_id=visitor.shop_id, visitor=visitor, event_id=number, kind=kind, item_id=item, occurred_at=at, **fields
    )


def make_up(shop: Shop, seed: int, *, events: int = 220) -> list[Event]:
    """Items, visitors and served lists of some days; the events are given back, to be stored as a test likes."""
    rng = random.Random(seed)
    items = [f"i{n}" for n in range(7)]
    born = [START + timedelta(days=n) for n in range(7)]
    Item.objects.bulk_create(
        Item(shop=shop, external_id=item, title=item, first_seen=seen, updated_at=seen)
        for item, seen in zip(items, born, strict=True)
    )

    def moment(last: int = DAYS) -> datetime:
        return START + timedelta(seconds=rng.randrange(last * 86_400))

    people = Visitor.objects.bulk_create(
        Visitor(shop=shop, key=f"v{next(_numbers)}", channel=rng.choice(["", "search", "email"])) for _ in range(9)
    )
    for at, one in enumerate(people):
        one.created_at = moment(5)
        if at < 3:  # turns out to be somebody who was known before
            one.merged_into, one.merged_at = rng.choice(people[3:6]), START + timedelta(days=DAYS)
    Visitor.objects.bulk_update(people, ["created_at", "merged_into", "merged_at"])
    slates, rows = [], []
    for _ in range(50):
        shown = rng.sample(items, rng.randrange(5))
        slate = Slate(
            shop=shop,
            visitor=rng.choice([None, *people]),
            created_at=moment(),
            placement=rng.choice(["home", "basket", "trending"]),
            level=rng.choice(["personal", "popular", "newest"]) if shown else "empty",
            policy="p",
            context=rng.choice([{"history": rng.choice([0, 1, 2, 4, 7, 11, 40])}, {}]),
        )
        slates.append(slate)
        rows += _rows_of(slate, shown)
    Slate.objects.bulk_create(slates)
    SlateItem.objects.bulk_create(rows)
    made = []
    for _ in range(events):
        kind, has_list = rng.choice(KINDS), rng.random()
        made.append(
            event_of(
                rng.choice(people),
                kind,
                rng.choice(items),
                rng.choice(slates).created_at if rng.random() < 0.2 else moment(),
                slate_id=rng.choice(slates).pk if has_list < 0.5 else uuid4() if has_list < 0.6 else None,
                value=Decimal(rng.randrange(1, 5000)) / 100 if kind in ("purchase", "refund") else None,
                currency=rng.choice(["EUR", "CNY", ""]) if kind in ("purchase", "refund") else "",
            )
        )
    rng.shuffle(made)
    return made


# Counting


def _json_number(column: str) -> str:
    if connection.vendor == "sqlite":
        return f"json_extract({column}, '$.history')"
    return f"CAST({column} ->> 'history' AS integer)"


def _week_before(column: str) -> str:
    return f"datetime({column}, '-7 days')" if connection.vendor == "sqlite" else f"{column} - INTERVAL '7 days'"


def bucket_sql(number: str) -> str:
    return (
        f"CASE WHEN {number} IS NULL THEN '' WHEN {number} = 0 THEN '0' WHEN {number} <= 2 THEN '1-2'"
        f" WHEN {number} <= 5 THEN '3-5' WHEN {number} <= 10 THEN '6-10' ELSE '11+' END"
    )


def _interactions() -> str:
    return ", ".join(f"'{kind}'" for kind in INTERACTION_WEIGHTS)


def with_credit() -> str:
    """Common tables: ``known`` (events with their person and the slate they name) and ``credited`` (event, slate)."""
    return f"""
    WITH known AS (
        SELECT e.*, COALESCE(v.merged_into_id, v.id) AS person, v.channel AS channel, s.id AS named
        FROM coldrec_event e
        JOIN coldrec_visitor v ON v.id = e.visitor_id
        LEFT JOIN coldrec_slate s ON s.id = e.slate_id AND s.shop_id = e.shop_id
    ), based AS (
        SELECT k.id, CASE WHEN k.kind = 'refund' AND k.named IS NULL THEN (
            SELECT p.id FROM known p
            WHERE p.kind = 'purchase' AND p.shop_id = k.shop_id AND p.person = k.person AND p.item_id = k.item_id
            AND p.occurred_at <= k.occurred_at ORDER BY p.occurred_at DESC, p.id DESC LIMIT 1
        ) ELSE k.id END AS basis FROM known k
    ), credited AS (
        SELECT based.id, COALESCE(b.named, CASE WHEN b.kind IN ('basket_add', 'purchase') THEN (
            SELECT c.named FROM known c
            WHERE c.kind = 'click' AND c.named IS NOT NULL AND c.shop_id = b.shop_id AND c.person = b.person
            AND c.item_id = b.item_id AND c.occurred_at <= b.occurred_at
            AND c.occurred_at >= {_week_before("b.occurred_at")}
            ORDER BY c.occurred_at DESC, c.id DESC LIMIT 1
        ) END) AS slate FROM based LEFT JOIN known b ON b.id = based.basis
    )
    """


def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [tuple(row) for row in cursor.fetchall()]


def recount(shop: Shop) -> dict[tuple[str, ...], dict[str, Any]]:
    """(day, placement, level, visitor bucket, item bucket, channel, currency) → measures that are not 0."""
    found: dict[tuple[str, ...], dict[str, Any]] = defaultdict(dict)

    def before(item: str, day: str) -> str:
        return (
            f"(SELECT COUNT(*) FROM coldrec_event past WHERE past.shop_id = {shop.pk} AND past.item_id = {item}"
            f" AND past.kind IN ({_interactions()}) AND date(past.occurred_at) < {day})"
        )

    visitor_bucket = bucket_sql(_json_number("s.context"))
    lists = f"""
        SELECT date(s.created_at), s.placement, s.level, {visitor_bucket}, '', COALESCE(v.channel, ''), '', COUNT(*)
        FROM coldrec_slate s LEFT JOIN coldrec_visitor v ON v.id = s.visitor_id
        WHERE s.shop_id = %s GROUP BY 1, 2, 3, 4, 5, 6, 7
    """
    served = f"""
        SELECT date(s.created_at), s.placement, s.level, {visitor_bucket},
            {bucket_sql(before("i.item_id", "date(s.created_at)"))}, COALESCE(v.channel, ''), '', COUNT(*)
        FROM coldrec_slateitem i JOIN coldrec_slate s ON s.id = i.slate_id
        LEFT JOIN coldrec_visitor v ON v.id = s.visitor_id
        WHERE s.shop_id = %s GROUP BY 1, 2, 3, 4, 5, 6, 7
    """
    counted = f"""
        {with_credit()}
        SELECT date(k.occurred_at), COALESCE(s.placement, ''), COALESCE(s.level, ''),
            CASE WHEN s.id IS NULL THEN '' ELSE {visitor_bucket} END,
            {bucket_sql(before("k.item_id", "date(k.occurred_at)"))},
            CASE WHEN s.id IS NULL THEN k.channel ELSE COALESCE(v.channel, '') END,
            CASE WHEN k.kind IN ('purchase', 'refund') THEN k.currency ELSE '' END,
            k.kind, COUNT(*), COALESCE(SUM(k.value), 0)
        FROM known k JOIN credited c ON c.id = k.id
        LEFT JOIN coldrec_slate s ON s.id = c.slate LEFT JOIN coldrec_visitor v ON v.id = s.visitor_id
        WHERE k.shop_id = %s AND k.kind IN ('impression', 'click', 'basket_add', 'purchase', 'refund')
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    """
    for name, sql in (("lists", lists), ("served", served)):
        for day, *key, number in rows(sql, shop.pk):
            found[str(day), *key][name] = number
    for day, *key, kind, number, value in rows(counted, shop.pk):
        measures = found[str(day), *key]
        measures[{"click": "clicks"}.get(kind, kind + "s")] = number
        money = {"purchase": "revenue", "refund": "refunded"}.get(kind)
        if money and value:
            measures[money] = Decimal(str(value)).quantize(Decimal("0.01"))
    return dict(found)


def recount_first_seen(shop: Shop) -> list[tuple[str, str, int]]:
    """(day, channel, people) of those who came for the first time."""
    sql = """
        WITH people AS (
            SELECT v.id, COALESCE(v.merged_into_id, v.id) AS person, v.created_at, v.channel,
                (SELECT MIN(e.occurred_at) FROM coldrec_event e WHERE e.visitor_id = v.id) AS acted_at
            FROM coldrec_visitor v WHERE v.shop_id = %s
        ), seen AS (
            SELECT person, MIN(CASE WHEN acted_at < created_at THEN acted_at ELSE created_at END) AS at,
                (SELECT r.channel FROM people r WHERE r.person = p.person
                    ORDER BY r.created_at, r.id LIMIT 1) AS channel
            FROM people p GROUP BY person
        )
        SELECT date(at), channel, COUNT(*) FROM seen GROUP BY 1, 2 ORDER BY 1, 2
    """
    return [(str(day), channel, number) for day, channel, number in rows(sql, shop.pk)]


def recount_milestone(shop: Shop, kind: str) -> list[tuple[str, str, int]]:
    """(day of the first time, day first seen, people) for the first event of a kind."""
    sql = """
        WITH people AS (
            SELECT v.id, COALESCE(v.merged_into_id, v.id) AS person, v.created_at,
                (SELECT MIN(e.occurred_at) FROM coldrec_event e WHERE e.visitor_id = v.id) AS acted_at,
                (SELECT MIN(e.occurred_at) FROM coldrec_event e WHERE e.visitor_id = v.id AND e.kind = %s) AS reached_at
            FROM coldrec_visitor v WHERE v.shop_id = %s
        ), seen AS (
            SELECT person, MIN(CASE WHEN acted_at < created_at THEN acted_at ELSE created_at END) AS at,
                MIN(reached_at) AS reached FROM people GROUP BY person
        )
        SELECT date(reached), date(at), COUNT(*) FROM seen WHERE reached IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
    """
    return [(str(reached), str(first), number) for reached, first, number in rows(sql, kind, shop.pk)]


def recount_second_items(shop: Shop) -> int:
    """People who showed interest in two items or more."""
    sql = f"""
        SELECT COUNT(*) FROM (
            SELECT COALESCE(v.merged_into_id, v.id) FROM coldrec_event e JOIN coldrec_visitor v ON v.id = e.visitor_id
            WHERE e.shop_id = %s AND e.kind IN ({_interactions()}) AND e.item_id > ''
            GROUP BY COALESCE(v.merged_into_id, v.id) HAVING COUNT(DISTINCT e.item_id) > 1
        ) people
    """
    return rows(sql, shop.pk)[0][0]


def recount_items(shop: Shop) -> dict[tuple[str, str], dict[str, int]]:
    """(day, item) → measures that are not 0."""
    sql = f"""
        SELECT date(occurred_at), item_id,
            SUM(CASE WHEN kind IN ({_interactions()}) THEN 1 ELSE 0 END),
            SUM(CASE WHEN kind = 'impression' THEN 1 ELSE 0 END), SUM(CASE WHEN kind = 'click' THEN 1 ELSE 0 END),
            SUM(CASE WHEN kind = 'basket_add' THEN 1 ELSE 0 END), SUM(CASE WHEN kind = 'purchase' THEN 1 ELSE 0 END)
        FROM coldrec_event WHERE shop_id = %s AND item_id > '' GROUP BY 1, 2
    """
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    names = ("interactions", "impressions", "clicks", "basket_adds", "purchases")
    for day, item, *numbers in rows(sql, shop.pk):
        found[str(day), item].update({name: n for name, n in zip(names, numbers, strict=True) if n})
    sql = """
        SELECT date(s.created_at), i.item_id, COUNT(*)
        FROM coldrec_slateitem i JOIN coldrec_slate s ON s.id = i.slate_id
        WHERE s.shop_id = %s GROUP BY 1, 2
    """
    for day, item, number in rows(sql, shop.pk):
        found[str(day), item]["served"] = number
    return {key: measures for key, measures in found.items() if measures}
