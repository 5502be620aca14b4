"""Titles and descriptions, in both languages at once: the same sentences in the same order.

A description follows one of many plans: which sorts of sentence, in which order. Each sort is dealt from a deck, so
that products of a kind repeat each other as little as the plan's sentences allow.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from shop_demo.catalogue.plan import PATTERNS, Brand, Department, Kind, Text, Type

T = TypeVar("T")
PLANS = (
    "opening line",
    "opening line fact",
    "line line",
    "line fact brand",
    "opening fact closing",
    "line brand closing",
    "fact line line",
    "opening line brand fact",
    "line closing",
    "opening line line fact closing",
    "brand line fact",
    "line opening fact",
    "line line closing",
)
TRIES = 500


class Deck(Generic[T]):
    """Deals all cards in a random order before any comes again."""

    def __init__(self, cards: Sequence[T], rng: random.Random) -> None:
        self.cards, self.rng = list(cards), rng
        self.left: list[T] = []

    def draw(self, wanted: Callable[[T], bool] = lambda card: True) -> T | None:
        """The next card that is wanted; nothing where none is."""
        for _ in range(2):
            for place, card in enumerate(self.left):
                if wanted(card):
                    return self.left.pop(place)
            self.left += self.rng.sample(self.cards, len(self.cards))
        return None


class Writer:
    """Writes the texts of one kind's products, none of them twice."""

    def __init__(self, department: Department, kind: Kind, rng: random.Random) -> None:
        self.kind, self.department = kind, department
        self.models, self.plans = Deck(kind.models, rng), Deck(PLANS, rng)
        self.openings, self.facts = Deck(kind.openings, rng), Deck(kind.fact_lines, rng)
        self.closings = Deck(department.closings, rng)
        self.lines = {sort.noun: Deck((*sort.lines, *kind.lines), rng) for sort in kind.types}
        self.brands = {brand.name: Deck(brand.lines, rng) for brand in department.brands}
        self.taken: set[str] = set()

    def write(self, sort: Type, brand: Brand, words: dict[str, Text], pattern: str) -> tuple[Text, Text]:
        """Title and description of a product that these words are true of."""
        for _ in range(TRIES):
            model = self.models.draw(lambda model: model.en not in brand.name.en)
            words = words | _phrases(sort, model)
            said = words | {"pattern": Text("", "") if pattern == "plain" else PATTERNS[pattern]}
            title = _tidy(self.kind.title.filled(_lowered(said, "colour")))
            if not self.taken & set(title):
                break
        else:
            raise ValueError(f"no free title left for {sort.noun.en} by {brand.name.en}")
        for _ in range(TRIES):
            description = self._description(sort, brand, _with_capitals(_lowered(words, "colour")))
            if not self.taken & set(description):
                self.taken |= {*title, *description}
                return title, description
        raise ValueError(f"no new description left for {title.en}")

    def _description(self, sort: Type, brand: Brand, words: dict[str, Text]) -> Text:
        decks = {
            "opening": self.openings,
            "line": self.lines[sort.noun],
            "fact": self.facts,
            "brand": self.brands[brand.name],
            "closing": self.closings,
        }
        plan = self.plans.draw().split()
        if self.department.always_closes and "closing" not in plan:
            plan.append("closing")
        said: list[Text] = []
        for part in plan:
            line = decks[part].draw(lambda line: line.slots <= words.keys() and line not in said)
            if line is not None:
                said.append(line)
        filled = [line.filled(words) for line in said]
        return Text(" ".join(line.en for line in filled), _spaced("".join(line.zh for line in filled)))


def _phrases(sort: Type, model: Text) -> dict[str, Text]:
    """The noun as sentences need it."""
    noun = sort.noun
    is_vowel = noun.en[0].lower() in "aeiou" or noun.en.startswith("LED")
    phrase = f"{'an' if is_vowel else 'a'} {noun.en}" if sort.countable else noun.en
    return {"noun": noun, "a": Text(phrase, noun.zh), "model": model}


def _lowered(words: dict[str, Text], name: str) -> dict[str, Text]:
    return words | {name: Text(words[name].en.lower(), words[name].zh)}


def _with_capitals(words: dict[str, Text]) -> dict[str, Text]:
    """The words, and each with a capital letter under its name with a capital letter."""
    return words | {
        name[0].upper() + name[1:]: Text(word.en[:1].upper() + word.en[1:], word.zh) for name, word in words.items()
    }


def _tidy(title: Text) -> Text:
    return Text(*(re.sub(r"\s+", " ", form).strip() for form in title))


def _spaced(chinese: str) -> str:
    """With a space between Chinese and what is not, as typesetters have it.

    >>> _spaced("尺寸24 cm，棉100%有机")
    '尺寸 24 cm，棉 100% 有机'
    """
    return re.sub(r"(?<=[一-鿿])(?=[A-Za-z0-9£])|(?<=[A-Za-z0-9%])(?=[一-鿿])", " ", chinese)
