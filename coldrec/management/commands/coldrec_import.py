"""Import items or events from a file."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from coldrec.management.importing import ImportCommand
from coldrec.services.imports import EVENT_COLUMNS, ITEM_COLUMNS, import_events, import_items


class Command(ImportCommand):
    help = (
        "Import items or events from CSV, JSON lines or Parquet. Bad rows are reported with their line and kept aside, "
        "the rest is imported. Safe to stop and to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=["items", "events"])
        self.add_file_arguments(
            parser,
            [
                *(f"items   {name:14} {', '.join(names)}" for name, names in ITEM_COLUMNS.items()),
                *(f"events  {name:14} {', '.join(names)}" for name, names in EVENT_COLUMNS.items()),
                "attributes are a JSON object, or columns named attributes.<name>; category is a path: A > B > C.",
            ],
            maps="attributes.<name>=COLUMN makes an attribute.",
            rejected="Default for items: FILE.rejected.jsonl. Rejected events are in the database as well.",
        )

    def handle(self, *args: Any, kind: str, **options: Any) -> None:
        updated = "updated: {updated}, " if kind == "items" else ""
        counts = (
            f"{kind.capitalize()} {{would_be}}created: {{created}}, {updated}unchanged: {{unchanged}}, "
            "rejected: {rejected}; rows read: {rows}."
        )
        run = import_items if kind == "items" else import_events
        self.import_file(run, options, counts=counts, is_kept=kind == "items")
