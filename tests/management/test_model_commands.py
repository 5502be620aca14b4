"""coldrec_fit, coldrec_promote and coldrec_rollback as an operator meets them."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection

from coldrec.models import ModelVersion, Shop, TrainingRun
from coldrec.services import serving, shops, training
from tests.served import HOME, point_at, put_into_service, register, serve

pytestmark = pytest.mark.django_db


def serving_number(shop: Shop) -> int | None:
    version = Shop.objects.select_related("serving_version").get(pk=shop.pk).serving_version
    return version.number if version else None


def damage(version: ModelVersion) -> None:
    (serving.artifact_path(version) / "words.json").unlink()


class TestFit:
    def test_a_version_is_trained_and_serves_once_promoted(self, run, bare_shop):
        said = run("coldrec_fit")
        assert said.out == "Trained v1: too few events to measure it\n"
        assert serving_number(bare_shop) is None
        said = run("coldrec_fit", "--seed", 1, "--promote")
        assert said.out.splitlines()[-1] == "v2 serves."
        assert serving_number(bare_shop) == 2
        assert TrainingRun.objects.filter(state=TrainingRun.State.SUCCEEDED).count() == 2
        assert TrainingRun.objects.get(version__number=2).config["seed"] == 1
        assert serve(bare_shop, HOME)[0].version == 2, "this process serves it already"

    def test_progress_goes_to_the_screen_and_quiet_is_quiet(self, run, bare_shop):
        assert "100%" in run("coldrec_fit").err
        assert run("coldrec_fit", "--verbosity", 0).err == ""

    def test_a_dry_run_says_what_there_is_and_trains_nothing(self, run, bare_shop):
        said = run("coldrec_fit", "--dry-run")
        assert said.out == "Would train on 40 items, 0 events of 0 visitors and 0 triples.\n"
        assert not (TrainingRun.objects.exists() or ModelVersion.objects.exists())

    def test_settings_come_from_a_file(self, run, bare_shop, tmp_path):
        path = tmp_path / "fit.json"
        path.write_text(json.dumps({"ranker": "fusion"}))
        assert run("coldrec_fit", "--config", path).code == 0
        assert TrainingRun.objects.get().config["ranker"] == "fusion"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ('{"rankr": "fusion"}', "rankr"),
            ('{"ranker": "best"}', "best"),
            ("[1]", "must hold a JSON object of training settings, got list"),
            ("{", "cannot be read as JSON"),
            (None, "cannot be read as JSON"),
        ],
    )
    def test_settings_that_are_wrong_are_told_before_anything_is_trained(
        self, run, bare_shop, tmp_path, content, message
    ):
        path = tmp_path / "fit.json"
        if content is not None:
            path.write_text(content)
        said = run("coldrec_fit", "--config", path)
        assert said.code == 1 and message in said.err
        assert not ModelVersion.objects.exists()

    def test_a_shop_without_items_has_a_model_of_nothing(self, run, db, settings_of_shop):
        assert run("coldrec_fit", "--promote").out.splitlines()[-1] == "v1 serves."
        assert serve(shops.current(), HOME)[0].items == ()

    def test_one_that_the_gate_refuses_stays_out_and_the_exit_code_says_so(self, run, bare_shop):
        run("coldrec_fit", "--promote")
        ModelVersion.objects.update(metrics={"cold": 0.9, "warm": 0.9})
        said = run("coldrec_fit", "--promote")
        assert said.out.startswith("Trained v2") and said.code == 1
        assert "v2 is not promoted: it has no figure for cold, where v1 has 0.9000" in said.err
        assert serving_number(bare_shop) == 1


class TestPromote:
    def test_the_newest_or_the_one_named(self, run, bare_shop, trained):
        for source in (*trained, trained[0]):
            register(bare_shop, source)
        assert run("coldrec_promote").out == "v3 serves.\n"
        assert run("coldrec_promote", 1).out == "v1 serves.\n"
        assert serving_number(bare_shop) == 1
        assert run("coldrec_promote", 1).out == "v1 serves already.\n"

    def test_a_dry_run_checks_and_changes_nothing(self, run, shop, trained):
        bad = register(shop, trained[1])
        assert run("coldrec_promote", "--dry-run").out == "v2 is sound; nothing was changed.\n"
        damage(bad)
        said = run("coldrec_promote", "--dry-run")
        assert said.code == 1 and "words.json is missing" in said.err
        assert serving_number(shop) == 1

    def test_a_damaged_version_stays_out_even_by_force(self, run, shop, trained):
        damage(register(shop, trained[1]))
        for options in ([], ["--force"]):
            said = run("coldrec_promote", *options)
            assert said.code == 1 and "v2 is not promoted: " in said.err and "words.json is missing" in said.err
        assert serving_number(shop) == 1
        assert "words.json" in ModelVersion.objects.get(number=2).refusal

    def test_the_gate_can_be_passed_over_by_force(self, run, shop, trained):
        ModelVersion.objects.update(metrics={"cold": 0.5})
        register(shop, trained[1], cold=0.1)
        said = run("coldrec_promote")
        assert said.code == 1 and "its nDCG@20 on cold items is 0.1000; v1, which serves, has 0.5000" in said.err
        assert run("coldrec_promote", "--force").out == "v2 serves.\n"

    def test_there_is_no_such_version(self, run, bare_shop, trained):
        assert run("coldrec_promote").err == "Nothing is trained yet: coldrec_fit."
        register(bare_shop, trained[0])
        assert run("coldrec_promote", 7).err == "There is no version 7; there are v1."
        assert run("coldrec_promote", "seven").code == 1

    def test_a_failure_half_way_changes_nothing(self, shop, trained, monkeypatch):
        version = register(shop, trained[1])

        def fail(*_args, **_kwargs):
            raise DatabaseError("connection lost")

        monkeypatch.setattr(Shop, "save", fail)
        with pytest.raises(DatabaseError):
            training.promote(version)
        version.refresh_from_db()
        assert (version.promoted_at, version.replaced, serving_number(shop)) == (None, None, 1)


class TestRollback:
    @pytest.fixture
    def two(self, run, shop, trained) -> Shop:
        register(shop, trained[1])
        assert run("coldrec_promote", "--force").code == 0
        return shop

    def test_the_one_before_serves_again_within_seconds(self, run, two):
        assert serve(two, HOME)[0].version == 2
        said = run("coldrec_rollback", "--dry-run")
        assert said.out == "v1 would serve in place of v2.\n"
        assert serving_number(two) == 2
        began = time.monotonic()
        assert run("coldrec_rollback").out == "v1 serves again.\n"
        assert serve(two, HOME)[0].version == 1
        assert time.monotonic() - began < 5

    def test_there_is_nothing_to_return_to(self, run, two):
        run("coldrec_rollback")
        said = run("coldrec_rollback")
        assert (said.code, said.err) == (1, "there is nothing to roll back to: v1 is the first that served")
        assert run("coldrec_rollback", "--dry-run").out == "Nothing to return to.\n"
        point_at(two, None)
        said = run("coldrec_rollback")
        assert (said.code, said.err) == (1, "there is nothing to roll back: no version serves")
        assert run("coldrec_rollback", "--dry-run").out == "Nothing to return to.\n"

    def test_a_damaged_one_before_is_not_returned_to(self, run, two):
        damage(ModelVersion.objects.get(number=1))
        said = run("coldrec_rollback")
        assert said.code == 1 and "v1 cannot serve again: " in said.err
        assert serving_number(two) == 2

    def test_a_failure_half_way_changes_nothing(self, two, monkeypatch):
        def fail(*_args, **_kwargs):
            raise DatabaseError("connection lost")

        monkeypatch.setattr(Shop, "save", fail)
        with pytest.raises(DatabaseError):
            training.rollback(two)
        assert serving_number(two) == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_promotions_at_the_same_moment_follow_each_other(shop, trained):
    """Each replaces the one before it, so that every rollback finds its way. SQLite has one writer anyway."""
    versions = [register(shop, trained[n % 2]) for n in range(3)]
    together = threading.Barrier(len(versions))

    def promote(version: ModelVersion) -> None:
        try:
            together.wait(20)
            training.promote(version, force=True)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(versions)) as pool:
        list(pool.map(promote, versions))
    chain, current = [], Shop.objects.get(pk=shop.pk).serving_version
    while current is not None and len(chain) < 10:
        chain.append(current.number)
        current = current.replaced
    assert sorted(chain) == [1, 2, 3, 4] and chain[-1] == 1
    for number in chain[1:]:
        assert training.rollback(shop).number == number


def test_versions_of_another_shop_are_none_of_ours(run, shop, trained):
    other = Shop.objects.create(key="other")
    put_into_service(other, trained[1])
    assert run("coldrec_promote", 2).err == "There is no version 2; there are v1."
    assert run("coldrec_rollback").code == 1
    assert serving_number(other) == 1
