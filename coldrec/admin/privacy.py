"""Proof that wishes were followed, and what was left out: consent, erasures, requests that were nobody's."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from coldrec.admin import display
from coldrec.admin.base import FactsAdmin
from coldrec.models import ConsentRecord, Erasure, IgnoredCount


@admin.register(ConsentRecord)
class ConsentRecordAdmin(FactsAdmin):
    list_display = ("created_at", "answer", "source", "who")
    list_display_links = ("created_at",)
    list_filter = ("answer",)
    list_select_related = ("visitor",)
    search_fields = ("visitor__key__exact",)
    search_help_text = _("A visitor's key as a whole.")
    date_hierarchy = "created_at"
    fields = ("created_at", "answer", "source", "who", "shop")

    @admin.display(description=_("visitor"))
    def who(self, record: ConsentRecord) -> SafeString:
        return display.row_link("visitor", record.visitor_id, record.visitor.key[:12])


@admin.register(Erasure)
class ErasureAdmin(FactsAdmin):
    list_display = ("created_at", "reference", "source")
    search_fields = ("reference__exact",)
    search_help_text = _("A reference as a whole.")
    date_hierarchy = "created_at"
    fields = ("created_at", "reference", "source", "rows", "shop")

    @admin.display(description=_("removed"))
    def rows(self, erasure: Erasure) -> SafeString | str:
        return display.table(erasure.removed)


@admin.register(IgnoredCount)
class IgnoredCountAdmin(FactsAdmin):
    list_display = ("day", "reason", "count")
    list_filter = ("reason",)
    date_hierarchy = "day"
    ordering = ("-day", "reason")
    fields = ("day", "reason", "count", "shop")
