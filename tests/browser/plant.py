"""Fills a site's tables with the texts of ``tests.xss``, and has what is there already called by them as well.

Run in a process of its own with the site's settings: ``python -m tests.browser.plant``.
"""

from __future__ import annotations

import django


def main() -> None:
    django.setup()
    from django.db.models import F
    from django.utils import timezone

    from coldrec.models import Item, ModelVersion
    from coldrec.services import shops
    from tests import xss

    ModelVersion.objects.update(number=F("number") + 10_000)  # out of the way of the planted ones
    rows = list(Item.objects.order_by("pk"))
    texts = xss.payloads()
    for at, row in enumerate(rows):
        row.title = row.brand = texts[at % len(texts)][:200]
        row.translations = {}
    Item.objects.bulk_update(rows, ["title", "brand", "translations"])
    xss.plant(shops.current(), texts)
    # They came in after the model was trained.
    Item.objects.filter(external_id__in=texts).update(first_seen=timezone.now(), updated_at=timezone.now())


if __name__ == "__main__":
    main()
