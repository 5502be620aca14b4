"""From a figure to its rows: links to the changelists, and the filter there that shows exactly what was counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from coldrec.models import Event, Item, Shop, Slate, Visitor
from coldrec.services import facts
from coldrec.services.days import INTERACTIONS
from coldrec.services.facts import NAMES, Figure, FigureError

ROWS: dict[type, Callable[[Any, Figure], QuerySet[Any]]] = {
    Event: facts.events,
    Slate: facts.slates,
    Visitor: facts.visitors,
    Item: facts.items,
}
MODEL_OF = (
    dict.fromkeys(facts.OF_EVENTS, "event")
    | dict.fromkeys(facts.OF_SLATES, "slate")
    | dict.fromkeys(facts.OF_VISITORS, "visitor")
    | dict.fromkeys(facts.OF_ITEMS, "item")
)

MODEL_OF_TOPIC = {
    "versions": "modelversion",
    "rollup": "dailymetric",
    "rejected": "rejectedevent",
    "events": "event",
    "consent": "consentrecord",
}


class FigureFilter(admin.ListFilter):
    """Rows that a figure counts. It is offered by the links of the screens only."""

    title = _("counted in a figure")

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type, model_admin: admin.ModelAdmin
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self._model = model
        self._given: dict[str, str] = {}
        if "figure" in params:
            self._given = {name: params.pop(name)[-1] for name in NAMES if name in params}

    def has_output(self) -> bool:
        return bool(self._given)

    def expected_parameters(self) -> list[str]:
        return list(NAMES)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield {"selected": False, "query_string": changelist.get_query_string(remove=NAMES), "display": _("All")}
        said = ", ".join(value or "–" for value in self._given.values())
        yield {"selected": True, "query_string": changelist.get_query_string(), "display": said}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self._given:
            return queryset
        try:
            return ROWS[self._model](queryset, facts.read_figure(self._given))
        except FigureError as error:
            raise IncorrectLookupParameters(str(error)) from error


class LackingFilter(admin.SimpleListFilter):
    """Items that lack what a list or a model needs."""

    title = _("lacking")
    parameter_name = "lacking"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [
            ("text", _("title and text")),
            ("price", _("price")),
            ("image", _("image")),
            ("category", _("category")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        lacks = facts.LACKS.get(self.value() or "")
        return queryset if lacks is None else queryset.filter(lacks)


class Links:
    """Addresses of the rows of one shop, for somebody: "" where they may not look at them."""

    def __init__(self, request: HttpRequest, shop: Shop) -> None:
        self._request, self._shop = request, shop

    def rows(self, model: str, **filters: Any) -> str:
        if not self._request.user.has_perm(f"coldrec.view_{model}"):
            return ""
        name = f"admin:coldrec_{model}_changelist"
        try:
            address = reverse(name, current_app=getattr(self._request, "current_app", None))
        except NoReverseMatch:
            return ""  # the project has taken this table out of its admin
        return f"{address}?{urlencode(filters | {'shop__id__exact': self._shop.pk})}"

    def figure(self, figure: str, **fields: Any) -> str:
        return self.rows(MODEL_OF[figure], **Figure(figure, **fields).parameters())

    def topic(self, topic: str) -> str:
        """The rows that an alarm or a light is about."""
        if topic.startswith("lacking_"):
            what = topic.removeprefix("lacking_")
            return self.rows("item", lacking=what, in_catalogue="yes", sellable__exact=1)
        if topic == "visitors":
            return self.figure("of_two_items")
        if topic in ("interactions", "trend"):
            return self.rows("event", kind__in=",".join(sorted(INTERACTIONS)))
        if topic == "baskets":
            return self.rows("event", kind__in="basket_add,purchase")
        return self.rows(MODEL_OF_TOPIC[topic])
