"""Finds wrong settings before the first request. Every problem has an id, listed in docs/settings.md, and a hint.

``manage.py check`` runs them all; those that look at the disk run with ``check --deploy``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.urls import get_resolver
from django.utils.module_loading import import_string

from coldrec import conf
from coldrec.core.config import FitConfig
from coldrec.core.errors import CatalogueError, FitError, GraphError, OntologyError
from coldrec.core.types import Kind

TAG = "coldrec"
Check = Callable[..., list[CheckMessage]]

RANKERS = ("fusion", "linear", "mlp")
PLACEMENT_KEYS = ("kind", "size", "minimum", "layout", "title")
LAYOUTS = ("grid", "carousel")
GRAPHS = ("orm", "neo4j")
NEO4J_KEYS = ("URI", "USER", "PASSWORD", "DATABASE")
ENCODER_TYPES: dict[str, Any] = {
    **dict.fromkeys(("MODEL", "ENGINE", "URL", "KEY"), str),
    "DIMS": int,
    **dict.fromkeys(("PRICE", "TIMEOUT"), (int, float)),
}
COOKIE_DAYS = 400  # the longest that browsers keep a cookie

_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,64}")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # a cookie's name, RFC 6265
_RATE = re.compile(r"[1-9]\d*/[smhd][a-z]*")
_TYPES = {"int": int, "float": (int, float), "str": str}


def check_keys(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """One error for each key of ``COLDREC`` that is no setting."""
    return [
        Error(
            f"COLDREC has the key {key!r}, which is no setting.",
            hint=_nearest(key, conf.DEFAULTS),
            id="coldrec.E001",
        )
        for key in getattr(settings, "COLDREC", {})
        if key not in conf.DEFAULTS
    ]


def check_shop(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """An error when the shop's key cannot be one."""
    key = conf.get("SHOP")
    if isinstance(key, str) and _SLUG.fullmatch(key):
        return []
    hint = "Use 1 to 64 letters, digits, hyphens and underscores, such as 'my-shop'."
    return [Error(f"COLDREC['SHOP'] is {key!r}, which is no slug.", hint=hint, id="coldrec.E002")]


