"""Daily roll-ups: what the admin's screens read instead of events and slates. Days are UTC; see docs/metrics.md.

All can be made anew from the facts (``services.rollups``), so nothing here is anybody's only record.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

BUCKETS = {"0": (0, 0), "1-2": (1, 2), "3-5": (3, 5), "6-10": (6, 10), "11+": (11, None)}
"""Cold buckets by name: the least and the most interactions before the moment looked at."""

WARM = "11+"
MANY_IMPRESSIONS = 100  # an item seen as often has had its chance
WITHIN = (60, 300, 1800, 3600, 6 * 3600, 86_400, 3 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400)
"""Seconds from a visitor's first moment within which something came about; what took longer is ``LATER``."""
LATER = 1_000_000_000


def bucket(interactions: int) -> str:
    """The name of the cold bucket that so many interactions fall into."""
    return next(name for name, (_least, most) in BUCKETS.items() if most is None or interactions <= most)


EDGES = tuple(least for least, _most in BUCKETS.values() if least)


def edge(before: int, after: int) -> int:
    """The highest edge between two buckets that lies between two numbers of interactions; 0 where none does."""
    return max((one for one in EDGES if before < one <= after), default=0)


class Milestone(models.TextChoices):
    FIRST_SEEN = "first_seen", _("first seen")
    CLICK = "click", _("first click")
    BASKET_ADD = "basket_add", _("first basket addition")
    PURCHASE = "purchase", _("first purchase")
    SECOND_ITEM = "second_item", _("interest in a second item")


class Measures(models.Model):
    """What is counted of lists."""

    lists = models.PositiveIntegerField(_("lists"), default=0)
    served = models.PositiveIntegerField(_("items served"), default=0)
    impressions = models.PositiveIntegerField(_("impressions"), default=0)
    clicks = models.PositiveIntegerField(_("clicks"), default=0)
    basket_adds = models.PositiveIntegerField(_("basket additions"), default=0)
    purchases = models.PositiveIntegerField(_("purchases"), default=0)
    refunds = models.PositiveIntegerField(_("refunds"), default=0)
    revenue = models.DecimalField(_("revenue"), max_digits=18, decimal_places=2, default=0)
    refunded = models.DecimalField(_("refunded"), max_digits=18, decimal_places=2, default=0)

    class Meta:
        abstract = True


class DailyMetric(Measures):
    """Sums of one day for one combination of place, level, buckets, channel and currency.

    ``placement`` is empty for what counts for no list. ``lists`` stand in rows without an item bucket, since a list
    holds items of several; all else stands in rows with one. ``currency`` is filled where money may be.
    """

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="+")
    day = models.DateField(_("day"), help_text=_("UTC."))
    placement = models.CharField(_("placement"), max_length=64, blank=True)
    level = models.CharField(_("level"), max_length=16, blank=True)
    visitor_bucket = models.CharField(_("visitor bucket"), max_length=8, blank=True)
    item_bucket = models.CharField(_("item bucket"), max_length=8, blank=True)
    channel = models.CharField(_("channel"), max_length=64, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)

    class Meta:
        verbose_name = _("daily figures")
        verbose_name_plural = _("daily figures")
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "day", "placement", "level", "visitor_bucket", "item_bucket", "channel", "currency"],
                name="coldrec_metric_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.placement or '–'}"


