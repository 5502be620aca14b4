"""How a shop's product becomes an item.

A shop writes one class and names it in ``COLDREC["CATALOGUE"]``::

    class ShopCatalogue(CatalogueAdapter):
        model = Product
        title = "name"
        text = "description"
        brand = "maker.name"
        category = "category"
        price = "price"
        currency = "EUR"
        sellable = "in_stock"
        attributes = ("colour", "size")

Each part is a path into the product (fields, relations, methods and properties, joined by dots) or a method that takes
the product. Products and items are tied by this setting alone: no table of the shop's has to change.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from difflib import get_close_matches
from functools import cached_property
from html import unescape
from itertools import pairwise
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist, ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.module_loading import import_string

from coldrec import conf
from coldrec.core.errors import CatalogueError
from coldrec.core.graph.values import NODE_LENGTH, RELATION_LENGTH, entity
from coldrec.core.types import Triple

Source = str | Callable[..., Any] | None
"""Where a part of an item comes from: a path into the product, or a method that takes it. Empty: there is none."""

ID_LENGTH = 255
TITLE_LENGTH = 500
BRAND_LENGTH = 200
URL_LENGTH = 1000
TEXT_LENGTH = 100_000  # characters; a model reads far less, and one pasted manual must not fill the memory
VALUE_LENGTH = 100  # characters; a longer attribute value is prose, not something two items share
CATEGORY_DEPTH = 20
PRICE_LIMIT = Decimal(10) ** 12

_CURRENCY = re.compile(r"[A-Z]{3}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LANGUAGE_IS = "a language tag such as en or zh-hans"
_SPACE = re.compile(r"\s+")


def _whole(attribute: str, text: str) -> Sequence[str]:
    return (text,)


@dataclass(frozen=True)
class CatalogueItem:
    """One thing that can be shown, checked and made tidy, ready to be stored.

    Texts lose their HTML and are cut to what a table holds; an id is never altered. ``triples`` are facts about this
    item beyond brand, category and attributes, which become facts by themselves; their head is :attr:`node`.

    Raises
    ------
    CatalogueError : the id is empty, too long or not text; the price, currency or a triple is not what it must be.
    """

    id: str
    title: str = ""
    text: str = ""
    brand: str = ""
    category: Sequence[str] = ()  # path, outermost first
    attributes: Mapping[str, Any] = field(default_factory=dict)
    price: Decimal | None = None
    currency: str = ""
    language: str = ""
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # language → "title" and "text"
    url: str = ""
    image_url: str = ""
    sellable: bool = True
    variant_group: str = ""
    triples: Sequence[Triple] = ()
    first_seen: datetime | None = None  # None: when coldrec first meets it

    def __post_init__(self) -> None:
        clean: dict[str, Any] = {
            "id": _identifier(self.id),
            "title": _text(self.title, TITLE_LENGTH),
            "text": _text(self.text, TEXT_LENGTH),
            "brand": _text(self.brand, BRAND_LENGTH),
            "category": _category(self.category),
            "attributes": _attributes(self.attributes),
            "price": self._amount(),
            "currency": self._matching("currency", _CURRENCY, "a three-letter code such as EUR"),
            "language": self._matching("language", _LANGUAGE, _LANGUAGE_IS),
            "translations": self._translated(),
            "url": _address(self.url),
            "image_url": _address(self.image_url),
            "sellable": bool(self.sellable),
            "variant_group": _text(self.variant_group, ID_LENGTH),
            "triples": tuple(sorted({self._fact(t) for t in self.triples}, key=lambda t: (t.relation, t.tail))),
        }
        if self.first_seen is not None and (
            not isinstance(self.first_seen, datetime) or self.first_seen.tzinfo is None
        ):
            raise self._wrong("first_seen", self.first_seen, "a datetime with a time zone, or None")
        for name, value in clean.items():
            object.__setattr__(self, name, value)

    @property
    def node(self) -> str:
        """The item's name in the knowledge graph."""
        return f"item:{self.id}"

    @property
    def content_hash(self) -> str:
        """64 hex digits that change when, and only when, something a model reads changes."""
        content = {
            "title": self.title,
            "text": self.text,
            "brand": self.brand,
            "category": self.category,
            "attributes": self.attributes,
            "price": None if self.price is None else str(self.price),
            "language": self.language,
            "translations": self.translations,
            "triples": [[triple.relation, triple.tail] for triple in self.triples],
        }
        canonical = json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()

    def facts(self, split: Callable[[str, str], Sequence[str]] = _whole) -> tuple[Triple, ...]:
        """What the item says to the knowledge graph, each fact once: its own triples and those of its fields.

        ``item:<id> brand brand:<name>``, ``item:<id> category category:<path>``, ``category:<path> parent
        category:<path above>``, ``item:<id> variant_of variant_group:<name>`` and ``item:<id> <attribute>
        <attribute>:<value>``. ``split`` gives the values in the text of an attribute, which may be a list.
        """
        told = facts_of(self.node, self.brand, self.category, self.attributes, self.variant_group, split)
        return tuple(dict.fromkeys((*self.triples, *told)))

    def _wrong(self, name: str, got: object, allowed: str) -> CatalogueError:
        return CatalogueError(f"item {self.id!r}: {name} is {_shown(got)}; it must be {allowed}.")

    def _amount(self) -> Decimal | None:
        if self.price is None or self.price == "":
            return None
        allowed = "a number of at least 0 such as 12.90, or empty"
        try:
            # Through text, so that the float 12.9 is the price 12.90 and not 12.9000000000000003553.
            amount = Decimal(str(self.price).strip())
        except InvalidOperation:
            raise self._wrong("price", self.price, allowed) from None
        if not amount.is_finite() or not 0 <= amount < PRICE_LIMIT:
            raise self._wrong("price", self.price, allowed)
        return abs(amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))  # abs: no minus on a zero

    def _matching(self, name: str, pattern: re.Pattern[str], allowed: str) -> str:
        value = getattr(self, name)
        text = "" if value is None else str(value).strip().replace("_", "-")
        if name == "currency":
            text = text.upper()
        if text and not pattern.fullmatch(text):
            raise self._wrong(name, value, f"{allowed}, or empty")
        return text

    def _translated(self) -> dict[str, dict[str, str]]:
        lengths = {"title": TITLE_LENGTH, "text": TEXT_LENGTH}
        found: dict[str, dict[str, str]] = {}
        for code, told in self.translations.items():
            if not isinstance(code, str) or not _LANGUAGE.fullmatch(code):
                raise self._wrong("the language of a translation", code, _LANGUAGE_IS)
            if unknown := sorted(told.keys() - lengths.keys()):
                raise self._wrong(f"a part of the translation to {code}", unknown[0], "title or text")
            clean = {part: text for part, value in told.items() if (text := _text(value, lengths[part]))}
            if clean:
                found[code] = clean
        return found

    def _fact(self, triple: Triple) -> Triple:
        if triple.head != self.node:
            raise self._wrong("the head of a triple", triple.head, f"the item itself, {self.node!r}")
        if not 0 < len(triple.relation) <= RELATION_LENGTH:
            raise self._wrong("the relation of a triple", triple.relation, f"1 to {RELATION_LENGTH} characters")
        if not 0 < len(triple.tail) <= NODE_LENGTH or ":" not in triple.tail:
            raise self._wrong("the tail of a triple", triple.tail, f"<type>:<name>, at most {NODE_LENGTH} characters")
        return triple


