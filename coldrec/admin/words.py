"""What the parts of a list's making are called in the admin."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from coldrec.models.slate import LEVELS

LEVEL = dict(LEVELS)

REASON: dict[str, Any] = {
    "seen": _("the visitor knows it already"),
    "disliked": _("the visitor is not interested in it"),
    "page": _("the page is about it"),
    "shown": _("it stands on the page already"),
    "excluded": _("it was left out by request"),
    "variant": _("a variant of it stands on the page"),
    "sold_out": _("it cannot be sold now"),
    "removed": _("it was removed from the catalogue"),
    "unknown": _("the catalogue does not have it"),
    "unsellable": _("it could not be sold when the list was made"),
    "above": _("a higher rung has brought it already"),
    "beyond": _("beyond the size of the list"),
}
"""Why a candidate is not in a list: ``services.console.Gone``."""

PART: dict[str, Any] = {
    "text": _("words like those of all items of the visitor"),
    "text_recent": _("words like those of recent items"),
    "entity": _("attributes like those of all items"),
    "entity_recent": _("attributes like those of recent items"),
    "meaning": _("means something like all items of the visitor"),
    "meaning_recent": _("means something like recent items"),
    "profile": _("learned profile of all that the visitor did and said"),
    "profile_recent": _("learned profile of what the visitor did and said of late"),
    "graph": _("one step away in the knowledge graph"),
    "graph_far": _("two steps away in the knowledge graph"),
    "ease": _("wanted together (EASE)"),
    "ease_recent": _("wanted together with recent items (EASE)"),
    "neighbours": _("wanted by the same visitors"),
    "neighbours_recent": _("wanted by those who wanted recent items"),
    "neighbours_latest": _("wanted by those who wanted the latest item"),
    "factors": _("taste learned from all visitors"),
    "encoder": _("taste foretold from content"),
    "bridge_ease": _("borrowed from similar items: wanted together (EASE)"),
    "bridge_neighbours": _("borrowed from similar items: wanted by the same visitors"),
    "bridge_factors": _("borrowed from similar items: taste"),
    "popularity": _("popularity"),
    "popularity_near": _("popularity of similar items"),
    "sales": _("sales"),
    "trend": _("popularity of late"),
    "trend_fast": _("popularity of the last days"),
    "goes_with": _("goes with it by the knowledge graph"),
    "goes_with_like": _("goes with it as its like does"),
    "words": _("the words asked for"),
    "latest": _("how lately it was looked at"),
    "newness": _("how new it is beside the other arrivals"),
    "liking": _("how it suits the visitor beside the other arrivals"),
    "like_disliked": _("like what the visitor is not interested in"),
    "softmax": _("against all other items"),
    "warm_share": _("share of known items in a list"),
    "cold_share": _("share of new items in a list"),
    "tie": _("to settle ties"),
    "visitor": _("the visitor"),
    "context": _("how much the visitor did"),
    "item": _("the item"),
    "taste": _("visitor and item together"),
    "facts": _("score before, popularity, newness"),
    "facts_in_context": _("the same, by how much the visitor did"),
    "bias": _("constant"),
    "network": _("the network"),
}
"""What adds to a score: sources, constants, and the parts of a learned ranker."""

LEFT_OUT: dict[str, Any] = {
    "hidden": _("Staff have switched this list off, so pages leave it out."),
    "minimum": _("Fewer items than its minimum were found, so pages leave the list out."),
}

DID: dict[str, Any] = {
    "view": _("Viewed"),
    "basket_add": _("In the basket"),
    "purchase": _("Bought"),
    "dislike": _("Not interested"),
}
"""What a made-up visitor can have done."""
