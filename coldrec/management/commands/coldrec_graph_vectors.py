"""Keeps the serving version's vectors of items where the knowledge graph is."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Writes the serving version's vectors of items to Neo4j's vector index, or beside the artifacts where there is "
        "no Neo4j. Run it after a promotion and after coldrec_graph_sync --rebuild."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec.core.errors import GraphError
        from coldrec.services import graph_vectors, shops

        try:
            written = graph_vectors.write(shops.current())
        except GraphError as error:
            raise CommandError(str(error)) from error
        if written:
            self.stdout.write(f"Wrote the vectors of {written:,} items.")
        else:
            self.stdout.write("There are no vectors to write: no version serves, or it knows nothing of its items.")
