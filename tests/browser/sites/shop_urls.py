"""The demo shop's addresses, and its pictures although DEBUG is off."""

from django.conf import settings
from django.urls import path
from django.views.static import serve

from shop_demo import urls

urlpatterns = [*urls.urlpatterns, path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT})]
# What the shop says about pages that are not there, or broke.
for name in ("handler404", "handler403", "handler500"):
    if hasattr(urls, name):
        globals()[name] = getattr(urls, name)
