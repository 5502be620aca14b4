"""Screens of figures: each number equals a recount of the facts, and its link shows as many rows."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from coldrec.admin.tables import Cell, Table, harmless
from coldrec.models import Event, IgnoredCount, Item, Shop
from coldrec.services import rollups
from tests import happened
from tests.happened import DAYS, START, event_of, slate_of, visitor_of

LAST = (START + timedelta(days=DAYS - 1)).date()
PERIOD = {"first": "2026-03-04", "last": "2026-03-08"}
SCREENS = ("overview", "cold_start", "readiness")


def address(screen: str) -> str:
    return reverse(f"admin:coldrec_{screen}")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The days of the tests have just passed."""
    at = START + timedelta(days=DAYS, hours=1)
    monkeypatch.setattr(timezone, "now", lambda: at)
    return at


@pytest.fixture
def shops(shop: Shop, now: datetime) -> tuple[Shop, Shop]:
    """Two shops with days made up at random; the first is rolled up."""
    other = Shop.objects.create(key="other")
    for seed, one in enumerate((shop, other), start=11):
        Event.objects.bulk_create(happened.make_up(one, seed))
    rollups.roll_up(shop, now=now)
    return shop, other


def tables_of(staff: Client, screen: str, **parameters: Any) -> dict[str, Table]:
    page = staff.get(address(screen), parameters)
    assert page.status_code == 200
    return {table.key: table for table in page.context["view"].tables()}


def in_sql(
    shop: Shop, measure: str, *, listed: bool = True, first: str = "2026-03-04", last: str = "2026-03-08"
) -> Any:
    """A measure of a period, counted anew."""
    counted = happened.recount(shop)
    return sum(
        sums.get(measure, 0)
        for (day, placement, *_), sums in counted.items()
        if first <= day <= last and (placement or not listed)
    )


def test_overview_equals_the_recount(staff: Client, shops: tuple[Shop, Shop]) -> None:
    shop = shops[0]
    figures = {row[0].text: row for row in tables_of(staff, "overview", **PERIOD)["figures"].rows}
    for label, measure in (
        ("Lists", "lists"),
        ("Impressions", "impressions"),
        ("Clicks", "clicks"),
        ("Basket additions", "basket_adds"),
        ("Purchases", "purchases"),
    ):
        _name, now, before, _change = figures[label]
        assert now.value == in_sql(shop, measure) > 0, label
        assert before.value == in_sql(shop, measure, first="2026-02-27", last="2026-03-03") > 0, label
    assert figures["All purchases"][1].value == in_sql(shop, "purchases", listed=False)
    rate = figures["Click-through"][1].value
    assert rate == round(in_sql(shop, "clicks") / in_sql(shop, "impressions"), 6)
    seen = [n for day, _channel, n in happened.recount_first_seen(shop) if "2026-03-04" <= day <= "2026-03-08"]
    assert figures["New visitors"][1].value == sum(seen)
    revenue: dict[str, Decimal] = {}
    for (day, place, *_, currency), sums in happened.recount(shop).items():
        if place and "2026-03-04" <= day <= "2026-03-08" and sums.get("revenue"):
            revenue[currency] = revenue.get(currency, Decimal(0)) + sums["revenue"]
    said = "; ".join(f"{value:.2f} {currency}".strip() for currency, value in sorted(revenue.items()))
    assert figures["Revenue from lists"][1].value == said
    assert len(revenue) > 1, "currencies are not added up"


