"""Lists as HTML for one visitor, for pages that hold a stranger's until these come."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.template import Engine, RequestContext
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request

from coldrec import conf
from coldrec.api.serializers import MOST_SEEDS
from coldrec.api.views import View
from coldrec.services import foresight, placements
from coldrec.templatetags.coldrec import TITLES, coldrec_widget

MOST_LISTS = 20
MOST_SHOWN = 300


class IdField(serializers.CharField):
    """The shop's own id of an item, or a part of a category path: any text."""

    def __init__(self) -> None:
        super().__init__(max_length=255, trim_whitespace=False)


class TitleField(serializers.CharField):
    """A title that a page of the shop has signed."""

    def to_internal_value(self, data: Any) -> str:
        try:
            return TITLES.unsign(super().to_internal_value(data))
        except BadSignature as error:
            raise ValidationError(_("The title is not one that a page of the shop has given.")) from error


class ListQuery(serializers.Serializer):
    """What ``{% coldrec_widget %}`` was told on the page."""

    item = serializers.ListField(child=IdField(), required=False, max_length=MOST_SEEDS)
    category = serializers.ListField(child=IdField(), required=False, max_length=10)
    query = serializers.CharField(required=False, allow_blank=True, max_length=500)
    size = serializers.IntegerField(required=False, min_value=1, max_value=conf.LONGEST_LIST)
    title = TitleField(required=False, allow_blank=True)


class PageQuery(serializers.Serializer):
    """``list``, repeated: a page's late lists, each as ``home/?size=6``. ``shown``: items that it shows already."""

    list = serializers.ListField(child=serializers.CharField(max_length=8000), max_length=MOST_LISTS)
    shown = serializers.ListField(child=IdField(), required=False, max_length=MOST_SHOWN)


class _Asked(NamedTuple):
    wanted: placements.PlacementRequest
    title: str | None


class ListView(View):
    """One list: the very HTML that the tag would have put on the page for this visitor."""

    schema = None  # an answer for our own script, not for the API's readers

    def get(self, request: Request, placement: str) -> HttpResponse:
        shown = _shown(request)
        return HttpResponse(_render(request._request, [_asked(placement, request.query_params)], shown)[0])


class ListsView(View):
    """All late lists of a page in one answer, so that none repeats what another shows."""

    schema = None

    def get(self, request: Request) -> JsonResponse:
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        lists = []
        for address in query.validated_data["list"]:
            placement, _mark, parameters = address.partition("?")
            lists.append(_asked(placement.removesuffix("/"), QueryDict(parameters)))
        return JsonResponse({"lists": _render(request._request, lists, query.validated_data.get("shown", ()))})


def _shown(request: Request) -> list[str]:
    query = PageQuery(data=request.query_params, partial=True)
    query.is_valid(raise_exception=True)
    shown: list[str] = query.validated_data.get("shown", [])
    return shown


def _asked(placement: str, parameters: QueryDict) -> _Asked:
    try:
        placements.get(placement)
    except placements.PlacementError as error:
        raise NotFound(str(error), code="unknown_placement") from error
    query = ListQuery(data=parameters)
    query.is_valid(raise_exception=True)
    given = query.validated_data
    wanted = placements.PlacementRequest(
        placement,
        tuple(given.get("item", ())),
        tuple(given.get("category", ())),
        given.get("size"),
        given.get("query", ""),
    )
    return _Asked(wanted, given.get("title"))


def _render(request: HttpRequest, lists: list[_Asked], shown: list[str]) -> list[str]:
    # What the basket's list stands beside is found when it is served.
    foresight.expect(request, [one.wanted for one in lists if one.wanted.placement != "basket"], shown)
    context = RequestContext(request, {"request": request})
    with context.bind_template(Engine.get_default().from_string("")):
        return [
            coldrec_widget(
                context,
                wanted.placement,
                items=wanted.seeds,
                category=wanted.category,
                size=wanted.size,
                title=title,
                query=wanted.query,
                late=False,
            )
            for wanted, title in lists
        ]
