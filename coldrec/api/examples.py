"""Example bodies for the OpenAPI document. The tests send every request and check every answer against its shape."""

import json
from typing import Any

from coldrec import __version__
from coldrec.core.types import EventKind

SLATE_ID = "0197f3c2-5a1e-7c40-9d2b-3f5f0a6c8e11"

EVENTS: dict[str, Any] = {
    "a product page was looked at": {"event_id": "0f8c1e52-view-1", "kind": "view", "item_id": "tea3"},
    "a recommended product was clicked": {
        "event_id": "0f8c1e52-click-1",
        "kind": "click",
        "item_id": "tea3",
        "slate_id": SLATE_ID,
        "position": 2,
        "occurred_at": "2026-01-31T12:00:00Z",
    },
    "a product was in front for a while": {
        "event_id": "0f8c1e52-dwell-1",
        "kind": "dwell",
        "item_id": "tea3",
        "duration": 42,
    },
    "several with the names of Segment and GA4": [
        {"event_id": "order-1017/1", "kind": "Order Completed", "item_id": "tea3", "value": 8.5, "currency": "GBP"},
        {"event_id": "order-1017/2", "kind": "purchase", "item_id": "tea7", "value": 12, "quantity": 2},
        {"event_id": "search-55", "kind": "search", "query": "green tea"},
    ],
}
CONSENT_ANSWERS: dict[str, Any] = {"the visitor agrees": {"granted": True}, "the visitor refuses": {"granted": False}}
CONSENT_TEXT = json.dumps({"granted": True})
CONSENT = {"consent": "granted"}
REFUSED = {"consent": "refused"}
BEACON = json.dumps({"event_id": "0f8c1e52-view-2", "kind": "view_item", "item_id": "tea3"})

RECEIPT = {"received": 3, "accepted": 3, "duplicate": 0, "rejected": []}
RECEIPT_AGAIN = {"received": 3, "accepted": 0, "duplicate": 3, "rejected": []}
RECEIPT_PARTLY = {
    "received": 2,
    "accepted": 1,
    "duplicate": 0,
    "rejected": [
        {
            "index": 1,
            "code": "missing",
            "detail": "item_id is missing; an event of kind 'view' needs one.",
            "event_id": "0f8c1e52-view-3",
        }
    ],
}


def _none_of_one(code: str, detail: str, event_id: str = "") -> dict[str, Any]:
    rejected = [{"index": 0, "code": code, "detail": detail, "event_id": event_id}]
    return {"received": 1, "accepted": 0, "duplicate": 0, "rejected": rejected}


RECEIPT_UNWANTED = _none_of_one("consent", "Not stored: this visitor has not agreed to be remembered.")
RECEIPT_BAD_TOKEN = _none_of_one(
    "token", "Not stored: the visitor's token is forged or too old, or the visitor has refused."
)
RECEIPT_NOBODY = _none_of_one("nobody", "Not stored: a crawler sent this, or a page that was fetched ahead.")
RECEIPT_OTHER_VISITOR = _none_of_one(
    "other_visitor",
    "Not stored: the list was made for another visitor; the page was left open.",
    "0f8c1e52-click-2",
)
_VALID_KINDS = ", ".join(EventKind)
_UNKNOWN_KIND = (
    f"kind 'veiw' is unknown; valid kinds are {_VALID_KINDS}; names of Segment e-commerce v2 and GA4 are taken too."
)
REFUSAL = {
    "code": "unknown_kind",
    "detail": _UNKNOWN_KIND,
    **_none_of_one("unknown_kind", _UNKNOWN_KIND, "0f8c1e52-view-4"),
}


def _item(position: int, item_id: str, title: str, price: str, reason: dict[str, Any], level: str) -> dict[str, Any]:
    return {
        "id": item_id,
        "position": position,
        "score": round(3.2 - position, 2),
        "level": level,
        "reason": reason,
        "title": title,
        "url": f"/products/{item_id}/",
        "image_url": f"/media/{item_id}.jpg",
        "price": price,
        "currency": "GBP",
    }


_BECAUSE = {"kind": "because", "evidence": ["tea3"], "text": "Because you looked at Sencha"}
_SELLS = {"kind": "popular", "evidence": [], "text": "Popular in this shop"}
_SIMILAR = {"kind": "similar", "evidence": ["tea3"], "text": "Similar to this product"}

