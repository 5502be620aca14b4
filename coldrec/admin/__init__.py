"""What the shop's staff can see and do in Django's admin: one file per subject."""

from coldrec.admin import events, graph, items, privacy, shops, slates, training, visitors

__all__ = ["events", "graph", "items", "privacy", "shops", "slates", "training", "visitors"]
