"""Template tags: ``{% coldrec_widget %}`` for ready HTML, ``{% coldrec_items … as items %}`` for data.

``{% coldrec_script %}`` tells what visitors do; ``{% coldrec_consent %}`` asks whether it may.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache, partial
from html import escape
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import template
from django.conf import settings
from django.core.signals import setting_changed
from django.core.signing import Signer
from django.template import Engine
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from coldrec import conf
from coldrec.models import Item
from coldrec.services import addresses, browser, placements, recommend, shops, statements, visitors

register = template.Library()
logger = logging.getLogger(__name__)

NOTHING = mark_safe("")
TITLES = Signer(salt="coldrec.title")


@register.simple_tag(takes_context=True)
def coldrec_widget(
    context: template.Context,
    placement: str,
    item: Any = None,
    items: Iterable[Any] = (),
    category: Any = (),
    size: int | None = None,
    title: str | None = None,
    query: str = "",
    late: bool | None = None,
) -> SafeString:
    """The list of a placement as HTML; nothing where there is nothing to show.

    ``query`` are the words that it is to be near to: those of a search without results. A page that is not there
    gives those of its address.

    ``late`` puts a stranger's list on the page, the same for everybody, in an element that fetches the visitor's own
    when it comes near the screen; COLDREC["LATE"] says what holds where a page says nothing.

    The template is the first found of ``coldrec/<placement>.html``, ``coldrec/kind_<kind>.html`` and
    ``coldrec/widget.html``; each card is ``coldrec/product_card.html``.
    """
    is_late = conf.get("LATE") if late is None else late
    wanted, slate = _serve(context, placement, item, items, category, size, query, late=is_late)
    html = _list(context, slate, placements.get(placement), title) if slate is not None and slate.items else NOTHING
    return _late(context, wanted, title, html) if is_late and wanted is not None else html


@register.simple_tag(takes_context=True)
def coldrec_list(
    context: template.Context, slate: recommend.ServedSlate, placement: placements.Placement
) -> SafeString:
    """A list that was served already, as ``coldrec_widget`` shows one of that placement."""
    return _list(context, slate, placement, None) if slate.items else NOTHING


@register.simple_tag(takes_context=True)
def coldrec_items(
    context: template.Context,
    placement: str,
    item: Any = None,
    items: Iterable[Any] = (),
    category: Any = (),
    size: int | None = None,
    query: str = "",
) -> tuple[recommend.ServedItem, ...]:
    """The items of a placement, best first, for the shop's own markup."""
    _wanted, slate = _serve(context, placement, item, items, category, size, query)
    return slate.items if slate else ()


@register.simple_tag(takes_context=True)
def coldrec_script(context: template.Context) -> SafeString:
    """The scripts of coldrec and what they need to know; once on a page, however often it is asked for.

    The same for all visitors, and no reason to ask who the visitor is, so that a shared cache may keep the page; only
    where the server has recorded a view for this very request does it say so.
    """
    request = context.get("request")
    page = context.render_context.dicts[0]  # one for the page and all that it includes
    if page.get("coldrec_script"):
        return NOTHING
    page["coldrec_script"] = True
    try:
        config = {
            "events": reverse("coldrec:events"),
            "consent": reverse("coldrec:v1-consent"),
            "mode": conf.get("CONSENT"),
            "cookie": conf.get("COOKIE_NAME"),
            "viewed": browser.viewed(request),
        }
        sources = [static("coldrec/events.js"), static("coldrec/widget.js")]
    except (NoReverseMatch, ValueError):  # the project lacks our addresses, or its storage one of the files
        if settings.DEBUG:
            raise
        logger.exception("coldrec: the page's scripts could not be named")
        return NOTHING
    # django-csp puts the nonce on the request, Django 6 into the context.
    nonce = str(getattr(request, "csp_nonce", "") or context.get("csp_nonce", "") or "")
    with_nonce = format_html(' nonce="{}"', nonce) if nonce else NOTHING
    scripts = ((source, with_nonce) for source in sources)
    tags = format_html_join("\n", '<script type="module" src="{}"{}></script>', scripts)
    return format_html("{}\n{}", json_script(config, "coldrec-config"), tags)


@register.inclusion_tag("coldrec/consent_banner.html")
def coldrec_consent() -> dict[str, Any]:
    """The question whether visitors may be remembered; shown by the script where it is open, the same HTML for all."""
    return {}


def _list(
    context: template.Context, slate: recommend.ServedSlate, place: placements.Placement, title: str | None
) -> SafeString:
    ours = _address("coldrec:lists").removesuffix("lists/") if slate.slate_id else ""
    card = partial(_card, ours=ours, slate_id=slate.slate_id, language=get_language(), why=_("Why this: %s"))
    shown = {
        "slate": slate,
        "items": [card(one) for one in slate.items],
        "placement": place,
        "title": place.title if title is None else title,
        "why": _("Why this?") if ours else "",
    }
    # In the page's own context: another one would run all context processors again, once for each list.
    with context.push(**shown):
        return mark_safe(_template(context.template.engine, place.name, place.kind).render(context))  # escaped there


