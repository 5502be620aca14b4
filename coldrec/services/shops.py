"""Which shop this site is."""

from functools import partial
from threading import Lock
from typing import Any

from django.db import router, transaction
from django.db.models.signals import post_delete, post_migrate, post_save

from coldrec import conf
from coldrec.models import Shop

_ids: dict[str, int] = {}  # key → primary key of shops known to be committed
_lock = Lock()


def current() -> Shop:
    """The shop named by ``COLDREC["SHOP"]``, made on first use; no query once this process knows it.

    The row's other fields, the serving version above all, are read when asked for, so they are never old.
    """
    key = conf.get("SHOP")
    using = router.db_for_read(Shop) or "default"
    if (known := _ids.get(key)) is not None:
        shop: Shop = Shop.from_db(using, ["id", "key"], [known, key])
        return shop
    try:
        shop = Shop.objects.get(key=key)
    except Shop.DoesNotExist:
        shop, _ = Shop.objects.get_or_create(key=key)
    transaction.on_commit(partial(_remember, key, shop.pk, using), using=using)
    return shop


def _remember(key: str, pk: int, using: str) -> None:
    # A row seen inside a transaction may yet be rolled back, as every test's is; then nothing is remembered.
    if not transaction.get_connection(using).in_atomic_block:
        with _lock:
            _ids[key] = pk


def _forget(**_: Any) -> None:
    with _lock:
        _ids.clear()


post_save.connect(_forget, sender=Shop, dispatch_uid="coldrec.shops.saved")
post_delete.connect(_forget, sender=Shop, dispatch_uid="coldrec.shops.deleted")
post_migrate.connect(_forget, dispatch_uid="coldrec.shops.flushed")
