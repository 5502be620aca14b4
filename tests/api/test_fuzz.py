"""Whatever fits the OpenAPI document, and much that does not, gets a documented answer."""

from collections import Counter

import pytest
import schemathesis
from django.core.cache import cache
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import override_settings
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.generation import GenerationMode

from coldrec.api.serializers import is_yes
from coldrec.services.placements import DEFAULT_PLACEMENTS
from tests.api.shopper import SCHEMA

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 60  # for each endpoint and mode

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def fuzzed(shop):
    """The document as schemathesis reads it, over the real WSGI application.

    As with Django's own test client, the end of a request must not close the connection that the test's data is in.
    """
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi(SCHEMA, get_wsgi_application())
    for signal in signals:
        signal.connect(close_old_connections)


@override_settings(ALLOWED_HOSTS=["*"])
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("GET", "/v1/recommendations/"),
        ("GET", "/v1/items/{item_id}/similar/"),
        ("GET", "/v1/slates/{slate_id}/next/"),
        ("POST", "/v1/events/"),
        ("POST", "/v1/consent/"),
        ("POST", "/v1/dislikes/"),
    ],
    ids=["recommendations", "similar", "next", "events", "consent", "dislikes"],
)
def test_every_answer_is_a_documented_one(fuzzed, method, address, mode):
    seen = Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=fuzzed[address][method].as_strategy(generation_mode=mode))
    def fuzz(case):
        cache.clear()  # limits are not what this is about
        if mode is GenerationMode.POSITIVE and "placement" in (case.query or {}):
            # Of made-up names none is a placement's, and all else would go unread.
            case.query["placement"] = list(DEFAULT_PLACEMENTS)[: min(len(case.query["placement"]), 3)]
        answer = case.call_and_validate(checks=CHECKS)
        is_shared = answer.status_code == 200 and case.query and is_yes(str(case.query.get("public", "")))
        assert answer.headers["cache-control"] == ["public, max-age=60" if is_shared else "private, no-store"]
        assert not (is_shared and "set-cookie" in answer.headers)
        seen[answer.status_code] += 1

    fuzz()
    if mode is GenerationMode.POSITIVE:
        # Few of the ids that it makes up are in the catalogue, and none is a slate's.
        names_one = "_id}" in address or "dislikes" in address
        assert seen[200] or seen[202] or (seen[404] and names_one), f"nothing was taken: {seen}"
    else:
        assert seen[400], f"nothing was refused: {seen}"
