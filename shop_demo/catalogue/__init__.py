"""The demo's own catalogue: an invented shop of five departments, the same on every machine.

``generate(size, seed)`` makes the products that the TOML files beside it plan: one file for each department, read by
``plan``. A product has a type (linen shirt), a brand that makes it, a model name, a colour, a material and the facts
of its kind; its price is the kind's range placed by the brand's level, the facts' grade and a little chance. What a
shopper could care about stands in the title, the attributes or the description, so that taste can be learnt from
content as well as from behaviour. ``wording`` composes the texts, ``food`` the nutrients. All names are made up.

Any size is a spread: the first product of every kind comes first, then all kinds grow in step.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from shop_demo.catalogue import food, wording
from shop_demo.catalogue.plan import (
    COLOUR_NAMES,
    COLOURS,
    DEPARTMENTS,
    PATTERNS,
    STYLE_COLOURS,
    STYLES,
    Brand,
    Choice,
    Department,
    Kind,
    Text,
    Type,
    text,
)

__all__ = ["ALL", "COLOURS", "DEPARTMENTS", "SIZE", "STYLES", "Look", "Product", "Text", "Variant", "generate"]

SIZE = 1200  # on the shelves from the start; the others come while the demo is open
ALL = sum(department.products for department in DEPARTMENTS)


@dataclass(frozen=True)
class Look:
    """What a picture is drawn from: products of one look share it."""

    shape: str
    colour: str  # #rrggbb, as the accent
    pattern: str = "plain"
    accent: str = "#f6f3ec"


@dataclass(frozen=True)
class Variant:
    """One size, pack or capacity of a product, bought by itself."""

    upc: str
    value: Text
    price: Decimal
    stock: int


@dataclass(frozen=True)
class Product:
    """One product of the demo. ``added_days`` is its age in days, counted back from the day of loading."""

    upc: str
    title: Text
    description: Text
    department: Text
    kind: Text
    brand: str
    style: str
    colour: str
    look: Look
    price: Decimal  # of the first variant where there are some
    stock: int
    added_days: float
    attributes: tuple[tuple[Text, Text], ...]  # name and value
    choice: Text | None = None  # what the variants differ in
    variants: tuple[Variant, ...] = ()


def generate(size: int = SIZE, seed: int = 7) -> list[Product]:
    """``size`` products, the same for the same seed; the first ones of a larger catalogue.

    Raises
    ------
    ValueError : the plan does not have so many.
    """
    if not 0 <= size <= ALL:
        raise ValueError(f"size is {size}; the demo's catalogue has at most {ALL} products.")
    shelf: list[tuple[tuple[bool, float], Product]] = []
    for department in DEPARTMENTS:
        numbers = iter(range(1, department.products + 1))
        for kind in department.kinds:
            quota = department.quota[kind.name]
            for place, product in enumerate(_products(department, kind, quota, numbers, seed)):
                shelf.append(((place > 0, (place + 0.5) / quota), product))
    shelf.sort(key=lambda row: row[0])
    return [product for _, product in shelf[:size]]


def _products(department: Department, kind: Kind, quota: int, numbers: Iterator[int], seed: int) -> Iterator[Product]:
    """The products of one kind; its draws are its own, so that editing one kind leaves the others as they were."""
    rng = random.Random(f"{seed} {kind.name.en}")
    writer = wording.Writer(department, kind, rng)
    makers = [brand for brand in department.brands if not brand.makes or kind.name.en in brand.makes]
    types, brands = wording.Deck(kind.types, rng), wording.Deck(makers, rng)
    for _ in range(quota):
        sort, brand = types.draw(), brands.draw()
        liked = [name for name in STYLE_COLOURS[brand.style] if name in department.colours]
        colour = rng.choice(liked if rng.random() < 0.8 else department.colours)
        pattern = rng.choice(kind.patterns)
        grades = {fact.key: rng.randrange(len(fact.values)) for fact in sort.facts}
        material = rng.choice(sort.materials) if sort.materials else None
        price = _price(department, kind, sort, brand, grades, rng)
        sold_at = text(f"£{price.normalize():f}" if price == price.to_integral() else f"£{price}")
        facts = {fact.key: (fact.name, fact.values[grades[fact.key]].filled({"price": sold_at})) for fact in sort.facts}
        shown = {"style": STYLES[brand.style], "colour": COLOUR_NAMES[colour], "pattern": PATTERNS[pattern]}
        nutrients = food.nutrients(sort.nutrients, sort.per, rng) if sort.nutrients else {}
        words = {
            **{name: word for name, word in shown.items() if name != "pattern"},
            **({"material": material.name, "made": material.made} if material else {}),
            **{key: value for key, (_, value) in (facts | nutrients).items()},
            **sort.words,
            "brand": brand.name,
            "per": Text(sort.per, food.UNITS[sort.per]),
        }
        title, description = writer.write(sort, brand, words, pattern)
        upc = f"FH-{department.code}{next(numbers):04d}"
        variants = tuple(_variants(upc, sort.choice, price, rng)) if sort.choice else ()
        stock = 0 if rng.random() < 0.03 else rng.randint(3, 120)
        yield Product(
            upc=upc,
            title=title,
            description=description,
            department=department.name,
            kind=kind.name,
            brand=brand.name.en,
            style=brand.style,
            colour=colour,
            look=Look(
                sort.shape,
                COLOURS[colour],
                pattern if len(kind.patterns) > 1 else rng.choice(department.packaging),
                COLOURS[rng.choice([name for name in department.colours if name != colour])],
            ),
            price=variants[0].price if variants else price,
            stock=sum(variant.stock for variant in variants) if variants else stock,
            # One in five came within the 90 days that the shoppers' past covers, one after the other.
            added_days=round(rng.uniform(0.1, 90) if rng.random() < 1 / 5 else rng.uniform(95, 700), 2),
            attributes=(
                (Text("Brand", "品牌"), brand.name),
                *((_SHOWN[name], shown[name]) for name in kind.shows if not (name == "pattern" and pattern == "plain")),
                *([(Text("Material", "材质"), material.made)] if material else []),
                *facts.values(),
                *((_SAID[name], word) for name, word in sort.words.items() if name in _SAID and name not in facts),
                *nutrients.values(),
            ),
            choice=sort.choice.name if sort.choice else None,
            variants=variants,
        )


_SHOWN = {"style": Text("Style", "风格"), "colour": Text("Colour", "颜色"), "pattern": Text("Pattern", "图案")}
_SAID = {
    "ingredients": Text("Ingredients", "配料"),
    "allergens": Text("Allergens", "过敏原"),
    "diet": Text("Diet", "饮食类型"),
}


def _price(
    department: Department, kind: Kind, sort: Type, brand: Brand, grades: dict[str, int], rng: random.Random
) -> Decimal:
    """The kind's range, placed by how fine the facts are, times the brand's level and the type's factor."""
    low, high = kind.prices
    steps = sum(len(fact.values) - 1 for fact in sort.facts)
    place = (sum(grades.values()) / steps + rng.random()) / 2 if steps else rng.random()
    return _rounded((low + (high - low) * place**1.3) * brand.level * sort.factor, department.endings, rng)