def facts_of(
    node: str,
    brand: str,
    category: Sequence[str],
    attributes: Mapping[str, Any],
    variant_group: str,
    split: Callable[[str, str], Sequence[str]] = _whole,
) -> Iterator[Triple]:
    """What the fields of an item say to the knowledge graph; see :meth:`CatalogueItem.facts`."""
    if brand:
        yield Triple(node, "brand", entity("brand", brand))
    paths = [entity("category", " > ".join(category[:depth])) for depth in range(1, len(category) + 1)]
    if paths:
        yield Triple(node, "category", paths[-1])
    for above, below in pairwise(paths):
        yield Triple(below, "parent", above)
    if variant_group:
        yield Triple(node, "variant_of", entity("variant_group", variant_group))
    for name, value in attributes.items():
        relation = name[:RELATION_LENGTH]
        texts = (part for text in _texts(value) for part in split(name, text))
        for text in _short(texts):
            yield Triple(node, relation, entity(relation, text))


class CatalogueAdapter:
    """Gives the shop's products, in batches, as items. Subclass it and name the parts; see the module's example."""

    model: type[models.Model] | str | None = None
    """The product model, or its label such as ``"shop.Product"``."""

    related: Mapping[str, str] = {}
    """Other models whose change changes an item, and the path from there: ``{"stock.Level": "product"}``."""

    id: Source = "pk"
    title: Source = None
    text: Source = None
    brand: Source = None
    category: Source = None  # "A > B", a list of names, or a row with a ``parent``
    price: Source = None
    currency: Source = None  # also a code such as "EUR" that holds for all
    language: Source = None  # also a tag such as "en" that holds for all
    url: Source = "get_absolute_url"
    image: Source = None
    sellable: Source = None  # without one, everything in the catalogue is for sale
    variant_group: Source = None
    first_seen: Source = None
    attributes: Sequence[str] | Mapping[str, str] | Callable[..., Mapping[str, Any]] = ()
    triples: Callable[..., Sequence[Triple]] | None = None

    # What a shop may override -------------------------------------------------------------------------------------

    def queryset(self) -> models.QuerySet[Any]:
        """All products that can be items; what the parts name in other tables is fetched along by itself."""
        joined, fetched = self._relations
        products = self.product_model()._default_manager.prefetch_related(*fetched)
        return products.select_related(*joined) if joined else products

    def batches(self, size: int) -> Iterator[list[Any]]:
        """Lists of at most ``size`` products, each product once; override for a catalogue that is not a table.

        Pages follow the primary key, so memory stays flat, no cursor is held open while the items are written, and a
        product added or deleted meanwhile shifts no page.
        """
        products = self.queryset().order_by("pk")
        page = list(products[:size])
        while page:
            yield page
            page = list(products.filter(pk__gt=page[-1].pk)[:size]) if len(page) == size else []

    def count(self) -> int | None:
        """How many products there are, for the progress line; None when unknown."""
        return int(self.queryset().order_by().count())

    def find(self, ids: Sequence[str]) -> list[Any]:
        """The products of these item ids that are in the catalogue now."""
        lookup = self.id
        if not isinstance(lookup, str):
            raise CatalogueError(
                f"{self} takes its id from a method, so it must also say how to find() products by id."
            )
        lookup = lookup.replace(".", "__")
        target = _column(self.product_model(), lookup)
        wanted = []
        for text in ids:
            try:
                wanted.append(target.to_python(text))
            except (ValidationError, ValueError, OverflowError):
                continue  # no product can have this id
        return list(self.queryset().filter(**{f"{lookup}__in": wanted}))

    def prepare(self, products: Sequence[Any]) -> None:
        """Called before each batch becomes items: the place to look something up for all of them at once."""

    def item_id(self, product: Any) -> str:
        """The id of the item that stands for ``product``."""
        value = self._value(product, "id")
        return "" if value is None else str(value)

    def is_sellable(self, product: Any) -> bool:
        """Whether ``product`` may be recommended now; a number is a stock level, good above 0."""
        if self.sellable is None:
            return True
        value = self._value(product, "sellable")
        return value > 0 if isinstance(value, (int, float, Decimal)) else bool(value)

    def basket(self, request: HttpRequest) -> Sequence[str]:
        """Ids of the items in the basket of whoever sends the request; override it where the shop has one."""
        return ()

    def own_language(self) -> str:
        """The language in which products are read: ``language`` where it is one for all, else the project's."""
        return self._constants.get("language") or settings.LANGUAGE_CODE

    def translations(self, product: Any) -> Mapping[str, Mapping[str, str]]:
        """Title and text in the shop's other languages, by language code; override it where they lie elsewhere.

        As django-modeltranslation keeps them, a product with the title ``name`` has ``name_de`` and ``name_zh_hans``.
        """
        own = self.own_language()
        found: dict[str, dict[str, str]] = {}
        for code in [code for code, _name in settings.LANGUAGES if code != own]:
            suffix = "ind" if code == "id" else code.replace("-", "_")  # Indonesian would look like a foreign key
            for part, source in (("title", self.title), ("text", self.text)):
                try:
                    value = follow(product, f"{source}_{suffix}") if source and isinstance(source, str) else None
                except AttributeError:
                    continue
                if value:
                    found.setdefault(code, {})[part] = str(value)
        return found

    def to_item(self, product: Any) -> CatalogueItem:
        """The item that stands for ``product``. Whoever calls it activates ``own_language`` meanwhile."""
        parts = {name: self._value(product, name) for name in _PARTS}
        return CatalogueItem(
            id=self.item_id(product),
            image_url=parts.pop("image"),
            sellable=self.is_sellable(product),
            category=_path(parts.pop("category")),
            attributes=self._attributes(product),
            translations=self.translations(product),
            triples=self.triples(product) if callable(self.triples) else (),
            first_seen=_moment(parts.pop("first_seen")),
            **parts,
        )

    # What it is made of -------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return type(self).__name__

    def product_model(self) -> type[models.Model]:
        """The model class of the shop's products.

        Raises
        ------
        CatalogueError : ``model`` is missing or names no installed model.
        """
        if isinstance(self.model, str):
            return _installed(self.model, f"{self}.model")
        if not (isinstance(self.model, type) and issubclass(self.model, models.Model)):
            raise CatalogueError(
                f"{self}.model is {self.model!r}; it must be the product model or its label such as 'shop.Product'."
            )
        return self.model

    def watched(self) -> dict[type[models.Model], str]:
        """Models whose saves and deletions change items, each with the path from its rows to the product."""
        if self.model is None:
            return {}
        others = {_installed(label, f"{self}.related"): path for label, path in self.related.items()}
        return {self.product_model(): "", **others}

    def validate(self) -> None:
        """Nothing when every part can be read from the product model.

        Raises
        ------
        CatalogueError : names the part, what it says, what the model has and the nearest name.
        """
        if self.model is None:
            if type(self).batches is CatalogueAdapter.batches:
                self.product_model()
            return
        model = self.product_model()
        for name, path in self._paths():
            _check_path(model, path, f"{self}.{name}")
        for watched, path in self.watched().items():
            _check_path(watched, path, f"{self}.related[{watched._meta.label!r}]")

    @cached_property
    def _relations(self) -> tuple[list[str], list[str]]:
        """Relations that the parts follow: to one row, for a join, and to many, for a query of their own."""
        joined: dict[str, None] = {}
        fetched: dict[str, None] = {}
        for name, path in self._paths():
            model: Any = self.product_model()
            walked: list[str] = []
            for step in _steps(path):
                relation = next((f for f in _fields(model) if step in (f.name, _accessor(f)) and f.is_relation), None)
                if relation is None or relation.related_model is None:
                    break
                walked.append(step)
                if relation.many_to_many or relation.one_to_many:
                    fetched["__".join(walked)] = None
                    break
                joined["__".join(walked)] = None
                model = relation.related_model
            if name == "category" and walked and any(f.name == "parent" and f.many_to_one for f in _fields(model)):
                joined["__".join([*walked, "parent", "parent", "parent"])] = None
        return list(joined), list(fetched)

    def _paths(self) -> Iterator[tuple[str, str]]:
        for name in ("id", "sellable", *_PARTS):
            source = getattr(self, name)
            # The default address is a courtesy: a model without get_absolute_url simply has none.
            if name == "url" and source == CatalogueAdapter.url:
                continue
            if isinstance(source, str) and source and name not in self._constants:
                yield name, source
        if not callable(self.attributes):
            if isinstance(self.attributes, str):
                raise CatalogueError(
                    f"{self}.attributes is {self.attributes!r}; it must be a list of names: ({self.attributes!r},)."
                )
            sources = self.attributes.values() if isinstance(self.attributes, Mapping) else self.attributes
            yield from (("attributes", source) for source in sources)

    @cached_property
    def _constants(self) -> dict[str, str]:
        """Parts that are one value for all: a currency or language that is no name in the model."""
        model = self.model and self.product_model()
        found = {}
        for name, pattern in (("currency", _CURRENCY), ("language", _LANGUAGE)):
            source = getattr(self, name)
            if isinstance(source, str) and pattern.fullmatch(source) and not (model and _has(model, source)):
                found[name] = source
        return found

    def _value(self, product: Any, name: str) -> Any:
        source = getattr(self, name)
        if callable(source):
            return source(product)
        if not source:
            return None
        if name in self._constants:
            return source
        if name == "url" and source == CatalogueAdapter.url and not hasattr(product, source):
            return None
        return self._follow(product, source, name)

    def _attributes(self, product: Any) -> Mapping[str, Any]:
        if callable(self.attributes):
            return self.attributes(product)
        named = (
            self.attributes
            if isinstance(self.attributes, Mapping)
            else {path.replace("__", "."): path for path in self.attributes}
        )
        return {name: self._follow(product, path, "attributes") for name, path in named.items()}

    def _follow(self, product: Any, path: str, name: str) -> Any:
        try:
            return follow(product, path)
        except AttributeError as error:
            raise CatalogueError(
                f"{self}.{name} is {path!r}, but {error}{_nearest(path, _names(type(product)))}"
            ) from error