_HOME = {
    "slate_id": SLATE_ID,
    "placement": "home",
    "level": "session",
    "policy": "level0-fusion",
    "version": 7,
    "items": [
        _item(1, "tea7", "Gyokuro", "12.00", _BECAUSE, "session"),
        _item(2, "tea9", "Genmaicha", "6.40", _BECAUSE, "session"),
    ],
}
_LIKE_IT = _HOME | {
    "slate_id": "0197f3c2-5a1e-7c40-9d2b-3f5f0a6c8e12",
    "placement": "product_similar",
    "level": "similar",
    "items": [_item(1, "tea4", "Bancha", "5.20", _SIMILAR, "similar")],
}
SLATES = {"slates": [_LIKE_IT, _HOME]}
SIMILAR = {"slates": [_LIKE_IT]}
NEXT = {"slates": [_HOME | {"items": [_item(1, "tea2", "Kukicha", "7.10", _BECAUSE, "session")]}]}
EMPTY = {"slates": [_HOME | {"level": "empty", "policy": "no-model", "version": None, "items": []}]}
PUBLIC = {
    "slates": [
        _HOME | {"slate_id": None, "level": "popular", "items": [_item(1, "tea1", "Matcha", "9.90", _SELLS, "popular")]}
    ]
}

DISLIKE = {"item_id": "tea7", "slate_id": SLATE_ID, "position": 1}
DISLIKED = {"item_id": "tea7", "is_disliked": True}
NOT_DISLIKED = DISLIKED | {"is_disliked": False}

HEALTH_OK = {"status": "ok", "shop": "default", "version": 7, "release": __version__}
HEALTH_COLD = HEALTH_OK | {"status": "cold", "version": None}
HEALTH_DOWN = {"status": "down", "shop": "", "version": None, "release": __version__}

_ERRORS: dict[str, dict[str, Any]] = {
    "invalid": {
        "code": "invalid",
        "detail": "size: Ensure this value is less than or equal to 100.",
        "parameters": {"size": "Ensure this value is less than or equal to 100."},
    },
    "missing_placement": {
        "code": "invalid",
        "detail": "placement: This field is required.",
        "parameters": {"placement": "This field is required."},
    },
    "same_placement_twice": {
        "code": "invalid",
        "detail": "placement: 'home' is asked for twice.",
        "parameters": {"placement": "'home' is asked for twice."},
    },
    "public_for_one_visitor": {
        "code": "invalid",
        "detail": "public: What is for everybody cannot be for one visitor; leave visitor out.",
        "parameters": {"public": "What is for everybody cannot be for one visitor; leave visitor out."},
    },
    "unknown_placement": {
        "code": "unknown_placement",
        "detail": "there is no placement 'hoem'; did you mean 'home'?",
    },
    "unknown_item": {"code": "unknown_item", "detail": "There is no such item in the catalogue."},
    "unknown_slate": {"code": "unknown_slate", "detail": "There is no such list, or it is another visitor's."},
    "consent": {"code": "consent", "detail": "Not kept: this visitor has not agreed to be remembered."},
    "invalid_wish": {
        "code": "invalid",
        "detail": "item_id: This field is required.",
        "parameters": {"item_id": "This field is required."},
    },
    "not_trusted": {
        "code": "not_trusted",
        "detail": "Only an account with the permission coldrec.view_visitor may name a visitor by visitor_id.",
    },
    "not_trusted_with_events": {
        "code": "not_trusted",
        "detail": "Only an account with the permission coldrec.add_event may name visitors.",
    },
    "visitor_id": {
        "code": "invalid",
        "detail": "visitor_id: Events name their visitor themselves, in the field visitor.",
        "parameters": {"visitor_id": "Events name their visitor themselves, in the field visitor."},
    },
    "invalid_answer": {
        "code": "invalid",
        "detail": "granted: This field is required.",
        "parameters": {"granted": "This field is required."},
    },
    "login": {"code": "authentication_failed", "detail": "Invalid username/password."},
    "cross_site": {
        "code": "cross_site",
        "detail": "Events are taken from pages of this site only; add other origins to CSRF_TRUSTED_ORIGINS.",
    },
    "unreadable": {"code": "unreadable", "detail": "The body is not JSON: Expecting value: line 1 column 1 (char 0)."},
    "empty": {"code": "empty", "detail": "The list is empty; send at least one event."},
    "too_large": {"code": "too_large", "detail": "1001 events in one request; at most 1000 are allowed."},
    "too_many_bytes": {"code": "too_large", "detail": "The body is too large; at most 512000 bytes are allowed."},
    "method_not_allowed_GET": {"code": "method_not_allowed", "detail": 'Method "GET" not allowed.'},
    "method_not_allowed_POST": {"code": "method_not_allowed", "detail": 'Method "POST" not allowed.'},
    "unsupported_media_type": {
        "code": "unsupported_media_type",
        "detail": 'Unsupported media type "multipart/form-data" in request.',
    },
    "throttled": {"code": "throttled", "detail": "Request was throttled. Expected available in 42 seconds."},
    "busy": {"code": "busy", "detail": "The database is busy. Nothing was stored; send the same again."},
}


def error(name: str) -> dict[str, Any]:
    """The body of an error, by its code."""
    return _ERRORS[name]
