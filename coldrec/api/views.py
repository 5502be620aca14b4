"""Version 1: lists out, events in. Views read the request, call one service and write its answer."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from coldrec import conf
from coldrec.api import caching, errors, origin
from coldrec.api.parsers import BeaconParser, EventsParser
from coldrec.api.schema import EVENTS, HEALTH, NEXT, RECOMMENDATIONS, SIMILAR, AutoSchema
from coldrec.api.serializers import NextQuery, RecommendationsQuery, SimilarQuery, TokenQuery, VisitorQuery, is_yes
from coldrec.api.throttles import WindowThrottle
from coldrec.core.errors import EventError
from coldrec.models import Shop, Visitor
from coldrec.services import browser, events, health, placements, recommend, shops, traffic, visitors
from coldrec.services.placements import PlacementError

VERSIONS = ("1",)
NO_CONSENT = "consent", "Not stored: this visitor has not agreed to be remembered."
BAD_TOKEN = "token", "Not stored: the visitor's token is forged or too old, or the visitor has refused."
NOBODY = "nobody", "Not stored: a crawler sent this, or a page that was fetched ahead."
UNWANTED = {NO_CONSENT[0], BAD_TOKEN[0], NOBODY[0], events.OTHER_VISITOR[0]}


class AlwaysJSON(DefaultContentNegotiation):
    """There is one form of answer, so what the client would like better makes no difference."""

    def select_renderer(
        self, request: Request, renderers: list[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class View(APIView):
    """What all endpoints share: open to shoppers whatever the project's defaults are; private, unless for everybody."""

    schema = AutoSchema()
    permission_classes = [AllowAny]
    renderer_classes = [JSONRenderer]
    parser_classes: list[type] = []
    content_negotiation_class = AlwaysJSON
    versioning_class = None
    throttle_classes = [WindowThrottle]
    throttle_scope = "coldrec-lists"
    shared_seconds = 0  # for how long caches may keep what is for everybody; 0: nothing is
    is_shared = False

    def is_for_everybody(self, request: HttpRequest) -> bool:
        """Whether this request wants what anybody would get."""
        return bool(self.shared_seconds)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.is_shared = request.method in ("GET", "HEAD") and self.is_for_everybody(request)
        if not self.is_shared:
            return super().dispatch(request, *args, **kwargs)
        caching.forget_who_asks(request)
        with translation.override(caching.language_of(request)):
            return super().dispatch(request, *args, **kwargs)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        self.session_user = getattr(request, "user", None)
        return super().initialize_request(request, *args, **kwargs)

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [] if self.is_shared else super().get_authenticators()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.session_user is not None and not _is_identified(request):
            # DRF has put its own "nobody" on Django's request; whom the session knows is still the shopper.
            _http(request).user = self.session_user

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return errors.answer

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.is_shared and response.status_code == status.HTTP_200_OK:
            return caching.for_everybody(_http(request), response, seconds=self.shared_seconds)
        response["Cache-Control"] = caching.PRIVATE
        browser.set_cookies(_http(request), response)
        return response


class WritingView(View):
    """What takes something from a shopper's page; a browser that speaks for another site's page is refused."""

    throttle_scope = "coldrec-events"

    def get_authenticators(self) -> list[BaseAuthentication]:
        # Beacons carry no CSRF token, so a session gives no permission here, and the origin is checked instead.
        # Servers identify themselves by whatever else the project has configured.
        return [one for one in super().get_authenticators() if not isinstance(one, SessionAuthentication)]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not origin.is_own(_http(request)):
            raise errors.CrossSite

    def body(self, request: Request) -> Any:
        """What was sent, parsed; UnreadableError where there is nothing."""
        if request.stream is None:  # nothing was sent, or in chunks, which WSGI does not hand on
            raise errors.UnreadableError("The body is empty; send JSON, and its length in Content-Length.")
        return request.data


@HEALTH
class HealthView(View):
    authentication_classes: list[type] = []
    throttle_classes: list[type] = []

    def get(self, request: Request) -> Response:
        state = health.check()
        down = status.HTTP_503_SERVICE_UNAVAILABLE if state.status == "down" else status.HTTP_200_OK
        return Response(asdict(state), status=down)


@EVENTS
class EventsView(WritingView):
    parser_classes = [EventsParser, BeaconParser]

    def post(self, request: Request) -> Response:
        received = self.body(request)
        batch = received if isinstance(received, list) else [received]
        most = conf.get("EVENTS_PER_REQUEST")
        if len(batch) > most:
            raise errors.TooLarge(f"{len(batch)} events in one request; at most {most} are allowed.")
        if not batch:
            raise EventError("The list is empty; send at least one event.", "empty")
        return _answer(self._record(request, batch))

    def _record(self, request: Request, batch: list[object]) -> events.Receipt:
        shop, query = shops.current(), _checked(TokenQuery, request)
        if "visitor_id" in request.query_params:
            raise ValidationError({"visitor_id": _("Events name their visitor themselves, in the field visitor.")})
        if token := query.get("visitor"):
            visitor, reason = visitors.from_token(shop, token), BAD_TOKEN
        elif _is_identified(request) and request.user.has_perm("coldrec.add_event"):
            return events.record(shop, batch, source="api")
        elif _is_identified(request) and any(isinstance(one, dict) and one.get("visitor") for one in batch):
            raise errors.NotTrusted(_("Only an account with the permission coldrec.add_event may name visitors."))
        else:
            visitor = visitors.from_request(_http(request), create=True)
            reason = NOBODY if traffic.is_nobody(_http(request)) else NO_CONSENT
        if visitor is None:
            return _unwanted(batch, *reason)
        return events.record(shop, batch, visitor=visitor, by_cookie=not token, source="api")


