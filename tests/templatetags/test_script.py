"""The scripts' tag: the same for all, safe under a strict policy, once on a page, and never in the page's way."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import override_settings

from coldrec import conf, tasks
from coldrec.models import Event
from coldrec.services import browser
from tests.templatetags.pages import Page, own_templates, render

SCRIPT = "{% coldrec_script %}"

pytestmark = pytest.mark.usefixtures("bare_shop")


def config_of(html):
    return json.loads(re.search(r'<script id="coldrec-config" type="application/json">(.*?)</script>', html)[1])


def test_it_says_what_the_scripts_need_to_know(rf):
    html = render(SCRIPT, rf.get("/"))
    assert config_of(html) == {
        "events": "/coldrec/v1/events/",
        "consent": "/coldrec/v1/consent/",
        "mode": "implied",
        "cookie": "coldrec_visitor",
        "viewed": [],
    }
    modules = [values for tag, values in Page(html).elements if tag == "script" and values.get("type") == "module"]
    assert [one["src"] for one in modules] == ["/static/coldrec/events.js", "/static/coldrec/widget.js"]


def test_it_asks_for_nobody_so_that_a_shared_cache_may_keep_the_page(rf, django_assert_num_queries):
    request, other = rf.get("/"), rf.get("/", headers={"Cookie": "coldrec_visitor=x; coldrec_visitor_mark=y"})
    with django_assert_num_queries(0):
        assert render(SCRIPT, request) == render(SCRIPT, other) == render(SCRIPT)
    assert browser.known_state(request) is None


def test_it_says_which_view_the_server_has_recorded_for_this_page(rf):
    request = rf.get("/")
    request.user = AnonymousUser()
    tasks.visitor_did(request, "view", item_id="tea3")
    tasks.visitor_did(request, "search", query="tea")
    assert config_of(render(SCRIPT, request))["viewed"] == ["tea3"]
    assert Event.objects.count() == 2


@pytest.mark.parametrize("headers", [{"Sec-GPC": "1"}, {"Sec-Purpose": "prefetch"}])
def test_what_the_server_has_not_recorded_is_left_to_the_script(rf, headers):
    request = rf.get("/", headers=headers)
    tasks.visitor_did(request, "view", item_id="tea3")
    assert config_of(render(SCRIPT, request))["viewed"] == []


@pytest.mark.parametrize("where", ["request", "context"])
def test_the_nonce_of_the_pages_policy_is_on_both_scripts(rf, where):
    request, context = rf.get("/"), {}
    if where == "request":
        request.csp_nonce = "abc123"  # django-csp
    else:
        context["csp_nonce"] = "abc123"  # Django 6
    html = render(SCRIPT, request, **context)
    assert html.count('nonce="abc123"') == 2
    assert "nonce" not in render(SCRIPT, rf.get("/"))


@override_settings(COLDREC={"COOKIE_NAME": "</script><script>alert(1)"})
def test_nothing_gets_out_of_the_configuration(rf):
    request = rf.get("/")
    browser.state(request).viewed.append("</script><img src=x onerror=alert(1)>")
    html = render(SCRIPT, request)
    assert "<img" not in html and "<script>alert" not in html
    assert config_of(html)["viewed"] == ["</script><img src=x onerror=alert(1)>"]


def test_twice_on_a_page_is_once(rf):
    with own_templates(part="{% load coldrec %}{% coldrec_script %}"):
        html = render(SCRIPT + "{% include 'part.html' %}{% include 'part.html' only %}" + SCRIPT, rf.get("/"))
    assert html.count("events.js") == html.count("coldrec-config") == 1
    assert "events.js" in render(SCRIPT, rf.get("/")), "the next page has its own"


def test_a_project_without_our_addresses_has_a_page_all_the_same(rf, caplog, settings):
    settings.ROOT_URLCONF = "tests.templatetags.pages"
    assert render("before" + SCRIPT + "after", rf.get("/")) == "beforeafter"
    assert "could not be named" in caplog.text


def test_in_explicit_mode_it_says_so(rf):
    with override_settings(COLDREC={**conf.get_config(), "CONSENT": "explicit"}):
        assert config_of(render(SCRIPT))["mode"] == "explicit"


def test_the_banner_is_hidden_and_the_same_for_all(rf):
    html = render("{% coldrec_consent %}", rf.get("/"))
    assert html == render("{% coldrec_consent %}")
    (banner,) = [values for tag, values in Page(html).elements if "data-coldrec-consent" in values]
    assert "hidden" in banner
    assert Page(html).values("data-coldrec-answer") == ["granted", "refused"]
    assert "csrf" not in html