class DailyPlaceMetric(Measures):
    """The same sums by place and level alone: a hundredth of the rows, for long spans of days."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="+")
    day = models.DateField(_("day"), help_text=_("UTC."))
    placement = models.CharField(_("placement"), max_length=64, blank=True)
    level = models.CharField(_("level"), max_length=16, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)

    class Meta:
        verbose_name = _("daily figures of a placement")
        verbose_name_plural = _("daily figures of placements")
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "day", "placement", "level", "currency"], name="coldrec_place_metric_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.placement or '–'}"


class DailyItemMetric(models.Model):
    """One item's day. ``interactions_before`` is the sum of all earlier days, so that a bucket needs one row only.

    A row is notable where something came about for the first time: these few rows tell an item's life.
    """

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="+")
    day = models.DateField(_("day"), help_text=_("UTC."))
    item_id = models.CharField(_("item id"), max_length=255)
    interactions_before = models.PositiveIntegerField(_("interactions before"), default=0)
    interactions = models.PositiveIntegerField(_("interactions"), default=0)
    served = models.PositiveIntegerField(_("times served"), default=0)
    impressions = models.PositiveIntegerField(_("impressions"), default=0)
    clicks = models.PositiveIntegerField(_("clicks"), default=0)
    basket_adds = models.PositiveIntegerField(_("basket additions"), default=0)
    purchases = models.PositiveIntegerField(_("purchases"), default=0)
    is_notable = models.BooleanField(_("notable"), default=False, help_text=_("One of the fields below is filled."))
    is_first_served = models.BooleanField(_("first served on this day"), default=False)
    is_first_seen = models.BooleanField(_("first seen on this day"), default=False)
    is_first_followed = models.BooleanField(_("first clicked, put in a basket or bought on this day"), default=False)
    is_much_seen = models.BooleanField(_("reached 100 impressions on this day"), default=False)
    edge = models.PositiveSmallIntegerField(
        _("edge"), default=0, help_text=_("The least number of interactions of the bucket entered on this day.")
    )

    class Meta:
        verbose_name = _("daily figures of an item")
        verbose_name_plural = _("daily figures of items")
        constraints = [models.UniqueConstraint(fields=["shop", "day", "item_id"], name="coldrec_item_metric_once")]
        indexes = [
            models.Index(
                fields=["shop", "item_id", "day"], condition=Q(is_notable=True), name="coldrec_item_metric_notable"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.item_id}"


class DailyCohort(models.Model):
    """How many people first seen on ``first_day`` reached a milestone on ``day``, within so many seconds."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="+")
    day = models.DateField(_("day"), help_text=_("UTC."))
    first_day = models.DateField(_("first day"))
    channel = models.CharField(_("channel"), max_length=64, blank=True)
    milestone = models.CharField(_("milestone"), max_length=16, choices=Milestone.choices)
    within = models.PositiveIntegerField(_("within"), default=0, help_text=_("Seconds."))
    visitors = models.PositiveIntegerField(_("visitors"), default=0)

    class Meta:
        verbose_name = _("daily cohort")
        verbose_name_plural = _("daily cohorts")
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "day", "first_day", "channel", "milestone", "within"], name="coldrec_cohort_once"
            )
        ]
        indexes = [models.Index(fields=["shop", "first_day"], name="coldrec_cohort_first_day")]

    def __str__(self) -> str:
        return f"{self.first_day} {self.milestone}"


class DailyTotal(models.Model):
    """What a whole day came to, with and without lists. A day that was rolled up has one, be it empty."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="+")
    day = models.DateField(_("day"), help_text=_("UTC."))
    events = models.PositiveIntegerField(_("events"), default=0)
    interactions = models.PositiveIntegerField(_("interactions"), default=0)
    baskets = models.PositiveIntegerField(_("basket additions and purchases"), default=0)
    lists = models.PositiveIntegerField(_("lists"), default=0)
    visitors = models.PositiveIntegerField(_("visitors"), default=0, help_text=_("People with an event on that day."))
    granted = models.PositiveIntegerField(_("consent granted"), default=0)
    refused = models.PositiveIntegerField(_("consent refused"), default=0)

    class Meta:
        verbose_name = _("daily total")
        verbose_name_plural = _("daily totals")
        constraints = [models.UniqueConstraint(fields=["shop", "day"], name="coldrec_total_once")]

    def __str__(self) -> str:
        return str(self.day)


class Attribution(models.Model):
    """The list that an event counts for though it names none: a purchase after a click, say.

    No foreign keys: events and slates may be deleted by date, by plain SQL too.
    """

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="+")
    day = models.DateField(_("day"), help_text=_("UTC."))
    event_pk = models.BigIntegerField(_("event"), unique=True)
    slate_id = models.UUIDField(_("slate"))

    class Meta:
        verbose_name = _("attribution")
        verbose_name_plural = _("attributions")
        indexes = [
            models.Index(fields=["shop", "day"], name="coldrec_attribution_day"),
            models.Index(fields=["slate_id"], name="coldrec_attribution_slate"),
        ]

    def __str__(self) -> str:
        return f"{self.event_pk} → {self.slate_id}"


class RollUp(models.Model):
    """How far a shop's roll-ups are."""

    shop = models.OneToOneField("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="rollup")
    rolled_up_at = models.DateTimeField(
        _("rolled up at"), null=True, blank=True, help_text=_("When the latest run began that came to its end.")
    )
    dirty_from = models.DateField(
        _("to do from"), null=True, blank=True, help_text=_("The first day that has to be made anew.")
    )
    event_mark = models.BigIntegerField(_("event mark"), default=0, help_text=_("Events up to this key were seen."))
    generation = models.PositiveIntegerField(
        _("generation"), default=0, help_text=_("Moves with every day written; of two runs at once one goes on.")
    )

    class Meta:
        verbose_name = _("roll-up")
        verbose_name_plural = _("roll-ups")

    def __str__(self) -> str:
        return str(self.rolled_up_at)
