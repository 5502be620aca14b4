"""Values from JSON columns as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

NOTHING = "–"


def text(value: Any) -> str:
    """One value in words: lists with commas, numbers in the reader's own form."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return str(localize(round(value, 4)))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {text(one)}" for name, one in value.items()) or NOTHING
    if isinstance(value, (list, tuple)):
        return ", ".join(text(one) for one in value) or NOTHING
    return NOTHING if value is None or value == "" else str(value)


def table(values: Mapping[str, Any]) -> SafeString | str:
    """Names and values, one pair to a row."""
    if not values:
        return NOTHING
    rows = format_html_join(
        "", '<tr><th scope="row">{}:&nbsp;</th><td>{}</td></tr>', ((name, text(one)) for name, one in values.items())
    )
    return format_html("<table>{}</table>", rows)


def grid(label: Any, heads: Iterable[Any], rows: Iterable[Iterable[Any]]) -> SafeString:
    """A table whose first column names the rows; what is too wide for the page is scrolled."""
    head = format_html_join("", '<th scope="col">{}</th>', ((one,) for one in heads))
    body = format_html_join(
        "",
        '<tr><th scope="row">{}</th>{}</tr>',
        ((name, format_html_join("", "<td>{}</td>", ((text(one),) for one in cells))) for name, *cells in rows),
    )
    return format_html(
        '<div class="coldrec-scroll" role="region" tabindex="0" aria-label="{}">'
        "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        label,
        head,
        body,
    )


def in_row(shown: SafeString) -> SafeString:
    """What looks as on a screen of coldrec's, in a row of a form that must not grow with it."""
    return format_html('<div class="coldrec-screen coldrec-in-row">{}</div>', shown)


def reason(value: Mapping[str, Any]) -> str:
    """Why an item stood in a slate: the kind, and the items it rests on."""
    evidence = text(value.get("evidence", ()))
    kind = text(value.get("kind"))
    return kind if evidence == NOTHING else f"{kind}: {evidence}"


def breakable(characters: str, size: int = 16) -> SafeString:
    """A long name without spaces that may be broken between groups, so that it fits a narrow screen."""
    groups = [(characters[start : start + size],) for start in range(0, len(characters), size)]
    return format_html_join(SafeString("<wbr>"), "{}", groups)


def path(names: Any) -> str:
    """A category path, outermost first."""
    return " › ".join(map(str, names)) if isinstance(names, (list, tuple)) and names else NOTHING


def rows_link(model: str, label: str, **filters: Any) -> SafeString:
    """A link to the changelist of ``model`` with these filters."""
    return format_html(
        '<a href="{}?{}">{}</a>', reverse(f"admin:coldrec_{model}_changelist"), urlencode(filters), label
    )


def row_link(model: str, pk: Any, label: Any) -> SafeString:
    """A link to the page of one row."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:coldrec_{model}_change", args=[pk]), label)


def safe_address(address: str) -> str | None:
    """The address where a browser may follow it; a product's address comes from outside."""
    return address if address.startswith(("http://", "https://", "/")) else None
