"""A small demo shop built once, real Chromium, and visitors with browsers of their own.

Everything lives as long as this package's tests, not longer: Playwright keeps an event loop in the thread, in which
Django refuses to query, and other packages do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.browser import proxy
from tests.browser import site as sites
from tests.browser.chromium import launched
from tests.browser.proxy import SharedCache
from tests.browser.site import Site
from tests.browser.visits import Look, Visit


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
            item.add_marker("apart")


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sites.build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="package")
def serve(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Starts a site when the first test asks for it: ``serve("bare", SITE_COLDREC=…)``."""
    running: dict[tuple[Any, ...], Site] = {}
    with ExitStack() as stack:

        def start(settings: str, **more: str) -> Site:
            key = (settings, *sorted(more.items()))
            if key not in running:
                folder = tmp_path_factory.mktemp(settings) / "site"
                running[key] = stack.enter_context(sites.served(built, folder, settings, **more))
            return running[key]

        yield start


@pytest.fixture(scope="package")
def shop(serve: Callable[..., Site]) -> Site:
    """The demo shop."""
    return serve("shop")


@pytest.fixture(scope="package")
def bare(serve: Callable[..., Site]) -> Site:
    """Plain pages with coldrec's tags, under a strict content policy; Django's own admin."""
    return serve("bare")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@pytest.fixture
def in_front_of() -> Iterator[Callable[[str], SharedCache]]:
    """Puts a shared cache, or a slow line, before a site: ``in_front_of(bare.address)``; it is there until the end."""
    with ExitStack() as stack:
        yield lambda origin: stack.enter_context(proxy.in_front_of(origin))


@pytest.fixture
def visit(chromium: Any, shop: Site, in_front_of: Callable[[str], SharedCache]) -> Iterator[Callable[..., Any]]:
    """Opens a browser for one more visitor: ``visit(width=390, script=False)``, of the demo shop or of ``site``.

    At the end of the test nothing may have gone wrong in any of them that the test did not ``allow``. They leave before
    what stands in front of their site is taken away, or what they still load would go wrong.
    """
    opened = []

    def start(site: Site | None = None, address: str = "", **look: Any) -> Visit:
        one = Visit(chromium, address or (site or shop).address, Look(**look))
        opened.append(one)
        return one

    yield start
    for one in opened:
        one.close()
    problems = [problem for one in opened for problem in one.unexpected()]
    assert not problems, "the browser met:\n" + "\n".join(problems)