def test_days_and_rungs_equal_the_recount(staff: Client, shops: tuple[Shop, Shop]) -> None:
    found = tables_of(staff, "overview", **PERIOD)
    counted = happened.recount(shops[0])
    for row in found["days"].rows:
        day = row[0].value
        for at, measure in ((1, "lists"), (2, "impressions"), (3, "clicks"), (5, "basket_adds"), (6, "purchases")):
            assert row[at].value == in_sql(shops[0], measure, first=day, last=day), (day, measure)
    for row in found["levels"].rows:
        place, fallback, *counts = row
        levels = {
            level: sum(
                sums.get("lists", 0)
                for (day, at, rung, *_), sums in counted.items()
                if at == place.value and rung == level and "2026-03-04" <= day <= "2026-03-08"
            )
            for level in ("personal", "session", "similar", "popular_here", "popular", "newest", "empty")
        }
        assert [cell.value for cell in counts] == list(levels.values())
        own = {"home": ("personal", "session"), "basket": ("similar",), "trending": ("popular_here", "popular")}
        low = sum(n for level, n in levels.items() if level not in own[place.value])
        assert fallback.value == round(low / sum(levels.values()), 6)


def test_buckets_equal_the_recount(staff: Client, shops: tuple[Shop, Shop]) -> None:
    counted = happened.recount(shops[0])
    found = tables_of(staff, "cold_start", **PERIOD, below="6", placement="home")
    for key, at in (("visitors", 3), ("items", 4)):
        table = found[key]
        names = [column.label for column in table.columns]
        for row in table.rows[:-1]:
            bucket = row[0].text.replace("–", "-").replace("not told", "")
            for measure in ("impressions", "clicks", "purchases"):
                assert row[names.index(measure)].value == sum(
                    sums.get(measure, 0)
                    for place, sums in counted.items()
                    if place[at] == bucket and place[1] == "home" and "2026-03-04" <= place[0] <= "2026-03-08"
                ), (key, bucket, measure)
        warm = table.rows[-1]
        assert warm[0].text == "warm: 6 or more"
        assert warm[names.index("impressions")].value == sum(
            sums.get("impressions", 0)
            for place, sums in counted.items()
            if place[at] in ("6-10", "11+") and place[1] == "home" and "2026-03-04" <= place[0] <= "2026-03-08"
        )


def test_bucket_by_placement_by_rung_equals_the_recount(staff: Client, shops: tuple[Shop, Shop]) -> None:
    counted = happened.recount(shops[0])
    found = tables_of(staff, "cold_start", **PERIOD)
    levels = {"personal": "personal", "popular": "popular", "newest": "newest", "empty": "empty"}
    for key, at in (("visitors-by-place", 3), ("items-by-place", 4)):
        table = found[key]
        names = [column.label for column in table.columns]
        assert table.rows
        for row in table.rows:
            bucket = row[2].text.replace("–", "-").replace("not told", "")
            for measure in ("impressions", "clicks", "purchases"):
                assert row[names.index(measure)].value == sum(
                    sums.get(measure, 0)
                    for place, sums in counted.items()
                    if (place[1], place[2], place[at]) == (row[0].value, levels[row[1].value], bucket)
                    and "2026-03-04" <= place[0] <= "2026-03-08"
                )


def test_new_items_equal_the_recount(staff: Client, shops: tuple[Shop, Shop]) -> None:
    shop = shops[0]
    rows = tables_of(staff, "cold_start", **PERIOD, young="4", below="3")["new-items"].rows
    new = "first_seen >= %s AND first_seen < %s AND removed_at IS NULL AND shop_id = %s"
    span = ("2026-03-05", "2026-03-09", shop.pk)
    done = (
        "(SELECT COUNT(*) FROM coldrec_event e WHERE e.shop_id = i.shop_id AND e.item_id = i.external_id"
        " AND date(e.occurred_at) <= '2026-03-08' AND {})"
    )
    served = (
        "(SELECT COUNT(*) FROM coldrec_slateitem t JOIN coldrec_slate s ON s.id = t.slate_id"
        " WHERE t.shop_id = i.shop_id AND t.item_id = i.external_id AND date(s.created_at) <= '2026-03-08')"
    )
    cared = done.format("e.kind IN ('view', 'click', 'basket_add', 'purchase')")
    seen, wanted = done.format("e.kind = 'impression'"), done.format("e.kind IN ('click', 'basket_add', 'purchase')")
    for row, condition in zip(
        rows[:-1],
        ["1 = 1", f"{cared} < 3", f"{served} = 0", f"{seen} > 0", f"{seen} > 0 AND {wanted} > 0"],
        strict=True,
    ):
        sql = f"SELECT COUNT(*) FROM coldrec_item i WHERE {new} AND {condition}"
        assert row[1].value == happened.rows(sql, *span)[0][0], row[0].text
    never = f"SELECT COUNT(*) FROM coldrec_item i WHERE i.shop_id = %s AND i.sellable AND {served} = 0"
    assert rows[-1][1].value == happened.rows(never, shop.pk)[0][0]


