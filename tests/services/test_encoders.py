"""Language models: installed once, kept whole, opened where they are asked, and never in a page's way."""

from __future__ import annotations

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from coldrec import conf
from coldrec.backends.encoders.source import Source
from coldrec.core.errors import EncoderError
from coldrec.models import EncoderVersion, Item, Shop
from coldrec.services import encoders, shops, vectors
from tests.encoders import needs, registered

README = "---\nlicense: apache-2.0\nlanguage:\n- en\n- de\n---\n# A model\n"


@pytest.fixture(autouse=True)
def fresh_process(settings_of_shop):
    encoders.reset()
    yield
    encoders.reset()


@pytest.fixture
def empty_shop(db) -> Shop:
    return shops.current()


@pytest.fixture
def version(empty_shop, tiny_versions) -> EncoderVersion:
    return registered(empty_shop, tiny_versions[0])


def choose(encoder):
    return override_settings(COLDREC={**conf.get_config(), "ENCODER": encoder})


def add_items(shop: Shop, *titles: str) -> None:
    now = timezone.now()
    Item.objects.bulk_create(
        Item(shop=shop, external_id=f"i{at}", title=title, content_hash=f"h{at}", first_seen=now, updated_at=now)
        for at, title in enumerate(titles)
    )


class TestInstall:
    def test_it_is_described_put_to_use_and_outlives_what_it_came_from(self, empty_shop, tiny_folder, tiny, tmp_path):
        source = Path(shutil.copytree(tiny_folder, tmp_path / "cache/model"))
        (source / "README.md").write_text(README)
        add_items(empty_shop, "red shoe", "blue lamp")
        with choose(str(source)):
            made = encoders.install(empty_shop)
            assert encoders.install(empty_shop) == made and EncoderVersion.objects.count() == 1
        shutil.rmtree(source)
        assert (made.number, made.origin, made.source) == (1, "setting", str(source))
        assert (made.dims, made.fingerprint, made.path) == (32, tiny.fingerprint, f"{empty_shop.key}/encoder-1")
        card = made.card
        assert (card["licence"], card["languages"], card["length"]) == ("apache-2.0", ["en", "de"], 48)
        assert card["bytes"] > 10_000 and (card["sample"], card["unknown_share"]) == (2, 0.0)
        assert encoders.warning(made) == ""
        assert encoders.in_use(empty_shop) == made and made.promoted_at is not None
        assert np.allclose(encoders.opened(made).encode(["red shoe"]), tiny.encode(["red shoe"]), atol=1e-4)
        assert Source(encoders.folder_of(made) / "model").fingerprint == made.fingerprint
        assert [path.name for path in encoders.folder_of(made).parent.iterdir()] == ["encoder-1"], "nothing half made"

    def test_a_model_that_does_not_know_the_language_is_named_with_what_would(self, empty_shop, tiny_versions):
        add_items(empty_shop, "红色跑步鞋", "蓝色台灯", "red shoe")
        made = registered(empty_shop, tiny_versions[0])
        assert made.card["unknown_share"] > 0.5
        assert "multilingual" in encoders.warning(made) and "%" in encoders.warning(made)
        assert made.card["licence"] == encoders.NOT_STATED and made.card["languages"] == []

    def test_a_second_model_is_not_put_to_use_by_itself(self, empty_shop, tiny_folder, version):
        encoders.put_in_use(empty_shop, version)
        other = EncoderVersion(shop=empty_shop, number=9, fingerprint="x", dims=3)
        other.save()
        assert not encoders.put_in_use(empty_shop, other, only_if_none=True)
        assert encoders.in_use(empty_shop) == version

    def test_without_a_setting_it_says_what_to_set(self, empty_shop):
        with pytest.raises(EncoderError, match=r"COLDREC\['ENCODER'\] names no language model"):
            encoders.install(empty_shop)

    def test_without_torch_it_says_what_to_install_and_leaves_nothing(self, empty_shop, tiny_folder, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch", None)
        with choose(str(tiny_folder)), pytest.raises(EncoderError, match=r"pip install 'django-coldrec\[train\]'"):
            encoders.install(empty_shop)
        assert not EncoderVersion.objects.exists()
        assert list((Path(conf.get("ARTIFACTS")) / empty_shop.key).iterdir()) == []

    def test_one_whose_folder_was_lost_is_made_again_under_its_own_name(self, empty_shop, version, tiny_folder):
        shutil.rmtree(encoders.folder_of(version))
        with choose(str(tiny_folder)):
            assert encoders.install(empty_shop) == version
        assert encoders.opened(version).encode(["red"]).any()


class TestRegister:
    def test_the_trainer_s_card_is_kept_and_the_folder_taken_over(self, empty_shop, tiny_versions, tmp_path):
        folder = shutil.copytree(tiny_versions[0], tmp_path / "run")
        (folder / "card.json").write_text('{"seed": 7, "dims": 1}')
        (folder / "adapter").mkdir()
        made = encoders.register(empty_shop, folder, source="english", metrics={"recall": 0.5})
        assert (made.origin, made.source, made.metrics) == ("trained", "english", {"recall": 0.5})
        assert made.card["seed"] == 7 and made.card["dims"] == made.dims == 32
        assert not folder.exists() and (encoders.folder_of(made) / "adapter").is_dir()
        assert encoders.in_use(empty_shop) is None, "that is for the gate to say"

    def test_what_a_killed_one_left_is_replaced(self, empty_shop, tiny_versions):
        left = Path(conf.get("ARTIFACTS")) / empty_shop.key / "encoder-1"
        (left / "half").mkdir(parents=True)
        made = registered(empty_shop, tiny_versions[0])
        assert encoders.folder_of(made) == left and not (left / "half").exists()

    @pytest.mark.parametrize("lost", ["model/config.json", "onnx/encoder.json"])
    def test_a_folder_without_a_model_is_refused(self, empty_shop, tiny_versions, tmp_path, lost):
        folder = shutil.copytree(tiny_versions[0], tmp_path / "run")
        (folder / lost).unlink()
        with pytest.raises(EncoderError, match=r"holds no (exported )?model: it has no"):
            encoders.register(empty_shop, folder, source="x")

    def test_an_export_of_another_model_is_refused(self, empty_shop, tiny_versions, tmp_path):
        folder = shutil.copytree(tiny_versions[0], tmp_path / "run")
        shutil.rmtree(folder / "onnx")
        shutil.copytree(tiny_versions[1] / "onnx", folder / "onnx")
        with pytest.raises(EncoderError, match="was not exported from"):
            encoders.register(empty_shop, folder, source="x")


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_version(tiny_versions, tmp_path):
    shop = Shop.objects.create(key="s")
    folders = [shutil.copytree(tiny_versions[0], tmp_path / f"run-{n}") for n in range(2)]

    def register(folder):
        try:
            return encoders.register(shop, folder, source="x").pk
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        made = set(pool.map(register, folders))
    assert len(made) == EncoderVersion.objects.count() == 1
    assert (encoders.folder_of(EncoderVersion.objects.get()) / "onnx").is_dir()


def test_folders_that_nobody_may_ask_for_are_dropped_and_their_cards_stay(empty_shop, version, monkeypatch):
    encoders.put_in_use(empty_shop, version)
    old = EncoderVersion.objects.create(
        shop=empty_shop, number=0, origin="trained", fingerprint="0" * 64, dims=32, path=f"{empty_shop.key}/encoder-0"
    )
    encoders.folder_of(old).mkdir()
    encoders.clean_up(empty_shop)
    assert encoders.folder_of(old).is_dir(), "the newest are kept"
    monkeypatch.setattr(encoders, "KEPT", 1)
    encoders.clean_up(empty_shop)
    assert [path.name for path in encoders.folder_of(old).parent.iterdir()] == ["encoder-1"]
    assert EncoderVersion.objects.count() == 2
    encoders.clean_up(empty_shop)


class TestOpened:
    def test_it_is_opened_once_for_all_threads_and_without_torch(self, version, monkeypatch):
        for name in ("torch", "transformers"):
            monkeypatch.setitem(sys.modules, name, None)
        with ThreadPoolExecutor(4) as pool:
            found = set(pool.map(lambda _: id(encoders.opened(version)), range(8)))
        assert len(found) == 1

    def test_many_texts_get_the_same_vectors(self, version, monkeypatch):
        monkeypatch.setattr(encoders, "has_gpu", lambda: False)
        texts = ["red shoe", "blue lamp"] * 40
        many, one = encoders.opened(version, many=True), encoders.opened(version)
        assert many is not one
        assert np.allclose(many.encode(texts), one.encode(texts), atol=1e-5)

    def test_where_there_is_a_gpu_torch_takes_many(self, version, monkeypatch):
        from coldrec.backends.encoders.torch import TorchEncoder

        monkeypatch.setattr(encoders, "has_gpu", lambda: True)
        assert isinstance(encoders.opened(version, many=True), TorchEncoder)
        assert not isinstance(encoders.opened(version), TorchEncoder)

    def test_one_that_nothing_uses_makes_room(self, version, tiny_versions):
        other = registered(version.shop, tiny_versions[1])
        first = encoders.opened(version)
        encoders.put_in_use(version.shop, other)
        encoders.opened(other)
        assert encoders.opened(version) is not first

    def test_a_machine_that_does_not_have_it_says_where_it_looked(self, version, tmp_path):
        said = r"e1 is not in .*elsewhere.*COLDREC\['ARTIFACTS'\]"
        with (
            override_settings(COLDREC={"ARTIFACTS": tmp_path / "elsewhere"}),
            pytest.raises(EncoderError, match=said),
        ):
            encoders.opened(version)

    def test_another_model_in_its_place_is_refused(self, version, tiny_versions):
        shutil.rmtree(encoders.folder_of(version) / "onnx")
        shutil.copytree(tiny_versions[1] / "onnx", encoders.folder_of(version) / "onnx")
        with pytest.raises(EncoderError, match="not the model that was registered"):
            encoders.opened(version)


class TestRemote:
    CHOSEN = {"ENGINE": "openai", "URL": "https://one.example/v1", "MODEL": "m", "DIMS": 3, "KEY": "secret"}

    @pytest.fixture(autouse=True)
    def requests(self, monkeypatch):
        """What the endpoint is asked: address, key, seconds to answer and how often it is asked again."""
        needs("openai")
        from coldrec.backends.encoders.openai import OpenAIEncoder

        asked = []

        def ask(self, texts, seconds, retries):
            asked.append((self.url, self._key, seconds, retries))
            return [np.full(self.dims, 1 / np.sqrt(self.dims), np.float32) for _ in texts]

        monkeypatch.setattr(OpenAIEncoder, "_ask", ask)
        return asked

    def test_it_is_registered_without_a_folder_and_without_its_key(self, empty_shop, requests):
        with choose(self.CHOSEN):
            made = encoders.install(empty_shop)
            assert encoders.install(empty_shop) == made == encoders.in_use(empty_shop)
            assert requests == [], "nothing is asked that costs"
            assert encoders.query_vectors(made, ["tea"]).any()
        assert requests[0][:2] == ("https://one.example/v1", "secret")
        row = EncoderVersion.objects.values().get()
        assert row["path"] == "" and "secret" not in repr(row)

    def test_no_other_endpoint_is_told_the_key(self, empty_shop, requests):
        with choose(self.CHOSEN):
            made = encoders.install(empty_shop)
        with choose({**self.CHOSEN, "URL": "https://two.example/v1", "KEY": "another"}):
            encoders.query_vectors(made, ["tea"])
        assert requests[0][:2] == ("https://one.example/v1", "")

    def test_a_page_that_saves_waits_a_moment_and_a_refresh_as_long_as_is_set(self, empty_shop, requests):
        add_items(empty_shop, "red shoe", "blue lamp")
        with choose({**self.CHOSEN, "TIMEOUT": 60}):
            encoders.install(empty_shop)
            vectors.follow(empty_shop, ["i0"])
            vectors.refresh(empty_shop, encoders.in_use(empty_shop))
        assert [one[2:] for one in requests] == [(encoders.PAGE_SECONDS, 0), (60, 5)]


class TestQueries:
    def test_they_are_encoded_as_queries_and_kept(self, version, tiny, monkeypatch):
        found = encoders.query_vectors(version, ["red  shoe", "", "red shoe"])
        assert np.allclose(found[0], tiny.encode(["red shoe"], query=True)[0], atol=1e-4)
        assert (found[2] == found[0]).all() and not found[1].any()
        monkeypatch.setattr(encoders, "opened", None)
        assert (encoders.query_vectors(version, [" red shoe "])[0] == found[0]).all()
        assert encoders.query_vectors(version, []).shape == (0, 32)

    def test_a_model_that_is_away_gives_zeros_and_one_line_in_the_log(self, version, caplog):
        shutil.rmtree(encoders.folder_of(version))
        for _ in range(3):
            assert not encoders.query_vectors(version, ["red shoe"]).any()
        assert caplog.text.count("cannot ask the language model e1") == 1

    def test_a_model_that_breaks_is_no_page_s_business(self, version, monkeypatch):
        monkeypatch.setattr(encoders.opened(version), "encode", lambda *_, **__: 1 / 0)
        assert not encoders.query_vectors(version, ["red shoe"]).any()

    def test_a_cache_that_is_away_or_holds_nonsense_is_done_without(self, version, monkeypatch, caplog):
        found = encoders.query_vectors(version, ["red shoe"])
        monkeypatch.setattr(type(cache._connections["default"]), "get_many", lambda *_, **__: 1 / 0)
        monkeypatch.setattr(type(cache._connections["default"]), "set_many", lambda *_, **__: 1 / 0)
        assert (encoders.query_vectors(version, ["red shoe"]) == found).all()
        assert "cannot read the cache" in caplog.text and "cannot write to the cache" in caplog.text
        monkeypatch.setattr(
            type(cache._connections["default"]), "get_many", lambda _, keys, **__: dict.fromkeys(keys, b"no")
        )
        assert (encoders.query_vectors(version, ["red shoe"]) == found).all()
