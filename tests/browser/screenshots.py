"""Pictures of the demo shop for the documents: ``make screenshots`` writes docs/images, wide and on a phone."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.browser import site as sites
from tests.browser.chromium import launched, path
from tests.browser.layout import scroll_through
from tests.browser.site import ROOT, Site
from tests.browser.visits import DESKTOP, PHONE, Look, Visit

IMAGES = ROOT / "docs" / "images"
SIZE = ["--products", "400", "--shoppers", "600"]
HEIGHTS = {DESKTOP: 1400, PHONE: 1700}  # a page longer than that is cut
LARGEST = 80_000  # bytes
WIDTHS = {DESKTOP: "wide", PHONE: "phone"}


def home(one: Visit, shop: Site) -> None:
    """Of a visitor who has looked at three products of one kind."""
    for url in _alike(shop, 3):
        one.go(url)
    one.go("/")


def first_visit(one: Visit, shop: Site) -> None:
    one.go("/")


def product(one: Visit, shop: Site) -> None:
    one.go(_alike(shop, 1)[0])


def basket(one: Visit, shop: Site) -> None:
    one.go(_alike(shop, 1)[0])
    one.page.locator("form[action*='/basket/add/'] button").first.click()
    one.page.wait_for_load_state()
    one.go("/basket/")


def _alike(shop: Site, count: int) -> list[str]:
    """Addresses of products of the largest category."""
    category = shop.value(
        "SELECT category FROM coldrec_item WHERE sellable GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
    )
    found = shop.rows(
        "SELECT url FROM coldrec_item WHERE sellable AND category = ? ORDER BY id LIMIT ?", category, count
    )
    return [row["url"] for row in found]


def _admin(address: str) -> Callable[[Visit, Site], None]:
    def screen(one: Visit, shop: Site) -> None:
        one.sign_in()
        one.go(address)

    return screen


def console(one: Visit, shop: Site) -> None:
    """How the home list of a made-up visitor comes about, who has looked at one product."""
    item = shop.value("SELECT external_id FROM coldrec_item WHERE sellable ORDER BY id")
    one.sign_in()
    one.go(f"/admin/coldrec/console/?placement=home&who=made_up&did=view:{item}")


PICTURES: dict[str, Callable[[Visit, Site], None]] = {
    "home": home,
    "first-visit": first_visit,
    "product": product,
    "basket": basket,
    "cold-start": _admin("/admin/coldrec/cold_start/"),
    "console": console,
}


def main() -> None:
    if not path():
        sys.exit("There is no Chromium: none of its usual names is on PATH, and COLDREC_CHROMIUM names none.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, launched() as chromium:
        built = sites.build(Path(folder) / "built", *SIZE)
        with sites.served(built, Path(folder) / "shop", "shop") as shop:
            for name, arrange in PICTURES.items():
                for width, word in WIDTHS.items():
                    target = IMAGES / f"{name}-{word}.webp"
                    target.write_bytes(_taken(chromium, shop, width, arrange))
                    print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1000} kB")  # noqa: T201


def _taken(browser: Any, shop: Site, width: int, arrange: Callable[[Visit, Site], None]) -> bytes:
    one = Visit(browser, shop.address, Look(width=width))
    try:
        arrange(one, shop)
        one.page.wait_for_load_state("networkidle")
        scroll_through(one.page)  # pictures load when they come near
        one.page.evaluate("scrollTo(0, 0)")
        one.page.wait_for_load_state("networkidle")
        height = min(one.page.evaluate("document.documentElement.scrollHeight"), HEIGHTS[width])
        clip = {"x": 0, "y": 0, "width": width, "height": height}
        return _small(one.page.screenshot(full_page=True, clip=clip, animations="disabled", scale="css"))
    finally:
        one.close()


def _small(png: bytes) -> bytes:
    """The picture as WebP, as good as fits into ``LARGEST`` bytes."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in (82, 70, 58, 46, 34):
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality, method=6)
        if out.tell() <= LARGEST:
            break
    return out.getvalue()


if __name__ == "__main__":
    main()
