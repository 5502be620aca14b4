"""The examples in the core's docstrings print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import coldrec.core

MODULES = [module.name for module in pkgutil.walk_packages(coldrec.core.__path__, "coldrec.core.")]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_hold(name):
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        pytest.fail(f"{name} cannot be imported without its extra: {error}")
    assert doctest.testmod(module, extraglobs={"np": importlib.import_module("numpy")}).failed == 0
