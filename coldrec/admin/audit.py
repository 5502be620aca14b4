"""Who looked at one visitor's data: written down beside the changes that Django's admin writes down."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from coldrec.models import Visitor

PERMISSION = "coldrec.view_personal_data"
SAME_LOOK = timedelta(minutes=5)  # within which looking again for the same reason is the same look


def may_look(request: HttpRequest) -> bool:
    """Whether this member of staff may see what one visitor did."""
    return bool(request.user.has_perm(PERMISSION))


def looked(request: HttpRequest, visitor: Visitor, where: str, why: str = "") -> None:
    """Write down that somebody looks at the visitor, where, and why if they said so."""
    message = f"Looked at in {where}." + (f" Reason: {why}" if why else "")
    mine = LogEntry.objects.filter(
        user_id=request.user.pk,
        content_type=ContentType.objects.get_for_model(Visitor),
        object_id=str(visitor.pk),
        action_time__gte=timezone.now() - SAME_LOOK,
    )
    if message not in mine.values_list("change_message", flat=True):
        done(request, visitor, message)


def done(request: HttpRequest, row: Model, message: str, flag: int = CHANGE) -> None:
    """Write down what was done to a row. Visitors go by their number: what is written here outlives their erasure."""
    named = f"{row._meta.verbose_name} {row.pk}" if isinstance(row, Visitor) else str(row)
    LogEntry.objects.create(
        user_id=request.user.pk,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=named[:200],
        action_flag=flag,
        change_message=message,
    )
