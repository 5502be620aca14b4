"""The consent question over HTTP: answered by a page, counted from the next request on."""

import pytest

from coldrec.models import ConsentRecord, Event, IgnoredCount, RejectedEvent, Visitor
from coldrec.services import slates
from tests.api.shopper import EVENTS, Shopper, view
from tests.served import HOME, serve, visitor_who

CONSENT = "/coldrec/v1/consent/"
PAGE = "http://testserver"
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

pytestmark = pytest.mark.usefixtures("bare_shop")


@pytest.fixture
def explicit(settings):
    settings.COLDREC = {**settings.COLDREC, "CONSENT": "explicit"}


def say(shopper, granted, **headers):
    return shopper.send({"granted": granted}, CONSENT, **headers)


def test_before_consent_nothing_after_it_all_and_after_withdrawing_nothing_again(explicit):
    shopper = Shopper()
    assert shopper.view("tea1").json()["rejected"][0]["code"] == "consent"
    assert not shopper.cookies
    assert say(shopper, True).json() == {"consent": "granted"}
    assert shopper.view("tea2").json()["accepted"] == 1
    assert say(shopper, False).json() == {"consent": "refused"}
    assert shopper.view("tea3").json()["rejected"][0]["code"] == "consent"
    assert list(Event.objects.values_list("item_id", flat=True)) == ["tea2"]
    kept = {name for name, cookie in shopper.cookies.items() if cookie.value}
    assert kept == {"coldrec_visitor_consent"}


def test_the_answer_can_be_read_by_the_pages_script_and_the_visitor_cannot(explicit):
    cookies = say(Shopper(), True).cookies
    assert not cookies["coldrec_visitor_consent"]["httponly"]
    assert cookies["coldrec_visitor"]["httponly"]


def test_every_answer_of_somebody_known_is_recorded(explicit):
    shopper = Shopper()
    say(shopper, True, Origin=PAGE)
    say(shopper, False)
    told = ConsentRecord.objects.order_by("pk").values_list("answer", "source")
    assert list(told) == [("granted", "banner"), ("refused", "API")]
    assert Visitor.objects.get().consent == "refused"


def test_agreeing_does_not_overrule_the_browsers_own_no(explicit):
    shopper = Shopper()
    assert say(shopper, True, **{"Sec-GPC": "1"}).status_code == 200
    assert not Visitor.objects.exists()


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_other_sites_cannot_answer_for_a_visitor(headers):
    answer = say(Shopper(), True, **headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert not answer.cookies


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "invalid"), ({"granted": "perhaps"}, "invalid"), ({"granted": None}, "invalid"), ("[]", "invalid"),
     ("7", "invalid"), ("{", "unreadable"), ("", "unreadable")],
)  # fmt: skip
def test_what_is_no_answer_changes_nothing(body, code):
    shopper = Shopper()
    answer = shopper.send(body, CONSENT)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not shopper.cookies


def test_a_beacon_is_as_good():
    assert Shopper().send('{"granted": false}', CONSENT, "text/plain").json() == {"consent": "refused"}


# Events that are nobody's


@pytest.mark.parametrize(
    ("headers", "reason"), [({"User-Agent": GOOGLE}, "crawler"), ({"Sec-Purpose": "prefetch"}, "ahead")]
)
def test_a_crawlers_beacon_is_counted_and_not_stored(headers, reason, django_capture_on_commit_callbacks):
    shopper = Shopper()
    with django_capture_on_commit_callbacks(execute=True):
        answer = shopper.send([view(), view()], Origin=PAGE, **headers)
    assert answer.status_code == 202
    assert [one["code"] for one in answer.json()["rejected"]] == ["nobody", "nobody"]
    assert not shopper.cookies
    assert not (Event.objects.exists() or Visitor.objects.exists() or RejectedEvent.objects.exists())
    assert list(IgnoredCount.objects.values_list("reason", "count")) == [(reason, 1)]


def test_an_event_sent_by_a_program_is_taken():
    assert Shopper().send(view(), **{"User-Agent": "curl/8.5"}).json()["accepted"] == 1


# Somebody else's list


def test_a_page_left_open_does_not_write_into_the_next_persons_history(bare_shop):
    (slate,) = serve(bare_shop, HOME, visitor=visitor_who(bare_shop, "tea3"))
    slates.write_waiting()
    shopper = Shopper()
    shopper.view("tea1")
    answer = shopper.send(view("tea2", kind="click", slate_id=str(slate.slate_id), position=1))
    assert answer.status_code == 202
    assert answer.json()["rejected"][0]["code"] == "other_visitor"
    assert not Event.objects.filter(kind="click").exists()


def test_a_beacon_says_which_site_led_to_its_page():
    Shopper().send(view(), f"{EVENTS}?referrer=www.google.com", Referer=f"{PAGE}/tea/")
    assert Visitor.objects.get().channel == "search"
