"""Every wrong setting is found, named by a stable id and answered with a hint."""

import importlib.util
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.core.checks import run_checks
from django.core.checks.messages import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from coldrec import checks, conf
from coldrec.backends.graph import neo4j_driver
from coldrec.middleware import VisitorMiddleware
from tests.shop.catalogue import ShopCatalogue


class Misspelt(ShopCatalogue):
    text = "descripton"


class OwnMiddleware(VisitorMiddleware):
    """A shop's own, which does more."""


urlpatterns: list[Any] = []  # of a project that forgot coldrec's
RIGHT = {"MIDDLEWARE": [*settings.MIDDLEWARE, "coldrec.middleware.VisitorMiddleware"]}


def found(coldrec: Any = None, *, deploy: bool = False, **others: Any) -> list[CheckMessage]:
    with override_settings(**{**RIGHT, "COLDREC": coldrec or {}, **others}):
        return run_checks(tags=["coldrec"], include_deployment_checks=deploy)


def test_a_project_that_follows_the_readme_has_no_problem(tmp_path: Any) -> None:
    coldrec = {"CATALOGUE": "tests.shop.catalogue.ShopCatalogue", "ARTIFACTS": str(tmp_path / "not" / "yet")}
    assert found(coldrec, deploy=True) == []


@pytest.mark.parametrize(
    ("coldrec", "code", "says", "hint"),
    [
        ({"CATALOG": "x"}, "E001", "'CATALOG'", "Did you mean 'CATALOGUE'?"),
        ({"history_length": 3}, "E001", "'history_length'", "Did you mean 'HISTORY_LENGTH'?"),
        ({"Zzz": 1}, "E001", "'Zzz'", "There are: ARTIFACTS, "),
        ({"SHOP": "my shop"}, "E002", "'my shop'", "hyphens"),
        ({"SHOP": ""}, "E002", "''", "hyphens"),
        ({"SHOP": "x" * 65}, "E002", "no slug", "64"),
        ({"SHOP": 7}, "E002", "7", "hyphens"),
        ({"CATALOGUE": "nowhere.ShopCatalogue"}, "E003", "cannot be imported", "dotted path"),
        ({"CATALOGUE": "tests.shop.catalogue.Missing"}, "E003", "cannot be imported", "dotted path"),
        ({"CATALOGUE": "tests.shop.models.Product"}, "E003", "subclass of CatalogueAdapter", "dotted path"),
        (
            {"CATALOGUE": "tests.test_checks.Misspelt"},
            "E004",
            "did you mean 'description'?",
            "tests.test_checks.Misspelt",
        ),
        ({"ONTOLOGY": "garden"}, "E022", "no ontology 'garden'; there are electronics", "a .toml file"),
        ({"ONTOLOGY": ["fashion", "no.toml"]}, "E022", "no.toml cannot be read", "a .toml file"),
        ({"ONTOLOGY": 3}, "E022", "is 3", "a list of names"),
        ({"GRAPH_RELATIONS": "nowhere.at.all"}, "E023", "cannot be imported", "takes the shop"),
        ({"GRAPH_RELATIONS": "coldrec.conf.DEFAULTS"}, "E023", "must be a callable", "takes the shop"),
        ({"TASKS": "rq"}, "E005", "'rq'", "'inline' and 'celery'"),
        ({"ARTIFACTS": ""}, "E006", "''", "folder"),
        ({"ARTIFACTS": None}, "E006", "None", "folder"),
        ({"RANKER": "deep"}, "E008", "'deep'", "'fusion' and 'linear' and 'mlp'"),
        ({"FIT": []}, "E009", "no dictionary", "factors"),
        ({"FIT": {"factor": 3}}, "E009", "'factor'", "Did you mean 'factors'?"),
        ({"FIT": {"factors": "many"}}, "E009", "'many'", "type int"),
        ({"FIT": {"factors": True}}, "E009", "True", "type int"),
        ({"FIT": {"factors": 0}}, "E009", "0", "more than 0"),
        ({"FIT": {"held_items": 0.9}}, "E009", "held_items must lie between 0 and 0.5", "docs/settings.md"),
        ({"PLACEMENTS": "home"}, "E010", "no dictionary", "personal"),
        ({"PLACEMENTS": {"": {"kind": "personal"}}}, "E010", "no name of a placement", "letters"),
        ({"PLACEMENTS": {"home": "personal"}}, "E010", "'personal'", "dictionary"),
        ({"PLACEMENTS": {"home": {"kind": "magic"}}}, "E010", "'magic'", "personal, similar"),
        ({"PLACEMENTS": {"home": {"sise": 3}}}, "E010", "'sise'", "Did you mean 'size'?"),
        ({"PLACEMENTS": {"home": {"size": 0}}}, "E010", "size 0", "1 to 100"),
        ({"PLACEMENTS": {"home": {"size": True}}}, "E010", "size True", "1 to 100"),
        ({"PLACEMENTS": {"homme": {"size": 4}}}, "E010", "no kind", "Did you mean 'home'?"),
        ({"HISTORY_LENGTH": 0}, "E011", "0", "default is 300"),
        ({"EVENTS_PER_REQUEST": 10.5}, "E011", "10.5", "whole number"),
        ({"EVENT_BYTES": "1 MB"}, "E011", "'1 MB'", "512,000"),
        ({"REFRESH_SECONDS": -1}, "E011", "-1", "above 0"),
        ({"CLOCK_SKEW_SECONDS": float("nan")}, "E011", "nan", "above 0"),
        ({"COOKIE_AGE": "a year"}, "E011", "'a year'", "whole number"),
        ({"COOKIE_NAME": "my cookie"}, "E012", "'my cookie'", "letters"),
        ({"COOKIE_NAME": "sessionid"}, "E012", "SESSION_COOKIE_NAME", "of its own"),
        ({"COOKIE_AGE": 401 * 86400}, "W004", "400 days", "34,560,000"),
        ({"CONSENT": True}, "E013", "True", "'implied' and 'explicit'"),
        ({"THROTTLES": "600/min"}, "E014", "no dictionary", "coldrec-events"),
        ({"THROTTLES": {"events": "1/s"}}, "E014", "no scope", "Did you mean 'coldrec-events'?"),
        ({"THROTTLES": {"coldrec-events": "600"}}, "E014", "'600'", "'300/min'"),
        ({"THROTTLES": {"coldrec-events": "0/min"}}, "E014", "'0/min'", "'300/min'"),
        ({"LOG_SLATES": "no"}, "E015", "'no'", "True and False"),
        ({"NEO4J": "bolt://127.0.0.1"}, "E019", "no dictionary", "'URI'"),
        ({"NEO4J": {}}, "E019", "['URI'] is None", "'bolt://127.0.0.1:7687'"),
        ({"NEO4J": {"URI": "http://127.0.0.1:7474"}}, "E019", "'http://127.0.0.1:7474'", "neo4j+s"),
        ({"NEO4J": {"URI": "bolt://"}}, "E019", "'bolt://'", "bolt"),
        ({"NEO4J": {"URI": "bolt://u:secret@h"}}, "E019", "a user's name", "PASSWORD"),
        ({"NEO4J": {"URI": "bolt://h", "USERNAME": "x"}}, "E019", "'USERNAME'", "Did you mean 'USER'?"),
        ({"NEO4J": {"URI": "bolt://h", "PASSWORD": 7}}, "E019", "['PASSWORD'] is no text", "text"),
        ({"GRAPH": "memgraph"}, "E020", "'memgraph'", "'orm' and 'neo4j'"),
        ({"GRAPH": "neo4j"}, "E020", "not set", "'orm'"),
        ({"ENCODER": 7}, "E024", "is 7", "'english'"),
        ({"ENCODER": {"MODLE": "x/y"}}, "E024", "'MODLE'", "Did you mean 'MODEL'?"),
        ({"ENCODER": {"DIMS": "many"}}, "E024", "['DIMS'] is 'many'", "a number"),
        ({"ENCODER": {"TIMEOUT": 0}}, "E024", "['TIMEOUT'] is 0", "above 0"),
        ({"ENCODER": {"KEY": 123}}, "E024", "['KEY'] is of the wrong type", "text"),
        ({"ENCODER": {"ENGINE": "vllm"}}, "E024", "'vllm'", "'local' and 'openai'"),
        ({"ENCODER": "/no/such/folder"}, "E024", "no folder", "'owner/name'"),
        ({"ENCODER": "tests/shop"}, "E024", "holds no model", "config.json"),
        ({"ENCODER": {"ENGINE": "openai", "URL": "h", "MODEL": "m", "DIMS": 3}}, "E024", "['URL'] is 'h'", "https://"),
        ({"ENCODER": {"ENGINE": "openai", "URL": "https://h", "DIMS": 3}}, "E024", "no MODEL", "which model"),
        ({"ENCODER": {"ENGINE": "openai", "URL": "https://h", "MODEL": "m"}}, "E024", "no DIMS", "how many numbers"),
    ],
)
def test_a_wrong_setting_is_named_and_answered(coldrec: dict[str, Any], code: str, says: str, hint: str) -> None:
    (problem,) = found(coldrec)
    assert problem.id == f"coldrec.{code}"
    assert says in problem.msg
    assert hint in (problem.hint or "")