_PARTS = (
    "title",
    "text",
    "brand",
    "category",
    "price",
    "currency",
    "language",
    "url",
    "image",
    "variant_group",
    "first_seen",
)


def load() -> CatalogueAdapter:
    """The adapter named by ``COLDREC["CATALOGUE"]``, made afresh: it may keep what it looked up for one run.

    Raises
    ------
    CatalogueError : the setting is empty, cannot be imported or is not an adapter.
    """
    path = conf.get("CATALOGUE")
    if not path:
        raise CatalogueError(
            "COLDREC['CATALOGUE'] is not set; give it the dotted path of your CatalogueAdapter, such as "
            "'shop.catalogue.ShopCatalogue' or 'coldrec.contrib.oscar.adapter.OscarCatalogue'."
        )
    try:
        found = import_string(path) if isinstance(path, str) else path
    except ImportError as error:
        raise CatalogueError(f"COLDREC['CATALOGUE'] is {path!r}, which cannot be imported: {error}.") from error
    if not (isinstance(found, type) and issubclass(found, CatalogueAdapter)):
        raise CatalogueError(f"COLDREC['CATALOGUE'] is {path!r}; it must be a subclass of CatalogueAdapter.")
    return found()


# Paths into a product -------------------------------------------------------------------------------------------------


