"""The editor of placements: all of them on one page, a form without JSON, a preview that leaves nothing behind."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse

from coldrec.models import Event, Item, Placement, Shop, Slate, Visitor
from coldrec.services import placements, recommend
from tests.admin.test_console import EVIL, sign_in
from tests.served import bare_shop, settings_of_shop, shop, trained, visitor_who  # noqa: F401

LIST = "/admin/coldrec/placement/"
ADD = "/admin/coldrec/placement/add/"
PREVIEW = "/admin/coldrec/placement/preview/"
EMPTY = {"name": "home", "kind": "", "size": "", "minimum": "", "layout": "", "is_shown": "on", "title_en": ""}


@pytest.fixture
def editor(client: Client, shop: Shop) -> Client:  # noqa: F811
    sign_in(client, "view_placement", "add_placement", "change_placement", "delete_placement")
    return client


def errors(response: Any) -> str:
    return " ".join(str(one) for field in response.context["adminform"].form.errors.values() for one in field)


class TestStory:
    def test_a_place_is_changed_seen_on_the_shop_and_put_back(self, editor: Client, shop: Shop) -> None:  # noqa: F811
        listed = editor.get(LIST).text
        assert all(f"<code>{name}</code>" in listed for name in placements.DEFAULT_PLACEMENTS)
        assert f"{ADD}?name=home&amp;shop={shop.pk}" in listed and "set here</small>" not in listed
        form = editor.get(f"{ADD}?name=home").text
        assert 'value="home"' in form and 'placeholder="Recommended for you"' in form and "If left empty: 12." in form
        given = {**EMPTY, "size": "5", "title_en": "For you", "title_zh-hans": "为你", "layout": "carousel"}
        assert editor.post(ADD, given).status_code == 302
        row = Placement.objects.get()
        assert (row.size, row.titles, row.kind) == (5, {"en": "For you", "zh-hans": "为你"}, "")
        assert placements.get("home").size == 5
        listed = editor.get(LIST).text
        assert "For you" in listed and listed.count("set here</small>") == 3
        change = reverse("admin:coldrec_placement_change", args=[row.pk])
        assert 'value="为你"' in editor.get(change).text
        editor.post(change, {**given, "size": "4", "title_zh-hans": ""})
        assert placements.get("home").size == 4
        editor.post(reverse("admin:coldrec_placement_delete", args=[row.pk]), {"post": "yes"})
        assert placements.get("home") == placements.DEFAULT_PLACEMENTS["home"]
        said = list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))
        assert "size: – → 5" in said[0] and "title_en: – → For you" in said[0]
        assert said[1] == "size: 5 → 4; title_zh-hans: 为你 → –"
        assert said[2].startswith("Back to the default. Before: ") and "size: 4" in said[2]

    def test_a_new_place_is_added(self, editor: Client) -> None:
        editor.post(ADD, {**EMPTY, "name": "footer", "kind": "trending"})
        assert placements.get("footer").kind == "trending"
        assert "<code>footer</code>" in editor.get(LIST).text


class TestForm:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"name": "footer"}, "A new placement needs a kind"),
            ({"name": "no slug!"}, "valid “slug”"),
            ({"size": "0"}, "greater than or equal to 1"),
            ({"size": "101"}, "less than or equal to 100"),
            ({"minimum": "13"}, "With at least 13 of at most 12 items the list would never be shown."),
            ({"size": "4", "minimum": "5"}, "With at least 5 of at most 4 items"),
            ({"layout": "heap"}, "Select a valid choice"),
            ({"kind": "best"}, "Select a valid choice"),
            ({"title_en": "x" * 201}, "at most 200 characters"),
        ],
    )
    def test_what_is_wrong_is_told_at_its_field(self, editor: Client, given: dict[str, str], told: str) -> None:
        answer = editor.post(ADD, {**EMPTY, **given})
        assert answer.status_code == 200 and told in errors(answer)
        assert not Placement.objects.exists()

    def test_one_row_for_one_place(self, editor: Client, shop: Shop) -> None:  # noqa: F811
        Placement.objects.create(shop=shop, name="home")
        assert "There is a row for this placement already" in errors(editor.post(ADD, EMPTY))
        other = Shop.objects.create(key="other")
        editor.post(f"{ADD}?shop={other.pk}", EMPTY)
        assert Placement.objects.filter(shop=other, name="home").exists(), "each shop has its own"

    def test_titles_in_languages_that_the_site_has_no_more_stay(self, editor: Client, shop: Shop) -> None:  # noqa: F811
        row = Placement.objects.create(shop=shop, name="home", titles={"de": "Für dich", "en": "Old"})
        editor.post(reverse("admin:coldrec_placement_change", args=[row.pk]), {**EMPTY, "title_en": "New"})
        row.refresh_from_db()
        assert row.titles == {"de": "Für dich", "en": "New"}

    def test_a_broken_row_and_wrong_settings_do_not_lock_the_editor(self, editor: Client, shop: Shop) -> None:  # noqa: F811
        row = Placement.objects.create(shop=shop, name="home", kind="best", titles=["?"])
        listed = editor.get(LIST).text
        assert "Passed over:" in listed and "has kind &#x27;best&#x27;" in listed
        assert editor.get(reverse("admin:coldrec_placement_change", args=[row.pk])).status_code == 200
        with override_settings(COLDREC={"PLACEMENTS": {"home": {"kind": "best"}}}):
            assert editor.get(LIST).status_code == editor.get(ADD).status_code == 200

    def test_who_may_only_look_changes_nothing(self, client: Client, shop: Shop) -> None:  # noqa: F811
        row = Placement.objects.create(shop=shop, name="home", size=5, titles={"en": "For you"})
        sign_in(client, "view_placement")
        listed = client.get(LIST)
        assert listed.status_code == 200 and "Back to default" not in listed.text and "add/" not in listed.text
        change = reverse("admin:coldrec_placement_change", args=[row.pk])
        page = client.get(change)
        assert page.status_code == 200 and "For you" in page.text
        assert client.post(change, {**EMPTY, "size": "9"}).status_code == 403
        assert client.get(ADD).status_code == 403
        User.objects.get().user_permissions.clear()
        assert client.get(LIST).status_code == 403


class TestPreview:
    def preview(self, client: Client, **given: str) -> str:
        answer = client.post(PREVIEW, {**EMPTY, **{key.replace("__", "-"): value for key, value in given.items()}})
        assert answer.status_code == 200
        assert answer["X-Frame-Options"] == "SAMEORIGIN" and "no-store" in answer["Cache-Control"]
        return answer.text

    def test_it_shows_what_the_form_says_and_saves_nothing(self, editor: Client) -> None:
        page = self.preview(editor, size="3", title_en="For you")
        assert page.count("data-coldrec-item=") == 3 and "For you" in page and "data-coldrec-slate" not in page
        assert not Placement.objects.exists() and placements.get("home").size == 12

    def test_it_is_for_whom_on_which_page_in_which_language(self, editor: Client) -> None:
        Item.objects.filter(external_id__startswith="coffee").update(translations={"zh-hans": {"title": "咖啡壶"}})
        viewed = self.preview(editor, preview__viewed="coffee pot 1, coffee2, nothing of the kind")
        assert "Because you looked at coffee pot" in viewed
        assert "Because you looked" not in self.preview(editor), "a stranger, where nobody is named"
        assert "咖啡壶" in self.preview(editor, preview__language="zh-hans", size="40")
        beside = self.preview(editor, name="product_similar", preview__about="tea3")
        assert 'data-coldrec-item="tea' in beside and 'data-coldrec-item="tea3"' not in beside

    def test_a_row_is_previewed_with_its_own_name(self, editor: Client, shop: Shop) -> None:  # noqa: F811
        row = Placement.objects.create(shop=shop, name="trending", size=9)
        page = self.preview(editor, name="", size="2", preview__row=str(row.pk))
        assert 'data-coldrec-placement="trending"' in page and page.count("data-coldrec-item=") == 2
        row.refresh_from_db()
        assert row.size == 9

    def test_what_is_wrong_is_told_in_place_of_a_list(self, editor: Client) -> None:
        assert "would never be shown" in self.preview(editor, size="2", minimum="3")
        assert "switched this list off" in self.preview(editor, is_shown="")

    def test_the_shops_style_sheets_come_last(self, editor: Client) -> None:
        from coldrec import conf

        with override_settings(COLDREC={**conf.get_config(), "PREVIEW_CSS": ["shop/a.css"]}):
            sheets = re.findall(r'<link rel="stylesheet" href="([^"]*)"', self.preview(editor))
        assert sheets[-1] == "/static/shop/a.css" and sheets[0] == "/static/coldrec/coldrec.css"

    def test_nothing_is_recorded(self, editor: Client) -> None:
        before = (Event.objects.count(), Visitor.objects.count())
        self.preview(editor, preview__viewed="coffee1")
        recommend.slates.write_waiting()
        assert (Event.objects.count(), Visitor.objects.count()) == before and not Slate.objects.exists()

    def test_a_real_visitor_takes_the_permission_and_is_written_down(self, client: Client, shop: Shop) -> None:  # noqa: F811
        visitor = visitor_who(shop, "coffee1")
        sign_in(client, "change_placement")
        asked = {"preview__visitor": visitor.key}
        answer = client.post(PREVIEW, {**EMPTY, "preview-visitor": visitor.key})
        assert answer.status_code == 403
        assert not LogEntry.objects.exists()
        User.objects.all().delete()
        sign_in(client, "change_placement", "view_personal_data")
        assert "Because you looked at coffee pot 1" in self.preview(client, **asked)
        assert LogEntry.objects.get().change_message == "Looked at in the preview of the placement home."

    def test_nobody_else_may_ask(self, client: Client, shop: Shop) -> None:  # noqa: F811
        assert client.post(PREVIEW, EMPTY).status_code == 302
        sign_in(client, "view_item")
        assert client.post(PREVIEW, EMPTY).status_code == 403
        User.objects.get().user_permissions.clear()
        sign_out = Client(enforce_csrf_checks=True)
        sign_out.force_login(User.objects.get())
        assert sign_out.post(PREVIEW, EMPTY).status_code == 403

    def test_it_is_asked_by_post_alone(self, editor: Client) -> None:
        assert editor.get(PREVIEW).status_code == 405

    def test_what_comes_from_outside_is_text(self, editor: Client) -> None:
        Item.objects.update(title=EVIL)
        page = self.preview(editor, title_en=EVIL, preview__viewed=EVIL, preview__about=EVIL, preview__query=EVIL)
        assert "<img src=x" not in page
        assert "<img src=x" not in self.preview(editor, name=EVIL)
        editor.post(ADD, {**EMPTY, "title_en": EVIL})
        assert "<img src=x" not in editor.get(LIST).text
