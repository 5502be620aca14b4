"""The knowledge graph's rows: entities, triples, what is suggested for it, and what Neo4j has yet to be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from coldrec.admin import display, neighbourhood
from coldrec.admin.base import FactsAdmin, FilledFilter, ValueFilter
from coldrec.core.errors import ColdrecError
from coldrec.models import Entity, GraphChange, GraphSuggestion, Shop, Triple
from coldrec.services import graph_review, graph_sync


class MergedFilter(FilledFilter):
    title = gettext_lazy("merged into another")
    parameter_name = "merged"
    field = "merged_into"


@admin.register(Entity)
class EntityAdmin(FactsAdmin):
    """Entities come from the catalogue, from text and from imports; two that are one are merged by a suggestion."""

    list_display = ("name", "kind", "spellings", "merged_into")
    list_filter = (("kind", ValueFilter), MergedFilter)
    list_select_related = ("merged_into",)
    search_fields = ("key__exact", "name__istartswith")
    search_help_text = gettext_lazy("A key as a whole such as brand:Acme, or the beginning of a name.")
    ordering = ("kind", "name")
    fields = ("key", "name", "kind", "value", "names", "spellings", "merged_into", "around", "updated_at", "shop")

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ("coldrec/admin.css",)}

    @admin.display(description=gettext_lazy("other spellings"))
    def spellings(self, entity: Entity) -> str:
        return display.text(entity.aliases)

    @admin.display(description=gettext_lazy("names in other languages"))
    def names(self, entity: Entity) -> str:
        return display.table(entity.labels)

    @admin.display(description=gettext_lazy("amount"))
    def value(self, entity: Entity) -> str:
        return display.NOTHING if entity.amount is None else f"{display.text(entity.amount)} {entity.unit}".strip()

    @admin.display(description=gettext_lazy("neighbourhood"))
    def around(self, entity: Entity) -> SafeString:
        return neighbourhood.shown(entity.shop, entity.key, entity.name)


@admin.register(Triple)
class TripleAdmin(FactsAdmin):
    """Facts come from the catalogue: one that is wrong is put right at the product and follows by itself."""

    list_display = ("head", "relation", "tail", "source", "sureness", "support")
    list_filter = ("source",)
    search_fields = ("head__startswith", "tail__startswith", "relation__exact")
    search_help_text = gettext_lazy(
        "The beginning of a head or tail such as item:12 or brand:A, or a relation as a whole."
    )
    fields = ("head", "relation", "tail", "source", "sureness", "weight", "support", "lift", "shop")

    @admin.display(description=gettext_lazy("confidence"), ordering="confidence")
    def sureness(self, triple: Triple) -> str:
        return display.text(triple.confidence)


@admin.register(GraphSuggestion)
class GraphSuggestionAdmin(FactsAdmin):
    """What staff accept becomes part of the graph at once; what they refuse does not come back."""

    list_display = ("what", "kind", "sureness", "because", "state", "decided_by")
    list_filter = ("state", "kind")
    list_select_related = ("decided_by",)
    search_fields = ("head__startswith", "tail__startswith")
    search_help_text = gettext_lazy("The beginning of a head or tail such as brand:A.")
    ordering = ("-confidence", "pk")
    fields = (
        *("what", "kind", "sureness", "because", "state", "around_head", "around_tail"),
        *("made_at", "decided_at", "decided_by", "shop"),
    )
    actions = ("accept", "refuse", "take_back")

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ("coldrec/admin.css",)}

    def has_review_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("coldrec.review_graphsuggestion")

    @admin.display(description=gettext_lazy("suggestion"))
    def what(self, one: GraphSuggestion) -> str:
        if one.kind == GraphSuggestion.Kind.MERGE:
            return _("%(head)s is the same as %(tail)s") % {"head": one.head, "tail": one.tail}
        return f"{one.head} → {one.relation} → {one.tail}"

    @admin.display(description=gettext_lazy("confidence"), ordering="confidence")
    def sureness(self, one: GraphSuggestion) -> str:
        return display.text(one.confidence)

    @admin.display(description=gettext_lazy("around the first"))
    def around_head(self, one: GraphSuggestion) -> SafeString:
        return neighbourhood.shown(one.shop, one.head, one.head)

    @admin.display(description=gettext_lazy("around the second"))
    def around_tail(self, one: GraphSuggestion) -> SafeString:
        return neighbourhood.shown(one.shop, one.tail, one.tail)

    @admin.action(permissions=["review"], description=gettext_lazy("Accept the selected suggestions"))
    def accept(self, request: HttpRequest, queryset: QuerySet[GraphSuggestion]) -> None:
        self._decide(request, queryset, graph_review.accept, "Accepted.")

    @admin.action(permissions=["review"], description=gettext_lazy("Refuse the selected suggestions"))
    def refuse(self, request: HttpRequest, queryset: QuerySet[GraphSuggestion]) -> None:
        self._decide(request, queryset, graph_review.refuse, "Refused.")

    @admin.action(
        permissions=["review"], description=gettext_lazy("Take the decision on the selected suggestions back")
    )
    def take_back(self, request: HttpRequest, queryset: QuerySet[GraphSuggestion]) -> None:
        self._decide(request, queryset, graph_review.take_back, "Taken back.")

    def _decide(self, request: HttpRequest, queryset: QuerySet[GraphSuggestion], decide: Any, note: str) -> None:
        done = 0
        for one in queryset.select_related("shop"):
            try:
                decide(one, request.user)
            except ColdrecError as error:
                self.message_user(request, str(error), messages.ERROR)
                continue
            self.log_change(request, one, note)
            done += 1
        if done:
            said = ngettext("%d suggestion: done.", "%d suggestions: done.", done) % done
            self.message_user(request, said, messages.SUCCESS)


class DeadFilter(FilledFilter):
    title = gettext_lazy("given up")
    parameter_name = "dead"
    field = "dead_at"


@admin.register(GraphChange)
class GraphChangeAdmin(FactsAdmin):
    """What waits to be told to Neo4j; what was given up waits for staff."""

    list_display = ("node", "made_at", "tries", "dead_at", "trouble")
    list_filter = (DeadFilter,)
    search_fields = ("node__startswith",)
    search_help_text = gettext_lazy("The beginning of a node's name such as item:12.")
    fields = ("node", "made_at", "tries", "dead_at", "error", "shop")
    actions = ("retry", "discard")

    def has_deliver_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("coldrec.change_graphchange")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # what is discarded is a decision with words of its own

    @admin.display(description=gettext_lazy("error"))
    def trouble(self, change: GraphChange) -> str:
        return change.error.partition("\n")[0][:200] or display.NOTHING

    @admin.action(permissions=["deliver"], description=gettext_lazy("Try the selected changes again"))
    def retry(self, request: HttpRequest, queryset: QuerySet[GraphChange]) -> None:
        count = self._each_shop(graph_sync.retry_dead, queryset)
        said = ngettext("%d change is tried again.", "%d changes are tried again.", count) % count
        self.message_user(request, said, messages.SUCCESS)

    @admin.action(permissions=["deliver"], description=gettext_lazy("Discard the selected changes that were given up"))
    def discard(self, request: HttpRequest, queryset: QuerySet[GraphChange]) -> None:
        count = self._each_shop(graph_sync.discard_dead, queryset)
        said = ngettext("%d change was discarded.", "%d changes were discarded.", count) % count
        self.message_user(request, said, messages.SUCCESS)

    @staticmethod
    def _each_shop(act: Callable[..., int], queryset: QuerySet[GraphChange]) -> int:
        chosen: dict[int, list[int]] = {}
        for pk, shop_id in queryset.values_list("pk", "shop_id"):
            chosen.setdefault(shop_id, []).append(pk)
        return sum(act(shop, chosen[shop.pk]) for shop in Shop.objects.filter(pk__in=chosen))
