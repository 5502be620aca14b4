"""The tags in templates: what they show, what can be put in their place, and what never breaks the page."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import RequestFactory, override_settings
from django.utils import translation

from coldrec import conf
from coldrec.core import pipeline
from coldrec.models import Item
from coldrec.services import placements, serving, visitors
from tests.served import cookie, visitor_who
from tests.templatetags.pages import Page, own_templates, render

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shop")]

WIDGET = "<p>before</p>{% coldrec_widget 'home' %}<p>after</p>"


def settings_with(**changes) -> override_settings:
    return override_settings(COLDREC={**conf.get_config(), **changes})


class TestShown:
    def test_every_item_with_its_card(self, shop):
        page = Page(render("{% coldrec_widget 'home' %}"))
        assert len(page.items) == 12
        rows = {row.external_id: row for row in Item.objects.filter(shop=shop, external_id__in=page.items)}
        links = [attributes for _tag, attributes in page.elements if attributes.get("class") == "coldrec-card"]
        assert [link["href"] for link in links] == [rows[item].url for item in page.items]
        assert all(rows[item].title in page.text for item in page.items)
        assert "GBP" in page.text
        assert "Recommended for you" in page.text and "Popular in this shop" in page.text

    def test_size_and_title_are_the_page_s(self):
        page = Page(render("{% coldrec_widget 'home' size=3 title='Only for you' %}"))
        assert len(page.items) == 3
        assert "Only for you" in page.text and "Recommended for you" not in page.text
        assert page.values("aria-label")[0] == "Only for you"

    def test_an_empty_title_leaves_no_heading(self):
        assert "h2" not in [tag for tag, _ in Page(render("{% coldrec_widget 'home' title='' %}")).elements]

    def test_nothing_to_show_leaves_no_trace(self):
        assert render("{% coldrec_widget 'recently_viewed' %}") == ""
        assert render("{% coldrec_widget 'home' size=0 %}") == ""
        Item.objects.update(sellable=False)
        assert render("{% coldrec_widget 'home' %}") == ""

    @pytest.mark.parametrize("category", [["kitchen", "coffee"], ("kitchen", "coffee")])
    def test_a_category_path_is_kept_to(self, category):
        page = Page(render("{% coldrec_widget 'home' category=here size=6 %}", here=category))
        assert page.values("data-coldrec-level") == ["popular_here"]
        assert {item.rstrip("0123456789") for item in page.items} == {"coffee"}

    def test_a_category_named_by_one_word_is_a_path_of_one(self):
        Item.objects.filter(external_id__startswith="tea").update(category=["tea"])
        page = Page(render("{% coldrec_items 'home' category='kitchen' size=6 as found %}{{ found|length }}"))
        assert page.text == "6", "a word is not taken for a list of letters"

    @pytest.mark.parametrize("nothing", ["", None, [], ()])
    def test_no_category_is_the_whole_shop(self, nothing):
        found = Page(render("{% coldrec_widget 'home' category=here %}", here=nothing))
        assert found.items == Page(render("{% coldrec_widget 'home' %}")).items

    def test_a_product_object_and_its_id_name_the_same_item(self):
        class Product:
            pk = "tea3"

        by_object, by_id = (
            Page(render("{% coldrec_widget 'product_similar' item=it %}", it=it)).items for it in (Product(), "tea3")
        )
        assert by_object == by_id != []
        assert "tea3" not in by_object

    def test_several_items_seed_one_list(self):
        page = Page(render("{% coldrec_widget 'basket' items=them %}", them=["tea3", "tea4"]))
        assert page.items and not {"tea3", "tea4"} & set(page.items)

    def test_variants_of_one_product_never_stand_together(self):
        Item.objects.filter(external_id__startswith="tea").update(variant_group="the-tea")
        page = Page(render("{% coldrec_widget 'home' %}{% coldrec_widget 'trending' %}", RequestFactory().get("/")))
        assert sum(item.startswith("tea") for item in page.items) <= 1 < len(page.items)

    def test_a_search_without_results_is_near_to_its_words(self):
        page = Page(render("{% coldrec_widget 'empty_search' query=q %}", q="cofee <b>pot</b>"))
        assert page.items and all(item.startswith("coffee") for item in page.items)
        assert "Near to “cofee <b>pot</b>”" in page.text, "as text"
        assert (
            Page(render("{% coldrec_items 'empty_search' query='tea' as found %}{{ found.0.title }}")).text[:3] == "tea"
        )

    def test_a_page_that_is_not_there_is_near_to_its_address(self):
        page = Page(render("{% coldrec_widget 'not_found' %}", RequestFactory().get("/catalogue/coffee-pot-99_7/")))
        assert page.items and all(item.startswith("coffee") for item in page.items)
        assert Page(render("{% coldrec_widget 'not_found' %}")).items, "without a request it is what sells"

    def test_it_needs_no_request(self):
        assert len(Page(render(WIDGET)).items) == 12

    def test_the_visitor_s_cookie_makes_it_theirs(self, shop):
        request = RequestFactory().get("/")
        request.COOKIES |= cookie(shop, visitor_who(shop, "coffee1", "coffee2"))
        page = Page(render(WIDGET, request))
        assert page.values("data-coldrec-level") == ["session"]
        assert page.items[0].startswith("coffee")

    def test_it_speaks_the_page_s_language(self, shop):
        request = RequestFactory().get("/")
        request.COOKIES |= cookie(shop, visitor_who(shop, "coffee1"))
        with translation.override("zh-hans"):
            page = Page(render("{% coldrec_widget 'home' %}{% coldrec_widget 'new_arrivals' %}", request))
        assert "为您推荐" in page.text and "新品上架" in page.text
        assert "因为您看过“coffee pot 1”" in page.text
        assert "Recommended" not in page.text and "Because" not in page.text

    @pytest.mark.parametrize(
        ("price", "currency", "language", "shown"),
        [
            ("1234.50", "GBP", "en", "1234.50 GBP"),
            ("1234.5", "GBP", "de", "1234,50 GBP"),
            ("3", "", "en", "3.00"),
            ("0", "EUR", "en", "0.00 EUR"),
            (None, "EUR", "en", None),
        ],
    )
    def test_a_price_is_written_as_the_page_s_language_writes_it(self, price, currency, language, shown):
        Item.objects.update(price=price, currency=currency)
        with translation.override(language):
            page = Page(render("{% coldrec_widget 'home' size=1 %}"))
        assert page.values("class").count("coldrec-price") == 1, "its line is kept, so that cards are of one height"
        assert shown in page.text if shown is not None else "EUR" not in page.text

    def test_a_shop_that_groups_thousands_sees_them_at_once(self):
        Item.objects.update(price="1234.50")
        for grouped, shown in ((False, "1234.50 GBP"), (True, "1,234.50 GBP")):
            with override_settings(USE_THOUSAND_SEPARATOR=grouped):
                assert shown in Page(render("{% coldrec_widget 'home' size=1 %}")).text


class TestItems:
    def test_the_shop_s_own_markup(self):
        text = render(
            "{% coldrec_items 'home' size=2 as found %}{% for one in found %}"
            "{{ one.position }}|{{ one.id }}|{{ one.title }}|{{ one.url }}|{{ one.price }}|{{ one.currency }}|"
            "{{ one.level }}|{{ one.reason.text }}\n{% endfor %}"
        )
        first, second = (line.split("|") for line in text.splitlines())
        row = Item.objects.get(external_id=first[1])
        assert first == ["1", row.external_id, row.title, row.url, str(row.price), "GBP", "popular", first[-1]]
        assert first[-1] and (second[0], len(second)) == ("2", 8)

    def test_tag_and_widget_share_one_page(self):
        request = RequestFactory().get("/")
        text = render("{% coldrec_items 'home' as a %}{% for i in a %}{{ i.id }} {% endfor %}", request)
        page = Page(render("{% coldrec_widget 'trending' %}", request))
        assert page.items and not set(text.split()) & set(page.items)

    def test_none_is_an_empty_list(self):
        assert render("{% coldrec_items 'recently_viewed' as found %}{{ found|length }}") == "0"


class TestTemplates:
    def test_the_placement_s_comes_before_the_kind_s_before_the_default(self):
        own = {"coldrec__home": "[home {{ items|length }}]", "coldrec__kind_personal": "[personal]"}
        with own_templates(**own):
            assert render("{% coldrec_widget 'home' size=2 %}") == "[home 2]"
        with own_templates(coldrec__kind_personal="[{{ placement.kind }} of {{ slate.placement }}]"):
            assert render("{% coldrec_widget 'home' %}") == "[personal of home]"
            assert Page(render("{% coldrec_widget 'trending' %}")).items, "other kinds keep the default"
        with own_templates(coldrec__widget="[mine]"):
            assert render("{% coldrec_widget 'home' %}{% coldrec_widget 'trending' %}") == "[mine][mine]"

    def test_the_shop_s_own_card_is_shown_in_every_list(self):
        with own_templates(coldrec__product_card="<b>{{ item.title }}</b>{{ extra }}"):
            page = Page(render("{% coldrec_widget 'home' size=2 %}", extra="!"))
        assert [tag for tag, _ in page.elements if tag in ("a", "b")] == ["b", "a", "b", "a"], "card and reason"
        assert page.text.count("!") == 2, "a card sees what the page knows"
        assert len(page.items) == 2, "and the element around it still names the item"

    def test_a_placement_of_the_shop_s_own(self):
        with settings_with(PLACEMENTS={"checkout": {"kind": "trending", "size": 2, "title": "Before you go"}}):
            page = Page(render("{% coldrec_widget 'checkout' %}"))
        assert len(page.items) == 2 and "Before you go" in page.text


class TestTrouble:
    """Whatever is broken, the page stands and says nothing of it; the log does."""

    def stands(self, source: str = WIDGET, request=None, **context) -> Page:
        text = render(source, request, **context)
        assert text.startswith("<p>before</p>") and text.endswith("<p>after</p>")
        return Page(text)

    def test_an_unknown_placement_is_an_error_for_the_developer_alone(self, caplog):
        source = (
            "<p>before</p>{% coldrec_widget 'hme' %}{% coldrec_items 'hme' as found %}{{ found|length }}<p>after</p>"
        )
        with override_settings(DEBUG=True), pytest.raises(placements.PlacementError, match="did you mean 'home'"):
            render(source)
        assert self.stands(source).text == "before0after"
        assert "a list that there cannot be" in caplog.text and "did you mean 'home'" in caplog.text

    @pytest.mark.parametrize("size", ["0", "101", "-1", "'6'"])
    @pytest.mark.parametrize("late", ["False", "True"])
    def test_a_size_that_no_list_can_have_is_an_error_for_the_developer_alone(self, caplog, size, late):
        source = f"<p>before</p>{{% coldrec_widget 'home' size={size} late={late} %}}<p>after</p>"
        with override_settings(DEBUG=True), pytest.raises(placements.PlacementError, match="allowed are 1 to 100"):
            render(source)
        assert self.stands(source).text == "beforeafter"
        assert "allowed are 1 to 100" in caplog.text

    def test_a_database_that_fails(self, caplog):
        def fail(*_args):
            raise DatabaseError("the disk is gone")

        with connection.execute_wrapper(fail):
            assert self.stands(request=RequestFactory().get("/")).items == []
        assert "the disk is gone" in caplog.text

    def test_a_query_that_fails_leaves_the_transaction_of_the_page_usable(self, shop, caplog):
        def spoil(execute, sql, params, many, context):
            return (
                execute("SELECT * FROM nowhere", None, False, context)
                if "coldrec_item" in sql
                else execute(sql, params, many, context)
            )

        with transaction.atomic(), connection.execute_wrapper(spoil):
            self.stands(request=RequestFactory().get("/"))
            assert shop.versions.count() == 1, "the shop's own queries after it"
        assert "nowhere" in caplog.text

    def test_a_model_that_fails_leaves_the_newest(self, monkeypatch, caplog):
        def fail(*_args, **_kwargs):
            raise RuntimeError("not a number")

        serving.current(serving.Shop.objects.get())
        monkeypatch.setattr(pipeline, "recommend", fail)
        page = self.stands()
        assert page.values("data-coldrec-level") == ["newest"] and len(page.items) == 12
        assert "not a number" in caplog.text

    @pytest.mark.parametrize("path", ["no.such.Adapter", "tests.templatetags.test_widget.BrokenCatalogue"])
    def test_an_adapter_that_fails(self, path, caplog):
        with settings_with(CATALOGUE=path):
            self.stands("<p>before</p>{% coldrec_widget 'basket' %}<p>after</p>", RequestFactory().get("/"))
        assert "could not read the basket" in caplog.text

    @pytest.mark.parametrize("size", ["three", -1, 10**9, 1.5, [], "0"])
    def test_a_size_that_is_no_size(self, size):
        page = self.stands("<p>before</p>{% coldrec_widget 'home' size=size %}<p>after</p>", size=size)
        assert len(page.items) <= 40

    @pytest.mark.parametrize("odd", [object(), 5, {"a": 1}, [None], [[1]], "x" * 100_000, "\x00"])
    @pytest.mark.parametrize("argument", ["item", "category", "items"])
    def test_arguments_that_make_no_sense(self, odd, argument):
        self.stands(f"<p>before</p>{{% coldrec_widget 'home' {argument}=odd %}}<p>after</p>", odd=odd)

    def test_a_visitor_that_cannot_be_read(self, monkeypatch, caplog):
        def fail(*_args, **_kwargs):
            raise RuntimeError("signing key rotated away")

        monkeypatch.setattr(visitors, "from_request", fail)
        self.stands(request=RequestFactory().get("/"))
        assert "signing key rotated away" in caplog.text


class BrokenCatalogue:
    """An adapter whose basket cannot be read."""

    def basket(self, request):
        raise KeyError("basket")
