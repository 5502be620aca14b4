"""What a visitor does not want to see: said once, kept until it is taken back."""

from __future__ import annotations

from uuid import UUID, uuid4

from django.db.models import QuerySet
from django.utils import timezone

from coldrec.core.types import EventKind
from coldrec.models import Event, Visitor
from coldrec.services import visitors


def add(visitor: Visitor, item_id: str, *, slate_id: UUID | None = None, position: int | None = None) -> None:
    """Remember that the visitor is not interested in the item; saying it twice changes nothing."""
    if item_id in of(visitor):
        return
    Event.objects.create(
        shop_id=visitor.shop_id,
        event_id=uuid4().hex,
        kind=EventKind.DISLIKE.value,
        visitor=visitor,
        item_id=item_id,
        slate_id=slate_id,
        position=position,
        occurred_at=timezone.now(),
    )


def remove(visitor: Visitor, item_id: str) -> None:
    """Forget it again: the event goes, for it was taken back."""
    _said(visitor).filter(item_id=item_id).delete()


def of(visitor: Visitor) -> tuple[str, ...]:
    """Items the visitor is not interested in, the latest first; those said as a guest before signing in as well."""
    return tuple(dict.fromkeys(_said(visitor).order_by("-occurred_at", "-pk").values_list("item_id", flat=True)))


def _said(visitor: Visitor) -> QuerySet[Event]:
    return Event.objects.filter(visitor__in=visitors.rows_of(visitor).values("pk"), kind=EventKind.DISLIKE.value)