def follow(start: Any, path: str) -> Any:
    """What ``path`` leads to; methods are called, an empty relation ends in None, many rows give a list.

    Raises
    ------
    AttributeError : a step of the path does not exist.
    """
    value = start
    for step in _steps(path):
        if value is None:
            return None
        if isinstance(value, Mapping):
            value = value.get(step)
            continue
        try:
            value = getattr(value, step)
        except ObjectDoesNotExist:
            return None
        if isinstance(value, models.Manager):
            value = list(value.all())
        elif callable(value):
            value = value()
    return value


def _steps(path: str) -> list[str]:
    return path.replace("__", ".").split(".") if path else []


def _installed(label: str, where: str) -> type[models.Model]:
    try:
        found: type[models.Model] = apps.get_model(label)
    except (LookupError, ValueError) as error:
        labels = [model._meta.label for model in apps.get_models()]
        raise CatalogueError(
            f"{where} names {label!r}, which is no installed model{_nearest(label, labels)}"
        ) from error
    return found


def _column(model: type[models.Model], lookup: str) -> Any:
    column: Any = None
    for step in lookup.split("__"):
        column = model._meta.pk if step == "pk" else model._meta.get_field(step)
        model = column.related_model or model
    while column.remote_field and hasattr(column, "target_field"):
        column = column.target_field  # a key that is itself a relation, as in multi-table inheritance
    return column


