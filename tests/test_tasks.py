"""What follows a change in the shop is done, whatever state the broker and the database are in."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.test import override_settings
from django.utils import timezone

from coldrec import conf, tasks
from coldrec.core.errors import PromotionError
from coldrec.models import Event, Item, ItemVector, Visitor
from coldrec.services import encoders, events, shops
from tests.encoders import registered
from tests.served import settings_of_shop  # noqa: F401

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


@pytest.fixture
def encoder(db, settings_of_shop, tiny_versions):  # noqa: F811
    """In use, with one item to read."""
    encoders.reset()
    shop = shops.current()
    made = registered(shop, tiny_versions[0])
    encoders.put_in_use(shop, made)
    Item.objects.create(shop=shop, external_id="1", title="Kettle", first_seen=NOW, updated_at=NOW)
    yield made
    encoders.reset()


def test_a_worker_reads_what_the_broker_lost(encoder):
    tasks.refresh_vectors.apply()
    assert ItemVector.objects.get().item.title == "Kettle"


def test_while_one_reads_another_has_nothing_to_do(encoder):
    cache.set(f"coldrec:refresh-vectors:{encoder.shop_id}", 1)
    tasks.refresh_vectors()
    assert not ItemVector.objects.exists()
    cache.clear()
    tasks.refresh_vectors()
    tasks.refresh_vectors()
    assert ItemVector.objects.count() == 1


def test_what_there_was_no_time_for_is_asked_for_again(encoder, monkeypatch):
    asked = []
    monkeypatch.setattr(tasks, "VECTOR_SECONDS", 0.0)
    monkeypatch.setattr(tasks, "_queued", lambda task, *_: asked.append(task.name))
    tasks.refresh_vectors()
    assert asked == ["coldrec.refresh_vectors"]


def test_a_language_model_that_is_away_is_logged_and_asked_again_later(encoder, monkeypatch, caplog):
    folder = encoders.folder_of(encoder)
    folder.rename(folder.with_name("away"))
    tasks.refresh_vectors()
    assert "keeps the vectors that there are: e1 is not in" in caplog.text
    folder.with_name("away").rename(folder)
    tasks.refresh_vectors()
    assert ItemVector.objects.count() == 1


def test_a_worker_asks_for_the_vector_of_an_item_that_it_refreshed(
    encoder, monkeypatch, django_capture_on_commit_callbacks
):
    asked = []
    monkeypatch.setattr(tasks, "_queued", lambda task, *arguments: asked.append((task.name, *arguments)))
    monkeypatch.setattr(tasks.catalogue, "refresh_item", lambda _id: None)
    with override_settings(COLDREC={**conf.get_config(), "TASKS": "celery"}):
        with django_capture_on_commit_callbacks(execute=True):
            tasks.refresh_item("1")
        assert asked == [("coldrec.encode_items", ["1"])]
        encoders.put_in_use(encoder.shop, None)
        with django_capture_on_commit_callbacks(execute=True):
            tasks.refresh_item("1")
        assert len(asked) == 1, "a shop without a language model asks for nothing"
        encoders.put_in_use(encoder.shop, encoder)
        tasks.encode_items(["1"])
    assert ItemVector.objects.count() == 1
