"""What the documents say is what the code does, and the other way round."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from django.core.management import get_commands
from django.template import Engine
from django.urls import resolve
from rest_framework import exceptions

from coldrec import checks, conf, urls
from coldrec.api import caching, document, errors, serializers, views
from coldrec.core.config import FitConfig
from coldrec.core.training.language.recipe import Recipe
from coldrec.core.types import INTERACTION_WEIGHTS, EventKind, Kind, Level
from coldrec.services import events, recommend
from coldrec.services.doctor import EXTRAS
from coldrec.services.placements import DEFAULT_PLACEMENTS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def section(name: str, heading: str) -> str:
    """The text under a heading, up to the next of its rank."""
    return re.split(r"^## ", read(name), flags=re.M)[
        [part.splitlines()[0] for part in re.split(r"^## ", read(name), flags=re.M)].index(heading)
    ]


def rows(text: str) -> Iterator[list[str]]:
    """Cells of the table rows that begin with a name in code."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def code(cell: str) -> str:
    return cell.strip().strip("|").strip().strip("`")


def test_settings_page_lists_every_setting_with_its_default() -> None:
    table = read("docs/settings.md").split("## Training")[0]
    documented = {code(row[0]): ast.literal_eval(code(row[1])) for row in rows(table)}
    assert documented == conf.DEFAULTS


def test_settings_page_lists_every_training_setting_with_its_default() -> None:
    documented = {code(row[0]): ast.literal_eval(code(row[1])) for row in rows(section("docs/settings.md", "Training"))}
    assert documented == {field.name: field.default for field in fields(FitConfig)}


def test_language_page_lists_every_choice_of_the_recipe_with_its_default() -> None:
    documented = {
        code(row[0]): ast.literal_eval(code(row[1])) for row in rows(section("docs/language.md", "Train it further"))
    }
    assert documented == {field.name: field.default for field in fields(Recipe)}


def test_settings_page_lists_every_check() -> None:
    documented = [code(row[0]) for row in rows(section("docs/settings.md", "Checks"))]
    raised = re.findall(r'"(coldrec\.[EW]\d{3})"', Path(checks.__file__).read_text("utf-8"))
    assert sorted(documented) == sorted(set(raised))
    assert len(documented) == len(set(documented)), "an id means one thing"


def test_changelog_names_the_range_of_checks() -> None:
    ids = [code(row[0]).removeprefix("coldrec.") for row in rows(section("docs/settings.md", "Checks"))]
    last = {kind: max(one for one in ids if one.startswith(kind)) for kind in "EW"}
    assert f"`coldrec.E001` to `{last['E']}`, `W001` to `{last['W']}`" in read("CHANGELOG.md")


def test_every_ranker_that_may_be_set_can_be_trained() -> None:
    assert [FitConfig(ranker=ranker).ranker for ranker in checks.RANKERS] == list(checks.RANKERS)


def test_operations_page_lists_every_command() -> None:
    ours = {name for name, app in get_commands().items() if app == "coldrec"}
    documented = {code(row[0]) for row in rows(section("docs/operations.md", "Commands"))}
    assert documented == ours


def test_concepts_page_lists_every_level_in_order() -> None:
    assert [code(row[0]) for row in rows(section("docs/concepts.md", "The ladder"))] == [level.value for level in Level]


def test_concepts_page_lists_every_placement_and_kind() -> None:
    tables = list(rows(section("docs/concepts.md", "Kinds of placement")))
    assert [code(row[0]) for row in tables if len(row) == 2] == [kind.value for kind in Kind]
    documented = {code(row[0]): (code(row[1]), int(row[2]), code(row[3])) for row in tables if len(row) == 4}
    assert documented == {
        place.name: (place.kind.value, place.size, str(place.title)) for place in DEFAULT_PLACEMENTS.values()
    }


def test_concepts_page_says_what_each_kind_of_event_is_worth() -> None:
    text = section("docs/concepts.md", "Kinds of event")
    documented = {name: float(worth) for name, worth in re.findall(r"`(\w+)` \| (\d+)", text)}
    assert documented == {kind.value: INTERACTION_WEIGHTS.get(kind, 0.0) for kind in EventKind}


