"""A shop whose pages a shared cache may keep: all lists are late."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from tests.templatetags.pages import render

HOME = (
    "{% load coldrec %}<h1>The shop</h1>{% coldrec_widget 'home' late=True %}"
    "{% coldrec_widget 'recently_viewed' late=True %}{% coldrec_widget 'trending' size=4 title='Hot & new' late=True %}"
    "{% coldrec_widget 'home' size=6 late=True %}"
)
PRODUCT = (
    "{% load coldrec %}<h1>{{ item }}</h1>{% coldrec_widget 'product_similar' item=item late=True %}"
    "{% coldrec_widget 'trending' category=here late=True %}"
)


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(render(HOME, request))


def product(request: HttpRequest, item: str) -> HttpResponse:
    return HttpResponse(render(PRODUCT, request, item=item, here=["kitchen", "tea"]))


urlpatterns = [path("", home), path("products/<path:item>/", product), path("coldrec/", include("coldrec.urls"))]
