"""The catalogue's plan as it stands in the TOML files: departments, their brands, kinds and types, and the words.

Every text is a pair of English and Chinese that says the same. A sentence may hold slots such as ``{material}``; it
is used for products that have all of them. A kind inherits openings, facts and the rest from its department, a type
from its kind, unless it says otherwise.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent
DEPARTMENT_FILES = ("fashion", "electronics", "home", "health_food", "finance")


class Text(NamedTuple):
    """The same in English and in Chinese."""

    en: str
    zh: str

    @property
    def slots(self) -> set[str]:
        return {name for text in self for _, name, _, _ in Formatter().parse(text) if name}

    def filled(self, words: dict[str, Text]) -> Text:
        return Text(*(form.format_map({name: word[i] for name, word in words.items()}) for i, form in enumerate(self)))


@dataclass(frozen=True)
class Fact:
    """An attribute: ``key`` is its slot in sentences, ``values`` go from plain to fine."""

    key: str
    name: Text
    values: tuple[Text, ...]


@dataclass(frozen=True)
class Material:
    """``name`` is how a sentence calls it, ``made`` how a label does."""

    name: Text
    made: Text


@dataclass(frozen=True)
class Choice:
    """What a product comes in, such as sizes: ``costs`` are factors of the first one's price."""

    name: Text
    values: tuple[Text, ...]
    costs: tuple[float, ...]
    span: tuple[int, int]  # how many of them a product has


@dataclass(frozen=True)
class Brand:
    """A maker: ``style`` is its character, ``level`` multiplies prices, ``lines`` are told of it."""

    name: Text
    style: str
    level: float
    lines: tuple[Text, ...]
    makes: tuple[str, ...] = ()  # English names of kinds; none: all of them


@dataclass(frozen=True)
class Type:
    """One sort of a kind's products, such as linen shirts among shirts."""

    noun: Text
    shape: str
    countable: bool  # takes "a" in English
    factor: float  # of the kind's price
    materials: tuple[Material, ...]
    facts: tuple[Fact, ...]
    choice: Choice | None
    lines: tuple[Text, ...]
    words: dict[str, Text]  # ingredients, flavour, allergens, diet: what is so of all of them
    nutrients: tuple[float, ...]
    per: str  # g or ml


@dataclass(frozen=True)
class Kind:
    """A leaf of the category tree."""

    name: Text
    title: Text
    prices: tuple[float, float]
    patterns: tuple[str, ...]
    is_coloured: bool
    shows: tuple[str, ...]  # of style, colour and pattern: those that stand among the attributes
    models: tuple[Text, ...]
    openings: tuple[Text, ...]
    lines: tuple[Text, ...]
    fact_lines: tuple[Text, ...]
    types: tuple[Type, ...]


@dataclass(frozen=True)
class Department:
    """One file: its kinds and what they share."""

    name: Text
    intro: Text
    code: str
    products: int
    brands: tuple[Brand, ...]
    kinds: tuple[Kind, ...]
    colours: tuple[str, ...]
    packaging: tuple[str, ...]  # patterns of what has no pattern of its own
    closings: tuple[Text, ...]
    always_closes: bool
    endings: tuple[str, ...]  # of prices

    @cached_property
    def quota(self) -> dict[Text, int]:
        """How many products each kind has."""
        share, rest = divmod(self.products, len(self.kinds))
        return {kind.name: share + (place < rest) for place, kind in enumerate(self.kinds)}


def text(value: str | list[str]) -> Text:
    return Text(value, value) if isinstance(value, str) else Text(*value)


def texts(values: list[Any]) -> tuple[Text, ...]:
    return tuple(text(value) for value in values)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))


def _material(row: list[str] | dict[str, list[str]]) -> Material:
    if isinstance(row, dict):
        return Material(text(row["name"]), text(row["made"]))
    return Material(text(row), text(row))


def _choice(name: str) -> Choice | None:
    if not name:
        return None
    row = _SHARED["variants"][name]
    values = texts(row["values"])
    return Choice(text(row["name"]), values, tuple(row.get("costs", [1.0] * len(values))), tuple(row["span"]))


def _facts(names: list[str], known: dict[str, Any], values: dict[str, list[Any]]) -> tuple[Fact, ...]:
    facts = []
    for name in names:
        row = known[name]
        key = row.get("key", name)
        facts.append(Fact(key, text(row["name"]), texts(values.get(key, row["values"]))))
    return tuple(facts)


def _type(row: dict[str, Any], kind: dict[str, Any], department: dict[str, Any]) -> Type:
    said = {name: row.get(name) or kind.get(name) for name in ("ingredients", "flavour", "allergens", "diet")}
    return Type(
        noun=text(row["noun"]),
        shape=row["shape"],
        countable=not (row.get("plural") or row.get("mass")),
        factor=row.get("factor", 1.0),
        materials=tuple(_material(department["materials"][name]) for name in row.get("materials", [])),
        facts=_facts(row.get("facts", kind["facts"]), department["facts"], row.get("values", {})),
        choice=_choice(row.get("variants", kind.get("variants", ""))),
        lines=texts(row["lines"]),
        words={name: text(value) for name, value in said.items() if value},
        nutrients=tuple(row.get("nutrients", ())),
        per=kind.get("per", "g"),
    )


def _kind(row: dict[str, Any], department: dict[str, Any]) -> Kind:
    def own(name: str, default: Any = ()) -> Any:
        return row.get(name, department.get(name, default))

    return Kind(
        name=text(row["name"]),
        title=text(own("title")),
        prices=tuple(row["price"]),
        patterns=tuple(row.get("patterns", ["plain"])),
        is_coloured=own("coloured", True),
        shows=tuple(own("shows")),
        models=texts(own("models")),
        openings=texts(own("openings")),
        lines=texts(row["lines"]),
        fact_lines=texts(own("fact_lines")),
        types=tuple(_type(one, row, department) for one in row["types"]),
    )


def _department(name: str) -> Department:
    row = _read(name)
    return Department(
        name=text(row["name"]),
        intro=text(row["intro"]),
        code=row["code"],
        products=row["products"],
        brands=tuple(
            Brand(
                name=Text(one["name"], one.get("name_zh", one["name"])),
                style=one["style"],
                level=one["level"],
                lines=texts(one["lines"]),
                makes=tuple(one.get("makes", ())),
            )
            for one in row["brands"]
        ),
        kinds=tuple(_kind(one, row) for one in row["kinds"]),
        colours=tuple(row["colours"]),
        packaging=tuple(row.get("packaging", ["plain"])),
        closings=texts(row["closings"]),
        always_closes=row.get("always_closing", False),
        endings=tuple(row["endings"]),
    )


_SHARED = _read("shared")
COLOURS: dict[str, str] = {name: shade for name, (_, shade) in _SHARED["colours"].items()}
COLOUR_NAMES = {name: Text(name, chinese) for name, (chinese, _) in _SHARED["colours"].items()}
PATTERNS = {name: text(row) for name, row in _SHARED["patterns"].items()}
STYLES: dict[str, Text] = {name: text(row["name"]) for name, row in _SHARED["styles"].items()}
STYLE_COLOURS: dict[str, list[str]] = {name: row["colours"] for name, row in _SHARED["styles"].items()}
DEPARTMENTS = tuple(_department(name) for name in DEPARTMENT_FILES)
