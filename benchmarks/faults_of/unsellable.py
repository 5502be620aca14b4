"""Items that can no longer be sold are gone from every list of the next request."""

from __future__ import annotations

from urllib.parse import quote

from benchmarks.checks import Check
from benchmarks.site import shop as made
from benchmarks.site.calls import Caller, cookie_of
from coldrec.core.dataset import Dataset
from coldrec.models import Item, Shop
from coldrec.services import placements

TURNS = 5


def check(shop: Shop, dataset: Dataset) -> list[Check]:
    call = Caller(cookie_of(shop, made.shopper(shop, dataset)))
    page = dataset.items[0].id
    still: list[str] = []
    taken = 0
    for _ in range(TURNS):
        for placement in placements.all_placements():
            if not (shown := listed(call, placement, page)):
                continue
            gone = shown[0]
            Item.objects.filter(shop=shop, external_id=gone).update(sellable=False)
            taken += 1
            still += [f"{gone} in {name}" for name in placements.all_placements() if gone in listed(call, name, page)]
            if f'data-coldrec-item="{gone}"' in call(f"/all/{page}/").text:
                still.append(f"{gone} on the page")
            Item.objects.filter(shop=shop, external_id=gone).update(sellable=True)
    return judge(taken, still)


def judge(taken: int, still: list[str]) -> list[Check]:
    return [
        Check("unsellable_tried", taken, "at least", 10),
        Check("unsellable_shown", len(still), "exactly", 0, "", {"still": still}),
    ]


def listed(call: Caller, placement: str, page: str) -> list[str]:
    import json

    answer = call(f"/coldrec/v1/recommendations/?placement={quote(placement)}&seeds={quote(page)}&basket={quote(page)}")
    return [item["id"] for item in json.loads(answer.body)["slates"][0]["items"]]
