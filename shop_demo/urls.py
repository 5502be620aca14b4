"""The shop's pages, coldrec's addresses and the admin."""

from django.apps import apps
from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import TemplateView
from oscar.views import handler404

urlpatterns = [
    path("", TemplateView.as_view(template_name="shop/home.html"), name="home"),
    path("coldrec/", include("coldrec.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include(apps.get_app_config("oscar").urls[0])),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
    # The shop's own page, while DEBUG is on as well. Addresses without a slash at their end get one first.
    re_path(".*/$", handler404, {"exception": None}),
]
