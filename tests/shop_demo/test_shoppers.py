"""The simulated shoppers: repeatable, plausible, and driven by taste."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shop_demo import catalogue, shoppers

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PRODUCTS = catalogue.generate(240)
BY_UPC = {product.upc: product for product in PRODUCTS}


@pytest.fixture(scope="module")
def events():
    return list(shoppers.simulate(PRODUCTS, now=NOW, shoppers=300))


def views_by_shopper(events):
    seen = defaultdict(list)
    for event in events:
        if event.kind == "view":
            seen[event.shopper].append(BY_UPC[event.upc])
    return seen


def test_the_same_seed_gives_the_same_events(events):
    assert list(shoppers.simulate(PRODUCTS, now=NOW, shoppers=300)) == events
    other = list(shoppers.simulate(PRODUCTS, now=NOW, shoppers=300, seed=12))
    assert other != events


def test_another_day_moves_the_times_and_nothing_else(events):
    later = list(shoppers.simulate(PRODUCTS, now=NOW + timedelta(days=3), shoppers=300))
    assert [event.event_id for event in later] == [event.event_id for event in events]
    assert {b.at - a.at for a, b in zip(events, later, strict=True)} == {timedelta(days=3)}


def test_ids_are_unique_and_times_run_forward_within_the_window(events):
    assert len({event.event_id for event in events}) == len(events)
    last = defaultdict(lambda: NOW - timedelta(days=92))
    for event in events:
        assert last[event.shopper] <= event.at <= NOW, event
        last[event.shopper] = event.at


def test_a_purchase_follows_its_basket_and_its_view(events):
    stage = {"view": 1, "basket_add": 2, "purchase": 3}
    reached = defaultdict(int)
    for event in events:
        if event.kind != "search":
            key = (event.shopper, event.upc)
            assert reached[key] >= stage[event.kind] - 1, event
            reached[key] = max(reached[key], stage[event.kind])
    kinds = Counter(event.kind for event in events)
    assert kinds["view"] > 3 * kinds["basket_add"] > 3 * kinds["purchase"] > 0, kinds


def test_nobody_meets_a_product_before_it_was_added(events):
    for event in events:
        if event.upc:
            added = NOW - timedelta(days=BY_UPC[event.upc].added_days)
            assert event.at >= added, f"{event} before {added}"


def test_products_are_added_all_through_the_past_and_get_their_first_events_then(events):
    """Arrivals trickle in: each third of the window brings some, and their first event comes after they did."""
    first = {}
    for event in sorted(events, key=lambda event: event.at):
        first.setdefault(event.upc, event.at)
    new = [product for product in PRODUCTS if product.added_days < 90]
    assert all(sum(low <= product.added_days < low + 30 for product in new) >= 5 for low in (0, 30, 60))
    met = [product for product in new if product.upc in first]
    assert len(met) > len(new) / 3
    assert all(first[product.upc] >= NOW - timedelta(days=product.added_days) for product in met)
    assert len(met) < len(new), "some have never been seen: that is what cold start is about"


def test_some_shoppers_search_in_chinese_and_most_in_english(events):
    searches = [event for event in events if event.kind == "search"]
    chinese = [event for event in searches if any("\u4e00" <= letter <= "\u9fff" for letter in event.query)]
    assert 0.04 < len(chinese) / len(searches) < 0.3
    asked = defaultdict(set)
    for event in searches:
        asked[event.shopper].add(event in chinese)
    assert all(len(languages) == 1 for languages in asked.values()), "a shopper keeps to one language"


def test_the_newest_products_have_few_events(events):
    counts = Counter(event.upc for event in events)
    newest = sorted(PRODUCTS, key=lambda product: product.added_days)[:8]
    typical = np.median([counts[product.upc] for product in PRODUCTS if product.added_days > 95])
    assert np.median([counts[product.upc] for product in newest]) < typical / 3


def test_a_few_products_get_most_of_the_interest(events):
    counts = sorted(Counter(event.upc for event in events if event.upc).values(), reverse=True)
    tenth = len(PRODUCTS) // 10
    assert 0.2 < sum(counts[:tenth]) / sum(counts) < 0.6


@pytest.mark.parametrize("trait", ["brand", "department", "kind", "style"])
def test_shoppers_repeat_themselves_more_than_chance(events, trait):
    """Two views of one shopper agree in the trait far more often than two views of two shoppers."""
    rng = np.random.default_rng(0)
    everything = [product for seen in views_by_shopper(events).values() for product in seen]
    same = other = pairs = 0
    for seen in views_by_shopper(events).values():
        if len({product.upc for product in seen}) < 2:
            continue
        for _ in range(10):
            a, b = rng.choice(len(seen), 2, replace=False)
            stranger = everything[rng.integers(len(everything))]
            if seen[a].upc == seen[b].upc or seen[a].upc == stranger.upc:
                continue  # the same product would agree in everything
            pairs += 1
            same += getattr(seen[a], trait) == getattr(seen[b], trait)
            other += getattr(seen[a], trait) == getattr(stranger, trait)
    assert same > 1.2 * other, f"{trait}: {same} of {pairs} within a shopper, {other} of {pairs} across shoppers"


def test_tastes_beat_popularity_on_later_views(events):
    """Whoever knew the hidden taste would guess the rest of a history far better than who knows what sells."""
    truth = shoppers.tastes(PRODUCTS, 300)
    position = {product.upc: row for row, product in enumerate(PRODUCTS)}
    popularity = np.bincount([position[e.upc] for e in events if e.kind == "view"], minlength=len(PRODUCTS))
    hits = {"taste": 0, "popularity": 0}
    for name, seen in views_by_shopper(events).items():
        rows = {position[product.upc] for product in seen}
        person = int(name.removeprefix("shopper-")) - 1
        for guess, score in (("taste", truth.pull[person]), ("popularity", popularity)):
            hits[guess] += len(rows & set(np.argsort(-score)[:20].tolist()))
    assert hits["taste"] > 1.5 * hits["popularity"], hits
