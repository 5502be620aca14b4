"""A real django-oscar shop with coldrec installed: what `make demo` serves."""

from shop_demo.celery import app as celery_app

__all__ = ["celery_app"]
