"""``coldrec_encode`` as a person or cron runs it."""

from __future__ import annotations

import pytest
from django.test import override_settings

from coldrec import conf
from coldrec.models import EncoderVersion, ItemVector
from coldrec.services import encoders, vectors
from tests.encoders import registered


@pytest.fixture(autouse=True)
def fresh_process():
    encoders.reset()
    yield
    encoders.reset()


def test_it_installs_reads_warns_and_does_nothing_the_second_time(run, bare_shop, tiny_folder):
    bare_shop.items.update(title="红色跑步鞋", brand="", category=[])
    with override_settings(COLDREC={**conf.get_config(), "ENCODER": str(tiny_folder)}):
        first = run("coldrec_encode", "--install", terminal=True)
        again = run("coldrec_encode", "--install")
    assert first.code == 0 and "32 numbers a vector, licence not stated, languages not stated; in use." in first.out
    assert "does not know 100% of the tokens" in first.err and "multilingual" in first.err
    assert "40 of 40 items" in first.err, "how far it is"
    assert "e1 has read 40 items in" in first.out and ItemVector.objects.count() == 40
    assert "e1 has read 0 items" in again.out and "40 are unchanged" in again.out
    assert EncoderVersion.objects.count() == 1


def test_a_dry_run_says_how_many_and_changes_nothing(run, bare_shop, tiny_versions):
    encoder = registered(bare_shop, tiny_versions[0])
    encoders.put_in_use(bare_shop, encoder)
    assert "e1 would look at 40 of 40 items" in run("coldrec_encode", "--dry-run").out
    assert not ItemVector.objects.exists()
    vectors.refresh(bare_shop, encoder)
    assert "e1 would look at 0 of 40 items; 40 are unchanged" in run("coldrec_encode", "--dry-run").out


def test_another_version_reads_when_it_is_named(run, bare_shop, tiny_versions):
    encoders.put_in_use(bare_shop, registered(bare_shop, tiny_versions[0]))
    other = registered(bare_shop, tiny_versions[1])
    assert "e2 has read 40 items" in run("coldrec_encode", "--encoder", 2).out
    assert set(ItemVector.objects.values_list("encoder", flat=True)) == {other.pk}
    said = run("coldrec_encode", "--encoder", 7)
    assert said.code == 1 and "no encoder version 7; there are e2, e1" in said.err


def test_off_leaves_none_in_use(run, bare_shop, tiny_versions):
    encoders.put_in_use(bare_shop, registered(bare_shop, tiny_versions[0]))
    assert "No language model is in use" in run("coldrec_encode", "--off").out
    assert encoders.in_use(bare_shop) is None
    said = run("coldrec_encode")
    assert said.code == 1 and "add --install" in said.err


def test_without_a_setting_it_says_what_to_set(run, bare_shop):
    said = run("coldrec_encode", "--install")
    assert said.code == 1 and "names no language model" in said.err
