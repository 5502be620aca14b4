"""Visitors: who is recommended to, under a pseudonym."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import DELETION
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from coldrec.admin import audit, console, display
from coldrec.admin.base import FactsAdmin, FilledFilter
from coldrec.admin.figures import FigureFilter
from coldrec.models import Event, Item, Slate, Visitor
from coldrec.services import privacy, visitors

LATEST = 50  # events of the timeline
ERASE = "coldrec.delete_visitor"


class AccountFilter(FilledFilter):
    title = _("with an account")
    parameter_name = "with_account"
    field = "user"


@admin.register(Visitor)
class VisitorAdmin(FactsAdmin):
    list_display = ("short_key", "user", "consent", "is_personalised", "channel", "merged_into", "created_at")
    list_filter = ("consent", AccountFilter, FigureFilter)
    list_select_related = ("user", "merged_into")
    search_fields = ("key__exact",)
    search_help_text = _("A visitor's key as a whole.")
    fields = (
        "whole_key",
        "user",
        "consent",
        "is_personalised",
        "channel",
        "merged_into",
        "merged_at",
        "created_at",
        "activity",
        "shop",
    )
    personal = ("timeline", "lists", "wishes")
    change_form_template = "admin/coldrec/visitor_form.html"

    def get_urls(self) -> list[URLPattern]:
        site = self.admin_site
        return [
            path("<int:pk>/export/", site.admin_view(self.export_view), name="coldrec_visitor_export"),
            path("<int:pk>/erase/", site.admin_view(self.erase_view), name="coldrec_visitor_erase"),
            *super().get_urls(),
        ]

    def get_fields(self, request: HttpRequest, obj: Visitor | None = None) -> list[str]:
        if obj is None or not audit.may_look(request):
            return list(self.fields)
        obj.looked_at_by = request  # what stands in the personal fields depends on who looks
        return [*self.fields, *self.personal]

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        visitor = self.get_object(request, object_id)
        if visitor is not None and audit.may_look(request) and self.has_view_permission(request, visitor):
            audit.looked(request, visitor, "the visitor's page")
        return super().change_view(request, object_id, *args, **kwargs)

    def export_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """All that is kept about the visitor, as a file."""
        visitor = self._visitor(request, pk, audit.PERMISSION)
        audit.looked(request, visitor, "an export of all rows")
        response = StreamingHttpResponse(privacy.export(visitor), content_type="application/json")
        response["Content-Disposition"] = f'attachment; filename="visitor-{visitor.pk}.json"'
        return response

    def erase_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Asks, and then erases all that is kept about the visitor; the receipt stays."""
        visitor = self._visitor(request, pk, ERASE)
        if request.method == "POST":
            receipt = privacy.erase(visitor, source="admin")
            visitor.pk = pk
            audit.done(request, visitor, f"All rows erased; receipt {receipt.reference}.", DELETION)
            self.message_user(request, _("All rows of this visitor are erased."), messages.SUCCESS)
            if request.user.has_perm("coldrec.view_erasure"):
                return redirect("admin:coldrec_erasure_change", receipt.pk)
            return redirect("admin:coldrec_visitor_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Erase a visitor"),
            "opts": self.opts,
            "visitor": visitor,
            "counts": privacy.counts(visitor),
        }
        return TemplateResponse(request, "admin/coldrec/erase_visitor.html", context)

    def _visitor(self, request: HttpRequest, pk: int, permission: str) -> Visitor:
        if not (self.has_view_permission(request) and request.user.has_perm(permission)):
            raise PermissionDenied
        visitor = Visitor.objects.filter(pk=pk).select_related("shop").first()
        if visitor is None:
            raise Http404
        return visitor

    @admin.display(description=_("latest events"))
    def timeline(self, visitor: Visitor) -> SafeString | str:
        titles = Item.objects.filter(shop=OuterRef("shop"), external_id=OuterRef("item_id"))
        lists = Slate.objects.filter(pk=OuterRef("slate_id"))
        rows = (
            Event.objects.filter(visitor__in=visitors.rows_of(visitor).values("pk"))
            .annotate(title=Subquery(titles.values("title")[:1]), placement=Subquery(lists.values("placement")[:1]))
            .select_related("visitor")
            .order_by("-occurred_at", "-pk")[:LATEST]
        )
        lines = [
            (
                localize(localtime(event.occurred_at)),
                event.get_kind_display(),
                event.title or event.item_id or event.query,
                self._source(event, visitor),
            )
            for event in rows
        ]
        if not lines:
            return display.NOTHING
        names = (_("when"), _("what"), _("item or search words"), _("source"))
        head = format_html_join("", '<th scope="col">{}</th>', ((name,) for name in names))
        body = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", lines)
        caption = _("The latest events of this visitor")
        return format_html(
            '<div class="coldrec-screen coldrec-held">'
            '<div class="coldrec-scroll" role="region" tabindex="0" aria-label="{}">'
            "<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></div>",
            caption,
            caption,
            head,
            body,
        )

    @staticmethod
    def _source(event: Any, visitor: Visitor) -> SafeString | str:
        """From which list an event came, and as which guest."""
        parts: list[Any] = []
        if event.placement:
            parts.append(display.row_link("slate", event.slate_id, event.placement))
        if event.visitor_id != visitor.pk:
            label = _("as guest %s") % event.visitor.key[:12]
            parts.append(display.row_link("visitor", event.visitor_id, label))
        return format_html_join(" · ", "{}", ((part,) for part in parts)) if parts else display.NOTHING

    @admin.display(description=_("lists now"))
    def lists(self, visitor: Any) -> SafeString | str:
        if not visitor.looked_at_by.user.has_perm(console.PERMISSION):
            return display.NOTHING
        return _linked(format_html_join(" · ", "{}", ((one,) for one in console.links_of_visitor(visitor))))

    @admin.display(description=_("wishes"))
    def wishes(self, visitor: Any) -> SafeString:
        links = [(reverse("admin:coldrec_visitor_export", args=[visitor.pk]), _("Export all rows"))]
        if visitor.looked_at_by.user.has_perm(ERASE):
            links.append((reverse("admin:coldrec_visitor_erase", args=[visitor.pk]), _("Erase all rows …")))
        return _linked(format_html_join(" · ", '<a href="{}">{}</a>', links))

    @admin.display(description=_("key"), ordering="key")
    def short_key(self, visitor: Visitor) -> str:
        return visitor.key[:12]

    @admin.display(description=_("key"))
    def whole_key(self, visitor: Visitor) -> SafeString:
        return display.breakable(visitor.key)

    @admin.display(description=_("activity"))
    def activity(self, visitor: Visitor) -> SafeString:
        return format_html(
            "{} · {}",
            display.rows_link("event", _("events of this visitor"), visitor__id__exact=visitor.pk),
            display.rows_link("slate", _("lists served to this visitor"), visitor__id__exact=visitor.pk),
        )


def _linked(links: SafeString) -> SafeString:
    """Links that look like links in a theme that takes their looks away."""
    return format_html('<span class="coldrec-screen">{}</span>', links)
