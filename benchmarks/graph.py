"""How much of a given knowledge graph is rebuilt from the items alone. Prints lines, and JSON on the last.

``python -m benchmarks.graph DIRECTORY`` reads ``items.parquet``, builds facts from it as the app does for a shop's
products, and only then reads ``triples.parquet``, the truth. The two write names differently, so relations are compared
in lower case with ``_`` for all that is no letter or digit, values in lower case; ``has_brand`` is our ``brand``. A
fact is rebuilt if the item has it under the value's normal form or as it was written.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

if not settings.configured:
    settings.configure()  # the app's defaults; no database is touched

from benchmarks.checks import Check, run

SHARE = 0.95
THEIRS = {"has_brand": "brand"}


def rebuilt(directory: Path, presets: Sequence[str]) -> list[Check]:
    """The share of the given triples that the items alone give."""
    from coldrec.catalogue import CatalogueItem
    from coldrec.core.dataset import read_items, read_triples
    from coldrec.core.graph.ontology import Ontology, caseless
    from coldrec.core.graph.values import Normaliser, tidy

    began = time.perf_counter()
    normaliser = Normaliser(Ontology.load(presets))
    ours: set[tuple[str, str, str]] = set()
    spellings: defaultdict[str, set[str]] = defaultdict(set)
    said = 0
    for item in read_items(directory / "items.parquet"):
        product = CatalogueItem(
            id=item.id, title=item.title, brand=item.brand, category=item.category, attributes=item.attributes
        )
        for fact in product.facts(normaliser.split):
            form = normaliser.fact(fact)
            if form is None:
                continue
            said += 1
            for node in form.nodes:
                spellings[node.key].add(node.name)
                for name in (node.name, node.key.partition(":")[2]):
                    ours.add((form.triple.head, _plain(form.triple.relation), caseless(name)))
    seconds = time.perf_counter() - began

    found = 0
    missed: Counter[str] = Counter()
    truth = read_triples(directory / "triples.parquet")
    for triple in truth:
        relation = normaliser.relation(THEIRS.get(triple.relation, triple.relation).replace("_", " "))
        plain = {_plain(relation), _plain(THEIRS.get(triple.relation, triple.relation))}
        value = caseless(tidy(triple.tail.partition(":")[2]))
        if any((triple.head, name, value) in ours for name in plain):
            found += 1
        else:
            missed[triple.relation] += 1
    share = found / len(truth) if truth else float("nan")
    details = {
        "given": len(truth),
        "rebuilt": found,
        "missed_most": dict(missed.most_common(8)),
        "our_facts": said,
        "our_entities": len(spellings),
        "entities_of_several_spellings": sum(len(names) > 1 for names in spellings.values()),
        "spellings": sum(map(len, spellings.values())),
        "seconds": round(seconds, 1),
        "facts_per_second": round(said / seconds) if seconds else None,
    }
    return [Check("triples_rebuilt", share, "at least", SHARE, details=details)]


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name.lower())


def main(argv: Sequence[str] | None = None) -> int:
    """0 if enough is rebuilt, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="holds items.parquet and triples.parquet")
    parser.add_argument("--preset", nargs="*", default=["electronics"], help="ontologies to use")
    options = parser.parse_args(argv)
    for name in ("items.parquet", "triples.parquet"):
        if not (options.directory / name).is_file():
            parser.error(f"{options.directory / name} is not there")
    return run(
        "graph",
        {"triples_rebuilt": lambda: rebuilt(options.directory, options.preset)},
        {"data": options.directory.name, "presets": options.preset},
    )


if __name__ == "__main__":
    sys.exit(main())
