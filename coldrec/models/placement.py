"""What the shop's staff changed about a placement."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from coldrec import conf
from coldrec.core.types import Kind

KINDS = [
    (Kind.PERSONAL.value, _("for this visitor")),
    (Kind.SIMILAR.value, _("instead of the page's item")),
    (Kind.TOGETHER.value, _("beside the page's item or the basket")),
    (Kind.RECENT.value, _("what this visitor looked at")),
    (Kind.TRENDING.value, _("what sells now")),
    (Kind.NEW.value, _("new arrivals, newness and taste in balance")),
    (Kind.NEAR.value, _("near the words asked for")),
]


class Layout(models.TextChoices):
    GRID = "grid", _("grid")
    CAROUSEL = "carousel", _("carousel")


class Placement(models.Model):
    """A placement as staff want it; laid over COLDREC["PLACEMENTS"], which is laid over the defaults.

    A field that is left empty says nothing: what lies below counts.
    """

    shop = models.ForeignKey(
        "coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="placements"
    )
    name = models.SlugField(_("name"), max_length=64, help_text=_("As templates and the API call it."))
    kind = models.CharField(_("kind"), max_length=16, choices=KINDS, blank=True)
    size = models.PositiveSmallIntegerField(
        _("size"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(conf.LONGEST_LIST)],
        help_text=_("Items at most."),
    )
    minimum = models.PositiveSmallIntegerField(
        _("minimum"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(conf.LONGEST_LIST)],
        help_text=_("With fewer items than this the list is left out."),
    )
    layout = models.CharField(_("layout"), max_length=16, choices=Layout.choices, blank=True)
    titles = models.JSONField(_("titles"), default=dict, blank=True, help_text=_("By language code."))
    is_shown = models.BooleanField(_("shown"), default=True, help_text=_("Off: the list is left out everywhere."))
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("placement")
        verbose_name_plural = _("placements")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["shop", "name"], name="coldrec_placement_once")]

    def __str__(self) -> str:
        return self.name
