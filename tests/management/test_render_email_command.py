"""coldrec_render_email; what a letter looks like is in tests/services/test_emails.py."""

import pytest
from django.contrib.auth.models import User

from coldrec.services import visitors
from tests.served import look, visitor_who

BASE = ("--base-url", "https://shop.example")


def test_a_letter_as_html_and_as_text(run, shop):
    said = run("coldrec_render_email", "home", *BASE, "--size", 2)
    assert said.code == 0 and said.out.startswith("<!doctype html>")
    assert run("coldrec_render_email", "home", *BASE, "--text").out.startswith("Recommended for you\n")
    assert run("coldrec_render_email", "home", *BASE, "--text", "--language", "zh-hans").out.startswith("为您推荐")


def test_for_somebody(run, shop):
    user = User.objects.create_user("ada")
    look(visitors._account(shop, user.pk), "coffee1", "coffee2")
    guest = visitor_who(shop, "tea1", "tea2")
    for whom in (("--user", "ada"), ("--user", user.pk), ("--visitor", guest.key)):
        said = run("coldrec_render_email", "home", *BASE, "--text", *whom)
        kind = "tea" if "--visitor" in whom else "coffee"
        assert f"Because you looked at {kind} pot" in said.out, whom


def test_about_an_item_or_words(run, shop):
    said = run("coldrec_render_email", "product_similar", *BASE, "--text", "--item", "coffee3")
    assert "coffee pot" in said.out and "tea pot" not in said.out
    assert "Near to “tea”" in run("coldrec_render_email", "empty_search", *BASE, "--text", "--query", "tea").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("hoem", *BASE), "did you mean 'home'"),
        (("home", "--base-url", "http://shop.example"), "it must be the shop's, such as 'https://shop.example'"),
        (("home", *BASE, "--user", "nobody"), "no account with the login name or primary key 'nobody'"),
        (("home", *BASE, "--visitor", "nobody"), "no visitor with the key 'nobody'"),
        (("recently_viewed", *BASE), "nothing to show at 'recently_viewed' now"),
    ],
)
def test_what_cannot_be_made_is_told(run, shop, arguments, words):
    said = run("coldrec_render_email", *arguments)
    assert said.code == 1 and words in said.err and said.out == ""
