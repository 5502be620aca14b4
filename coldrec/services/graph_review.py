"""What staff decide about the graph: suggested merges and facts are accepted, refused for good, or taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from coldrec.catalogue import facts_of
from coldrec.core.errors import GraphError
from coldrec.core.types import Triple as Fact
from coldrec.models import Entity, GraphSuggestion, Shop, Triple
from coldrec.services import outbox
from coldrec.services.batches import chunks
from coldrec.services.entities import ALIASES, LOOKUP, normaliser
from coldrec.services.graph_writing import Claim, Claims, replace

State = GraphSuggestion.State
Source = Triple.Source


def accept(suggestion: GraphSuggestion, user: Any = None) -> None:
    """Do what was suggested, in one transaction; accepting it again changes nothing.

    Of a merge, all triples name the one entity from then on, and so will whatever is written later; the other's names
    become spellings of it. A fact is staff's own from then on.

    Raises
    ------
    GraphError : it was refused meanwhile, or an entity that it names is not there any more.
    """
    with transaction.atomic():
        row = _held(suggestion)
        if row.state == State.ACCEPTED:
            return
        if row.state == State.REFUSED:
            raise GraphError(_("This suggestion was refused; take that back first."))
        if row.kind == str(GraphSuggestion.Kind.MERGE):
            _merge(row.shop, row.head, row.tail)
        else:
            _say(row)
        _decide(row, str(State.ACCEPTED), user)
    if row.kind == str(GraphSuggestion.Kind.MERGE):
        # Whoever looked the entities up before the merge and wrote after it still named the old one.
        _rewrite(row.shop, row.head)
    suggestion.refresh_from_db()


def refuse(suggestion: GraphSuggestion, user: Any = None) -> None:
    """Have it never suggested again, and a fact never read out of a text; refusing it again changes nothing.

    Raises
    ------
    GraphError : it was accepted meanwhile.
    """
    with transaction.atomic():
        row = _held(suggestion)
        if row.state == State.ACCEPTED:
            raise GraphError(_("This suggestion was accepted; take that back first."))
        if row.state == State.OPEN:
            _decide(row, str(State.REFUSED), user)
            if row.kind == str(GraphSuggestion.Kind.EDGE):
                facts = row.shop.triples.filter(head=row.head, relation=row.relation, tail=row.tail, source=Source.TEXT)
                if facts.delete()[0]:
                    outbox.note(row.shop, [row.head])
    suggestion.refresh_from_db()


def take_back(suggestion: GraphSuggestion, user: Any = None) -> None:
    """Open a decided suggestion again and undo what accepting it did.

    Two entities that were merged are two again: what the catalogue says of items names either as its products do. What
    other sources said of the one stays with the other until those sources speak again (the next build or import).
    """
    with transaction.atomic():
        row = _held(suggestion)
        if row.state == State.ACCEPTED and row.kind == str(GraphSuggestion.Kind.MERGE):
            _part(row.shop, row.head)
        elif row.state == State.ACCEPTED:
            facts = row.shop.triples.filter(head=row.head, relation=row.relation, tail=row.tail, source=Source.REVIEW)
            if facts.delete()[0]:
                outbox.note(row.shop, [row.head])
        row.state, row.decided_at, row.decided_by = State.OPEN, None, None
        row.save(update_fields=["state", "decided_at", "decided_by"])
    suggestion.refresh_from_db()


# Inside ---------------------------------------------------------------------------------------------------------------


def _held(suggestion: GraphSuggestion) -> GraphSuggestion:
    """The suggestion as it stands, kept from other hands until the transaction ends."""
    # A write, because a lock for reading cannot be upgraded in SQLite once somebody else has written.
    if not GraphSuggestion.objects.filter(pk=suggestion.pk).update(kind=suggestion.kind):
        raise GraphError(_("This suggestion is not there any more."))
    return GraphSuggestion.objects.select_related("shop").get(pk=suggestion.pk)


def _decide(row: GraphSuggestion, state: str, user: Any) -> None:
    row.state, row.decided_at = state, timezone.now()
    row.decided_by = user if user is not None and user.pk else None
    row.save(update_fields=["state", "decided_at", "decided_by"])


def _say(row: GraphSuggestion) -> None:
    claims = Claims(row.shop, str(Source.REVIEW))
    claims.put([Claim(Fact(row.head, row.relation, row.tail))])


def _merge(shop: Shop, head: str, tail: str) -> None:
    found = {
        row.key: row for row in shop.entities.filter(key__in=[head, tail]).select_related("merged_into").order_by("key")
    }
    if missing := [key for key in (head, tail) if key not in found]:
        raise GraphError(_("There is no entity %s any more.") % missing[0])
    one, into = (found[key].merged_into or found[key] for key in (head, tail))
    if one.pk == into.pk:
        return  # somebody else has merged them
    spellings = [name for name in (one.name, *one.aliases) if name != into.name and name not in into.aliases]
    into.aliases = [*into.aliases, *spellings][:ALIASES]
    into.labels = {**one.labels, **into.labels}
    into.save(update_fields=["aliases", "labels", "updated_at"])
    # Those merged into it before point to the end of the chain, so that one look is enough.
    Entity.objects.filter(Q(pk=one.pk) | Q(merged_into=one)).update(merged_into=into, updated_at=timezone.now())
    _rewrite(shop, one.key)
    outbox.note(shop, [one.key, into.key])


def _rewrite(shop: Shop, key: str) -> None:
    """Have all triples that name a merged entity name the one it was merged into."""
    row = shop.entities.select_related("merged_into").filter(key=key).first()
    if row is None or row.merged_into is None:
        return
    into = row.merged_into.key
    while page := list(shop.triples.filter(Q(head=key) | Q(tail=key)).order_by("pk")[:LOOKUP]):
        with transaction.atomic():
            replace(shop, [(triple, _renamed(triple, key, into)) for triple in page])


def _renamed(row: Triple, key: str, into: str) -> Fact | None:
    head, tail = (into if end == key else end for end in (row.head, row.tail))
    return None if head == tail else Fact(head, row.relation, tail, row.weight)


def _part(shop: Shop, head: str) -> None:
    row = shop.entities.select_related("merged_into").filter(key=head).first()
    if row is None or row.merged_into is None:
        return
    into = row.merged_into
    own = {row.name, *row.aliases}
    into.aliases = [name for name in into.aliases if name not in own]
    into.save(update_fields=["aliases", "updated_at"])
    row.merged_into = None
    row.save(update_fields=["merged_into", "updated_at"])
    for page in _items_with(shop, into.key):
        facts = {node: list(_facts(node, fields)) for node, fields in page.items()}
        claims = Claims(shop, str(Source.CATALOGUE))
        claims.put(Claim(fact) for told in facts.values() for fact in told)
        still = {
            (form.triple.head, form.triple.relation, form.triple.tail)
            for told in facts.values()
            for fact in told
            if (form := normaliser().fact(fact)) is not None
        }
        named = shop.triples.filter(head__in=list(page), tail=into.key, source=Source.CATALOGUE)
        stale = [
            one for one in named if (one.head, one.relation, one.tail) not in still and _says(facts[one.head], head)
        ]
        replace(shop, [(one, None) for one in stale])
    outbox.note(shop, [head, into.key])


def _says(facts: list[Fact], key: str) -> bool:
    """Whether one of these facts names the entity by itself."""
    return any((form := normaliser().fact(fact)) is not None and form.triple.tail == key for fact in facts)


def _items_with(shop: Shop, key: str) -> Iterator[dict[str, tuple[Any, ...]]]:
    heads = shop.triples.filter(tail=key, source=Source.CATALOGUE, head__startswith="item:").order_by("head")
    ids = [head.removeprefix("item:") for head in heads.values_list("head", flat=True)]
    for some in chunks(ids, LOOKUP):
        rows = shop.items.filter(external_id__in=some)
        yield {
            f"item:{external_id}": fields
            for external_id, *fields in rows.values_list(
                "external_id", "brand", "category", "attributes", "variant_group"
            )
        }


def _facts(node: str, fields: tuple[Any, ...]) -> Iterator[Fact]:
    brand, category, attributes, variant_group = fields
    return facts_of(node, brand, category, attributes, variant_group, normaliser().split)
