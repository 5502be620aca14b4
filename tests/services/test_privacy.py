"""One person's data, whole: nothing that names them is left out of an export or survives an erasure."""

from __future__ import annotations

import json

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from coldrec.models import ConsentRecord, Erasure, Event, RejectedEvent, Slate, SlateItem, Visitor
from coldrec.services import merging, privacy, shops, visitors

MARK = "planted-marker"


@pytest.fixture
def shop(db):
    return shops.current()


@pytest.fixture
def person(shop):
    """An account with a merged guest, each with a row in every table that can hold one."""
    account = visitors._account(shop, User.objects.create_user("ann").pk)
    guest = Visitor.objects.create(shop=shop, key=MARK)
    merging.merge(guest, account)
    for one in (account, guest):
        plant(one)
    return account


def plant(visitor):
    shop = visitor.shop
    slate = Slate.objects.create(
        shop=shop,
        placement="home",
        visitor=visitor,
        policy="p",
        level="new",
        context={"x": MARK},
        created_at=timezone.now(),
    )
    SlateItem.objects.create(slate=slate, shop=shop, item_id=MARK, position=1, score=0, level="new")
    Event.objects.create(
        shop=shop,
        event_id=f"{MARK}-{visitor.pk}",
        kind="search",
        query=MARK,
        visitor=visitor,
        occurred_at=timezone.now(),
    )
    RejectedEvent.objects.create(shop=shop, body=MARK, code="type", reason=MARK, visitor=visitor)
    ConsentRecord.objects.create(shop=shop, visitor=visitor, answer="granted", source="test")


def dump():
    """Every value of every row of ours."""
    models = apps.get_app_config("coldrec").get_models()
    return json.dumps([list(model.objects.values()) for model in models], default=str)


def test_every_table_that_leads_to_a_person_is_known():
    """A table added later fails here until it is exported and erased."""
    known = {table.model for table in privacy.TABLES}
    about = {Visitor}
    grown = True
    while grown:
        found = {
            model
            for model in apps.get_app_config("coldrec").get_models()
            for field in model._meta.concrete_fields
            if field.related_model in about and model not in about
        }
        grown = bool(found)
        about |= found
    assert about == known


def test_an_export_is_json_and_holds_every_row_of_the_account_and_its_guests(person):
    document = json.loads("".join(privacy.export(person)))
    assert {table.name for table in privacy.TABLES} < document.keys()
    for table in privacy.TABLES:
        assert len(document[table.name]) == 2, table.name
    assert {row["query"] for row in document["events"]} == {MARK}
    assert [row["source"] for row in document["consent_records"]] == ["test", "test"]


def test_after_an_erasure_no_trace_is_left_in_any_table(person, shop):
    bystander = Visitor.objects.create(shop=shop, key="other")
    assert MARK in dump() and person.key in dump()
    erasure = privacy.erase(person, source="test")
    assert MARK not in dump()
    assert person.key not in dump()
    assert erasure.removed == {"database": {table.name: 2 for table in privacy.TABLES}}
    assert list(Visitor.objects.all()) == [bystander]


def test_erasing_twice_gives_two_receipts_the_second_of_nothing(person):
    privacy.erase(person, source="test")
    again = privacy.erase(person, source="test")
    assert set(again.removed["database"].values()) == {0}
    assert Erasure.objects.count() == 2


def test_counts_are_those_of_the_export(person):
    document = json.loads("".join(privacy.export(person)))
    assert privacy.counts(person) == {table.name: len(document[table.name]) for table in privacy.TABLES}


@pytest.mark.parametrize("named", ["ann", "user", "key", "guest"])
def test_a_person_is_found_by_login_name_outside_id_or_key(person, shop, named):
    words = {"ann": "ann", "user": f"user:{person.user_id}", "key": person.key, "guest": MARK}
    assert privacy.find(shop, words[named]) == person


def test_an_id_of_the_shops_own_is_found(shop):
    pk = visitors.ids_of(shop, {"customer-7"})["customer-7"]
    assert privacy.find(shop, "customer-7").pk == pk
    assert privacy.find(shop, "customer-8") is None


def test_export_command_prints_the_document(person, capsys):
    call_command("coldrec_export", "ann")
    assert len(json.loads(capsys.readouterr().out)["events"]) == 2


def test_erase_command_asks_first(person, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("coldrec_erase", "ann")
    assert Event.objects.count() == 2
    call_command("coldrec_erase", "ann", yes=True)
    assert f"Receipt: {Erasure.objects.get().reference}" in capsys.readouterr().out
    assert not Event.objects.exists()


@pytest.mark.parametrize("command", ["coldrec_export", "coldrec_erase"])
def test_commands_say_when_there_is_nobody(shop, command):
    with pytest.raises(CommandError, match="Nothing is stored about 'nobody'"):
        call_command(command, "nobody")
