"""What the shop's staff can see and do in Django's admin: one file per subject."""

from django.contrib import admin

from coldrec.admin import events, graph, items, placements, privacy, screens, shops, slates, training, visitors
from coldrec.admin.console import ConsoleScreen

__all__ = ["events", "graph", "items", "placements", "privacy", "shops", "slates", "training", "visitors"]

screens.install(admin.site, [ConsoleScreen])
