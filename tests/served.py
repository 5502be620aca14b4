"""A shop in the tables with a fitted model in service: what the serving tests stand on."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from django.test import override_settings
from django.utils import timezone

from coldrec import conf
from coldrec.core.artifact import Artifact
from coldrec.core.training.fit import fit
from coldrec.models import Event, Item, ModelVersion, Shop, Visitor
from coldrec.services import foresight, recommend, serving, shops, slates, visitors
from coldrec.services.placements import PlacementRequest
from coldrec.services.recommend import ServedSlate
from tests.core.worlds import two_tastes

HOME = PlacementRequest("home")
SIMILAR = PlacementRequest("product_similar", seeds=("tea3",))
TOGETHER = PlacementRequest("product_together", seeds=("tea3",))
TRENDING = PlacementRequest("trending")
EVERY_LIST = (HOME, SIMILAR, TOGETHER, TRENDING, PlacementRequest("new_arrivals"), PlacementRequest("recently_viewed"))

_numbers = count()


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> tuple[Path, Path]:
    """Two artifacts of one shop, fitted with different seeds. Copy them before damaging them."""
    folder = tmp_path_factory.mktemp("trained")
    for seed in (0, 1):
        fit(two_tastes(seed=seed), folder / str(seed), seed=seed)
    return folder / "0", folder / "1"


@pytest.fixture
def settings_of_shop(tmp_path):
    """Artifacts in a folder of the test's own; every request looks for a newer version."""
    with override_settings(COLDREC={"ARTIFACTS": tmp_path / "artifacts", "REFRESH_SECONDS": 0.0}):
        serving.reset()
        foresight._pages_seen.clear()
        yield
        slates.write_waiting()
        serving.reset()


@pytest.fixture
def bare_shop(db, settings_of_shop) -> Shop:
    """A shop with 40 items, tea and coffee, and no model."""
    return stock(shops.current())


@pytest.fixture
def shop(bare_shop, trained) -> Shop:
    """The same shop with version 1 in service."""
    return put_into_service(bare_shop, trained[0])


def stock(shop: Shop) -> Shop:
    old = datetime(2024, 1, 1, tzinfo=UTC)
    Item.objects.bulk_create(
        Item(
            shop=shop,
            external_id=item.id,
            title=item.title,
            brand=item.brand,
            category=list(item.category),
            price=item.price,
            currency="GBP",
            url=f"/products/{item.id}/",
            first_seen=old + timedelta(hours=at),
            updated_at=old,
        )
        for at, item in enumerate(two_tastes().items)
    )
    return shop


def register(shop: Shop, source: Path, **metrics: float) -> ModelVersion:
    """A version of the artifact at ``source``, as a training run would leave it."""
    number = shop.versions.count() + 1
    path = f"{shop.key}/run-{number}"
    target = Path(conf.get("ARTIFACTS")) / path
    shutil.copytree(source, target)
    digest = Artifact.open(target, verify=False).digest
    return ModelVersion.objects.create(shop=shop, number=number, path=path, digest=digest, metrics=metrics)


def point_at(shop: Shop, version: ModelVersion) -> None:
    """Move the pointer as promotion does, without its checks."""
    Shop.objects.filter(pk=shop.pk).update(serving_version=version)


def put_into_service(shop: Shop, source: Path) -> Shop:
    point_at(shop, register(shop, source))
    shop.refresh_from_db()
    return shop


def visitor_who(shop: Shop, *items: str, kind: str = "view") -> Visitor:
    """A guest who has looked at these items, the last one latest."""
    visitor = Visitor.objects.create(shop=shop, key=f"guest-{next(_numbers)}")
    look(visitor, *items, kind=kind)
    return visitor


def look(visitor: Visitor, *items: str, kind: str = "view") -> None:
    now = timezone.now()
    Event.objects.bulk_create(
        Event(
            shop=visitor.shop,
            visitor=visitor,
            event_id=f"e{next(_numbers)}",
            kind=kind,
            item_id=item,
            occurred_at=now - timedelta(seconds=len(items) - at),
        )
        for at, item in enumerate(items)
    )


def serve(shop: Shop, *wanted: PlacementRequest, visitor: Visitor | None = None) -> list[ServedSlate]:
    return recommend.serve(wanted, shop=shop, visitor=visitor)


def ids(slate: ServedSlate) -> list[str]:
    return [item.id for item in slate.items]


def share_of(kind: str, slate: ServedSlate) -> float:
    """Which part of a list is tea, or coffee."""
    return sum(item.startswith(kind) for item in ids(slate)) / max(len(slate.items), 1)


def cookie(shop: Shop, visitor: Visitor) -> dict[str, str]:
    return {conf.get("COOKIE_NAME"): visitors.token_of(shop, visitor)}