def test_api_page_lists_every_address_with_its_method() -> None:
    documented = {(code(row[0]), code(row[1])) for row in rows(read("docs/api.md").split("## Lists")[0])}
    routed = {
        (f"/coldrec/{re.sub(r'<[a-z_]+:', '<', str(one.pattern))}", method.upper())
        for one in urls.urlpatterns
        if str(one.pattern).startswith("v1/")
        for method in ("get", "post", "put", "patch", "delete")
        if str(one.pattern).startswith("v1/") and hasattr(one.callback.cls, method)
    }
    assert documented == routed


def test_api_page_names_every_kind_of_event_as_segment_and_ga4_do() -> None:
    table = [[code(cell.strip("* |")) for cell in row] for row in rows(section("docs/api.md", "Kinds of event"))]
    assert [kind for kind, _, _ in table] == [kind.value for kind in EventKind]
    assert {segment: kind for kind, segment, _ in table} == events.SEGMENT_NAMES
    assert {ga4: kind for kind, _, ga4 in table} == events.GA4_NAMES


def test_api_page_lists_every_code_of_an_error() -> None:
    text = section("docs/api.md", "Errors")
    ours = {(one.default_code, str(one.status_code)) for one in vars(errors).values() if is_error(one)}
    of_drf = {
        (one.default_code, str(one.status_code))
        for one in (exceptions.MethodNotAllowed, exceptions.UnsupportedMediaType, exceptions.Throttled)
    }
    others = {("invalid", "400"), ("empty", "400"), ("authentication_failed", "401 or 403")}
    assert {(code(row[0]), row[1]) for row in rows(text) if len(row) == 3} == ours | of_drf | others
    of_events = codes_raised_in(events) | views.UNWANTED
    assert {code(row[0]) for row in rows(text) if len(row) == 2} == of_events


def is_error(thing: object) -> bool:
    return isinstance(thing, type) and thing.__module__ == errors.__name__


def codes_raised_in(module: ModuleType) -> set[str]:
    """The codes of the event errors and rejections that a module writes out."""
    tree = ast.parse(inspect.getsource(module))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    places = {"EventError": 1, "Rejection": 1}
    given = [call.args[places[call.func.id]] for call in calls if call.func.id in places and len(call.args) > 1]
    return {one.value for one in given if isinstance(one, ast.Constant)}


def test_api_page_gives_the_limits_that_hold() -> None:
    text = section("docs/api.md", "Limits")
    assert f"{conf.DEFAULTS['EVENTS_PER_REQUEST']:,} |" in text
    assert f"{conf.DEFAULTS['EVENT_BYTES']:,} |" in text
    assert f"{conf.DEFAULTS['CLOCK_SKEW_SECONDS']:,} s |" in text
    for scope, rate in conf.DEFAULTS["THROTTLES"].items():
        (line,) = [line for line in text.splitlines() if f"`{scope}`" in line]
        assert f"| {rate} |" in line
    lists = section("docs/api.md", "Lists")
    assert f"at most {serializers.MOST_SEEDS}." in lists
    assert f"1 to {conf.LONGEST_LIST};" in lists
    assert f"at most {serializers.MOST_PLACEMENTS}, each once." in lists
    assert recommend.MOST_PAGES == 10 and "Ten such pages are the most" in lists


def test_api_page_says_which_answers_may_be_kept() -> None:
    documented = {row.rsplit("|", 2)[1].strip().strip("`") for row in table_of("docs/api.md", "Caches")}
    assert documented == {
        f"public, max-age={views.ListsView.shared_seconds}",
        f"public, max-age={document.SchemaView.shared_seconds}",
        caching.PRIVATE,
    }


def table_of(name: str, heading: str) -> list[str]:
    return [line for line in section(name, heading).splitlines() if line.startswith("| ")][1:]


