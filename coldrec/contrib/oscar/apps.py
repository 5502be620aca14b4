"""How Django finds the part of coldrec that knows django-oscar."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ColdrecOscarConfig(AppConfig):
    name = "coldrec.contrib.oscar"
    label = "coldrec_oscar"
    verbose_name = _("coldrec for oscar")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from coldrec.contrib.oscar import receivers  # noqa: F401 connects them