def check_catalogue(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """An error when the adapter cannot be loaded or names what the product model does not have."""
    # Imported here, like all that is more than a value: the checks are loaded with every process.
    from coldrec import catalogue

    if not conf.get("CATALOGUE"):
        return []  # items may come from files alone; coldrec_doctor says so
    try:
        adapter = catalogue.load()
    except CatalogueError as error:
        hint = "Give the dotted path of your subclass of coldrec.catalogue.CatalogueAdapter."
        return [Error(str(error), hint=hint, id="coldrec.E003")]
    try:
        adapter.validate()
    except CatalogueError as error:
        hint = f"Correct that part of {type(adapter).__module__}.{type(adapter).__qualname__}; see docs/quickstart.md."
        return [Error(str(error), hint=hint, id="coldrec.E004")]
    return []


def check_choices(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """One error for each setting that must be one of a few words, or yes or no, and is not."""
    allowed: dict[str, tuple[tuple[object, ...], str]] = {
        "TASKS": (("inline", "celery"), "coldrec.E005"),
        "RANKER": (RANKERS, "coldrec.E008"),
        "CONSENT": (("implied", "explicit"), "coldrec.E013"),
        "LOG_SLATES": ((True, False), "coldrec.E015"),
        "LATE": ((True, False), "coldrec.E017"),
    }
    return [
        Error(
            f"COLDREC[{key!r}] is {conf.get(key)!r}.",
            hint=f"Allowed are {' and '.join(map(repr, values))}.",
            id=code,
        )
        for key, (values, code) in allowed.items()
        if not any(conf.get(key) is value or (isinstance(value, str) and conf.get(key) == value) for value in values)
    ]


def check_artifacts(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """An error when the folder for artifacts is no path."""
    folder = conf.get("ARTIFACTS")
    if isinstance(folder, (str, os.PathLike)) and str(folder):
        return []
    hint = "Give the path of a folder, such as 'var/coldrec'."
    return [Error(f"COLDREC['ARTIFACTS'] is {folder!r}, which is no path.", hint=hint, id="coldrec.E006")]


def check_artifacts_writable(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """An error when training could not write below the folder for artifacts; runs with ``--deploy``."""
    if check_artifacts():
        return []
    folder = Path(conf.get("ARTIFACTS")).absolute()
    there = next(path for path in [folder, *folder.parents] if path.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return []
    problem = "may not be written by this user" if there.is_dir() else "is not a folder"
    return [
        Error(
            f"COLDREC['ARTIFACTS'] is {str(folder)!r}, but {str(there)!r} {problem}.",
            hint="Change the owner of the folder, or name another that training may write and web workers may read.",
            id="coldrec.E007",
        )
    ]


def check_fit(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """One error for each change to the training configuration that has an unknown name or a value of a wrong kind."""
    changes = conf.get("FIT")
    if not isinstance(changes, Mapping):
        hint = "Give a dictionary such as {'factors': 32}."
        return [Error(f"COLDREC['FIT'] is {changes!r}, which is no dictionary.", hint=hint, id="coldrec.E009")]
    known = {field.name: str(field.type) for field in fields(FitConfig)}
    problems: list[CheckMessage] = []
    for name, value in changes.items():
        allowed = _TYPES.get(known.get(name, ""), object)
        if name not in known:
            problem, hint = "is no training setting", _nearest(name, known)
        elif not isinstance(value, allowed) or (isinstance(value, bool) and allowed is not object):
            problem, hint = f"is {value!r}", f"It must be of type {known[name]}."
        elif isinstance(value, (int, float)) and value <= 0:
            problem, hint = f"is {value!r}", "It must be more than 0."
        else:
            continue
        problems.append(Error(f"COLDREC['FIT'][{name!r}] {problem}.", hint=hint, id="coldrec.E009"))
    if not problems:
        try:
            FitConfig.of(changes)
        except FitError as error:
            problems.append(Error(f"COLDREC['FIT']: {error}.", hint="See docs/settings.md.", id="coldrec.E009"))
    return problems


def check_placements(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """One error for each placement that is not a name with a kind and a size."""
    placements = conf.get("PLACEMENTS")
    if not isinstance(placements, Mapping):
        hint = "Give a dictionary such as {'home': {'kind': 'personal', 'size': 8}}."
        return [
            Error(f"COLDREC['PLACEMENTS'] is {placements!r}, which is no dictionary.", hint=hint, id="coldrec.E010")
        ]
    return [
        Error(f"COLDREC['PLACEMENTS'][{name!r}] {problem}.", hint=hint, id="coldrec.E010")
        for name, placement in placements.items()
        for problem, hint in _placement_problems(name, placement)
    ]


def check_preview(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """An error when the style sheets of previews are not a list of paths."""
    paths = conf.get("PREVIEW_CSS")
    if isinstance(paths, (list, tuple)) and all(isinstance(path, str) and path for path in paths):
        return []
    hint = "Give a list of paths below STATIC_URL, such as ['shop/shop.css']."
    return [Error(f"COLDREC['PREVIEW_CSS'] is {paths!r}.", hint=hint, id="coldrec.E018")]


def check_graph(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """An error when there is no such ontology, or when the shop's own relations cannot be asked for."""
    problems: list[CheckMessage] = []
    names = conf.get("ONTOLOGY")
    if isinstance(names, str) or (isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)):
        from coldrec.core.graph.ontology import Ontology

        try:
            Ontology.load(names)
        except OntologyError as error:
            hint = "Name one of coldrec/presets, several in a list, or the path of a .toml file of your own."
            problems.append(Error(f"COLDREC['ONTOLOGY'] is {names!r}: {error}", hint=hint, id="coldrec.E022"))
    else:
        hint = "Give the name of a preset such as 'fashion', or a list of names."
        problems.append(Error(f"COLDREC['ONTOLOGY'] is {names!r}.", hint=hint, id="coldrec.E022"))
    if conf.get("GRAPH_RELATIONS"):
        from coldrec.services.graph import own_relations

        try:
            own_relations()
        except GraphError as error:
            hint = "Give the dotted path of a function that takes the shop and gives coldrec.core.types.Triple."
            problems.append(Error(str(error), hint=hint, id="coldrec.E023"))
    return problems


def check_sizes(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """One error for each length, limit or time that is not a number above 0."""
    whole = ("HISTORY_LENGTH", "FRESH_ITEMS", "COOKIE_AGE", "EVENTS_PER_REQUEST", "EVENT_BYTES", "ATTRIBUTION_DAYS")
    problems: list[CheckMessage] = []
    for key in (*whole, "REFRESH_SECONDS", "CLOCK_SKEW_SECONDS"):
        value, kind = conf.get(key), int if key in whole else (int, float)
        if not isinstance(value, kind) or isinstance(value, bool) or not 0 < value < float("inf"):
            hint = f"Use a {'whole ' if key in whole else ''}number above 0; the default is {conf.DEFAULTS[key]:,}."
            problems.append(Error(f"COLDREC[{key!r}] is {value!r}.", hint=hint, id="coldrec.E011"))
    return problems


def check_cookie(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """An error when the visitor cookie cannot have its name; a warning when browsers forget it earlier."""
    name, age = conf.get("COOKIE_NAME"), conf.get("COOKIE_AGE")
    taken = {key: getattr(settings, key) for key in ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME")}
    problems: list[CheckMessage] = []
    if not (isinstance(name, str) and _TOKEN.fullmatch(name)):
        hint = "Use letters, digits, hyphens and underscores, such as 'coldrec_visitor'."
        problems.append(
            Error(f"COLDREC['COOKIE_NAME'] is {name!r}, which no cookie can have.", hint=hint, id="coldrec.E012")
        )
    problems.extend(
        Error(
            f"COLDREC['COOKIE_NAME'] is {name!r}, which is also {key}.",
            hint="Give the visitor cookie a name of its own.",
            id="coldrec.E012",
        )
        for key, other in taken.items()
        if name == other
    )
    if isinstance(age, int) and age > COOKIE_DAYS * 24 * 60 * 60:
        hint = f"Use at most {COOKIE_DAYS * 24 * 60 * 60:,} seconds: browsers keep no cookie for longer."
        said = f"COLDREC['COOKIE_AGE'] is {age:,} seconds, more than {COOKIE_DAYS} days."
        problems.append(Warning(said, hint=hint, id="coldrec.W004"))
    return problems


def check_throttles(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """One error for each throttle with an unknown scope or an unreadable rate."""
    throttles, scopes = conf.get("THROTTLES"), conf.DEFAULTS["THROTTLES"]
    if not isinstance(throttles, Mapping):
        hint = f"Give a dictionary such as {scopes}."
        return [Error(f"COLDREC['THROTTLES'] is {throttles!r}, which is no dictionary.", hint=hint, id="coldrec.E014")]
    problems: list[CheckMessage] = []
    for scope, rate in throttles.items():
        if scope not in scopes:
            problem, hint = "names no scope", _nearest(scope, scopes)
        elif rate is not None and not (isinstance(rate, str) and _RATE.fullmatch(rate)):
            problem, hint = (
                f"is {rate!r}",
                "Use a count and s, min, hour or day, such as '300/min', or None for no limit.",
            )
        else:
            continue
        problems.append(Error(f"COLDREC['THROTTLES'][{scope!r}] {problem}.", hint=hint, id="coldrec.E014"))
    return problems


def check_project(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """What the project around the app lacks: time zones, the middleware, the addresses, ``request`` in templates."""
    problems: list[CheckMessage] = []
    if not settings.USE_TZ:
        said = "USE_TZ is off; coldrec keeps times in UTC and compares them with times that have a zone."
        problems.append(Error(said, hint="Set USE_TZ = True.", id="coldrec.E016"))
    if not any(map(_is_visitor_middleware, settings.MIDDLEWARE)):
        problems.append(
            Warning(
                "MIDDLEWARE lacks coldrec.middleware.VisitorMiddleware, so guests are forgotten between two pages.",
                hint="Add 'coldrec.middleware.VisitorMiddleware' after Django's AuthenticationMiddleware.",
                id="coldrec.W001",
            )
        )
    if getattr(settings, "ROOT_URLCONF", None) and "coldrec" not in get_resolver().app_dict:
        problems.append(
            Warning(
                "The project's addresses do not include coldrec.urls, so pages and apps cannot send events.",
                hint='Add path("coldrec/", include("coldrec.urls")) to the urlpatterns of ROOT_URLCONF.',
                id="coldrec.W002",
            )
        )
    wanted = "django.template.context_processors.request"
    engines = [t for t in settings.TEMPLATES if t.get("BACKEND", "").endswith(".DjangoTemplates")]
    if engines and not any(wanted in t.get("OPTIONS", {}).get("context_processors", []) for t in engines):
        problems.append(
            Warning(
                f"TEMPLATES lacks the context processor {wanted}, so lists cannot know who looks at them.",
                hint=f"Add '{wanted}' to OPTIONS['context_processors'].",
                id="coldrec.W003",
            )
        )
    return problems


def check_celery(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """Warnings for a Celery that may lose work, do it twice, or hang a page; only with ``TASKS`` "celery"."""
    if conf.get("TASKS") != "celery":
        return []
    from celery import current_app

    celery = current_app.conf
    found: list[tuple[bool, str, str, str]] = [
        (
            celery.task_always_eager,
            "COLDREC['TASKS'] is 'celery', but Celery runs tasks in the process that asks (task_always_eager).",
            "Set task_always_eager to False, or COLDREC['TASKS'] to 'inline'.",
            "coldrec.W005",
        ),
        (
            not celery.task_reject_on_worker_lost,
            "Celery forgets a task whose worker was killed (task_reject_on_worker_lost is off).",
            "Set task_reject_on_worker_lost to True; coldrec's tasks may run twice.",
            "coldrec.W006",
        ),
        (
            not celery.task_acks_late,
            "Celery acknowledges a task before it is done (task_acks_late is off): a crash loses the shop's own.",
            "Set task_acks_late to True.",
            "coldrec.W007",
        ),
        (
            "pickle" in celery.accept_content or "application/x-python-serialize" in celery.accept_content,
            "Celery accepts pickle, so whoever reaches the broker can run code in the workers.",
            "Set accept_content to ['json'].",
            "coldrec.W008",
        ),
    ]
    if str(celery.broker_url or "").startswith(("redis", "rediss")):
        options = celery.broker_transport_options or {}
        visible = options.get("visibility_timeout", 3600)
        limit = celery.task_time_limit
        longest = "ever" if limit is None else f"{limit} s"
        found += [
            (
                not {"socket_timeout", "socket_connect_timeout"} <= options.keys(),
                "The connection to Redis has no time limit: a silent server hangs the page that asks for a task.",
                "Set broker_transport_options to {'socket_timeout': 2, 'socket_connect_timeout': 2}.",
                "coldrec.W009",
            ),
            (
                limit is None or limit >= visible,
                f"A task may run for {longest}, but Redis hands it out again after {visible} s.",
                f"Set task_time_limit below the visibility_timeout of {visible} s.",
                "coldrec.W010",
            ),
        ]
    return [Warning(said, hint=hint, id=code) for is_wrong, said, hint, code in found if is_wrong]


def check_neo4j(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """What is wrong with the Neo4j that the graph is brought over to, or read from; it is not asked for anything."""
    from coldrec.backends.graph import neo4j_driver

    told, engine = conf.get("NEO4J"), conf.get("GRAPH")
    problems: list[CheckMessage] = []
    if engine not in GRAPHS:
        hint = f"Allowed are {' and '.join(map(repr, GRAPHS))}."
        problems.append(Error(f"COLDREC['GRAPH'] is {engine!r}.", hint=hint, id="coldrec.E020"))
    elif engine == "neo4j" and not told:
        said = "COLDREC['GRAPH'] is 'neo4j', but COLDREC['NEO4J'] is not set."
        problems.append(Error(said, hint="Set NEO4J, or read the graph from the tables: 'orm'.", id="coldrec.E020"))
    if told is None:
        return problems
    if not isinstance(told, Mapping):
        hint = "Give a dictionary such as {'URI': 'bolt://127.0.0.1:7687', 'USER': 'neo4j', 'PASSWORD': …}, or None."
        return [*problems, Error("COLDREC['NEO4J'] is no dictionary.", hint=hint, id="coldrec.E019")]
    wrong: list[tuple[str, str]] = []
    uri, schemes = told.get("URI"), neo4j_driver.SCHEMES
    if not isinstance(uri, str) or uri.partition("://")[0] not in schemes or not uri.partition("://")[2]:
        wrong.append((f"['URI'] is {uri!r}", f"Use one of {', '.join(schemes)}, such as 'bolt://127.0.0.1:7687'."))
    elif "@" in uri:  # never shown: it holds a password
        wrong.append(("['URI'] holds a user's name", "Put it into USER and PASSWORD."))
    for key, value in told.items():
        if key not in NEO4J_KEYS:
            wrong.append((f" has the key {key!r}", _nearest(key, NEO4J_KEYS)))
        elif value is not None and not isinstance(value, str):
            wrong.append((f"[{key!r}] is no text", "Give text, or leave it out."))
    problems += [Error(f"COLDREC['NEO4J']{problem}.", hint=hint, id="coldrec.E019") for problem, hint in wrong]
    if not neo4j_driver.is_installed():
        said = "COLDREC['NEO4J'] is set, but the package neo4j is not installed."
        problems.append(Error(said, hint='pip install "django-coldrec[neo4j]"', id="coldrec.E021"))
    return problems


def check_encoder(app_configs: Collection[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """What is wrong with the language model that is named; nothing is loaded, fetched or asked."""
    told = conf.get("ENCODER")
    if told is None:
        return []
    given = {"MODEL": told} if isinstance(told, str) else told
    if not isinstance(given, Mapping):
        hint = "Give a hub id, a folder, 'english', or a dictionary such as {'MODEL': 'english'}; None for no model."
        return [Error(f"COLDREC['ENCODER'] is {told!r}.", hint=hint, id="coldrec.E024")]
    problems: list[CheckMessage] = [
        Error(f"COLDREC['ENCODER']{problem}.", hint=hint, id="coldrec.E024")
        for problem, hint in [*_encoder_value_problems(given), *_encoder_model_problems(given)]
    ]
    return problems or _encoder_packages_missing(given)


CHECKS: tuple[Check, ...] = (
    check_keys,
    check_shop,
    check_catalogue,
    check_choices,
    check_artifacts,
    check_fit,
    check_placements,
    check_preview,
    check_graph,
    check_sizes,
    check_neo4j,
    check_encoder,
    check_cookie,
    check_throttles,
    check_project,
    check_celery,
)


def connect() -> None:
    """Have Django run the checks; called once all apps are there."""
    for check in CHECKS:
        register(check, TAG)
    register(check_artifacts_writable, TAG, deploy=True)


def _nearest(name: object, names: Collection[str]) -> str:
    close = get_close_matches(str(name).lower(), [known.lower() for known in names], n=1)
    meant = next((known for known in names if close and known.lower() == close[0]), None)
    return f"Did you mean {meant!r}?" if meant else f"There are: {', '.join(sorted(names))}."


def _placement_problems(name: object, placement: object) -> Iterator[tuple[str, str]]:
    from coldrec.services.placements import DEFAULT_PLACEMENTS

    if not (isinstance(name, str) and _SLUG.fullmatch(name)):
        yield "is no name of a placement", "Use 1 to 64 letters, digits, hyphens and underscores."
        return
    if not isinstance(placement, Mapping):
        yield f"is {placement!r}", "Give a dictionary such as {'kind': 'personal', 'size': 8}."
        return
    for key in placement:
        if key not in PLACEMENT_KEYS:
            yield f"has the key {key!r}", _nearest(key, PLACEMENT_KEYS)
    kinds = [kind.value for kind in Kind]
    if placement.get("kind", Kind.PERSONAL) not in kinds:
        yield f"has the kind {placement['kind']!r}", f"Kinds are {', '.join(kinds)}."
    elif "kind" not in placement and name not in DEFAULT_PLACEMENTS:
        yield "has no kind", f"Give it one of {', '.join(kinds)}. {_nearest(name, DEFAULT_PLACEMENTS)}"
    for key, least in (("size", 1), ("minimum", 0)):
        number = placement.get(key, 1)
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= conf.LONGEST_LIST:
            yield f"has the {key} {number!r}", f"Use a whole number from {least} to {conf.LONGEST_LIST}."
    if placement.get("layout", LAYOUTS[0]) not in LAYOUTS:
        yield f"has the layout {placement['layout']!r}", f"Layouts are {' and '.join(LAYOUTS)}."


def _encoder_value_problems(given: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    for key, value in given.items():
        allowed = ENCODER_TYPES.get(key)
        if allowed is None:
            yield f" has the key {key!r}", _nearest(key, ENCODER_TYPES)
        elif value is not None and (not isinstance(value, allowed) or isinstance(value, bool)):
            shown = "is of the wrong type" if key == "KEY" else f"is {value!r}"  # a key is never shown
            yield f"[{key!r}] {shown}", f"Give {'text' if allowed is str else 'a number'}."
        elif key in ("DIMS", "TIMEOUT") and value is not None and value <= 0:
            yield f"[{key!r}] is {value!r}", "Give a number above 0."


def _encoder_model_problems(given: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    from coldrec.services import encoders

    engine, model, url = (given.get(key) or "" for key in ("ENGINE", "MODEL", "URL"))
    if (engine or "local") not in encoders.ENGINES:
        yield f"['ENGINE'] is {engine!r}", f"Allowed are {' and '.join(map(repr, encoders.ENGINES))}."
    elif engine == "openai":
        if isinstance(url, str) and not url.startswith(("http://", "https://")):
            yield f"['URL'] is {url!r}", "Give the endpoint's address, such as 'https://api.openai.com/v1'."
        for key, what in (("MODEL", "which model to use"), ("DIMS", "how many numbers a vector has")):
            if not given.get(key):
                yield f" has no {key}", f"The endpoint has to be told {what}."
    elif isinstance(model, str) and model not in ("", encoders.ENGLISH):
        if Path(model).is_dir():
            if not (Path(model) / "config.json").exists():
                yield f"['MODEL'] is the folder {model!r}, which holds no model", "It must hold a config.json."
        elif model.startswith((".", "/", "~")) or model.count("/") > 1:
            yield f"['MODEL'] is {model!r}, which is no folder", "Give a folder's whole path, or a hub id 'owner/name'."


def _encoder_packages_missing(given: Mapping[Any, Any]) -> list[CheckMessage]:
    """Errors for what runs the model here; what installing it takes may be elsewhere, and installing says so."""
    from importlib.util import find_spec

    is_remote = given.get("ENGINE") == "openai"
    extra, modules = ("llm", ["openai"]) if is_remote else ("serve", ["onnxruntime", "tokenizers"])
    return [
        Error(
            f"COLDREC['ENCODER'] is set, but the package {module} is not installed.",
            hint=f'pip install "django-coldrec[{extra}]"',
            id="coldrec.E025",
        )
        for module in modules
        if find_spec(module) is None
    ]


def _is_visitor_middleware(path: str) -> bool:
    if path == "coldrec.middleware.VisitorMiddleware":
        return True
    from coldrec.middleware import VisitorMiddleware

    try:
        found = import_string(path)
    except ImportError:  # Django says so itself when it builds the chain
        return False
    return isinstance(found, type) and issubclass(found, VisitorMiddleware)
