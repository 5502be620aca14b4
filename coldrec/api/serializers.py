"""The shapes that come in and go out, for checking queries and for the OpenAPI document."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from coldrec import conf
from coldrec.core.types import Level
from coldrec.models.event import EVENT_KINDS
from coldrec.models.visitor import Consent
from coldrec.services import events

MOST_SEEDS = 50
MOST_PLACEMENTS = 8  # lists in one answer

LEVELS = [
    (Level.PERSONAL.value, _("from what this visitor likes")),
    (Level.SESSION.value, _("from a few things this visitor looked at")),
    (Level.SIMILAR.value, _("like the page's item, or going with it")),
    (Level.POPULAR_HERE.value, _("popular in the page's category")),
    (Level.POPULAR.value, _("popular in the shop")),
    (Level.NEWEST.value, _("newest in the catalogue")),
    (Level.EMPTY.value, _("nothing that can be sold")),
]
STATES = [
    ("ok", _("lists come from a model")),
    ("cold", _("lists come without a model")),
    ("down", _("the database does not answer")),
]
OWN_KINDS = dict(EVENT_KINDS)
_PUBLIC_FOR_ONE = _("What is for everybody cannot be for one visitor; leave %(name)s out.")
KINDS = [(name, OWN_KINDS.get(name, f"= {kind.value}")) for name, kind in events.KINDS.items()]


class TokenQuery(serializers.Serializer):
    visitor = serializers.CharField(
        required=False,
        max_length=400,
        help_text=_("Signed token of the visitor, where the cookie does not travel: the cookie's value."),
    )


class VisitorQuery(TokenQuery):
    visitor_id = serializers.CharField(
        required=False,
        max_length=255,
        trim_whitespace=False,
        help_text=_("The shop's own id of the visitor; for servers with the permission coldrec.view_visitor."),
    )


class SizeQuery(VisitorQuery):
    size = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=conf.LONGEST_LIST,
        help_text=_("How many items in each list; the placement's own number if absent."),
    )


class SimilarQuery(SizeQuery):
    public = serializers.BooleanField(
        required=False,
        help_text=_("A stranger's lists, the same for everybody: caches may keep them; without slate_id."),
    )

    def validate(self, query: dict[str, Any]) -> dict[str, Any]:
        if query.get("public") and (named := {"visitor", "visitor_id"} & query.keys()):
            raise serializers.ValidationError({"public": _PUBLIC_FOR_ONE % {"name": min(named)}})
        return query


def is_yes(value: str | None) -> bool:
    """Whether a parameter says yes, as the queries above read it."""
    return (value or "").lower() in serializers.BooleanField.TRUE_VALUES


def _ids(help_text: Any) -> serializers.ListField:
    one = serializers.CharField(max_length=255, trim_whitespace=False)
    return serializers.ListField(child=one, required=False, max_length=MOST_SEEDS, help_text=help_text)


def _words(help_text: Any) -> serializers.CharField:
    return serializers.CharField(required=False, allow_blank=True, max_length=500, help_text=help_text)


class NextQuery(SizeQuery):
    query = _words(_("The words again, where the list is near to some: they are not kept with it."))


class RecommendationsQuery(SimilarQuery):
    placement = serializers.ListField(
        child=serializers.CharField(max_length=64),
        max_length=MOST_PLACEMENTS,
        help_text=_("Where on the shop: home, trending … as in COLDREC['PLACEMENTS']; repeat the parameter for more."),
    )
    seeds = _ids(_("What the page is about: its item, or several; repeat the parameter."))
    basket = _ids(_("What lies in the basket, for the placement basket; repeat the parameter."))
    query = _words(_("Words that the list is to be near to, such as those of a search without results."))
    category = serializers.ListField(
        child=serializers.CharField(max_length=255, trim_whitespace=False),
        required=False,
        max_length=10,
        help_text=_("The page's category path, outermost first; repeat the parameter."),
    )

    def validate_placement(self, names: list[str]) -> list[str]:
        for name in names:
            if names.count(name) > 1:
                raise serializers.ValidationError(_("'%(name)s' is asked for twice.") % {"name": name})
        return names


class ReasonSerializer(serializers.Serializer):
    kind = serializers.CharField(help_text=_("What kind of reason it is."))
    evidence = serializers.ListField(
        child=serializers.CharField(), help_text=_("Items the visitor knows, strongest first.")
    )
    text = serializers.CharField(help_text=_("A sentence for the shop's page, in the request's language."))


class SlateItemSerializer(serializers.Serializer):
    id = serializers.CharField(help_text=_("The shop's own id of the item."))
    position = serializers.IntegerField(min_value=1)
    score = serializers.FloatField(help_text=_("Comparable within one list only."))
    level = serializers.ChoiceField(choices=LEVELS)
    reason = ReasonSerializer()
    title = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True)
    image_url = serializers.CharField(allow_blank=True)
    price = serializers.DecimalField(max_digits=14, decimal_places=2, allow_null=True, coerce_to_string=True)
    currency = serializers.CharField(allow_blank=True)


class SlateSerializer(serializers.Serializer):
    slate_id = serializers.UUIDField(
        allow_null=True, help_text=_("Send it back as slate_id with what the visitor does about the list.")
    )
    placement = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVELS, help_text=_("The rung of the ladder the list came from."))
    policy = serializers.CharField(help_text=_("The recipe that made the list."))
    version = serializers.IntegerField(allow_null=True, help_text=_("The model version; null where no model answered."))
    items = SlateItemSerializer(many=True)


class SlatesSerializer(serializers.Serializer):
    slates = SlateSerializer(many=True, help_text=_("One for each placement, in the order asked for."))


class EventSerializer(serializers.Serializer):
    event_id = serializers.CharField(
        max_length=64, help_text=_("Your own id of this event; sending it again is harmless.")
    )
    kind = serializers.ChoiceField(choices=KINDS, help_text=_("Also by its name in Segment e-commerce v2 or GA4."))
    item_id = serializers.CharField(
        required=False, max_length=255, help_text=_("Needed by every kind but search and checkout.")
    )
    query = serializers.CharField(required=False, max_length=500, help_text=_("The words of a search."))
    value = serializers.FloatField(required=False, min_value=0, max_value=float(events.MAX_VALUE))
    currency = serializers.RegexField("^[A-Za-z]{3}$", required=False, help_text=_("ISO 4217."))
    quantity = serializers.IntegerField(required=False, min_value=1, max_value=events.MAX_QUANTITY)
    duration = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=events.MAX_DURATION,
        help_text=_("Seconds in front of the visitor; for dwell."),
    )
    slate_id = serializers.UUIDField(required=False, help_text=_("The list in which the item stood."))
    position = serializers.IntegerField(required=False, min_value=1, max_value=events.MAX_POSITION)
    occurred_at = serializers.DateTimeField(
        required=False, help_text=_("UTC where no zone is given; the time of receipt if absent.")
    )
    visitor = serializers.CharField(
        required=False,
        max_length=255,
        help_text=_("The shop's own id of the visitor; counts only from servers with coldrec.add_event."),
    )


class ConsentAnswerSerializer(serializers.Serializer):
    granted = serializers.BooleanField(help_text=_("Whether this visitor may be remembered."))


class ConsentSerializer(serializers.Serializer):
    consent = serializers.ChoiceField(choices=Consent.choices, help_text=_("The answer that holds from now on."))


class RejectionSerializer(serializers.Serializer):
    index = serializers.IntegerField(min_value=0, help_text=_("Its place among those sent, from 0."))
    code = serializers.CharField()
    detail = serializers.CharField()
    event_id = serializers.CharField(allow_blank=True)


class ReceiptSerializer(serializers.Serializer):
    received = serializers.IntegerField(help_text=_("Always accepted + duplicate + rejected."))
    accepted = serializers.IntegerField()
    duplicate = serializers.IntegerField(help_text=_("Stored before; nothing has changed."))
    rejected = RejectionSerializer(many=True)


class DislikeSerializer(serializers.Serializer):
    item_id = serializers.CharField(
        max_length=255, trim_whitespace=False, help_text=_("The shop's own id of the item.")
    )
    slate_id = serializers.UUIDField(required=False, help_text=_("The list in which the item stood."))
    position = serializers.IntegerField(required=False, min_value=1, max_value=events.MAX_POSITION)


class WishSerializer(serializers.Serializer):
    item_id = serializers.CharField(help_text=_("The shop's own id of the item."))
    is_disliked = serializers.BooleanField(help_text=_("Whether the visitor is not interested in it, from now on."))


class HealthSerializer(serializers.Serializer):
    status = serializers.ChoiceField(choices=STATES)
    shop = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField(allow_null=True)
    release = serializers.CharField()


class ErrorSerializer(serializers.Serializer):
    code = serializers.CharField(help_text=_("Stable, for machines."))
    detail = serializers.CharField(help_text=_("For people: what was wrong, what was got, what is allowed."))
    parameters = serializers.DictField(
        child=serializers.CharField(), required=False, help_text=_("What is wrong with which parameter.")
    )


class RefusalSerializer(serializers.Serializer):
    """Why no event was taken; the counts are there once the body could be read."""

    code = serializers.CharField(help_text=_("Stable, for machines: that of the first event."))
    detail = serializers.CharField()
    received = serializers.IntegerField(required=False)
    accepted = serializers.IntegerField(required=False)
    duplicate = serializers.IntegerField(required=False)
    rejected = RejectionSerializer(many=True, required=False)
