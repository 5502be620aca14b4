"""Items stay in step with the shop's products."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.test import override_settings
from django.utils import translation

from coldrec import receivers, tasks
from coldrec.catalogue import CatalogueAdapter
from coldrec.core.errors import CatalogueError
from coldrec.models import Item, Triple
from coldrec.services import catalogue, shops
from coldrec.services.catalogue import SyncReport
from tests.shop.catalogue import ShopCatalogue
from tests.shop.models import Category, Maker, Offer, Product

ROOT = Path(__file__).resolve().parents[2]


def sync(**options) -> tuple[int, int, int, int]:
    report = catalogue.sync(ShopCatalogue(), **options)
    return report.created, report.updated, report.unchanged, report.deleted


def stock(*skus: str, **fields) -> list[Product]:
    return [Product.objects.create(sku=sku, name=f"Product {sku}", **fields) for sku in skus]


def facts() -> set[tuple[str, str, str]]:
    return set(Triple.objects.values_list("head", "relation", "tail"))


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "zh-hans", None])
def test_whatever_language_the_page_is_in_the_item_keeps_its_own(language, monkeypatch, settings):
    def spoken(product):
        assert translation.get_language() == "en"
        return product.name

    class Spoken(ShopCatalogue):
        title = "spoken"

    monkeypatch.setattr(Product, "spoken", property(spoken), raising=False)
    monkeypatch.setattr(Product, "spoken_zh_hans", property(lambda product: f"{product.name} 中文"), raising=False)
    settings.COLDREC = {"CATALOGUE": Spoken}
    stock("1")
    with translation.override(language):
        catalogue.sync(Spoken())
        catalogue.refresh_item("1")
        assert translation.get_language() == language, "the page goes on in its own"
    item = Item.objects.get()
    assert (item.title, item.translations) == ("Product 1", {"zh-hans": {"title": "Product 1 中文"}})
    assert sync() == (0, 1, 0, 0), "without its translations it is another item to a model"


@pytest.mark.django_db
class TestSync:
    def test_a_shop_through_its_life(self):
        acme, bolt = Maker.objects.create(name="Acme"), Maker.objects.create(name="Bolt")
        shoes = Category.objects.create(name="Shoes")
        trail = Category.objects.create(name="Trail", parent=shoes)
        one, two, three = stock("1", "2", "3", maker=acme, category=trail, price="9.90")
        assert sync() == (3, 0, 0, 0)
        assert sync() == (0, 0, 3, 0), "a second run changes nothing"

        one.name = "Renamed"
        one.maker = bolt
        one.category = shoes
        one.save()
        two.in_stock = False
        two.save()
        three.delete()
        assert sync() == (0, 2, 0, 1)
        assert sync() == (0, 0, 2, 0)
        rows = {item.external_id: item for item in Item.objects.all()}
        assert rows["1"].title == "Renamed"
        assert not rows["2"].sellable
        assert not rows["3"].sellable
        assert rows["3"].removed_at is not None, "the row stays: old purchases of it still teach"
        assert facts() == {
            ("item:1", "brand", "brand:Bolt"),
            ("item:1", "category", "category:Shoes"),
            *((f"item:{n}", "brand", "brand:Acme") for n in "23"),
            *((f"item:{n}", "category", "category:Shoes > Trail") for n in "23"),
            ("category:Shoes > Trail", "parent", "category:Shoes"),
        }

        seen = rows["3"].first_seen
        stock("3")
        assert sync() == (1, 0, 2, 0), "a product that comes back is created again"
        back = Item.objects.get(external_id="3")
        assert (back.sellable, back.removed_at, back.first_seen) == (True, None, seen)

    def test_a_dry_run_tells_and_writes_nothing(self):
        stock("1", "2")
        assert sync(dry_run=True) == (2, 0, 0, 0)
        assert not Item.objects.exists()
        sync()
        Product.objects.filter(sku="1").delete()
        Product.objects.filter(sku="2").update(name="Other")
        stock("3")
        before = list(Item.objects.values())
        assert sync(dry_run=True) == (1, 1, 0, 1)
        assert list(Item.objects.values()) == before

    def test_an_empty_shop_is_in_step(self):
        assert sync() == (0, 0, 0, 0)
        stock("1", "2")
        sync()
        Product.objects.all().delete()
        assert sync() == (0, 0, 0, 2)
        assert sync() == (0, 0, 0, 0)

    @pytest.mark.parametrize("size", [1, 2, 3, 100])
    def test_the_batch_size_does_not_matter(self, size):
        stock(*"abcde")
        Item.objects.create(
            shop=shops.current(), external_id="gone", first_seen="2026-01-01T00:00Z", updated_at="2026-01-01T00:00Z"
        )
        assert sync(batch_size=size) == (5, 0, 0, 1)
        assert sync(batch_size=size) == (0, 0, 5, 0)

    @pytest.mark.parametrize("size", [1, 2, 10])
    @pytest.mark.parametrize("dry_run", [True, False])
    def test_an_id_given_twice_is_told_and_the_first_stays(self, size, dry_run):
        stock("a", "b", "a", "c")
        report = catalogue.sync(ShopCatalogue(), batch_size=size, dry_run=dry_run)
        assert (report.created, report.skipped) == (3, 1)
        assert "item id 'a' is given by more than one product" in report.problems[0].reason
        assert sync(batch_size=size)[1] == 0, "the two do not overwrite each other in turn"

    def test_a_broken_product_harms_no_other_and_keeps_its_item(self):
        _, two, _ = stock("1", "2", "3")
        sync()
        Product.objects.filter(sku="2").update(price="cheap")
        report = catalogue.sync(ShopCatalogue())
        assert report == SyncReport(unchanged=2, skipped=1, problems=report.problems)
        assert report.problems[0].product == str(two.pk)
        assert "item '2': price is 'cheap'" in report.problems[0].reason
        assert Item.objects.get(external_id="2").sellable

    def test_an_error_in_the_shop_s_own_code_is_told(self):
        class Failing(ShopCatalogue):
            def text(self, product):
                return 1 / product.pk if product.name == "Product 2" and [][0] else ""

        stock("1", "2")
        report = catalogue.sync(Failing())
        assert (report.created, report.skipped) == (1, 1)
        assert report.problems[0].reason == "IndexError: list index out of range"

    def test_a_wrong_field_stops_before_anything_is_written(self):
        class Wrong(ShopCatalogue):
            title = "nmae"

        stock("1")
        with pytest.raises(CatalogueError, match="did you mean 'name'"):
            catalogue.sync(Wrong())
        assert not Item.objects.exists()

    @pytest.mark.parametrize("odd", ["o'neil", 'a"b\\', "🥾", "x" * 255, "%_", "a b"])
    def test_odd_ids_go_through_unharmed(self, odd):
        stock(odd, colour=odd[:200])
        assert sync() == (1, 0, 0, 0)
        assert sync() == (0, 0, 1, 0)
        assert Item.objects.get(external_id=odd)
        assert Triple.objects.filter(head=f"item:{odd}").count() == (len(odd) <= 100)
        Product.objects.all().delete()
        assert sync() == (0, 0, 0, 1)

    def test_what_is_shown_only_is_an_update_too(self):
        (product,) = stock("1")
        sync()
        before = Item.objects.get()
        product.photo = "new.jpg"
        product.save()
        assert sync() == (0, 1, 0, 0)
        after = Item.objects.get()
        assert after.content_hash == before.content_hash
        assert after.image_url.endswith("new.jpg")
        assert after.first_seen == before.first_seen

    def test_another_shop_is_left_alone(self):
        stock("1")
        sync()
        with override_settings(COLDREC={"SHOP": "other"}):
            assert sync() == (1, 0, 0, 0)
            Product.objects.all().delete()
            assert sync() == (0, 0, 0, 1)
        assert Item.objects.get(shop=shops.current()).sellable

    def test_a_product_that_came_during_the_run_is_not_removed(self):
        stock("1")

        class Late(ShopCatalogue):
            def batches(self, size):
                yield from super().batches(size)
                stock("2")
                catalogue.Writer(shops.current()).write([self.to_item(Product.objects.get(sku="2"))])

        catalogue.sync(Late())
        assert Item.objects.get(external_id="2").sellable

    def test_a_catalogue_need_not_be_a_table(self):
        class Feed(CatalogueAdapter):
            def batches(self, size):
                yield [{"code": "a", "name": "A"}, {"code": "b", "name": "B"}]

            def find(self, ids):
                return []

            def count(self):
                return None

            id, title, url = "code", "name", None

        seen = []
        report = catalogue.sync(Feed(), progress=lambda done, total: seen.append((done, total)))
        assert (report.created, seen) == (2, [(2, None)])
        assert Item.objects.get(external_id="b").title == "B"

    def test_progress_counts_up_to_all(self):
        stock(*"abcde")
        seen = []
        sync(batch_size=2, progress=lambda *p: seen.append(p))
        assert seen == [(2, 5), (4, 5), (5, 5)]

    def test_queries_grow_with_batches_not_with_products(self, django_assert_max_num_queries):
        shoes = Category.objects.create(name="Running", parent=Category.objects.create(name="Shoes"))
        stock(*map(str, range(50)), colour="red", maker=Maker.objects.create(name="Acme"), category=shoes)
        with django_assert_max_num_queries(22):
            sync(batch_size=50)


SLOW_SYNC = """
import time
import django
django.setup()
from coldrec.services import catalogue
from tests.shop.catalogue import ShopCatalogue

