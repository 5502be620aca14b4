"""What coldrec never does: load heavy libraries on start, or read data as code."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "coldrec").rglob("*.py"))

HEAVY = ("torch", "transformers", "neo4j", "sklearn", "pyarrow", "pandas", "implicit")
FORBIDDEN_MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}


@pytest.mark.parametrize("settings", ["tests.settings", "shop_demo.settings"])
def test_setting_up_loads_nothing_heavy(settings, tmp_path):
    script = f"import django, sys; django.setup(); print(*(sys.modules.keys() & {set(HEAVY)!r}))"
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=inherited | {"DJANGO_SETTINGS_MODULE": settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def code_from_data(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Where a source turns data into objects or code that it does not know: line and name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, one.name) for one in node.names if one.name.split(".")[0] in FORBIDDEN_MODULES)
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[0]
            names = {one.name for one in node.names}
            if module in FORBIDDEN_MODULES:
                yield node.lineno, module
            yield from ((node.lineno, name) for name in names & FORBIDDEN_MODULES)
            if module in ("torch", "yaml") and "load" in names:
                yield node.lineno, f"{module}.load"
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in FORBIDDEN_NAMES:
                yield node.lineno, called.id
            if isinstance(called, ast.Attribute) and called.attr == "read_pickle":
                yield node.lineno, "read_pickle"
            if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                name = f"{called.value.id}.{called.attr}"
                if name in ("torch.load", "yaml.load", "builtins.eval", "builtins.exec"):
                    yield node.lineno, name
            # Only a plain False: a name could stand for anything.
            yield from (
                (node.lineno, "allow_pickle")
                for keyword in node.keywords
                if keyword.arg == "allow_pickle"
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
            )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_data_is_read_as_code(path):
    assert list(code_from_data(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import os, pickle as p",
        "from pickle import loads",
        "from joblib import load",
        "import torch\ntorch.load(f)",
        "from torch import load",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "eval('1')",
        "exec(text)",
        "pandas.read_pickle(path)",
    ],
)
def test_the_search_finds_what_it_looks_for(source):
    assert list(code_from_data(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["np.load(path, allow_pickle=False)", "json.loads(text)", "model.eval()", "re.compile('a')"]
)
def test_the_search_lets_harmless_code_pass(source):
    assert list(code_from_data(ast.parse(source))) == []
