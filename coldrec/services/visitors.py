"""Who is being recommended to: found by a signed cookie or by the account, remembered only where that is allowed.

A visitor's key is random (a guest) or a keyed hash (an account, or an id the shop gave): never a name or an address.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any

from django.core import signing
from django.db import router
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.crypto import salted_hmac

from coldrec import conf
from coldrec.core.types import Interaction
from coldrec.models import Event, Shop, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import pasts, shops, statements
from coldrec.services.pasts import Past

CONSENT_SUFFIX = "_consent"
"""The answer to the consent question lies in a cookie beside the visitor's: it names nobody."""

LOOKUP = 500  # keys per query: SQLite takes 999 parameters


# Finding the visitor of a request


def from_request(request: HttpRequest, *, create: bool, with_history: int = 0) -> Visitor | None:
    """The visitor behind ``request``, or None when nobody is known, or nobody may be.

    With ``create`` an unknown visitor is made, and remembered by a cookie that ``set_cookies`` puts on the response.
    Asking again costs nothing. A guest who has signed in since is merged into the account's visitor here; after
    signing out the guest's cookie is worth nothing, so a shared computer shows nobody else's list.
    A guest's latest interactions, ``with_history`` of them, and dislikes come in the same query; ``past`` then needs
    none.
    """
    state = _state(request)
    if not state.is_read:
        state.is_read = True
        state.visitor = _read(request, state, with_history)
    if state.visitor is None and create and is_allowed(request):
        state.visitor = _create(request, state)
    return state.visitor


def from_token(shop: Shop, token: str) -> Visitor | None:
    """The visitor named by a signed token (``token_of``), or None when it is forged, too old or of another shop."""
    key = _key_in(shop, token)
    if key is None:
        return None
    visitor = Visitor.objects.filter(shop=shop, key=key).select_related("merged_into").first()
    return None if visitor is None or visitor.consent == Consent.REFUSED else visitor


def token_of(shop: Shop, visitor: Visitor) -> str:
    """A signed name of the visitor, good for COOKIE_AGE seconds: the value of the cookie, and of ``?visitor=``."""
    return _signer(shop).sign(visitor.key)


def is_allowed(request: HttpRequest) -> bool:
    """Whether this visitor may be remembered: by COLDREC["CONSENT"], their answer, and the browser's signals."""
    if request.headers.get("Sec-GPC") == "1" or request.headers.get("DNT") == "1":
        return False
    answer = _state(request).consent or request.COOKIES.get(conf.get("COOKIE_NAME") + CONSENT_SUFFIX)
    if conf.get("CONSENT") == "explicit":
        return answer == Consent.GRANTED
    return answer != Consent.REFUSED


def answer_consent(request: HttpRequest, *, granted: bool) -> None:
    """Take the visitor's answer to the consent question; it counts from here on and is kept in a cookie.

    Refusing also takes back the cookie by which a guest was known; an account's visitor keeps the refusal.
    """
    shop, state, user = shops.current(), _state(request), _user_of(request)
    state.consent = str(Consent.GRANTED if granted else Consent.REFUSED)
    keys = [_key_in(shop, request.COOKIES.get(conf.get("COOKIE_NAME"), ""))]
    if user is not None:
        keys.append(_account_key(shop, user.pk))
    Visitor.objects.filter(shop=shop, key__in=[key for key in keys if key]).update(consent=state.consent)
    state.visitor, state.is_read = None, False
    if not granted:
        state.token = ""


def set_cookies(request: HttpRequest, response: HttpResponseBase) -> None:
    """Put on the response what this request has decided to remember; costs nothing where nobody asked who it is."""
    state: _State | None = getattr(request, "_coldrec", None)
    if state is None:
        return
    patch_vary_headers(response, ["Cookie"])
    name = conf.get("COOKIE_NAME")
    if state.token:
        _set_cookie(request, response, name, state.token)
    elif state.token == "" and name in request.COOKIES:
        response.delete_cookie(name, samesite="Lax")
    if state.consent:
        _set_cookie(request, response, name + CONSENT_SUFFIX, state.consent)


