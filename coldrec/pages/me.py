"""My interests and my data: what coldrec knows of a visitor, to be seen, put right, taken along and erased."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from coldrec import conf
from coldrec.models import Visitor
from coldrec.models.event import EVENT_KINDS
from coldrec.pages.private import private
from coldrec.services import browser, consent, dislikes, privacy, shops, visitors
from coldrec.services import interests as tastes


@private
@require_http_methods(["GET", "HEAD", "POST"])
def interests(request: HttpRequest) -> HttpResponseBase:
    """What is known of the visitor's tastes; a POST forgets an item, takes a dislike back, or switches lists over."""
    visitor = visitors.of_browser(request)
    if request.method == "POST":
        if visitor is not None:
            _put_right(request, visitor)
        return redirect("coldrec:interests")
    known = tastes.of(visitor) if visitor is not None else tastes.Interests()
    kinds = dict(EVENT_KINDS)
    shown = {
        "visitor": visitor,
        "groups": [(_("Categories"), _told(known.categories, kinds)), (_("Brands"), _told(known.brands, kinds))],
        "items": _told(known.items, kinds),
        "disliked": known.disliked,
        "is_remembered": browser.is_allowed(request),
    }
    return render(request, "coldrec/me/interests.html", shown)


@private
@require_safe
def data(request: HttpRequest) -> HttpResponseBase:
    """What is stored about the visitor, and where it came from."""
    visitor = visitors.of_browser(request)
    names = {
        "events": _("What you did: products looked at, searches, purchases"),
        "slates": _("Lists you were shown"),
        "slate_items": _("Products in these lists"),
        "rejected_events": _("Reports that could not be read"),
        "consent_records": _("Your answers to the consent question"),
        "visitors": _("Pseudonyms under which this is stored"),
    }
    counts = privacy.counts(visitor) if visitor is not None else {}
    rows = list(visitors.rows_of(visitor).order_by("created_at", "pk")) if visitor is not None else []
    shown = {
        "visitor": visitor,
        "first": rows[0] if rows else None,
        "channel": _channel(rows[0].channel) if rows else "",
        "tables": [(label, counts[name]) for name, label in names.items()] if counts else [],
        "answers": [(one, _source(one.source)) for one in (consent.records(visitor) if visitor is not None else [])],
        **consent_state(request),
    }
    return render(request, "coldrec/me/data.html", shown)


@private
@require_safe
def download(request: HttpRequest) -> HttpResponseBase:
    """Everything about the visitor as one JSON file."""
    visitor = visitors.of_browser(request)
    if visitor is None:
        return redirect("coldrec:data")
    response = StreamingHttpResponse(privacy.export(visitor), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response


@private
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest) -> HttpResponseBase:
    """Asks once more; a POST erases and leads to the receipt."""
    visitor = visitors.of_browser(request)
    if visitor is None:
        return redirect("coldrec:data")
    if request.method != "POST":
        return render(request, "coldrec/me/erase.html", {"visitor": visitor})
    receipt = privacy.erase(visitor, source="visitor")
    browser.forget_visitor(request)
    return redirect("coldrec:erased", reference=receipt.reference)


@private
@require_safe
def erased(request: HttpRequest, reference: UUID) -> HttpResponseBase:
    """The receipt of an erasure; it names nobody, so whoever has the reference may see it."""
    receipt = privacy.receipt(shops.current(), reference)
    if receipt is None:
        return redirect("coldrec:data")
    removed = sum(count for store in receipt.removed.values() for count in store.values())
    return render(request, "coldrec/me/erased.html", {"receipt": receipt, "removed": removed})


def consent_state(request: HttpRequest) -> dict[str, object]:
    """How the consent question stands in this browser, for a page's words."""
    return {
        "answer": browser.answer(request),
        "is_remembered": browser.is_allowed(request),
        "browser_says_no": browser.says_no(request),
        "is_explicit": conf.get("CONSENT") == "explicit",
    }


def _put_right(request: HttpRequest, visitor: Visitor) -> None:
    wish, item_id = request.POST.get("wish", ""), request.POST.get("item", "").replace("\0", "")[:255]
    if wish == "forget":
        tastes.forget_item(visitor, item_id)
        messages.success(request, _("Forgotten."), fail_silently=True)
    elif wish == "show":
        dislikes.remove(visitor, item_id)
        messages.success(request, _("It may be shown again."), fail_silently=True)
    elif wish in ("personal", "plain"):
        tastes.personalise(visitor, wanted=wish == "personal")
        said = (
            _("Lists are made for you again.") if wish == "personal" else _("Lists are the same as for a stranger now.")
        )
        messages.success(request, said, fail_silently=True)


def _channel(channel: str) -> str:
    """How the first visit came about, in words."""
    words = {
        "direct": _("the address itself"),
        "search": _("a search engine"),
        "email": _("an e-mail"),
        "social": _("a social network"),
        "paid": _("an advertisement"),
    }
    return words.get(channel, channel.removeprefix("referral:"))


def _source(source: str) -> str:
    """Where an answer was given, in words; what the shop calls its own places stays."""
    words = {
        "banner": _("on a page of the shop"),
        "page": _("on the page about consent"),
        "my data": _("on this page"),
        "API": _("by the shop"),
        "sign-in": _("before signing in"),
    }
    return words.get(source, source)


def _told(known: tuple[tastes.Interest, ...], kinds: dict[str, object]) -> list[tuple[tastes.Interest, str]]:
    """Each with how it is known: "product viewed (3), purchased (1)"."""
    return [(one, ", ".join(f"{kinds.get(kind, kind)} ({count})" for kind, count in one.counts)) for one in known]
