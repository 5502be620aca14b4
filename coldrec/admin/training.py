"""Training runs, and the model versions they leave: looked at, put into service and taken back here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from coldrec.admin import display
from coldrec.admin.base import FactsAdmin
from coldrec.core.errors import ColdrecError
from coldrec.models import ModelVersion, Shop, TrainingRun

METRICS = {
    "cold": gettext_lazy("new items among themselves"),
    "warm": gettext_lazy("items with interactions"),
    "balanced": gettext_lazy("new and known items in one list"),
    "popularity_warm": gettext_lazy("items with interactions, by popularity alone"),
}
"""What the figures of a fit stand for; see docs/concepts.md."""


@admin.register(TrainingRun)
class TrainingRunAdmin(FactsAdmin):
    list_display = ("started_at", "state", "progress", "duration", "version")
    list_filter = ("state",)
    list_select_related = ("version",)
    ordering = ("-started_at",)
    fields = ("state", "progress", "started_at", "duration", "version", "message", "configuration", "shop")

    @admin.display(description=gettext_lazy("duration"))
    def duration(self, run: TrainingRun) -> str:
        if run.finished_at is None:
            return display.NOTHING
        seconds = (run.finished_at - run.started_at).total_seconds()
        return _("%d s") % seconds if seconds < 120 else timesince(run.started_at, run.finished_at)

    @admin.display(description=gettext_lazy("configuration"))
    def configuration(self, run: TrainingRun) -> str:
        return display.table(run.config)

    @admin.display(description=gettext_lazy("error"))
    def message(self, run: TrainingRun) -> SafeString | str:
        return format_html("<pre>{}</pre>", run.error) if run.error else display.NOTHING


@admin.register(ModelVersion)
class ModelVersionAdmin(FactsAdmin):
    list_display = ("__str__", "standing", "cold", "warm", "balanced", "created_at", "promoted_at")
    ordering = ("shop", "-number")
    fields = (
        "number",
        "standing",
        "figures",
        "refusal",
        "created_at",
        "promoted_at",
        "replaced",
        "path",
        "sum",
        "shop",
    )
    actions = ("promote", "roll_back")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("shop", "replaced")

    def has_promote_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("coldrec.promote_modelversion")

    @admin.display(description=gettext_lazy("state"))
    def standing(self, version: ModelVersion) -> str:
        if version.shop.serving_version_id == version.pk:
            return _("in service")
        if version.refusal:
            return _("refused")
        return _("has served") if version.promoted_at else _("waiting")

    @admin.display(description=gettext_lazy("digest"))
    def sum(self, version: ModelVersion) -> SafeString:
        return display.breakable(version.digest)

    @admin.display(description=gettext_lazy("cold"))
    def cold(self, version: ModelVersion) -> str:
        return display.text(version.metrics.get("cold"))

    @admin.display(description=gettext_lazy("warm"))
    def warm(self, version: ModelVersion) -> str:
        return display.text(version.metrics.get("warm"))

    @admin.display(description=gettext_lazy("balanced"))
    def balanced(self, version: ModelVersion) -> str:
        return display.text(version.metrics.get("balanced"))

    @admin.display(description=gettext_lazy("quality inside the fit (nDCG@20)"))
    def figures(self, version: ModelVersion) -> str:
        return display.table({_label(name): value for name, value in version.metrics.items()})

    @admin.action(permissions=["promote"], description=gettext_lazy("Put the selected version into service"))
    def promote(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        from coldrec.services import training  # loads scipy, which no other page of the admin needs

        chosen = list(queryset.select_related("shop")[:2])
        if len(chosen) != 1:
            return self.message_user(request, _("Select exactly one version to put into service."), messages.ERROR)
        version = chosen[0]
        try:
            training.promote(version)
        except ColdrecError as error:
            return self.message_user(request, str(error), messages.ERROR)
        self.log_change(request, version, "Put into service.")
        self.message_user(request, _("%s is in service.") % version, messages.SUCCESS)

    @admin.action(permissions=["promote"], description=gettext_lazy("Go back to the version before"))
    def roll_back(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        from coldrec.services import training

        shops = Shop.objects.filter(serving_version__in=queryset.order_by().values("pk"))
        if not shops:
            said = _("Select the version that serves now: the one before it takes its place.")
            return self.message_user(request, said, messages.ERROR)
        for shop in shops.select_related("serving_version"):
            before = shop.serving_version
            try:
                training.rollback(shop)
            except ColdrecError as error:
                self.message_user(request, str(error), messages.ERROR)
                continue
            serving = Shop.objects.select_related("serving_version").get(pk=shop.pk).serving_version
            self.log_change(request, before, f"Taken out of service; {serving} serves again.")
            said = _("%(serving)s serves again in place of %(before)s.") % {"serving": serving, "before": before}
            self.message_user(request, said, messages.SUCCESS)


def _label(name: str) -> str:
    if name.startswith("new_visitor_"):
        count = int(name.removeprefix("new_visitor_"))
        return ngettext("new visitors after %d interaction", "new visitors after %d interactions", count) % count
    return str(METRICS.get(name, name))
