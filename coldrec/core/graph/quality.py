"""How good a knowledge graph is: what it covers, what is broken in it, and which entities are likely one."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from coldrec.core.graph.linking import tokens
from coldrec.core.graph.ontology import Ontology, caseless
from coldrec.core.types import Triple

SHOWN = 20  # examples of each finding
SUPER = 0.25  # an entity that more than this share of the items is tied to tells hardly anything apart
LEAST_SUPER = 50  # items
SPELT = 6  # letters of the shortest name that may be a misspelt other
LONGEST = 40  # letters of a name that is looked at for misspellings
MANY = 20  # names that look alike and are compared with each other; more are a series, not a slip

_NO_WORD = re.compile(r"[\W_]+")
_DIGIT = re.compile(r"\d")
_EXACT = re.compile(r"\d|\+|(?<!\w)-(?=\d)")  # digits and signs: DVD+R is not DVD-R, and -5 is not 5


@dataclass(frozen=True, slots=True)
class Merge:
    """Two entities that may be one: ``head``, the rarer, is to be merged into ``tail``."""

    head: str
    tail: str
    confidence: float
    because: str  # what speaks for it


@dataclass(frozen=True, slots=True)
class Named:
    """An entity as far as it is compared with others."""

    key: str
    kind: str
    names: tuple[str, ...]  # its name first
    is_amount: bool = False


@dataclass(frozen=True, slots=True)
class Covered:
    """One relation: its triples, how many items have it, and how many different tails they name."""

    triples: int
    items: int
    tails: int


@dataclass(frozen=True)
class Quality:
    """The report. Lists hold examples, at most :data:`SHOWN`; numbers count all."""

    items: int = 0
    entities: int = 0
    triples: int = 0
    covered: int = 0  # items with a fact
    facts_per_item: float = 0.0
    density: float = 0.0  # share of the (item, entity) pairs that a triple ties
    single: int = 0  # entities that one item has: they tie it to nothing
    relations: Mapping[str, Covered] = field(default_factory=dict)
    dangling: int = 0  # triples with an end that is not there
    dangling_examples: tuple[str, ...] = ()
    unused: int = 0  # entities that no triple names
    super_nodes: tuple[tuple[str, int], ...] = ()  # with how many items they have
    contradictions: int = 0
    contradiction_examples: tuple[tuple[str, str, tuple[str, ...]], ...] = ()  # item, relation, its values
    merges: tuple[Merge, ...] = ()  # all of them, the surest first

    @property
    def coverage(self) -> float:
        """The share of the items that anything is known of."""
        return self.covered / self.items if self.items else 0.0


def examine(
    items: Collection[str],
    entities: Mapping[str, Named],
    triples: Iterable[Triple],
    ontology: Ontology,
) -> Quality:
    """The quality of a graph. ``items`` are names of nodes, ``item:<id>``; triples come once, ordered by head.

    Memory grows with the items and entities, not with the triples.
    """
    uses: Counter[str] = Counter()
    of_relation: Counter[str] = Counter()
    items_of: Counter[str] = Counter()
    tails_of: defaultdict[str, set[int]] = defaultdict(set)
    dangling: list[str] = []
    broken = count = covered = facts = contradicted = 0
    contradictions: list[tuple[str, str, tuple[str, ...]]] = []
    number = {key: place for place, key in enumerate(entities)}
    head, values = "", defaultdict[str, list[str]](list)

    def close() -> None:
        nonlocal covered, facts, contradicted
        if head not in items or not values:
            return
        covered += 1
        for relation, tails in values.items():
            facts += len(tails)
            items_of[relation] += 1
        for relation, said in _contradictions(values, ontology):
            contradicted += 1
            if len(contradictions) < SHOWN:
                contradictions.append((head, relation, said))

    for triple in triples:
        count += 1
        of_relation[triple.relation] += 1
        lost = [end for end in (triple.head, triple.tail) if end not in entities and end not in items]
        if lost:
            broken += 1
            if len(dangling) < SHOWN:
                dangling.append(f"({triple.head}, {triple.relation}, {triple.tail}): {lost[0]} is not there")
        if triple.head != head:
            close()
            head, values = triple.head, defaultdict(list)
        values[triple.relation].append(triple.tail)
        if triple.tail in number:
            tails_of[triple.relation].add(number[triple.tail])
            uses[triple.tail] += 1
        if triple.head in number:
            uses[triple.head] += 1
    close()

    many = max(LEAST_SUPER, SUPER * len(items))
    supers = sorted(((key, used) for key, used in uses.items() if used > many), key=lambda one: (-one[1], one[0]))
    pairs = len(items) * len(entities)
    return Quality(
        items=len(items),
        entities=len(entities),
        triples=count,
        covered=covered,
        facts_per_item=facts / len(items) if items else 0.0,
        density=facts / pairs if pairs else 0.0,
        single=sum(used == 1 for used in uses.values()),
        relations={
            name: Covered(total, items_of[name], len(tails_of[name]))
            for name, total in sorted(of_relation.items(), key=lambda one: (-one[1], one[0]))
        },
        dangling=broken,
        dangling_examples=tuple(dangling),
        unused=sum(key not in uses for key in entities),
        super_nodes=tuple(supers[:SHOWN]),
        contradictions=contradicted,
        contradiction_examples=tuple(contradictions),
        merges=tuple(merges(entities.values(), uses)),
    )


def _contradictions(values: Mapping[str, Sequence[str]], ontology: Ontology) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Relations of an item that say two things where one can be true, each with what they say."""
    of_type: defaultdict[str, set[str]] = defaultdict(set)
    for relation, tails in values.items():
        known = ontology.relation(relation)
        of_type[known.type].update(tails)
        if known.functional and len(tails) > 1:
            yield relation, tuple(sorted(tails))
    if both := of_type["SUITS"] & of_type["NOT_FOR"]:
        yield next(name for name in values if ontology.relation(name).type == "NOT_FOR"), tuple(sorted(both))


