"""The OpenAPI document: valid, whole, and true; every example in it is accepted by the real endpoint."""

import json
import re
import subprocess
import sys
import uuid
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import override_settings
from django.urls import include, path
from django.utils import timezone
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.validation import validate_schema
from jsonschema import Draft4Validator

from coldrec import urls
from coldrec.api import document, errors, examples, serializers
from coldrec.core.types import EventKind, Level
from coldrec.models import Item, Slate
from coldrec.services import events
from tests.api.shopper import DISLIKES, SCHEMA, Shopper, server, slate

urlpatterns = [path("", include("coldrec.urls")), path("shop/reco/", include("coldrec.urls", namespace="again"))]

NAMES = {"recommendations", "similar", "next", "events", "consent", "dislike", "dislikes", "health"}
OPERATIONS = {
    ("get", "/v1/recommendations/"),
    ("get", "/v1/items/{item_id}/similar/"),
    ("get", "/v1/slates/{slate_id}/next/"),
    ("post", "/v1/events/"),
    ("post", "/v1/consent/"),
    ("post", "/v1/dislikes/"),
    ("delete", "/v1/dislikes/{item_id}/"),
    ("get", "/v1/health/"),
}


@pytest.fixture(autouse=True)
def _made_anew():
    document._document.cache_clear()
    yield
    document._document.cache_clear()


@pytest.fixture
def openapi(db, settings_of_shop):
    GENERATOR_STATS.reset()
    return Shopper().get(SCHEMA).json()


def operations(openapi):
    for address, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield method, address, operation


def every(part, found=None):
    """All objects inside the document."""
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from every(one)


