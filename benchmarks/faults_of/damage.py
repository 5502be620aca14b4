"""Damaged artifacts: every file flipped and cut short, every array of a wrong shape or with a NaN, a card restated.

Each damaged version must be refused for promotion with the reason; and where the pointer leads to it all the same
(the disk failed later), both a running process and a new one must go on with the version before.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.checks import Check
from benchmarks.site import shop as made
from benchmarks.site.calls import Caller, cookie_of
from coldrec import conf
from coldrec.core.artifact import MANIFEST
from coldrec.core.dataset import Dataset
from coldrec.core.errors import PromotionError
from coldrec.models import ModelVersion, Shop
from coldrec.services import serving, training

QUICK = 12  # cases of each kind


def flip(file: Path) -> None:
    """One bit in the middle."""
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def restate(file: Path) -> None:
    """The manifest is well-formed and says another thing."""
    manifest = json.loads(file.read_text())
    manifest["card"]["fitted_at"] += 1
    file.write_text(json.dumps(manifest))


def shorten(file: Path) -> None:
    """The last row is missing, and the manifest vouches for it: a writer with a fault."""
    rewrite(file, np.load(file)[:-1])


def narrow(file: Path) -> None:
    """The last column is missing, vouched for as well."""
    rewrite(file, np.load(file)[:, :-1])


def spoil(file: Path) -> None:
    array = np.array(np.load(file))
    array.flat[0] = np.nan
    rewrite(file, array)


def rewrite(file: Path, array: np.ndarray) -> None:
    np.save(file, array, allow_pickle=False)
    manifest = json.loads((file.parent / MANIFEST).read_text())
    raw = file.read_bytes()
    manifest["files"][file.name] = {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    (file.parent / MANIFEST).write_text(json.dumps(manifest))


def cases(artifact: Path) -> Iterator[tuple[str, Callable[[Path], None], str]]:
    """Kind of damage, what does it, and to which file."""
    for file in sorted(artifact.iterdir()):
        yield "flipped byte", flip, file.name
        yield "cut short", cut, file.name
        if file.name == MANIFEST:
            yield "card restated", restate, file.name
        if file.suffix == ".npy":
            array = np.load(file)
            if len(array) and not file.name.startswith("trend"):  # which may have any number of windows
                yield "row missing", shorten, file.name
            if array.ndim == 2 and array.shape[1]:
                yield "column missing", narrow, file.name
            if array.size and array.dtype.kind == "f":
                yield "NaN", spoil, file.name


def check(shop: Shop, dataset: Dataset, *, quick: bool = False) -> list[Check]:
    made.serve_model(shop, dataset)
    shop.refresh_from_db()
    good = shop.serving_version
    call = Caller(cookie_of(shop, made.shopper(shop, dataset)))
    tried: dict[str, int] = {}
    accepted, replaced = [], []
    reasons: dict[str, str] = {}
    for kind, harm, name in cases(serving.artifact_path(good)):
        if quick and tried.get(kind, 0) >= QUICK:
            continue
        tried[kind] = tried.get(kind, 0) + 1
        bad = register_damaged(shop, good, harm, name)
        reason = refusal(bad)
        reasons.setdefault(kind, reason.replace(f"{Path(conf.get('ARTIFACTS')) / shop.key}/", ""))
        if not reason:
            accepted.append(f"{kind}: {name}")
        if not goes_on(shop, good, bad, call):
            replaced.append(f"{kind}: {name}")
        Shop.objects.filter(pk=shop.pk).update(serving_version=good)
        bad.delete()
        shutil.rmtree(serving.artifact_path(bad))
    serving.reset()
    return judge(tried, reasons, accepted, replaced)


def judge(tried: dict[str, int], reasons: dict[str, str], accepted: list[str], replaced: list[str]) -> list[Check]:
    return [
        Check(
            "damaged_promoted",
            len(accepted),
            "exactly",
            0,
            "",
            {"tried": tried, "first_reason": reasons, "accepted": accepted},
        ),
        Check(
            "damaged_served",
            len(replaced),
            "exactly",
            0,
            "",
            {"tried": sum(tried.values()), "where_the_version_before_did_not_go_on": replaced},
        ),
    ]


def register_damaged(shop: Shop, good: ModelVersion, harm: Callable[[Path], None], name: str) -> ModelVersion:
    """A version like ``good`` whose file is damaged: after it was registered, or before where only the values are."""
    number = shop.versions.order_by("-number").first().number + 1
    path = f"{shop.key}/damaged-{number}"
    folder = Path(conf.get("ARTIFACTS")) / path
    shutil.copytree(serving.artifact_path(good), folder)
    digest = good.digest
    harm(folder / name)
    if harm in (shorten, narrow, spoil):
        digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    return ModelVersion.objects.create(shop=shop, number=number, path=path, digest=digest, replaced=good)


def refusal(version: ModelVersion) -> str:
    """Why the version is not promoted; nothing where it is, or where the reason is not kept."""
    try:
        training.promote(version, force=True)
    except PromotionError:
        version.refresh_from_db()
        return version.refusal
    return ""


def goes_on(shop: Shop, good: ModelVersion, bad: ModelVersion, call: Caller) -> bool:
    """Whether lists still come from ``good`` though the pointer leads to ``bad``."""
    Shop.objects.filter(pk=shop.pk).update(serving_version=good)
    serving.reset()
    serving.current(shop)
    Shop.objects.filter(pk=shop.pk).update(serving_version=bad)
    running = serves(shop, good, call)
    serving.reset()  # as a new process
    return running and serves(shop, good, call)


def serves(shop: Shop, version: ModelVersion, call: Caller) -> bool:
    serving.forget()
    answer = call("/coldrec/v1/recommendations/?placement=home")
    return answer.status == 200 and f'"version":{version.number},' in answer.text and '"items":[{' in answer.text
