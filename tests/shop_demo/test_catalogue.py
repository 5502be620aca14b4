"""The demo's own catalogue."""

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from decimal import Decimal

import pytest

from shop_demo import catalogue
from shop_demo.catalogue import food, plan, wording

PRINT_HASH = (
    "import hashlib; from shop_demo import catalogue; "
    "print(hashlib.sha256(repr(catalogue.generate(120)).encode()).hexdigest())"
)
PRODUCTS = catalogue.generate(catalogue.ALL)
DEPARTMENT = {department.name: department for department in catalogue.DEPARTMENTS}
CJK = re.compile("[\u4e00-\u9fff]")
UNITS = {
    "cm", "mm", "ml", "kg", "kJ", "kcal", "lm", "GB", "TB", "MB", "mAh", "Hz", "HRC", "XS", "XL", "XXL", "GBP", "EUR",
}  # fmt: skip
SIGNS = {"USB", "HDMI", "DisplayPort", "LED", "DAB", "IP", "IPX", "GU", "Pro"}  # names that Chinese shops write alike


def of(department: str) -> list[catalogue.Product]:
    return [product for product in PRODUCTS if product.department.en == department]


def english(product: catalogue.Product) -> dict[str, str]:
    return {name.en: value.en for name, value in product.attributes}


# The story: a shop of five departments


def test_the_shop_has_its_departments_and_holds_some_products_back():
    assert catalogue.SIZE >= 1200
    assert catalogue.ALL - catalogue.SIZE >= 40, "arrivals must be left for an open shop"
    counts = Counter(product.department.en for product in PRODUCTS[: catalogue.SIZE])
    assert counts.keys() == {"Fashion", "Electronics", "Home", "Healthy food", "Financial products"}
    assert min(counts.values()) >= 100, counts
    assert len({product.kind for product in PRODUCTS}) >= 45


def test_the_same_seed_gives_the_same_bytes_in_another_process():
    here = hashlib.sha256(repr(catalogue.generate(120)).encode()).hexdigest()
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", PRINT_HASH],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == here, f"PYTHONHASHSEED={hash_seed} changes the catalogue"


def test_another_seed_gives_another_catalogue():
    assert catalogue.generate(50, seed=1) != catalogue.generate(50, seed=2)


@pytest.mark.parametrize("size", [0, 1, 52, 60, 400])
def test_a_smaller_shop_is_the_beginning_of_a_larger_one(size):
    assert catalogue.generate(size) == PRODUCTS[:size]


def test_sixty_products_cover_every_department_and_kind():
    assert {product.kind for product in PRODUCTS[:60]} == {product.kind for product in PRODUCTS}


@pytest.mark.parametrize("size", [-1, catalogue.ALL + 1])
def test_a_size_that_the_plan_does_not_have_is_refused(size):
    with pytest.raises(ValueError, match=f"size is {size}; the demo's catalogue has at most {catalogue.ALL} products"):
        catalogue.generate(size)


def test_about_one_in_five_came_within_the_shoppers_past():
    new = [product for product in PRODUCTS if product.added_days <= 90]
    assert 0.14 < len(new) / len(PRODUCTS) < 0.26
    assert all(product.added_days <= 90 or product.added_days >= 95 for product in PRODUCTS)


# Texts


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_two_products_share_a_upc_a_title_or_a_description(language):
    assert len({product.upc for product in PRODUCTS}) == len(PRODUCTS)
    for part in ("title", "description"):
        counts = Counter(getattr(getattr(product, part), language) for product in PRODUCTS)
        assert counts.most_common(1)[0][1] == 1, counts.most_common(3)


def test_titles_fit_a_card_and_carry_no_number_instead_of_a_name():
    for product in PRODUCTS:
        assert 0 < len(product.title.en) <= 70, product.title
        assert not re.search(r"\b(II|III|IV|no\. \d)\b", product.title.en), product.title
        assert product.title.en.startswith(product.brand), product.title


@pytest.mark.parametrize("language", ["en", "zh"])
def test_descriptions_of_a_kind_do_not_all_begin_alike(language):
    """A reader of a category page meets a new beginning with almost every product."""
    beginnings = defaultdict(list)
    for product in PRODUCTS:
        text = getattr(product.description, language)
        beginnings[product.kind].append(re.split(r"[.:;]|[。：；]", text)[0])
    for kind, texts in beginnings.items():
        assert Counter(texts).most_common(1)[0][1] <= len(texts) / 4, (kind.en, Counter(texts).most_common(2))
        assert len(set(texts)) >= 0.4 * len(texts), kind.en


def test_descriptions_differ_in_length():
    lengths = [len(re.findall(r"[.!?](?:\s|$)", product.description.en)) for product in PRODUCTS]
    assert {2, 3, 4} <= set(lengths)
    assert max(Counter(lengths).values()) < 0.6 * len(lengths), Counter(lengths)


