"""Who is being recommended to: found by a signed cookie or by the account, remembered only where that is allowed.

A visitor's key is random (a guest) or a keyed hash (an account, or an id the shop gave): never a name or an address.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core import signing
from django.db import router, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from coldrec import conf
from coldrec.core.channels import channel_of
from coldrec.core.types import Interaction
from coldrec.models import Event, Shop, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import browser, merging, pasts, serving, shops, statements, traffic
from coldrec.services.pasts import Past

SIDE_BY_SIDE = timedelta(minutes=1)
LOOKUP = 500  # keys per query: SQLite takes 999 parameters


# Finding the visitor of a request


def from_request(request: HttpRequest, *, create: bool, with_history: int = 0) -> Visitor | None:
    """The visitor behind ``request``, or None when nobody is known, or nobody may be.

    With ``create``, for who is about to record something, an unknown visitor is made and remembered by a cookie that
    ``browser.set_cookies`` puts on the response; for a crawler or a page fetched ahead the answer is then None.
    Asking again costs nothing. A guest who has signed in since is merged into the account's visitor here; after
    signing out the guest's cookie is worth nothing, so a shared computer shows nobody else's list.
    A guest's latest interactions, ``with_history`` of them, and dislikes come in the same query; ``past`` then needs
    none.
    """
    if create and traffic.is_nobody(request):
        return None
    state = browser.state(request)
    if not state.is_read:
        state.is_read = True
        state.visitor = _read(request, state, with_history)
    if state.visitor is None and create and browser.is_allowed(request):
        state.visitor = _create(request, state)
    return state.visitor


def of_browser(request: HttpRequest) -> Visitor | None:
    """The visitor whose data this browser may see and change, remembered or not; with an account, the account's."""
    shop, user = shops.current(), _user_of(request)
    if user is not None:
        return Visitor.objects.filter(shop=shop, key=_account_key(shop, user.pk)).first()
    key = _key_in(shop, request.COOKIES.get(conf.get("COOKIE_NAME"), ""))
    return Visitor.objects.filter(shop=shop, key=key, user=None, merged_into=None).first() if key else None


def account_of(request: HttpRequest) -> Visitor | None:
    """The visitor of the account that is signed in, made if need be; None where nobody is."""
    user = _user_of(request)
    return None if user is None else _account(shops.current(), user.pk)


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


# Signing in and out


def signed_in(request: HttpRequest) -> None:
    """Make the guest of this browser part of the account, in one transaction; the next page is the account's."""
    state, answer = browser.state(request), browser.answer(request)
    state.is_read, state.visitor = False, None
    with transaction.atomic():
        from_request(request, create=False)
        user = _user_of(request)
        if user is not None and answer and (answer == browser.REFUSED or browser.is_allowed(request)):
            # A refusal is kept with the account too: orders reach us by ways that know no cookie.
            merging.adopt_answer(_account(shops.current(), user.pk), answer)
    if state.mark is None:
        browser.renew_mark(request, signed_in=True)


def signed_out(request: HttpRequest) -> None:
    """Have the next event in this browser begin a new visitor: the next person may sit here."""
    state = browser.state(request)
    state.is_read, state.visitor = False, None
    if request.COOKIES.pop(conf.get("COOKIE_NAME"), None) is not None:
        state.token = ""
    browser.renew_mark(request)


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


def rows_of(visitor: Visitor) -> QuerySet[Visitor]:
    """All rows that are this person: the visitor and, for an account, the guests merged into it."""
    if visitor.user_id is None:
        return Visitor.objects.filter(pk=visitor.pk)
    return Visitor.objects.filter(Q(pk=visitor.pk) | Q(merged_into_id=visitor.pk))


def past(visitor: Visitor, limit: int, *, searches: bool = False) -> Past:
    """The latest ``limit`` interactions of a visitor, the items they are not interested in, and with ``searches`` what
    they searched for lately; one query.

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
    table, parameters = pasts.source(whose, of_whom, limit, searches=searches)
    return Past.of(statements.select(pasts.TOLD, f"FROM {table} {pasts.latest_first()}", parameters))


def history(visitor: Visitor, limit: int) -> tuple[Interaction, ...]:
    """The latest ``limit`` interactions of a visitor, oldest first; one query."""
    return past(visitor, limit).history


# Inside


def _read(request: HttpRequest, state: browser.State, with_history: int) -> Visitor | None:
    """The visitor already stored for this request; one query at most, none for a stranger."""
    if not browser.is_allowed(request):
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
    if token is not None:
        state.token = ""
        browser.renew_mark(request, signed_in=True)
    if account is not None and account.consent == Consent.REFUSED:
        return None
    if account is not None and account.user_id is None:  # known so far from imported events only
        account = _account(shop, user.pk)
    if guest is not None and guest.user_id is None and guest.merged_into_id is None:
        account = account or _account(shop, user.pk)
        merging.merge(guest, account)
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
    searches = serving.held(shop).encoder is not None  # nothing else could read them
    table, parameters = pasts.source(whose, [shop.pk, key], limit, searches=searches)
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
    done = [row[len(names) :] for row in rows if row[len(names)] is not None]
    visitor.__dict__["_past_read"] = (limit, Past.of(done))
    return visitor


def _create(request: HttpRequest, state: browser.State) -> Visitor | None:
    shop, answer = shops.current(), browser.answer(request)
    user = _user_of(request)
    if user is not None:
        account = _account(shop, user.pk, channel=_channel_of(request))
        merging.adopt_answer(account, answer)
        return None if account.consent == Consent.REFUSED else account
    guest = _new_guest(request, shop, consent=answer or Consent.UNKNOWN, channel=_channel_of(request))
    state.token = token_of(shop, guest)
    return guest


def _new_guest(request: HttpRequest, shop: Shop, **fields: Any) -> Visitor:
    """A guest of this browser's own.

    A stranger's click and the page behind it ask for one side by side. Both carry the mark that the script has given
    this browser, so both get the same; for a minute only, as scripts can read the mark and it must open nothing later.
    """
    if mark := browser.mark(request):
        key = salted_hmac("coldrec.mark", f"{shop.key}\n{mark}", algorithm="sha256").hexdigest()
        guest, _ = Visitor.objects.get_or_create(shop=shop, key=key, defaults=fields)
        if _is_usable(guest) and timezone.now() - guest.created_at < SIDE_BY_SIDE:
            browser.state(request).mark = mark
            return guest
    browser.renew_mark(request)
    return Visitor.objects.create(shop=shop, key=secrets.token_hex(16), **fields)


def _channel_of(request: HttpRequest) -> str:
    """How this visit came about: by the page's address and the site before it.

    A beacon is sent by a page: the browser names that page as the referrer, and the page's script names the site that
    led to it.
    """
    own = request.get_host()
    try:
        referrer = urlsplit(request.headers.get("Referer", ""))
    except ValueError:  # such as half an IPv6 address
        return channel_of({}, "")
    if request.method == "GET" or referrer.netloc != own:
        return channel_of(request.GET.dict(), referrer.netloc, own)
    return channel_of(dict(parse_qsl(referrer.query)), request.GET.get("referrer", ""), own)


def _account(shop: Shop, user_id: object, *, channel: str = "") -> Visitor:
    visitor, _ = Visitor.objects.get_or_create(
        shop=shop, key=_account_key(shop, user_id), defaults={"user_id": user_id, "channel": channel}
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
