"""How Django finds the demo shop."""

from django.apps import AppConfig


class ShopDemoConfig(AppConfig):
    name = "shop_demo"
    label = "shop_demo"
    verbose_name = "Demo shop"
