"""A placement's list as a letter."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.template import engines
from django.test import Client, override_settings
from django.utils import translation

from coldrec import conf
from coldrec.models import Item, Slate, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import emails, visitors
from coldrec.services.placements import PlacementError
from tests.served import look, visitor_who
from tests.templatetags.pages import Page, own_templates

BASE = "https://shop.example"


def letter(shop, placement="home", **options):
    return emails.render(placement, shop=shop, base_url=BASE, **options)


def kinds(made) -> set[str]:
    return set(re.findall(r"(tea|coffee) pot \d+</a>", made.html))


class TestLetter:
    def test_a_visitors_letter_is_theirs_with_links_that_work_anywhere(self, shop):
        visitor = visitor_who(shop, "coffee1", "coffee2", "coffee3")
        made = letter(shop, visitor=visitor, size=4)
        page = Page(made.html)
        assert made.subject == "Recommended for you" and made.subject in page.text
        assert "Because you looked at coffee pot" in page.text
        links = page.values("href")
        assert len(links) == 4 and all(link.startswith(f"{BASE}/coldrec/letters/") for link in links)
        assert Slate.objects.get().visitor == visitor
        answer = Client().get(links[0].removeprefix(BASE))
        assert answer["Location"].startswith("/products/coffee")

    def test_pictures_have_words_and_sizes(self, shop):
        Item.objects.update(image_url="/media/a.jpg")
        images = [attributes for tag, attributes in Page(letter(shop, size=3).html).elements if tag == "img"]
        assert len(images) == 3
        for image in images:
            assert image["src"] == f"{BASE}/media/a.jpg" and "pot" in image["alt"]
            assert (image["width"], image["height"]) == ("240", "240")

    def test_no_script_nothing_from_elsewhere_and_fit_for_phone_and_dark(self, shop):
        made = letter(shop)
        tags = [tag for tag, _ in Page(made.html).elements]
        assert not {"script", "link", "iframe", "form", "object"} & set(tags)
        assert "prefers-color-scheme: dark" in made.html and "max-width: 480px" in made.html
        assert "max-width:600px" in made.html and 'name="color-scheme"' in made.html
        assert not re.search(r"(href|src)=\"(?!https://)", made.html)
        assert all(
            attributes["role"] == "presentation" for tag, attributes in Page(made.html).elements if tag == "table"
        )

    def test_the_plain_text_says_the_same(self, shop):
        Item.objects.update(title="Tea & \n <b>pot</b>", price="1234.50")
        made = letter(shop, size=2)
        lines = [line for line in made.text.splitlines() if line]
        assert lines[:3] == ["Recommended for you", "* Tea & <b>pot</b> – 1234.50 GBP", "  New here"]
        assert lines[3].startswith(f"  {BASE}/coldrec/letters/") and len(lines) == 7

    def test_titles_cannot_break_out(self, shop):
        Item.objects.update(title='<script>alert(1)</script>" onload=x', image_url='/a.jpg" onerror="x')
        page = Page(letter(shop).html)
        assert not {"script"} & {tag for tag, _ in page.elements}
        assert not page.values("onload") and not page.values("onerror")

    def test_only_what_can_be_bought_is_in_it(self, shop):
        Item.objects.exclude(external_id="tea3").update(sellable=False)
        assert Page(letter(shop).html).text.count(" pot ") == 1
        Item.objects.update(sellable=False)
        assert letter(shop) is None


class TestWhom:
    @pytest.fixture
    def ada(self, shop):
        user = User.objects.create_user("ada")
        look(visitors._account(shop, user.pk), "coffee1", "coffee2", "coffee3", "coffee4", "coffee5")
        return user

    def is_personal(self, made) -> bool:
        return "Because you looked at" in made.html

    def test_an_account_is_known_by_its_visitor(self, shop, ada):
        made = letter(shop, user=ada)
        assert self.is_personal(made) and Slate.objects.get().visitor.user == ada
        assert not self.is_personal(letter(shop, user=User.objects.create_user("bob")))

    @pytest.mark.parametrize(
        ("changes", "setting", "personal"),
        [
            ({"consent": Consent.REFUSED}, "implied", False),
            ({"is_personalised": False}, "implied", False),
            ({}, "explicit", False),
            ({"consent": Consent.GRANTED}, "explicit", True),
        ],
    )
    def test_wishes_are_kept_to(self, shop, ada, changes, setting, personal):
        Visitor.objects.update(**changes or {"consent": Consent.UNKNOWN})
        with override_settings(COLDREC={**conf.get_config(), "CONSENT": setting}):
            by_account, by_visitor = letter(shop, user=ada), letter(shop, visitor=Visitor.objects.get())
        assert self.is_personal(by_account) is self.is_personal(by_visitor) is personal
        assert {slate.visitor is not None for slate in Slate.objects.all()} == {personal}


class TestForm:
    def test_it_speaks_the_language_asked_for(self, shop):
        Item.objects.update(translations={"zh-hans": {"title": "壶"}})
        made = letter(shop, language="zh-hans", size=1)
        assert made.subject == "为您推荐" and "壶" in made.text and 'lang="zh-hans" dir="ltr"' in made.html
        assert 'dir="rtl"' in letter(shop, language="ar").html
        assert translation.get_language() == "en"

    def test_a_shop_has_templates_of_its_own_by_placement_kind_or_for_all(self, shop):
        with own_templates(coldrec__email__home="own {{ items.0.title }}", coldrec__email__kind_trending="kind"):
            assert letter(shop).html.startswith("own ") and letter(shop).text.startswith("Recommended")
            assert letter(shop, "trending").html == "kind"
            assert "<table" in letter(shop, "empty_search").html

    def test_a_list_beside_an_item_or_near_to_words(self, shop):
        assert kinds(letter(shop, "product_similar", seeds=["coffee3"])) == {"coffee"}
        assert kinds(letter(shop, "empty_search", query="tea")) == {"tea"}

    def test_without_slates_links_lead_straight_to_the_product(self, shop):
        with override_settings(COLDREC={**conf.get_config(), "LOG_SLATES": False}):
            links = Page(letter(shop).html).values("href")
        assert links and all(link.startswith(f"{BASE}/products/") for link in links)

    @override_settings(ROOT_URLCONF="tests.templatetags.pages")
    def test_and_where_our_addresses_are_not_included(self, shop):
        links = Page(letter(shop).html).values("href")
        assert links and all(link.startswith(f"{BASE}/products/") for link in links)

    @pytest.mark.parametrize("base", ["", "shop.example", "http://shop.example", "javascript:x", "https://"])
    def test_only_https(self, shop, base):
        with pytest.raises(emails.LetterError, match=r"it must be the shop's, such as 'https://shop\.example'"):
            emails.render("home", shop=shop, base_url=base)

    def test_an_unknown_placement_is_told_with_the_nearest(self, shop):
        with pytest.raises(PlacementError, match="did you mean 'home'"):
            letter(shop, "hoem")

    def test_its_templates_compile_under_the_project_s_engine(self):
        assert engines["django"].get_template("coldrec/email/list.txt")
