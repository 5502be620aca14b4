"""coldrec_sync_catalogue and coldrec_import as an operator meets them."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from coldrec.models import Event, Item
from tests.shop.models import Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    with override_settings(COLDREC={"CATALOGUE": "tests.shop.catalogue.ShopCatalogue"}):
        yield


def run(capsys, *arguments) -> tuple[str, str]:
    call_command(*map(str, arguments))
    return capsys.readouterr()


@pytest.mark.usefixtures("shop")
class TestSync:
    def test_it_counts_and_a_second_run_changes_nothing(self, capsys):
        Product.objects.create(sku="1", name="A")
        out, _ = run(capsys, "coldrec_sync_catalogue", "--dry-run")
        assert out == "Items would be created: 1, updated: 0, deleted: 0; unchanged: 0, skipped: 0.\n"
        assert not Item.objects.exists()
        out, err = run(capsys, "coldrec_sync_catalogue")
        assert (out, err) == ("Items created: 1, updated: 0, deleted: 0; unchanged: 0, skipped: 0.\n", "")
        out, _ = run(capsys, "coldrec_sync_catalogue", "--batch-size", 1)
        assert out == "Items created: 0, updated: 0, deleted: 0; unchanged: 1, skipped: 0.\n"

    def test_products_that_make_no_item_are_listed(self, capsys):
        for sku in range(22):
            Product.objects.create(sku=sku, price="cheap")
        out, err = run(capsys, "coldrec_sync_catalogue")
        assert "skipped: 22." in out
        assert err.count("price is 'cheap'") == 20
        assert "… and 2 more" in err

    def test_quiet_is_quiet(self, capsys):
        assert tuple(run(capsys, "coldrec_sync_catalogue", "--verbosity", 0)) == ("", "")

    @pytest.mark.parametrize("size", ["0", "5001", "many"])
    def test_a_batch_size_out_of_range_is_told(self, size):
        with pytest.raises(CommandError, match="must be a whole number from 1 to 5000"):
            call_command("coldrec_sync_catalogue", "--batch-size", size)


def test_a_site_without_catalogue_is_told_what_to_set():
    with pytest.raises(CommandError, match=r"COLDREC\['CATALOGUE'\] is not set; give it the dotted path"):
        call_command("coldrec_sync_catalogue")


class TestImport:
    def test_items_with_bad_rows(self, capsys, tmp_path):
        path = tmp_path / "items.csv"
        path.write_text("id,name,price,cost\n1,A,9.90,2\n2,B,cheap,2\n")
        out, err = run(capsys, "coldrec_import", "items", path)
        aside = tmp_path / "items.csv.rejected.jsonl"
        assert out == (
            "Items created: 1, updated: 0, unchanged: 0, rejected: 1; rows read: 2.\n"
            f"Rejected rows: {aside}\n"
        )  # fmt: skip
        assert "items.csv, line 3: item '2': price is 'cheap'" in err
        assert "Columns without a meaning here: cost." in err
        (row,) = map(json.loads, aside.read_text().splitlines())
        assert (row["line"], row["code"], json.loads(row["row"])["price"]) == (3, "invalid", "cheap")
        path.write_text("id,name,price\n1,A,9.90\n2,B,1\n")
        out, _ = run(capsys, "coldrec_import", "items", path)
        assert out == "Items created: 1, updated: 0, unchanged: 1, rejected: 0; rows read: 2.\n"
        assert not aside.exists(), "nothing is left to look at"

    def test_events_with_a_mapping(self, capsys, tmp_path):
        path = tmp_path / "events.txt"
        path.write_text("what,who,sku\nview,ann,1\nview,,1\n")
        arguments = ("--format", "csv", "--map", "kind=what", "--map", "visitor=who", "--rejected", tmp_path / "bad")
        out, err = run(capsys, "coldrec_import", "events", path, *arguments)
        assert out.startswith("Events created: 1, unchanged: 0, rejected: 1; rows read: 2.\n")
        assert "events.txt, line 3: visitor is missing" in err
        assert Event.objects.get().item_id == "1"
        assert (tmp_path / "bad").exists()

    def test_a_dry_run_leaves_nothing_behind(self, capsys, tmp_path):
        path = tmp_path / "items.csv"
        path.write_text("id,price\n1,cheap\n2,1\n")
        out, _ = run(capsys, "coldrec_import", "items", path, "--dry-run")
        assert "Items would be created: 1" in out
        assert not Item.objects.exists()
        assert [entry.name for entry in tmp_path.iterdir()] == ["items.csv"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["items", "none.csv"], "none.csv is not a file"),
            (["items", "x.csv", "--map", "title"], "must be FIELD=COLUMN, such as title=product_name"),
            (["users", "x.csv"], "invalid choice: 'users'"),
        ],
    )
    def test_wrong_arguments_are_told(self, arguments, message):
        with pytest.raises(CommandError, match=message):
            call_command("coldrec_import", *arguments)
