"""How Django finds the demo shop."""

from django.apps import AppConfig


class ShopDemoConfig(AppConfig):
    name = "shop_demo"
    label = "shop_demo"
    verbose_name = "Demo shop"

    def ready(self) -> None:
        from oscar.core.loading import get_class

        get_class(
            "catalogue.views", "ProductDetailView"
        ).enforce_parent = True  # a size is bought on its product's page
