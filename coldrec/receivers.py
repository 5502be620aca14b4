"""Facts taken in from the shop: a product, or what belongs to it, was changed; somebody signed in or out."""

from __future__ import annotations

import logging
from typing import Any

from django.apps import apps
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from coldrec import catalogue, conf, tasks
from coldrec.core.errors import CatalogueError
from coldrec.services import visitors

logger = logging.getLogger(__name__)

_paths: dict[type[Model], str] = {}  # watched model → path from its rows to the product
_many: dict[type[Model], type[Model]] = {}  # table between a product and many others → the watched product model


def connect() -> None:
    """Watch the models that the catalogue adapter names. A setting that is wrong is left to the system checks."""
    disconnect()
    if not conf.get("CATALOGUE"):
        return
    try:
        watched = catalogue.load().watched()
    except CatalogueError as error:
        logger.warning("coldrec does not follow changes of products: %s", error)
        return
    for named, path in watched.items():
        # Signals name the class that was saved, which may be a proxy or a child of the one the adapter names.
        for model in (m for m in apps.get_models() if issubclass(m, named)):
            _paths[model] = path
            post_save.connect(_saved, sender=model)
            post_delete.connect(_deleted, sender=model)
            if not path:
                for relation in model._meta.many_to_many:
                    _many[relation.remote_field.through] = model
                    m2m_changed.connect(_related, sender=relation.remote_field.through)


def disconnect() -> None:
    """Watch nothing."""
    for model in _paths:
        post_save.disconnect(_saved, sender=model)
        post_delete.disconnect(_deleted, sender=model)
    for through in _many:
        m2m_changed.disconnect(_related, sender=through)
    _paths.clear()
    _many.clear()


def _saved(sender: type[Model], instance: Model, using: str, raw: bool = False, **_: Any) -> None:
    if not raw:  # a fixture may come before the rows it refers to; the next sync takes it in
        _changed(instance, _paths[sender], using)


def _deleted(sender: type[Model], instance: Model, using: str, **_: Any) -> None:
    _changed(instance, _paths[sender], using)


def _related(
    sender: type[Model], instance: Model, action: str, reverse: bool, pk_set: Any, using: str, **_: Any
) -> None:
    if action not in {"post_add", "post_remove", "post_clear"}:
        return
    if not reverse:
        _changed(instance, "", using)
        return
    for product in _many[sender]._base_manager.using(using).filter(pk__in=pk_set or ()):
        _changed(product, "", using)


def _changed(instance: Model, path: str, using: str) -> None:
    """Have the item behind ``instance`` refreshed. The shop's save goes through whatever happens here."""
    try:
        product = catalogue.follow(instance, path)
        for one in product if isinstance(product, list) else [product]:
            if one is not None and (external_id := catalogue.load().item_id(one)):
                tasks.item_changed(external_id, using=using)
    except Exception:
        logger.exception("coldrec could not follow a change of %s %s", type(instance).__name__, instance.pk)


@receiver(user_logged_in, dispatch_uid="coldrec.signed_in")
def _signed_in(sender: Any, request: Any = None, **_: Any) -> None:
    try:
        if request is not None:
            visitors.signed_in(getattr(request, "_request", request))  # Django's own, where DRF sends its wrapper
    except Exception:
        logger.exception("coldrec could not take in that somebody signed in")


@receiver(user_logged_out, dispatch_uid="coldrec.signed_out")
def _signed_out(sender: Any, request: Any = None, user: Any = None, **_: Any) -> None:
    try:
        if request is not None and user is not None:
            visitors.signed_out(getattr(request, "_request", request))
    except Exception:
        logger.exception("coldrec could not take in that somebody signed out")
