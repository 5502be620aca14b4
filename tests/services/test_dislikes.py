"""What a visitor is not interested in."""

import pytest
from django.contrib.auth.models import User

from coldrec.models import Event, Shop, Visitor
from coldrec.services import dislikes

pytestmark = pytest.mark.django_db


@pytest.fixture
def guest() -> Visitor:
    return Visitor.objects.create(shop=Shop.objects.create(key="default"), key="guest")


def test_a_dislike_is_kept_once_and_can_be_taken_back(guest: Visitor) -> None:
    dislikes.add(guest, "1")
    dislikes.add(guest, "2")
    dislikes.add(guest, "1")
    assert dislikes.of(guest) == ("2", "1")
    assert Event.objects.filter(kind="dislike").count() == 2

    dislikes.remove(guest, "2")
    dislikes.remove(guest, "never said")
    assert dislikes.of(guest) == ("1",)


def test_what_a_guest_said_holds_after_signing_in_and_for_nobody_else(guest: Visitor) -> None:
    account = Visitor.objects.create(shop=guest.shop, key="account", user=User.objects.create(username="ann"))
    dislikes.add(guest, "1")
    assert dislikes.of(account) == ()

    guest.merged_into = account
    guest.save()
    assert dislikes.of(account) == ("1",)
    dislikes.remove(account, "1")
    assert dislikes.of(guest) == ()
