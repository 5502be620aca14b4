"""What the shop's staff can see and do in Django's admin: one file per subject."""

from django.contrib import admin

from coldrec.admin import (
    encoders,
    events,
    graph,
    items,
    metrics,
    placements,
    privacy,
    screens,
    shops,
    slates,
    training,
    visitors,
)
from coldrec.admin.cold_start import ColdStartScreen
from coldrec.admin.console import ConsoleScreen
from coldrec.admin.graph_screen import GraphScreen
from coldrec.admin.overview import OverviewScreen
from coldrec.admin.readiness import ReadinessScreen

__all__ = [
    "encoders",
    "events",
    "graph",
    "items",
    "metrics",
    "placements",
    "privacy",
    "shops",
    "slates",
    "training",
    "visitors",
]

screens.install(admin.site, [OverviewScreen, ColdStartScreen, ReadinessScreen, ConsoleScreen, GraphScreen])
