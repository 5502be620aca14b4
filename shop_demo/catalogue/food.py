"""Nutrients per 100 g or 100 ml, as food labels in Britain and the EU state them."""

from __future__ import annotations

import random

from shop_demo.catalogue.plan import Text, text

UNITS = {"g": "克", "ml": "毫升"}
NAMES = {
    "energy": Text("Energy", "能量"),
    "fat": Text("Fat", "脂肪"),
    "saturates": Text("Saturates", "其中饱和脂肪"),
    "carbohydrate": Text("Carbohydrate", "碳水化合物"),
    "sugars": Text("Sugars", "其中糖"),
    "fibre": Text("Fibre", "膳食纤维"),
    "protein": Text("Protein", "蛋白质"),
    "salt": Text("Salt", "盐"),
}
KILOJOULES = {"fat": 37, "carbohydrate": 17, "protein": 17, "fibre": 8}  # of a gram; Regulation (EU) 1169/2011
KILOCALORIES = {"fat": 9, "carbohydrate": 4, "protein": 4, "fibre": 2}


def nutrients(profile: tuple[float, ...], per: str, rng: random.Random) -> dict[str, tuple[Text, Text]]:
    """Name and value by key: the profile, a little different for each product, and the energy that follows from it."""
    fat, saturates, carbohydrate, sugars, fibre, protein, salt = (
        amount * rng.uniform(0.94, 1.06) for amount in profile
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
    values = {"energy": f"{kilojoules:,} kJ / {kilocalories} kcal"} | {
        name: f"{amount:g} g" for name, amount in grams.items()
    }
    return {
        key: (Text(f"{NAMES[key].en} (per 100 {per})", f"{NAMES[key].zh}（每 100 {UNITS[per]}）"), text(value))
        for key, value in values.items()
    }
