"""What was agreed to, and what was erased: proof that a wish was followed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from coldrec.models.visitor import Consent


class ConsentRecord(models.Model):
    """One answer of a visitor to the consent question, or one change of mind."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="+")
    visitor = models.ForeignKey(
        "coldrec.Visitor", verbose_name=_("visitor"), on_delete=models.CASCADE, related_name="consent_records"
    )
    answer = models.CharField(_("answer"), max_length=8, choices=Consent.choices)
    source = models.CharField(_("source"), max_length=32, help_text=_("Where it was given: banner, my data, API …"))
    created_at = models.DateTimeField(_("given at"), auto_now_add=True)

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = _("consent records")
        indexes = [models.Index(fields=["shop", "created_at"], name="coldrec_consent_time")]

    def __str__(self) -> str:
        return f"{self.answer} ({self.source})"


class Erasure(models.Model):
    """The receipt of an erasure. It names nobody: only how many rows went, and when."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="+")
    reference = models.UUIDField(_("reference"), unique=True, help_text=_("Given to whoever asked for it."))
    source = models.CharField(_("source"), max_length=32, help_text=_("Who asked: the visitor, staff, a command."))
    removed = models.JSONField(_("removed"), default=dict, help_text=_("Rows by store and table."))
    created_at = models.DateTimeField(_("erased at"), auto_now_add=True)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        indexes = [models.Index(fields=["shop", "created_at"], name="coldrec_erasure_time")]

    def __str__(self) -> str:
        return str(self.reference)
