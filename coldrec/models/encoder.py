"""Language models that read the shop's texts, and what they made of its items."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class EncoderVersion(models.Model):
    """One language model, found by the settings or trained here. ``Shop.encoder`` is the one in use.

    Vectors of two versions are never compared: each version has vectors of its own, and each model version says which
    encoder it was fitted with.
    """

    class Origin(models.TextChoices):
        SETTING = "setting", _("named in the settings")
        TRAINED = "trained", _("trained here")

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="encoders")
    number = models.PositiveIntegerField(_("number"))
    origin = models.CharField(_("origin"), max_length=16, choices=Origin.choices)
    source = models.CharField(
        _("source"), max_length=500, help_text=_("Hub id, folder or address of what it began as.")
    )
    fingerprint = models.CharField(
        _("fingerprint"), max_length=64, help_text=_("Only vectors of models with equal fingerprints compare.")
    )
    dims = models.PositiveIntegerField(_("dimensions"))
    path = models.CharField(
        _("path"), max_length=500, blank=True, help_text=_("Below COLDREC['ARTIFACTS']; empty for a remote model.")
    )
    card = models.JSONField(_("card"), default=dict, blank=True)
    metrics = models.JSONField(_("metrics"), default=dict, blank=True, help_text=_("On data held out of its training."))
    refusal = models.TextField(_("refused because"), blank=True, help_text=_("Why the gate would not promote it."))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    promoted_at = models.DateTimeField(_("promoted at"), null=True, blank=True)

    class Meta:
        verbose_name = _("encoder version")
        verbose_name_plural = _("encoder versions")
        ordering = ["shop", "-number"]
        permissions = [("promote_encoderversion", "Can put an encoder into service and take it back")]
        constraints = [
            models.UniqueConstraint(fields=["shop", "number"], name="coldrec_encoder_once"),
            models.UniqueConstraint(fields=["shop", "fingerprint"], name="coldrec_encoder_fingerprint_once"),
        ]

    def __str__(self) -> str:
        return f"e{self.number}"


class ItemVector(models.Model):
    """What one encoder made of one item's text, and of which state of it."""

    item = models.ForeignKey("coldrec.Item", verbose_name=_("item"), on_delete=models.CASCADE, related_name="vectors")
    encoder = models.ForeignKey(
        EncoderVersion, verbose_name=_("encoder version"), on_delete=models.CASCADE, related_name="vectors"
    )
    content_hash = models.CharField(_("content hash"), max_length=64, help_text=_("The item's, when it was read."))
    text_hash = models.CharField(_("text hash"), max_length=64, help_text=_("Of the text that was read."))
    vector = models.BinaryField(_("vector"), help_text=_("float16, little-endian, of length 1."))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("item vector")
        verbose_name_plural = _("item vectors")
        constraints = [models.UniqueConstraint(fields=["encoder", "item"], name="coldrec_item_vector_once")]

    def __str__(self) -> str:
        return f"{self.encoder_id}: {self.item_id}"
