"""Where the links of letters lead."""

import logging

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import get_script_prefix
from django.views.decorators.http import require_safe

from coldrec.api import caching
from coldrec.services import browser, letters, shops, traffic

logger = logging.getLogger(__name__)


@require_safe
def letter(request: HttpRequest, token: str) -> HttpResponse:
    """Sends whoever opened a link of a letter on to the product, or to what can be had in its place."""
    try:
        is_counted = browser.is_allowed(request) and not traffic.is_nobody(request)
        address = letters.follow(shops.current(), token, is_counted=is_counted)
    except DatabaseError:
        logger.exception("coldrec: a link of a letter could not be looked up")
        address = get_script_prefix()
    response = HttpResponseRedirect(address)
    response["Cache-Control"] = caching.PRIVATE
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"  # the token is nobody else's business
    return response
