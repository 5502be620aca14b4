"""How a page holds its shape: what moved while it loaded, and whether it fits the screen."""

from __future__ import annotations

from typing import Any

# Shifts within half a second of a click or key are the visitor's own doing and not counted, as in web vitals. Their
# plain sum is at least as much as the score there, which is that of the worst five seconds.
RECORD = """
  window.layoutShifts = []
  new PerformanceObserver(list => window.layoutShifts.push(...list.getEntries()))
    .observe({type: 'layout-shift', buffered: true})
"""
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def record_shifts(visit: Any) -> None:
    """Call before the page is opened."""
    visit.context.add_init_script(RECORD)


def shifts(page: Any) -> float:
    """The sum of all layout shifts until the page is quiet, was scrolled to its end, and is quiet again."""
    page.wait_for_load_state("networkidle")
    scroll_through(page)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(150)
    return page.evaluate("window.layoutShifts.reduce((sum, one) => sum + (one.hadRecentInput ? 0 : one.value), 0)")


def scroll_through(page: Any) -> None:
    """To the end of the page and no faster than a thumb."""
    at, end = 0, page.evaluate("document.documentElement.scrollHeight")
    while at < end:
        at += 400
        page.evaluate("at => window.scrollTo(0, at)", at)
        page.wait_for_timeout(60)


def overflow(page: Any) -> int:
    """By how many pixels the page is wider than the screen."""
    return page.evaluate(TOO_WIDE)
