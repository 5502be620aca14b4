"""Where on the shop lists stand, and what each asks for.

Three layers, each laid over the one before: the defaults below, ``COLDREC["PLACEMENTS"]``, and what the shop's staff
set in the admin (rows of ``models.Placement``).
"""

from __future__ import annotations

import difflib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.db import router, transaction
from django.db.models.signals import post_delete, post_migrate, post_save
from django.utils.functional import lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from coldrec import conf
from coldrec.core.errors import ColdrecError
from coldrec.core.types import Kind
from coldrec.models import Placement as Row
from coldrec.models import Shop
from coldrec.models.placement import Layout
from coldrec.services import statements

logger = logging.getLogger(__name__)

FIELDS = ("kind", "size", "minimum", "layout", "title", "is_shown")
"""What a layer can say of a placement."""

QUERY_LENGTH = 500  # characters
NEVER = -1e9  # monotonic seconds


class PlacementError(ColdrecError):
    """A placement is asked for that is not set up, or its set-up is wrong."""


@dataclass(frozen=True)
class Placement:
    """A named place for a list of at most ``size`` items of one kind."""

    name: str
    kind: Kind
    size: int
    title: Any = ""  # translatable
    layout: str = "grid"  # or "carousel"
    minimum: int = 1  # with fewer items the list is left out
    is_shown: bool = True


@dataclass(frozen=True)
class PlacementRequest:
    """One list that a page asks for. ``seeds`` are the page's item or the basket's, ``query`` what was looked for."""

    placement: str
    seeds: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    size: int | None = None
    query: str = ""
    after: tuple[str, ...] = ()  # ids of the slates that it goes on from; what they showed is left out


DEFAULT_PLACEMENTS: Mapping[str, Placement] = MappingProxyType(
    {
        placement.name: placement
        for placement in (
            Placement("home", Kind.PERSONAL, 12, _("Recommended for you")),
            Placement("product_similar", Kind.SIMILAR, 8, _("Similar products")),
            Placement("product_together", Kind.TOGETHER, 6, _("Goes well with it")),
            Placement("basket", Kind.TOGETHER, 6, _("Goes well with your basket")),
            Placement("recently_viewed", Kind.RECENT, 8, _("Recently viewed")),
            Placement("trending", Kind.TRENDING, 12, _("Popular now")),
            Placement("new_arrivals", Kind.NEW, 12, _("New arrivals")),
            Placement("sold_out", Kind.SIMILAR, 8, _("Available instead")),
            Placement("empty_search", Kind.NEAR, 8, _("Near to what you searched for")),
            Placement("not_found", Kind.NEAR, 8, _("Perhaps you were looking for")),
        )
    }
)


def all_placements(shop: Shop | None = None) -> Mapping[str, Placement]:
    """Name → placement of a shop, by default of the site's own; no query but one every ``REFRESH_SECONDS``.

    A row that is wrong is logged and passed over, and without the database what the settings say counts: neither breaks
    a page. Settings that are wrong raise PlacementError.
    """
    configured = from_settings()
    key = conf.get("SHOP") if shop is None else shop.key
    look = partial(_laid_over, configured, key)
    if _is_changed_here():  # nobody else may see it yet, and it may be rolled back
        return look()
    with _guard:
        kept = _kept.setdefault(key, _Kept(configured))
    return kept.current(look)


def get(name: str, shop: Shop | None = None) -> Placement:
    """The placement of that name.

    Raises
    ------
    PlacementError : there is none; the message names the nearest.
    """
    return named(name, all_placements(shop))


def check_size(size: object) -> None:
    """Raise PlacementError, which says what is allowed, for a number of items that no list can have."""
    if size is not None and (type(size) is not int or not 1 <= size <= conf.LONGEST_LIST):
        raise PlacementError(f"a list was asked for with size {size!r}; allowed are 1 to {conf.LONGEST_LIST}")


