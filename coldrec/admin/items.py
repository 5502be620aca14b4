"""Items: the catalogue as coldrec sees it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from coldrec.admin import display, neighbourhood
from coldrec.admin.base import FilledFilter, ShopRowsAdmin
from coldrec.admin.figures import FigureFilter, LackingFilter
from coldrec.models import Item


class InCatalogueFilter(FilledFilter):
    title = _("in the catalogue")
    parameter_name = "in_catalogue"
    field = "removed_at"
    inverted = True


@admin.register(Item)
class ItemAdmin(ShopRowsAdmin):
    """The shop's product is the truth, so only one thing can be set here: whether the item may be shown."""

    list_display = ("name", "external_id", "brand", "category_path", "cost", "sellable", "first_seen")
    list_filter = ("sellable", InCatalogueFilter, LackingFilter, FigureFilter)
    search_fields = ("external_id__exact", "title", "brand")
    search_help_text = _("An item id as a whole, or part of a title or brand.")
    date_hierarchy = "first_seen"
    fieldsets = (
        (None, {"fields": ("title", "external_id", "sellable", "cost", "url", "picture")}),
        (
            _("What a model reads"),
            {"fields": ("text", "brand", "category_path", "attribute_table", "language")},
        ),
        (_("Knowledge graph"), {"fields": ("around",)}),
        (
            _("Life"),
            {"fields": ("first_seen", "updated_at", "removed_at", "variant_group", "digest", "activity")},
        ),
    )

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ("coldrec/admin.css",)}

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        named = [name for _title, options in self.fieldsets for name in options["fields"]]
        return [name for name in named if name != "sellable"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> type[ModelForm]:
        help_text = _("Follows the shop's product: what is set here lasts until the next sync.")
        return super().get_form(request, obj, change, help_texts={"sellable": help_text}, **options)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # the next sync would bring it back; a product that goes away is marked as removed

    def save_model(self, request: HttpRequest, obj: Item, form: ModelForm, change: bool) -> None:
        obj.updated_at = timezone.now()  # workers look for changed items by this
        obj.save(update_fields=["sellable", "updated_at"])

    def view_on_site(self, item: Item) -> str | None:
        return display.safe_address(item.url)

    @admin.display(description=_("item"), ordering="title")
    def name(self, item: Item) -> str:
        return str(item)

    @admin.display(description=_("category path"))
    def category_path(self, item: Item) -> str:
        return display.path(item.category)

    @admin.display(description=_("price"), ordering="price")
    def cost(self, item: Item) -> str:
        return display.NOTHING if item.price is None else f"{item.price} {item.currency}".strip()

    @admin.display(description=_("attributes"))
    def attribute_table(self, item: Item) -> str:
        return display.table(item.attributes)

    @admin.display(description=_("picture"))
    def picture(self, item: Item) -> SafeString | str:
        address = display.safe_address(item.image_url)
        if address is None:
            return display.NOTHING
        # The size stands in attributes, so that a strict Content-Security-Policy has nothing to refuse.
        return format_html('<img src="{}" alt="{}" width="160" loading="lazy">', address, item.title)

    @admin.display(description=_("neighbourhood"))
    def around(self, item: Item) -> SafeString:
        return neighbourhood.shown(item.shop, f"item:{item.external_id}", str(item))

    @admin.display(description=_("content hash"))
    def digest(self, item: Item) -> SafeString:
        return display.breakable(item.content_hash)

    @admin.display(description=_("activity"))
    def activity(self, item: Item) -> SafeString:
        return display.rows_link("event", _("events of this item"), item_id=item.external_id)
