"""Shops: their name, and which version serves."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from coldrec.admin import display
from coldrec.admin.base import ModelAdmin
from coldrec.models import Shop


@admin.register(Shop)
class ShopAdmin(ModelAdmin):
    list_display = ("key", "name", "serving_version", "created_at")
    list_select_related = ("serving_version",)
    search_fields = ("key", "name")
    fields = ("key", "name", "serving_version", "created_at", "rows")
    # Promotion and roll-back move the serving version, after the gate; see the actions of model versions.
    readonly_fields = ("key", "serving_version", "created_at", "rows")

    @admin.display(description=_("rows of this shop"))
    def rows(self, shop: Shop) -> SafeString:
        links = [
            display.rows_link(model._meta.model_name, model._meta.verbose_name_plural, shop__id__exact=shop.pk)
            for model in (relation.related_model for relation in Shop._meta.related_objects)
            if self.admin_site.is_registered(model)
        ]
        return format_html_join(" · ", "{}", ((link,) for link in links))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a shop is made on first use, under the key in COLDREC["SHOP"]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # it would take every item, event and slate along