def test_days_to_a_hundred_impressions(staff: Client, shop: Shop, now: datetime) -> None:
    ann = visitor_of(shop)
    for item, per_day in (("quick", 100), ("slow", 30), ("never", 1)):
        Item.objects.create(shop=shop, external_id=item, first_seen=START, updated_at=START)
        for day in range(6):
            at = START + timedelta(days=day)
            Event.objects.bulk_create(event_of(ann, "impression", item, at) for _ in range(per_day))
    rollups.roll_up(shop, now=now)
    rows = tables_of(staff, "cold_start", first="2026-03-01", last="2026-03-08")["days-to-impressions"].rows
    assert [(row[0].text, row[1].value) for row in rows] == [
        ("up to 1 day", 1),
        ("2 to 3 days", 1),
        ("4 to 7 days", 0),
        ("8 to 14 days", 0),
        ("15 to 30 days", 0),
        ("more than 30 days", 0),
        ("not yet", 1),
    ]


def test_first_steps_of_new_visitors(staff: Client, shop: Shop, now: datetime) -> None:
    for n, (channel, minutes) in enumerate([("search", 5), ("search", 120), ("search", None), ("", 2)]):
        visitor = visitor_of(shop, START + timedelta(hours=n), channel=channel)
        if minutes is not None:
            event_of(visitor, "click", "tea", START + timedelta(hours=n, minutes=minutes)).save()
    late = visitor_of(shop, now - timedelta(minutes=30), channel="search")
    event_of(late, "click", "tea", now - timedelta(minutes=29)).save()
    rollups.roll_up(shop, now=now)
    table = tables_of(staff, "cold_start", first="2026-03-01", last="2026-03-10")["first-steps"]
    names = [column.label for column in table.columns]
    by_channel = {row[0].text: row for row in table.rows}
    assert list(by_channel) == ["all", "search", "directly, or not told"]
    search = by_channel["search"]
    assert search[1].value == 4
    assert search[names.index("click: 30 min")].text == "33 % (1 of 3)", "who came just now has not had the time"
    assert search[names.index("click: 1 day")].text == "67 % (2 of 3)"
    assert search[names.index("click: half within")].text == "5 minutes"
    assert search[names.index("purchase: half within")].text == "–"


def cells_with_links(tables: dict[str, Table]) -> list[tuple[str, Cell]]:
    return [
        (f"{table.key} {row[0].text} {column.label}", cell)
        for table in tables.values()
        for row in table.rows
        for column, cell in zip(table.columns, row, strict=True)
        if cell.link and isinstance(cell.value, int)
    ]


@pytest.mark.parametrize(
    ("screen", "parameters", "least"),
    [
        ("overview", PERIOD, 30),
        ("cold_start", {**PERIOD, "young": "9", "below": "6"}, 50),
        ("cold_start", {**PERIOD, "placement": "home", "channel": ""}, 20),
        ("readiness", {}, 5),
    ],
)
def test_every_number_leads_to_as_many_rows(
    staff: Client, shops: tuple[Shop, Shop], screen: str, parameters: dict[str, str], least: int
) -> None:
    found = cells_with_links(tables_of(staff, screen, **parameters))
    assert len(found) >= least
    checked = {}
    for name, cell in found:
        if "Ignored" in name or cell.link in checked:
            continue
        page = staff.get(cell.link)
        assert page.status_code == 200, f"{name}: {cell.link}"
        checked[cell.link] = page.context["cl"].result_count
        if "What is popular now" not in name:  # a number of days, whose events are shown
            assert checked[cell.link] == cell.value, f"{name}: {cell.link}"