class ListsView(View):
    """Lists are made for one visitor; asked for as ``public`` they are a stranger's, the same for everybody."""

    shared_seconds = 60

    def is_for_everybody(self, request: HttpRequest) -> bool:
        return is_yes(request.GET.get("public"))

    def answer(self, request: Request, *wanted: placements.PlacementRequest) -> Response:
        shop = shops.current()
        visitor = None if self.is_shared else _visitor(request, shop)
        return _slates(shop, visitor, wanted, logged=not self.is_shared)


@RECOMMENDATIONS
class RecommendationsView(ListsView):
    def get(self, request: Request) -> Response:
        query = _checked(RecommendationsQuery, request)
        beside = {"basket": query.get("basket", ())}
        wanted = [
            placements.PlacementRequest(
                name,
                seeds=tuple(beside.get(name, query.get("seeds", ()))),
                category=tuple(query.get("category", ())),
                size=query.get("size"),
                query=query.get("query", ""),
            )
            for name in query["placement"]
        ]
        return self.answer(request, *wanted)


@SIMILAR
class SimilarView(ListsView):
    def get(self, request: Request, item_id: str) -> Response:
        query = _checked(SimilarQuery, request)
        if "\0" in item_id or not recommend.is_known(shops.current(), item_id):  # PostgreSQL cannot be asked for NUL
            raise errors.NoSuchItem
        wanted = placements.PlacementRequest("product_similar", seeds=(item_id,), size=query.get("size"))
        return self.answer(request, wanted)


@NEXT
class NextView(View):
    def get(self, request: Request, slate_id: UUID) -> Response:
        query, shop = _checked(NextQuery, request), shops.current()
        visitor = _visitor(request, shop)
        wanted = recommend.following(slate_id, shop=shop, visitor=visitor, size=query.get("size"))
        if wanted is None:
            raise errors.NoSuchSlate
        return _slates(shop, visitor, [replace(wanted, query=query.get("query", ""))])


class UnknownView(View):
    """Whatever else is asked for below a version: JSON like everything there, and no page of the shop's."""

    schema = None
    authentication_classes: list[type] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        version, known = kwargs["version"], ", ".join(f"v{one}" for one in VERSIONS)
        if version not in VERSIONS:
            told = {"version": version, "known": known}
            raise errors.NoSuchVersion(_("There is no version v%(version)s here; there is %(known)s.") % told)
        raise errors.NoSuchAddress(_("There is nothing at this address; v%s/schema/ lists those there are.") % version)


def _slates(
    shop: Shop, visitor: Visitor | None, wanted: Sequence[placements.PlacementRequest], *, logged: bool = True
) -> Response:
    try:
        served = recommend.serve(wanted, shop=shop, visitor=visitor, later=True, logged=logged)
    except PlacementError as error:
        raise errors.NoSuchPlacement(str(error)) from error
    slates = [asdict(slate) for slate in served]
    for item in (item for slate in slates for item in slate["items"]):
        if item["price"] is not None:  # as text: a JSON number is a float to most readers, and money is not
            item["price"] = f"{item['price']:.2f}"
    return Response({"slates": slates})


def _visitor(request: Request, shop: Shop) -> Visitor | None:
    """Whom the list is for: named by a signed token, by a trusted server, or else by cookie and session."""
    query = _checked(VisitorQuery, request)
    if token := query.get("visitor"):
        return visitors.from_token(shop, token)
    if outside_id := query.get("visitor_id"):
        if not _is_identified(request) or not request.user.has_perm("coldrec.view_visitor"):
            raise errors.NotTrusted
        return visitors.from_outside_id(shop, outside_id)
    return visitors.from_request(_http(request), create=False, with_history=conf.get("HISTORY_LENGTH"))


def _is_identified(request: Request) -> bool:
    """Whether DRF knows the account; a project may have it put None for nobody."""
    return request.user is not None and request.user.is_authenticated


def _checked(shape: type[TokenQuery], request: Request) -> dict[str, Any]:
    query = shape(data=request.query_params)
    query.is_valid(raise_exception=True)
    return query.validated_data


def _unwanted(batch: list[object], code: str, message: str) -> events.Receipt:
    """The receipt for events of somebody who is not to be remembered: nothing is stored, not even the refusal."""
    return events.Receipt(rejected=tuple(events.Rejection(index, code, message) for index in range(len(batch))))


def _answer(receipt: events.Receipt) -> Response:
    body: dict[str, Any] = {
        "received": receipt.received,
        "accepted": receipt.accepted,
        "duplicate": receipt.duplicate,
        "rejected": [
            {"index": one.index, "code": one.code, "detail": one.message, "event_id": one.event_id}
            for one in receipt.rejected
        ],
    }
    first = receipt.rejected[0] if receipt.rejected else None
    if first is None or receipt.accepted or receipt.duplicate or first.code in UNWANTED:
        return Response(body, status=status.HTTP_202_ACCEPTED)
    return Response({"code": first.code, "detail": first.message, **body}, status=status.HTTP_400_BAD_REQUEST)


def _http(request: Request) -> HttpRequest:
    """Django's own request, on which services keep what they know of the visitor."""
    return request._request
