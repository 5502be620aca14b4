"""The lists of the shop: where they come from, and what staff change about them, with a preview beside the form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import DELETION
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from coldrec.admin import asking, audit, display
from coldrec.admin.base import ModelAdmin
from coldrec.models import Placement, Shop
from coldrec.models.placement import KINDS, Layout
from coldrec.services import console, placements, shops

TITLE_LENGTH = 200  # characters
LAYERS = {
    "default": gettext_lazy("default"),
    "settings": gettext_lazy("settings"),
    "here": gettext_lazy("set here"),
}
LABELS: Mapping[str, Any] = {**dict(KINDS), **dict(Layout.choices)}


class PlacementForm(forms.ModelForm):
    """What staff say of a placement; an empty field says nothing. Titles stand in one field for each language."""

    class Meta:
        model = Placement
        fields = ("name", "kind", "size", "minimum", "layout", "is_shown")

    shop: Shop  # set by the admin

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.instance.pk is None:
            self.instance.shop = self.shop
        name = self.instance.name or self.initial.get("name", "")
        self.below = _from_settings().get(name)
        titles = placements.titles_of(self.instance)
        for code, _language in settings.LANGUAGES:
            if (key := f"title_{code}") in self.fields:
                self.fields[key].initial = titles.get(code.lower(), "")
        if self.below is not None:
            self._tell_what_is_below(self.below)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        name = given.get("name") or self.instance.name
        below = _from_settings().get(name)
        if name and not given.get("kind") and below is None and "kind" not in self.errors:
            self.add_error("kind", _("A new placement needs a kind; only those known already have one."))
        twins = Placement.objects.filter(shop=self.instance.shop, name=name).exclude(pk=self.instance.pk)
        if name and twins.exists():
            self.add_error("name", _("There is a row for this placement already; change that one."))
        size = given.get("size") or (below.size if below else 12)
        minimum = given.get("minimum")
        if minimum is not None and minimum > size:
            said = _("With at least %(minimum)d of at most %(size)d items the list would never be shown.")
            self.add_error("minimum", said % {"minimum": minimum, "size": size})
        return given

    def _post_clean(self) -> None:
        kept = placements.titles_of(self.instance)  # those in languages that the site no longer has stay
        for code, _language in settings.LANGUAGES:
            kept.pop(code.lower(), None)
            if title := self.cleaned_data.get(f"title_{code}", ""):
                kept[code.lower()] = title
        self.instance.titles = kept
        super()._post_clean()

    def _tell_what_is_below(self, below: placements.Placement) -> None:
        said = {
            "kind": LABELS.get(below.kind.value, below.kind.value),
            "size": below.size,
            "minimum": below.minimum,
            "layout": LABELS.get(below.layout, below.layout),
        }
        for key, value in said.items():
            if key in self.fields:
                told = _("If left empty: %s.") % value
                self.fields[key].help_text = f"{self.fields[key].help_text} {told}".strip()
        for code, _language in settings.LANGUAGES:
            if (key := f"title_{code}") in self.fields:
                with override(code):
                    self.fields[key].widget.attrs["placeholder"] = str(below.title)


class PreviewForm(asking.ForWhom):
    """Who looks at which page, in few words: items are named by their id or by words of their title.

    Whoever is named is meant: a visitor before somebody made up, and a stranger where nobody is.
    """

    who = None
    viewed = forms.CharField(
        label=gettext_lazy("Looked at"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("By somebody made up. Item ids or words of titles, with commas between."),
    )
    about = forms.CharField(
        label=gettext_lazy("The page is about"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Item ids or words of titles, with commas between."),
    )

    def __init__(self, data: Any, request: HttpRequest, shop: Shop) -> None:
        super().__init__(data, request, shop, prefix="preview", use_required_attribute=False)
        self.did, self.items = [], []

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        self.did = [asking.Deed("view", item) for item in self._found(given.get("viewed", ""))]
        self.items = self._found(given.get("about", ""))
        given["who"] = "visitor" if given.get("visitor", "").strip() else ""
        return super().clean()

    def _found(self, text: str) -> list[str]:
        terms = [term for term in text.split(",") if term.strip()][: asking.MOST]
        return [found[0].id for term in terms if (found := console.find_items(self.shop, term))]


@dataclass(frozen=True)
class Line:
    """One placement as the list shows it."""

    name: str
    placement: placements.Placement | None
    cells: tuple[tuple[Any, Any], ...]  # value, and the layer it comes from
    row: Placement | None
    problem: str
    address: str
    back: str  # where the row is deleted


@admin.register(Placement)
class PlacementAdmin(ModelAdmin):
    change_form_template = "admin/coldrec/placement_form.html"
    search_fields = ("name",)

    # Pages

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview_view)
        return [path("preview/", preview, name="coldrec_placement_preview"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Mapping[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        shop = _shop_of(request)
        context = {
            **self.admin_site.each_context(request),
            "title": self.opts.verbose_name_plural.capitalize(),
            "opts": self.opts,
            "lines": self._lines(request, shop),
            "shop": shop,
            "shops": list(Shop.objects.order_by("key")[:50]),
            "has_add_permission": self.has_add_permission(request),
            "add_address": f"{reverse('admin:coldrec_placement_add')}?{urlencode({'shop': shop.pk})}",
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        return TemplateResponse(request, "admin/coldrec/placements.html", context)

    @method_decorator([require_POST, xframe_options_sameorigin])
    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """The list as the unsaved form would have it; nothing is saved, logged as shown or recorded."""
        row = self._row_of(request)
        if not (self.has_view_or_change_permission(request) or self.has_add_permission(request)):
            raise PermissionDenied
        form = self.get_form(request, row if row.pk else None)(request.POST, instance=row)
        whom = PreviewForm(request.POST, request, row.shop)
        problems = [f"{one.label}: {error}" for one in form for error in one.errors] if not form.is_valid() else []
        problems += [f"{one.label}: {error}" for one in whom for error in one.errors] if not whom.is_valid() else []
        if not problems:
            try:
                place = placements.laid_over(_from_settings().get(row.name), form.instance)
            except placements.PlacementError as error:
                problems.append(str(error))
        if problems:
            page = render_to_string("admin/coldrec/preview_problems.html", {"problems": problems}, request)
        else:
            asked = whom.question(place, f"the preview of the placement {row.name}")
            page = asking.page_of(console.answer(row.shop, asked), request)
        return HttpResponse(page)

    # The form

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        titles = {
            f"title_{code}": self.formfield_for_dbfield(
                models.CharField(f"{_('Title')} ({language})", max_length=TITLE_LENGTH, blank=True), request
            )
            for code, language in settings.LANGUAGES
        }
        made = type("PlacementForm", (PlacementForm,), {**titles, "shop": obj.shop if obj else _shop_of(request)})
        fields = [*PlacementForm.Meta.fields, *titles]
        return super().get_form(request, obj, change, **{**options, "form": made, "fields": fields})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        titles = [f"title_{code}" for code, _language in settings.LANGUAGES] if may_write else ["all_titles"]
        return ((None, {"fields": ("name", *titles, "size", "minimum", "layout", "kind", "is_shown")}),)

    @admin.display(description=gettext_lazy("titles"))
    def all_titles(self, row: Placement) -> str:
        return display.table(placements.titles_of(row))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",) if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"name": request.GET.get("name", ""), "is_shown": True}

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        row = kwargs.get("obj")
        shop = row.shop if row else _shop_of(request)
        context |= {
            "whom": PreviewForm(None, request, shop),
            "may_look": audit.may_look(request),
            "preview_address": reverse("admin:coldrec_placement_preview", current_app=self.admin_site.name),
            "preview_row": row.pk if row else "",
            "preview_shop": shop.pk,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    # What was changed is written down with what it was before

    def construct_change_message(
        self, request: HttpRequest, form: forms.ModelForm, formsets: Any, add: bool = False
    ) -> str:
        changes = [
            f"{name}: {_told(form.get_initial_for_field(form.fields[name], name))} → {_told(form.cleaned_data[name])}"
            for name in form.changed_data
        ]
        return "; ".join(changes) or "Nothing changed."

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Placement]) -> None:
        for row in queryset:
            said = {
                "kind": row.kind,
                "size": row.size,
                "minimum": row.minimum,
                "layout": row.layout,
                "titles": row.titles,
                "is_shown": row.is_shown,
            }
            before = "; ".join(f"{name}: {_told(value)}" for name, value in said.items())
            audit.done(request, row, f"Back to the default. Before: {before}", DELETION)

    # Inside

    def _row_of(self, request: HttpRequest) -> Placement:
        """The row that the unsaved form is about, not yet with what the form says."""
        if (pk := request.POST.get("preview-row", "")).isdecimal():
            row = self.get_object(request, pk)
            if row is not None:
                return row
        return Placement(shop=_shop_of(request), name="")

    def _lines(self, request: HttpRequest, shop: Shop) -> list[Line]:
        rows = {row.name: row for row in Placement.objects.filter(shop=shop)}
        below = _from_settings()
        return [self._line(request, shop, name, below.get(name), rows.get(name)) for name in {**below, **rows}]

    def _line(
        self, request: HttpRequest, shop: Shop, name: str, below: placements.Placement | None, row: Placement | None
    ) -> Line:
        place, problem = below, ""
        if row is not None:
            try:
                place = placements.laid_over(below, row)
            except placements.PlacementError as error:
                problem = str(error)
        said = placements.layers(name, row)
        address, back = "", ""
        if row is not None:
            address = reverse("admin:coldrec_placement_change", args=[row.pk])
            if self.has_delete_permission(request, row):
                back = reverse("admin:coldrec_placement_delete", args=[row.pk])
        elif self.has_add_permission(request):
            address = f"{reverse('admin:coldrec_placement_add')}?{urlencode({'name': name, 'shop': shop.pk})}"
        cells: list[tuple[Any, Any]] = []
        if place is not None:
            values = {
                "title": str(place.title),
                "kind": LABELS.get(place.kind.value, place.kind.value),
                "size": place.size,
                "minimum": place.minimum,
                "layout": LABELS.get(place.layout, place.layout),
                "is_shown": _("yes") if place.is_shown else _("no"),
            }
            cells = [(value, LAYERS[said[field]]) for field, value in values.items()]
        return Line(name, place, tuple(cells), row, problem, address, back)


def _shop_of(request: HttpRequest) -> Shop:
    """The shop that the page is about: the one asked for, or the site's own."""
    asked = request.POST.get("preview-shop") or request.GET.get("shop") or ""
    found = Shop.objects.filter(pk=asked).first() if asked.isdecimal() and len(asked) < 19 else None
    return found or shops.current()


def _from_settings() -> Mapping[str, placements.Placement]:
    try:
        return placements.from_settings()
    except placements.PlacementError:  # the system checks tell of it; the editor must open all the same
        return placements.DEFAULT_PLACEMENTS


def _told(value: Any) -> str:
    return "–" if value is None or value == "" else str(value)
