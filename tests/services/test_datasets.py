"""A shop's tables as what a model is trained on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.conf import settings
from django.test import override_settings

from benchmarks.site.graphs import open_shop
from coldrec.core import pipeline
from coldrec.core.config import FitConfig
from coldrec.core.model import Model
from coldrec.core.training.fit import fit
from coldrec.core.types import Interaction, Request
from coldrec.core.types import Item as CoreItem
from coldrec.core.types import Triple as Fact
from coldrec.models import Entity, Event, Item, Shop, Triple, Visitor
from coldrec.services import graph_sync, shops
from coldrec.services.core_items import core_item
from coldrec.services.datasets import read_shop
from tests.backends import graphs
from tests.core.worlds import designers

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def shop() -> Shop:
    return shops.current()


def add_items(shop: Shop, *ids: str, **fields) -> None:
    Item.objects.bulk_create(
        Item(shop=shop, external_id=i, first_seen=START, updated_at=START, **fields) for i in ids
    )  # fmt: skip


def add_events(shop: Shop, visitor: Visitor, *events: tuple[str, str, int]) -> None:
    """Events are (kind, item, minutes after the start)."""
    Event.objects.bulk_create(
        Event(
            shop=shop,
            event_id=f"{visitor.pk}-{Event.objects.count() + n}",
            kind=kind,
            visitor=visitor,
            item_id=item,
            occurred_at=START + timedelta(minutes=minute),
        )
        for n, (kind, item, minute) in enumerate(events)
    )


def visitor(shop: Shop, key: str, **fields) -> Visitor:
    return Visitor.objects.create(shop=shop, key=key, **fields)


def rows(dataset) -> list[tuple[str, str, float]]:
    return [
        (dataset.visitors[v], dataset.items[i].id, float(w))
        for v, i, w in zip(dataset.event_visitor, dataset.event_item, dataset.event_weight, strict=True)
    ]


def test_a_shop_becomes_columns(shop):
    add_items(shop, "a", title="A", brand="Acme", category=["X", "Y"], attributes={"size": 1}, price=Decimal("1.50"))
    add_items(shop, "b")
    ann, bob = visitor(shop, "ann"), visitor(shop, "bob")
    add_events(shop, bob, ("purchase", "b", 5))
    add_events(shop, ann, ("view", "b", 9), ("basket_add", "a", 1))
    Triple.objects.create(shop=shop, head="item:a", relation="brand", tail="brand:Acme")
    Triple.objects.create(shop=shop, head="category:X > Y", relation="parent", tail="category:X")
    Triple.objects.create(shop=shop, head="item:unknown", relation="brand", tail="brand:Acme")
    Triple.objects.create(shop=shop, head="item:a", relation="colour", tail="colour:red", weight=2, confidence=0.25)
    for key in ("brand:Acme", "category:X > Y", "category:X", "colour:red"):
        Entity.objects.create(shop=shop, key=key, kind=key.split(":")[0], name=key.split(":")[1])
    dataset = read_shop(shop)
    assert dataset.items[0] == CoreItem(
        "a",
        title="A",
        brand="Acme",
        category=("X", "Y"),
        attributes={"size": 1},
        price=1.5,
        first_seen=START.timestamp(),
    )
    assert sorted(rows(dataset)) == [("ann", "a", 3.0), ("ann", "b", 1.0), ("bob", "b", 5.0)]
    of_ann = dataset.event_visitor == dataset.visitors.index("ann")
    assert [dataset.items[i].id for i in dataset.event_item[of_ann]] == ["a", "b"], "in time order, not of arrival"
    assert dataset.event_time[of_ann].tolist() == [START.timestamp() + 60, START.timestamp() + 540]
    assert dataset.triples == (
        Fact("category:X > Y", "parent", "category:X"),
        Fact("item:a", "brand", "brand:Acme"),
        Fact("item:a", "colour", "colour:red"),
    )
    assert [fact.weight for fact in dataset.triples] == [1, 1, 0.5], "by how far it is believed"
    assert core_item(Item.objects.get(external_id="a")) == dataset.items[0]


@pytest.mark.parametrize("kind", ["refund", "dislike", "search", "impression", "basket_remove", "checkout"])
def test_what_says_nothing_about_liking_does_not_count(shop, kind):
    add_items(shop, "a")
    add_events(shop, visitor(shop, "ann"), (kind, "a", 0))
    dataset = read_shop(shop)
    assert rows(dataset) == []
    assert dataset.visitors == ()


def test_who_refused_is_not_learned_from(shop):
    add_items(shop, "a")
    add_events(shop, visitor(shop, "ann", consent="refused"), ("view", "a", 0))
    add_events(shop, visitor(shop, "bob", consent="granted"), ("view", "a", 0))
    assert rows(read_shop(shop)) == [("bob", "a", 1.0)]


def test_a_guest_s_past_belongs_to_the_account(shop):
    add_items(shop, "a", "b", "c")
    account = visitor(shop, "account")
    middle = visitor(shop, "middle", merged_into=account)
    for person, item in ((visitor(shop, "guest", merged_into=middle), "a"), (middle, "b"), (account, "c")):
        add_events(shop, person, ("view", item, 0))
    assert sorted(rows(read_shop(shop))) == [("account", "a", 1.0), ("account", "b", 1.0), ("account", "c", 1.0)]
    Visitor.objects.filter(pk=account.pk).update(consent="refused")
    assert rows(read_shop(shop)) == [], "who refuses refuses for all they were"


def test_visitors_merged_in_a_circle_do_not_hang(shop):
    one = visitor(shop, "one")
    two = visitor(shop, "two", merged_into=one)
    Visitor.objects.filter(pk=one.pk).update(merged_into=two)
    add_items(shop, "a")
    add_events(shop, one, ("view", "a", 0))
    assert len(rows(read_shop(shop))) == 1


def test_events_of_items_never_met_are_skipped(shop):
    add_items(shop, "a")
    add_events(shop, visitor(shop, "ann"), ("view", "a", 0), ("view", "ghost", 1))
    assert rows(read_shop(shop)) == [("ann", "a", 1.0)]


def test_items_gone_stay_while_their_past_teaches(shop):
    add_items(shop, "gone", "sold", removed_at=START, sellable=False)
    add_items(shop, "here")
    add_events(shop, visitor(shop, "ann"), ("purchase", "sold", 0), ("view", "here", 1))
    dataset = read_shop(shop)
    assert dataset.item_ids == ["sold", "here"]
    assert rows(dataset) == [("ann", "sold", 5.0), ("ann", "here", 1.0)]


def test_another_shop_is_not_read(shop):
    other = Shop.objects.create(key="other")
    add_items(other, "a")
    add_events(other, visitor(other, "ann"), ("view", "a", 0))
    Triple.objects.create(shop=other, head="item:a", relation="r", tail="t:1")
    dataset = read_shop(shop)
    assert (dataset.items, dataset.visitors, dataset.triples) == ((), (), ())


def test_an_empty_shop_is_an_empty_dataset(shop):
    dataset = read_shop(shop)
    assert dataset.items == ()
    assert {column.dtype for column in (dataset.event_visitor, dataset.event_item)} == {np.dtype(np.int64)}
    assert (dataset.event_weight.dtype, dataset.event_time.dtype) == (np.float32, np.float64)


def test_the_number_of_queries_does_not_grow(shop, django_assert_num_queries):
    add_items(shop, *map(str, range(30)))
    for key in "abc":
        add_events(shop, visitor(shop, key), *(("view", str(n), n) for n in range(30)))
    with django_assert_num_queries(5):
        assert len(rows(read_shop(shop))) == 90


@pytest.mark.neo4j
def test_a_model_is_the_same_from_either_engine(tmp_path):
    """Read from the tables or from the copy, the same data give the same bytes and so the same lists."""
    data = designers()
    with open_shop() as shop:
        graphs.write(shop, data.triples)
        visitors = {key: Visitor.objects.create(shop=shop, key=key) for key in data.visitors}
        Event.objects.bulk_create(
            Event(
                shop=shop,
                visitor=visitors[data.visitors[visitor]],
                event_id=f"e{at}",
                kind="view",
                item_id=data.items[item].id,
                occurred_at=START + timedelta(seconds=at),
            )
            for at, (visitor, item) in enumerate(zip(data.event_visitor, data.event_item, strict=True))
        )
        Item.objects.filter(shop=shop, external_id="house0/a").update(removed_at=START)
        graph_sync.full(shop)
        made = {}
        for engine in ("orm", "neo4j"):
            with override_settings(COLDREC={**settings.COLDREC, "GRAPH": engine}):
                read = read_shop(shop)
            assert len(read.triples) >= len(data.triples) - 1
            made[engine] = fit(read, tmp_path / engine, FitConfig(validation_visitors=100))
        assert {name: facts["sha256"] for name, facts in made["orm"].files.items()} == {
            name: facts["sha256"] for name, facts in made["neo4j"].files.items()
        }
        lists = [
            [[one.item for one in found] for found in pipeline.recommend(Model.of(one), requests_of(data), 10)]
            for one in made.values()
        ]
        assert lists[0] == lists[1] and all(lists[0])


def requests_of(data):
    return [Request(history=(Interaction(item.id),)) for item in data.items[:40:4]]
