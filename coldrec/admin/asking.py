"""For whom, and on which page, staff ask for a list: what the console and the placements' preview share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from coldrec import conf
from coldrec.admin import audit, words
from coldrec.core.types import INTERACTION_WEIGHTS, EventKind, Interaction
from coldrec.models import Shop, Visitor
from coldrec.services import console, placements
from coldrec.services.pasts import Past

WHO = {"stranger": _("a stranger"), "made_up": _("somebody made up"), "visitor": _("a real visitor")}
MOST = 50  # items that a made-up visitor, or a page, can have
SEPARATOR = " › "


@dataclass(frozen=True)
class Deed:
    """One thing that a made-up visitor did."""

    kind: str
    item: str

    @classmethod
    def read(cls, text: str) -> Deed | None:
        kind, _colon, item = text.partition(":")
        return cls(kind, item) if kind in words.DID and item and "\0" not in item else None

    @property
    def value(self) -> str:
        return f"{self.kind}:{self.item}"

    @property
    def label(self) -> Any:
        return words.DID[self.kind]


class ForWhom(forms.Form):
    """Who looks at which page. Items that were picked stand in ``did`` and ``item``, as often as they are needed."""

    who = forms.ChoiceField(label=_("For"), required=False, initial="stranger", widget=forms.RadioSelect)
    visitor = forms.CharField(
        label=_("Key or account"), required=False, max_length=200, help_text=_("Looking at a visitor is written down.")
    )
    why = forms.CharField(label=_("Why you look"), required=False, max_length=200)
    category = forms.CharField(
        label=_("Category of the page"), required=False, max_length=500, help_text=_("Outermost first: A › B.")
    )
    query = forms.CharField(label=_("Words searched for"), required=False, max_length=500)
    language = forms.ChoiceField(label=_("Language"), required=False)

    def __init__(self, data: QueryDict | None, request: HttpRequest, shop: Shop, **options: Any) -> None:
        if data is not None and _added(data, *words.DID):  # whoever did something is somebody made up
            data = data.copy()
            data["who"] = "made_up"
        super().__init__(data, **options)
        self.request, self.shop, self.found_visitor = request, shop, None
        if "who" in self.fields:
            allowed = {name: label for name, label in WHO.items() if name != "visitor" or audit.may_look(request)}
            self.fields["who"].choices = list(allowed.items())
        self.fields["language"].choices = settings.LANGUAGES
        self.fields["language"].initial = translation.get_language()
        self.did = self._deeds(data) if data is not None else []
        self.items = self._items(data) if data is not None else []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["who"] = cleaned.get("who") or ("made_up" if self.did else "stranger")
        if cleaned["who"] == "visitor":
            self.found_visitor = self._visitor(cleaned.get("visitor", "").strip())
        return cleaned

    def question(self, placement: placements.Placement, where: str, **more: Any) -> console.Question:
        """What is asked, once the form is valid; looking at a real visitor is written down here."""
        given, past = self.cleaned_data, None
        if given["who"] == "made_up":
            past = self.past
        visitor: Visitor | None = self.found_visitor
        if visitor is not None:
            audit.looked(self.request, visitor, where, given["why"].strip())
        return console.Question(
            placement,
            visitor=visitor,
            past=past,
            seeds=tuple(self.items),
            category=category_of(given["category"]),
            query=given["query"].strip(),
            language=given["language"] or translation.get_language() or settings.LANGUAGE_CODE,
            **more,
        )

    @property
    def past(self) -> Past:
        """The deeds as a history, a minute between two of them."""
        now, done = timezone.now().timestamp(), [one for one in self.did if one.kind in INTERACTION_WEIGHTS]
        history = [
            Interaction(one.item, INTERACTION_WEIGHTS[one.kind], now - 60 * (len(done) - at))
            for at, one in enumerate(done)
        ]
        disliked = [one.item for one in self.did if one.kind == EventKind.DISLIKE]
        return Past(tuple(history), tuple(disliked[::-1]))

    def _visitor(self, named: str) -> Visitor | None:
        if not audit.may_look(self.request):
            raise PermissionDenied
        if not named:
            self.add_error("visitor", _("Give a visitor's key, or the name of an account."))
            return None
        found = console.find_visitor(self.shop, named)
        if found is None:
            self.add_error("visitor", _("There is no such visitor. Give a whole key, or the name of an account."))
        return found

    def _deeds(self, data: QueryDict) -> list[Deed]:
        found = [Deed.read(text) for text in [*data.getlist("did"), *_added(data, *words.DID)]]
        return [one for one in dict.fromkeys(found) if one and one.value != data.get("drop")][-MOST:]

    def _items(self, data: QueryDict) -> list[str]:
        found = [*data.getlist("item"), *(text.partition(":")[2] for text in _added(data, "page"))]
        return [one for one in dict.fromkeys(found) if one and "\0" not in one and f"page:{one}" != data.get("drop")][
            -MOST:
        ]


def category_of(text: str) -> tuple[str, ...]:
    """The names of a category path written as "A › B" or "A > B"."""
    return tuple(name.strip() for name in text.replace("›", ">").split(">") if name.strip())


def page_of(answer: console.Answer, request: HttpRequest) -> str:
    """The list as a page of its own, by the shop's templates and style sheets; for a frame."""
    context = {
        "slate": answer.slate,
        "placement": answer.question.placement,
        "styles": conf.get("PREVIEW_CSS"),
        "note": words.LEFT_OUT.get(answer.left_out, ""),
    }
    with translation.override(answer.question.language):
        return render_to_string("admin/coldrec/preview.html", context, request)


def _added(data: QueryDict, *kinds: str) -> Sequence[str]:
    added = data.get("add", "")
    return [added] if added.partition(":")[0] in kinds else []
