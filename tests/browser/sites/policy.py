"""A content policy as strict as they come: scripts and styles by nonce or from files, nothing from elsewhere."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


class ContentPolicy:
    """Gives the request a nonce for the tags and the answer the policy that names it.

    Django's admin loads its scripts as files without a nonce, so there they are allowed from the site itself; and the
    jQuery of its forms sets styles to find out what the browser can do.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.csp_nonce = secrets.token_urlsafe(12)
        response = self.get_response(request)
        policy = POLICY.format(nonce=request.csp_nonce)
        if request.path.startswith("/admin/"):
            policy = policy.replace("script-src", "frame-src 'self'; script-src 'self'")  # with previews in frames
        if request.path.endswith(("/change/", "/add/")):
            policy = policy.replace(f"style-src 'self' 'nonce-{request.csp_nonce}'", "style-src 'self' 'unsafe-inline'")
        response["Content-Security-Policy"] = policy
        return response
