"""Placements: the defaults, what a project lays over them, and mistakes in either."""

import contextlib
import threading
import time

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from django.utils import translation

from coldrec.core.types import Kind
from coldrec.models import Placement as Row
from coldrec.models import Shop
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


@override_settings(COLDREC={"PLACEMENTS": {"home": {"minimum": 4, "layout": "carousel"}}})
def test_a_project_says_how_few_are_enough_and_how_they_stand():
    home = placements.get("home")
    assert (home.minimum, home.layout, home.size) == (4, "carousel", 12)


@pytest.fixture
def staff_set(db):
    """What staff set in the admin, as rows of a shop."""
    shops: dict[str, Shop] = {}

    def write(name, shop="default", **said):
        owner = shops.setdefault(shop, Shop.objects.get_or_create(key=shop)[0])
        return Row.objects.update_or_create(shop=owner, name=name, defaults=said)[0]

    placements.reset()
    yield write
    placements.reset()


class TestRows:
    @override_settings(COLDREC={"PLACEMENTS": {"home": {"size": 3, "title": "From the settings"}}})
    def test_staff_have_the_last_word_on_what_they_say_and_no_word_on_the_rest(self, staff_set):
        row = staff_set("home", layout="carousel", minimum=2)
        home = placements.get("home")
        assert (home.size, str(home.title)) == (3, "From the settings")
        assert (home.layout, home.minimum, home.kind) == ("carousel", 2, Kind.PERSONAL)
        staff_set("home", size=5, titles={"en": "For you"})
        assert (placements.get("home").size, str(placements.get("home").title)) == (5, "For you")
        row.delete()
        assert placements.get("home") == placements.from_settings()["home"], "deleting the row is the way back"

    def test_a_new_place_needs_a_kind_alone(self, staff_set):
        staff_set("footer", kind="trending")
        footer = placements.get("footer")
        assert (footer.kind, footer.size, footer.minimum, str(footer.title)) == (Kind.TRENDING, 12, 1, "")

    def test_a_list_can_be_left_out(self, staff_set):
        staff_set("home", is_shown=False)
        assert not placements.get("home").is_shown and placements.get("trending").is_shown

    @pytest.mark.parametrize(
        ("language", "title"),
        [
            ("en", "For you"),
            ("en-gb", "For you, dear"),
            ("en-au", "For you"),
            ("zh-hans", "为你"),
            ("de", "Recommended for you"),
        ],
    )
    def test_a_title_is_in_the_language_its_base_or_the_defaults(self, staff_set, language, title):
        staff_set("home", titles={"en": "For you", "en-GB": "For you, dear", "zh-hans": "为你", "de": ""})
        with translation.override(language):
            assert str(placements.get("home").title) == title

    def test_a_place_without_any_other_title_speaks_the_language_it_has(self, staff_set):
        staff_set("footer", kind="new", titles={"zh-hans": "页脚"})
        with translation.override("en"):
            assert str(placements.get("footer").title) == "页脚"

    def test_shops_set_their_own(self, staff_set):
        staff_set("home", size=2)
        staff_set("home", shop="other", size=9)
        other = Shop.objects.get(key="other")
        assert (placements.get("home").size, placements.get("home", other).size) == (2, 9)

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"kind": "best"}, "kind 'best'"),
            ({"size": 0}, "size 0; allowed are 1 to 100"),
            ({"minimum": 500}, "minimum 500; allowed are 0 to 100"),
            ({"layout": "heap"}, "layout 'heap'; allowed are grid, carousel"),
            ({"titles": ["For you"]}, "give words by language code"),
            ({"titles": {"en": 7}}, "give words by language code"),
        ],
    )
    def test_a_wrong_row_is_logged_and_passed_over(self, staff_set, caplog, wrong, told):
        staff_set("home", **wrong)
        staff_set("trending", size=4)
        known = placements.all_placements()
        assert known["home"] == placements.DEFAULT_PLACEMENTS["home"] and known["trending"].size == 4
        assert told in caplog.text

    def test_a_new_place_of_no_kind_is_none(self, staff_set, caplog):
        staff_set("footer", size=4)
        assert "footer" not in placements.all_placements() and "'footer' has kind ''" in caplog.text

    def test_each_layer_is_told(self, staff_set):
        assert set(placements.layers("home", None).values()) == {"default"}
        row = staff_set("home", size=5, is_shown=False, titles={"en": ""})
        with override_settings(COLDREC={"PLACEMENTS": {"home": {"size": 3, "title": "Ours"}}}):
            told = placements.layers("home", row)
        assert told == {
            "kind": "default",
            "size": "here",
            "minimum": "default",
            "layout": "default",
            "title": "settings",
            "is_shown": "here",
        }
        assert set(placements.layers("home", staff_set("home", titles=["broken"])).values()) <= {"default", "here"}


