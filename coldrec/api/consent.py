"""Version 1: the answer to the consent question."""

from rest_framework.request import Request
from rest_framework.response import Response

from coldrec.api.parsers import BeaconParser, EventsParser
from coldrec.api.schema import CONSENT
from coldrec.api.serializers import ConsentAnswerSerializer
from coldrec.api.views import WritingView
from coldrec.services import browser, consent

SOURCE = "API"
BANNER = "banner"


@CONSENT
class ConsentView(WritingView):
    parser_classes = [EventsParser, BeaconParser]

    def post(self, request: Request) -> Response:
        http = request._request
        answer = ConsentAnswerSerializer(data=self.body(request))
        answer.is_valid(raise_exception=True)
        # Only a page says where it comes from; what else sends an answer is the shop's own program.
        source = BANNER if "Origin" in http.headers else SOURCE
        consent.answer(http, granted=answer.validated_data["granted"], source=source)
        return Response({"consent": browser.answer(http)})