def test_shares_of_first_steps_lead_to_those_who_took_them(staff: Client, shops: tuple[Shop, Shop]) -> None:
    table = tables_of(staff, "cold_start", first="2026-03-01", last="2026-03-09", young="9")["first-steps"]
    cells = [cell for row in table.rows for cell in row if cell.link and " of " in cell.text]
    assert len(cells) > 3
    for cell in cells:
        part = int(cell.text.split("(")[1].split(" of ")[0])
        assert staff.get(cell.link).context["cl"].result_count == part, cell.link


def test_ignored_requests_are_counted_by_reason(staff: Client, shop: Shop, now: datetime) -> None:
    for reason, count in (("crawler", 40), ("prefetch", 2)):
        IgnoredCount.objects.create(shop=shop, day=LAST, reason=reason, count=count)
    page = staff.get(address("overview"), {"days": "7"})
    (ignored,) = [one for one in page.context["figures"] if one.key == "ignored"]
    assert (ignored.now.value, ignored.change) == (42, "crawler: 40, prefetch: 2")
    assert staff.get(ignored.now.link).context["cl"].result_count == 2


@pytest.mark.parametrize("screen", SCREENS)
def test_files_hold_what_the_page_shows(staff: Client, shops: tuple[Shop, Shop], screen: str) -> None:
    for key, table in tables_of(staff, screen).items():
        response = staff.get(address(screen), {"csv": key})
        assert response.streaming
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert f"-{key}-" in response.headers["Content-Disposition"]
        text = b"".join(response.streaming_content).decode("utf-8-sig")
        head, *rows = csv.reader(io.StringIO(text))
        assert head == [str(column.label) for column in table.columns]
        assert rows == [[str(harmless(cell.value)) for cell in row] for row in table.rows]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1"])
def test_no_cell_of_a_file_is_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"


def test_a_placement_called_like_a_formula_is_written_as_text(staff: Client, shop: Shop, now: datetime) -> None:
    slate_of(shop, None, now - timedelta(days=1), ["tea"], placement='=HYPERLINK("x")')
    rollups.roll_up(shop, now=now)
    response = staff.get(address("overview"), {"csv": "levels"})
    assert "'=HYPERLINK" in b"".join(response.streaming_content).decode()
    page = staff.get(address("overview"))
    assert "=HYPERLINK(&quot;x&quot;)" in page.text


def test_there_is_no_file_of_an_unknown_table(staff: Client) -> None:
    assert staff.get(address("overview"), {"csv": "secrets"}).status_code == 404


@pytest.mark.parametrize("screen", SCREENS)
def test_every_definition_belongs_to_one_word(staff: Client, shops: tuple[Shop, Shop], screen: str) -> None:
    page = staff.get(address(screen)).text
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids)), "an id stands for one element"
    described = re.findall(r'aria-describedby="([^"]*)"><?', page)
    tips = re.findall(r'role="tooltip" id="([^"]*)"', page)
    assert set(tips) <= set(described) <= set(ids)
    assert len(tips) >= 3


@pytest.mark.parametrize("screen", SCREENS)
def test_an_empty_shop_and_one_with_one_item_open(staff: Client, shop: Shop, screen: str) -> None:
    assert "Nothing was rolled up yet" in staff.get(address(screen)).text
    Item.objects.create(shop=shop, external_id="tea", first_seen=timezone.now(), updated_at=timezone.now())
    rollups.roll_up(shop)
    assert staff.get(address(screen)).status_code == 200


