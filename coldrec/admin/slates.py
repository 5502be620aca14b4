"""Slates: which items were served, where, by which version, and what became of them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from coldrec.admin import console, display
from coldrec.admin.base import FactsAdmin, TabularInline
from coldrec.admin.figures import FigureFilter
from coldrec.core.types import EventKind
from coldrec.models import Event, Item, Slate, SlateItem


class SlateItemInline(TabularInline):
    model = SlateItem
    extra = 0
    fields = ("position", "item", "level", "score", "propensity", "why", "followed")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        items = Item.objects.filter(shop=OuterRef("shop"), external_id=OuterRef("item_id"))
        wanted = [EventKind.CLICK.value, EventKind.BASKET_ADD.value, EventKind.PURCHASE.value]
        events = Event.objects.filter(slate_id=OuterRef("slate_id"), item_id=OuterRef("item_id"), kind__in=wanted)
        rows = (
            super()
            .get_queryset(request)
            .annotate(
                title=Subquery(items.values("title")[:1]),
                item_pk=Subquery(items.values("pk")[:1]),
                wanted=Exists(events),
            )
        )
        return rows.order_by("position")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description=_("item"))
    def item(self, row: Any) -> SafeString | str:
        return display.row_link("item", row.item_pk, row.title or row.item_id) if row.item_pk else str(row.item_id)

    @admin.display(description=_("reason"))
    def why(self, row: SlateItem) -> str:
        return display.reason(row.reason)

    @admin.display(description=_("clicked or bought"))
    def followed(self, row: Any) -> str:
        return display.text(True) if row.wanted else display.NOTHING


@admin.register(Slate)
class SlateAdmin(FactsAdmin):
    list_display = ("created_at", "placement", "level", "policy", "version", "who")
    list_filter = ("level", FigureFilter)
    list_select_related = ("version", "visitor")
    search_fields = ("placement__exact", "policy__exact")
    search_help_text = _("A placement such as home, or a policy, as a whole.")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("placement", "level", "policy", "version", "who", "about", "again", "created_at", "shop")
    inlines = (SlateItemInline,)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        may_ask = request.user.has_perm(console.PERMISSION)
        return [name for name in self.fields if name != "again" or may_ask]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        slate = super().get_object(request, object_id, from_field)
        if slate is not None:
            slate.console_link = console.link_of_slate(slate, request)
        return slate

    @admin.display(description=_("visitor"))
    def who(self, slate: Slate) -> SafeString | str:
        if slate.visitor is None:
            return display.NOTHING
        return display.row_link("visitor", slate.visitor.pk, slate.visitor.key[:12])

    @admin.display(description=_("console"))
    def again(self, slate: Any) -> SafeString | str:
        return slate.console_link or display.NOTHING

    @admin.display(description=_("context"))
    def about(self, slate: Slate) -> str:
        return display.table(slate.context)