def named(name: str, known: Mapping[str, Placement]) -> Placement:
    """The one of that name among the known; PlacementError as in :func:`get`."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
        raise PlacementError(f"there is no placement {name!r}; {hint}")
    return known[name]


@lru_cache(maxsize=1)
def from_settings() -> Mapping[str, Placement]:
    """Name → placement without what staff set: the defaults with ``COLDREC["PLACEMENTS"]`` laid over them."""
    found = dict(DEFAULT_PLACEMENTS)
    for name, changes in conf.get("PLACEMENTS").items():
        kind = changes.get("kind", found[name].kind if name in found else None)
        if kind not in set(Kind):
            allowed = ", ".join(Kind)
            raise PlacementError(f"placement {name!r} has kind {kind!r}; allowed are {allowed}")
        base = found.get(name, Placement(name, Kind(kind), 12))
        given = {key: changes[key] for key in ("size", "title", "layout", "minimum") if key in changes}
        found[name] = replace(base, kind=Kind(kind), **given)
    return MappingProxyType(found)


def laid_over(below: Placement | None, row: Row) -> Placement:
    """The placement ``below``, if there is one, with what the row says; an empty field says nothing.

    Raises
    ------
    PlacementError : the row is wrong; the message says in what.
    """
    kind = row.kind or (below.kind if below else "")
    if kind not in set(Kind):
        raise PlacementError(f"placement {row.name!r} has kind {kind!r}; allowed are {', '.join(Kind)}")
    most = conf.LONGEST_LIST
    for name, least in (("size", 1), ("minimum", 0)):
        number = getattr(row, name)
        if number is not None and not (isinstance(number, int) and least <= number <= most):
            raise PlacementError(f"placement {row.name!r} has {name} {number!r}; allowed are {least} to {most}")
    if row.layout and row.layout not in Layout.values:
        raise PlacementError(
            f"placement {row.name!r} has layout {row.layout!r}; allowed are {', '.join(Layout.values)}"
        )
    titles = row.titles
    if not isinstance(titles, Mapping) or not all(isinstance(one, str) for one in titles.values()):
        raise PlacementError(f"placement {row.name!r} has titles {titles!r}; give words by language code")
    base = replace(below, kind=Kind(kind)) if below else Placement(row.name, Kind(kind), 12)
    titles = titles_of(row)
    return replace(
        base,
        size=base.size if row.size is None else row.size,
        minimum=base.minimum if row.minimum is None else row.minimum,
        layout=row.layout or base.layout,
        title=_title(titles, base.title) if titles else base.title,
        is_shown=row.is_shown,
    )


def layers(name: str, row: Row | None) -> dict[str, str]:
    """Which layer says each of ``FIELDS`` of a placement: "default", "settings" or "here"."""
    changes = conf.get("PLACEMENTS").get(name, {})
    said = {field: "settings" if field in changes else "default" for field in FIELDS}
    if row is not None:
        given = {"kind": row.kind, "size": row.size is not None, "minimum": row.minimum is not None}
        given |= {"layout": row.layout, "title": bool(titles_of(row)), "is_shown": not row.is_shown}
        said |= {field: "here" for field, is_given in given.items() if is_given}
    return said


def titles_of(row: Row) -> dict[str, str]:
    """Language code → title, those that are filled; nothing of what is no title."""
    titles = row.titles if isinstance(row.titles, Mapping) else {}
    return {code.lower(): title for code, title in titles.items() if isinstance(title, str) and title}


def forget(**_: Any) -> None:
    """Have the next look-up in this process read the rows; other processes do within ``REFRESH_SECONDS``."""
    with _guard:
        for kept in _kept.values():
            kept.forget()


def reset(**_: Any) -> None:
    """Forget everything, as a new process would."""
    from_settings.cache_clear()
    with _guard:
        _kept.clear()


# Inside


@dataclass
class _Kept:
    """What this process holds for one shop; one caller looks for news while the others go on with what there is."""

    value: Mapping[str, Placement]
    lock: threading.Lock = field(default_factory=threading.Lock)
    looked: float = NEVER
    changes: int = 0  # counts calls of forget, so that a look begun before one is not taken for fresh

    def current(self, look: Callable[[], Mapping[str, Placement]]) -> Mapping[str, Placement]:
        if self._is_old() and self.lock.acquire(blocking=self.looked == NEVER):
            try:
                if self._is_old():
                    changes = self.changes
                    self.value = look()
                    self.looked = time.monotonic() if changes == self.changes else NEVER
            finally:
                self.lock.release()
        return self.value

    def forget(self) -> None:
        self.changes += 1
        self.looked = NEVER

    def _is_old(self) -> bool:
        return time.monotonic() - self.looked >= conf.get("REFRESH_SECONDS")


_kept: dict[str, _Kept] = {}
_guard = threading.Lock()


def _laid_over(configured: Mapping[str, Placement], key: str) -> Mapping[str, Placement]:
    found = dict(configured)
    try:
        with statements.apart(Row):
            rows = list(Row.objects.filter(shop__key=key))
    except Exception:
        logger.exception("coldrec: what staff set of placements could not be read; the settings count")
        return configured
    for row in rows:
        try:
            found[row.name] = laid_over(configured.get(row.name), row)
        except PlacementError as error:
            logger.error("coldrec: a placement set in the admin is passed over: %s", error)
    return MappingProxyType(found)


def _title_now(titles: Mapping[str, str], below: Any) -> str:
    """The title in the request's language: in exactly it, in the language without its region, or what lies below."""
    language = (get_language() or settings.LANGUAGE_CODE).lower()
    for code in (language, language.partition("-")[0]):
        if code in titles:
            return titles[code]
    # A place that only staff know has no other title; one in another language says more than none.
    return str(below) or next((titles[code] for code, _name in settings.LANGUAGES if code in titles), "")


_title = lazy(_title_now, str)


def _is_changed_here() -> bool:
    """Whether the transaction that this thread is in has changed placements, and is neither committed nor undone."""
    connection = transaction.get_connection(router.db_for_write(Row))
    return any(function is forget for _savepoints, function, *_rest in connection.run_on_commit)


def _changed(using: str, **_: Any) -> None:
    transaction.on_commit(forget, using=using)


def _settings_changed(*, setting: str, **_: Any) -> None:
    if setting == "COLDREC":
        reset()


setting_changed.connect(_settings_changed, dispatch_uid="coldrec.placements.settings")
post_save.connect(_changed, sender=Row, dispatch_uid="coldrec.placements.saved")
post_delete.connect(_changed, sender=Row, dispatch_uid="coldrec.placements.deleted")
post_migrate.connect(reset, dispatch_uid="coldrec.placements.flushed")
