"""The demo's own catalogue: an invented shop for outdoors and home, the same on every machine.

``generate(size, seed)`` walks the 24 kinds of product in ``catalogue.toml`` in turn, so any size covers every
department, and draws for each product a brand that makes this kind, a model name from that brand, a colour, a material
and the kind's own facts. Price is the kind's range placed by the brand's price level, its facts' grade and a little
chance. Everything a shopper could care about (department, kind, brand, style, price, colour) is written in the title,
the attributes or the description, so that taste can be learnt from content as well as from behaviour. One product in
seven is a new arrival of the last 45 days. All names are made up.
"""

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Brand:
    """A maker: ``style`` is its character, ``level`` multiplies prices, ``models`` are its product names."""

    name: str
    style: str
    level: float
    models: list[str]
    voice: str


@dataclass(frozen=True)
class Kind:
    """One kind of product: leaf of the category tree, its price range and what is said about it."""

    department: str
    name: str
    nouns: list[str]
    shape: str
    prices: list[int]  # low, high
    materials: list[str]
    facts: dict[str, list[str]]  # attribute name → values from plain to fine
    lines: list[str]  # what it does well; one or two are used
    coloured: bool = True  # coffee has a roast, not a colour


@dataclass(frozen=True)
class Product:
    """One product of the demo. ``added_days`` is its age in days, counted back from the day of loading."""

    upc: str
    title: str
    description: str
    department: str
    kind: str
    brand: str
    style: str
    colour: str
    material: str
    shape: str
    price: Decimal
    stock: int
    added_days: float
    facts: dict[str, str] = field(default_factory=dict)
    coloured: bool = True  # otherwise the colour is only that of the packet


_DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))

COLOURS: dict[str, str] = _DATA["colours"]
STYLES: dict[str, dict[str, list[str]]] = _DATA["styles"]  # each with its colours and closing sentences
BRANDS: dict[str, list[Brand]] = {}
for _row in _DATA["brands"]:
    BRANDS.setdefault(_row.pop("department"), []).append(Brand(**_row))
KINDS = tuple(Kind(**_row) for _row in _DATA["kinds"])
DEPARTMENTS = tuple(dict.fromkeys(kind.department for kind in KINDS))


def generate(size: int = 400, seed: int = 7) -> list[Product]:
    """``size`` products, the same for the same seed; UPCs are ``FH00001`` onwards and titles are unique."""
    rng = random.Random(seed)
    return list(_products(size, rng))


def _products(size: int, rng: random.Random) -> Iterator[Product]:
    taken: set[str] = set()
    for number in range(size):
        kind = KINDS[number % len(KINDS)]
        brand = rng.choice(BRANDS[kind.department])
        colour = rng.choice(STYLES[brand.style]["colours"]) if rng.random() < 0.8 else rng.choice(tuple(COLOURS))
        material = rng.choice(kind.materials)
        grades = {name: rng.randrange(len(values)) for name, values in kind.facts.items()}
        facts = {name: kind.facts[name][grade] for name, grade in grades.items()}
        noun = rng.choice(kind.nouns)
        trait = colour.lower() if kind.coloured else next(iter(facts.values()))
        title = _title(brand, noun, trait, rng, taken)
        yield Product(
            upc=f"FH{number + 1:05d}",
            title=title,
            description=_description(brand, kind, noun, trait, material, facts, rng),
            department=kind.department,
            kind=kind.name,
            brand=brand.name,
            style=brand.style,
            colour=colour,
            material=material,
            shape=kind.shape,
            price=_price(brand, kind, grades, rng),
            stock=0 if rng.random() < 0.03 else rng.randint(3, 120),
            added_days=round(rng.uniform(0.1, 45) if rng.random() < 1 / 7 else rng.uniform(95, 700), 2),
            facts=facts,
            coloured=kind.coloured,
        )


def _title(brand: Brand, noun: str, trait: str, rng: random.Random, taken: set[str]) -> str:
    """Brand, model, noun and colour; the model gets a mark (II, III …) where the name is taken."""
    model = rng.choice(brand.models)
    for mark in ("", " II", " III", " IV", *(f" {number}" for number in range(5, 10_000))):
        title = f"{brand.name} {model}{mark} {noun}, {trait}"
        if title not in taken:
            taken.add(title)
            return title
    raise ValueError(f"no free title left for {brand.name} {model} {noun}")


def _price(brand: Brand, kind: Kind, grades: dict[str, int], rng: random.Random) -> Decimal:
    """The kind's range, placed by how fine the facts are, times the brand's level; ends in .00, .50 or .95."""
    low, high = kind.prices
    steps = sum(len(values) - 1 for values in kind.facts.values())
    place = (sum(grades.values()) / steps + rng.random()) / 2
    pounds = max(3, round((low + (high - low) * place**1.3) * brand.level))
    return Decimal(pounds) + rng.choice((Decimal("0.00"), Decimal("-0.05"), Decimal("0.50")))


def _description(
    brand: Brand, kind: Kind, noun: str, trait: str, material: str, facts: dict[str, str], rng: random.Random
) -> str:
    plural = noun.endswith("s")
    these = "these" if plural else "this"
    opening = rng.choice(
        (
            f"{_article(brand.style, plural)} {noun} in {material}, {brand.voice}.",
            f"From {brand.name}, {brand.voice}: {_article(material, plural, capital=False)} {noun} in {trait}.",
            f"{brand.name} makes {these} {noun} from {material}, {brand.voice}.",
        )
        if kind.coloured
        else (
            f"{_article(brand.style, plural)} {noun} from {brand.name}, {brand.voice}: {material}, {trait}.",
            f"{material.capitalize()}, {trait}: {brand.name} makes {these} {noun}, {brand.voice}.",
        )
    )
    details = "; ".join(f"{name.lower()}: {value}" for name, value in facts.items())
    lines = rng.sample(kind.lines, k=rng.choice((1, 2)))
    closing = rng.choice(STYLES[brand.style]["closings"])
    return " ".join([opening, *lines, f"{details[0].upper()}{details[1:]}.", *([closing] if kind.coloured else [])])


def _article(word: str, plural: bool, capital: bool = True) -> str:
    """The word with "a" or "an" before it, or alone before a plural."""
    text = word if plural else f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
    return text[0].upper() + text[1:] if capital else text
