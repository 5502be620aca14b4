"""Placements: the defaults, what a project lays over them, and mistakes in either."""

import pytest
from django.test import override_settings

from coldrec.core.types import Kind
from coldrec.services import placements


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("home", Kind.PERSONAL),
        ("product_similar", Kind.SIMILAR),
        ("product_together", Kind.TOGETHER),
        ("basket", Kind.TOGETHER),
        ("recently_viewed", Kind.RECENT),
        ("trending", Kind.TRENDING),
        ("new_arrivals", Kind.NEW),
    ],
)
def test_the_seven_places_are_there_without_settings(name, kind):
    place = placements.get(name)
    assert (place.name, place.kind) == (name, kind)
    assert place.size > 0 and str(place.title)


@override_settings(COLDREC={"PLACEMENTS": {"home": {"size": 3}, "footer": {"kind": "trending", "title": "Loved"}}})
def test_a_project_changes_a_place_and_adds_its_own():
    home, footer = placements.get("home"), placements.get("footer")
    assert (home.size, home.kind) == (3, Kind.PERSONAL), "what is not given stays"
    assert (footer.kind, footer.size, footer.title) == (Kind.TRENDING, 12, "Loved")
    assert placements.DEFAULT_PLACEMENTS["home"].size == 12, "the defaults themselves are untouched"


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("hme", "did you mean 'home'?"),
        ("product_simlar", "did you mean 'product_similar'?"),
        ("zzz", "known are basket"),
    ],
)
def test_an_unknown_place_names_the_nearest(asked, hint):
    with pytest.raises(placements.PlacementError) as caught:
        placements.get(asked)
    assert hint in str(caught.value) and repr(asked) in str(caught.value)


@pytest.mark.parametrize("changes", [{"kind": "best"}, {"size": 4}])
def test_a_place_of_no_kind_is_told_the_kinds(changes):
    with (
        override_settings(COLDREC={"PLACEMENTS": {"footer": changes}}),
        pytest.raises(placements.PlacementError, match="allowed are personal, similar"),
    ):
        placements.all_placements()
