"""Whether this installation can answer."""

from dataclasses import dataclass

from django.db import Error

from coldrec import __version__
from coldrec.models import Shop
from coldrec.services import shops


@dataclass(frozen=True, slots=True)
class Health:
    """``status`` is ``ok``, ``cold`` (lists come without a model) or ``down`` (no database)."""

    status: str
    shop: str = ""
    version: int | None = None  # of the model that answers
    release: str = __version__


def check() -> Health:
    """The state of the site's shop; one query."""
    try:
        shop = shops.current()
        version = Shop.objects.values_list("serving_version__number", flat=True).get(pk=shop.pk)
    except Error:  # of the database, a lost connection too
        return Health("down")
    return Health("cold" if version is None else "ok", shop.key, version)
