"""What all changelists share: they stay quick on tables of any size, and facts cannot be edited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from coldrec.admin import display
from coldrec.models import Shop

if apps.is_installed("unfold"):  # its pages leave rows of Django's own classes without their looks
    from unfold.admin import ModelAdmin, TabularInline
else:
    from django.contrib.admin import ModelAdmin, TabularInline

__all__ = ["BoundedPaginator", "FactsAdmin", "FilledFilter", "ModelAdmin", "ShopRowsAdmin", "TabularInline"]

COUNTED = 10_000  # rows; beyond it nobody turns pages, and counting 10⁸ events takes minutes


class BoundedPaginator(Paginator):
    """Counts at most ``COUNTED`` rows, so that no page waits for a whole table; filters reach what lies beyond."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED].count())


class ValueFilter(admin.AllValuesFieldListFilter):
    """One choice for each value that there is; an empty one has a name too, or there would be nothing to press."""

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or display.NOTHING}


class FilledFilter(admin.SimpleListFilter):
    """Rows whose ``field`` is filled, or is not, under a name that says what this means."""

    field = ""
    inverted = False

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(**{f"{self.field}__isnull": (self.value() == "no") != self.inverted})


class ShopRowsAdmin(ModelAdmin):
    """Rows of a shop. Where there is one shop, its name takes no room and its key lets the indexes answer."""

    empty_value_display = display.NOTHING
    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        shops = self._shops(request)
        # Indexes begin with the shop: without it the first and last date of the date hierarchy need the whole table.
        return rows.filter(shop=shops[0]) if len(shops) == 1 else rows

    def get_list_display(self, request: HttpRequest) -> Sequence[Any]:
        columns = super().get_list_display(request)
        return columns if len(self._shops(request)) < 2 else [*columns, "shop"]

    def get_list_filter(self, request: HttpRequest) -> Sequence[Any]:
        filters = super().get_list_filter(request)
        return filters if len(self._shops(request)) < 2 else [*filters, "shop"]

    def get_list_select_related(self, request: HttpRequest) -> Sequence[str]:
        related = super().get_list_select_related(request)
        return ["shop", *(related if isinstance(related, (list, tuple)) else ())]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @staticmethod
    def _shops(request: HttpRequest) -> list[int]:
        """Keys of up to two shops, read once per request."""
        known: list[int] | None = getattr(request, "_coldrec_shops", None)
        if known is None:
            known = request._coldrec_shops = list(Shop.objects.order_by().values_list("pk", flat=True)[:2])  # type: ignore[attr-defined]
        return known


class FactsAdmin(ShopRowsAdmin):
    """Rows that are facts: they can be looked at, not added, changed or deleted."""

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
