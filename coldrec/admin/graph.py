"""Triples: the facts of the knowledge graph."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from coldrec.admin.base import FactsAdmin
from coldrec.models import Triple


@admin.register(Triple)
class TripleAdmin(FactsAdmin):
    """Facts come from the catalogue: one that is wrong is put right at the product and follows by itself."""

    list_display = ("head", "relation", "tail")
    search_fields = ("head__startswith", "tail__startswith", "relation__exact")
    search_help_text = _("The beginning of a head or tail such as item:12 or brand:A, or a relation as a whole.")
    fields = ("head", "relation", "tail", "shop")
