"""Vectors follow the texts: what is stale is read, what is not costs nothing, and no answer mixes two models."""

from __future__ import annotations

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from coldrec import conf, receivers, tasks
from coldrec.core import pipeline
from coldrec.core.encoders.reading import item_text
from coldrec.core.errors import EncoderError, PromotionError
from coldrec.core.retrieval.sources import centred
from coldrec.models import EncoderVersion, Item, ItemVector, ModelVersion, Shop
from coldrec.services import encoders, serving, slates, training, vectors
from coldrec.services.core_items import core_item
from coldrec.services.datasets import read_shop
from tests.encoders import registered
from tests.served import HOME, ids, serve, stock
from tests.shop.models import Product


@pytest.fixture(autouse=True)
def fresh_process():
    encoders.reset()
    yield
    encoders.reset()


@pytest.fixture
def encoder(bare_shop, tiny_versions) -> EncoderVersion:
    """In use by a shop of 40 items."""
    Item.objects.update(content_hash="first")
    made = registered(bare_shop, tiny_versions[0])
    encoders.put_in_use(bare_shop, made)
    return made


@pytest.fixture
def asked(monkeypatch):
    """The texts that any encoder is asked for, in order."""
    texts: list[str] = []
    real = encoders.opened

    def opened(version, **options):
        engine = real(version, **options)

        class Counted:
            fingerprint, dims = engine.fingerprint, engine.dims

            def encode(self, some, *, query=False):
                texts.extend(some)
                return engine.encode(some, query=query)

        return Counted()

    monkeypatch.setattr(encoders, "opened", opened)
    return texts


def change(item: str, hash: str = "second", **fields) -> Item:
    Item.objects.filter(external_id=item).update(content_hash=hash, updated_at=timezone.now(), **fields)
    return Item.objects.get(external_id=item)


