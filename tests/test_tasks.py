"""What follows a change in the shop is done, whatever state the broker and the database are in."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction
from django.test import override_settings
from django.utils import timezone

from coldrec import tasks
from coldrec.core.errors import PromotionError
from coldrec.models import Event, Item, Visitor
from coldrec.services import events, shops

NOW = timezone.now()
VIEW = {"event_id": "1", "kind": "view", "item_id": "a"}


@pytest.fixture
def visitor(db) -> Visitor:
    return Visitor.objects.create(shop=shops.current(), key="ann")


@pytest.fixture
def queued(monkeypatch):
    """Tasks go to a broker; what is asked of it is in the list."""
    asked: list[tuple] = []
    monkeypatch.setattr(tasks, "_broker_rests_until", 0.0)
    monkeypatch.setattr(tasks.record_events, "apply_async", lambda args, **_: asked.append(args))
    with override_settings(COLDREC={"TASKS": "celery"}):
        yield asked


def happened(visitor: Visitor) -> None:
    tasks.events_happened([VIEW], visitor_id=visitor.pk, source="test")


@pytest.mark.django_db
def test_inline_events_are_there_for_the_same_page(visitor):
    happened(visitor)
    happened(visitor)
    assert Event.objects.get().visitor == visitor


@pytest.mark.django_db
def test_a_database_error_in_here_does_not_spoil_the_shop_s_transaction(visitor, monkeypatch, caplog):
    def fail(*args, **kwargs):
        Event.objects.raw("SELECT nothing FROM nowhere")[0]

    monkeypatch.setattr(events, "record", fail)
    with transaction.atomic():
        happened(visitor)
        assert Visitor.objects.count() == 1, "the transaction still works"
    assert "could not store 1 event(s) from test" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_queue_is_asked_after_the_commit_only(visitor, queued):
    with pytest.raises(RuntimeError), transaction.atomic():
        happened(visitor)
        raise RuntimeError
    assert queued == []
    with transaction.atomic():
        happened(visitor)
        assert queued == []
    assert queued == [([VIEW], visitor.pk, "test")]
    tasks.record_events(*queued[0])
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_broker_events_are_stored_here(visitor, queued, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks.record_events, "apply_async", fail)
    happened(visitor)
    assert Event.objects.count() == 1
    assert "cannot reach the task broker" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_neither_broker_nor_database_is_logged_and_no_more(visitor, queued, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise DatabaseError("down")

    monkeypatch.setattr(tasks.record_events, "apply_async", fail)
    monkeypatch.setattr(events, "record", fail)
    happened(visitor)
    assert "could not store 1 event(s)" in caplog.text


@pytest.mark.django_db
def test_events_of_a_visitor_erased_meanwhile_are_dropped(visitor):
    visitor.delete()
    tasks.record_events([VIEW], 12345, "test")
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_a_version_that_the_gate_refuses_leaves_the_old_one_serving(monkeypatch, caplog):
    from coldrec.services import training

    asked = []

    def refuse(version):
        asked.append(version)
        raise PromotionError("v2 is worse")

    monkeypatch.setattr(training, "promote", refuse)
    tasks.fit()
    shop = shops.current()
    assert asked == [shop.versions.get()] and shop.serving_version is None
    assert "keeps the serving version: v2 is worse" in caplog.text


@pytest.mark.django_db
def test_the_graph_is_built_by_a_worker():
    Item.objects.create(
        shop=shops.current(), external_id="1", title="Kettle", brand="Acme", first_seen=NOW, updated_at=NOW
    )
    tasks.build_graph.apply()
    assert shops.current().triples.get(relation="brand").tail == "brand:Acme"
