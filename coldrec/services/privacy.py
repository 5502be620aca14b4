"""One person's data: counted, exported and erased whole, the guests merged into an account included."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from coldrec.models import ConsentRecord, Erasure, Event, RejectedEvent, Shop, Slate, SlateItem, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import visitors


@dataclass(frozen=True)
class Kept:
    """A table with rows about persons: how to find a person's, and what of them to hand out."""

    name: str
    model: type[Model]
    path: str  # from a row to its visitor
    without: tuple[str, ...] = ("id", "shop_id", "visitor_id")  # numbers that mean something in these tables alone

    def rows(self, persons: list[int]) -> QuerySet[Any]:
        return self.model._default_manager.filter(**{f"{self.path}__in": persons})


TABLES = (
    Kept("events", Event, "visitor"),
    Kept("slate_items", SlateItem, "slate__visitor"),
    Kept("slates", Slate, "visitor", ("shop_id", "visitor_id", "version_id")),
    Kept("rejected_events", RejectedEvent, "visitor"),
    Kept("consent_records", ConsentRecord, "visitor"),
    Kept("visitors", Visitor, "pk", ("id", "shop_id", "user_id", "merged_into_id")),
)
"""Every table that holds anything about a person, in the order in which it is erased. The tests look for others."""


def find(shop: Shop, named: str) -> Visitor | None:
    """The visitor by their key, their account's name, or the shop's own id; a merged guest is the account."""
    visitor = Visitor.objects.filter(shop=shop, key=named).select_related("merged_into").first()
    if visitor is None:
        users = get_user_model()
        user = users._default_manager.filter(**{users.USERNAME_FIELD: named}).first()
        outside_id = named if user is None else f"user:{user.pk}"
        key = visitors.key_of(shop, outside_id)
        visitor = Visitor.objects.filter(shop=shop, key=key).select_related("merged_into").first()
    return visitor.merged_into or visitor if visitor is not None else None


def counts(visitor: Visitor) -> dict[str, int]:
    """How many rows of each table are about this person."""
    persons = _persons(visitor)
    return {table.name: table.rows(persons).count() for table in TABLES}


def export(visitor: Visitor) -> Iterator[str]:
    """All rows about this person as one JSON document, in pieces."""
    persons = _persons(visitor)
    yield json.dumps({"exported_at": timezone.now(), "visitor": visitor.key}, cls=DjangoJSONEncoder)[:-1]
    for table in TABLES:
        yield f', "{table.name}": ['
        names = [field.attname for field in table.model._meta.concrete_fields if field.attname not in table.without]
        rows = table.rows(persons).order_by("pk").values(*names)
        for number, row in enumerate(rows.iterator(chunk_size=500)):
            yield (", " if number else "") + json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
        yield "]"
    yield "}"


def erase(visitor: Visitor, *, source: str) -> Erasure:
    """Delete all rows about this person, in one transaction, and give the receipt. The account itself is the shop's.

    A refusal outlives the erasure with an account: forgetting it would mean to remember the person again.
    """
    with transaction.atomic():
        # Locked, so that a sign-in at this moment merges its guest before or after, and none is left behind.
        list(visitors.rows_of(visitor).select_for_update().order_by("pk"))
        persons = _persons(visitor)
        removed: dict[str, int] = {}
        for table in TABLES:
            deleted: Mapping[str, int] = table.rows(persons).delete()[1]
            for one in TABLES:
                removed[one.name] = removed.get(one.name, 0) + deleted.get(one.model._meta.label, 0)
        if visitor.user_id is not None and visitor.consent == Consent.REFUSED:
            Visitor.objects.create(
                shop_id=visitor.shop_id, key=visitor.key, user_id=visitor.user_id, consent=Consent.REFUSED
            )
        return Erasure.objects.create(
            shop_id=visitor.shop_id, reference=uuid4(), source=source, removed={"database": removed}
        )


def receipt(shop: Shop, reference: UUID) -> Erasure | None:
    """The erasure with that reference; it names nobody, so whoever has the reference may see it."""
    return Erasure.objects.filter(shop=shop, reference=reference).first()


def _persons(visitor: Visitor) -> list[int]:
    return list(visitors.rows_of(visitor).values_list("pk", flat=True))