class TestRefresh:
    def test_each_item_is_read_once_and_said_of_which_state(self, bare_shop, encoder, tiny, asked):
        assert vectors.coverage(bare_shop, encoder) == (40, 0)
        done = vectors.refresh(bare_shop, encoder)
        assert (done.encoded, done.unchanged, done.left, len(asked)) == (40, 0, 0, 40)
        again = vectors.refresh(bare_shop, encoder)
        assert (again.encoded, again.unchanged, len(asked)) == (0, 40, 40)
        items = list(Item.objects.order_by("-pk"))
        found = vectors.read(encoder, [item.pk for item in items])
        wanted = tiny.encode([item_text(core_item(item)) for item in items])
        assert found.dtype == np.float32 and np.allclose(found, wanted, atol=2e-3), "kept with half the digits"

    def test_unchanged_items_cost_six_queries_however_many(self, bare_shop, encoder, django_assert_num_queries):
        vectors.refresh(bare_shop, encoder)
        with django_assert_num_queries(6):  # two counts, and what may be dropped
            vectors.refresh(bare_shop, encoder)

    def test_a_new_price_is_no_new_text(self, bare_shop, encoder, asked):
        vectors.refresh(bare_shop, encoder)
        before = ItemVector.objects.get(item__external_id="tea1")
        change("tea1", price=99)
        done = vectors.refresh(bare_shop, encoder)
        after = ItemVector.objects.get(item__external_id="tea1")
        assert (done.encoded, done.renewed, len(asked)) == (0, 1, 40)
        assert after.content_hash == "second" and (after.vector, after.updated_at) == (before.vector, before.updated_at)
        assert vectors.refresh(bare_shop, encoder).unchanged == 40

    def test_a_new_title_is_read_again(self, bare_shop, encoder, asked):
        vectors.refresh(bare_shop, encoder)
        item = change("tea1", title="wool lamp")
        before = vectors.read(encoder, [item.pk])
        done = vectors.refresh(bare_shop, encoder)
        assert (done.encoded, done.renewed) == (1, 0) and "wool lamp" in asked[-1]
        assert not np.allclose(vectors.read(encoder, [item.pk]), before, atol=1e-2)

    def test_an_item_that_changes_while_it_is_read_is_stale_again(self, bare_shop, encoder, monkeypatch):
        engine, real = encoders.opened(encoder, many=True), encoders.opened(encoder, many=True).encode
        monkeypatch.setattr(engine, "encode", lambda texts: (change("tea1", title="wool lamp"), real(texts))[1])
        vectors.refresh(bare_shop, encoder)
        assert [item.external_id for item in vectors.stale(bare_shop, encoder)] == ["tea1"]

    def test_an_item_that_is_deleted_while_it_is_read_is_left_out(self, bare_shop, encoder, monkeypatch):
        engine, real = encoders.opened(encoder, many=True), encoders.opened(encoder, many=True).encode
        monkeypatch.setattr(
            engine, "encode", lambda texts: (Item.objects.get(external_id="tea1").delete(), real(texts))[1]
        )
        vectors.refresh(bare_shop, encoder)
        assert ItemVector.objects.count() == 39

    def test_what_left_the_catalogue_costs_nothing_and_keeps_its_vector(self, bare_shop, encoder, asked):
        vectors.refresh(bare_shop, encoder)
        gone = change("tea1", title="wool", removed_at=timezone.now(), sellable=False)
        assert vectors.refresh(bare_shop, encoder).unchanged == 39 and len(asked) == 40
        assert vectors.read(encoder, [gone.pk]).any()

    def test_one_without_a_word_is_read_once_too(self, bare_shop, encoder):
        item = change("tea1", title="", brand="", category=[])
        vectors.refresh(bare_shop, encoder)
        assert not vectors.read(encoder, [item.pk]).any()
        assert vectors.refresh(bare_shop, encoder).encoded == 0

    def test_one_that_is_killed_is_finished_by_the_next(self, bare_shop, encoder, asked, monkeypatch):
        monkeypatch.setattr(vectors, "LEAST", 8)
        monkeypatch.setattr(vectors, "MOST", 8)

        def killed(done, total):
            if done == 16:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            vectors.refresh(bare_shop, encoder, progress=killed)
        assert len(asked) == ItemVector.objects.count() == 16
        assert vectors.refresh(bare_shop, encoder).encoded == 24 and len(set(asked)) == len(asked) == 40

    def test_what_there_is_no_time_for_is_left(self, bare_shop, encoder, monkeypatch):
        monkeypatch.setattr(vectors, "LEAST", 8)
        assert vectors.refresh(bare_shop, encoder, limit_s=0.0).left == 40

    def test_an_empty_shop_has_nothing_to_read(self, bare_shop, encoder):
        Item.objects.all().delete()
        assert vectors.refresh(bare_shop, encoder).encoded == 0
        assert read_shop(bare_shop).vectors.shape == (0, 32)

    def test_vectors_of_encoders_that_nobody_may_ask_for_go(self, bare_shop, encoder, trained):
        vectors.refresh(bare_shop, encoder)
        for number in range(2, 2 + encoders.KEPT):
            EncoderVersion.objects.create(shop=bare_shop, number=number, fingerprint=f"{number}", dims=2)
        newest = EncoderVersion.objects.latest("number")
        assert vectors.refresh(bare_shop, newest, limit_s=0).dropped == 0, "in use"
        encoders.put_in_use(bare_shop, newest)
        row = {"shop": bare_shop, "path": "x", "digest": "x"}
        with_it = ModelVersion.objects.create(number=1, encoder=encoder, **row)
        now = ModelVersion.objects.create(number=2, replaced=with_it, **row)
        Shop.objects.filter(pk=bare_shop.pk).update(serving_version=now)
        for number in range(3, 3 + encoders.KEPT):
            ModelVersion.objects.create(number=number, **row)
        assert vectors.refresh(bare_shop, newest, limit_s=0).dropped == 0, "a rollback would return to it"
        now.replaced = None
        now.save()
        assert vectors.refresh(bare_shop, newest, limit_s=0).dropped == 40

    def test_reading_of_unknown_items_gives_zeros(self, bare_shop, encoder):
        vectors.refresh(bare_shop, encoder)
        pk = Item.objects.first().pk
        found = vectors.read(encoder, [pk, 0, pk])
        assert found[0].any() and not found[1].any() and (found[2] == found[0]).all()
        ItemVector.objects.filter(item=pk).update(vector=b"damaged")
        assert not vectors.read(encoder, [pk]).any()