def _names(model: type) -> list[str]:
    """Names a path may start with: fields first, then public methods and properties of the model's own."""
    fields = [_accessor(f) for f in _fields(model)]
    own = [name for base in model.__mro__ if base not in models.Model.__mro__ for name in vars(base)]
    return list(dict.fromkeys([*filter(None, fields), *(n for n in own if not n.startswith("_"))]))


def _fields(model: type) -> list[Any]:
    meta = getattr(model, "_meta", None)
    return list(meta.get_fields()) if meta else []


def _accessor(relation: Any) -> str | None:
    """The attribute under which a row has this field; a relation from elsewhere is named by the row's side."""
    is_from_elsewhere = relation.auto_created and not relation.concrete
    return relation.get_accessor_name() if is_from_elsewhere else relation.name


def _has(model: Any, name: str) -> bool:
    return name == "pk" or hasattr(model, name) or name in _names(model)


def _check_path(model: type[models.Model], path: str, where: str) -> None:
    """Follows ``path`` over the fields of models; behind a method or property anything may come."""
    for step in _steps(path):
        if not _has(model, step):
            raise CatalogueError(
                f"{where} is {path!r}, but {model._meta.label} has no {step!r}{_nearest(step, _names(model))}"
            )
        try:
            related = model._meta.pk if step == "pk" else model._meta.get_field(step)
        except FieldDoesNotExist:
            return
        if not related.is_relation or related.related_model is None:
            return
        model = related.related_model