# Ids from outside


def key_of(shop: Shop, outside_id: str) -> str:
    """The key of the visitor whom the sender calls ``outside_id``; ``user:<pk>`` is the account with that key."""
    return salted_hmac("coldrec.visitor", f"{shop.key}\n{outside_id}", algorithm="sha256").hexdigest()


def from_outside_id(shop: Shop, outside_id: str) -> Visitor | None:
    """The visitor whom the shop's own systems call ``outside_id``, if there is one."""
    return Visitor.objects.filter(shop=shop, key=key_of(shop, outside_id)).exclude(consent=Consent.REFUSED).first()


def ids_of(shop: Shop, outside_ids: Collection[str]) -> dict[str, int]:
    """The row ids of visitors by the sender's own ids; the missing ones are made."""
    keys = {outside_id: key_of(shop, outside_id) for outside_id in sorted(outside_ids)}
    wanted = list(keys.values())
    found = _rows(shop, wanted)
    missing = [key for key in wanted if key not in found]
    if missing:
        # Another process may make the same ones now; sorted, because PostgreSQL locks in the order of insertion.
        Visitor.objects.bulk_create((Visitor(shop=shop, key=key) for key in sorted(missing)), ignore_conflicts=True)
        found |= _rows(shop, missing)
    return {outside_id: found[key] for outside_id, key in keys.items()}


# What a visitor did


def past(visitor: Visitor, limit: int) -> Past:
    """The latest ``limit`` interactions of a visitor, and the items they are not interested in; one query.

    An account's visitor has those of the guests merged into it as well. Who has switched personalisation off has no
    past, and so gets a stranger's lists.
    """
    if not visitor.is_personalised:
        return Past()
    known: tuple[int, Past] = visitor.__dict__.get("_past_read", (0, Past()))
    if limit <= known[0]:
        return replace(known[1], history=known[1].history[-limit:])
    of_visitor = partial(statements.column, Visitor)
    whose, of_whom = "= %s", [visitor.pk]
    if visitor.user_id is not None:
        same_person = f"{of_visitor('id')} = %s OR {of_visitor('merged_into')} = %s"
        whose, of_whom = (
            f"IN (SELECT {of_visitor('id')} FROM {statements.table(Visitor)} WHERE {same_person})",
            of_whom * 2,
        )
    table, parameters = pasts.source(whose, of_whom, limit)
    return Past.of(statements.select(pasts.TOLD, f"FROM {table} {pasts.latest_first()}", parameters))


def history(visitor: Visitor, limit: int) -> tuple[Interaction, ...]:
    """The latest ``limit`` interactions of a visitor, oldest first; one query."""
    return past(visitor, limit).history


# Inside


class _State:
    """What one request knows of its visitor. ``token``: None leaves the cookie, "" deletes it, else its new value."""

    __slots__ = ("consent", "is_read", "token", "visitor")

    def __init__(self) -> None:
        self.is_read = False
        self.visitor: Visitor | None = None
        self.token: str | None = None
        self.consent: str = ""


def _state(request: HttpRequest) -> _State:
    state: _State | None = getattr(request, "_coldrec", None)
    if state is None:
        state = request._coldrec = _State()
    return state


def _read(request: HttpRequest, state: _State, with_history: int) -> Visitor | None:
    """The visitor already stored for this request; one query at most, none for a stranger."""
    if not is_allowed(request):
        return None
    token = request.COOKIES.get(conf.get("COOKIE_NAME"))
    user = _user_of(request)
    if token is None and user is None:
        return None
    shop = shops.current()
    guest_key = _key_in(shop, token) if token else None
    account_key = _account_key(shop, user.pk) if user is not None else None
    if user is None and guest_key and with_history:
        guest = _guest_with_history(shop, guest_key, with_history)
        return guest if guest is not None and _is_usable(guest) else None
    keys = [key for key in (guest_key, account_key) if key]
    found = {visitor.key: visitor for visitor in Visitor.objects.filter(shop=shop, key__in=keys)} if keys else {}
    guest, account = found.get(guest_key or ""), found.get(account_key or "")
    if user is None:
        return guest if guest is not None and _is_usable(guest) else None
    if account is not None and account.consent == Consent.REFUSED:
        return None
    if account is not None and account.user_id is None:  # known so far from imported events only
        account = _account(shop, user.pk)
    if guest is not None and guest.user_id is None and guest.merged_into_id is None:
        account = account or _account(shop, user.pk)
        Visitor.objects.filter(pk=guest.pk, merged_into=None).update(merged_into=account)
    if token is not None:
        state.token = ""
    return account


