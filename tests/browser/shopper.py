"""A shopper who keeps count: what was on the screen long enough, clicked, put into the basket and bought."""

from __future__ import annotations

from collections import Counter
from typing import Any

from playwright.sync_api import Locator, Page

from tests.browser.site import Site, settled
from tests.browser.visits import Visit

Deed = tuple[str, str, str, int]  # kind, item, list it was in, place there; "" and 0 where it was in none
ALONE = """
    SELECT coldrec_item.url FROM coldrec_item JOIN catalogue_product ON catalogue_product.id = external_id
    WHERE sellable AND structure = 'standalone' ORDER BY coldrec_item.id LIMIT 1 OFFSET ?
"""
COUNTED = ("impression", "click", "basket_add", "purchase")

# Every item of a list with the part of it that can be seen now, worked out from the boxes alone: the screen, and
# whatever cuts off what sticks out of it.
IN_SIGHT = """() => [...document.querySelectorAll("[data-coldrec-slate] [data-coldrec-item]")].map(one => {
  const box = one.getBoundingClientRect()
  let [top, right, bottom, left] = [Math.max(box.top, 0), Math.min(box.right, innerWidth),
                                    Math.min(box.bottom, innerHeight), Math.max(box.left, 0)]
  for (let around = one.parentElement; around !== document.body; around = around.parentElement) {
    if (getComputedStyle(around).overflow === "visible") continue
    const cut = around.getBoundingClientRect()
    top = Math.max(top, cut.top), right = Math.min(right, cut.right)
    bottom = Math.min(bottom, cut.bottom), left = Math.max(left, cut.left)
  }
  const seen = Math.max(0, bottom - top) * Math.max(0, right - left) / (box.width * box.height || 1)
  return {seen, deed: ["impression", one.dataset.coldrecItem, one.closest("[data-coldrec-slate]").dataset.coldrecSlate,
                       Number(one.dataset.coldrecPosition)]}
})"""


class Shopper:
    """Acts in one browser and remembers it in ``did``; ``is_recorded`` compares that with the database."""

    def __init__(self, visit: Visit, site: Site) -> None:
        self.visit = visit
        self.site = site
        self.did: Counter[Deed] = Counter()
        self.began = site.value("SELECT coalesce(max(id), 0) FROM coldrec_event")

    @property
    def page(self) -> Page:
        return self.visit.page

    def open(self, address: str) -> None:
        self.visit.go(address)

    def look(self, seconds: float = 1.4) -> None:
        """Let the eyes rest; whatever is half in sight all that time has been seen, however often."""
        for _ in range(5):
            if not any(0.47 < one["seen"] < 0.53 for one in self.page.evaluate(IN_SIGHT)):
                break
            self.page.evaluate("scrollBy({top: 60, behavior: 'instant'})")  # as good as half seen is no fair question
        before = self._in_sight()
        self.page.wait_for_timeout(seconds * 1000)
        for deed in before & self._in_sight():
            self.did[deed] = 1

    def glance(self) -> None:
        """Too short for anything to count."""
        self.page.wait_for_timeout(400)

    def scroll(self, to: int) -> int:
        """Down or up in one jump; where that ended, for a page has an end."""
        return self.page.evaluate("to => { scrollTo({top: to, behavior: 'instant'}); return scrollY }", to)

    def link(self, nth: int = 0) -> Locator:
        """The title of the n-th product in a list."""
        return self.page.locator("[data-coldrec-slate] [data-coldrec-item] h3 a").nth(nth)

    def click(self, link: Locator, **how: Any) -> None:
        """Follow a link of a list."""
        kind, item, slate, position = link.evaluate(
            """one => ["click", one.closest("[data-coldrec-item]").dataset.coldrecItem,
                       one.closest("[data-coldrec-slate]").dataset.coldrecSlate,
                       Number(one.closest("[data-coldrec-item]").dataset.coldrecPosition)]"""
        )
        self.did[(kind, item, slate, position)] += 1
        link.click(**how)

    def put_into_basket(self) -> None:
        """The product whose page is open."""
        self.did[("basket_add", self._page_item(), "", 0)] += 1
        with self.page.expect_navigation():
            self.page.locator("#add_to_basket_form button[type=submit], .add-to-basket button").first.click()

    def buy(self) -> None:
        """Everything in the basket, as a guest, through oscar's checkout."""
        page = self.page
        bought = [item for (kind, item, _, _), count in self.did.items() if kind == "basket_add" for _ in range(count)]
        page.goto("/checkout/")
        page.fill("input[name=username]", "ada@example.com")
        page.check("input[name=options][value=anonymous]")
        if not self.visit.look.script:  # oscar wants a password from everybody until a script has put that right
            page.fill("input[name=password]", "-")
        page.locator("form:has(input[name=options]) button[type=submit]").click()
        for name, text in ADDRESS.items():
            page.fill(f"[name={name}]", text)
        page.select_option("[name=country]", "GB")
        page.locator("form:has([name=line1]) button[type=submit]").click()
        page.wait_for_url("**/checkout/**")
        if "payment-method" in page.url or "payment-details" in page.url:
            page.goto("/checkout/preview/")
        page.locator("#place-order").click()
        page.wait_for_url("**/thank-you/**")
        for item in bought:
            self.did[("purchase", item, "", 0)] = 1

    def leave(self) -> None:
        self.page.goto("about:blank")

    def recorded(self) -> Counter[Deed]:
        """What the database has of everything that came in since this shopper began."""
        rows = self.site.rows(
            f"SELECT kind, item_id, slate_id, position FROM coldrec_event WHERE id > ? AND kind IN {COUNTED}",
            self.began,
        )
        return Counter((r["kind"], r["item_id"], _uuid(r["slate_id"]), r["position"] or 0) for r in rows)

    def is_recorded(self) -> bool:
        """Whether the database has exactly what was done, neither more nor less, and all of one visitor."""
        found = settled(self.recorded, self.did)
        assert found == self.did, f"too much: {dict(found - self.did)}; missing: {dict(self.did - found)}"
        people = self.site.rows("SELECT DISTINCT visitor_id FROM coldrec_event WHERE id > ?", self.began)
        assert len(people) <= 1, f"one person was taken for {len(people)}"
        return True

    def _in_sight(self) -> set[Deed]:
        return {tuple(one["deed"]) for one in self.page.evaluate(IN_SIGHT) if one["seen"] >= 0.5}

    def _page_item(self) -> str:
        return self.page.locator("[data-coldrec-page-item]").first.get_attribute("data-coldrec-page-item") or ""


ADDRESS = {"first_name": "Ada", "last_name": "L", "line1": "1 Mill Lane", "line4": "Leeds", "postcode": "LS1 1AA"}


def _uuid(text: str | None) -> str:
    if not text:
        return ""
    return text if "-" in text else f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
