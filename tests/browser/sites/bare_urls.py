"""Pages with coldrec's tags on them, and coldrec's own."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import include, path
from django.utils.cache import patch_cache_control
from django.views.static import serve

from coldrec.models import Item


def _page(request: HttpRequest, name: str, **context: Any) -> HttpResponse:
    """A page that is the same for everybody, as its headers say."""
    response = render(request, f"bare/{name}.html", {"way": request.GET.get("dir", "ltr"), **context})
    patch_cache_control(response, public=True, s_maxage=600)
    return response


def home(request: HttpRequest) -> HttpResponse:
    return _page(request, "home")


def product(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    return _page(request, "product", item=get_object_or_404(Item, external_id=str(pk)))


urlpatterns = [
    path("", home),
    path("catalogue/<slug>_<int:pk>/", product),
    path("coldrec/", include("coldrec.urls")),
    path("admin/", admin.site.urls),
    path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}),
]
