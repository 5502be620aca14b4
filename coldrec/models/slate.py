"""What was served: without it neither attribution nor off-policy evaluation is possible later."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from coldrec.core.types import Level

LEVELS = [
    (Level.PERSONAL.value, _("personal")),
    (Level.SESSION.value, _("this visit")),
    (Level.SIMILAR.value, _("similar")),
    (Level.POPULAR_HERE.value, _("popular here")),
    (Level.POPULAR.value, _("popular")),
    (Level.NEWEST.value, _("newest")),
    (Level.EMPTY.value, _("empty")),
]


class Slate(models.Model):
    """The ordered items served once at one placement."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="slates")
    placement = models.CharField(_("placement"), max_length=64)
    visitor = models.ForeignKey(
        "coldrec.Visitor",
        verbose_name=_("visitor"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="slates",
    )
    policy = models.CharField(_("policy"), max_length=64, help_text=_("The recipe that made it."))
    level = models.CharField(_("level"), max_length=16, choices=LEVELS)
    version = models.ForeignKey(
        "coldrec.ModelVersion",
        verbose_name=_("model version"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="slates",
    )
    context = models.JSONField(_("context"), default=dict, blank=True, help_text=_("Seeds, category, warmness."))
    created_at = models.DateTimeField(_("served at"))

    class Meta:
        verbose_name = _("slate")
        verbose_name_plural = _("slates")
        permissions = [("use_console", "Can ask how a list comes about")]
        indexes = [
            models.Index(fields=["shop", "placement", "created_at"], name="coldrec_slate_time"),
            models.Index(fields=["shop", "created_at"], name="coldrec_slate_day"),
        ]

    def __str__(self) -> str:
        return f"{self.placement} {self.id}"


class SlateItem(models.Model):
    """One item of a slate at its position."""

    slate = models.ForeignKey(Slate, verbose_name=_("slate"), on_delete=models.CASCADE, related_name="items")
    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="+")
    item_id = models.CharField(_("item id"), max_length=255)
    position = models.PositiveSmallIntegerField(_("position"), help_text=_("1 is first."))
    score = models.FloatField(_("score"))
    propensity = models.FloatField(_("propensity"), default=1.0)
    level = models.CharField(_("level"), max_length=16, choices=LEVELS)
    reason = models.JSONField(_("reason"), default=dict, blank=True)

    class Meta:
        verbose_name = _("slate item")
        verbose_name_plural = _("slate items")
        ordering = ["slate", "position"]
        constraints = [models.UniqueConstraint(fields=["slate", "position"], name="coldrec_slate_position_once")]
        indexes = [models.Index(fields=["shop", "item_id"], name="coldrec_slate_item")]

    def __str__(self) -> str:
        return f"{self.position}. {self.item_id}"
