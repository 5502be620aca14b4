"""What a visitor searched for speaks on their next page, where a language model serves that can read it."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from coldrec import conf
from coldrec.core.training.fit import fit
from coldrec.models import EncoderVersion, Event, ModelVersion, Shop
from coldrec.services import encoders, pasts, placements, serving, visitors
from coldrec.services.recommend import Watch, preview
from tests.core.worlds import two_tastes
from tests.served import HOME, look, put_into_service, serve, share_of, visitor_who

DIMS, PRINT = 4, "print-of-a-model"


@pytest.fixture(scope="module")
def worded(tmp_path_factory):
    """The model of two tastes, with vectors that tell tea from coffee."""
    data = two_tastes()
    vectors = np.array([[3.0, 3.0, 1.0, 0.0] if "tea" in item.id else [3.0, 3.0, 0.0, 1.0] for item in data.items])
    path = tmp_path_factory.mktemp("worded") / "model"
    noise = np.random.default_rng(0).standard_normal(vectors.shape) * 0.05
    fit(replace(data, vectors=(vectors + noise).astype(np.float32), encoder=PRINT), path)
    return path


@pytest.fixture
def heard(monkeypatch):
    """What the language model was asked; to it "brew" is coffee and all else is tea."""
    asked = []

    def query_vectors(version, texts):
        assert version.fingerprint == PRINT
        asked.extend(texts)
        return np.array([[3, 3, 0, 1] if text == "brew" else [3, 3, 1, 0] for text in texts], np.float32)

    monkeypatch.setattr(encoders, "query_vectors", query_vectors)
    return asked


@pytest.fixture
def reading_shop(bare_shop, worded, heard) -> Shop:
    version = EncoderVersion.objects.create(
        shop=bare_shop, number=1, origin="setting", source="x", fingerprint=PRINT, dims=DIMS
    )
    put_into_service(bare_shop, worded)
    ModelVersion.objects.update(encoder=version)
    return bare_shop


def search(visitor, *queries, ago=timedelta(0)):
    now = timezone.now() - ago
    for at, query in enumerate(queries):
        Event.objects.create(
            shop=visitor.shop,
            visitor=visitor,
            event_id=f"s{visitor.pk}{query}{ago}",
            kind="search",
            query=query,
            occurred_at=now - timedelta(seconds=len(queries) - at),
        )


def test_a_visitor_who_only_searched_gets_a_list_about_it(reading_shop, heard):
    visitor = visitor_who(reading_shop)
    (before,) = serve(reading_shop, HOME, visitor=visitor)
    assert before.level == "popular" and not heard
    search(visitor, "brew")
    (after,) = serve(reading_shop, HOME, visitor=visitor)
    assert share_of("coffee", after) > 0.8 > share_of("coffee", before) and after.level == "session"
    assert heard == ["brew"]
    said = {item.id: item.reason.text == "Fits what you searched for" for item in after.items}
    assert said == {item.id: item.id.startswith("coffee") for item in after.items}, "of what it is not true, no word"


def test_without_a_language_model_nothing_is_read_or_asked(shop, heard):
    visitor = visitor_who(shop)
    search(visitor, "brew")
    with CaptureQueriesContext(connection) as ran:
        (served,) = serve(shop, HOME, visitor=visitor)
    assert served.level == "popular" and not heard
    assert not any("'search'" in query["sql"] for query in ran.captured_queries)


def test_the_latest_few_of_the_last_weeks_are_heard_the_latest_first_and_each_once(reading_shop, heard):
    visitor = visitor_who(reading_shop, "tea1")
    search(visitor, "old", ago=pasts.SEARCHED_LATELY + timedelta(days=1))
    search(visitor, *(f"q{at}" for at in range(pasts.SEARCHES + 2)))
    serve(reading_shop, HOME, visitor=visitor)
    assert heard == [f"q{at}" for at in range(pasts.SEARCHES + 1, 1, -1)]
    past = visitors.past(visitor, 1, searches=True)
    assert [one.item for one in past.history] == ["tea1"], "searches take no place of what was done"
    assert visitors.past(visitor, 1).searches == ()


def test_a_page_costs_no_query_more(reading_shop, heard, rf):
    visitor = visitor_who(reading_shop, "tea1")
    search(visitor, "brew")
    request = rf.get("/")
    request.COOKIES[conf.get("COOKIE_NAME")] = visitors.token_of(reading_shop, visitor)
    with override_settings(COLDREC={**conf.get_config(), "REFRESH_SECONDS": 60.0}):
        serving.current(reading_shop)
        with CaptureQueriesContext(connection) as ran:
            found = visitors.from_request(request, create=False, with_history=20)
            past = visitors.past(found, 20, searches=True)
    assert past.searches == ("brew",) and [one.item for one in past.history] == ["tea1"]
    assert sum("coldrec_event" in query["sql"] for query in ran.captured_queries) == 1


def test_an_account_hears_what_its_guests_searched_for(reading_shop, heard, django_user_model):
    user = django_user_model.objects.create(username="ann")
    account, guest = visitor_who(reading_shop), visitor_who(reading_shop)
    account.user = user
    account.save()
    guest.merged_into = account
    guest.save()
    search(guest, "brew")
    assert visitors.past(account, 5, searches=True).searches == ("brew",)


def test_who_switched_personalisation_off_is_not_heard(reading_shop, heard):
    visitor = visitor_who(reading_shop)
    search(visitor, "brew")
    visitor.is_personalised = False
    visitor.save()
    (served,) = serve(reading_shop, HOME, visitor=visitor)
    assert served.level == "popular" and not heard


def test_staff_see_the_same_list_and_why(reading_shop, heard):
    visitor = visitor_who(reading_shop, "tea1")
    look(visitor, "tea2")
    search(visitor, "brew")
    watch = Watch()
    shown = preview(
        HOME, placements.all_placements(reading_shop)["home"], shop=reading_shop, visitor=visitor, watch=watch
    )
    (served,) = serve(reading_shop, HOME, visitor=visitor)
    assert [item.id for item in shown.items] == [item.id for item in served.items]
    assert watch.past.searches == ("brew",) and not watch.trouble
