"""Nutrients per 100 g or 100 ml, as food labels in Britain and the EU state them."""

from __future__ import annotations

import random

from shop_demo.catalogue.plan import Text, text

UNITS = {"g": "克", "ml": "毫升"}
NAMES = {
    "nutrients": Text("Nutrients", "营养成分"),  # heads the others and says of how much
    "energy": Text("Energy", "能量"),
    "fat": Text("Fat", "脂肪"),
    "saturates": Text("of which saturates", "其中饱和脂肪"),
    "carbohydrate": Text("Carbohydrate", "碳水化合物"),
    "sugars": Text("of which sugars", "其中糖"),
    "fibre": Text("Fibre", "膳食纤维"),
    "protein": Text("Protein", "蛋白质"),
    "salt": Text("Salt", "盐"),
}
KILOJOULES = {"fat": 37, "carbohydrate": 17, "protein": 17, "fibre": 8}  # of a gram; Regulation (EU) 1169/2011
KILOCALORIES = {"fat": 9, "carbohydrate": 4, "protein": 4, "fibre": 2}


def nutrients(profile: tuple[float, ...], per: str, rng: random.Random) -> dict[str, tuple[Text, Text]]:
    """Name and value by key: the profile, a little different for each product, and the energy that follows from it."""
    fat, saturates, carbohydrate, sugars, fibre, protein, salt = (
        amount * rng.uniform(0.97, 1.03) for amount in profile
    )
    grams = {
        "fat": round(fat, 1),
        "saturates": round(min(saturates, fat), 1),
        "carbohydrate": round(carbohydrate, 1),
        "sugars": round(min(sugars, carbohydrate), 1),
        "fibre": round(fibre, 1),
        "protein": round(protein, 1),
        "salt": round(salt, 2),
    }
    kilojoules = round(sum(grams[name] * energy for name, energy in KILOJOULES.items()))
    kilocalories = round(sum(grams[name] * energy for name, energy in KILOCALORIES.items()))
    values = {
        "nutrients": Text(f"per 100 {per}", f"每 100 {UNITS[per]}"),
        "energy": text(f"{kilojoules:,} kJ / {kilocalories} kcal"),
        **{key: text(f"{amount:g} g") for key, amount in grams.items()},
    }
    return {key: (NAMES[key], value) for key, value in values.items()}