@pytest.mark.django_db(transaction=True)
def test_two_at_once_read_everything_and_nothing_wrong(tiny_versions, settings_of_shop, tiny, monkeypatch):
    monkeypatch.setattr(vectors, "LEAST", 4)
    shop = stock(Shop.objects.create(key="s"))
    encoder = registered(shop, tiny_versions[0])

    def refresh(_):
        try:
            return vectors.refresh(shop, encoder).encoded
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(refresh, range(2))) >= 40
    items = list(shop.items.all())
    found = vectors.read(encoder, [item.pk for item in items])
    assert np.allclose(found, tiny.encode([item_text(core_item(item)) for item in items]), atol=2e-3)


class TestFit:
    def test_a_version_is_fitted_with_what_the_encoder_reads_and_says_so(self, bare_shop, encoder):
        assert read_shop(bare_shop).encoder == encoder.fingerprint
        said = []
        version = training.fit_shop(bare_shop, progress=lambda what, share: said.append(what))
        assert version.encoder == encoder and "reading the texts" in said
        model = serving._open(version)
        assert model.card["encoder"] == encoder.fingerprint
        assert model.sources.content.meaning.shape == (40, 32) and model.sources.content.meaning.any(axis=1).all()

    def test_without_an_encoder_nothing_is_read(self, bare_shop):
        assert read_shop(bare_shop).vectors is None
        version = training.fit_shop(bare_shop)
        assert version.encoder is None and serving._open(version).card["encoder"] is None

    def test_a_model_that_is_away_does_not_hold_up_the_nightly_fit(self, bare_shop, encoder, caplog):
        shutil.rmtree(encoders.folder_of(encoder))
        assert training.fit_shop(bare_shop).encoder == encoder
        assert "learns with the vectors that there are" in caplog.text
        with pytest.raises(EncoderError, match="e1 is not in"):
            training.fit_shop(bare_shop, encoder=encoder)

    def test_a_version_and_its_encoder_come_and_go_together(self, bare_shop, encoder, tiny_versions):
        old = training.fit_shop(bare_shop)
        training.promote(old, force=True)
        other = registered(bare_shop, tiny_versions[1])
        new = training.fit_shop(bare_shop, encoder=other)
        assert encoders.in_use(bare_shop) == encoder, "until it is promoted"
        training.promote(new, force=True)
        assert encoders.in_use(bare_shop) == other
        training.rollback(bare_shop)
        assert encoders.in_use(bare_shop) == encoder and encoders.reading(bare_shop) == [encoder]

    def test_a_version_without_an_encoder_leaves_in_use_what_is(self, bare_shop, encoder):
        Shop.objects.filter(pk=bare_shop.pk).update(encoder=None)
        plain = training.fit_shop(bare_shop)
        encoders.put_in_use(bare_shop, encoder)
        training.promote(plain, force=True)
        assert encoders.in_use(bare_shop) == encoder

    def test_a_version_that_names_another_encoder_does_not_serve(self, bare_shop, encoder, tiny_versions, caplog):
        version = training.fit_shop(bare_shop)
        training.promote(version, force=True)
        ModelVersion.objects.update(encoder=registered(bare_shop, tiny_versions[1]))
        assert serving.current(bare_shop).model is None
        assert "fitted with vectors of another encoder" in caplog.text

    def test_a_refused_version_moves_neither(self, bare_shop, encoder, tiny_versions):
        version = training.fit_shop(bare_shop, encoder=registered(bare_shop, tiny_versions[1]))
        shutil.rmtree(serving.artifact_path(version))
        with pytest.raises(PromotionError):
            training.promote(version)
        assert encoders.in_use(bare_shop) == encoder


