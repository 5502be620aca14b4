"""Processes killed with SIGKILL in the middle of a fit or a promotion."""

from __future__ import annotations

import random
import time
from pathlib import Path

from benchmarks.checks import Check
from benchmarks.faults_of import victim
from benchmarks.faults_of.damage import serves
from benchmarks.site import project
from benchmarks.site import shop as made
from benchmarks.site.calls import Caller, cookie_of
from coldrec import conf
from coldrec.core.artifact import Artifact
from coldrec.core.dataset import Dataset
from coldrec.core.errors import ArtifactError
from coldrec.models import ModelVersion, Shop
from coldrec.services import serving, training

RANDOM_S = 2.0  # a killed fit has had at most so long


def check(shop: Shop, dataset: Dataset, *, kills: int, seed: int) -> list[Check]:
    made.serve_model(shop, dataset)
    shop.refresh_from_db()
    good = shop.serving_version
    call = Caller(cookie_of(shop, made.shopper(shop, dataset)))
    rng = random.Random(seed)
    trouble: list[str] = []
    done = 0

    for stage in victim.FIT_STAGES:
        kill_at("fit", stage)
        done += 1
        trouble += [f"fit killed at {stage!r}: {said}" for said in what_is_wrong(shop, good, call)]
    for _ in range(kills):
        kill_at("fit", "never", after=rng.uniform(0, RANDOM_S))
        done += 1
        trouble += [f"fit killed at random: {said}" for said in what_is_wrong(shop, good, call, finished=True)]
    training.promote(good, force=True)
    other = training.fit_shop(shop)
    before = state(shop, other)
    for stage in victim.PROMOTE_STAGES:
        kill_at("promote", stage, other.pk)
        done += 1
        if (after := state(shop, other)) != before:
            trouble.append(f"promotion killed at {stage!r}: the tables say {after}, before {before}")
        trouble += [f"promotion killed at {stage!r}: {said}" for said in what_is_wrong(shop, good, call, finished=True)]
    training.promote(other, force=True)
    if not serves(shop, other, call):
        trouble.append("afterwards a promotion does not serve")
    return judge(done, trouble)


def judge(done: int, trouble: list[str]) -> list[Check]:
    return [Check("kill_trouble", len(trouble), "exactly", 0, "", {"kills": done, "trouble": trouble})]


def kill_at(what: str, stage: str, version: int | str = "", after: float = 0.0) -> None:
    """Start it, wait until it has come there, and ``after`` so many seconds kill it."""
    process = project.child("benchmarks.faults_of.victim", what, stage, str(version))
    assert process.stdout is not None
    if process.stdout.readline().strip() != "here":
        raise RuntimeError(f"the process that was to be killed in {what} at {stage!r} ended by itself")
    time.sleep(after)
    process.kill()
    process.wait()


def what_is_wrong(shop: Shop, good: ModelVersion, call: Caller, *, finished: bool = False) -> list[str]:
    """What a visitor or the admin could see of the kill; ``finished`` where fits may have come through before it."""
    found = []
    serving.reset()
    if not serves(shop, good, call):
        found.append(f"{good} does not serve in a new process")
    for version in shop.versions.all():
        try:
            training.verify(version)
        except ArtifactError as error:
            if serving.artifact_path(version).exists():
                found.append(f"{version} is registered and not whole: {error}")
    if not finished and shop.versions.order_by("-number").first() != good:
        found.append("an unfinished version is registered")
    for folder in (Path(conf.get("ARTIFACTS")) / shop.key).iterdir():
        if not folder.name.endswith(".partial"):
            try:
                Artifact.open(folder)
            except ArtifactError as error:
                found.append(f"half an artifact stands at its final name: {error}")
    return found


def state(shop: Shop, version: ModelVersion) -> tuple[object, ...]:
    version.refresh_from_db()
    pointer = Shop.objects.values_list("serving_version", flat=True).get(pk=shop.pk)
    return pointer, version.replaced_id, version.promoted_at
