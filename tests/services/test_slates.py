"""When slates are written: at once for a command, after the answer for a request."""

from functools import partial

import pytest
from django.core.signals import request_finished
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from coldrec.models import Shop, Slate, SlateItem
from coldrec.services import slates


@pytest.fixture
def make(db):
    shop = Shop.objects.create(key="s")

    def one(items: int = 2) -> slates.Made:
        slate = Slate(shop=shop, placement="home", policy="p", level="popular", created_at=timezone.now())
        rows = [
            SlateItem(slate_id=slate.pk, shop=shop, item_id=f"i{n}", position=n + 1, score=0.0, level="popular")
            for n in range(items)
        ]
        return slate, rows

    yield one
    slates.write_waiting()


def test_a_request_does_not_wait_for_its_log(make):
    for _ in range(4):
        slates.keep(make, later=True)
    assert not Slate.objects.exists()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        request_finished.send(sender=object)
    assert (Slate.objects.count(), SlateItem.objects.count()) == (4, 8)
    assert sum("INSERT" in query["sql"] for query in queries) == 2, "two inserts for a page of any length"
    request_finished.send(sender=object)
    assert Slate.objects.count() == 4, "nothing is written twice"


def test_a_command_writes_at_once(make):
    slates.keep(make, later=False)
    assert Slate.objects.count() == 1


def test_an_empty_list_is_a_slate_too(make):
    slates.keep(partial(make, items=0), later=False)
    assert Slate.objects.get().items.count() == 0


def test_what_waits_is_bounded(make, monkeypatch):
    monkeypatch.setattr(slates, "MOST_WAITING", 3)
    for _ in range(4):
        slates.keep(make, later=True)
    assert Slate.objects.count() == 3


def test_one_bad_slate_is_logged_and_forgotten(make, caplog):
    good, bad = make(), make()
    bad[0].pk = good[0].pk
    slates.keep(lambda: good, later=True)
    slates.keep(lambda: (bad[0], []), later=True)
    slates.write_waiting()
    assert "2 slates could not be written down" in caplog.text and not Slate.objects.exists()
    slates.keep(make, later=False)
    assert Slate.objects.count() == 1, "the next page is not held up by it"