def _nearest(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return f"{hint} There are: {', '.join(sorted(names)[:30])}." if names else hint


# Values ---------------------------------------------------------------------------------------------------------------


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _storable(text: str) -> str:
    """Text that every database takes: PostgreSQL refuses NUL, UTF-8 refuses halves of surrogate pairs."""
    text = text.replace("\x00", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _identifier(value: Any) -> str:
    if not isinstance(value, str):
        raise CatalogueError(f"an item id is {_shown(value)}; it must be text, such as {str(value)!r}.")
    if not value or value.isspace():
        raise CatalogueError("an item id is empty; every item needs one.")
    if len(value) > ID_LENGTH:
        raise CatalogueError(f"item id {_shown(value)} has {len(value)} characters; at most {ID_LENGTH} are allowed.")
    if _storable(value) != value:
        raise CatalogueError(f"item id {_shown(value)} holds a NUL or half a character; it must be valid text.")
    return value


def _text(value: Any, length: int) -> str:
    if value is None:
        return ""
    text = _storable(str(value)[: length * 2])  # twice: markup still to go
    if "<" in text:
        text = strip_tags(text.replace("<", " <"))
        text = _SPACE.sub(" ", text)
    return unescape(text).strip()[:length].strip() if "&" in text else text.strip()[:length].strip()


def _address(value: Any) -> str:
    """The value as an address; one too long for a table is left out, since half of one leads nowhere."""
    text = "" if value is None else _storable(str(getattr(value, "url", value) if value else "")).strip()
    return text if len(text) <= URL_LENGTH else ""


def _category(path: Sequence[str]) -> tuple[str, ...]:
    parts = path.split(">") if isinstance(path, str) else path
    return tuple(filter(None, (_SPACE.sub(" ", _text(part, BRAND_LENGTH)) for part in parts)))[:CATEGORY_DEPTH]


def _path(value: Any) -> Sequence[str]:
    """A category path from what a shop keeps: text, a list of names, or a row that knows its parent."""
    if value is None:
        return ()
    if isinstance(value, models.Model):
        names: list[str] = []
        row: Any = value
        while row is not None and len(names) < CATEGORY_DEPTH:  # a tree with a loop must not hang the sync
            names.append(str(row))
            row = getattr(row, "parent", None)
            row = row() if callable(row) else row
        return names[::-1]
    if isinstance(value, str):
        return value.split(">")
    if isinstance(value, (list, tuple)):
        # Many categories: the item has one path, so the first counts.
        return _path(value[0]) if value and isinstance(value[0], models.Model) else [str(part) for part in value]
    return [str(value)]


def _moment(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return timezone.make_aware(value) if isinstance(value, datetime) and timezone.is_naive(value) else value


def _attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    cleaned = ((_text(name, RELATION_LENGTH), _json(value)) for name, value in values.items())
    return {name: value for name, value in cleaned if name and value is not None and value != "" and value != []}


def _json(value: Any, depth: int = 0) -> Any:
    """The value as JSON can hold it; None where there is nothing worth keeping."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping) and depth < 4:
        inner = ((_text(key, RELATION_LENGTH), _json(v, depth + 1)) for key, v in value.items())
        return {key: v for key, v in inner if key and v is not None} or None
    if isinstance(value, (list, tuple, set, frozenset, models.QuerySet)) and depth < 4:
        values = [v for v in (_json(v, depth + 1) for v in value) if v is not None and v != ""]
        return sorted(values, key=str) if isinstance(value, (set, frozenset)) else values
    return _text(value, 2000)


def _texts(value: Any) -> Iterator[str]:
    """The texts that an attribute value is made of."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from (f"{key}={text}"[:VALUE_LENGTH] for text in _short(_texts(inner)))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)


def _short(texts: Iterable[str]) -> Iterator[str]:
    """Names of the things an attribute value points to."""
    for one in texts:
        text = _SPACE.sub(" ", one).strip()
        if text and len(text) <= VALUE_LENGTH:
            yield text
