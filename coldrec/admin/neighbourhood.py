"""What lies around a node of the knowledge graph: a picture drawn here, and the same as a list.

The picture is for the eye alone: it shows the first of what the list names, and the list is what a keyboard or a screen
reader gets to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from coldrec.models import Entity, Item, Shop
from coldrec.services import graph_stores

DRAWN = 18
LISTED = 200
WIDTH, HEIGHT, RADIUS = 640, 420, 150
NAME = 22  # characters in the picture


@dataclass(frozen=True, slots=True)
class Neighbour:
    node: str
    name: str
    relation: str
    is_out: bool
    kind: str  # "item", or the kind of the entity
    address: str


def around(shop: Shop, node: str) -> list[Neighbour]:
    """Up to ``LISTED`` neighbours, the weightiest edges first, each with the name and page that it has here."""
    edges = graph_stores.tables(shop).neighbours([node], limit=LISTED).get(node, ())
    others = [edge.other for edge in edges]
    ids = [one.removeprefix("item:") for one in others if one.startswith("item:")]
    items = {
        f"item:{item_id}": (title, pk)
        for pk, item_id, title in Item.objects.filter(shop=shop, external_id__in=ids).values_list(
            "pk", "external_id", "title"
        )
    }
    rows = Entity.objects.filter(shop=shop, key__in=[one for one in others if not one.startswith("item:")])
    entities = {key: (name, pk) for pk, key, name in rows.values_list("pk", "key", "name")}
    found = []
    for edge in edges:
        is_item = edge.other.startswith("item:")
        name, pk = (items if is_item else entities).get(edge.other, (edge.other.partition(":")[2], None))
        address = _address("item" if is_item else "entity", pk)
        kind = "item" if is_item else edge.other.partition(":")[0]
        found.append(Neighbour(edge.other, name or edge.other, edge.relation, edge.is_out, kind, address))
    return found


def shown(shop: Shop, node: str, name: str) -> SafeString:
    """The picture with its list, for the page of an item or an entity."""
    neighbours = around(shop, node)
    context = {
        "picture": picture(name, neighbours[:DRAWN]) if neighbours else "",
        "neighbours": neighbours,
        "is_cut": len(neighbours) == LISTED,
        "drawn": min(DRAWN, len(neighbours)),
    }
    return SafeString(render_to_string("admin/coldrec/neighbourhood.html", context))


def picture(name: str, neighbours: Sequence[Neighbour]) -> SafeString:
    """The node in the middle and its neighbours around it, those of one relation side by side."""
    ordered = sorted(neighbours, key=lambda one: (one.relation, not one.is_out))
    relations = list(dict.fromkeys(one.relation for one in ordered))
    lines, dots = [], []
    for at, one in enumerate(ordered):
        angle = 2 * math.pi * at / len(ordered) - math.pi / 2
        x, y = WIDTH / 2 + 1.25 * RADIUS * math.cos(angle), HEIGHT / 2 + RADIUS * math.sin(angle)
        lines.append((f"{x:.1f}", f"{y:.1f}", WIDTH / 2, HEIGHT / 2, "" if one.is_out else " is-in"))
        side = "start" if math.cos(angle) > 0.2 else "end" if math.cos(angle) < -0.2 else "middle"
        shift = {"start": 11, "end": -11, "middle": 0}[side]
        below = 4 if side != "middle" else 22 if math.sin(angle) > 0 else -14
        series = relations.index(one.relation) % 7 + 1
        dots.append((series, f"{x:.1f}", f"{y:.1f}", f"{x + shift:.1f}", f"{y + below:.1f}", side, _short(one.name)))
    legend = format_html_join(
        "",
        '<li><svg class="coldrec-swatch" viewBox="0 0 12 12" aria-hidden="true"><circle class="coldrec-dot '
        'coldrec-series-{}" cx="6" cy="6" r="6"/></svg>{}</li>',
        ((n % 7 + 1, relation) for n, relation in enumerate(relations)),
    )
    return format_html(
        '<figure class="coldrec-chart coldrec-graph">'
        '<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        '{lines}{dots}<circle class="coldrec-centre" cx="{x}" cy="{y}" r="9"/>'
        '<text x="{x}" y="{below}" text-anchor="middle">{name}</text></svg>'
        '<ul class="coldrec-legend">{legend}</ul></figure>',
        width=WIDTH,
        height=HEIGHT,
        label=_("%(name)s and what it is tied to; the list beside it says the same") % {"name": name},
        lines=format_html_join("", '<line class="coldrec-edge{4}" x1="{2}" y1="{3}" x2="{0}" y2="{1}"/>', lines),
        dots=format_html_join(
            "",
            '<circle class="coldrec-dot coldrec-series-{}" cx="{}" cy="{}" r="7"/>'
            '<text x="{}" y="{}" text-anchor="{}">{}</text>',
            dots,
        ),
        x=WIDTH // 2,
        y=HEIGHT // 2,
        below=HEIGHT // 2 + 26,
        name=_short(name),
        legend=legend,
    )


def _short(text: str) -> str:
    return text if len(text) <= NAME else text[: NAME - 1] + "…"


def _address(model: str, pk: Any) -> str:
    if pk is None:
        return ""
    try:
        return reverse(f"admin:coldrec_{model}_change", args=[pk])
    except NoReverseMatch:  # a site of the project's own that leaves the table out
        return ""