class TestKeeping:
    """What is read once is kept: a page's look-up costs no query."""

    @pytest.fixture(autouse=True)
    def _a_minute(self):
        with override_settings(COLDREC={"REFRESH_SECONDS": 60.0}):
            yield

    def test_rows_are_read_once(self, db, django_assert_num_queries):
        known = placements.all_placements()
        with django_assert_num_queries(0):
            assert placements.all_placements() is known and placements.get("home") is known["home"]

    @pytest.mark.django_db(transaction=True)
    def test_a_change_counts_at_once_here_and_costs_one_query(self, staff_set, django_assert_num_queries):
        assert placements.get("home").size == 12
        staff_set("home", size=5)
        with django_assert_num_queries(1):
            assert placements.get("home").size == placements.get("home").size == 5
        Row.objects.get().delete()
        assert placements.get("home").size == 12

    @pytest.mark.django_db(transaction=True)
    def test_a_change_elsewhere_counts_after_a_while(self, staff_set, monkeypatch):
        assert placements.get("home").size == 12
        staff_set("home")
        assert placements.get("home").size == 12
        Row.objects.update(size=5)  # as by another process: no signal comes here
        assert placements.get("home").size == 12
        now = time.monotonic() + 61
        monkeypatch.setattr(placements.time, "monotonic", lambda: now)
        assert placements.get("home").size == 5

    @pytest.mark.django_db(transaction=True)
    def test_a_change_that_is_undone_was_never_kept(self, staff_set):
        assert placements.get("home").size == 12
        with contextlib.suppress(ZeroDivisionError), transaction.atomic():
            staff_set("home", size=5)
            assert placements.get("home").size == 5, "whoever changes it sees it"
            assert other_thread(lambda: placements.get("home").size) == 12, "and nobody else"
            raise ZeroDivisionError
        assert placements.get("home").size == 12

    @pytest.mark.django_db(transaction=True)
    def test_a_change_made_while_the_rows_are_read_is_not_missed(self, staff_set, monkeypatch):
        read = placements._laid_over

        def slowly(*asked):
            found = read(*asked)
            monkeypatch.setattr(placements, "_laid_over", read)
            staff_set("home", size=5)
            return found

        monkeypatch.setattr(placements, "_laid_over", slowly)
        assert placements.get("home").size == 12, "read before"
        assert placements.get("home").size == 5

    @pytest.mark.django_db(transaction=True)
    def test_one_of_many_threads_looks_and_the_others_go_on(self, staff_set, monkeypatch):
        staff_set("home", size=5)
        placements.get("home")
        looks, started, go_on = [], threading.Event(), threading.Event()
        read = placements._laid_over

        def slowly(*asked):
            looks.append(1)
            started.set()
            assert go_on.wait(20)
            return read(*asked)

        monkeypatch.setattr(placements, "_laid_over", slowly)
        placements._kept["default"] = placements._Kept(placements.from_settings(), looked=time.monotonic() - 100)
        looker = threading.Thread(target=lambda: (placements.get("home"), connection.close()))
        looker.start()
        assert started.wait(20)
        assert other_thread(lambda: placements.get("home").size) == 12, "nobody waits for the one who looks"
        go_on.set()
        looker.join(20)
        assert placements.get("home").size == 5 and len(looks) == 1

    def test_without_the_table_the_settings_count(self, db, monkeypatch, caplog):
        def fail(*_args, **_kwargs):
            raise DatabaseError("no such table")

        placements.reset()
        monkeypatch.setattr(Row.objects, "filter", fail)
        assert placements.all_placements() == placements.from_settings()
        assert "no such table" in caplog.text

    @pytest.mark.postgres
    def test_a_failing_look_spoils_no_transaction(self, db, monkeypatch):
        placements.reset()
        monkeypatch.setattr(Row._meta, "db_table", "coldrec_no_such_table")
        assert placements.get("home").size == 12
        assert Shop.objects.count() == 0, "the page's own queries go on"


def other_thread(ask):
    """What ``ask`` gives in another thread, with a connection of its own."""
    found = []

    def run():
        found.append(ask())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    return found[0]
