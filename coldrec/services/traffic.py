"""Whether somebody is looking at all: crawlers and pages fetched ahead are nobody, and are counted, not stored."""

from __future__ import annotations

from datetime import date
from functools import lru_cache, partial
from typing import Any

from django.db import IntegrityError, models, router, transaction
from django.http import HttpRequest
from django.utils import timezone

from coldrec.models import IgnoredCount
from coldrec.services import browser, shops

HEADERS_OF_PURPOSE = ("Sec-Purpose", "Purpose", "X-Moz", "X-Purpose")
AHEAD = ("prefetch", "prerender", "preview")
AGENT_LENGTH = 500  # characters of a user agent that are looked at


def is_nobody(request: HttpRequest) -> bool:
    """Whether what this request does is not to be recorded for anybody; the first time it is asked, it is counted."""
    state = browser.state(request)
    if state.nobody is None:
        state.nobody = reason(request)
        if state.nobody:
            # After the commit: the row of the day is one for all, and a shop's transaction may be long.
            count = partial(_count, shops.current().pk, timezone.now().date(), state.nobody)
            transaction.on_commit(count, using=router.db_for_write(IgnoredCount), robust=True)
    return bool(state.nobody)


def reason(request: HttpRequest) -> str:
    """Why nobody is behind ``request``: "head", "ahead", "crawler"; "" where somebody may be.

    A crawler reads pages and runs their scripts, whose requests say ``Origin``. A request that changes something and
    does not was written by a program on purpose: an order from the shop's own systems, an example from the docs.
    """
    if request.method == "HEAD":
        return "head"
    if any(word in request.headers.get(name, "") for name in HEADERS_OF_PURPOSE for word in AHEAD):
        return "ahead"
    is_programs = request.method not in ("GET", "OPTIONS") and "Origin" not in request.headers
    return "" if is_programs or not is_crawler(request.headers.get("User-Agent", "")) else "crawler"


@lru_cache(maxsize=4096)
def is_crawler(user_agent: str) -> bool:
    """Whether that is the name of a crawler or of another program; the name is forgotten again."""
    return bool(_detector().is_crawler(user_agent[:AGENT_LENGTH]))


@lru_cache
def _detector() -> Any:
    # Imported at the first request: its patterns take 30 ms to compile.
    from crawlerdetect import CrawlerDetect

    return CrawlerDetect()


def _count(shop_id: int, day: date, why: str) -> None:
    row = IgnoredCount.objects.filter(shop_id=shop_id, day=day, reason=why)
    if row.update(count=models.F("count") + 1):
        return
    try:
        with transaction.atomic(using=row.db):
            IgnoredCount.objects.create(shop_id=shop_id, day=day, reason=why, count=1)
    except IntegrityError:  # another process has begun the day
        row.update(count=models.F("count") + 1)
