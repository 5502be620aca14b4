"""A guest who signs in is the account from then on. Only a pointer moves, so it can be taken back."""

from __future__ import annotations

from datetime import UTC

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from coldrec.models import ConsentRecord, Shop, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import browser, rollups

SOURCE = "sign-in"


def merge(guest: Visitor, account: Visitor) -> bool:
    """Make the guest part of the account; False where that has happened already or the account has refused.

    Whoever is first wins: two sign-ins at once, or a second account in the same browser, change nothing any more. The
    guest's answers hold for the account as long as the account has none of its own.
    """
    if account.consent == Consent.REFUSED or account.pk == guest.pk:
        return False
    with transaction.atomic():
        free = Visitor.objects.filter(pk=guest.pk, merged_into=None, user=None)
        if not free.update(merged_into=account, merged_at=timezone.now()):
            return False
        adopt_answer(account, guest.consent)
        account.is_personalised = account.is_personalised and guest.is_personalised
        account.channel = account.channel or guest.channel  # the guest's visit was the first
        account.save(update_fields=["is_personalised", "channel"])
    return True


def adopt_answer(account: Visitor, answer: str) -> None:
    """Let an answer given before signing in hold for the account, unless it has one of its own."""
    if answer not in (browser.GRANTED, browser.REFUSED):
        return
    if Visitor.objects.filter(pk=account.pk, consent=Consent.UNKNOWN).update(consent=answer):
        account.consent = answer
        ConsentRecord.objects.create(shop_id=account.shop_id, visitor=account, answer=answer, source=SOURCE)


def find(shop: Shop, named: str) -> Visitor | None:
    """The visitor with that key, or with that number."""
    by_number = Q(pk=int(named)) if named.isascii() and named.isdigit() and len(named) < 19 else Q()
    rows = Visitor.objects.filter(Q(key=named) | by_number, shop=shop).select_related("merged_into")
    return next(iter(sorted(rows, key=lambda row: row.key != named)), None)


def unmerge(guest: Visitor) -> Visitor | None:
    """Give the guest their own history back; the account they were part of, or None if they were part of none."""
    account: Visitor | None = guest.merged_into
    if account is None or not Visitor.objects.filter(pk=guest.pk, merged_into=account).update(
        merged_into=None, merged_at=None
    ):
        return None
    rollups.mark(guest.shop, guest.created_at.astimezone(UTC).date())  # one person's figures are those of two again
    guest.merged_into = guest.merged_at = None
    return account