@pytest.mark.parametrize(
    "coldrec",
    [
        {"THROTTLES": {"coldrec-lists": None}},
        {"THROTTLES": {"coldrec-lists": "10/second", "coldrec-events": "1000/day"}},
        {"PLACEMENTS": {"home": {"size": 4}, "landing-page": {"kind": "trending"}}},
        {"FIT": {"factors": 16, "window_days": 7, "held_items": 0.2}},
        {"REFRESH_SECONDS": 0.5, "COOKIE_AGE": 400 * 86400, "LOG_SLATES": False, "CONSENT": "explicit"},
        {"RANKER": "linear", "SHOP": "zurich_2"},
        {"GRAPH": "neo4j", "NEO4J": {"URI": "neo4j+s://cluster:7687", "USER": "u", "PASSWORD": "p", "DATABASE": None}},
    ],
)
def test_right_settings_pass(coldrec: dict[str, Any]) -> None:
    assert found(coldrec) == []


def test_a_neo4j_without_its_package_is_told_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neo4j_driver, "is_installed", lambda: False)
    (problem,) = found({"NEO4J": {"URI": "bolt://127.0.0.1"}})
    assert problem.id == "coldrec.E021" and "django-coldrec[neo4j]" in problem.hint


@pytest.mark.parametrize(
    ("encoder", "module", "extra"),
    [
        ("x/y", "onnxruntime", "serve"),
        ({"ENGINE": "openai", "URL": "https://h", "MODEL": "m", "DIMS": 3}, "openai", "llm"),
    ],
)
def test_a_language_model_without_what_runs_it_is_told(
    encoder: Any, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == module else real(name, *rest))
    (problem,) = found({"ENCODER": encoder})
    assert problem.id == "coldrec.E025" and f"django-coldrec[{extra}]" in problem.hint


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"MIDDLEWARE": settings.MIDDLEWARE}, "coldrec.W001"),
        ({"ROOT_URLCONF": "tests.test_checks"}, "coldrec.W002"),
        ({"TEMPLATES": [{**settings.TEMPLATES[0], "OPTIONS": {}}]}, "coldrec.W003"),
        ({"USE_TZ": False}, "coldrec.E016"),
    ],
)
def test_what_the_project_lacks_is_told(change: dict[str, Any], code: str) -> None:
    (problem,) = found(**change)
    assert problem.id == code
    assert problem.hint


