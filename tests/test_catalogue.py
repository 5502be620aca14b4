"""How a product becomes an item."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import override_settings
from django.utils.translation import get_language, override
from hypothesis import given
from hypothesis import strategies as st

from coldrec import catalogue
from coldrec.catalogue import CatalogueAdapter, CatalogueItem
from coldrec.core.errors import CatalogueError
from coldrec.core.types import Triple
from coldrec.models import Shop
from coldrec.services import cards
from coldrec.services.catalogue import Writer
from coldrec.services.core_items import core_item
from tests.shop.catalogue import ShopCatalogue
from tests.shop.models import Category, Maker, Product, Tag


@pytest.mark.django_db
def test_a_plain_product_becomes_an_item():
    shoes = Category.objects.create(name="Running", parent=Category.objects.create(name="Shoes"))
    product = Product.objects.create(
        sku="r-1",
        name="Fell <b>runner</b>",
        description="<p>Light</p><p>Grips mud &amp; rock</p>",
        maker=Maker.objects.create(name="Acme"),
        category=shoes,
        price="79.9",
        colour="red",
        photo="r-1.jpg",
    )
    product.tags.add(Tag.objects.create(name="trail"), Tag.objects.create(name="light"))
    item = ShopCatalogue().to_item(product)
    assert item == CatalogueItem(
        id="r-1",
        title="Fell runner",
        text="Light Grips mud & rock",
        brand="Acme",
        category=("Shoes", "Running"),
        attributes={"colour": "red", "tags": ["trail", "light"]},
        price=Decimal("79.90"),
        currency="EUR",
        url=f"/products/{product.pk}/",
        image_url=item.image_url,
    )
    assert item.image_url.endswith("r-1.jpg")
    assert item.facts() == (
        Triple("item:r-1", "brand", "brand:Acme"),
        Triple("item:r-1", "category", "category:Shoes > Running"),
        Triple("category:Shoes > Running", "parent", "category:Shoes"),
        Triple("item:r-1", "colour", "colour:red"),
        Triple("item:r-1", "tags", "tags:trail"),
        Triple("item:r-1", "tags", "tags:light"),
    )


@pytest.mark.django_db
def test_a_product_with_nothing_but_an_id_is_an_item():
    item = ShopCatalogue().to_item(Product.objects.create(sku="bare"))
    assert (item.title, item.text, item.brand, item.category, item.price) == ("", "", "", (), None)
    assert item.facts() == ()


class Methods(CatalogueAdapter):
    model = Product

    def id(self, product):
        return f"p{product.pk}"

    def title(self, product):
        return product.name.upper()

    def price(self, product):
        return 5

    def language(self, product):
        return "zh-hans"

    def attributes(self, product):
        return {"on": date(2026, 1, 31), "weight": Decimal("1.5"), "empty": None, "sizes": {"b", "a"}}

    def triples(self, product):
        return [Triple(f"item:p{product.pk}", "made_in", "country:Peru")]


@pytest.mark.django_db
def test_any_part_may_be_a_method():
    item = Methods().to_item(Product(pk=7, name="mug"))
    assert (item.id, item.title, item.price, item.language) == ("p7", "MUG", Decimal("5.00"), "zh-hans")
    assert item.attributes == {"on": "2026-01-31", "weight": 1.5, "sizes": ["a", "b"]}
    assert Triple("item:p7", "made_in", "country:Peru") in item.facts()


@pytest.mark.parametrize(("stock", "sellable"), [(3, True), (0, False), (-1, False), (None, False), ("yes", True)])
def test_a_stock_level_says_whether_an_item_sells(stock, sellable):
    class Stocked(CatalogueAdapter):
        def sellable(self, product):
            return stock

    assert Stocked().is_sellable(object()) is sellable


# What a shop may get wrong --------------------------------------------------------------------------------------------


def adapter(**parts: object) -> CatalogueAdapter:
    return type("Wrong", (CatalogueAdapter,), {"model": Product, **parts})()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"title": "nmae"}, "Wrong.title is 'nmae', but shop.Product has no 'nmae'; did you mean 'name'? There are: "),
        ({"brand": "maker.nam"}, "Wrong.brand is 'maker.nam', but shop.Maker has no 'nam'; did you mean 'name'?"),
        ({"brand": "maker__nam"}, "Wrong.brand is 'maker__nam', but shop.Maker has no 'nam'; did you mean 'name'?"),
        ({"attributes": ("color",)}, "Wrong.attributes is 'color', but shop.Product has no 'color'; did you mean"),
        ({"attributes": "colour"}, "Wrong.attributes is 'colour'; it must be a list of names: ('colour',)."),
        ({"currency": "Euro"}, "Wrong.currency is 'Euro', but shop.Product has no 'Euro'"),
        ({"model": None}, "Wrong.model is None; it must be the product model or its label such as 'shop.Product'."),
        ({"model": "shop.Prodct"}, "Wrong.model names 'shop.Prodct', which is no installed model; did you mean"),
        ({"related": {"shop.Offers": "product"}}, "'shop.Offers', which is no installed model; did you mean"),
        ({"related": {"shop.Offer": "prodct"}}, "is 'prodct', but shop.Offer has no 'prodct'; did you mean 'product'?"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_told_with_the_nearest(parts, message):
    with pytest.raises(CatalogueError, match=re.escape(message)):
        adapter(**parts).validate()


@pytest.mark.parametrize(
    "parts",
    [
        {"model": "shop.Product", "currency": "GBP", "language": "en"},
        {"category": "category.name", "brand": "maker__name", "image": "photo.url"},
        {"attributes": {"Colour": "colour", "by": "maker.name"}, "id": "pk"},
    ],
)
def test_right_names_pass(parts):
    adapter(**parts).validate()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, "COLDREC['CATALOGUE'] is not set; give it the dotted path of your CatalogueAdapter"),
        ("tests.shop.catalogue.Nothing", "which cannot be imported: "),
        ("tests.shop.models.Product", "is 'tests.shop.models.Product'; it must be a subclass of CatalogueAdapter."),
    ],
)
def test_a_wrong_setting_is_told(path, message):
    with override_settings(COLDREC={"CATALOGUE": path}), pytest.raises(CatalogueError, match=re.escape(message)):
        catalogue.load()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "an item id is empty"),
        ({"id": 5}, "an item id is 5; it must be text, such as '5'."),
        ({"id": "x" * 256}, "has 256 characters; at most 255 are allowed."),
        ({"id": "a\x00"}, "holds a NUL or half a character"),
        ({"id": "\ud83d"}, "holds a NUL or half a character"),
        ({"price": "twelve"}, "item 'a': price is 'twelve'; it must be a number of at least 0 such as 12.90, or"),
        ({"price": -1}, "item 'a': price is -1;"),
        ({"price": float("nan")}, "item 'a': price is nan;"),
        ({"price": True}, "item 'a': price is True;"),
        ({"currency": "Euro"}, "item 'a': currency is 'Euro'; it must be a three-letter code such as EUR, or empty."),
        ({"language": "English!"}, "item 'a': language is 'English!'; it must be a language tag"),
        ({"translations": {"Deutsch!": {"title": "x"}}}, "the language of a translation is 'Deutsch!'; it must be a"),
        ({"translations": {"de": {"name": "x"}}}, "a part of the translation to de is 'name'; it must be"),
        ({"triples": [Triple("item:b", "x", "y:z")]}, "the head of a triple is 'item:b'; it must be the item"),
        ({"triples": [Triple("item:a", "x", "z")]}, "the tail of a triple is 'z'; it must be <type>:<name>"),
        ({"first_seen": datetime(2026, 1, 1)}, "it must be a datetime with a time zone, or None"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_what_is_allowed(fields, message):
    with pytest.raises(CatalogueError, match=re.escape(message)):
        CatalogueItem(**{"id": "a", **fields})


@pytest.mark.parametrize("odd", ["o'neil", 'a"b', "🥾", "汉字", "a b\t", "x" * 255, "%_\\", "007", "item:1", "<b>"])
def test_odd_ids_stay_as_they_are(odd):
    assert CatalogueItem(odd).id == odd


def test_long_texts_are_cut_to_what_a_table_holds():
    item = CatalogueItem("a", title="t" * 600, text="x" * 10_000_000, brand="b" * 300, url="u" * 1001)
    assert (len(item.title), len(item.text), len(item.brand)) == (500, 100_000, 200)
    assert item.url == "", "half an address leads nowhere"


def test_a_node_too_long_for_its_column_stays_its_own():
    one, two = (CatalogueItem("a", category=["c" * 150, "d" * 149 + end]).facts()[0].tail for end in "xy")
    assert len(one) == len(two) == 300
    assert one != two


def test_a_tree_with_a_loop_ends():
    category = Category(name="a")
    category.parent = category
    assert len(CatalogueItem("a", category=catalogue._path(category)).category) == catalogue.CATEGORY_DEPTH


# Languages ------------------------------------------------------------------------------------------------------------


class Spoken:
    """A product as django-modeltranslation makes it: ``name`` follows the active language, the others stay."""

    pk, name_en, name_zh_hans, text_en, text_zh_hans = 1, "Mug", "<b>杯</b>", "Holds tea", None

    @property
    def name(self):
        return self.name_zh_hans if get_language() == "zh-hans" else self.name_en


class SpokenCatalogue(CatalogueAdapter):
    title = "name"
    text = "text_en"


def test_a_product_has_the_shop_s_other_languages():
    adapter = SpokenCatalogue()
    assert adapter.own_language() == "en"
    item = adapter.to_item(Spoken())
    assert (item.title, item.translations) == ("Mug", {"zh-hans": {"title": "杯"}})


def test_the_language_that_is_one_for_all_is_the_items_own():
    class Chinese(SpokenCatalogue):
        language = "zh-hans"

    adapter = Chinese()
    assert adapter.own_language() == "zh-hans"
    with override(adapter.own_language()):
        item = adapter.to_item(Spoken())
    assert (item.title, item.translations) == ("杯", {"en": {"title": "Mug"}})


@override_settings(LANGUAGES=[("en", "English"), ("id", "Indonesia"), ("pt-br", "Português")])
def test_names_of_fields_are_those_of_modeltranslation():
    product = Spoken()
    product.name_ind, product.name_pt_br, product.name_id = "cangkir", "caneca", "a foreign key"
    assert SpokenCatalogue().translations(product) == {"id": {"title": "cangkir"}, "pt-br": {"title": "caneca"}}


def test_a_shop_may_keep_its_translations_elsewhere():
    class Elsewhere(SpokenCatalogue):
        def translations(self, product):
            return {"fr": {"title": "Tasse"}}

    assert Elsewhere().to_item(Spoken()).translations == {"fr": {"title": "Tasse"}}


@given(
    st.dictionaries(
        st.sampled_from(["de", "zh-hans", "pt-br"]), st.dictionaries(st.sampled_from(["title", "text"]), st.text())
    )
)
def test_translations_come_back_from_the_table_as_they_went_in(told):
    item = CatalogueItem("a", title="own", translations=told)
    row = Writer(Shop(key="s"))._row(item, None)
    row.translations = json.loads(json.dumps(row.translations))
    assert core_item(row).translations == item.translations
    for language, one in item.translations.items():
        assert cards.title_in(language, "own", row.translations) == one.get("title", "own")
    assert CatalogueItem("a", translations=item.translations).translations == item.translations


# The content hash ----------------------------------------------------------------------------------------------------

words = st.text(max_size=8)
contents = st.fixed_dictionaries(
    {
        "title": words,
        "text": words,
        "brand": words,
        "category": st.lists(words, max_size=3),
        "attributes": st.dictionaries(words, words | st.integers(0, 3) | st.lists(words, max_size=2), max_size=2),
        "price": st.one_of(st.none(), st.sampled_from([0, 1, 1.0, 1.5, "1.50", Decimal("2.005")])),
        "language": st.sampled_from(["", "en", "zh-hans"]),
        "translations": st.dictionaries(
            st.sampled_from(["de", "zh-hans"]), st.dictionaries(st.sampled_from(["title", "text"]), words), max_size=2
        ),
        "triples": st.lists(
            st.builds(Triple, st.just("item:a"), st.sampled_from("xy"), st.sampled_from(["t:1", "t:2"])), max_size=2
        ),
    }
)  # fmt: skip
presentations = st.fixed_dictionaries(
    {
        "url": st.sampled_from(["", "/a/"]),
        "image_url": st.sampled_from(["", "/a.png"]),
        "sellable": st.booleans(),
        "variant_group": st.sampled_from(["", "g"]),
        "currency": st.sampled_from(["", "EUR"]),
        "first_seen": st.sampled_from([None, datetime(2026, 1, 1, tzinfo=UTC)]),
    }
)


@given(contents, contents, presentations, presentations)
def test_the_hash_changes_when_and_only_when_a_model_would_see_it(content, other_content, shown, other_shown):
    one, two = CatalogueItem("a", **content, **shown), CatalogueItem("a", **other_content, **other_shown)
    same = all(getattr(one, name) == getattr(two, name) for name in content)
    assert (one.content_hash == two.content_hash) is same


@given(contents, presentations)
def test_the_hash_of_an_item_is_stable(content, shown):
    item = CatalogueItem("a", **content)
    assert item.content_hash == CatalogueItem("a", **content, **shown).content_hash
    assert re.fullmatch("[0-9a-f]{64}", item.content_hash)


@given(contents)
def test_making_a_tidy_item_again_changes_nothing(content):
    item = CatalogueItem("a", **content)
    again = CatalogueItem("a", **{name: getattr(item, name) for name in ("brand", "category", "attributes", "price")})
    assert (again.brand, again.category, again.price) == (item.brand, item.category, item.price)