def test_api_page_lists_every_parameter_and_field() -> None:
    parameters = {code(row[0]) for row in rows(section("docs/api.md", "Lists"))}
    assert parameters == set(serializers.RecommendationsQuery().fields)
    fields_of_events = re.findall(r"`(\w+)`", " ".join(row[0] for row in rows(section("docs/api.md", "Events"))))
    assert set(fields_of_events) == set(serializers.EventSerializer().fields)
    assert [code(row[0]) for row in rows(section("docs/api.md", "Health"))] == [name for name, _ in serializers.STATES]


def test_addresses_in_pages_lead_to_the_api() -> None:
    for page in PAGES:
        text = page.read_text("utf-8")
        for address in re.findall(r"(/coldrec/v1/[\w/<>.]*)", text):
            known = ["/coldrec/v1/", *(f"/coldrec/{one.pattern}" for one in urls.version_1)]
            assert address in known or resolve(address).app_name == "coldrec", f"{page.name}: {address}"


def test_json_in_the_api_page_has_the_shape_of_real_answers() -> None:
    lists, receipt = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", read("docs/api.md"), re.S))
    (slate,) = lists["slates"]
    assert set(lists) == set(serializers.SlatesSerializer().fields)
    assert set(slate) == set(serializers.SlateSerializer().fields)
    assert set(slate["items"][0]) == set(serializers.SlateItemSerializer().fields)
    assert set(receipt) == set(serializers.ReceiptSerializer().fields)
    (event,) = re.findall(r"--data '(.*?)'", section("docs/api.md", "Events"))
    assert events.parse(json.loads(event), now=datetime.now(UTC)).kind is EventKind.VIEW


def test_extras_that_the_doctor_names_exist() -> None:
    named = set(re.findall(r"^(\w+) = \[", read("pyproject.toml").split("[project.optional-dependencies]")[1], re.M))
    assert {extra for extra, _ in EXTRAS.values()} <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), f"{page.name} links to {target}, which is not there"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text("utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w\- ]", "", one).lower().replace(" ", "-") for one in headings}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_in_pages_can_be_read(page: Path) -> None:
    blocks = re.findall(r"^( *)```(\w+)\n(.*?)^\1```", page.read_text("utf-8"), re.M | re.S)
    for indent, language, block in blocks:
        text = re.sub(f"^{indent}", "", block, flags=re.M)
        if language == "python":
            ast.parse(text)
        elif language == "html":
            Engine(
                libraries={"coldrec": "coldrec.templatetags.coldrec", "static": "django.templatetags.static"}
            ).from_string(text)
        elif language == "sh":
            for command in re.findall(r"manage\.py (coldrec_\w+)", text):
                assert command in get_commands(), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_commands_targets_and_settings_that_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.M))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    assert set(re.findall(r'COLDREC\["(\w+)"\]', text)) <= conf.DEFAULTS.keys()
    named = set(
        re.findall(
            r"`(coldrec_(?:fit|promote|rollback|doctor|sync\w+|import|replay\w+|benchmark|unmerge|export|erase))", text
        )
    )
    assert named <= set(get_commands())


def test_decisions_are_all_listed() -> None:
    there = {page.name for page in (ROOT / "docs/adr").glob("0*.md")}
    listed = set(re.findall(r"\((0\d{3}-[\w-]+\.md)\)", read("docs/adr/README.md")))
    assert listed == there


def test_pictures_are_small() -> None:
    sizes = {picture.name: picture.stat().st_size for picture in (ROOT / "docs/images").glob("*")}
    assert sizes
    assert max(sizes.values()) <= 200_000


def test_readme_answers_in_five_steps() -> None:
    steps = re.findall(r"^(\d)\. ", section("README.md", "Install in your shop"), re.M)
    assert steps == ["1", "2", "3", "4", "5"]
    firsts = re.findall(r"```\w+\n +(.+)", section("README.md", "Install in your shop"))
    assert firsts[:3] == ["# settings.py", "# urls.py", "# shop/coldrec_adapter.py"]
    assert firsts[4] == "{# templates/home.html #}"
