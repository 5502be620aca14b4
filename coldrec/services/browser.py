"""What a browser says for itself with a request, and the cookies it is told to keep. Nothing here reads a table."""

from __future__ import annotations

import secrets

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from coldrec import conf
from coldrec.models import Visitor
from coldrec.models.visitor import Consent

CONSENT_SUFFIX = "_consent"
"""The answer to the consent question lies in a cookie beside the visitor's: it names nobody."""

GRANTED, REFUSED = str(Consent.GRANTED), str(Consent.REFUSED)

MARK_SUFFIX = "_mark"
"""Beside it a random mark that says nothing but "still the same person": the event script looks at it."""


class State:
    """What one request knows of its visitor.

    ``token``, ``mark``: None leaves the cookie, "" deletes it, else its new value. ``nobody`` is why the request is
    nobody's, "" where it is somebody's, None before that was asked. ``viewed`` are the items whose view the server
    has recorded for this page, so that the page's script does not.
    """

    __slots__ = ("consent", "is_read", "mark", "nobody", "page_event_used", "token", "viewed", "visitor")

    def __init__(self) -> None:
        self.is_read = False
        self.visitor: Visitor | None = None
        self.token: str | None = None
        self.mark: str | None = None
        self.consent: str = ""
        self.nobody: str | None = None
        self.viewed: list[str] = []
        self.page_event_used = False


def state(request: HttpRequest) -> State:
    """What this request knows so far; made on first use."""
    known = known_state(request)
    if known is None:
        known = request._coldrec = State()
    return known


def known_state(request: HttpRequest) -> State | None:
    """The same, or None where nobody has asked who the visitor is: such a page may be shared."""
    known: State | None = getattr(request, "_coldrec", None)
    return known


def viewed(request: HttpRequest | None) -> list[str]:
    """Items whose view the server has recorded for this page; asking makes no page personal."""
    known = known_state(request) if request is not None else None
    return list(known.viewed) if known else []


def answer(request: HttpRequest) -> str:
    """The answer to the consent question, "granted" or "refused", or "" while it is open."""
    known = known_state(request)
    given = (known.consent if known else "") or request.COOKIES.get(conf.get("COOKIE_NAME") + CONSENT_SUFFIX, "")
    return given if given in (GRANTED, REFUSED) else ""


def says_no(request: HttpRequest) -> bool:
    """Whether the browser itself asks not to be followed: Global Privacy Control, Do Not Track."""
    return request.headers.get("Sec-GPC") == "1" or request.headers.get("DNT") == "1"


def is_allowed(request: HttpRequest) -> bool:
    """Whether this visitor may be remembered: by COLDREC["CONSENT"], their answer, and the browser's signals."""
    if says_no(request):
        return False
    if conf.get("CONSENT") == "explicit":
        return answer(request) == GRANTED
    return answer(request) != REFUSED


def mark(request: HttpRequest) -> str:
    """The mark of this browser while a guest sits at it, or a stranger whom the page's script has given one."""
    known = known_state(request)
    if known is not None and known.mark is not None:  # renewed in this request: the old one is somebody else's
        mark = known.mark
    else:
        mark = request.COOKIES.get(conf.get("COOKIE_NAME") + MARK_SUFFIX, "")
    return mark if mark.isalnum() and len(mark) <= 32 else ""


def renew_mark(request: HttpRequest, *, signed_in: bool = False) -> None:
    """Have pages that are open elsewhere in this browser stop recording: somebody else may sit here now.

    Signing in lengthens a guest's mark, ``m`` to ``m.n``: a page with the shorter one is the same person's still, as
    the guest's history is. An account's mark is never lengthened, for the next account is another person's.
    """
    state(request).mark = f"{mark(request) or _random()}.{_random()}" if signed_in else _random()


def forget_visitor(request: HttpRequest) -> None:
    """Take the visitor's cookie and mark back; the answer to the consent question stays."""
    known = state(request)
    known.is_read, known.visitor, known.mark = True, None, ""
    if conf.get("COOKIE_NAME") in request.COOKIES:
        known.token = ""


def set_cookies(request: HttpRequest, response: HttpResponseBase) -> None:
    """Put on the response what this request has decided to remember; costs nothing where nobody asked who it is."""
    known = known_state(request)
    if known is None:
        return
    patch_vary_headers(response, ["Cookie"])
    name = conf.get("COOKIE_NAME")
    if known.token:
        _set(request, response, name, known.token, httponly=True)
    elif known.token == "":
        response.delete_cookie(name, samesite="Lax")
    if known.consent:
        _set(request, response, name + CONSENT_SUFFIX, known.consent)
    marked = request.COOKIES.get(name + MARK_SUFFIX, "")
    if known.mark is None and known.visitor is not None:
        is_accounts = known.visitor.user_id is not None
        if not marked or (is_accounts and "." not in marked):
            renew_mark(request, signed_in=is_accounts)
    if not is_allowed(request) or known.mark == "":
        if marked:
            response.delete_cookie(name + MARK_SUFFIX, samesite="Lax")
    elif known.mark:
        _set(request, response, name + MARK_SUFFIX, known.mark)


def _random() -> str:
    return secrets.token_hex(8)


def _set(request: HttpRequest, response: HttpResponseBase, name: str, value: str, *, httponly: bool = False) -> None:
    response.set_cookie(
        name, value, max_age=conf.get("COOKIE_AGE"), httponly=httponly, samesite="Lax", secure=request.is_secure()
    )
