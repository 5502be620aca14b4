"""How a visit came about: told from the address and the site before it."""

import pytest

from coldrec.core.channels import LONGEST, channel_of


@pytest.mark.parametrize(
    ("query", "referrer", "channel"),
    [
        ({}, "", "direct"),
        ({}, "shop.example", "direct"),
        ({}, "shop.example:8000", "direct"),
        ({}, "www.google.co.uk", "search"),
        ({}, "cn.bing.com", "search"),
        ({}, "www.baidu.com", "search"),
        ({}, "www.so.com", "search"),
        ({}, "so.example", "referral:so.example"),
        ({}, "mail.google.com", "email"),
        ({}, "l.facebook.com", "social"),
        ({}, "t.co", "social"),
        ({}, "t.example.com", "referral:t.example.com"),
        ({}, "m.weibo.cn", "social"),
        ({}, "www.notgoogle.com", "referral:notgoogle.com"),
        ({}, "WWW.Hill-Walker.org", "referral:hill-walker.org"),
        ({"utm_medium": "cpc", "utm_source": "google"}, "www.google.com", "paid"),
        ({"gclid": "x1"}, "www.google.com", "paid"),
        ({"gclid": ""}, "www.google.com", "search"),
        ({"utm_medium": "Email"}, "", "email"),
        ({"utm_source": "newsletter"}, "", "email"),
        ({"utm_source": "instagram"}, "", "social"),
        ({"utm_medium": "organic"}, "", "search"),
        ({"utm_source": "hill walker"}, "www.google.com", "referral:hill-walker"),
        ({"utm_source": "<script>alert(1)</script>"}, "", "referral:-script-alert-1-script-"),
        ({"utm_medium": "odd"}, "", "direct"),
    ],
)
def test_channels(query, referrer, channel):
    assert channel_of(query, referrer, "shop.example") == channel


def test_a_channel_fits_its_column():
    assert len(channel_of({"utm_source": "x" * 500}, "")) == LONGEST
    assert len(channel_of({}, "x" * 500 + ".org")) == LONGEST
