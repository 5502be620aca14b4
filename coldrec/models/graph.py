"""The product knowledge graph, G = (V, E), as rows. The relational table is the truth."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Triple(models.Model):
    """One fact: (head, relation, tail). Items are written ``item:<id>``, entities ``<type>:<name>``."""

    shop = models.ForeignKey("coldrec.Shop", verbose_name=_("shop"), on_delete=models.CASCADE, related_name="triples")
    head = models.CharField(_("head"), max_length=300)
    relation = models.CharField(_("relation"), max_length=64)
    tail = models.CharField(_("tail"), max_length=300)

    class Meta:
        verbose_name = _("triple")
        verbose_name_plural = _("triples")
        constraints = [models.UniqueConstraint(fields=["shop", "head", "relation", "tail"], name="coldrec_triple_once")]
        indexes = [models.Index(fields=["shop", "tail"], name="coldrec_triple_tail")]

    def __str__(self) -> str:
        return f"({self.head}, {self.relation}, {self.tail})"
