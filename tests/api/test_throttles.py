"""Limits by scope, and what becomes of them when the cache is gone."""

import pytest
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings

from coldrec.api import throttles
from coldrec.models import Event
from tests.api.shopper import HEALTH, SCHEMA, Shopper, similar, view

pytestmark = pytest.mark.usefixtures("bare_shop")

LIMITS = {"THROTTLES": {"coldrec-events": "2/min", "coldrec-lists": "3/hour"}, "REFRESH_SECONDS": 0.0}


@pytest.fixture
def _limited(bare_shop):
    with override_settings(COLDREC=LIMITS):
        yield


class Clock:
    def __init__(self, now):
        self.now = now

    def time(self):
        return self.now

    monotonic = time


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(1_800_000_000.0 + 15)
    monkeypatch.setattr(throttles, "time", clock)
    return clock


class DeadCache(LocMemCache):
    def incr(self, *args, **kwargs):
        raise ConnectionError("the cache is away")

    add = get = set = incr


@pytest.mark.usefixtures("_limited")
def test_each_scope_has_its_own_limit(clock):
    shopper = Shopper()
    assert [shopper.send(view()).status_code for _ in range(4)] == [202, 202, 429, 429]
    assert [shopper.list().status_code for _ in range(2)] == [200, 200], "events do not use up the lists"
    assert shopper.get(similar("tea3")).status_code == 200
    assert shopper.list().status_code == 429, "lists and similar items share one scope"


@pytest.mark.usefixtures("_limited")
def test_a_refused_request_is_told_when_to_come_again(clock):
    shopper = Shopper()
    for _ in range(3):
        answer = shopper.send(view())
    assert answer.status_code == 429
    assert answer["Retry-After"] == "45", "this window began 15 s ago"
    assert answer.json()["code"] == "throttled"
    assert "45 seconds" in answer.json()["detail"]
    assert answer["Cache-Control"] == "private, no-store"
    clock.now += 45
    assert shopper.send(view()).status_code == 202


@pytest.mark.usefixtures("_limited")
def test_a_refused_request_stores_nothing(clock):
    shopper = Shopper()
    for _ in range(5):
        shopper.send(view())
    assert Event.objects.count() == 2


@pytest.mark.usefixtures("_limited")
def test_clients_are_counted_apart(clock):
    one, two = Shopper(REMOTE_ADDR="10.0.0.1"), Shopper(REMOTE_ADDR="10.0.0.2")
    assert [one.send(view()).status_code for _ in range(3)] == [202, 202, 429]
    assert two.send(view()).status_code == 202


@pytest.mark.usefixtures("_limited")
def test_health_is_never_limited(clock):
    assert {Shopper().get(HEALTH).status_code for _ in range(10)} == {200}


@override_settings(COLDREC={"THROTTLES": {"coldrec-events": None}, "REFRESH_SECONDS": 0.0})
def test_no_rate_is_no_limit():
    shopper = Shopper()
    assert {shopper.send(view()).status_code for _ in range(20)} == {202}
    assert {shopper.list().status_code for _ in range(20)} == {200}


@pytest.mark.usefixtures("_limited")
def test_a_dead_cache_lets_requests_pass_and_says_so_in_the_log(clock, caplog):
    dead = {"default": {"BACKEND": "tests.api.test_throttles.DeadCache"}}
    with override_settings(CACHES=dead):
        shopper = Shopper()
        assert {shopper.send(view()).status_code for _ in range(4)} == {202}
        assert {shopper.list().status_code for _ in range(4)} == {200}
        assert shopper.get(SCHEMA).status_code == 200
    assert "The throttle's cache does not answer" in caplog.text


@pytest.mark.usefixtures("_limited")
def test_a_dead_cache_is_asked_once_in_five_seconds(clock, caplog):
    dead = {"default": {"BACKEND": "tests.api.test_throttles.DeadCache"}}
    shopper = Shopper()
    with override_settings(CACHES=dead):
        for _ in range(10):
            shopper.send(view())
        assert len(caplog.records) == 1
        clock.now += 5
        shopper.send(view())
        assert len(caplog.records) == 2
    assert {shopper.send(view()).status_code for _ in range(5)} == {202}, "back, and not yet noticed"
    clock.now += 5
    assert [shopper.send(view()).status_code for _ in range(3)] == [202, 202, 429]


@pytest.mark.usefixtures("_limited")
def test_a_cache_that_keeps_nothing_limits_nothing(clock):
    with override_settings(CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}):
        shopper = Shopper()
        assert {shopper.send(view()).status_code for _ in range(4)} == {202}


@pytest.mark.usefixtures("_limited")
def test_addresses_are_not_kept_in_the_cache(clock):
    Shopper(REMOTE_ADDR="10.20.30.40").send(view())
    assert cache._cache
    assert not [key for key in cache._cache if "10.20.30.40" in key]


@pytest.mark.usefixtures("_limited")
@pytest.mark.parametrize("extra", [{"REMOTE_ADDR": None}, {"REMOTE_ADDR": ""}, {"HTTP_X_FORWARDED_FOR": "\udcff"}])
def test_a_client_without_a_readable_address_is_counted_too(clock, extra):
    shopper = Shopper(**extra)
    assert [shopper.send(view()).status_code for _ in range(3)] == [202, 202, 429]


@pytest.mark.parametrize(
    ("rate", "meant"), [("600/min", (600, 60)), ("5/s", (5, 1)), ("1/hour", (1, 3600)), ("9/day", (9, 86400))]
)
def test_rates_are_read_as_drf_reads_them(rate, meant):
    assert throttles.parse_rate(rate) == meant
