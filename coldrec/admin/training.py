"""Training runs, and the model versions they leave: looked at, put into service and taken back here."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from coldrec import conf
from coldrec.admin import charts, curves, display
from coldrec.admin.base import FactsAdmin
from coldrec.core.errors import ColdrecError
from coldrec.models import ModelVersion, Shop, TrainingRun
from coldrec.services import runs

METRICS = {
    "cold": gettext_lazy("new items among themselves"),
    "warm": gettext_lazy("items with interactions"),
    "balanced": gettext_lazy("new and known items in one list"),
    "popularity_warm": gettext_lazy("items with interactions, by popularity alone"),
}
"""What the figures of a fit stand for; see docs/concepts.md."""


@admin.register(TrainingRun)
class TrainingRunAdmin(FactsAdmin):
    """Runs are followed while they are at work; who may, ends them or has them tried again."""

    list_display = ("started_at", "kind", "state", "live_progress", "duration", "result")
    list_filter = ("kind", "state")
    list_select_related = ("version", "encoder")
    ordering = ("-started_at",)
    fields = (
        *("kind", "state", "live", "started_at", "duration", "attempts", "beaten_at", "result", "message"),
        *("configuration", "shop"),
    )
    actions = ("cancel", "retry", "compare")

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ("coldrec/admin.css",)}
        js = (Script("coldrec/live.js", type="module"),)

    def has_control_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("coldrec.control_trainingrun")

    @admin.display(description=gettext_lazy("progress"))
    def live_progress(self, run: TrainingRun) -> SafeString | str:
        return _live(run, run.progress or display.NOTHING)

    @admin.display(description=gettext_lazy("progress"))
    def live(self, run: TrainingRun) -> SafeString | str:
        return _live(run, format_html("<p>{}</p>{}", run.progress or display.NOTHING, curves.drawn([run])))

    @admin.display(description=gettext_lazy("result"))
    def result(self, run: TrainingRun) -> SafeString | str:
        if run.version:
            return display.row_link("modelversion", run.version_id, run.version)
        return display.row_link("encoderversion", run.encoder_id, run.encoder) if run.encoder else display.NOTHING

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

    @admin.action(permissions=["control"], description=gettext_lazy("Cancel the selected runs"))
    def cancel(self, request: HttpRequest, queryset: QuerySet[TrainingRun]) -> None:
        done = self._each(request, queryset, runs.cancel, "Cancelled.")
        if done:
            said = ngettext("%d run ends at its next step.", "%d runs end at their next step.", done) % done
            self.message_user(request, said, messages.SUCCESS)

    @admin.action(permissions=["control"], description=gettext_lazy("Try the selected runs again"))
    def retry(self, request: HttpRequest, queryset: QuerySet[TrainingRun]) -> None:
        from coldrec import tasks

        def again(run: TrainingRun) -> None:
            runs.retry(run)
            tasks.start(run)

        done = self._each(request, queryset, again, "Tried again.")
        if done:
            said = ngettext("%d run waits for a worker.", "%d runs wait for a worker.", done) % done
            if conf.get("TASKS") != "celery":
                nobody = _("There are none here: coldrec_train --waiting works on it.")
                said = f"{said} {nobody}"
            self.message_user(request, said, messages.SUCCESS)

    @admin.action(permissions=["view"], description=gettext_lazy("Compare the curves of the selected runs"))
    def compare(self, request: HttpRequest, queryset: QuerySet[TrainingRun]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Curves of training runs"),
            "curves": curves.drawn(list(queryset.order_by("pk")[: charts.SERIES])),
            "most": charts.SERIES,
        }
        return TemplateResponse(request, "admin/coldrec/curves.html", context)

    def _each(self, request: HttpRequest, queryset: QuerySet[TrainingRun], act: Any, note: str) -> int:
        done = 0
        for run in queryset.select_related("shop"):
            try:
                act(run)
            except ColdrecError as error:
                self.message_user(request, str(error), messages.ERROR)
                continue
            self.log_change(request, run, note)
            done += 1
        return done


def _live(run: TrainingRun, shown: SafeString | str) -> SafeString:
    """What live.js reads anew every few seconds while the run is at work."""
    is_open = run.state in runs.OPEN
    return format_html(
        '<div id="run-{}"{}>{}</div>', run.pk, SafeString(" data-coldrec-live" if is_open else ""), shown
    )


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
