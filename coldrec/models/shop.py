"""The tenant: one catalogue, one set of visitors, one served model."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Shop(models.Model):
    """A shop served by this installation. Most sites have one, made on first use."""

    key = models.SlugField(_("key"), max_length=64, unique=True, help_text=_("Name used in settings and commands."))
    name = models.CharField(_("name"), max_length=200, blank=True)
    serving_version = models.ForeignKey(
        "coldrec.ModelVersion",
        verbose_name=_("serving version"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("The model version that answers now. Promotion moves this pointer and nothing else."),
    )
    encoder = models.ForeignKey(
        "coldrec.EncoderVersion",
        verbose_name=_("encoder"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("The language model that reads new texts and that the next fit learns with."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("shop")
        verbose_name_plural = _("shops")
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name or self.key
