"""The demo's own catalogue."""

import hashlib
import os
import subprocess
import sys

import pytest

from shop_demo import catalogue

PRINT_HASH = (
    "import hashlib; from shop_demo import catalogue; "
    "print(hashlib.sha256(repr(catalogue.generate(120)).encode()).hexdigest())"
)


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


@pytest.mark.parametrize("size", [1, 24, 60, 400, 2000])
def test_every_size_has_unique_upcs_and_titles(size):
    products = catalogue.generate(size)
    assert len(products) == size
    assert len({product.upc for product in products}) == size, "UPCs must be unique"
    assert len({product.title for product in products}) == size, "titles must be unique"
    assert all(0 < len(product.title) <= 90 for product in products), "titles must fit a card"
    assert all(product.price > 0 for product in products)


def test_sixty_products_cover_every_department_and_kind():
    products = catalogue.generate(60)
    assert {product.department for product in products} == set(catalogue.DEPARTMENTS)
    assert {product.kind for product in products} == {kind.name for kind in catalogue.KINDS}


def test_what_shoppers_care_about_is_written_in_the_product():
    for product in catalogue.generate(200):
        assert product.title.startswith(product.brand), product.title
        assert product.colour.lower() in product.title or not product.coloured, product.title
        assert all(value in product.description for value in product.facts.values()), product.description


def test_a_dearer_brand_asks_more_for_the_same_kind():
    products = catalogue.generate(2000)
    mean = {
        brand: sum(float(p.price) for p in found) / len(found)
        for brand in ("Nordlys", "Gogo Camp")
        if (found := [p for p in products if p.brand == brand and p.kind == "Tents"])
    }
    assert mean["Nordlys"] > 1.3 * mean["Gogo Camp"], mean


def test_about_one_in_seven_is_a_new_arrival():
    products = catalogue.generate(400)
    new = [product for product in products if product.added_days <= 45]
    assert 35 <= len(new) <= 85
    assert all(product.added_days <= 45 or product.added_days >= 95 for product in products)
