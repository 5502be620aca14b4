"""The language models that read the shop's texts: their cards, what the gate said, and how much they have read."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from coldrec.admin import display
from coldrec.admin.base import FactsAdmin
from coldrec.core.errors import ColdrecError
from coldrec.models import EncoderVersion, Item

FRESH = Q(vectors__item__removed_at=None, vectors__content_hash=F("vectors__item__content_hash"))
_COUNTED = Item.objects.filter(shop=OuterRef("shop"), removed_at=None).order_by().values("shop")
ITEMS = Subquery(_COUNTED.annotate(count=Count("pk")).values("count"))


@admin.register(EncoderVersion)
class EncoderVersionAdmin(FactsAdmin):
    """An encoder takes its place together with a model that was fitted with its vectors, so no list mixes two."""

    list_display = ("__str__", "standing", "origin", "source", "dims", "coverage", "created_at")
    list_filter = ("origin",)
    ordering = ("shop", "-number")
    fields = (
        *("number", "standing", "origin", "source", "dims", "coverage", "figures", "refusal", "card_told"),
        *("created_at", "promoted_at", "path", "sum", "shop"),
    )
    actions = ("promote",)

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ("coldrec/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("shop")
        return rows.annotate(fresh=Count("vectors", filter=FRESH), item_count=Coalesce(ITEMS, 0))

    def has_promote_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("coldrec.promote_encoderversion")

    @admin.display(description=gettext_lazy("state"))
    def standing(self, version: EncoderVersion) -> str:
        if version.shop.encoder_id == version.pk:
            return _("in service")
        if version.refusal:
            return _("refused")
        return _("has served") if version.promoted_at else _("waiting")

    @admin.display(description=gettext_lazy("items read"))
    def coverage(self, version: EncoderVersion) -> str:
        fresh, count = version.fresh, version.item_count
        said = _("%(fresh)s of %(count)s") % {"fresh": display.text(fresh), "count": display.text(count)}
        return said if not count or fresh >= count else f"{said} ({fresh / count:.0%})"

    @admin.display(description=gettext_lazy("digest"))
    def sum(self, version: EncoderVersion) -> SafeString:
        return display.breakable(version.fingerprint)

    @admin.display(description=gettext_lazy("against the encoder before, on data held out"))
    def figures(self, version: EncoderVersion) -> str:
        heads = (_("task"), _("cases"), _("this one"), _("the one before"), _("difference"), "p")
        rows = []
        for task, told in version.metrics.items():
            gap = told.get("gap")
            between = f"{gap['difference']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]" if gap else None
            rows.append(
                (task, told.get("cases"), told.get("candidate"), told.get("current"), between, gap and gap["p_value"])
            )
        return display.in_row(display.grid(_("figures of the gate"), heads, rows)) if rows else display.NOTHING

    @admin.display(description=gettext_lazy("card"))
    def card_told(self, version: EncoderVersion) -> str:
        told: list[tuple[str, Any]] = []
        for name, value in version.card.items():
            told += (
                [(f"{name}: {part}", one) for part, one in value.items()]
                if isinstance(value, dict)
                else [(name, value)]
            )
        return display.in_row(display.grid(_("card"), (_("name"), _("value")), told)) if told else display.NOTHING

    @admin.action(permissions=["promote"], description=gettext_lazy("Put the selected encoder into service"))
    def promote(self, request: HttpRequest, queryset: QuerySet[EncoderVersion]) -> None:
        from coldrec import tasks
        from coldrec.services import language

        chosen = list(queryset.select_related("shop")[:2])
        if len(chosen) != 1:
            return self.message_user(request, _("Select exactly one encoder to put into service."), messages.ERROR)
        encoder = chosen[0]
        try:
            run = language.order_switch(encoder)
        except ColdrecError as error:
            return self.message_user(request, str(error), messages.ERROR)
        tasks.start(run)
        self.log_change(request, encoder, "Ordered into service.")
        said = _("%s takes its place once every item is read and a model fitted: see the training runs.") % encoder
        self.message_user(request, said, messages.SUCCESS)