def _template(engine: Engine, name: str, kind: str) -> template.Template:
    """What a list is rendered by; in service it is looked for once, since what is not there is looked for each time."""
    return _find(engine, name, kind) if settings.DEBUG else _found(engine, name, kind)


def _find(engine: Engine, name: str, kind: str) -> template.Template:
    return engine.select_template([f"coldrec/{name}.html", f"coldrec/kind_{kind}.html", "coldrec/widget.html"])


_found = lru_cache(maxsize=256)(_find)


def _late(
    context: template.Context, wanted: placements.PlacementRequest, title: str | None, html: SafeString
) -> SafeString:
    """The list in an element that knows where the visitor's own is to be had."""
    address = _address("coldrec:list", wanted.placement)
    if not address:
        return html
    query = [("item", one) for one in wanted.seeds] + [("category", one) for one in wanted.category]
    if wanted.query:
        query.append(("query", wanted.query))
    if wanted.size is not None:
        query.append(("size", str(wanted.size)))
    if title is not None:  # signed, so that nobody can put words of theirs on a page of the shop
        query.append(("title", TITLES.sign(str(title))))
    with context.push(src=f"{address}?{urlencode(query)}" if query else address, list=html):
        return mark_safe(context.template.engine.get_template("coldrec/late.html").render(context))


def _card(
    item: recommend.ServedItem, *, ours: str, slate_id: UUID | None, language: str | None, why: str
) -> dict[str, Any]:
    """What a card shows: always a title, and only addresses that a browser may follow.

    A dictionary, since a template looks for a key first and takes four times as long to find an attribute. For the
    same reason attributes that go together come as one piece, escaped: ``attributes`` of the list's element, ``link``
    to the product, ``why`` for the link to the reason.
    """
    title, position, url = item.title or item.id, str(item.position), coldrec_link(item.url)
    link, why_link = f' href="{escape(url)}"' if url else "", ""
    if ours:
        at = escape(f"{slate_id}/{position}/")
        link += f' ping="{escape(ours)}clicks/{at}"' if url else ""
        why_link = f' href="{escape(ours)}why/{at}" aria-label="{escape(why % title)}"'
    return {
        **vars(item),
        "title": title,
        "url": url,
        "image_url": coldrec_link(item.image_url),
        "position": position,  # a number would be put through the language's format, which takes longer
        "price_text": "" if item.price is None else _price(str(item.price), item.currency, language),
        "reason": vars(item.reason),
        "attributes": SafeString(f' data-coldrec-item="{escape(item.id)}" data-coldrec-position="{position}"'),
        "link": SafeString(link),
        "why": SafeString(why_link),
    }


def _address(name: str, *arguments: str) -> str:
    """The address of one of our own pages, or nothing in a project that does not include ``coldrec.urls``."""
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""


@lru_cache(maxsize=4096)
def _price(amount: str, currency: str, language: str | None) -> str:
    """The amount in the form of the active language; to find that out takes longer than all else on a card."""
    return f"{localize(Decimal(amount))} {currency}".strip()


setting_changed.connect(lambda **_: _price.cache_clear(), weak=False, dispatch_uid="coldrec.price")


@register.filter
def coldrec_link(address: str) -> str:
    """The address if a browser may follow it from a page of ours, else nothing: no ``javascript:``, no ``data:``."""
    return addresses.followable(address)


def _serve(
    context: template.Context,
    placement: str,
    item: Any,
    items: Iterable[Any],
    category: Any,
    size: int | None,
    query: str,
    *,
    late: bool = False,
) -> tuple[placements.PlacementRequest | None, recommend.ServedSlate | None]:
    """What the page asks for and what it gets; None where that cannot be told.

    A list that is to be followed by a late one is a stranger's: nobody is looked at and nothing is written down.
    """
    request = context.get("request")
    try:
        placements.get(placement)
        placements.check_size(size)
    except placements.PlacementError:
        if settings.DEBUG:
            raise
        logger.exception("coldrec: a template asks for a list that there cannot be")
        return None, None
    wanted = None
    try:
        with statements.apart(Item):
            seeds = tuple(_id(one) for one in ([item] if item not in (None, "") else items))
            if not seeds and placement == "basket" and not late:
                seeds = recommend.basket_of(request)
            if not query and placement == "not_found" and request is not None:
                query = recommend.words_of_path(request.path)
            path = (category,) if isinstance(category, str) and category else tuple(category or ())
            visitor = None
            if request is not None and not late:
                visitor = visitors.from_request(request, create=False, with_history=conf.get("HISTORY_LENGTH"))
            wanted = placements.PlacementRequest(placement, seeds, path, size, str(query or ""))
            (slate,) = recommend.serve(
                [wanted], shop=shops.current(), visitor=visitor, request=request, logged=not late
            )
            return wanted, slate
    except Exception:
        # The shop's page matters more than the list on it.
        logger.exception("coldrec: placement %s could not be served", placement)
        return wanted, None


def _id(item: Any) -> str:
    return str(getattr(item, "pk", item))
