"""Visitors: who is recommended to, under a pseudonym."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from coldrec.admin import display
from coldrec.admin.base import FactsAdmin, FilledFilter
from coldrec.models import Visitor


class AccountFilter(FilledFilter):
    title = _("with an account")
    parameter_name = "with_account"
    field = "user"


@admin.register(Visitor)
class VisitorAdmin(FactsAdmin):
    list_display = ("short_key", "user", "consent", "is_personalised", "channel", "merged_into", "created_at")
    list_filter = ("consent", AccountFilter)
    list_select_related = ("user", "merged_into")
    search_fields = ("key__exact",)
    search_help_text = _("A visitor's key as a whole.")
    fields = (
        "whole_key",
        "user",
        "consent",
        "is_personalised",
        "channel",
        "merged_into",
        "merged_at",
        "created_at",
        "activity",
        "shop",
    )

    @admin.display(description=_("key"), ordering="key")
    def short_key(self, visitor: Visitor) -> str:
        return visitor.key[:12]

    @admin.display(description=_("key"))
    def whole_key(self, visitor: Visitor) -> SafeString:
        return display.breakable(visitor.key)

    @admin.display(description=_("activity"))
    def activity(self, visitor: Visitor) -> SafeString:
        return format_html(
            "{} · {}",
            display.rows_link("event", _("events of this visitor"), visitor__id__exact=visitor.pk),
            display.rows_link("slate", _("lists served to this visitor"), visitor__id__exact=visitor.pk),
        )
