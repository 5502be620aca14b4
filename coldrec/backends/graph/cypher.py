"""The only way to a query text that is not written out: labels of two whole numbers and types of a fixed list.

Neither can be a parameter in Cypher. Everything else is one, and no name or value of a shop comes near a query's text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from coldrec.core.errors import GraphError
from coldrec.core.graph.ontology import TYPES

OUR_INDEX = re.compile(r"coldrec[A-Za-z0-9_]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Label:
    """The label that all nodes of one copy of one shop's graph carry; a rebuild makes a copy of the next version."""

    shop: int
    version: int

    def __str__(self) -> str:
        return f"Coldrec{int(self.shop)}v{int(self.version)}"


def fill(template: str, label: Label, type: str = "") -> str:
    """The template with the label for ``$LABEL`` and, where it names one, the relationship type for ``$TYPE``.

    Raises
    ------
    GraphError : the type is none of ``TYPES``.
    """
    if "$TYPE" in template and type not in TYPES:
        raise GraphError(f"{type!r} is no relationship type; there are: {', '.join(TYPES)}.")
    return template.replace("$LABEL", str(label)).replace("$TYPE", type)


def fill_index(template: str, name: str) -> str:
    """The template with the name of one of our indexes for ``$INDEX``.

    Raises
    ------
    GraphError : no index of ours has such a name.
    """
    if not OUR_INDEX.fullmatch(name):
        raise GraphError(f"{name!r} is no name of an index of coldrec's.")
    return template.replace("$INDEX", name)
