"""Addresses that may be followed."""

import pytest

from coldrec.services import addresses


@pytest.mark.parametrize(
    "address", ["", "/a/", "a/b:c", "https://x.example/", "HTTP://x", "?q=a:b", "//cdn.example/a.png"]
)
def test_what_a_browser_may_follow_stays(address):
    assert addresses.followable(address) == address


@pytest.mark.parametrize("address", ["javascript:alert(1)", "java\nscript:x", " DATA:text/html,x", "vbscript:x"])
def test_what_it_may_not_is_nothing(address):
    assert addresses.followable(address) == ""


@pytest.mark.parametrize(
    ("address", "whole"),
    [
        ("/products/1/", "https://shop.example/products/1/"),
        ("a b/茶", "https://shop.example/a%20b/%E8%8C%B6"),
        ("//cdn.example/a.png", "https://cdn.example/a.png"),
        ("https://other.example/x", "https://other.example/x"),
        ("http://shop.example/x", ""),
        ("javascript:alert(1)", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_in_a_letter_it_is_whole_and_safe(address, whole):
    assert addresses.absolute(address, "https://shop.example") == whole
