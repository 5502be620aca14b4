"""Which shop this site is, and how little it costs to know."""

import pytest
from django.db import transaction
from django.test import override_settings

from coldrec.models import ModelVersion, Shop
from coldrec.services import shops


@pytest.fixture(autouse=True)
def nothing_known():
    shops._forget()
    yield
    shops._forget()


@pytest.mark.django_db
def test_the_shop_is_made_on_first_use():
    with override_settings(COLDREC={"SHOP": "north"}):
        assert shops.current().key == "north"
        assert shops.current().pk == shops.current().pk
    assert Shop.objects.count() == 1


@pytest.mark.django_db
def test_another_setting_is_another_shop():
    with override_settings(COLDREC={"SHOP": "north"}):
        north = shops.current()
    with override_settings(COLDREC={"SHOP": "south"}):
        assert shops.current() != north


@pytest.mark.django_db
def test_a_shop_seen_in_a_transaction_is_not_remembered(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        shops.current()
    assert shops._ids == {}, "the test's transaction is rolled back, so the row may vanish"


@pytest.mark.django_db(transaction=True)
def test_a_committed_shop_costs_no_query(django_assert_num_queries):
    known = shops.current()
    with django_assert_num_queries(0):
        assert shops.current() == known
        assert shops.current().key == known.key


@pytest.mark.django_db(transaction=True)
def test_the_serving_version_is_never_old():
    shop = shops.current()
    version = ModelVersion.objects.create(shop=shop, number=1, path="1", digest="0")
    Shop.objects.filter(pk=shop.pk).update(serving_version=version)
    assert shops.current().serving_version_id == version.pk


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_shop_is_made_again():
    with pytest.raises(RuntimeError), transaction.atomic():
        shops.current()
        raise RuntimeError
    assert Shop.objects.filter(pk=shops.current().pk).exists()


@pytest.mark.django_db(transaction=True)
def test_a_deleted_shop_is_forgotten():
    shops.current().delete()
    assert Shop.objects.filter(pk=shops.current().pk).exists()
