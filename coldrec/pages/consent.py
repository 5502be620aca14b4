"""The consent question as a page, for whoever has no script; the banner links here as well."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from coldrec.pages.me import consent_state
from coldrec.pages.private import private
from coldrec.services import consent

ANSWERS = {"granted": True, "refused": False}


@private
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponseBase:
    """The question and how it stands; a POST answers it and goes on to ``next``."""
    after = _after(request)
    if request.method == "POST" and request.POST.get("answer") in ANSWERS:
        source = "my data" if after == reverse("coldrec:data") else "page"
        consent.answer(request, granted=ANSWERS[request.POST["answer"]], source=source)
        return redirect(after or "coldrec:consent")
    return render(request, "coldrec/consent.html", {"next": after, **consent_state(request)})


def _after(request: HttpRequest) -> str:
    """Where to go on, if that is a page of this site."""
    given = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(given, {request.get_host()}, require_https=request.is_secure())
    return given if is_ours else ""
