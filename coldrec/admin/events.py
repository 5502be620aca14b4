"""Events as they came, and those that could not be taken."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from coldrec.admin import display
from coldrec.admin.base import FactsAdmin
from coldrec.admin.figures import FigureFilter
from coldrec.models import Event, RejectedEvent, Shop
from coldrec.services import events


@admin.register(Event)
class EventAdmin(FactsAdmin):
    list_display = ("occurred_at", "kind", "about", "who", "amount", "quantity", "position")
    list_display_links = ("occurred_at",)
    list_filter = ("kind", FigureFilter)
    list_select_related = ("visitor",)
    search_fields = ("event_id__exact", "item_id__exact")
    search_help_text = _("An item id or an event id, as a whole.")
    date_hierarchy = "occurred_at"
    fields = (
        "event_id",
        "kind",
        "about",
        "who",
        "amount",
        "quantity",
        "served_in",
        "position",
        "occurred_at",
        "received_at",
        "shop",
    )

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        # Pages of items, visitors and slates link here with these.
        return lookup in {"item_id", "slate_id", "visitor__id__exact"} or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("item or search words"))
    def about(self, event: Event) -> SafeString | str:
        if event.item_id:
            return display.rows_link("item", event.item_id, external_id=event.item_id)
        return event.query or display.NOTHING

    @admin.display(description=_("visitor"))
    def who(self, event: Event) -> SafeString:
        return display.row_link("visitor", event.visitor_id, event.visitor.key[:12])

    @admin.display(description=_("value"))
    def amount(self, event: Event) -> str:
        return display.NOTHING if event.value is None else f"{event.value} {event.currency}".strip()

    @admin.display(description=_("slate"))
    def served_in(self, event: Event) -> SafeString | str:
        if event.slate_id is None:
            return display.NOTHING
        return display.rows_link("slate", str(event.slate_id), id__exact=event.slate_id)


@admin.register(RejectedEvent)
class RejectedEventAdmin(FactsAdmin):
    list_display = ("received_at", "code", "reason", "source")
    list_filter = ("code",)
    search_fields = ("reason", "source")
    date_hierarchy = "received_at"
    fields = ("received_at", "code", "reason", "source", "visitor", "received_body", "shop")
    actions = ("replay",)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("coldrec.replay_rejectedevent")

    @admin.display(description=_("body"))
    def received_body(self, rejected: RejectedEvent) -> SafeString:
        return format_html("<code>{}</code>", rejected.body)

    @admin.action(permissions=["replay"], description=_("Try the selected events again"))
    def replay(self, request: HttpRequest, queryset: QuerySet[RejectedEvent]) -> None:
        chosen = RejectedEvent.objects.filter(pk__in=queryset.order_by().values("pk"))
        for shop in Shop.objects.filter(pk__in=list(chosen.values_list("shop", flat=True).distinct())):
            counts = events.replay_rejected(shop, among=chosen)
            gone = counts.accepted + counts.duplicate
            LogEntry.objects.create(
                user_id=request.user.pk,
                content_type=ContentType.objects.get_for_model(RejectedEvent),
                object_repr=str(shop),
                action_flag=CHANGE,
                change_message=f"{counts.accepted} accepted, {counts.duplicate} duplicate, {counts.rejected} rejected",
            )
            if gone:
                said = ngettext(
                    "%(gone)d event is no longer rejected: %(accepted)d taken now, %(duplicate)d there already.",
                    "%(gone)d events are no longer rejected: %(accepted)d taken now, %(duplicate)d there already.",
                    gone,
                )
                numbers = {"gone": gone, "accepted": counts.accepted, "duplicate": counts.duplicate}
                self.message_user(request, said % numbers, messages.SUCCESS)
            if counts.rejected:
                said = ngettext("%d event stays rejected.", "%d events stay rejected.", counts.rejected)
                self.message_user(request, said % counts.rejected, messages.WARNING)
