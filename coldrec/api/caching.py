"""Who may keep an answer: nobody, unless it is the same for everybody; then caches may, and ask by its ETag."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import get_language, get_language_from_request
from rest_framework.response import Response

PRIVATE = "private, no-store"


def forget_who_asks(request: HttpRequest) -> None:
    """Take from the request what tells one browser from another, so that nothing of it can come to be in the answer."""
    request.COOKIES = {}
    if hasattr(request, "session"):
        request.session = type(request.session)()  # empty: it is neither read nor saved, and sets no cookie


def language_of(request: HttpRequest) -> str | None:
    """The language by the address and ``Accept-Language`` alone, where the project lets the request choose one."""
    if hasattr(request, "LANGUAGE_CODE"):  # LocaleMiddleware has chosen, by the cookie too
        return get_language_from_request(request, check_path=True)
    return get_language()


def for_everybody(request: HttpRequest, response: Response, *, seconds: int) -> HttpResponseBase:
    """The answer with what shared caches need, or 304 where the client has it already."""
    response["Cache-Control"] = f"public, max-age={seconds}"
    if hasattr(request, "LANGUAGE_CODE"):
        response["Content-Language"] = get_language() or ""
        patch_vary_headers(response, ["Accept-Language"])
    response["ETag"] = f'"{hashlib.blake2b(response.render().content, digest_size=16).hexdigest()}"'
    return get_conditional_response(request, etag=response["ETag"], response=response)
