"""Search and browsing straight from the shop's database: a Haystack engine that needs no server and no index.

Haystack's own "simple" engine ignores field filters, so oscar's category pages and searches of several words come
back wrong with it. This one turns the query into one Django filter: every word must be in the title, the description,
the UPC or the name of a category or one above it, in either language; titles that hold the first word come first.
Chinese is written without spaces, so a run of it is also found where the title has all its characters: 条纹衬衫 in
条纹亚麻衬衫.
"""

import re
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Case, IntegerField, Min, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from haystack.backends import BaseEngine, BaseSearchBackend, BaseSearchQuery, SearchNode
from haystack.models import SearchResult
from oscar.core.loading import get_model

TITLES = ("title_en", "title_zh_hans")
WORDS = (*TITLES, "description_en", "description_zh_hans", "upc")
CHINESE = re.compile("[\u4e00-\u9fff]{2,}")
ORDERS = {"date_created": "date_created", "rating": "rating", "price": "lowest", "title_exact": "title"}


class DatabaseQuery(BaseSearchQuery):
    """Builds a Django ``Q`` where other engines build text."""

    def build_query(self) -> Q:
        return self._as_q(self.query_filter)

    def _as_q(self, node: SearchNode) -> Q:
        parts = [
            self._as_q(child) if isinstance(child, SearchNode) else self._condition(*child) for child in node.children
        ]
        whole = reduce(or_ if node.connector == node.OR else and_, parts, Q())
        return ~whole if node.negated else whole

    def _condition(self, expression: str, value: Any) -> Q:
        field, _, lookup = expression.partition("__")
        if field == "content":
            words = str(getattr(value, "query_string", value)).replace('"', " ").split()
            return reduce(and_, (_holds(word) for word in words[:8]), Q())
        if field == "category":
            return Q(categories__in=value)
        if field == "is_public":
            return Q(is_public=value in (True, "true"))
        if field == "structure":
            return Q(structure__in=value if lookup == "in" else [value])
        return Q()

    def first_word(self) -> str:
        """The first word searched for, or nothing when browsing."""
        for child in self.query_filter.children:
            if not isinstance(child, SearchNode) and child[0].startswith("content"):
                return (str(getattr(child[1], "query_string", child[1])).replace('"', " ").split() or [""])[0]
        return ""

    def build_params(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return super().build_params(*args, **kwargs) | {"first_word": self.first_word()}


def _holds(word: str) -> Q:
    """What has the word somewhere, or all characters of a Chinese one in its title."""
    named = get_model("catalogue", "Category").objects.filter(
        Q(name_en__icontains=word) | Q(name_zh_hans__icontains=word)
    )
    under = (Q(categories__path__startswith=path) for path in named.values_list("path", flat=True))
    anywhere = reduce(or_, (*(Q(**{f"{name}__icontains": word}) for name in WORDS), *under))
    if CHINESE.fullmatch(word):
        return anywhere | reduce(and_, (Q(title_zh_hans__contains=character) for character in word[:12]))
    return anywhere


class DatabaseBackend(BaseSearchBackend):
    """Answers from the product table; there is nothing to update."""

    def search(self, query_string: Q, **kwargs: Any) -> dict[str, Any]:
        products = get_model("catalogue", "Product").objects.browsable()
        found = products.filter(pk__in=products.filter(query_string).values("pk"))  # no row twice after the joins
        rows = self._ordered(found, kwargs.get("sort_by") or [], kwargs.get("first_word", ""))
        results = []
        for product in rows.base_queryset()[kwargs.get("start_offset") or 0 : kwargs.get("end_offset")]:
            result = SearchResult("catalogue", "product", product.pk, 0)
            result._object = product
            results.append(result)
        return {"results": results, "hits": found.count()}

    def _ordered(self, products: QuerySet, sort_by: list[Any], first_word: str) -> QuerySet:
        for field in sort_by:
            name = field[0] if isinstance(field, tuple) else field
            if order := ORDERS.get(name.removeprefix("-")):
                if order == "lowest":
                    own, childrens = Min("stockrecords__price"), Min("children__stockrecords__price")
                    products = products.annotate(lowest=Coalesce(own, childrens))
                return products.order_by(("-" if name.startswith("-") else "") + order, "pk")
        if first_word:
            hit = reduce(or_, (Q(**{f"{name}__icontains": first_word}) for name in TITLES))
            in_title = Case(When(hit, then=Value(0)), default=Value(1), output_field=IntegerField())
            return products.order_by(in_title, "-date_created", "pk")
        return products.order_by("-date_created", "pk")

    def update(self, index: Any, iterable: Any, commit: bool = True) -> None: ...
    def remove(self, obj_or_string: Any, commit: bool = True) -> None: ...
    def clear(self, models: Any = None, commit: bool = True) -> None: ...


class DatabaseEngine(BaseEngine):
    backend = DatabaseBackend
    query = DatabaseQuery
