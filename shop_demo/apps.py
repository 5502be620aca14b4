"""How Django finds the demo shop."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ShopDemoConfig(AppConfig):
    name = "shop_demo"
    label = "shop_demo"
    verbose_name = "Demo shop"

    def ready(self) -> None:
        from oscar.core.loading import get_class

        # A size is bought on the page of its product.
        get_class("catalogue.views", "ProductDetailView").enforce_parent = True
        # oscar's basket page shows the number alone; whoever cannot see the page hears what it is.
        quantity = get_class("basket.forms", "BasketLineForm").base_fields["quantity"]
        quantity.widget.attrs["aria-label"] = _("Quantity")
