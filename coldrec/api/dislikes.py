"""What a visitor is not interested in, said and taken back over HTTP."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from coldrec.api import errors
from coldrec.api.parsers import EventsParser
from coldrec.api.schema import DISLIKE, UNDISLIKE
from coldrec.api.serializers import DislikeSerializer
from coldrec.api.views import WritingView
from coldrec.models import Visitor
from coldrec.services import dislikes, recommend, shops, visitors


class _WishView(WritingView):
    parser_classes = [EventsParser]

    def visitor(self, request: Request) -> Visitor:
        """Whose wish it is; who may not be remembered can have none."""
        visitor = visitors.from_request(request._request, create=True)
        if visitor is None:
            raise errors.NoConsent
        return visitor


@DISLIKE
class DislikesView(_WishView):
    def post(self, request: Request) -> Response:
        asked = DislikeSerializer(data=self.body(request))
        asked.is_valid(raise_exception=True)
        wish = asked.validated_data
        if not recommend.is_known(shops.current(), wish["item_id"]):
            raise errors.NoSuchItem
        dislikes.add(
            self.visitor(request), wish["item_id"], slate_id=wish.get("slate_id"), position=wish.get("position")
        )
        return Response({"item_id": wish["item_id"], "is_disliked": True})


@UNDISLIKE
class DislikeView(_WishView):
    def delete(self, request: Request, item_id: str) -> Response:
        if "\0" in item_id or not recommend.is_known(shops.current(), item_id):  # PostgreSQL cannot be asked for NUL
            raise errors.NoSuchItem
        dislikes.remove(self.visitor(request), item_id)
        return Response({"item_id": item_id, "is_disliked": False})