def test_both_languages_tell_the_same_sentences():
    """The pairs are filled with the same facts, so whatever is a figure in one is in the other."""
    for product in PRODUCTS:
        texts = [re.sub(r"\d+ megapixels|\d+ 万像素", "", text) for text in product.description]
        figures = [set(re.findall(r"\d+(?:[.,]\d+)*", text)) for text in texts]
        assert figures[0] <= figures[1], product.description


def test_every_chinese_text_is_chinese():
    brands = sorted({brand.name.zh for d in catalogue.DEPARTMENTS for brand in d.brands}, key=len, reverse=True)
    codes = re.compile("|".join(re.escape(name) for name in brands))
    for product in PRODUCTS:
        prose = [product.title, product.description, product.department, product.kind]
        for text in prose:
            assert CJK.search(text.zh), text
        names = [name for name, _ in product.attributes] + ([product.choice] if product.choice else [])
        assert all(CJK.search(name.zh) for name in names), names
        values = [value for _, value in product.attributes] + [variant.value for variant in product.variants]
        for text in (*prose, *names, *values):
            left = set(re.findall("[A-Za-z]{2,}", codes.sub("", text.zh))) - UNITS - SIGNS
            assert not left, f"{left} in {text.zh}"


def test_the_chinese_of_an_attribute_is_the_same_throughout_a_department():
    """Oscar has one attribute of a code for each class of product."""
    names = defaultdict(set)
    for product in PRODUCTS:
        for name in [name for name, _ in product.attributes] + ([product.choice] if product.choice else []):
            names[product.department, name.en].add(name.zh)
    assert [key for key, found in names.items() if len(found) > 1] == []


def test_a_space_stands_between_chinese_and_what_is_not():
    assert wording._spaced("尺寸24 cm，棉100%有机") == "尺寸 24 cm，棉 100% 有机"


def test_a_sentence_is_used_only_where_all_its_slots_are_known():
    assert all("{" not in form for product in PRODUCTS for form in (*product.title, *product.description))


# Facts


@pytest.mark.parametrize(
    ("department", "wanted"),
    [
        ("Fashion", {"Material", "Care", "Season", "Style", "Colour"}),
        ("Electronics", {"Material", "Colour"}),
        ("Home", {"Material"}),
        ("Healthy food", {"Allergens", "Ingredients", "Diet", "Origin", "Nutrients", "Energy", "Salt"}),
        ("Financial products", {"Price shown", "Minimum term", "Currency", "Protection"}),
    ],
)
def test_every_product_says_what_its_department_must_say(department, wanted):
    for product in of(department):
        said = english(product)
        if "Advised holding period" in said:
            said["Minimum term"] = said["Advised holding period"]
        assert wanted <= said.keys(), (product.title.en, wanted - said.keys())
        assert all(value for value in said.values()), product.title.en


def test_electronics_and_lamps_have_figures_of_their_kind():
    assert all(
        "E14" in english(p)["Bulb socket"] or "E27" in english(p)["Bulb socket"]
        for p in of("Home")
        if p.kind.en == "Lamps"
    )
    for kind, name in (
        ("Phones", "Screen"),
        ("Monitors", "Resolution"),
        ("Headphones", "Connector"),
        ("Chargers & cables", "Power"),
    ):
        assert all(name in english(product) for product in PRODUCTS if product.kind.en == kind), kind


def test_nutrients_are_possible_and_the_energy_follows_from_them():
    for product in of("Healthy food"):
        said = english(product)
        gram = {
            name: Decimal(said[name].removesuffix(" g"))
            for name in ("Fat", "of which saturates", "Carbohydrate", "of which sugars", "Fibre", "Protein", "Salt")
        }
        assert gram["of which saturates"] <= gram["Fat"], product.title.en
        assert gram["of which sugars"] <= gram["Carbohydrate"], product.title.en
        assert sum(gram[name] for name in ("Fat", "Carbohydrate", "Fibre", "Protein", "Salt")) <= 100, product.title.en
        kilojoules, kilocalories = map(
            int, re.fullmatch(r"([\d,]+) kJ / (\d+) kcal", said["Energy"].replace(",", "")).groups()
        )
        eaten = {name.lower(): amount for name, amount in gram.items()}
        assert abs(kilojoules - sum(eaten[name] * factor for name, factor in food.KILOJOULES.items())) <= 1
        assert abs(kilocalories - sum(eaten[name] * factor for name, factor in food.KILOCALORIES.items())) <= 1


def test_what_holds_nuts_names_them_as_allergens():
    for product in of("Healthy food"):
        said = english(product)
        for allergen in ("almond", "hazelnut", "walnut", "cashew", "peanut", "sesame", "soya", "oat"):
            if allergen in said["Ingredients"]:
                assert allergen in said["Allergens"], product.title.en


