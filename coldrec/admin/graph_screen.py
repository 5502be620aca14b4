"""Knowledge graph: how the copy in Neo4j fares, what the graph says, how good it is, what waits for a decision."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from coldrec.admin import display
from coldrec.admin.periods import FiguresScreen
from coldrec.admin.tables import Cell, Column, Table, number, share, words
from coldrec.core.errors import ColdrecError
from coldrec.core.graph.quality import Quality
from coldrec.models import GraphSuggestion, Triple
from coldrec.services import graph, graph_sync
from coldrec.services.graph_sync import GraphHealth

DELIVER = "coldrec.change_graphchange"
SHOWN = 20  # differences named in a message

NEVER = gettext_lazy("never")
LAG = gettext_lazy("How long the change that has waited longest has been waiting to be told to Neo4j.")
SPARSE = gettext_lazy("The share of the pairs of item and entity that a triple ties.")
SINGLE = gettext_lazy("Entities that only one item has: they tie it to nothing.")
SUPER = gettext_lazy("Entities that so many items have that they tell hardly anything apart.")
CONTRADICTION = gettext_lazy("Items with two values of something that has one, such as two sockets.")


class GraphScreen(FiguresScreen):
    name = "graph"
    title = gettext_lazy("Knowledge graph")
    template_name = "admin/coldrec/graph.html"
    permission = "coldrec.view_triple"
    has_period = False

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Compare Neo4j with the tables, or put right what differs."""
        if not request.user.has_perm(DELIVER):
            raise PermissionDenied
        act = graph_sync.repair if request.POST.get("act") == "repair" else graph_sync.verify
        try:
            graph_sync.reach()
            found = act(self.shop)
        except ColdrecError as error:
            messages.error(request, str(error))
        else:
            messages.add_message(request, messages.SUCCESS if found.is_equal else messages.WARNING, _told(found))
        return HttpResponseRedirect(request.get_full_path())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            health=self.health,
            may_deliver=self.request.user.has_perm(DELIVER),
            sync_table=self.sync_table,
            relation_table=self.relation_table,
            is_examined=self.is_examined,
            quality_table=self.quality_table,
            finding_table=self.finding_table,
            open_suggestions=self.open_suggestions,
            suggestions=self.links.rows("graphsuggestion", state__exact=GraphSuggestion.State.OPEN),
            examine=self.with_parameters(examine="1"),
            **kwargs,
        )

    def tables(self) -> list[Table]:
        return [self.sync_table, self.relation_table, self.quality_table, self.finding_table]

    @cached_property
    def health(self) -> GraphHealth:
        return graph_sync.health(self.shop)

    @cached_property
    def open_suggestions(self) -> int:
        return self.shop.graph_suggestions.filter(state=GraphSuggestion.State.OPEN).count()

    @property
    def is_examined(self) -> bool:
        return "examine" in self.request.GET

    @cached_property
    def sync_table(self) -> Table:
        found = self.health
        columns = [
            Column(_("part"), is_number=False),
            Column(_("light"), is_number=False),
            Column(_("says"), is_number=False),
        ]
        if not found.is_on:
            said = _('COLDREC["NEO4J"] is not set: the tables are the graph, and nothing else is needed.')
            return Table("sync", _("Copy in Neo4j"), columns, [[words(_("Neo4j")), words("", light=""), words(said)]])
        dead = self.links.rows("graphchange", dead="yes")
        rows = [
            [
                words(_("delivery")),
                _light(not found.degraded_since),
                words(
                    _("behind since %(since)s: %(error)s") % {"since": _at(found.degraded_since), "error": found.error}
                    if found.degraded_since
                    else _("last delivered: %s") % _at(found.synced_at)
                ),
            ],
            [
                words(_("waiting"), self.links.rows("graphchange", dead="no") if found.waiting else ""),
                _light(found.lag.total_seconds() < 60),
                words(
                    ngettext(
                        "%(count)d change, the oldest since %(lag)s",
                        "%(count)d changes, the oldest since %(lag)s",
                        found.waiting,
                    )
                    % {"count": found.waiting, "lag": timesince(self.now - found.lag, self.now)}
                    if found.waiting
                    else _("nothing waits")
                ),
            ],
            [
                words(_("given up"), dead if found.dead else ""),
                _light(not found.dead),
                words(
                    ngettext("%d change was given up", "%d changes were given up", found.dead) % found.dead
                    if found.dead
                    else _("none")
                ),
            ],
            [
                words(_("comparison")),
                _light(not found.differences) if found.verified_at else words(_("waiting"), light="is-wait"),
                words(
                    ngettext(
                        "%(count)d difference at %(at)s", "%(count)d differences at %(at)s", found.differences or 0
                    )
                    % {"count": found.differences or 0, "at": _at(found.verified_at)}
                    if found.verified_at
                    else _("never compared")
                ),
            ],
        ]
        return Table("sync", _("Copy in Neo4j"), columns, rows)

    @cached_property
    def relation_table(self) -> Table:
        """One pass over the triples; an index tells each source, and the relations of a shop are few."""
        counted = (
            Triple.objects.filter(shop=self.shop).order_by().values_list("relation", "source").annotate(n=Count("pk"))
        )
        labels = dict(Triple.Source.choices)
        columns = [Column(_("relation"), is_number=False), Column(_("source"), is_number=False), Column(_("triples"))]
        rows = [
            [
                words(relation),
                words(labels.get(source, source)),
                number(n, self.links.rows("triple", q=relation, source__exact=source)),
            ]
            for relation, source, n in sorted(counted, key=lambda row: (-row[2], row[0], row[1]))
        ]
        return Table("relations", _("What the graph says"), columns, rows)

    @cached_property
    def _quality(self) -> Quality:
        return graph.quality(self.shop) if self.is_examined else Quality()

    @cached_property
    def quality_table(self) -> Table:
        found = self._quality
        columns = [Column(_("figure"), is_number=False), Column(_("value"))]
        rows = [
            [words(_("items")), number(found.items)],
            [words(_("items of which anything is known")), share(found.coverage)],
            [
                words(_("facts per item")),
                Cell(round(found.facts_per_item, 3), display.text(round(found.facts_per_item, 2))),
            ],
            [words(_("entities")), number(found.entities)],
            [words(_("entities of one item alone")), number(found.single)],
            [words(_("entities of no item")), number(found.unused)],
            [words(_("density")), share(found.density, digits=3)],
            [words(_("triples with an end that is not there")), number(found.dangling)],
            [words(_("contradictions")), number(found.contradictions)],
            [words(_("entities that may be one")), number(len(found.merges))],
        ]
        return Table("quality", _("How good it is"), columns, rows)

    @cached_property
    def finding_table(self) -> Table:
        found = self._quality
        columns = [
            Column(_("finding"), is_number=False),
            Column(_("where"), is_number=False),
            Column(_("says"), is_number=False),
        ]
        rows = [
            [words(_("too common")), words(key), words(ngettext("%d item", "%d items", n) % n)]
            for key, n in found.super_nodes
        ]
        rows += [
            [words(_("contradiction")), words(item), words(f"{relation}: {', '.join(values)}")]
            for item, relation, values in found.contradiction_examples
        ]
        rows += [[words(_("loose end")), words(said), words("")] for said in found.dangling_examples]
        rows += [
            [words(_("may be one")), words(f"{one.head} = {one.tail}"), words(one.because)]
            for one in found.merges[:SHOWN]
        ]
        return Table("findings", _("Examples"), columns, rows)


def _light(is_good: bool) -> Cell:
    return words(_("good"), light="is-good") if is_good else words(_("look at it"), light="is-bad")


def _at(moment: Any) -> str:
    return date_format(moment, "Y-m-d H:i e") if moment else str(NEVER)


def _told(found: graph_sync.Verification) -> str:
    if found.is_equal:
        return _("Neo4j is equal to the tables: %(nodes)d nodes, %(edges)d edges.") % {
            "nodes": found.nodes_there,
            "edges": found.edges_there,
        }
    named = ", ".join(f"{one.key} ({one.kind})" for one in found.differences[:SHOWN])
    said = ngettext("%(count)d node differs: %(named)s", "%(count)d nodes differ: %(named)s", found.count)
    return said % {"count": found.count, "named": named}
