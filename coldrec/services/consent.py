"""The answer to the consent question: taken at once, kept in a cookie, and recorded where there is a visitor."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest

from coldrec.models import ConsentRecord, Visitor
from coldrec.services import browser, visitors


def answer(request: HttpRequest, *, granted: bool, source: str) -> None:
    """Take the visitor's answer; it counts from here on.

    ``source`` says where it was given: "banner", "my data", "API". Who agrees becomes a visitor here, so that there
    is something to record the agreement with. Who refuses loses the cookie by which a guest was known, and leaves
    nothing but the answer; an account's visitor keeps the refusal.
    """
    state = browser.state(request)
    state.consent = browser.GRANTED if granted else browser.REFUSED
    state.is_read, state.visitor = False, None
    with transaction.atomic():
        known = visitors.of_browser(request) or (None if granted else visitors.account_of(request))
        if known is not None:
            Visitor.objects.filter(pk=known.pk).update(consent=state.consent)
        if granted:
            known = visitors.from_request(request, create=True) or known
        if known is not None:
            ConsentRecord.objects.create(shop_id=known.shop_id, visitor=known, answer=state.consent, source=source[:32])
    if not granted:
        browser.forget_visitor(request)


def records(visitor: Visitor) -> list[ConsentRecord]:
    """All answers of this person, the latest first."""
    persons = visitors.rows_of(visitor).values("pk")
    return list(ConsentRecord.objects.filter(visitor__in=persons).order_by("-created_at", "-pk"))
