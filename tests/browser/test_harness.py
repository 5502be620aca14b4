"""That the watching works: what goes wrong in a browser is noticed, and each way of looking is what it says."""

from __future__ import annotations

import pytest

from tests.browser import axe, layout
from tests.browser.proxy import Answer, may_be_kept
from tests.browser.visits import DESKTOP, PHONE


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("script", [True, False])
def test_the_first_page_opens_whoever_looks_and_however(visit, width, language, script):
    page = visit(width=width, language=language, script=script).go("/")
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("[data-coldrec-item]").count() >= 12
    assert page.viewport_size["width"] == width
    assert layout.overflow(page) <= 0


def test_what_goes_wrong_is_noticed(visit, bare):
    strict, plain = visit(bare), visit()
    page = strict.go("/")
    page.evaluate("() => { console.error('said'); setTimeout(() => { throw new Error('thrown') }) }")
    page.evaluate("() => fetch('/not/there/')")
    page.evaluate("() => { const one = document.createElement('script'); one.text = '1'; document.body.append(one) }")
    plain.go("/").evaluate("() => fetch('http://127.0.0.2:9/elsewhere').catch(() => 0)")
    page.wait_for_timeout(100)
    found = "\n".join(strict.problems + plain.problems)
    for wanted in ("said", "thrown", "404: GET", "Content Security Policy", "asks another host", "failed: GET"):
        assert wanted in found, found
    strict.allow(".*")
    plain.allow(".*")


def test_a_visitor_s_ways_reach_the_page(visit):
    page = visit(scheme="dark", motion="reduce", gpc=True).go("/")
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    assert page.evaluate("navigator.globalPrivacyControl === true")
    assert page.evaluate("fetch('/').then(answer => answer.ok)")


def test_axe_finds_what_is_bad_and_nothing_else(visit, bare):
    page = visit(bare).go("/")
    assert axe.violations(page) == []
    page.evaluate("() => document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\"><input>')")
    found = "\n".join(axe.violations(page))
    assert "image-alt (critical) img" in found and "label (critical) input" in found


def test_a_jump_is_measured(visit, bare):
    one = visit(bare)
    layout.record_shifts(one)
    page = one.go("/")
    assert layout.shifts(page) <= 0.02
    page.evaluate("() => scrollTo(0, 0)")
    page.wait_for_timeout(600)  # past the time in which a jump would be the scroll's doing
    page.evaluate("() => document.body.insertAdjacentHTML('afterbegin', '<h2 class=jump>New</h2>'.repeat(8))")
    assert layout.shifts(page) > 0.1


class TestSharedCache:
    def test_it_gives_everybody_what_it_may_keep(self, visit, bare, in_front_of):
        cache = in_front_of(bare.address)
        first, second = (visit(bare, address=cache.address).read("/") for _ in range(2))
        assert cache.hits["/"] == 1 and cache.misses["/"] == 1
        assert first == second

    @pytest.mark.parametrize(
        ("control", "kept"),
        [
            ("public, max-age=60", True),
            ("s-maxage=60", True),
            ("max-age=0", False),
            ("private, max-age=60", False),
            ("no-store", False),
            ("", False),
        ],
    )
    def test_it_keeps_what_the_answer_allows(self, control, kept):
        assert may_be_kept(Answer(200, (("Cache-Control", control),), b""), {}) is kept

    def test_what_differs_by_a_header_is_kept_apart(self, in_front_of):
        cache = in_front_of("http://127.0.0.1:9")
        answer = Answer(200, (("Vary", "Cookie"), ("Cache-Control", "public")), b"hers")
        cache.keep("/", {"cookie": "a=1"}, answer)
        assert cache.find("/", {"cookie": "a=1"}) is answer
        assert cache.find("/", {"cookie": "a=2"}) is cache.find("/", {}) is None
