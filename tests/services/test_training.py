"""Versions and their artifacts: what stays on disk, and what goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldrec import conf
from coldrec.core.artifact import Artifact
from coldrec.services import training
from tests.served import register


class Killed(BaseException):
    """The process is no more."""


@pytest.mark.django_db
def test_only_the_latest_artifacts_and_those_that_serve_stay(shop, trained):
    for _ in range(training.KEPT + 2):
        register(shop, trained[0])
    training.clean_up(shop)
    folder = Path(conf.get("ARTIFACTS")) / shop.key
    latest = {version.path for version in shop.versions.order_by("-number")[: training.KEPT]}
    assert {f"{shop.key}/{path.name}" for path in folder.iterdir()} == latest | {shop.serving_version.path}


@pytest.mark.django_db
def test_a_clean_up_that_is_killed_leaves_no_half_artifact(shop, trained, monkeypatch):
    for _ in range(training.KEPT + 1):
        register(shop, trained[0])
    folder = Path(conf.get("ARTIFACTS")) / shop.key
    goes = folder / Path(shop.versions.get(number=2).path).name  # the first is in service

    def killed_half_way(path, **_):
        next(path.glob("*.npy")).unlink()
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(training.shutil, "rmtree", killed_half_way)
        training.clean_up(shop)
    assert not goes.exists()
    for path in folder.iterdir():
        if not path.name.endswith(".partial"):
            Artifact.open(path)
    assert any(path.name.endswith(".partial") for path in folder.iterdir())
    training.clean_up(shop)
    assert len(list(folder.iterdir())) == training.KEPT + 1


@pytest.mark.django_db
def test_an_artifact_that_may_not_be_dropped_stops_nobody(shop, trained, monkeypatch):
    for _ in range(training.KEPT + 1):
        register(shop, trained[0])
    folder = Path(conf.get("ARTIFACTS")) / shop.key

    def refused(path, target):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refused)
        training.clean_up(shop)
    assert len(list(folder.iterdir())) == training.KEPT + 2
    training.clean_up(shop)
    assert len(list(folder.iterdir())) == training.KEPT + 1


@pytest.mark.django_db
def test_versions_that_were_promoted_in_turns_are_no_endless_line(shop, trained):
    first, second = shop.serving_version, register(shop, trained[1])
    for version in (second, first, second):
        version.refresh_from_db()
        training.promote(version, force=True)
    assert training.rollback(shop) == first
