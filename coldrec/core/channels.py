"""How a visit came about, in one word: told from the address that was opened and the site it was opened from."""

from __future__ import annotations

import re
from collections.abc import Mapping

LONGEST = 64

PAID_MEDIA = frozenset({"cpc", "ppc", "cpm", "cpv", "paid", "paidsearch", "paid_social", "display", "banner", "ads"})
EMAIL_WORDS = frozenset({"email", "e-mail", "mail", "newsletter"})
SOCIAL_MEDIA = frozenset({"social", "social-media", "social_media", "sm"})
SEARCH_MEDIA = frozenset({"organic", "search", "seo"})
PAID_CLICKS = ("gclid", "gbraid", "wbraid", "msclkid", "dclid")
"""Query parameters that only an advertisement brings along."""

SITES = {
    "email": re.compile(r"mail|webmail|outlook|gmail"),
    "search": re.compile(
        r"google|bing|duckduckgo|yahoo|baidu|sogou|so|yandex|ecosia|qwant|startpage|naver|seznam|kagi|brave"
    ),
    "social": re.compile(
        r"facebook|fb|instagram|threads|twitter|x|t|tiktok|douyin|weibo|xiaohongshu|zhihu|pinterest|reddit|linkedin|lnkd"
        r"|youtube|vk|bsky|mastodon|tumblr|whatsapp|telegram"
    ),
}
"""What a part of a site's host is called, by channel; mail comes first, for mail.google.com is no search."""
ONLY_WITH = {"so": "com", "x": "com", "t": "co"}
"""Short names that mean the site only under this ending."""


def channel_of(query: Mapping[str, str], referrer_host: str, own_host: str = "") -> str:
    """``paid``, ``email``, ``social``, ``search``, ``referral:<site>`` or ``direct``.

    Parameters
    ----------
    query : parameters of the address that was opened; ``utm_medium``, ``utm_source`` and an advertiser's click id.
    referrer_host : host of the page that led here, "" where the browser does not say.
    own_host : the shop's own host, which leads nobody here.

    Examples
    --------
    >>> channel_of({}, "www.google.co.uk")
    'search'
    >>> channel_of({"utm_source": "hill-walker", "utm_medium": "blog"}, "")
    'referral:hill-walker'
    """
    medium, source = _word(query.get("utm_medium", "")), _word(query.get("utm_source", ""))
    if medium in PAID_MEDIA or any(query.get(name) for name in PAID_CLICKS):
        return "paid"
    if medium in EMAIL_WORDS or source in EMAIL_WORDS:
        return "email"
    if medium in SOCIAL_MEDIA or SITES["social"].fullmatch(source):
        return "social"
    if medium in SEARCH_MEDIA or SITES["search"].fullmatch(source):
        return "search"
    if source:
        return f"referral:{source}"[:LONGEST]
    host = _word(referrer_host).partition(":")[0]
    return _channel_of_site(host) if host and host != _word(own_host).partition(":")[0] else "direct"


def _channel_of_site(host: str) -> str:
    *labels, ending = host.split(".")
    named = [label for label in labels if ONLY_WITH.get(label, ending) == ending]
    for channel, site in SITES.items():
        if any(site.fullmatch(label) for label in named):
            return channel
    return f"referral:{host.removeprefix('www.')}"[:LONGEST]


def _word(text: str) -> str:
    """Lower case, and nothing but what a name of a site or a campaign is written with."""
    return re.sub(r"[^\w.:-]+", "-", text[:200].strip().lower())