def test_a_subclass_of_the_middleware_counts() -> None:
    middleware = [*settings.MIDDLEWARE, "nowhere.Middleware", "tests.test_checks.OwnMiddleware"]
    assert found(MIDDLEWARE=middleware) == []


def test_a_folder_that_cannot_be_written_is_found_on_deployment_only(tmp_path: Any) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    coldrec = {"ARTIFACTS": str(tmp_path / "taken" / "coldrec")}
    assert found(coldrec) == []
    (problem,) = found(coldrec, deploy=True)
    assert problem.id == "coldrec.E007"
    assert "is not a folder" in problem.msg


def test_settings_that_are_no_dictionary_stop_at_once() -> None:
    with override_settings(COLDREC="everything"), pytest.raises(ImproperlyConfigured, match="must be a dictionary"):
        conf.get("SHOP")


CAREFUL = {
    "task_always_eager": False,
    "task_reject_on_worker_lost": True,
    "task_acks_late": True,
    "accept_content": ["json"],
    "broker_url": "redis://localhost",
    "broker_transport_options": {"visibility_timeout": 120, "socket_timeout": 2, "socket_connect_timeout": 2},
    "task_time_limit": 100,
}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"task_always_eager": True}, "coldrec.W005"),
        ({"task_reject_on_worker_lost": False}, "coldrec.W006"),
        ({"task_acks_late": False}, "coldrec.W007"),
        ({"accept_content": ["json", "pickle"]}, "coldrec.W008"),
        ({"broker_transport_options": {"visibility_timeout": 120}}, "coldrec.W009"),
        ({"task_time_limit": 120}, "coldrec.W010"),
        ({"task_time_limit": None}, "coldrec.W010"),
        ({"task_time_limit": None, "broker_transport_options": {}, "broker_url": "amqp://localhost"}, None),
    ],
)
def test_a_careless_celery_is_told(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], code: str | None) -> None:
    for name, value in {**CAREFUL, **change}.items():
        monkeypatch.setitem(current_app.conf.changes, name, value)
    assert [problem.id for problem in found({"TASKS": "celery"})] == ([code] if code else [])
    assert found({"TASKS": "inline"}) == [], "Celery is only looked at where it is used"


def test_the_deployment_check_is_registered_for_deployment_only() -> None:
    assert checks.check_artifacts_writable not in checks.CHECKS
