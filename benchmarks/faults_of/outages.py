"""Database or cache away: lists may get worse or vanish, the page must not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import caches
from django.db import connection
from django.test import override_settings

from benchmarks.checks import Check
from benchmarks.site import shop as made
from benchmarks.site.calls import Answer, Caller, cookie_of
from coldrec.core.dataset import Dataset
from coldrec.models import Shop

PAGES = 10
LIST_S = 1.0  # a page must not hang on what is away
NOBODY = 9  # the discard port, on which nothing listens


def check(shop: Shop, dataset: Dataset) -> list[Check]:
    call = Caller(cookie_of(shop, made.shopper(shop, dataset)))
    address = f"/all/{dataset.items[0].id}/"
    call(address)
    with database_away():
        without_database = [call(address) for _ in range(PAGES)]
    back = call(address)
    away = database_away()
    lost_midway = call(address, between=away.__enter__)  # the list is out, its slate not yet written
    away.__exit__(None, None, None)
    with cache_away():
        without_cache = [call(address) for _ in range(PAGES)]
        api = [call("/coldrec/v1/recommendations/?placement=home") for _ in range(PAGES)]
        event = {"event_id": "while-away", "kind": "view", "item_id": dataset.items[0].id}
        api.append(call("/coldrec/v1/events/", event))
    return judge(without_database, back, lost_midway, without_cache, api)


def judge(
    without_database: list[Answer], back: Answer, lost_midway: Answer, without_cache: list[Answer], api: list[Answer]
) -> list[Check]:
    slowest = max(answer.seconds for answer in [*without_database, *without_cache, *api])
    return [
        Check("pages_broken_without_database", sum(not is_whole(one) for one in without_database), "exactly", 0),
        Check("lists_after_database_is_back", lists(back), "at least", 4),
        Check("lists_when_database_goes_after_them", lists(lost_midway), "at least", 4),
        Check(
            "pages_worse_without_cache",
            sum(not is_whole(one) or lists(one) < lists(back) for one in without_cache),
            "exactly",
            0,
        ),
        Check("api_refused_without_cache", sum(one.status not in (200, 202) for one in api), "exactly", 0),
        Check("slowest_answer_while_away", slowest, "at most", LIST_S, "s"),
    ]


def is_whole(answer: Answer) -> bool:
    return answer.status == 200 and "A page of the shop" in answer.text and "The end of the page" in answer.text


def lists(answer: Answer) -> int:
    return answer.text.count("data-coldrec-placement")


@contextmanager
def database_away() -> Iterator[None]:
    """The database cannot be reached: its file, or its server's port, is another."""
    settings = connection.settings_dict
    kept = {name: settings[name] for name in ("NAME", "HOST", "PORT")}
    connection.close()
    if connection.vendor == "sqlite":
        settings["NAME"] = str(settings["NAME"]) + ".gone/db.sqlite3"
    else:
        settings.update(HOST="127.0.0.1", PORT=NOBODY)
    try:
        yield
    finally:
        connection.close()
        settings.update(kept)


@contextmanager
def cache_away() -> Iterator[None]:
    """The cache is a Redis that nobody answers for."""
    redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"redis://127.0.0.1:{NOBODY}/0"}
    with override_settings(CACHES={"default": redis}):
        caches["default"].close()
        yield
