"""Training runs and the model versions they leave."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ModelVersion(models.Model):
    """An immutable artifact directory and its card. Which one answers is ``Shop.serving_version``."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    path = models.CharField(_("path"), max_length=500, help_text=_("Below COLDREC['ARTIFACTS']."))
    digest = models.CharField(_("digest"), max_length=64, help_text=_("SHA-256 of the manifest."))
    metrics = models.JSONField(_("metrics"), default=dict, blank=True, help_text=_("On data held out inside the fit."))
    refusal = models.TextField(_("refused because"), blank=True, help_text=_("Why the gate would not promote it."))
    encoder = models.ForeignKey(
        "coldrec.EncoderVersion",
        verbose_name=_("encoder"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="versions",
        help_text=_("Whose vectors of the items it was fitted with."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    promoted_at = models.DateTimeField(_("promoted at"), null=True, blank=True)
    replaced = models.ForeignKey(
        "self",
        verbose_name=_("replaced"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("The version that served before; a rollback returns to it."),
    )

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering = ["shop", "-number"]
        permissions = [("promote_modelversion", "Can put a model version into service and take it back")]
        constraints = [models.UniqueConstraint(fields=["shop", "number"], name="coldrec_version_once")]

    def __str__(self) -> str:
        return f"v{self.number}"


class TrainingRun(models.Model):
    """One training, from its order to a version or an error. This row, not the broker, is what knows of it."""

    class Kind(models.TextChoices):
        MODEL = "model", _("model")
        ENCODER = "encoder", _("language model")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")
        DEAD = "dead", _("given up")

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices, default=Kind.MODEL)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.WAITING)
    config = models.JSONField(_("configuration"), default=dict, blank=True)
    progress = models.CharField(_("progress"), max_length=200, blank=True)
    step = models.PositiveIntegerField(_("step"), default=0)
    steps = models.PositiveIntegerField(_("steps"), default=0)
    curve = models.JSONField(_("curve"), default=list, blank=True, help_text=_("[stage, step, loss, texts per second]"))
    cancel_asked = models.BooleanField(_("cancel asked"), default=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, help_text=_("Processes that have begun it."))
    holder = models.CharField(_("held by"), max_length=64, blank=True)
    held_until = models.DateTimeField(_("held until"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
    version = models.OneToOneField(
        ModelVersion, verbose_name=_("version"), null=True, blank=True, on_delete=models.SET_NULL, related_name="run"
    )
    encoder = models.OneToOneField(
        "coldrec.EncoderVersion",
        verbose_name=_("encoder version"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="run",
    )
    started_at = models.DateTimeField(_("started at"), auto_now_add=True)
    beaten_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        verbose_name = _("training run")
        verbose_name_plural = _("training runs")
        ordering = ["-started_at"]
        permissions = [("control_trainingrun", "Can start, cancel and retry training runs")]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.started_at:%Y-%m-%d %H:%M}"
