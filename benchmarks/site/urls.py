"""Pages with no, one and four lists, and the yardstick: an empty view of Django REST framework."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

PAGES = {
    "none": (),
    "one": ("home",),
    "four": ("home", "product_similar", "trending", "new_arrivals"),
    "all": (
        "home",
        "product_similar",
        "product_together",
        "basket",
        "recently_viewed",
        "trending",
        "new_arrivals",
    ),
}
"""Page → the placements on it."""


class Empty(APIView):
    def get(self, request: Request) -> Response:
        return Response({})


def page(request: HttpRequest, name: str, item: str = "") -> HttpResponse:
    return render(request, f"{name}.html", {"item": item, "basket": [item] if item else []})


urlpatterns = [
    path("empty/", Empty.as_view()),
    *(path(f"{name}/", page, {"name": name}, name=name) for name in PAGES),
    *(path(f"{name}/<item>/", page, {"name": name}, name=f"{name}_of") for name in PAGES),
    path("coldrec/", include("coldrec.urls")),
    path("admin/", admin.site.urls),
]