class TestSideBuffer:
    @pytest.fixture
    def served(self, bare_shop, encoder) -> Shop:
        training.promote(training.fit_shop(bare_shop), force=True)
        return bare_shop

    def test_a_vector_that_comes_later_is_taken_up_at_the_next_look(self, served, encoder):
        now = timezone.now()
        Item.objects.create(
            shop=served, external_id="new", title="wool lamp", content_hash="n", first_seen=now, updated_at=now
        )
        first = serving.current(served).model
        assert first.item_ids[-1] == "new" and not first.sources.fresh.meaning.any()
        tasks.refresh_vectors()
        second = serving.current(served).model
        told = vectors.read(encoder, [Item.objects.get(external_id="new").pk])
        assert np.allclose(second.sources.fresh.meaning, centred(told, second.sources.centre), atol=1e-6)
        assert serving.current(served).model is second

    def test_only_the_serving_version_s_encoder_is_asked(self, served, encoder, tiny_versions):
        other = registered(served, tiny_versions[1])
        now = timezone.now()
        Item.objects.create(shop=served, external_id="new", title="wool", first_seen=now, updated_at=now)
        vectors.refresh(served, other)
        encoders.put_in_use(served, other)
        assert encoders.reading(served) == [encoder, other], "both are kept fresh meanwhile"
        assert not serving.current(served).model.sources.fresh.meaning.any()


@pytest.mark.django_db(transaction=True)
def test_a_product_that_is_saved_is_read_and_recommended_within_a_minute(tiny_versions, settings_of_shop):
    told = {**conf.get_config(), "CATALOGUE": "tests.shop.catalogue.ShopCatalogue"}
    with override_settings(COLDREC=told):
        shop = stock(Shop.objects.create(key=conf.get("SHOP")))
        encoder = registered(shop, tiny_versions[0])
        encoders.put_in_use(shop, encoder)
        training.promote(training.fit_shop(shop), force=True)
        receivers.connect()
        try:
            began = time.monotonic()
            product = Product.objects.create(sku="new", name="tea pot with a blue lamp", price="5")
            assert "new" in ids(serve(shop, HOME)[0]) or "new" in serving.current(shop).model.item_ids
            assert serving.current(shop).model.sources.fresh.meaning.any()
            assert time.monotonic() - began < 60
            before = vectors.read(encoder, [Item.objects.get(external_id="new").pk])
            product.name = "wool"
            product.save()
            assert not np.allclose(vectors.read(encoder, [Item.objects.get(external_id="new").pk]), before)
            assert not vectors.stale(shop, encoder).filter(external_id="new").exists()
            shutil.rmtree(encoders.folder_of(encoder))
            encoders.reset()
            product.name = "red wool"
            product.save()
            assert Item.objects.get(external_id="new").title == "red wool", "the page goes on without the model"
        finally:
            receivers.disconnect()
            slates.write_waiting()


@pytest.mark.django_db(transaction=True)
def test_ten_switches_of_version_and_encoder_under_load_mix_nothing(tiny_versions, settings_of_shop, monkeypatch):
    shop = stock(Shop.objects.create(key="s"))
    versions, wanted = [], {}
    made = [registered(shop, folder) for folder in tiny_versions]
    for encoder in made:
        versions.append(training.fit_shop(shop, encoder=encoder))
    now = timezone.now()
    Item.objects.create(shop=shop, external_id="new", title="tea wool lamp", first_seen=now, updated_at=now)
    for version, encoder in zip(versions, made, strict=True):
        vectors.refresh(shop, encoder)
        told = vectors.read(encoder, [Item.objects.get(external_id="new").pk])
        wanted[version.number] = (encoder.fingerprint, centred(told, serving._open(version).sources.centre))
    mine, real = threading.local(), pipeline.recommend

    def recommend(model, *args, **options):
        mine.model = model
        return real(model, *args, **options)

    monkeypatch.setattr(pipeline, "recommend", recommend)
    training.promote(versions[0], force=True)
    stop, seen, wrong = threading.Event(), [], []

    def shopper():
        try:
            while not stop.is_set():
                (home,) = serve(shop, HOME)
                fingerprint, meaning = wanted[home.version]
                model = mine.model
                if model.card["encoder"] != fingerprint or not np.allclose(
                    model.sources.fresh.meaning, meaning, atol=1e-6
                ):
                    wrong.append(home.version)
                seen.append(home.version)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        work = [pool.submit(shopper) for _ in range(3)]
        try:
            for turn in range(10):
                reached = len(seen) + 6
                training.promote(versions[(turn + 1) % 2], force=True)
                assert encoders.in_use(shop) == made[(turn + 1) % 2]
                while len(seen) < reached and not any(one.done() for one in work):
                    stop.wait(0.005)
        finally:
            stop.set()
        for one in work:
            one.result()  # raises what the thread raised
    assert not wrong and set(seen) == {1, 2} and len(seen) >= 60
