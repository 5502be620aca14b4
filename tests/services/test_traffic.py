"""Crawlers and pages fetched ahead are nobody: nothing is made or stored for them, and they are counted."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.utils import timezone

from coldrec.models import IgnoredCount, Visitor
from coldrec.services import shops, traffic, visitors

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, ""),
        ({"User-Agent": BROWSER}, ""),
        ({"User-Agent": ""}, ""),
        ({"User-Agent": GOOGLE}, "crawler"),
        ({"User-Agent": "curl/8.5"}, "crawler"),
        ({"User-Agent": "x" * 100_000}, ""),
        ({"User-Agent": BROWSER, "Sec-Purpose": "prefetch"}, "ahead"),
        ({"User-Agent": BROWSER, "Sec-Purpose": "prefetch;prerender"}, "ahead"),
        ({"User-Agent": BROWSER, "Purpose": "prefetch"}, "ahead"),
        ({"User-Agent": BROWSER, "X-Moz": "prefetch"}, "ahead"),
        ({"User-Agent": BROWSER, "X-Purpose": "preview"}, "ahead"),
        ({"User-Agent": BROWSER, "Purpose": "something else"}, ""),
    ],
)
def test_who_is_nobody(rf, headers, reason):
    assert traffic.reason(rf.get("/", headers=headers)) == reason


def test_asking_for_headers_alone_is_no_visit(rf):
    assert traffic.reason(rf.head("/")) == "head"


def test_a_crawler_that_runs_scripts_is_one_and_a_program_that_sends_events_is_none(rf):
    assert traffic.reason(rf.post("/", headers={"User-Agent": GOOGLE, "Origin": "http://testserver"})) == "crawler"
    assert traffic.reason(rf.post("/", headers={"User-Agent": "curl/8.5"})) == ""


def test_nobody_is_made_and_each_request_counts_once(db, rf, django_capture_on_commit_callbacks):
    for count in (1, 2, 3):
        request = rf.get("/", headers={"User-Agent": GOOGLE})
        with django_capture_on_commit_callbacks(execute=True):
            assert visitors.from_request(request, create=True) is None
            assert visitors.from_request(request, create=True) is None
        row = IgnoredCount.objects.get()
        assert (row.day, row.reason, row.count) == (timezone.now().date(), "crawler", count)
    assert not Visitor.objects.exists()


def test_only_who_wants_to_record_is_asked(db, rf, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert visitors.from_request(rf.get("/", headers={"User-Agent": GOOGLE}), create=False) is None


def test_a_known_visitor_does_nothing_by_a_page_fetched_ahead(db, rf):
    first = rf.get("/")
    made = visitors.from_request(first, create=True)
    request = rf.get("/", headers={"Sec-Purpose": "prefetch"})
    request.COOKIES["coldrec_visitor"] = visitors.token_of(shops.current(), made)
    assert visitors.from_request(request, create=True) is None
    assert visitors.from_request(request, create=False) == made, "but the page is theirs"


@pytest.mark.django_db(transaction=True)
def test_counting_at_the_same_time_loses_none():
    shop, day = shops.current(), timezone.now().date()
    start = threading.Barrier(4)

    def count() -> None:
        start.wait()
        for _ in range(5):
            traffic._count(shop.pk, day, "crawler")
        connection.close()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert IgnoredCount.objects.get().count == 20
