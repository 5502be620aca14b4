"""An admin site of its own with the two screens of the tests."""

from django.contrib.admin import AdminSite
from django.urls import path

from coldrec.admin import screens
from coldrec.models import Item
from tests.admin.test_screens import First, Second

site = AdminSite(name="admin")
site.register(Item)
screens.install(site, [Second, First])
urlpatterns = [path("admin/", site.urls)]
