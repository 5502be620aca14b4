"""The recommendation console: any list for anybody, and how it came about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from coldrec.admin import asking, audit, words
from coldrec.admin.screens import Screen
from coldrec.core.ranking.blend import Part
from coldrec.models import Slate, Visitor
from coldrec.services import console, placements, shops

PERMISSION = "coldrec.use_console"


class ConsoleForm(asking.ForWhom):
    """A list, for whom, where and when."""

    placement = forms.ChoiceField(label=_("Placement"))
    shown = forms.CharField(
        label=_("On the page already"), required=False, max_length=2000, help_text=_("Item ids, with commas between.")
    )
    now = forms.DateTimeField(
        label=_("Time"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        help_text=_("For what sells at that time; now, if left empty."),
    )
    find = forms.CharField(label=_("Find items"), required=False, max_length=200)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.known = placements.all_placements(self.shop)
        self.fields["placement"].choices = [(name, name) for name in self.known]

    def asked(self) -> console.Question:
        given = self.cleaned_data
        shown = tuple(one.strip() for one in given["shown"].split(",") if one.strip() and "\0" not in one)
        place = self.known[given["placement"]]
        return self.question(place, f"the recommendation console ({place.name})", shown=shown, now=given["now"])


class ConsoleScreen(Screen):
    name = "console"
    title = _("Recommendation console")
    permission = PERMISSION
    template_name = "admin/coldrec/console.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.form = ConsoleForm(request.GET if "placement" in request.GET else None, request, shops.current())
        self.answer = console.answer(self.form.shop, self.form.asked()) if self.form.is_valid() else None
        if self.answer is not None and request.GET.get("format") == "json":
            return self._file(self.answer)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form, request = self.form, self.request
        finds = form.data.get("find", "") if form.is_bound else ""
        names = console.names_of(form.shop, [*form.items, *(one.item for one in form.did)])
        context = {
            "form": form,
            "may_look": audit.may_look(request),
            "deeds": words.DID,
            "did": [(one, names[one.item]) for one in form.did],
            "about": [names[one] for one in form.items],
            "found": console.find_items(form.shop, finds),
            "finds": finds.strip(),
        }
        if self.answer is not None:
            context |= _shown(self.answer, request)
        return super().get_context_data(**context, **kwargs)

    @staticmethod
    def _file(answer: console.Answer) -> HttpResponse:
        response = JsonResponse(console.as_document(answer), json_dumps_params={"ensure_ascii": False, "indent": 2})
        name = f"trace-{answer.question.placement.name}.json"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def link(label: Any, placement: str, **more: Any) -> SafeString:
    """A link that asks the console for a list; a value may be a list."""
    query = urlencode({"placement": placement, **more}, doseq=True)
    return format_html('<a href="{}?{}">{}</a>', reverse("admin:coldrec_console"), query, label)


def link_of_slate(slate: Slate, request: HttpRequest) -> SafeString | None:
    """The same list asked again now; for the same visitor where that may be looked at."""
    if not request.user.has_perm(PERMISSION) or slate.placement not in placements.all_placements(slate.shop):
        return None
    context = slate.context if isinstance(slate.context, dict) else {}
    more: dict[str, Any] = {
        "item": [str(one) for one in context.get("seeds", ())],
        "category": asking.SEPARATOR.join(map(str, context.get("category", ()))),
    }
    if slate.visitor is not None and audit.may_look(request):
        more |= {"who": "visitor", "visitor": slate.visitor.key}
    return link(_("Open in the console"), slate.placement, **more)


def links_of_visitor(visitor: Visitor) -> list[SafeString]:
    """One link for each list of the shop, as the visitor would see it now."""
    names = placements.all_placements(visitor.shop)
    return [link(name, name, who="visitor", visitor=visitor.key) for name in names]


def _shown(answer: console.Answer, request: HttpRequest) -> dict[str, Any]:
    """The answer as the template reads it."""
    query = request.GET.copy()
    query["format"] = "json"
    for gone in ("add", "drop", "find"):
        query.pop(gone, None)
    document = console.as_document(answer)
    return {
        "answer": answer,
        "level": words.LEVEL.get(answer.slate.level, answer.slate.level),
        "left_out": words.LEFT_OUT.get(answer.left_out, ""),
        "has_refused": answer.question.visitor is not None and answer.question.visitor.consent == "refused",
        "page": asking.page_of(answer, request),
        "json": json.dumps(document, ensure_ascii=False, indent=2),
        "json_address": f"?{query.urlencode()}",
        "listed": list(_listed(answer)),
        "rungs": list(_rungs(answer)),
        "dropped": [
            {
                "item": answer.names[one.item],
                "reason": words.REASON.get(one.reason, one.reason),
                "level": words.LEVEL.get(one.level, one.level),
                "score": one.score,
            }
            for one in answer.dropped
        ],
        "known": [answer.names[one.item] for one in answer.past.history[::-1]],
        "disliked": [answer.names[one] for one in answer.past.disliked],
    }


def _listed(answer: console.Answer) -> Iterator[dict[str, Any]]:
    for item in answer.slate.items:
        parts = console.parts_of(answer, item)
        yield {
            "item": answer.names[item.id],
            "position": item.position,
            "level": words.LEVEL.get(item.level, item.level),
            "score": item.score,
            "reason": item.reason.text,
            "evidence": [answer.names[one] for one in item.reason.evidence],
            "tables": [
                {"caption": caption, "parts": [_part(part) for part in found], "total": sum(p.value for p in found)}
                for caption, found in (
                    (_("What adds up to the score"), parts["parts"]),
                    (_("By what it came among those that the ranker ordered"), parts["fused"]),
                )
                if found
            ],
        }


def _part(part: Part) -> dict[str, Any]:
    return {**vars(part), "label": words.PART.get(part.name, part.name)}


def _rungs(answer: console.Answer) -> Iterator[dict[str, Any]]:
    listed = {item.id for item in answer.slate.items}
    for trace in answer.traces:
        for rung in trace.rungs:
            sources = [
                {
                    "label": words.PART.get(source.name, source.name),
                    "known": source.known,
                    "new": source.new,
                    "best": [{**_fields(said), "item": answer.names[said.item]} for said in source.best],
                }
                for source in rung.sources
            ]
            yield {
                "level": words.LEVEL.get(rung.level.value, rung.level.value),
                "offered": rung.offered,
                "taken": len(listed.intersection(rung.taken)),
                "sources": sources,
            }


def _fields(said: Any) -> dict[str, Any]:
    return {"raw": said.raw, "standard": said.standard, "weight": said.weight}
