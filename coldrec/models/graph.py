"""The product knowledge graph, G = (V, E), as rows. The tables are the truth; Neo4j is made of them."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Entity(models.Model):
    """A thing that items have in common: a brand, a material, an allergen. Items themselves are ``Item``."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="entities")
    key = models.CharField(_("key"), max_length=300, help_text=_("kind:name, as triples write it."))
    kind = models.CharField(_("kind"), max_length=64)
    name = models.CharField(_("name"), max_length=300)
    labels = models.JSONField(_("names in other languages"), default=dict, blank=True)
    aliases = models.JSONField(_("other spellings"), default=list, blank=True)
    amount = models.FloatField(_("amount"), null=True, blank=True, help_text=_("Of a value with a unit."))
    unit = models.CharField(_("unit"), max_length=16, blank=True)
    merged_into = models.ForeignKey(
        "self",
        verbose_name=_("is the same as"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="merged",
        help_text=_("Triples name that one instead."),
    )
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("entity")
        verbose_name_plural = _("entities")
        constraints = [models.UniqueConstraint(fields=["shop", "key"], name="coldrec_entity_once")]
        indexes = [models.Index(fields=["shop", "kind", "name"], name="coldrec_entity_kind")]

    def __str__(self) -> str:
        return self.key


class Triple(models.Model):
    """One fact: (head, relation, tail). Items are written ``item:<id>``, entities ``<kind>:<name>``."""

    class Source(models.TextChoices):
        CATALOGUE = "catalogue", _("catalogue")  # fields of a product, and the adapter's own triples
        SHOP = "shop", _("the shop's own relations")  # COLDREC["GRAPH_RELATIONS"]
        IMPORT = "import", _("imported")
        TEXT = "text", _("found in text")
        BEHAVIOUR = "behaviour", _("behaviour")
        REVIEW = "review", _("accepted by staff")
        IMPLIED = "implied", _("implied by other facts")

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="triples")
    head = models.CharField(_("head"), max_length=300)
    relation = models.CharField(_("relation"), max_length=64)
    tail = models.CharField(_("tail"), max_length=300)
    source = models.CharField(_("source"), max_length=16, choices=Source.choices, default=Source.CATALOGUE)
    confidence = models.FloatField(_("confidence"), default=1.0, help_text=_("0 to 1; 1: known, not guessed."))
    weight = models.FloatField(_("weight"), default=1.0, help_text=_("Of behaviour: support that has faded with time."))
    support = models.PositiveIntegerField(_("support"), null=True, blank=True, help_text=_("Visitors behind it."))
    lift = models.FloatField(_("lift"), null=True, blank=True, help_text=_("Times as often as by chance."))

    class Meta:
        verbose_name = _("triple")
        verbose_name_plural = _("triples")
        constraints = [models.UniqueConstraint(fields=["shop", "head", "relation", "tail"], name="coldrec_triple_once")]
        indexes = [
            models.Index(fields=["shop", "tail"], name="coldrec_triple_tail"),
            models.Index(fields=["shop", "source"], name="coldrec_triple_source"),
        ]

    def __str__(self) -> str:
        return f"({self.head}, {self.relation}, {self.tail})"


class GraphSuggestion(models.Model):
    """Something that the graph might say and does not yet: that two entities are one, or a fact found in text."""

    class Kind(models.TextChoices):
        MERGE = "merge", _("two entities are the same")  # head is merged into tail; relation is empty
        EDGE = "edge", _("a fact is missing")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        REFUSED = "refused", _("refused")

    shop = models.ForeignKey(
        "coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="graph_suggestions"
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    head = models.CharField(_("head"), max_length=300)
    relation = models.CharField(_("relation"), max_length=64, blank=True)
    tail = models.CharField(_("tail"), max_length=300)
    confidence = models.FloatField(_("confidence"), help_text=_("0 to 1."))
    because = models.CharField(_("because"), max_length=300, blank=True, help_text=_("What speaks for it."))
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("decided by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("suggestion")
        verbose_name_plural = _("suggestions")
        ordering = ["-confidence", "pk"]
        permissions = [("review_graphsuggestion", "Can accept and refuse what is suggested for the knowledge graph")]
        constraints = [
            models.UniqueConstraint(fields=["shop", "kind", "head", "relation", "tail"], name="coldrec_suggestion_once")
        ]
        indexes = [models.Index(fields=["shop", "state", "-confidence"], name="coldrec_suggestion_open")]

    def __str__(self) -> str:
        return f"({self.head}, {self.relation or '='}, {self.tail})"


class GraphChange(models.Model):
    """The outbox: a node of which Neo4j has to be told, written in the transaction that changed it.

    It names the node and not what became of it: whoever delivers it reads the tables then, so that the last write wins
    however many changes wait.
    """

    shop = models.ForeignKey(
        "coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="graph_changes"
    )
    node = models.CharField(_("node"), max_length=300)
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    error = models.TextField(_("error"), blank=True)
    dead_at = models.DateTimeField(_("given up at"), null=True, blank=True)

    class Meta:
        verbose_name = _("graph change")
        verbose_name_plural = _("graph changes")
        indexes = [
            models.Index(fields=["shop", "dead_at", "id"], name="coldrec_change_due"),
            models.Index(fields=["shop", "node"], name="coldrec_change_node"),
        ]

    def __str__(self) -> str:
        return self.node


class GraphSync(models.Model):
    """What is known of the copy in Neo4j: which version of it serves, who writes to it, how it fared."""

    shop = models.OneToOneField(
        "coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="graph_sync"
    )
    version = models.PositiveIntegerField(
        _("version"), default=1, help_text=_("Of the labels; a rebuild makes the next.")
    )
    holder = models.CharField(_("held by"), max_length=64, blank=True)
    held_until = models.DateTimeField(_("held until"), null=True, blank=True)
    fence = models.PositiveBigIntegerField(
        _("fence"), default=0, help_text=_("Grows with each holder; Neo4j refuses a batch of an earlier one.")
    )
    synced_at = models.DateTimeField(_("last synced at"), null=True, blank=True)
    degraded_since = models.DateTimeField(_("degraded since"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
    verified_at = models.DateTimeField(_("last verified at"), null=True, blank=True)
    differences = models.PositiveIntegerField(_("differences"), null=True, blank=True)

    class Meta:
        verbose_name = _("graph sync")
        verbose_name_plural = _("graph syncs")

    def __str__(self) -> str:
        return f"{self.shop} v{self.version}"
