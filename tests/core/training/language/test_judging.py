"""The gate of trained encoders: what was held out, found by the one and by the other."""

from __future__ import annotations

import numpy as np
import pytest

from coldrec.core.dataset import make_dataset
from coldrec.core.encoders.pieces import unit
from coldrec.core.encoders.reading import item_text
from coldrec.core.training.language import judging
from coldrec.core.training.language.corpus import corpus_of
from coldrec.core.types import Item

KINDS = tuple(f"kind{n}" for n in range(12))


class Reader:
    """Knows kinds of things by name, as far as it is told which; the rest of a text is noise of its own."""

    dims, fingerprint = 32, ""

    def __init__(self, known=KINDS, noise=0.4):
        self._known, self._noise = known, noise
        self._kind = dict(
            zip(KINDS, unit(np.random.default_rng(0).normal(size=(12, 32)).astype(np.float32)), strict=True)
        )
        self.read = 0

    def encode(self, texts, *, query=False):
        self.read += len(texts)
        rows = []
        for text in texts:
            noise = np.random.default_rng(sum(map(ord, text))).normal(size=32)
            rows.append(self._noise * noise + sum(8 * self._kind[kind] for kind in self._known if kind in text.split()))
        return unit(np.array(rows, np.float32).reshape(len(texts), 32))


@pytest.fixture(scope="module")
def shop():
    rng = np.random.default_rng(1)
    items = [Item(str(n), title=f"thing {KINDS[n % 12]} {n}", text=f"{KINDS[n % 12]} word{n}") for n in range(600)]
    events = []
    for visitor in range(300):
        for row in rng.choice(50, 8, replace=False):
            events.append((f"v{visitor}", str(row * 12 + visitor % 12), 1.0, float(len(events))))
    searches = [
        (f"{kind} of sort {n}", str(rng.integers(50) * 12 + at), 3.0)
        for at, kind in enumerate(KINDS)
        for n in range(20)
    ]
    return make_dataset(items, events), searches


def texts_of(dataset):
    return [item_text(item) for item in dataset.items]


def test_an_encoder_that_knows_more_takes_the_place_of_one_that_knows_less(shop):
    dataset, searches = shop
    corpus = corpus_of(dataset, searches, 0)
    verdict = judging.compare(Reader(), Reader(known=KINDS[:4]), texts_of(dataset), corpus)
    assert verdict.refusal == ""
    assert set(verdict.figures) == {"cold", "search", "retrieval"}
    assert all(told["candidate"] > told["current"] for told in verdict.figures.values())
    back = judging.compare(Reader(known=KINDS[:4]), Reader(), texts_of(dataset), corpus)
    assert back.refusal.startswith("it is worse at cold")


def test_one_that_says_the_same_does_not(shop):
    dataset, searches = shop
    verdict = judging.compare(Reader(), Reader(), texts_of(dataset), corpus_of(dataset, searches, 0))
    assert verdict.refusal.startswith("it is better at nothing")


def test_a_shop_without_visitors_is_judged_by_its_texts_and_reads_no_more(shop):
    dataset, _ = shop
    corpus = corpus_of(make_dataset(list(dataset.items)), seed=0)
    reader = Reader()
    told = judging.figures(reader, texts_of(dataset), corpus)
    assert set(told) == {"retrieval"} and reader.read == 2 * len(told["retrieval"])


def test_a_shop_of_one_item_cannot_be_judged():
    dataset = make_dataset([Item("1", title="kind0 lamp", text="red")])
    verdict = judging.compare(Reader(), Reader(known=()), texts_of(dataset), corpus_of(dataset, seed=0))
    assert verdict.refusal == "it is better at nothing: there is no held-out case" and not verdict.figures
