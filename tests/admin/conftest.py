"""A shop with a little of everything, and people who may do different things in the admin."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client, override_settings

from coldrec.models import (
    ConsentRecord,
    EncoderVersion,
    Entity,
    Erasure,
    Event,
    GraphChange,
    GraphSuggestion,
    IgnoredCount,
    Item,
    ItemVector,
    ModelVersion,
    RejectedEvent,
    Shop,
    Slate,
    SlateItem,
    TrainingRun,
    Triple,
    Visitor,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def stock(shop: Shop, count: int, start: int = 0) -> None:
    """``count`` rows of every table; each visitor has seen one list of two items and clicked the first."""
    version = ModelVersion.objects.create(
        shop=shop,
        number=start + 1,
        path=f"{shop.key}/{start + 1}",
        digest="0" * 64,
        metrics={"cold": 0.31254, "warm": 0.1, "new_visitor_1": 0.2},
    )
    for n in range(start, start + count):
        item = Item.objects.create(
            shop=shop,
            external_id=f"sku-{n}",
            title=f"Kettle {n}",
            brand="Fellow",
            category=["Kitchen", "Kettles"],
            attributes={"colour": "red", "sizes": ["s", "m"]},
            price=Decimal("12.90"),
            currency="EUR",
            url=f"/kettles/{n}/",
            image_url="javascript:alert(1)",
            first_seen=NOON,
            updated_at=NOON,
        )
        Entity.objects.get_or_create(shop=shop, key="brand:Fellow", defaults={"kind": "brand", "name": "Fellow"})
        Triple.objects.create(shop=shop, head=f"item:{item.external_id}", relation="brand", tail="brand:Fellow")
        GraphChange.objects.create(shop=shop, node=f"item:{item.external_id}", error="refused", dead_at=NOON)
        GraphSuggestion.objects.create(
            shop=shop, kind="edge", head=f"item:{item.external_id}", relation="kind", tail=f"kind:{n}", confidence=0.5
        )
        visitor = Visitor.objects.create(shop=shop, key=f"{shop.key}-visitor-{n}")
        slate = Slate.objects.create(
            shop=shop,
            placement="home",
            visitor=visitor,
            policy="ladder",
            level="popular",
            version=version,
            context={"seeds": ["sku-0"]},
            created_at=NOON,
        )
        for position, item_id in enumerate([item.external_id, "gone"], start=1):
            SlateItem.objects.create(
                slate=slate,
                shop=shop,
                item_id=item_id,
                position=position,
                score=1 / position,
                level="popular",
                reason={"kind": "because", "evidence": ["sku-7", "sku-8"]},
            )
        Event.objects.create(
            shop=shop,
            event_id=f"e{n}",
            kind="click",
            visitor=visitor,
            item_id=item.external_id,
            slate_id=slate.pk,
            position=1,
            occurred_at=NOON,
        )
        RejectedEvent.objects.create(
            shop=shop, body='{"event_id": "r"}', code="unknown_kind", reason=f"kind {n} is unknown", visitor=visitor
        )
        ConsentRecord.objects.create(shop=shop, visitor=visitor, answer="granted", source="banner")
        Erasure.objects.create(shop=shop, reference=uuid4(), source="visitor", removed={"database": {"events": n}})
        IgnoredCount.objects.create(shop=shop, day=NOON.date() + timedelta(days=n), reason="crawler", count=7)
        TrainingRun.objects.create(
            shop=shop, state="failed", error="FitError: no data", config={"factors": 64}, finished_at=NOON
        )
        encoder = EncoderVersion.objects.create(
            shop=shop,
            number=n + 1,
            origin="trained",
            source="english",
            fingerprint=f"{n:064x}",
            dims=8,
            card={"licence": "MIT"},
            refusal="it is worse at search",
        )
        ItemVector.objects.create(
            item=item, encoder=encoder, content_hash=item.content_hash, text_hash="t", vector=b"", updated_at=NOON
        )
    TrainingRun.objects.update(started_at=NOON - timedelta(seconds=30))


@pytest.fixture(autouse=True)
def _read_once() -> Iterator[None]:
    """What a process reads every few seconds it reads once, however long a busy machine takes over a test."""
    with override_settings(COLDREC={"REFRESH_SECONDS": 3600.0}):
        yield


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop.objects.create(key="default", name="The shop")


@pytest.fixture
def staff(shop: Shop, client: Client) -> Client:
    """Signed in as somebody who may look at everything and change nothing."""
    user = User.objects.create_user("staff", password="x", is_staff=True)
    views = Permission.objects.filter(content_type__app_label="coldrec", codename__startswith="view_")
    user.user_permissions.set(views.exclude(codename="view_personal_data"))
    client.force_login(user)
    return client


def permit(*codenames: str) -> None:
    """Give the signed-in person of ``staff`` more permissions."""
    User.objects.get(username="staff").user_permissions.add(*Permission.objects.filter(codename__in=codenames))