@pytest.mark.parametrize("screen", SCREENS)
def test_without_any_shop_the_site_s_own_is_made(staff: Client, screen: str) -> None:
    Shop.objects.all().delete()
    assert staff.get(address(screen)).status_code == 200


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"first": "yesterday", "last": "2026-03-01"}, "A day must be written like 2026-01-31, got “yesterday”."),
        ({"first": "2026-02-30", "last": "2026-03-01"}, "got “2026-02-30”"),
        ({"first": "2026-03-02", "last": "2026-03-01"}, "The first day lies after the last."),
        ({"first": "2026-03-02"}, "Give both the first and the last day."),
        ({"first": "2020-01-01", "last": "2026-03-01"}, "At most 731 days can be looked at."),
        ({"first": "2026-03-01", "last": "2027-01-01"}, "between the year 2000 and today"),
        ({"first": "0001-01-01", "last": "0001-01-02"}, "between the year 2000 and today"),
        ({"days": "8"}, "The number of days must be one of those offered"),
        ({"days": "<script>"}, "&lt;script&gt;"),
        ({"shop": "nowhere"}, "There is no shop “nowhere”."),
        ({"below": "5"}, "The line between cold and warm runs at 1, 3, 6, 11 interactions"),
        ({"young": "0"}, "New is 1 to 365 days"),
        ({"young": "９"}, "New is 1 to 365 days"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_usual_shown(
    staff: Client, now: datetime, parameters: dict[str, str], message: str
) -> None:
    page = staff.get(address("cold_start"), parameters)
    assert page.status_code == 200
    assert message in page.text
    assert page.context["period"].last == LAST


@pytest.mark.parametrize(
    ("days", "first", "last"),
    [("0", "2026-03-10", "2026-03-10"), ("1", "2026-03-09", "2026-03-09"), ("30", "2026-02-08", "2026-03-09")],
)
def test_presets_end_with_yesterday(staff: Client, now: datetime, days: str, first: str, last: str) -> None:
    period = staff.get(address("overview"), {"days": days}).context["period"]
    assert (period.first, period.last) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_needs_its_permission(staff: Client, shop: Shop, screen: str) -> None:
    user = User.objects.get(username="staff")
    user.user_permissions.remove(Permission.objects.get(codename="view_dailymetric"))
    assert staff.get(address(screen)).status_code == 403
    assert staff.get(address(screen), {"csv": "figures"}).status_code == 403
    assert address(screen) not in staff.get(reverse("admin:index")).text


def test_figures_do_not_link_where_somebody_may_not_look(staff: Client, shops: tuple[Shop, Shop]) -> None:
    User.objects.get(username="staff").user_permissions.set(Permission.objects.filter(codename="view_dailymetric"))
    assert cells_with_links(tables_of(staff, "overview", **PERIOD)) == []


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_takes_as_many_queries_for_many_rows_as_for_few(
    staff: Client, shops: tuple[Shop, Shop], screen: str
) -> None:
    def queries(**parameters: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            staff.get(address(screen), parameters)
        return [query["sql"] for query in captured]

    queries()  # what a process remembers is read
    few, many = queries(first="2026-03-02", last="2026-03-02"), queries(first="2026-03-01", last="2026-03-09")
    assert len(few) == len(many) <= 40
    scanned = [sql for sql in many if 'FROM "coldrec_event"' in sql or 'FROM "coldrec_slate' in sql]
    assert scanned == [], "screens never read events or slates"


def test_another_shop_is_chosen_by_its_key(staff: Client, shops: tuple[Shop, Shop], now: datetime) -> None:
    rollups.roll_up(shops[1], now=now)
    figures = tables_of(staff, "overview", **PERIOD, shop="other")["figures"]
    impressions = next(row[1] for row in figures.rows if row[0].text == "Impressions")
    assert impressions.value == in_sql(shops[1], "impressions")
    assert staff.get(impressions.link).context["cl"].result_count == impressions.value


def test_a_wrong_figure_in_an_address_is_refused_kindly(staff: Client, shop: Shop) -> None:
    changelist = reverse("admin:coldrec_event_changelist")
    for query in ("figure=nothing", "figure=clicks&first=x", "figure=clicks&item_bucket=9", "figure=new_items"):
        assert staff.get(f"{changelist}?{query}").headers["Location"].endswith("?e=1"), query
