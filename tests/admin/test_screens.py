"""Pages of no table: who may open them, and where they are listed."""

from __future__ import annotations

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.http import HttpRequest
from django.test import Client, RequestFactory

from coldrec.admin import screens
from coldrec.models import Item, Shop


class First(screens.Screen):
    name = "first"
    title = "First"
    permission = "coldrec.view_item"
    template_name = "admin/coldrec/screen.html"


class Second(First):
    name = "second"
    title = "Second"
    permission = "coldrec.view_event"


@pytest.fixture
def site() -> AdminSite:
    site = AdminSite(name="admin")
    screens.install(site, [Second, First])
    return site


def asked_by(user: object) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


def names(listed: list[dict]) -> list[str]:
    return [str(entry["object_name"]) for app in listed if app["app_label"] == "coldrec" for entry in app["models"]]


def test_screens_have_addresses_before_those_of_tables(site: AdminSite) -> None:
    assert [url.name for url in site.get_urls()[:2]] == ["coldrec_second", "coldrec_first"]
    screens.install(site, [First])
    assert [url.name for url in site.get_urls() if url.name in ("coldrec_first", "coldrec_second")] == ["coldrec_first"]


@pytest.mark.urls("tests.admin.screen_urls")
class TestListing:
    def test_stand_above_the_tables_in_their_order(self, site: AdminSite, admin_user: User) -> None:
        site.register(Item)
        assert names(site.get_app_list(asked_by(admin_user))) == ["second", "first", "Item"]
        assert names(site.get_app_list(asked_by(admin_user), "coldrec")) == ["second", "first", "Item"]

    def test_are_listed_where_no_table_is(self, site: AdminSite, admin_user: User) -> None:
        (app,) = site.get_app_list(asked_by(admin_user))
        assert (app["name"], names([app])) == ("coldrec", ["second", "first"])

    def test_another_app_has_none(self, site: AdminSite, admin_user: User) -> None:
        assert site.get_app_list(asked_by(admin_user), "auth") == []

    @pytest.mark.django_db
    def test_nobody_sees_what_they_may_not_open(self, site: AdminSite) -> None:
        assert site.get_app_list(asked_by(AnonymousUser())) == []

    def test_a_screen_says_where_it_is_and_leads_to_the_others(self, client: Client, admin_user: User) -> None:
        client.force_login(admin_user)
        page = client.get("/admin/coldrec/second/")
        assert page.context["title"] == "Second"
        assert '<a href="/admin/coldrec/second/" aria-current="page">Second</a>' in page.text
        assert '<a href="/admin/coldrec/first/">First</a>' in page.text

    def test_a_screen_is_forbidden_without_its_permission(self, client: Client, shop: Shop, staff: Client) -> None:
        assert staff.get("/admin/coldrec/first/").status_code == 200
        User.objects.get().user_permissions.set(Permission.objects.filter(codename="view_item"))
        assert staff.get("/admin/coldrec/second/").status_code == 403
        page = staff.get("/admin/coldrec/first/").text
        assert "/admin/coldrec/second/" not in page

    @pytest.mark.django_db
    def test_somebody_outside_is_asked_to_sign_in(self, client: Client) -> None:
        response = client.get("/admin/coldrec/first/")
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/admin/login/")