def _rounded(pounds: float, endings: tuple[str, ...], rng: random.Random) -> Decimal:
    """A price as shops write them: whole pounds above 100, and one of the department's endings below."""
    whole = Decimal(max(2, round(pounds)))
    return whole if whole >= 100 else whole + Decimal(rng.choice(endings))


def _ending_like(price: Decimal, amount: Decimal) -> Decimal:
    """The amount, ending as the price does: a bag at 4.95 makes a sack at 16.95; whole pounds above 100."""
    whole = Decimal(round(amount))
    return whole if whole >= 100 else whole + price - Decimal(round(price))


def _variants(upc: str, choice: Choice, price: Decimal, rng: random.Random) -> Iterator[Variant]:
    """A run of the choice's values; one in eight is sold out, and now and then all of them are."""
    count = min(rng.randint(*choice.span), len(choice.values))
    start = rng.randint(0, len(choice.values) - count) if len(set(choice.costs)) == 1 else 0
    gone = rng.random() < 0.02
    for number in range(start, start + count):
        factor = Decimal(str(choice.costs[number]))
        yield Variant(
            upc=f"{upc}-{number + 1}",
            value=choice.values[number],
            price=price if factor == 1 else _ending_like(price, price * factor),
            stock=0 if gone or rng.random() < 1 / 8 else rng.randint(2, 40),
        )
