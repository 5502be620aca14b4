"""coldrec_doctor's exit codes and words; what it finds is in tests/services/test_doctor.py."""

from __future__ import annotations

import json

import pytest
from django.utils import translation

from coldrec import __version__
from coldrec.models import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("settings_of_shop", "sound")]


@pytest.fixture
def sound(settings) -> None:
    """Settings in which nothing is wrong."""
    settings.COLDREC = {**settings.COLDREC, "REFRESH_SECONDS": 0.01}


def test_an_installation_in_which_something_is_broken_exits_with_1(run):
    said = run("coldrec_doctor")
    assert said.code == 1
    assert "broken    items: There are no items, so every list is empty." in said.out
    assert said.out.rstrip().endswith("1 thing is broken; start there.")
    assert not Shop.objects.exists(), "a diagnosis writes nothing"


def test_one_in_which_nothing_is_broken_exits_with_0(run, shop):
    said = run("coldrec_doctor")
    assert said.code == 0
    assert "works     model: v1 serves" in said.out
    assert said.out.rstrip().endswith("Nothing is broken.")


def test_each_fix_is_one_line_below_its_finding(run):
    lines = run("coldrec_doctor").out.splitlines()
    fixes = [at for at, line in enumerate(lines) if line.startswith(" " * 12 + "→ ")]
    assert fixes
    assert all(lines[at - 1].split(" ")[0] in ("waiting", "off", "broken") for at in fixes)


@pytest.mark.parametrize("stocked", [False, True])
def test_json_says_the_same_to_machines(run, request, stocked):
    if stocked:
        request.getfixturevalue("shop")
    said = run("coldrec_doctor", "--json")
    answer = json.loads(said.out)
    assert (answer["healthy"], said.code) == (stocked, int(not stocked))
    assert (answer["shop"], answer["release"]) == ("default", __version__)
    assert {finding["state"] for finding in answer["findings"]} <= {"works", "waiting", "off", "broken"}
    assert any(finding["state"] == "broken" for finding in answer["findings"]) is not stocked
    assert said.err == ""


def test_it_speaks_chinese(run):
    with translation.override("zh-hans"):
        said = run("coldrec_doctor")
    assert "故障" in said.out and "没有商品" in said.out and "有 1 处故障" in said.out
    assert "broken" not in said.out
