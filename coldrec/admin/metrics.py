"""The daily figures themselves, as rows."""

from __future__ import annotations

from django.contrib import admin

from coldrec.admin.base import FactsAdmin
from coldrec.models import DailyMetric


@admin.register(DailyMetric)
class DailyMetricAdmin(FactsAdmin):
    list_display = (
        "day",
        "placement",
        "level",
        "visitor_bucket",
        "item_bucket",
        "channel",
        "lists",
        "impressions",
        "clicks",
        "basket_adds",
        "purchases",
        "revenue",
        "currency",
    )
    list_filter = ("level", "visitor_bucket", "item_bucket")
    search_fields = ("placement__exact", "channel__exact")
    date_hierarchy = "day"
    ordering = ("-day", "-pk")
