"""What the OpenAPI document says of each endpoint: parameters, answers and an example of each."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from drf_spectacular import openapi
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.serializers import Serializer

from coldrec.api import examples
from coldrec.api.serializers import (
    ConsentAnswerSerializer,
    ConsentSerializer,
    DislikeSerializer,
    ErrorSerializer,
    EventSerializer,
    HealthSerializer,
    NextQuery,
    ReceiptSerializer,
    RecommendationsQuery,
    RefusalSerializer,
    SimilarQuery,
    SlatesSerializer,
    TokenQuery,
    WishSerializer,
)


class AutoSchema(openapi.AutoSchema):
    """Names that do not change with the project's addresses, and that the project's own do not meet."""

    def get_operation_id(self) -> str:
        return "coldrec_" + type(self.view).__name__.removesuffix("View").lower()

    def get_tags(self) -> list[str]:
        return ["coldrec"]

    def get_serializer_name(self, serializer: Serializer, direction: str) -> str:
        return "Coldrec" + super().get_serializer_name(serializer, direction).removesuffix("Serializer")


def _answers(shape: type[Serializer], description: str | Promise, **bodies: Any) -> OpenApiResponse:
    """A documented answer with its examples, by name; their underscores are read as spaces."""
    given = [OpenApiExample(name.replace("_", " "), value=body, response_only=True) for name, body in bodies.items()]
    return OpenApiResponse(shape, description, given)


def _failure(description: str | Promise, *codes: str) -> OpenApiResponse:
    return _answers(ErrorSerializer, description, **{code: examples.error(code) for code in codes})


RETRY_AFTER = OpenApiParameter(
    "Retry-After", int, OpenApiParameter.HEADER, description=_("Seconds to wait."), response=[429, 503]
)
ITEM_ID = OpenApiParameter(
    "item_id",
    str,
    OpenApiParameter.PATH,
    description=_("The shop's own id of the item, percent-encoded."),
    examples=[OpenApiExample("an id", value="tea3")],
)


SLATE_ID = OpenApiParameter(
    "slate_id",
    OpenApiTypes.UUID,
    OpenApiParameter.PATH,
    description=_("As it stood with the list that the visitor has seen."),
    examples=[OpenApiExample("a slate", value=examples.SLATE_ID)],
)


def _parameter(name: str, label: str, value: Any) -> OpenApiExample:
    return OpenApiExample(label, value=value, parameter_only=(name, OpenApiParameter.QUERY))


BUSY = _failure(_("The database is busy; send the same again."), "busy")
THROTTLED = _failure(_("Too many requests from this client in this window."), "throttled")
WRONG_LOGIN = _failure(_("The credentials sent along are wrong."), "login")
NOT_ALLOWED = _failure(_("No permission to name a visitor, or wrong credentials."), "not_trusted", "login")
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, description=_("Of what is public; send it as If-None-Match."), response=[200]
)
UNCHANGED = OpenApiResponse(description=_("Public, and as the ETag in If-None-Match says: nothing has changed."))


def _method(method: str) -> OpenApiResponse:
    return _failure(_("Another method than those in the header Allow."), f"method_not_allowed_{method}")


LISTS = {401: WRONG_LOGIN, 403: NOT_ALLOWED, 405: _method("POST"), 429: THROTTLED, 503: BUSY}

HEALTH = extend_schema(
    summary=_("Whether this installation can answer"),
    description=_("For load balancers and monitors; not limited."),
    responses={
        200: _answers(HealthSerializer, _("It can."), ok=examples.HEALTH_OK, cold=examples.HEALTH_COLD),
        405: _method("POST"),
        503: _answers(HealthSerializer, _("The database is away."), down=examples.HEALTH_DOWN),
    },
)

RECOMMENDATIONS = extend_schema(
    summary=_("Lists for one or more placements"),
    description=_(
        "Ordered for this visitor by what is known now; no item stands in two of them, and none in any that may "
        "not be sold. What a page is about is said once: each list takes of it what it needs."
    ),
    parameters=[RecommendationsQuery, RETRY_AFTER, ETAG],
    examples=[
        _parameter("placement", "the home page", ["home"]),
        _parameter("placement", "a product page", ["product_similar", "product_together", "basket", "recently_viewed"]),
        _parameter("seeds", "the page's product", ["tea3"]),
        _parameter("basket", "what is in the basket", ["tea5", "tea7"]),
        _parameter("category", "from the outermost", ["kitchen", "tea"]),
        _parameter("size", "six items", 6),
        _parameter("public", "for a shared cache", True),
    ],
    responses={
        200: _answers(
            SlatesSerializer,
            _("The lists; one is empty only if nothing can be said or sold."),
            two_lists=examples.SLATES,
            empty=examples.EMPTY,
            public=examples.PUBLIC,
        ),
        304: UNCHANGED,
        400: _failure(
            _("A parameter is missing or wrong, or there is no such placement."),
            "invalid",
            "missing_placement",
            "same_placement_twice",
            "public_for_one_visitor",
            "unknown_placement",
        ),
        **LISTS,
    },
)

SIMILAR = extend_schema(
    summary=_("Items like one item"),
    description=_("For a product page: what could stand instead of it, here and now sellable."),
    parameters=[ITEM_ID, SimilarQuery, RETRY_AFTER, ETAG],
    examples=[_parameter("size", "six items", 6)],
    responses={
        200: _answers(SlatesSerializer, _("The list."), a_list=examples.SIMILAR),
        304: UNCHANGED,
        400: _failure(_("A parameter is wrong."), "invalid"),
        404: _failure(_("The catalogue has never had this item."), "unknown_item"),
        **LISTS,
    },
)

NEXT = extend_schema(
    summary=_("What comes after a list"),
    description=_(
        "The same list, without the items of the slate and of those it went on from itself. It ends with an empty "
        "list, after ten at the latest."
    ),
    parameters=[SLATE_ID, NextQuery, RETRY_AFTER],
    examples=[_parameter("size", "six items", 6)],
    responses={
        200: _answers(SlatesSerializer, _("The list goes on."), a_list=examples.NEXT),
        400: _failure(_("A parameter is wrong."), "invalid"),
        404: _failure(_("There is no such slate, or it is another visitor's."), "unknown_slate"),
        **LISTS,
    },
)

_ONE_OR_MANY = PolymorphicProxySerializer(
    component_name="ColdrecEventOrEvents",
    serializers=[EventSerializer, EventSerializer(many=True)],
    resource_type_field_name=None,
    many=False,
)

EVENTS = extend_schema(
    summary=_("Take events"),
    description=_(
        "One event or a list of them. Each is stored once by its event_id, so that sending again is harmless; what "
        "cannot be taken is kept aside with the reason, and the rest of the list is taken."
    ),
    parameters=[TokenQuery, RETRY_AFTER],
    request={
        "application/json": OpenApiRequest(
            _ONE_OR_MANY,
            examples=[OpenApiExample(name, value=body, request_only=True) for name, body in examples.EVENTS.items()],
        ),
        "text/plain": OpenApiRequest(
            {"type": "string", "description": _("The same JSON as text: what navigator.sendBeacon sends.")},
            examples=[OpenApiExample("a beacon", value=examples.BEACON, media_type="text/plain", request_only=True)],
        ),
    },
    responses={
        202: _answers(
            ReceiptSerializer,
            _("What became of each event; all that is accepted is stored."),
            stored=examples.RECEIPT,
            sent_again=examples.RECEIPT_AGAIN,
            partly_rejected=examples.RECEIPT_PARTLY,
            no_consent=examples.RECEIPT_UNWANTED,
            bad_token=examples.RECEIPT_BAD_TOKEN,
            nobody=examples.RECEIPT_NOBODY,
            other_visitor=examples.RECEIPT_OTHER_VISITOR,
        ),
        400: _answers(
            RefusalSerializer,
            _("Not one event could be taken, the body cannot be read, or a parameter is wrong."),
            unknown_kind=examples.REFUSAL,
            unreadable=examples.error("unreadable"),
            empty=examples.error("empty"),
            invalid=examples.error("visitor_id"),
        ),
        401: WRONG_LOGIN,
        403: _failure(
            _("The page is of another site, no permission to name visitors, or wrong credentials."),
            "cross_site",
            "not_trusted_with_events",
            "login",
        ),
        405: _method("GET"),
        413: _failure(_("Too many bytes or too many events."), "too_large", "too_many_bytes"),
        415: _failure(_("Neither application/json nor text/plain."), "unsupported_media_type"),
        429: THROTTLED,
        503: BUSY,
    },
)

_ANSWERS = [OpenApiExample(name, value=body, request_only=True) for name, body in examples.CONSENT_ANSWERS.items()]

CONSENT = extend_schema(
    summary=_("Take the answer to the consent question"),
    description=_(
        "It counts from the next request on and is kept in a cookie that names nobody. Refusing takes back the "
        "cookie by which a guest was known; agreeing brings one."
    ),
    parameters=[RETRY_AFTER],
    request={
        "application/json": OpenApiRequest(ConsentAnswerSerializer, examples=_ANSWERS),
        "text/plain": OpenApiRequest(
            {"type": "string", "description": _("The same JSON as text.")},
            examples=[
                OpenApiExample("as text", value=examples.CONSENT_TEXT, media_type="text/plain", request_only=True)
            ],
        ),
    },
    responses={
        200: _answers(
            ConsentSerializer, _("The answer that holds now."), agreed=examples.CONSENT, refused=examples.REFUSED
        ),
        400: _failure(_("The body cannot be read, or says neither yes nor no."), "invalid_answer", "unreadable"),
        401: WRONG_LOGIN,
        403: _failure(_("The page is of another site, or wrong credentials."), "cross_site", "login"),
        405: _method("GET"),
        413: _failure(_("Too many bytes."), "too_many_bytes"),
        415: _failure(_("Neither application/json nor text/plain."), "unsupported_media_type"),
        429: THROTTLED,
        503: BUSY,
    },
)

_WISHES = {
    401: WRONG_LOGIN,
    403: _failure(
        _("The page is of another site, this visitor may not be remembered, or wrong credentials."),
        "cross_site",
        "consent",
        "login",
    ),
    404: _failure(_("The catalogue has never had this item."), "unknown_item"),
    429: THROTTLED,
    503: BUSY,
}

DISLIKE = extend_schema(
    summary=_("Not interested in an item"),
    description=_("The visitor behind the request does not want to see it. Saying it again changes nothing."),
    parameters=[RETRY_AFTER],
    request={
        "application/json": OpenApiRequest(
            DislikeSerializer,
            examples=[OpenApiExample("an item of a list", value=examples.DISLIKE, request_only=True)],
        )
    },
    responses={
        200: _answers(WishSerializer, _("Kept."), kept=examples.DISLIKED),
        400: _failure(_("The body cannot be read, or a field is missing or wrong."), "unreadable", "invalid_wish"),
        413: _failure(_("Too many bytes."), "too_many_bytes"),
        405: _method("GET"),
        415: _failure(_("Not application/json."), "unsupported_media_type"),
        **_WISHES,
    },
)

UNDISLIKE = extend_schema(
    summary=_("Interested again"),
    description=_("Takes back that the visitor is not interested in the item, if that was said."),
    parameters=[ITEM_ID, RETRY_AFTER],
    responses={
        200: _answers(WishSerializer, _("Taken back."), taken_back=examples.NOT_DISLIKED),
        405: _method("GET"),
        **_WISHES,
    },
)