def merges(entities: Iterable[Named], uses: Mapping[str, int]) -> list[Merge]:
    """Entities of one kind that are likely the same, the surest first; each pair once, with its best reason.

    Amounts are left out, since 500 g and 501 g are two; so are names that differ in a digit or sign.
    """
    by_kind: defaultdict[str, list[Named]] = defaultdict(list)
    for one in entities:
        if not one.is_amount:
            by_kind[one.kind].append(one)
    best: dict[tuple[str, str], Merge] = {}
    for group in by_kind.values():
        for confidence, because, alike in _RULES:
            buckets: defaultdict[object, dict[str, Named]] = defaultdict(dict)
            for one in group:
                for sign in alike(one):
                    buckets[sign][one.key] = one
            for bucket in buckets.values():
                if 1 < len(bucket) <= MANY:
                    _pair(list(bucket.values()), confidence, because, uses, best)
    return sorted(best.values(), key=lambda one: (-one.confidence, one.head, one.tail))


def _pair(
    alike: Sequence[Named],
    confidence: float,
    because: str,
    uses: Mapping[str, int],
    best: dict[tuple[str, str], Merge],
) -> None:
    into = max(alike, key=lambda one: (uses.get(one.key, 0), -len(one.key), one.key))
    for one in alike:
        pair = (one.key, into.key)
        if one is into or pair in best or pair[::-1] in best or _exact(one) != _exact(into):
            continue
        sure = confidence
        if because == SPELT_ALIKE:
            likeness = SequenceMatcher(None, caseless(one.names[0]), caseless(into.names[0]), autojunk=False).ratio()
            # A slip is rare; two names that are both used much are two things.
            rare = 1 / (1 + math.log1p(uses.get(one.key, 0)) / 4)
            sure = round(confidence * likeness * rare, 3)
        best[pair] = Merge(*pair, sure, because)


SPELT_ALIKE = "they are spelt alike"


def _letters(one: Named) -> list[object]:
    """The names without case, accents, spaces and marks."""
    return [sign for name in one.names[:1] if (sign := _plain(name))]


def _any_name(one: Named) -> list[object]:
    return [sign for name in one.names if (sign := _plain(name))]


def _stems(one: Named) -> list[object]:
    words = tokens(one.names[0])
    return [tuple(words)] if words else []


def _bag(one: Named) -> list[object]:
    words = tokens(one.names[0])
    return [tuple(sorted(words))] if len(words) > 1 and not _exact(one) else []


def _slips(one: Named) -> list[object]:
    """The name with any one letter gone: two names that differ in one letter have one of these in common."""
    name = _plain(one.names[0])
    if not SPELT <= len(name) <= LONGEST or _DIGIT.search(name):
        return []
    return [name, *{name[:at] + name[at + 1 :] for at in range(1, len(name))}]  # the first letter is seldom wrong


_RULES: tuple[tuple[float, str, Callable[[Named], list[object]]], ...] = (
    (0.97, "they differ in case, accents or marks alone", _letters),
    (0.93, "one is another spelling of the other", _any_name),
    (0.88, "one is the plural of the other", _stems),
    (0.8, "they have the same words", _bag),
    (0.75, SPELT_ALIKE, _slips),
)


def _plain(name: str) -> str:
    apart = unicodedata.normalize("NFKD", caseless(name))
    return _NO_WORD.sub("", "".join(c for c in apart if not unicodedata.combining(c)))


def _exact(one: Named) -> list[str]:
    return _EXACT.findall(one.names[0])