def _is_usable(guest: Visitor) -> bool:
    """Whether a guest's cookie names them still: after signing in it does not, for the next person may sit here."""
    return guest.merged_into_id is None and guest.user_id is None and guest.consent != Consent.REFUSED


def _guest_with_history(shop: Shop, key: str, limit: int) -> Visitor | None:
    """The visitor with that key, and on it what ``past`` gives; one query for both."""
    names = ("id", "shop", "key", "user", "consent", "is_personalised", "merged_into")
    of_visitor, of_event = partial(statements.column, Visitor), partial(statements.column, Event)
    named = f"{of_visitor('shop')} = %s AND {of_visitor('key')} = %s"
    whose = f"= (SELECT {of_visitor('id')} FROM {statements.table(Visitor)} WHERE {named})"
    table, parameters = pasts.source(whose, [shop.pk, key], limit)
    rows = statements.select(
        [*((Visitor, name) for name in names), *pasts.TOLD],
        f"FROM {statements.table(Visitor)} LEFT JOIN {table} ON {of_event('visitor')} = {of_visitor('id')}"
        f" WHERE {named} {pasts.latest_first()}",
        [*parameters, shop.pk, key],
    )
    if not rows:
        return None
    attributes = [Visitor._meta.get_field(name).attname for name in names]
    visitor: Visitor = Visitor.from_db(router.db_for_read(Visitor) or "default", attributes, rows[0][: len(names)])
    done = [row[len(names) :] for row in rows if row[-1] is not None]
    visitor.__dict__["_past_read"] = (limit, Past.of(done))
    return visitor


def _create(request: HttpRequest, state: _State) -> Visitor | None:
    shop = shops.current()
    user = _user_of(request)
    if user is not None:
        account = _account(shop, user.pk)
        return None if account.consent == Consent.REFUSED else account
    consent = Consent.GRANTED if conf.get("CONSENT") == "explicit" else Consent.UNKNOWN
    guest = Visitor.objects.create(shop=shop, key=secrets.token_hex(16), consent=consent)
    state.token = token_of(shop, guest)
    return guest


def _account(shop: Shop, user_id: object) -> Visitor:
    visitor, _ = Visitor.objects.get_or_create(
        shop=shop, key=_account_key(shop, user_id), defaults={"user_id": user_id}
    )
    if visitor.user_id is None:
        visitor.user_id = user_id
        visitor.save(update_fields=["user"])
    return visitor


def _account_key(shop: Shop, user_id: object) -> str:
    return key_of(shop, f"user:{user_id}")


def _user_of(request: HttpRequest) -> Any:
    """The signed-in account; the user model is the project's own, so it has no type here."""
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def _rows(shop: Shop, keys: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(keys), LOOKUP):
        part = Visitor.objects.filter(shop=shop, key__in=keys[start : start + LOOKUP])
        found.update(part.values_list("key", "pk"))
    return found


def _signer(shop: Shop) -> signing.TimestampSigner:
    # The salt holds the shop, so a cookie of one shop means nothing to another.
    return signing.TimestampSigner(salt=f"coldrec.visitor.{shop.key}")


def _key_in(shop: Shop, token: str) -> str | None:
    try:
        return _signer(shop).unsign(token, max_age=conf.get("COOKIE_AGE"))
    except signing.BadSignature:
        return None


def _set_cookie(request: HttpRequest, response: HttpResponseBase, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=conf.get("COOKIE_AGE"), httponly=True, samesite="Lax", secure=request.is_secure()
    )
