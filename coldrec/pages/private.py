"""What pages about one person share: nobody else's cache keeps them, and forms carry Django's token."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_protect

from coldrec.api import caching
from coldrec.services import browser


def private(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view with ``Cache-Control: private, no-store``, and the visitor's cookies where the middleware is missing."""

    @csrf_protect
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        browser.state(request)  # the page depends on who asks
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = caching.PRIVATE
        browser.set_cookies(request, response)
        return response

    return guarded
