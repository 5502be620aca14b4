"""Everything coldrec serves; include it where the shop likes, for example under ``coldrec/``."""

from django.urls import path, re_path, register_converter

from coldrec.api import converters, document, views
from coldrec.pages import letters

app_name = "coldrec"

register_converter(converters.ItemId, "coldrec_item_id")

version_1 = [
    path("v1/recommendations/", views.RecommendationsView.as_view(), name="recommendations"),
    path("v1/items/<coldrec_item_id:item_id>/similar/", views.SimilarView.as_view(), name="similar"),
    path("v1/slates/<uuid:slate_id>/next/", views.NextView.as_view(), name="next"),
    path("v1/events/", views.EventsView.as_view(), name="events"),
    path("v1/health/", views.HealthView.as_view(), name="health"),
]

urlpatterns = [
    *version_1,
    path("v1/schema/", document.SchemaView.as_view(patterns=tuple(version_1)), name="schema"),
    # Below the versions all is JSON. The slash at its end leaves those without one to APPEND_SLASH.
    re_path(r"^v(?P<version>\d+)/(?:.*/)?$", views.UnknownView.as_view(), name="unknown"),
    path("letters/<str:token>/", letters.letter, name="letter"),
]
