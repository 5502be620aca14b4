"""The visitor's cookie, set where a visitor was made."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from coldrec.services import browser


class VisitorMiddleware:
    """Sets the visitor cookie on the way out when something during the request made a visitor.

    A request in which nobody asked for the visitor passes through untouched: no query, no header.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        browser.set_cookies(request, response)
        return response
