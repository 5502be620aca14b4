"""Pages with coldrec's tags on them, and coldrec's own."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import include, path
from django.utils.cache import patch_cache_control
from django.views.static import serve

from coldrec.models import Item


def _page(request: HttpRequest, name: str, **context: Any) -> HttpResponse:
    """A page that is the same for everybody, as its headers say."""
    shown = {"way": request.GET.get("dir", "ltr"), "size": int(request.GET.get("size", 12)), **context}
    response = render(request, f"bare/{name}.html", shown)
    patch_cache_control(response, public=True, s_maxage=600)
    return response


def home(request: HttpRequest) -> HttpResponse:
    return _page(request, "home")


def many(request: HttpRequest) -> HttpResponse:
    """Four late lists, two of them of one placement."""
    return _page(request, "many")


def one(request: HttpRequest) -> HttpResponse:
    """The list of any placement."""
    return _page(request, "one", placement=request.GET["placement"])


def at_once(request: HttpRequest) -> HttpResponse:
    """Lists that are on the page from the start, made for whoever asks: no cache may keep it."""
    response = _page(request, "at_once", more=request.GET.get("more", ""))
    del response["Cache-Control"]
    patch_cache_control(response, private=True, no_store=True)
    return response


def product(request: HttpRequest, pk: int, slug: str = "") -> HttpResponse:
    return _page(request, "product", item=get_object_or_404(Item, external_id=str(pk)))


def basket(request: HttpRequest) -> HttpResponse:
    return redirect("/")


urlpatterns = [
    path("", home),
    path("many/", many),
    path("one/", one),
    path("at-once/", at_once),
    path("basket/", basket),
    path("catalogue/<slug>_<int:pk>/", product),
    path("coldrec/", include("coldrec.urls")),
    path("admin/", admin.site.urls),
    path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}),
]
