"""The open model: found, checked, swapped under load, and kept when the next one is damaged."""

from __future__ import annotations

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from django.utils import timezone

from coldrec import conf
from coldrec.core import artifact
from coldrec.core.artifact import Artifact
from coldrec.core.model import Model
from coldrec.models import Item, ModelVersion, Shop
from coldrec.services import serving, slates
from tests.served import HOME, ids, point_at, register, serve, stock, visitor_who


def flip(path):
    raw = bytearray((path / "factors.npy").read_bytes())
    raw[-1] ^= 1
    (path / "factors.npy").write_bytes(raw)


def truncate(path):
    (path / "ease_data.npy").write_bytes((path / "ease_data.npy").read_bytes()[:-8])


def drop_a_file(path):
    (path / "words.json").unlink()


def remove(path):
    shutil.rmtree(path)


def spoil(path, name, change):
    """Change an array and let the manifest vouch for it: what a broken writer would leave."""
    array = change(np.array(Artifact.open(path).array(name)))
    np.save(path / f"{name}.npy", array, allow_pickle=False)
    manifest = json.loads((path / "manifest.json").read_text())
    file = path / f"{name}.npy"
    manifest["files"][file.name] = {"sha256": artifact._sha256(file), "bytes": file.stat().st_size}
    (path / "manifest.json").write_text(json.dumps(manifest))


def restate(path):
    """A digit of the card is another: the file is well-formed, all it vouches for is there."""
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["card"]["fitted_at"] += 1
    (path / "manifest.json").write_text(json.dumps(manifest))


def wrong_shape(path):
    spoil(path, "factors", lambda array: array[:-1])


def not_a_number(path):
    spoil(path, "words_idf", lambda array: np.full_like(array, np.nan))


def locked(*_args):
    raise OperationalError("database is locked")


DAMAGE = [
    (flip, "SHA-256"),
    (truncate, "bytes; the manifest says"),
    (drop_a_file, "words.json is missing"),
    (remove, "no readable manifest"),
    (restate, "not the artifact that v2 was registered with"),
    (wrong_shape, "factors"),
    (not_a_number, "NaN"),
]


class TestSwap:
    def test_a_promoted_version_answers_without_restart(self, shop, trained):
        assert serve(shop, HOME)[0].version == 1
        point_at(shop, register(shop, trained[1]))
        assert serve(shop, HOME)[0].version == 2

    def test_a_look_is_taken_only_so_often(self, shop, trained, django_assert_num_queries):
        with override_settings(COLDREC={**conf.get_config(), "REFRESH_SECONDS": 60.0}):
            serving.current(shop)
            point_at(shop, register(shop, trained[1]))
            with django_assert_num_queries(0):
                assert serving.current(shop).number == 1
            serving.forget()
            assert serving.current(shop).number == 2

    def test_the_model_is_opened_once(self, shop, monkeypatch):
        opened = []
        real = Model.open
        monkeypatch.setattr(Model, "open", lambda path: opened.append(path) or real(path))
        for _ in range(3):
            serving.current(shop)
        assert len(opened) == 1

    def test_taking_the_version_away_leaves_the_newest_items(self, shop):
        serve(shop, HOME)
        point_at(shop, None)
        (home,) = serve(shop, HOME)
        assert home.version is None and home.items and home.level == "newest"


class TestDatabase:
    def test_a_database_that_is_locked_leaves_the_open_version_serving(self, shop, trained, caplog):
        before = ids(serve(shop, HOME)[0])
        point_at(shop, register(shop, trained[1]))
        with connection.execute_wrapper(locked):
            serving_now = serving.current(shop)
            assert serving_now.number == 1 and serving_now.model is not None, "and nothing is raised"
            (home,) = serve(shop, HOME)
            assert (home.version, home.items) == (1, ()), "cards cannot be read either, and the page still stands"
        assert "could not be refreshed; the last one goes on" in caplog.text
        (home,) = serve(shop, HOME)
        assert home.version == 2, "the next look finds the newer one"
        assert before and home.items

    def test_a_database_that_is_locked_at_the_first_look_is_asked_again(self, shop, caplog):
        with connection.execute_wrapper(locked):
            assert serving.current(shop).model is None
        assert "could not be refreshed" in caplog.text
        assert serving.current(shop).number == 1


class TestSideBuffer:
    def test_it_holds_what_is_new_sellable_and_no_more_than_allowed(self, shop):
        now = timezone.now()
        for n in range(4):
            Item.objects.create(shop=shop, external_id=f"n{n}", first_seen=now, updated_at=now, sellable=n != 0)
        Item.objects.filter(external_id="tea1").update(updated_at=now, title="edited")
        assert serving.current(shop).model.item_ids[40:] == ["n3", "n2", "n1"], "known items stay what they were"
        with override_settings(COLDREC={**conf.get_config(), "FRESH_ITEMS": 1}):
            assert serving.current(shop).model.item_ids[40:] == ["n3"]

    def test_an_unchanged_buffer_is_not_built_again(self, shop):
        assert serving.current(shop).model is serving.current(shop).model


