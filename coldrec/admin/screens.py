"""Pages of the admin that belong to no table: their addresses, who may open them, and where they are listed.

Django lets an app add pages to the admin of one of its tables only. A screen belongs to none, so ``install`` wraps the
two methods that a site offers for this, ``get_urls`` and ``get_app_list``; themes build their menus on the second.
A project with a site of its own calls ``install`` on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.views.generic import TemplateView

APP = "coldrec"


class Screen(TemplateView):
    """One page at ``admin:coldrec_<name>``; its template extends ``admin/coldrec/screen.html``, block ``screen``."""

    name = ""
    title: Any = ""  # translatable
    permission = ""  # such as "coldrec.view_dailymetric"; without it the page is forbidden and not listed

    site: AdminSite | None = None  # set by install
    screens: Sequence[type[Screen]] = ()  # set by install: all of them, in the order of the menu

    @classmethod
    def is_permitted(cls, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(cls.permission))

    @classmethod
    def urls(cls, site: AdminSite, **initial: Any) -> list[URLPattern]:
        """The addresses of this screen; one that needs more than its page adds them here."""
        view = site.admin_view(cls.as_view(site=site, **initial))
        return [path(f"{APP}/{cls.name}/", view, name=f"{APP}_{cls.name}")]

    @classmethod
    def address(cls, site: AdminSite) -> str:
        return reverse(f"{site.name}:{APP}_{cls.name}", current_app=site.name)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.is_permitted(request):
            raise PermissionDenied
        request.current_app = self.site.name if self.site else None  # type: ignore[attr-defined]
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        assert self.site is not None, "a screen is served by a site, see install"
        menu = [
            {"title": screen.title, "address": screen.address(self.site), "is_current": screen.name == self.name}
            for screen in self.screens
            if screen.is_permitted(self.request)
        ]
        context = {**self.site.each_context(self.request), "title": self.title, "screen_menu": menu}
        return super().get_context_data(**context, **kwargs)


def install(site: AdminSite, screens: Sequence[type[Screen]]) -> None:
    """Give ``site`` these screens, listed above coldrec's tables in this order. Doing it again replaces them."""
    get_urls, get_app_list = site.__class__.get_urls, site.__class__.get_app_list  # of the site behind a lazy one

    def urls() -> list[Any]:
        ours = [url for screen in screens for url in screen.urls(site, screens=screens)]
        return [*ours, *get_urls(site)]

    def app_list(request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        listed = get_app_list(site, request, app_label)
        entries = [_entry(site, screen) for screen in screens if screen.is_permitted(request)]
        return _with_entries(site, listed, entries) if entries and app_label in (None, APP) else listed

    site.get_urls = urls  # type: ignore[method-assign]
    site.get_app_list = app_list  # type: ignore[method-assign]


def _entry(site: AdminSite, screen: type[Screen]) -> dict[str, Any]:
    """The screen as a site lists a table."""
    return {
        "model": None,
        "name": screen.title,
        "object_name": screen.name,
        "perms": {"add": False, "change": False, "delete": False, "view": True},
        "admin_url": screen.address(site),
        "add_url": None,
        "view_only": True,
    }


def _with_entries(site: AdminSite, listed: list[dict[str, Any]], entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for app in listed:
        if app["app_label"] == APP:
            app["models"][:0] = entries
            return listed
    alone = {
        "name": apps.get_app_config(APP).verbose_name,
        "app_label": APP,
        "app_url": reverse(f"{site.name}:app_list", kwargs={"app_label": APP}, current_app=site.name),
        "has_module_perms": True,
        "models": entries,
    }
    return sorted([*listed, alone], key=lambda app: str(app["name"]).lower())
