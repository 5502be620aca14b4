"""Whoever is recommended to, signed in or not."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Consent(models.TextChoices):
    UNKNOWN = "unknown", _("not asked")
    GRANTED = "granted", _("granted")
    REFUSED = "refused", _("refused")


class Visitor(models.Model):
    """A pseudonymous person. ``key`` is random, or a keyed hash of the account; never an address or a name."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="visitors")
    key = models.CharField(_("key"), max_length=64)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("account"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
    )
    consent = models.CharField(_("consent"), max_length=8, choices=Consent.choices, default=Consent.UNKNOWN)
    is_personalised = models.BooleanField(
        _("personalised"),
        default=True,
        help_text=_("Off: this visitor's lists are those of a stranger, by their own wish."),
    )
    channel = models.CharField(
        _("channel"), max_length=64, blank=True, help_text=_("How the first visit came about: search, email, a site …")
    )
    merged_into = models.ForeignKey(
        "self", verbose_name=_("merged into"), null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    merged_at = models.DateTimeField(_("merged at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("visitor")
        verbose_name_plural = _("visitors")
        permissions = [("view_personal_data", "Can look at what one visitor did")]
        constraints = [models.UniqueConstraint(fields=["shop", "key"], name="coldrec_visitor_once")]
        indexes = [
            models.Index(fields=["shop", "created_at"], name="coldrec_visitor_time"),
            models.Index(
                fields=["shop", "merged_at"],
                condition=models.Q(merged_at__isnull=False),
                name="coldrec_visitor_merged",
            ),
        ]

    def __str__(self) -> str:
        return self.key[:12]  # enough to tell visitors apart, and short enough for a heading
