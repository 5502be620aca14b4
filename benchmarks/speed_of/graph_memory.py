"""A process that brings a shop's whole graph over to Neo4j, and tells how many bytes it held at most."""

from __future__ import annotations

import django

from benchmarks.site import project


def main() -> None:
    django.setup()
    from coldrec.services import graph_sync, shops

    graph_sync.full(shops.current())
    print(project.peak_bytes())


if __name__ == "__main__":
    main()