class TestDamage:
    @pytest.mark.parametrize(("damage", "said"), DAMAGE, ids=lambda value: getattr(value, "__name__", ""))
    def test_a_damaged_version_is_refused_and_the_one_before_goes_on(self, shop, trained, caplog, damage, said):
        before = ids(serve(shop, HOME)[0])
        bad = register(shop, trained[1])
        damage(serving.artifact_path(bad))
        point_at(shop, bad)
        for _ in range(2):
            (home,) = serve(shop, HOME)
            assert (home.version, ids(home)) == (1, before)
        assert said in caplog.text and "v2 cannot serve" in caplog.text
        assert caplog.text.count("cannot serve") == 1, "it is said once, not at every request"
        point_at(shop, register(shop, trained[1]))
        assert serve(shop, HOME)[0].version == 3, "the next sound version serves"

    @pytest.mark.parametrize(("damage", "said"), DAMAGE[:2], ids=lambda value: getattr(value, "__name__", ""))
    def test_a_new_process_falls_back_to_what_served_before(self, shop, trained, caplog, damage, said):
        bad = register(shop, trained[1])
        ModelVersion.objects.filter(pk=bad.pk).update(replaced=shop.serving_version)
        damage(serving.artifact_path(bad))
        point_at(shop, bad)
        serving.reset()
        assert [serve(shop, HOME)[0].version for _ in range(2)] == [1, 1]
        assert said in caplog.text

    def test_nothing_sound_at_all_still_gives_lists(self, shop, caplog):
        flip(serving.artifact_path(shop.serving_version))
        for _ in range(2):
            (home,) = serve(shop, HOME)
            assert home.items and home.version is None
        assert caplog.text.count("cannot serve") == 1

    def test_a_folder_removed_while_it_serves_is_not_missed(self, shop):
        before = ids(serve(shop, HOME)[0])
        shutil.rmtree(serving.artifact_path(shop.serving_version))
        visitor = visitor_who(shop, "tea1")
        assert ids(serve(shop, HOME)[0]) == before and serve(shop, HOME, visitor=visitor)[0].version == 1


@pytest.mark.django_db(transaction=True)
def test_ten_switches_under_four_threads_never_mix_versions(trained, monkeypatch, tmp_path):
    """Each version knows one half of the shop, so a list tells which model made it."""
    halves = {1: "tea", 2: "coffee"}

    class Half:
        """A model in all that serving asks of it, which recommends one kind."""

        def __init__(self, kind, digest):
            self.kind, self.version, self.policy = kind, digest, kind
            self.card, self.position, self.item_ids = {}, {}, []

        def extend(self, _items, _triples, _vectors):
            return self

    from coldrec.core import pipeline
    from coldrec.core.types import Candidate, Level, Reason

    def recommend(model, requests, _sizes, **_):
        found = [Candidate(f"{model.kind}{n}", -float(n), Level.POPULAR, Reason("popular")) for n in range(18)]
        return [found for _ in requests]

    with override_settings(COLDREC={"ARTIFACTS": tmp_path, "REFRESH_SECONDS": 0.0, "LOG_SLATES": False}):
        serving.reset()
        shop = stock(Shop.objects.create(key="s"))
        versions = [register(shop, trained[0]), register(shop, trained[1])]
        made = {serving.artifact_path(one): Half(halves[one.number], one.digest) for one in versions}
        monkeypatch.setattr(Model, "open", made.get)
        monkeypatch.setattr(pipeline, "recommend", recommend)
        point_at(shop, versions[0])
        stop, seen = threading.Event(), []

        def shopper():
            try:
                while not stop.is_set():
                    (home,) = serve(shop, HOME)
                    seen.append((home.version, {item.rstrip("0123456789") for item in ids(home)}))
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as pool:
            work = [pool.submit(shopper) for _ in range(4)]
            try:
                for turn in range(10):
                    reached = len(seen) + 8
                    point_at(shop, versions[(turn + 1) % 2])
                    while len(seen) < reached and not any(one.done() for one in work):
                        stop.wait(0.005)
            finally:
                stop.set()
            for one in work:
                one.result()  # raises what the thread raised
    slates.write_waiting()
    serving.reset()
    wrong = [(version, made) for version, made in seen if version is None or made != {halves[version]}]
    assert not wrong and len(seen) >= 80
    assert {version for version, _ in seen} == {1, 2}
