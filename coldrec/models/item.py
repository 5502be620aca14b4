"""The catalogue as coldrec sees it, kept in step with the shop's products by ``services.catalogue``."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Item(models.Model):
    """One thing that can be shown. The shop's product stays the truth; this is its adapted copy."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="items")
    external_id = models.CharField(_("item id"), max_length=255, help_text=_("The shop's own id, as text."))
    title = models.CharField(_("title"), max_length=500, blank=True)
    text = models.TextField(_("text"), blank=True)
    brand = models.CharField(_("brand"), max_length=200, blank=True)
    category = models.JSONField(_("category path"), default=list, blank=True, help_text=_("Outermost first."))
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    price = models.DecimalField(_("price"), max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    language = models.CharField(_("language"), max_length=16, blank=True)
    translations = models.JSONField(
        _("translations"),
        default=dict,
        blank=True,
        help_text=_("Title and text by language code, beside those in the item's own language."),
    )
    url = models.CharField(_("address"), max_length=1000, blank=True)
    image_url = models.CharField(_("image address"), max_length=1000, blank=True)
    variant_group = models.CharField(
        _("variant group"), max_length=255, blank=True, help_text=_("Items of one group never share a list.")
    )
    sellable = models.BooleanField(_("sellable"), default=True)
    content_hash = models.CharField(
        _("content hash"), max_length=64, blank=True, help_text=_("Changes when anything a model reads changes.")
    )
    first_seen = models.DateTimeField(_("first seen"))
    updated_at = models.DateTimeField(_("updated at"))
    removed_at = models.DateTimeField(
        _("removed at"),
        null=True,
        blank=True,
        help_text=_("When the shop's product went away. The row stays, unsellable: old purchases of it still teach."),
    )

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        constraints = [models.UniqueConstraint(fields=["shop", "external_id"], name="coldrec_item_once")]
        indexes = [
            models.Index(fields=["shop", "sellable", "-first_seen"], name="coldrec_item_newest"),
            models.Index(fields=["shop", "updated_at"], name="coldrec_item_updated"),
        ]

    def __str__(self) -> str:
        return self.title or self.external_id
