"""What the tests of heads learn from: reviews whose words have a hidden worth, and items that are asked about."""

from __future__ import annotations

import string

import numpy as np

from coldrec.core.types import Item

WORDS = list(string.ascii_lowercase + string.digits)
WORTH = dict(zip(WORDS, np.random.default_rng(0).permutation(np.linspace(-1, 1, len(WORDS))), strict=True))

ASKED = {
    "colour": ("What colour is it?", "Which colour does it have?", "Is it red or blue?", "In what shade does it come?"),
    "weight": ("How heavy is it?", "What does it weigh?", "How many kilograms is it?", "Is it light to carry?"),
    "material": ("What is it made of?", "Which material is it?", "Is it leather or plastic?", "What stuff is it from?"),
    "brand": ("Who makes it?", "Which brand is it?", "What company is it from?", "Who is the manufacturer?"),
    "battery_life": (
        "How long does the battery last?",
        "How many hours does it run on one charge?",
        "What is the battery life?",
        "When must I charge it again?",
    ),
    "care": ("How do I clean it?", "Can it go in the washing machine?", "How is it washed?", "Is it dishwasher safe?"),
    "warranty": (
        "How long is the guarantee?",
        "Is there a warranty?",
        "For how many years is it covered?",
        "Warranty?",
    ),
    "size": ("How big is it?", "What size is it?", "What are its measures?", "How wide and tall is it?"),
}
"""Four ways to ask for each field; the last is never shown in training."""
VALUES = {
    "colour": ("red", "navy blue", "green", "black"),
    "weight": ("2 kg", "350 g", "12 kg", "80 g"),
    "material": ("oak", "cotton", "stainless steel", "leather"),
    "brand": ("Acme", "Nordwind", "Fellow", "Kestrel"),
    "battery_life": ("8 hours", "30 hours", "2 days", "90 minutes"),
    "care": ("hand wash", "wipe with a damp cloth", "machine wash at 30 degrees", "dry clean"),
    "warranty": ("2 years", "5 years", "6 months", "lifetime"),
    "size": ("30 x 20 cm", "XL", "1.8 m", "42"),
}


def reviews(number: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Texts of six words, and the sum of what their words are worth."""
    words = rng.choice(WORDS, (number, 6))
    return [" ".join(row) for row in words], np.array([sum(WORTH[word] for word in row) for row in words])


def questions(number: int, rng: np.random.Generator, *, ways: tuple[int, ...]) -> tuple[list, list, list]:
    """Questions about items with half of all fields; the field that answers, "" where the item does not have it."""
    asked, items, fields = [], [], []
    for at in range(number):
        known = rng.permutation(list(ASKED))[: len(ASKED) // 2]
        own = {str(name): str(rng.choice(VALUES[name])) for name in known}
        brand = own.pop("brand", "")
        items.append(Item(f"{at}", title="Thing", brand=brand, attributes=own))
        wanted = str(rng.choice(list(ASKED)))
        asked.append(ASKED[wanted][rng.choice(ways)])
        fields.append(wanted if wanted in known else "")
    return asked, items, fields
