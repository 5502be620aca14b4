"""What stands in the catalogue is text on the page, whoever wrote it: never markup, script or a dangerous address."""

from __future__ import annotations

from itertools import product

import pytest

from coldrec.models import Item
from coldrec.templatetags.coldrec import coldrec_link
from tests.served import HOME, serve, visitor_who
from tests.templatetags.pages import Page, render

ACTIONS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>x</a>",
    "<body onload=alert(1)>",
    "<style>@import 'http://evil.example/x.css'</style>",
    "<math><mtext><style><img title='</style><img src onerror=alert(1)>'>",
    "<!--<img src='--><img src=x onerror=alert(1)>",
    "<form action=//evil.example><input autofocus onfocus=alert(1)>",
]
ESCAPES = [
    "{}",
    '"{}',
    "'{}",
    '">{}',
    "'>{}",
    "</span>{}",
    "</li></ul></section>{}",
    "</title></textarea></script>{}",
    "--><![CDATA[{}]]>",
    '" onmouseover="alert(1)" x="{}',
    "' onmouseover='alert(1)' x='{}",
    "` onmouseover=`alert(1)` x=`{}",
    "{{% load coldrec %}}{{{{ settings.SECRET_KEY }}}}{}",
    "&lt;{}&gt;",
    "\ufeff{}",
    "\u202e{}",
    "%3Cscript%3E{}",
    "\\u003cscript\\u003e{}",
    "{}\n\r\t",
    "javascript:{}",
]
PAYLOADS = [escape.format(action) for escape, action in product(ESCAPES, ACTIONS)]

UNSAFE = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "\x01javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "javascript\r:alert(1)",
    "javascript://example.org/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:https://example.org/1",
    "view-source:https://example.org",
    "intent://x#Intent;scheme=y;end",
    "x-anything:1",
]
SAFE = [
    "",
    "/products/1/",
    "products/1/",
    "?product=a:b",
    "products?next=a:b",
    "#a:b",
    "//images.example/1.jpg",
    "http://example.org/a:b",
    "https://example.org:8000/?q=javascript:alert(1)",
    "/a/javascript:alert(1)",
    "1:2/3",
    "产品/一",
]
ALLOWED = {
    "section": {
        "class",
        "aria-label",
        "data-coldrec-placement",
        "data-coldrec-level",
        "data-coldrec-layout",
        "data-coldrec-slate",
    },
    "div": {"class"},
    "h2": {"class"},
    "ul": {"class", "role"},
    "li": {"class", "data-coldrec-item", "data-coldrec-position"},
    "a": {"class", "href", "ping", "aria-label"},
    "img": {"class", "src", "alt", "loading", "width", "height"},
    "span": {"class"},
}


def is_ours_alone(page: Page) -> bool:
    """Whether the page has our elements and attributes and no other; addresses can only be followed or shown."""
    assert page.oddities == []
    for tag, attributes in page.elements:
        assert tag in ALLOWED, tag
        assert attributes.keys() <= ALLOWED[tag], (tag, attributes)
    for address in page.values("href") + page.values("src"):
        plain = "".join(c for c in address if c > " ").lower()
        assert not plain.startswith(("javascript:", "data:", "vbscript:")), address
    return True


def test_there_are_two_hundred_payloads():
    assert len(set(PAYLOADS)) == 200


@pytest.mark.django_db
def test_no_payload_in_any_field_becomes_markup(bare_shop):
    rows = list(Item.objects.order_by("pk"))
    for start in range(0, len(PAYLOADS), len(rows)):
        chunk = PAYLOADS[start : start + len(rows)]
        for row, payload in zip(rows, chunk, strict=True):
            row.title, row.brand, row.currency = payload, payload[:200], "<b>"
            row.url, row.image_url = payload, payload
        Item.objects.bulk_update(rows, ["title", "brand", "currency", "url", "image_url"])
        page = Page(render("{% coldrec_widget 'home' size=40 %}"))
        assert len(page.items) == len(rows)
        assert is_ours_alone(page)
        for payload in chunk:
            assert payload.split("\n")[0] in page.text, "the shopper reads what was written"


@pytest.mark.django_db
def test_ids_and_headings_are_text_too(bare_shop):
    for row, payload in zip(Item.objects.order_by("pk"), PAYLOADS, strict=False):
        Item.objects.filter(pk=row.pk).update(external_id=payload, title="")
    page = Page(render("{% coldrec_widget 'home' size=40 title=heading %}", heading=PAYLOADS[3]))
    assert is_ours_alone(page)
    assert set(page.items) == set(PAYLOADS[:40])
    assert page.values("aria-label")[0] == PAYLOADS[3]


@pytest.mark.django_db
def test_reasons_name_products_as_text(shop):
    Item.objects.update(title=PAYLOADS[1])
    home = serve(shop, HOME, visitor=visitor_who(shop, "tea1"))[0]
    assert any(PAYLOADS[1] in item.reason.text for item in home.items)


@pytest.mark.parametrize("address", UNSAFE)
def test_an_address_that_a_page_must_not_follow_is_left_out(address):
    assert coldrec_link(address) == ""


@pytest.mark.parametrize("address", SAFE)
def test_other_addresses_stay_as_they_are(address):
    assert coldrec_link(address) == address


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", ""])
def test_a_card_without_a_good_address_is_no_link(bare_shop, address):
    Item.objects.update(url=address, image_url=address)
    page = Page(render("{% coldrec_widget 'home' size=3 %}"))
    assert len(page.items) == 3
    assert [to for to in page.values("href") if not to.startswith("/coldrec/why/")] == page.values("src") == []
    assert page.values("ping") == []
