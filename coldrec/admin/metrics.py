"""The daily figures themselves, as rows."""

from __future__ import annotations

from django.contrib import admin

from coldrec.admin.base import FactsAdmin, ValueFilter
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
    list_filter = (("level", ValueFilter), ("visitor_bucket", ValueFilter), ("item_bucket", ValueFilter))
    search_fields = ("placement__exact", "channel__exact")
    date_hierarchy = "day"
    ordering = ("-day", "-pk")
