"""What follows from what is known of an item: butter is milk, an equity fund bears a high risk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from coldrec.core.graph.linking import Names
from coldrec.core.graph.ontology import Implication, Ontology
from coldrec.core.graph.values import entity

KEPT = 50_000  # entities whose consequences are remembered
_MEANS, _MEANS_NOT = "yes", "no"


class Rules:
    """The implications of one ontology, applied item by item.

    >>> rules = Rules(Ontology.load("health_food"))
    >>> list(rules.follow({("ingredient", "ingredient:coconut milk"): 1.0, ("ingredient", "ingredient:butter"): 0.9}))
    [('allergen', 'allergen:milk', 0.9), ('not_for', 'diet:vegan', 0.9)]
    """

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology
        self._rules = [(rule, _names(rule)) for rule in ontology.implications]
        self.kinds = frozenset(kind for rule in ontology.implications for kind in rule.kinds)
        self._known: dict[str, tuple[tuple[int, str], ...]] = {}

    def follow(self, facts: Mapping[tuple[str, str], float]) -> Iterator[tuple[str, str, float]]:
        """(relation, tail, confidence) of what follows from (relation, tail) → confidence of one item's facts.

        It is as sure as the surest fact that it follows from. Of a relation that has one value at most, what the item
        itself says stands; else of what follows the last in the order of the preset, which for risks is the greatest.
        """
        found: dict[tuple[int, str], float] = {}
        for (_, tail), confidence in facts.items():
            for consequence in self._consequences(tail):
                found[consequence] = max(found.get(consequence, 0.0), confidence)
        said = {relation for relation, _ in facts}
        for number, (rule, _) in enumerate(self._rules):
            values = [value for value in rule.then if (number, value) in found]
            if self._ontology.relation(rule.relation).functional:
                values = values[-1:] if rule.relation not in said else []
            for value in values:
                tail = entity(rule.to, value)
                if (rule.relation, tail) not in facts:
                    yield rule.relation, tail, found[number, value]

    def _consequences(self, tail: str) -> tuple[tuple[int, str], ...]:
        """(number of the rule, value) for each rule that the entity meets."""
        kind, _, name = tail.partition(":")
        if kind not in self.kinds:
            return ()
        known = self._known.get(tail)
        if known is None:
            if len(self._known) >= KEPT:
                self._known.clear()
            known = self._known[tail] = tuple(self._apply(kind, name))
        return known

    def _apply(self, kind: str, name: str) -> Iterator[tuple[int, str]]:
        for number, (rule, names) in enumerate(self._rules):
            if kind not in rule.kinds:
                continue
            for step in reversed(name.split(" > ")):  # of a category the deepest step that says something
                values = [value for value, words in names.items() if _means(words, step)]
                if values:
                    yield from ((number, value) for value in values)
                    break


def _names(rule: Implication) -> dict[str, Names]:
    return {
        value: Names(
            [
                *((word, _MEANS) for word in words),
                *((word, _MEANS_NOT) for word in rule.unless.get(value, ())),
            ]
        )
        for value, words in rule.then.items()
    }


def _means(words: Names, name: str) -> bool:
    return any(mention.keys == (_MEANS,) for mention in words.find(name))
