"""Which shop this site is."""

from coldrec import conf
from coldrec.models import Shop


def current() -> Shop:
    """The shop named by ``COLDREC["SHOP"]``, made on first use; one query."""
    key = conf.get("SHOP")
    try:
        return Shop.objects.get(key=key)
    except Shop.DoesNotExist:
        return Shop.objects.get_or_create(key=key)[0]