def tell(done, total):
    print(done, flush=True)
    time.sleep(0.05)

catalogue.sync(ShopCatalogue(), batch_size=5, progress=tell)
"""

FINISH = """
import django
django.setup()
from django.core.management import call_command
from coldrec.models import Item, Triple
from coldrec.services import catalogue
from tests.shop.catalogue import ShopCatalogue
from tests.shop.models import Product

before = Item.objects.count()
heads = set(Triple.objects.values_list("head", flat=True))
assert heads == {f"item:{i}" for i in Item.objects.values_list("external_id", flat=True)}, "half a batch was stored"
first = catalogue.sync(ShopCatalogue())
again = catalogue.sync(ShopCatalogue())
assert set(Item.objects.values_list("external_id", flat=True)) == set(Product.objects.values_list("sku", flat=True))
print(before, first.created, first.updated, first.unchanged, again.created, again.updated, again.deleted)
"""

FILL = """
import django
django.setup()
from django.core.management import call_command
from tests.shop.models import Product
call_command("migrate", run_syncdb=True, verbosity=0)
Product.objects.bulk_create(Product(sku=str(n), colour="red") for n in range(200))
"""


def test_a_run_that_was_killed_is_finished_by_the_next(tmp_path):
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path}/shop.db",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(ROOT),
    }

    def python(code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    python(FILL)
    victim = subprocess.Popen(
        [sys.executable, "-c", SLOW_SYNC], env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    for _ in range(4):
        victim.stdout.readline()
    time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    victim.wait(timeout=10)
    before, created, updated, unchanged, *again = map(int, python(FINISH).split())
    assert 20 <= before < 200, "it was killed in the middle"
    assert (created, updated, unchanged) == (200 - before, 0, before)
    assert again == [0, 0, 0]


# One product --------------------------------------------------------------------------------------------------------


@pytest.fixture
def followed():
    """The site's catalogue is the small shop's, and its changes are followed."""
    with override_settings(COLDREC={"CATALOGUE": "tests.shop.catalogue.ShopCatalogue"}):
        receivers.connect()
        yield
        receivers.disconnect()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("followed")
class TestFollow:
    def test_a_saved_product_is_an_item_at_once(self):
        (product,) = stock("1", colour="red")
        assert Item.objects.get().title == "Product 1"
        product.in_stock = False
        product.save()
        assert not Item.objects.get().sellable, "gone by the next request"
        product.delete()
        assert Item.objects.get().removed_at is not None
        assert sync() == (0, 0, 0, 0)

    def test_a_change_rolled_back_leaves_no_trace(self):
        with pytest.raises(RuntimeError), transaction.atomic():
            stock("1")
            raise RuntimeError
        assert not Item.objects.exists()
        assert not Triple.objects.exists()

    def test_a_change_waits_for_the_commit(self):
        with transaction.atomic():
            stock("1")
            assert not Item.objects.exists()
        assert Item.objects.exists()

    def test_a_part_rolled_back_does_not_swallow_the_rest(self):
        with transaction.atomic():
            (product,) = stock("1")
            with pytest.raises(RuntimeError), transaction.atomic():
                product.name = "Never"
                product.save()
                raise RuntimeError
            Product.objects.get().save()
        assert Item.objects.get().title == "Product 1"

    def test_many_saves_in_one_transaction_are_one_refresh(self, monkeypatch):
        seen = []
        monkeypatch.setattr(catalogue, "refresh_item", seen.append)
        with transaction.atomic():
            (product,) = stock("1")
            with transaction.atomic():
                product.save()
            Offer.objects.create(product=product)
        assert seen == ["1"]

    def test_rows_that_belong_to_a_product_refresh_it(self, monkeypatch):
        (product,) = stock("1")
        tag = product.tags.create(name="light")
        assert Item.objects.get().attributes == {"tags": ["light"]}
        tag.product_set.remove(product)
        assert Item.objects.get().attributes == {}
        seen = []
        monkeypatch.setattr(catalogue, "refresh_item", seen.append)
        Offer.objects.create(product=product).delete()
        assert seen == ["1", "1"]

    def test_a_failing_refresh_never_breaks_the_save(self, monkeypatch, caplog):
        def fail(external_id):
            raise IntegrityError("no")

        monkeypatch.setattr(catalogue, "refresh_item", fail)
        stock("1")
        assert Product.objects.exists()
        assert not Item.objects.exists()
        monkeypatch.undo()
        assert sync() == (1, 0, 0, 0), "the next sync repairs it"

    def test_a_broken_product_keeps_its_item(self, caplog):
        (product,) = stock("1")
        product.price = "cheap"
        product.save()
        assert Item.objects.get().sellable
        assert "price is 'cheap'" in caplog.text


@pytest.mark.django_db(transaction=True)
class TestQueue:
    @pytest.fixture(autouse=True)
    def queued(self, followed, monkeypatch):
        monkeypatch.setattr(tasks, "_broker_rests_until", 0.0)
        with override_settings(COLDREC={"CATALOGUE": "tests.shop.catalogue.ShopCatalogue", "TASKS": "celery"}):
            yield

    def test_a_worker_is_asked_and_the_flag_is_set_at_once(self, monkeypatch):
        asked = []
        monkeypatch.setattr(tasks.refresh_item, "apply_async", lambda args, **options: asked.append((args, options)))
        (product,) = stock("1")
        catalogue.sync()
        asked.clear()
        product.name, product.in_stock = "Renamed", False
        product.save()
        assert asked == [(("1",), {"retry": False})]
        item = Item.objects.get()
        assert (item.title, item.sellable) == ("Product 1", False)
        tasks.refresh_item(*asked[0][0])
        assert Item.objects.get().title == "Renamed"

    def test_without_a_broker_the_work_is_done_here(self, monkeypatch, caplog):
        tries = []

        def fail(args, **options):
            tries.append(args)
            raise ConnectionError("no broker")

        monkeypatch.setattr(tasks.refresh_item, "apply_async", fail)
        stock("1", "2", "3")
        assert Item.objects.count() == 3
        assert len(tries) == 1, "a broker that is away is left alone for a while"
        assert "cannot reach the task broker" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_nothing_is_followed_without_a_catalogue():
    receivers.connect()
    stock("1")
    assert not Item.objects.exists()


@pytest.mark.django_db
def test_a_wrong_adapter_does_not_stop_the_site(caplog):
    with override_settings(COLDREC={"CATALOGUE": "no.such.Adapter"}):
        receivers.connect()
    assert "does not follow changes of products" in caplog.text