def as_json_schema(part):
    """OpenAPI 3.0 says ``nullable`` where JSON Schema says ``type: null``."""
    if isinstance(part, list):
        return [as_json_schema(one) for one in part]
    if not isinstance(part, dict):
        return part
    plain = {name: as_json_schema(value) for name, value in part.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if part.get("nullable") else plain


def fits(openapi, shape, value):
    whole = {**as_json_schema(shape), "components": as_json_schema(openapi["components"])}
    return [f"{error.json_path}: {error.message}" for error in Draft4Validator(whole).iter_errors(value)]


def test_it_is_openapi_3_and_made_without_a_warning(openapi):
    validate_schema(openapi)
    assert openapi["openapi"].startswith("3.")
    assert openapi["info"]["version"] == "1"
    assert not GENERATOR_STATS, "drf-spectacular has complained"


def test_it_holds_our_endpoints_and_no_others(openapi):
    assert {(method, address) for method, address, _ in operations(openapi)} == OPERATIONS
    assert openapi["servers"] == [{"url": "/coldrec"}]


def test_names_are_unique_and_do_not_change_with_the_projects_addresses(openapi):
    ids = [operation["operationId"] for _, _, operation in operations(openapi)]
    assert sorted(ids) == [f"coldrec_{name}" for name in sorted(NAMES)]
    assert all(name.startswith("Coldrec") for name in openapi["components"]["schemas"])


def test_everything_is_explained(openapi):
    for _, address, operation in operations(openapi):
        assert operation["summary"] and operation["description"], address
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (address, parameter["name"])
        for status, answer in operation["responses"].items():
            assert answer["description"], (address, status)
            assert status == "304" or answer["content"]["application/json"]["examples"], (address, status)
    assert not [part for part in every(openapi) if "x-spec-enum-id" in part]


def test_every_kind_of_answer_is_documented(openapi):
    documented = {address: set(operation["responses"]) for _, address, operation in operations(openapi)}
    assert documented == {
        "/v1/recommendations/": {"200", "304", "400", "401", "403", "405", "429", "503"},
        "/v1/items/{item_id}/similar/": {"200", "304", "400", "401", "403", "404", "405", "429", "503"},
        "/v1/slates/{slate_id}/next/": {"200", "400", "401", "403", "404", "405", "429", "503"},
        "/v1/events/": {"202", "400", "401", "403", "405", "413", "415", "429", "503"},
        "/v1/consent/": {"200", "400", "401", "403", "405", "413", "415", "429", "503"},
        "/v1/dislikes/": {"200", "400", "401", "403", "404", "405", "413", "415", "429", "503"},
        "/v1/dislikes/{item_id}/": {"200", "401", "403", "404", "405", "429", "503"},
        "/v1/health/": {"200", "405", "503"},
    }


def test_answers_that_ask_for_patience_document_how_much(openapi):
    for _, address, operation in operations(openapi):
        for status in {"429", "503"} & set(operation["responses"]):
            if address != "/v1/health/":
                assert "Retry-After" in operation["responses"][status]["headers"], (address, status)


def test_codes_of_errors_are_in_the_examples(openapi):
    given = {
        example["value"]["code"]
        for _, _, operation in operations(openapi)
        for status, answer in operation["responses"].items()
        if status[0] in "45"
        for example in answer["content"]["application/json"]["examples"].values()
        if "code" in example["value"]
    }
    ours = {one.default_code for one in vars(errors).values() if getattr(one, "__module__", "") == errors.__name__
            and hasattr(one, "default_code")}  # fmt: skip
    elsewhere = {"unknown_version", "unknown_address"}  # at no address of the document, but in its description
    assert ours - elsewhere <= given
    assert all(code in openapi["info"]["description"] for code in elsewhere)


def test_examples_of_answers_have_the_shape_they_illustrate(openapi):
    count = 0
    for _, address, operation in operations(openapi):
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json", {"examples": {}})
            for name, example in content["examples"].items():
                assert not fits(openapi, content["schema"], example["value"]), (address, status, name)
                count += 1
    assert count >= 30


def test_examples_of_requests_are_accepted_by_the_real_endpoint(openapi, shop):
    sent = 0
    for method, address, operation in operations(openapi):
        for content_type, content in operation.get("requestBody", {}).get("content", {}).items():
            for name, example in content["examples"].items():
                assert not fits(openapi, content["schema"], example["value"]), name
                answer = Shopper().generic(
                    method.upper(), f"/coldrec{address}", as_sent(example["value"]), content_type=content_type
                )
                assert answer.status_code in (200, 202), (name, answer.content)
                receipt = answer.json()
                assert receipt.get("accepted") == receipt.get("received"), (name, receipt)
                sent += 1
    assert sent >= 7


def as_sent(value):
    return value if isinstance(value, str) else json.dumps(value)


def test_examples_of_parameters_are_accepted_by_the_real_endpoints(openapi, shop):
    Slate.objects.create(
        pk=examples.SLATE_ID, shop=shop, placement="home", policy="x", level="popular", created_at=timezone.now()
    )
    asked = 0
    for method, address, operation in operations(openapi):
        if method != "get":
            continue
        given = {
            parameter["name"]: (parameter, example["value"])
            for parameter in operation.get("parameters", ())
            for example in parameter.get("examples", {}).values()
        }
        assert not [one for parameter, value in given.values() for one in fits(openapi, parameter["schema"], value)]
        query = {name: value for name, (parameter, value) in given.items() if parameter["in"] == "query"}
        path = {name: value for name, (parameter, value) in given.items() if parameter["in"] == "path"}
        answer = Shopper().get("/coldrec" + address.format(**path), query)
        assert answer.status_code == 200, (address, answer.content)
        asked += len(given)
    assert asked >= 6


def test_real_answers_have_the_documented_shape(openapi, shop):
    shapes = {
        (address, status): answer["content"]["application/json"]["schema"]
        for _, address, operation in operations(openapi)
        for status, answer in operation["responses"].items()
        if status != "304"
    }
    Item.objects.filter(external_id="tea4").update(price=None)
    shopper = Shopper()
    asked = [
        ("/v1/events/", 202, shopper.view("tea3", "tea5")),
        ("/v1/events/", 202, shopper.send([{"event_id": "e", "kind": "checkout"}, 7])),
        ("/v1/events/", 400, shopper.send("{")),
        ("/v1/events/", 400, shopper.send([{}])),
        ("/v1/events/", 403, shopper.send({}, Origin="https://evil.example")),
        ("/v1/events/", 413, shopper.send(" " * 600_000)),
        ("/v1/consent/", 200, shopper.send({"granted": True}, "/coldrec/v1/consent/")),
        ("/v1/consent/", 400, shopper.send({}, "/coldrec/v1/consent/")),
        ("/v1/consent/", 403, shopper.send({}, "/coldrec/v1/consent/", Origin="https://evil.example")),
        ("/v1/recommendations/", 200, shopper.list(size=40)),
        ("/v1/recommendations/", 200, shopper.list("home", "trending", "recently_viewed", public=True)),
        ("/v1/slates/{slate_id}/next/", 200, shopper.next(slate(shopper.list()))),
        ("/v1/slates/{slate_id}/next/", 404, shopper.next(slate(Shopper().list()) | {"slate_id": uuid.uuid4()})),
        ("/v1/recommendations/", 400, shopper.list(size=0)),
        ("/v1/recommendations/", 400, shopper.list("hoem")),
        ("/v1/recommendations/", 403, shopper.list(visitor_id="x")),
        ("/v1/recommendations/", 401, shopper.get("/coldrec/v1/recommendations/", headers=wrong_password())),
        ("/v1/items/{item_id}/similar/", 200, shopper.get("/coldrec/v1/items/tea3/similar/")),
        ("/v1/items/{item_id}/similar/", 404, shopper.get("/coldrec/v1/items/x/similar/")),
        ("/v1/dislikes/", 200, shopper.send({"item_id": "tea5"}, DISLIKES)),
        ("/v1/dislikes/", 400, shopper.send({}, DISLIKES)),
        ("/v1/dislikes/", 403, shopper.send({"item_id": "tea5"}, DISLIKES, Origin="https://evil.example")),
        ("/v1/dislikes/", 404, shopper.send({"item_id": "x"}, DISLIKES)),
        ("/v1/dislikes/{item_id}/", 200, shopper.delete(DISLIKES + "tea5/")),
        ("/v1/dislikes/{item_id}/", 404, shopper.delete(DISLIKES + "x/")),
        ("/v1/health/", 200, shopper.get("/coldrec/v1/health/")),
    ]
    for address, status, answer in asked:
        if status == 401 and answer.status_code == 403:  # as the project's first way to sign in has it
            status = 403
        assert answer.status_code == status, (address, answer.content)
        assert not fits(openapi, shapes[address, str(status)], answer.json()), (address, status)


def wrong_password():
    return {"authorization": "Basic bm9ib2R5Ondyb25n"}


def test_choices_are_those_of_the_code(openapi):
    shapes = openapi["components"]["schemas"]
    assert shapes["ColdrecEvent"]["properties"]["kind"]["enum"] == list(events.KINDS)
    assert [name for name, _ in serializers.LEVELS] == [level.value for level in Level]
    assert {name for name, _ in serializers.KINDS} >= {kind.value for kind in EventKind}
    assert shapes["ColdrecSlate"]["properties"]["level"]["enum"] == [level.value for level in Level]


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize(("address", "server_url"), [("/v1/schema/", "/"), ("/shop/reco/v1/schema/", "/shop/reco")])
def test_it_says_where_the_project_has_put_us(db, settings_of_shop, address, server_url):
    assert Shopper().get(address).json()["servers"] == [{"url": server_url}]


def test_it_is_made_once_per_language(db, settings_of_shop):
    shopper = Shopper()
    first = shopper.get(SCHEMA).json()
    made = document._document.cache_info().misses
    assert shopper.get(SCHEMA).json() == first
    assert document._document.cache_info().misses == made == 1
    shopper.get(SCHEMA, headers={"accept-language": "zh-hans"})
    assert document._document.cache_info().misses == 2


def test_the_projects_hooks_leave_it_alone(openapi, monkeypatch):
    def nothing_left(endpoints):
        return []

    document._document.cache_clear()
    monkeypatch.setattr(spectacular_settings, "PREPROCESSING_HOOKS", [nothing_left])
    monkeypatch.setattr(spectacular_settings, "TITLE", "The shop's own")
    assert Shopper().get(SCHEMA).json() == openapi


@pytest.mark.parametrize(
    ("setting", "value"),
    [("COMPONENT_SPLIT_REQUEST", True), ("OAS_VERSION", "3.1.0"), ("ENUM_GENERATE_CHOICE_DESCRIPTION", False)],
)
def test_it_is_valid_whatever_the_project_sets_for_its_own(db, settings_of_shop, monkeypatch, setting, value):
    monkeypatch.setattr(spectacular_settings, setting, value)
    GENERATOR_STATS.reset()
    validate_schema(Shopper().get(SCHEMA).json())
    assert not GENERATOR_STATS


def test_the_projects_own_document_takes_us_in_without_a_warning(db):
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    text = out.getvalue()
    assert "/coldrec/v1/recommendations/" in text
    assert "/coldrec/v1/schema/" not in text


OTHER_PROJECT = """
import sys
from django.conf import settings
settings.configure(
    SECRET_KEY="x", USE_TZ=True, ALLOWED_HOSTS=["*"], ROOT_URLCONF="tests.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.sessions", "django.contrib.messages", "coldrec"],
    REST_FRAMEWORK=%s,
)
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
answer = Client().get("/coldrec/v1/schema/")
assert answer.status_code == 200, answer.content
assert {"/v1/recommendations/", "/v1/events/", "/v1/health/"} < set(answer.json()["paths"])
assert Client().get("/coldrec/v1/recommendations/?placement=home").status_code == 200
event = '{"event_id": "e1", "kind": "view", "item_id": "tea3"}'
assert Client().post("/coldrec/v1/events/", event, content_type="text/plain").status_code == 202
assert Client().get("/coldrec/v1/items/tea3/similar/").json()["code"] == "unknown_item"
heavy = {"torch", "transformers", "neo4j", "sklearn", "pandas", "schemathesis"} & set(sys.modules)
assert not heavy, heavy
print("fine")
"""


@pytest.mark.parametrize(
    "rest_framework",
    [
        pytest.param("{}", id="nothing"),
        pytest.param(
            """{
            "DEFAULT_SCHEMA_CLASS": None,
            "UNAUTHENTICATED_USER": None,
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
            "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
            "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
            "EXCEPTION_HANDLER": "nowhere.at.all",
            "COERCE_DECIMAL_TO_STRING": False,
        }""",
            id="otherwise",
        ),
    ],
)
def test_it_works_in_a_project_that_has_chosen_nothing_or_everything_otherwise(rest_framework):
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROJECT % rest_framework], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "fine\n", done.stderr[-2000:]
    assert "Warning" not in done.stderr


def test_the_document_does_not_depend_on_who_asks(openapi):
    assert Shopper().get(SCHEMA, headers=server()).json() == openapi


def test_addresses_are_documented_as_they_are_routed(openapi):
    routed = {re.sub(r"<\w+:(\w+)>", r"{\1}", str(one.pattern)) for one in urls.version_1}
    assert {address.removeprefix("/") for address in openapi["paths"]} == routed
