"""The OpenAPI document of version 1, made from the views and served as JSON."""

from functools import lru_cache
from typing import Any

from django.urls import URLPattern
from django.utils.translation import get_language
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.plumbing import normalize_result_object, sanitize_result_object
from drf_spectacular.settings import spectacular_settings
from rest_framework.request import Request
from rest_framework.response import Response

from coldrec.api.views import View

PATH = "v1/schema/"
DESCRIPTION = (
    "Lists of recommended items out, events in. Every answer is JSON, and private to one visitor unless it was asked "
    "for as public. Other addresses below v1/ answer 404 unknown_address, other versions 404 unknown_version."
)


class SchemaView(View):
    """OpenAPI 3 of coldrec's own endpoints, whatever else the project serves or sets up."""

    schema = None  # neither here nor in the project's own document
    shared_seconds = 300
    patterns: tuple[URLPattern, ...] = ()

    def get(self, request: Request) -> Response:
        mounted_at = request.path.removesuffix(PATH)
        return Response(
            {**_document(self.patterns, get_language()), "servers": [{"url": mounted_at.rstrip("/") or "/"}]}
        )


class _OwnEndpoints(EndpointEnumerator):
    def get_api_endpoints(self, patterns: Any = None, prefix: str = "") -> list[Any]:
        # The project's own hooks are written for its own document.
        return self._get_api_endpoints(patterns, prefix)


class _OwnGenerator(SchemaGenerator):
    endpoint_inspector_cls = _OwnEndpoints


@lru_cache(maxsize=16)
def _document(patterns: tuple[URLPattern, ...], language: str | None) -> dict[str, Any]:
    """The document in one language. It is the same for everybody, and making it takes as long as many requests."""
    generator = _OwnGenerator(patterns=patterns)
    paths = generator.parse(None, public=True)
    document = {
        "openapi": spectacular_settings.OAS_VERSION,
        "info": {"title": "coldrec", "version": "1", "description": DESCRIPTION},
        "paths": paths,
        "components": generator.registry.build({}),
    }
    return _without_marks(sanitize_result_object(normalize_result_object(document)))


def _without_marks(part: Any) -> Any:
    """The same without what drf-spectacular writes for its own later steps."""
    if isinstance(part, dict):
        return {name: _without_marks(value) for name, value in part.items() if name != "x-spec-enum-id"}
    return [_without_marks(value) for value in part] if isinstance(part, list) else part
