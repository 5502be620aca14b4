"""Everything coldrec serves; include it where the shop likes, for example under ``coldrec/``."""

from django.urls import path, re_path, register_converter

from coldrec.api import clicks, converters, dislikes, document, views
from coldrec.api.consent import ConsentView
from coldrec.pages import consent, letters, lists, me, why

app_name = "coldrec"

register_converter(converters.ItemId, "coldrec_item_id")

version_1 = [
    path("v1/recommendations/", views.RecommendationsView.as_view(), name="recommendations"),
    path("v1/items/<coldrec_item_id:item_id>/similar/", views.SimilarView.as_view(), name="similar"),
    path("v1/slates/<uuid:slate_id>/next/", views.NextView.as_view(), name="next"),
    path("v1/events/", views.EventsView.as_view(), name="events"),
    path("v1/consent/", ConsentView.as_view(), name="v1-consent"),
    path("v1/dislikes/", dislikes.DislikesView.as_view(), name="dislikes"),
    path("v1/dislikes/<coldrec_item_id:item_id>/", dislikes.DislikeView.as_view(), name="dislike"),
    path("v1/health/", views.HealthView.as_view(), name="health"),
]

api = [
    *version_1,
    path("v1/schema/", document.SchemaView.as_view(patterns=tuple(version_1)), name="schema"),
    # Below the versions all is JSON. The slash at its end leaves those without one to APPEND_SLASH.
    re_path(r"^v(?P<version>\d+)/(?:.*/)?$", views.UnknownView.as_view(), name="unknown"),
]

pages = [
    path("consent/", consent.ask, name="consent"),
    path("me/interests/", me.interests, name="interests"),
    path("me/data/", me.data, name="data"),
    path("me/data/download/", me.download, name="download"),
    path("me/data/erase/", me.erase, name="erase"),
    path("me/data/erased/<uuid:reference>/", me.erased, name="erased"),
    path("letters/<str:token>/", letters.letter, name="letter"),
    path("lists/", lists.ListsView.as_view(), name="lists"),
    path("lists/<str:placement>/", lists.ListView.as_view(), name="list"),
    path("why/<uuid:slate_id>/<int:position>/", why.why, name="why"),
    path("clicks/<uuid:slate_id>/<int:position>/", clicks.ClickView.as_view(), name="click"),
]

urlpatterns = [*api, *pages]
