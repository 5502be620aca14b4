"""Shops with next to nothing in them: all fit and serve, and every answer names a documented level."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.test import override_settings

from benchmarks.checks import Check
from benchmarks.site import shop as made
from benchmarks.site.calls import Caller, cookie_of
from coldrec.core.dataset import Dataset
from coldrec.core.types import Item, Level
from coldrec.services import placements, serving, shops, training

DOCUMENTED = {level.value for level in Level}


@dataclass(frozen=True)
class Case:
    """A shop and how many items its front page can show at least."""

    name: str
    dataset: Dataset
    shown: int


def cases() -> list[Case]:
    full = made.imagine(40, 600)
    bare = tuple(Item(id=item.id, first_seen=item.first_seen) for item in full.items)
    return [
        Case("empty", dataset((), ()), 0),
        Case("one-item", dataset(full.items[:1], ()), 1),
        Case("one-item-seen", dataset(full.items[:1], (("v0", 0),)), 0),
        Case("one-visitor", dataset(full.items[:20], tuple(("v0", item) for item in range(5))), 1),
        Case("no-text", dataset(bare, tuple(zip(names(full), full.event_item.tolist(), strict=True))), 12),
        Case("no-text-no-events", dataset(bare, ()), 12),
    ]


def names(full: Dataset) -> list[str]:
    return [full.visitors[visitor] for visitor in full.event_visitor]


def dataset(items: tuple[Item, ...], happened: tuple[tuple[str, int], ...]) -> Dataset:
    visitors = tuple(dict.fromkeys(visitor for visitor, _ in happened))
    return Dataset(
        items=items,
        visitors=visitors,
        event_visitor=np.array([visitors.index(visitor) for visitor, _ in happened], np.int64),
        event_item=np.array([item for _, item in happened], np.int64),
        event_weight=np.ones(len(happened), np.float32),
        event_time=made.NOW + np.arange(len(happened), dtype=np.float64),
    )


def check() -> list[Check]:
    return [judge(case, trouble(case)) for case in cases()]


def judge(case: Case, found: list[str]) -> Check:
    return Check(
        f"shop_{case.name.replace('-', '_')}", len(found), "exactly", 0, "", {"trouble": found} if found else {}
    )


def trouble(case: Case) -> list[str]:
    """What goes wrong in that shop, from its stocking to its pages, for a stranger and for a known visitor."""
    found = []
    with override_settings(COLDREC={**settings.COLDREC, "SHOP": case.name}):
        shop = shops.current()
        made.stock(shop, case.dataset.items)
        made.tell(shop, case.dataset, prefix=case.name)
        training.promote(training.fit_shop(shop))
        serving.reset()
        item = case.dataset.items[0].id if case.dataset.items else "nothing"
        known = Caller(cookie_of(shop, made.visitor_who(shop, [item])))
        for who, call in (("stranger", Caller()), ("visitor", known)):
            page = call(f"/all/{item}/")
            if page.status != 200 or "The end of the page" not in page.text:
                found.append(f"{who}: the page answers {page.status}")
            for placement in placements.all_placements():
                answer = call(f"/coldrec/v1/recommendations/?placement={placement}&seeds={item}&basket={item}")
                if answer.status != 200:
                    found.append(f"{who}, {placement}: {answer.status}")
                    continue
                (slate,) = json.loads(answer.body)["slates"]
                levels = {slate["level"], *(one["level"] for one in slate["items"])}
                if not levels <= DOCUMENTED or slate["version"] is None:
                    found.append(f"{who}, {placement}: levels {levels}, version {slate['version']}")
        (front,) = json.loads(Caller()("/coldrec/v1/recommendations/?placement=home").body)["slates"]
        if len(front["items"]) < case.shown:
            found.append(f"the front page shows {len(front['items'])} items, not {case.shown}")
    serving.reset()
    return found
