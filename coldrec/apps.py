"""How Django finds coldrec."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ColdrecConfig(AppConfig):
    name = "coldrec"
    label = "coldrec"
    verbose_name = _("coldrec")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from coldrec import checks, receivers

        checks.connect()
        receivers.connect()
