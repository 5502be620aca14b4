"""A shop's pages with lists on them, and a reader of what a browser would find there."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import override_settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

HOME = (
    "{% load coldrec %}<h1>The shop</h1>{% coldrec_widget 'home' %}{% coldrec_widget 'recently_viewed' %}"
    "{% coldrec_widget 'trending' %}{% coldrec_widget 'new_arrivals' %}<footer>The end</footer>"
)
PRODUCT = (
    "{% load coldrec %}<h1>{{ item }}</h1>{% coldrec_widget 'product_similar' item=item %}"
    "{% coldrec_widget 'product_together' item=item %}<footer>The end</footer>"
)


def render(source: str, request: HttpRequest | None = None, **context: Any) -> str:
    return str(engines["django"].from_string("{% load coldrec %}" + source).render(context, request))


@csrf_exempt
def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(render(HOME, request))


def product(request: HttpRequest, item: str) -> HttpResponse:
    return HttpResponse(render(PRODUCT, request, item=item))


urlpatterns = [path("", home, name="home"), path("products/<item>/", product, name="product")]


def own_templates(**templates: str) -> override_settings:
    """A project that has these templates of its own before coldrec's; ``__`` stands for the slash, without .html."""
    named = {f"{name.replace('__', '/')}.html": source for name, source in templates.items()}
    loaders = [
        ("django.template.loaders.locmem.Loader", named),
        "django.template.loaders.app_directories.Loader",
    ]
    engine = {"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": loaders}}
    return override_settings(TEMPLATES=[engine])


class Page(HTMLParser):
    """Elements, by the rules a browser reads them with, and the text outside of them."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.oddities: list[str] = []  # comments, declarations and the like, of which our pages have none
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.oddities.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _tag, attributes in self.elements if attribute in attributes]

    @property
    def items(self) -> list[str]:
        return self.values("data-coldrec-item")
