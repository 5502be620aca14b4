"""The page, and the small window, that say why a product is in a list, and where it can be sent away."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from django.views.defaults import page_not_found

from coldrec.api import caching, origin
from coldrec.services import browser, dislikes, reasons, shops, visitors


@csrf_exempt  # the origin is checked instead, so that what a cache or a script holds needs no token
@require_http_methods(["GET", "HEAD", "POST"])
def why(request: HttpRequest, slate_id: uuid.UUID, position: int) -> HttpResponse:
    """Why this product stood there; ``?fragment=1`` gives what a window shows, without the page around it.

    A form posts ``wanted``: "no" for fewer like this, "yes" to take that back.
    """
    visitor = visitors.from_request(request, create=False)
    row = reasons.find(shops.current(), slate_id, position, visitor)
    if row is None:
        # Answered here and not raised: a cache may keep a 404 that says nothing else, and show it to whose list it is.
        answer = page_not_found(request, Http404(_("There is no such product in a list of yours.")))
        answer["Cache-Control"] = caching.PRIVATE
        return answer
    is_fragment = "fragment" in request.GET
    if request.method == "POST":
        if not origin.is_own(request):
            return HttpResponseForbidden(_("Wishes are taken from pages of this site only."))
        visitor = visitor or visitors.from_request(request, create=True)
        if visitor is None:
            return HttpResponseForbidden(_("Not kept: you have not agreed to be remembered."))
        if request.POST.get("wanted") == "yes":
            dislikes.remove(visitor, row.item_id)
        else:
            dislikes.add(visitor, row.item_id, slate_id=slate_id, position=position)
        answer = HttpResponse(status=204) if is_fragment else redirect(request.path)
    else:
        context = {
            "why": reasons.explain(row),
            "is_disliked": visitor is not None and row.item_id in dislikes.of(visitor),
            "may_be_kept": browser.is_allowed(request),
            "interests": _interests(),
            "heading": 2 if is_fragment else 1,
        }
        answer = render(request, "coldrec/why.html" if is_fragment else "coldrec/why_page.html", context)
    answer["Cache-Control"] = caching.PRIVATE
    browser.set_cookies(request, answer)
    return answer


def _interests() -> str:
    try:
        return reverse("coldrec:interests")
    except NoReverseMatch:
        return ""
