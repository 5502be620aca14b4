"""Clicks that a browser tells of by itself, by the ``ping`` of a link, where no script runs."""

from __future__ import annotations

import uuid

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from coldrec.api.views import WritingView
from coldrec.services import events, reasons, shops, slates, visitors


class ClickView(WritingView):
    """One click per place in a list, however often it is told."""

    schema = None  # browsers send these, nobody writes them

    def post(self, request: Request, slate_id: uuid.UUID, position: int) -> Response:
        shop = shops.current()
        row = reasons.find(shop, slate_id, position, visitors.from_request(request._request, create=False))
        visitor = visitors.from_request(request._request, create=True) if row is not None else None
        if row is not None and visitor is not None:
            events.record(shop, [slates.click(row, "click")], visitor=visitor, source="ping")
        return Response(status=status.HTTP_204_NO_CONTENT)
