"""Every message has its translation, and the compiled files are those of the sources."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract, extract_from_dir
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
CHINESE = ROOT / "coldrec/locale/zh_Hans/LC_MESSAGES/django.po"
SOURCES = [CHINESE, *sorted(ROOT.glob("shop_demo/locale/*/LC_MESSAGES/django.po"))]
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[#0 +-]*\d*(?:\.\d+)?[a-zA-Z%]|\{\w*\}")

every_source = pytest.mark.parametrize("source", SOURCES, ids=lambda path: "-".join(path.parts[-5::2]))


def catalogue(source: Path) -> Catalog:
    with source.open("rb") as stream:
        return read_po(stream, abort_invalid=True)


def messages(source: Path) -> list[Message]:
    return [message for message in catalogue(source) if message.id]


def forms(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))


@every_source
def test_every_message_is_translated(source: Path) -> None:
    found = messages(source)
    assert found
    assert [message.id for message in found if message.fuzzy] == []
    assert [message.id for message in found if not all(forms(message.string))] == []


@every_source
def test_translations_keep_placeholders_and_the_blanks_around(source: Path) -> None:
    for message in messages(source):
        last = forms(message.id)[-1]  # the plural, which serves every number in Chinese
        for translated in forms(message.string):
            assert placeholders(translated) == placeholders(last), message.id
            assert translated.strip() == translated or last.strip() != last, message.id


@every_source
def test_the_compiled_file_is_that_of_the_source(source: Path) -> None:
    with source.with_suffix(".mo").open("rb") as stream:
        compiled = dict(GNUTranslations(stream)._catalog)
    compiled.pop("", None)
    expected: dict[object, str] = {}
    for message in messages(source):
        if isinstance(message.id, str):
            expected[message.id] = message.string
        else:
            expected |= {(message.id[0], number): text for number, text in enumerate(forms(message.string))}
    assert compiled == expected, "make messages compiles it"


def test_every_message_of_the_code_is_in_the_source() -> None:
    single, plural = ("_", "gettext", "gettext_lazy", "gettext_noop"), ("ngettext", "ngettext_lazy")
    keywords = dict.fromkeys(single) | dict.fromkeys(plural, (1, 2))
    code = {
        forms(message)[0]
        for _file, _line, message, _comments, _context in extract_from_dir(
            ROOT / "coldrec", method_map=[("**.py", "python")], keywords=keywords
        )
    }
    assert len(code) > 200
    code |= _in_templates([*ROOT.glob("coldrec/templates/**/*.html"), *ROOT.glob("coldrec/templates/**/*.txt")])
    known = {forms(message.id)[0] for message in messages(CHINESE)}
    assert (sorted(code - known), sorted(known - code)) == ([], []), "make messages gathers them"


def test_nothing_in_the_source_changes_from_one_run_to_the_next() -> None:
    text = CHINESE.read_text("utf-8")
    assert "POT-Creation-Date" not in text
    assert not re.search(r"^#: .*:\d", text, re.M), "line numbers change with every edit"


def test_the_placeholders_of_this_test_are_those_of_the_code() -> None:
    assert placeholders("%(n)d of %s, %(x).1f %% {name}") == sorted(["%(n)d", "%s", "%(x).1f", "%%", "{name}"])


def _in_templates(pages: Iterable[Path]) -> set[str]:
    return _in_python(templatize(page.read_text("utf-8")).encode() for page in pages)


def _in_python(sources: Iterable[bytes]) -> set[str]:
    keywords = dict.fromkeys(("_", "gettext", "gettext_lazy")) | {"ngettext": (1, 2)}
    return {forms(found[1])[0] for source in sources for found in extract("python", BytesIO(source), keywords)} - {""}


GATHERED = """
import json, sys
import django
django.setup()
from django.utils import translation
with translation.override("zh-hans"):
    # Not every Python finds the singular of a message that has a plural by gettext alone.
    said = lambda text: {translation.gettext(text), translation.ngettext(text, text, 1)}
    print(json.dumps([text for text in json.load(sys.stdin) if said(text) == {text}]))
"""


def test_the_demo_shop_s_pages_are_whole_in_chinese() -> None:
    """Some of their messages are oscar's, so they are looked up as the shop does."""
    pages = _in_templates([*ROOT.glob("templates/**/*.html"), *ROOT.glob("coldrec/templates/**/*.html")])
    wanted = sorted(pages | _in_python(path.read_bytes() for path in ROOT.glob("shop_demo/**/*.py")))
    assert len(wanted) > 15
    done = subprocess.run(
        [sys.executable, "-c", GATHERED],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "shop_demo.settings"},
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == []
