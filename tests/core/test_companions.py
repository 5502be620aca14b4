"""What goes with an item and what could stand in for it, told apart by the relations of the graph."""

from __future__ import annotations

import pytest

from coldrec.core import pipeline
from coldrec.core.dataset import make_dataset
from coldrec.core.model import Model
from coldrec.core.training.fit import fit
from coldrec.core.types import Item, Kind, Reason, Request, Triple


def _item(name: str, kind: str, brand: str = "Acme", **attributes: str) -> Item:
    return Item(name, title=f"{kind} {name}", brand=brand, category=("photo", kind), attributes=attributes)


CAMERAS = [_item(f"camera{n}", "camera", sensor="full", mount="E" if n < 4 else "Z") for n in range(8)]
LENSES = [_item(f"lens{n}", "lens", mount="E" if n < 4 else "Z", glass="ED") for n in range(8)]
BAGS = [_item(f"bag{n}", "bag", brand="Sack", colour="black") for n in range(8)]
TWIN = _item("camera0-silver", "camera", sensor="full", mount="E")
TRIPLES = [
    *(Triple(f"item:lens{n}", "fits_with", f"item:camera{n}") for n in range(4)),
    Triple("item:bag0", "accessory_of", "item:camera0"),
    Triple("item:camera1", "fits_with", "item:camera0"),  # alike all the same: two bodies that share a battery
    Triple("item:camera0", "variant_of", "variant_group:c0"),
    Triple("item:camera0-silver", "variant_of", "variant_group:c0"),
]


def _model(tmp_path_factory, events=()) -> Model:
    data = make_dataset([*CAMERAS, *LENSES, *BAGS, TWIN], events, TRIPLES)
    return Model.of(fit(data, tmp_path_factory.mktemp("companions") / "model"))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory) -> Model:
    """A shop where nobody has done anything."""
    return _model(tmp_path_factory)


@pytest.fixture(scope="module")
def busy(tmp_path_factory) -> Model:
    """Who looks at camera 0 looks at lens 0 and bag 5 as well; lens 3, camera 0's twin and bag 7 are new."""
    events = [(f"v{n}", item, 1.0, 1.7e9 + n) for n in range(60) for item in ("camera0", "lens0", "bag5")]
    events += [(f"w{n}", f"{kind}{n % 7}", 1.0, 1.7e9 + n) for n in range(30) for kind in ("camera", "bag")]
    events += [(f"w{n}", f"lens{n % 3}", 1.0, 1.7e9 + n) for n in range(30)]
    return _model(tmp_path_factory, events)


def _listed(model: Model, kind: Kind, seed: str, k: int = 6) -> dict[str, Reason]:
    (found,) = pipeline.recommend(model, [Request(kind=kind, seeds=(seed,))], k)
    return {one.item: one.reason for one in found}


def test_what_fits_goes_with_it_and_does_not_stand_in_for_it(quiet):
    together, similar = (_listed(quiet, kind, "camera0", 12) for kind in (Kind.TOGETHER, Kind.SIMILAR))
    assert {"lens0", "bag0"} <= set(together) and together["lens0"] == Reason("goes_with", ("camera0",))
    assert not {"lens0", "bag0"} & {item for item, reason in similar.items() if reason.kind == "similar"}
    assert "camera1" in similar, "it fits with the other and is its like"
    assert "camera0-silver" in similar and "camera0-silver" not in together
    assert next(iter(similar)) == "camera0-silver", "a variant is the next best thing"


def test_a_new_item_goes_with_what_its_like_goes_with(quiet, busy):
    assert "lens2" in _listed(quiet, Kind.TOGETHER, "camera0", 12), "like lens 0, which fits"
    together = _listed(busy, Kind.TOGETHER, "camera0")
    assert together["bag5"].kind == "together"
    assert together.get("lens3", Reason("")).kind == "goes_with", "nobody has bought it yet"
    assert "bag7" in _listed(busy, Kind.TOGETHER, "camera0", 12)


def test_what_is_too_new_to_have_companions_asks_its_like(quiet):
    late = _item("late", "camera", sensor="full", mount="E")
    model = quiet.extend([late])
    assert {"lens0", "lens1"} & set(_listed(model, Kind.TOGETHER, "late", 12))


def test_an_edge_that_comes_with_a_new_item_counts_at_once(busy):
    cap = _item("cap", "cap", brand="Lid", colour="black")
    model = busy.extend([cap], [Triple("item:cap", "accessory_of", "item:camera2")])
    assert "cap" in _listed(model, Kind.TOGETHER, "camera2")
    assert "camera2" in _listed(model, Kind.TOGETHER, "cap")
    assert _listed(model, Kind.SIMILAR, "camera2", 30).get("cap", Reason("")).kind != "similar"
    assert "cap" not in _listed(busy.extend([cap]), Kind.TOGETHER, "camera2")