def test_financial_products_name_their_risk_and_that_they_are_a_demonstration():
    words = re.compile(r"demonstration|demo|Invented", re.I)
    promises = re.compile(r"guarantee|risk-free|best rate|you will earn|safe return", re.I)
    for product in of("Financial products"):
        said = english(product)
        assert words.search(product.description.en), product.description.en
        assert re.search("演示|虚构", product.description.zh), product.description.zh
        assert not promises.search(product.description.en), product.description.en
        if product.kind.en not in ("Insurance", "Payment cards"):
            assert said["Risk class (1–7)"] in set("1234567"), product.title.en
        assert "Yearly fee" in said or product.kind.en == "Insurance", product.title.en


def test_a_yearly_fee_that_is_the_price_is_the_same_figure():
    cards = [product for product in PRODUCTS if product.kind.en == "Payment cards"]
    assert cards and all(Decimal(english(product)["Yearly fee"].strip("£")) == product.price for product in cards)


# Prices, variants and pictures


def test_prices_end_as_shops_have_them_end():
    prices = [variant.price for product in PRODUCTS for variant in product.variants] + [p.price for p in PRODUCTS]
    assert min(prices) >= Decimal("1.90")
    endings = {price % 1 for price in prices}
    assert endings <= {Decimal(e) for e in ("0", "0.00", "0.25", "0.49", "0.50", "0.95", "0.99")}, endings
    assert all(price == price.to_integral() for price in prices if price >= 200), "no pennies on large prices"


def test_a_dearer_brand_asks_more_for_the_same_kind():
    mean = {
        brand: sum(float(product.price) for product in found) / len(found)
        for brand in ("Ateliers Brume", "Zoomi")
        if (found := [product for product in of("Fashion") if product.brand == brand])
    }
    assert mean["Ateliers Brume"] > 1.3 * mean["Zoomi"], mean


def test_clothes_come_in_sizes_and_some_sizes_are_sold_out():
    fashion = of("Fashion")
    assert sum(bool(product.variants) for product in fashion) > 0.6 * len(fashion)
    for department in ("Electronics", "Home", "Healthy food"):
        assert any(product.variants for product in of(department)), department
    variants = [variant for product in PRODUCTS for variant in product.variants]
    assert 0.05 < sum(variant.stock == 0 for variant in variants) / len(variants) < 0.3
    assert len({variant.upc for variant in variants}) == len(variants)
    for product in PRODUCTS:
        if product.variants:
            assert len({variant.value for variant in product.variants}) == len(product.variants) >= 2, product.title
            assert product.price == product.variants[0].price == min(variant.price for variant in product.variants)
            assert product.stock == sum(variant.stock for variant in product.variants)


def test_some_products_are_sold_out_altogether():
    assert 0.005 < sum(product.stock == 0 for product in PRODUCTS) / len(PRODUCTS) < 0.08


def test_a_wall_of_cards_does_not_look_the_same():
    assert len({product.look for product in PRODUCTS}) > 0.9 * len(PRODUCTS)
    by_kind = defaultdict(set)
    for product in PRODUCTS:
        by_kind[product.kind].add((product.look.shape, product.look.colour))
    assert all(len(looks) >= 8 for looks in by_kind.values()), {k.en: len(v) for k, v in by_kind.items()}


# The parts


def test_a_deck_deals_every_card_before_one_comes_again():
    import random

    deck = wording.Deck("abcd", random.Random(1))
    dealt = [deck.draw() for _ in range(8)]
    assert sorted(dealt[:4]) == sorted(dealt[4:]) == list("abcd")
    assert deck.draw(lambda card: card == "x") is None
    assert deck.draw(lambda card: card == "c") == "c"


def test_texts_know_their_slots_and_are_filled_in_both_languages():
    line = plan.Text("{A} in {material}", "{material}的{noun}")
    assert line.slots == {"A", "material", "noun"}
    words = {"A": plan.Text("A mug", "x"), "material": plan.Text("clay", "陶"), "noun": plan.Text("mug", "杯子")}
    assert line.filled(words) == ("A mug in clay", "陶的杯子")


@pytest.mark.parametrize("department", catalogue.DEPARTMENTS, ids=lambda d: d.name.en)
def test_the_plan_of_a_department_is_whole(department):
    known = {kind.name.en for kind in department.kinds}
    assert {name for brand in department.brands for name in brand.makes} <= known
    for kind in department.kinds:
        makers = [brand for brand in department.brands if not brand.makes or kind.name.en in brand.makes]
        assert len(makers) >= 2, f"{kind.name.en} has {len(makers)} makers"
        assert set(kind.patterns) <= plan.PATTERNS.keys()
        for sort in kind.types:
            assert len({fact.key for fact in sort.facts}) == len(sort.facts), f"{sort.noun.en} has a fact twice"
    assert sum(department.quota.values()) == department.products
