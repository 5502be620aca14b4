"""What visitors did: raw, immutable facts."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from coldrec.core.types import EventKind

EVENT_KINDS = [
    (EventKind.VIEW.value, _("product viewed")),
    (EventKind.CLICK.value, _("product clicked")),
    (EventKind.IMPRESSION.value, _("product seen in a list")),
    (EventKind.SEARCH.value, _("search")),
    (EventKind.LIKE.value, _("liked")),
    (EventKind.DISLIKE.value, _("not interested")),
    (EventKind.BASKET_ADD.value, _("added to basket")),
    (EventKind.BASKET_REMOVE.value, _("removed from basket")),
    (EventKind.WISHLIST_ADD.value, _("added to wish list")),
    (EventKind.CHECKOUT.value, _("checkout started")),
    (EventKind.PURCHASE.value, _("purchased")),
    (EventKind.REFUND.value, _("refunded")),
    (EventKind.REVIEW.value, _("reviewed")),
    (EventKind.SHARE.value, _("shared")),
    (EventKind.DWELL.value, _("time spent on a product")),
]


class Event(models.Model):
    """One fact sent by the shop; ``event_id`` makes sending it twice harmless.

    Items are named by the shop's id, not by a key into our copy: an event may come before its product.
    """

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="events")
    event_id = models.CharField(_("event id"), max_length=64)
    kind = models.CharField(_("kind"), max_length=16, choices=EVENT_KINDS)
    visitor = models.ForeignKey(
        "coldrec.Visitor", verbose_name=_("visitor"), on_delete=models.CASCADE, related_name="events"
    )
    item_id = models.CharField(_("item id"), max_length=255, blank=True)
    query = models.CharField(_("search words"), max_length=500, blank=True)
    value = models.DecimalField(_("value"), max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    duration = models.PositiveIntegerField(
        _("duration"), null=True, blank=True, help_text=_("Seconds in front of the visitor; told with time spent.")
    )
    slate_id = models.UUIDField(_("slate"), null=True, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), null=True, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"), help_text=_("By the sender's clock, UTC."))
    received_at = models.DateTimeField(_("received at"), auto_now_add=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [models.UniqueConstraint(fields=["shop", "event_id"], name="coldrec_event_once")]
        indexes = [
            models.Index(fields=["visitor", "-occurred_at"], name="coldrec_event_history"),
            models.Index(
                fields=["visitor", "-occurred_at"],
                name="coldrec_event_disliked",
                condition=models.Q(kind=EventKind.DISLIKE.value),
            ),
            models.Index(fields=["shop", "item_id", "occurred_at"], name="coldrec_event_item"),
            models.Index(fields=["shop", "occurred_at"], name="coldrec_event_time"),
            models.Index(fields=["slate_id"], name="coldrec_event_slate"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.item_id or self.query}"


class RejectedEvent(models.Model):
    """An event that could not be taken, kept whole with the reason so that nothing is lost."""

    shop = models.ForeignKey(
        "coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="rejected_events"
    )
    body = models.TextField(_("body"), help_text=_("What was received, as text."))
    code = models.CharField(_("code"), max_length=32)
    reason = models.TextField(_("reason"))
    source = models.CharField(_("source"), max_length=200, blank=True, help_text=_("API, or file and line."))
    visitor = models.ForeignKey(
        "coldrec.Visitor",
        verbose_name=_("visitor"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="rejected_events",
        help_text=_("Whose it would have been, where the sender was known."),
    )
    received_at = models.DateTimeField(_("received at"), auto_now_add=True)

    class Meta:
        verbose_name = _("rejected event")
        verbose_name_plural = _("rejected events")
        permissions = [("replay_rejectedevent", "Can try a rejected event again")]
        indexes = [models.Index(fields=["shop", "received_at"], name="coldrec_rejected_time")]

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


class IgnoredCount(models.Model):
    """How many requests of a day were nobody's: crawlers, pages fetched ahead. Nothing else of them is kept."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="+")
    day = models.DateField(_("day"), help_text=_("UTC."))
    reason = models.CharField(_("reason"), max_length=32)
    count = models.PositiveIntegerField(_("count"), default=0)

    class Meta:
        verbose_name = _("ignored requests")
        verbose_name_plural = _("ignored requests")
        constraints = [models.UniqueConstraint(fields=["shop", "day", "reason"], name="coldrec_ignored_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.reason}: {self.count}"
