"""Whether a request without a CSRF token may write: it comes from a page of this site, or from no page at all."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import is_same_domain


def is_own(request: HttpRequest) -> bool:
    """Whether the browser says that one of this site's pages sent it; a client that is no browser says nothing.

    Browsers put ``Origin`` on every POST and do not let a page change it or ``Sec-Fetch-Site``. Behind a proxy
    that changes the host, or for a shop's other domains, CSRF_TRUSTED_ORIGINS names what else is its own.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "same-origin") in {"same-origin", "none"}
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.netloc and parts.netloc == request.get_host():
        return True
    return any(_matches(parts.scheme, parts.netloc, urlsplit(trusted)) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _matches(scheme: str, host: str, trusted: object) -> bool:
    # is_same_domain reads ".example.com" as the domain and all below it; Django writes that "*.example.com".
    return bool(host) and scheme == trusted.scheme and is_same_domain(host, trusted.netloc.replace("*.", ".", 1))  # type: ignore[attr-defined]
