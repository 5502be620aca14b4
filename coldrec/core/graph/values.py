"""How the nodes of the graph are named, so that what means one thing is one node: 500 g is 0.5 kg, gray is grey.

Only the name is normalised. What somebody wrote stays the name that people are shown, or one of its other spellings.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal

from coldrec.core.graph.ontology import Ontology, Unit, Vocabulary, caseless, folded
from coldrec.core.types import Triple

NODE_LENGTH = 300
RELATION_LENGTH = 64
KEPT = 50_000  # values whose normal form is remembered
AS_WRITTEN = frozenset({"item", "brand", "category", "query", "variant_group"})
"""Kinds of node that are named as they are written; two spellings of a brand are for people to judge."""

_SPACE = re.compile(r"\s+")
_TIMES = re.compile(r"(?<=\d)\s*[x×✕*]\s*(?=\d)")
_AMOUNT = re.compile(r"([-+]?(?:\d[\d.,' ]*)?\.?\d)\s*([^\d\s.,'].*)")
_PACK = re.compile(r"(\d{1,4}) x (.+)")
_PLAIN = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)")
_GROUPS = re.compile(
    r"[-+]?\d{1,3}(?:(?:,\d{3})+(?:\.\d+)?|(?:\.\d{3})+,\d+|(?:\.\d{3}){2,}|(?:[ ']\d{3})+(?:[.,]\d+)?)"
)
_COMMA = re.compile(r"[-+]?\d+,\d+")
_SHARE = re.compile(r"[(\[]?\b\d+(?:[.,]\d+)?\s*%\s*[)\]]?")
_ALL_OF = re.compile(r"^100 ?% ?(?=[^\W\d_])")  # all cotton is cotton
_DIGITS = 15  # of a number; a longer one is a code
_ROUND = Context(prec=9)  # digits of an amount after its unit was changed
_SHORT = Context(prec=6)


@dataclass(frozen=True, slots=True)
class Node:
    """A thing that a triple names. ``amount`` is in the base unit ``unit``; ``labels`` are names by language."""

    key: str
    kind: str
    name: str
    amount: float | None = None
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Value:
    """A value in its normal form."""

    name: str
    amount: float | None = None
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Stated:
    """A triple in its normal form, and the things it names that are no items."""

    triple: Triple
    nodes: tuple[Node, ...]


def entity(kind: str, name: str) -> str:
    """The node ``<kind>:<name>`` of the knowledge graph; a name too long for a column ends in a digest of the whole."""
    node = f"{kind}:{_SPACE.sub(' ', name).strip()}"
    if len(node) <= NODE_LENGTH:
        return node
    return f"{node[: NODE_LENGTH - 17]}~{hashlib.sha256(node.encode()).hexdigest()[:16]}"


def tidy(text: str) -> str:
    """The text as every table and engine takes it: no NUL, no half characters, single spaces."""
    text = text.replace("\x00", "")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return _SPACE.sub(" ", text).strip()


class Normaliser:
    """Gives triples their normal form by one ontology.

    >>> normaliser = Normaliser(Ontology.load())
    >>> [normaliser.value("weight", text).name for text in ("0.5 kg", "500g", "0,5 公斤", "500 Gramm")]
    ['500 g', '500 g', '500 g', '500 gramm']
    >>> normaliser.fact(Triple("item:1", "Color", "Color:Dark Gray")).triple
    Triple(head='item:1', relation='colour', tail='colour:dark grey', weight=1.0)
    """

    def __init__(self, ontology: Ontology) -> None:
        self.ontology = ontology
        self._values: dict[tuple[str, str], Value | None] = {}
        self._tails: dict[tuple[str, str], tuple[str, str, tuple[Node, ...]]] = {}
        self._relations: dict[str, tuple[str, Vocabulary | None, bool]] = {}
        self._head: tuple[str, Node | None] = ("", None)
        self._kinds = {relation.values for relation in ontology.relations.values()} | set(ontology.vocabularies)

    def fact(self, triple: Triple) -> Stated | None:
        """The triple in its normal form; None where one of its parts is empty or a node has no kind."""
        said = (triple.relation, triple.tail)
        known = self._tails.get(said)
        if known is None:
            if len(self._tails) >= KEPT:
                self._tails.clear()
            known = self._tails[said] = self._end(*said)
        relation, tail, nodes = known
        if self._head[0] != triple.head:  # the facts of an item come one after the other
            self._head = triple.head, self._node(triple.head, "")
        head = self._head[1]
        if not relation or not tail or head is None:
            return None
        if head.kind != "item":
            nodes = (head, *nodes)
        if (relation, tail, head.key) != (triple.relation, triple.tail, triple.head):
            triple = Triple(head.key, relation, tail, triple.weight)
        return Stated(triple, nodes)

    def _end(self, relation: str, tail: str) -> tuple[str, str, tuple[Node, ...]]:
        """The relation and the tail in their normal form, and the tail as a thing if it is no item."""
        node = self._node(tail, relation)
        nodes = (node,) if node is not None and node.kind != "item" else ()
        return self.relation(relation), node.key if node is not None else "", nodes

    def relation(self, name: str) -> str:
        """The relation's own name where the ontology knows it by another; at most 64 characters."""
        return self._known(name)[0]

    def value(self, relation: str, text: str) -> Value | None:
        """The value in its normal form, which stays as it is when it is normalised again; None for nothing."""
        found = self._values.get((relation, text))
        if found is None and (relation, text) not in self._values:
            if len(self._values) >= KEPT:
                self._values.clear()
            found = self._values[relation, text] = self._value(relation, text)
        return found

    def split(self, relation: str, text: str) -> list[str]:
        """The values in a text: one, unless the relation's texts are lists, as those of ingredients are.

        >>> Normaliser(Ontology.load("health_food")).split("Ingredients", "Oats 60%, soya lecithin (soya, E 322), salt")
        ['Oats', 'soya lecithin (soya, E 322)', 'salt']
        """
        if not self._known(relation)[2]:
            return [text]
        parts, part, depth = [], "", 0
        for character in f"{text},":
            depth += (character in "([（") - (character in ")]）")
            if character in ",;，；、\n" and depth <= 0:
                part, depth = _SPACE.sub(" ", _SHARE.sub(" ", part)).strip(" .。"), 0
                parts += [part] if part else []
                part = ""
            else:
                part += character
        return parts + ([part.strip(" ,")] if part.strip(" ,") else [])

    def _known(self, name: str) -> tuple[str, Vocabulary | None, bool]:
        """The relation's own name, the vocabulary of its values, and whether its texts are lists."""
        found = self._relations.get(name)
        if found is None:
            if len(self._relations) >= KEPT:
                self._relations.clear()
            known = self.ontology.relation(tidy(name))
            own = known.name[:RELATION_LENGTH].strip()
            found = self._relations[name] = own, self.ontology.vocabulary(known.name), known.list
        return found

    def _node(self, key: str, relation: str) -> Node | None:
        """The node that ``key`` names; of one with the kind of its relation, the name is a value."""
        kind, colon, name = key.partition(":")
        if kind == "item":
            return Node(key, kind, name) if name and tidy(key) == key and len(key) <= NODE_LENGTH else None
        shown = tidy(name)
        if not colon or not shown or not (kind := tidy(kind)):
            return None
        if kind in AS_WRITTEN or not (kind == tidy(relation) or kind in self._kinds):
            kind = kind[:RELATION_LENGTH]
            return Node(entity(kind, shown), kind, shown[:NODE_LENGTH])
        value = self.value(kind, shown)
        if value is None:
            return None
        kind = self.relation(kind)
        return Node(entity(kind, value.name), kind, shown[:NODE_LENGTH], value.amount, value.unit, value.labels)

    def _value(self, relation: str, text: str) -> Value | None:
        vocabulary = self._known(relation)[1]
        text = folded_value(text)
        if vocabulary is not None:
            text = _ALL_OF.sub("", text)
        if not text:
            return None
        if vocabulary is not None and (term := _term(vocabulary, text)):
            return Value(folded(term), labels=vocabulary.labels(term))
        if (number := _number(text)) is not None and not _is_code(text):
            return Value(_written(number), float(number))
        if (amount := self._amount(text)) is not None:
            return amount
        if (pack := _PACK.fullmatch(text)) and (amount := self._amount(pack[2])) is not None:
            return Value(f"{int(pack[1])} x {amount.name}")
        if vocabulary is not None:
            words = " ".join(folded(_term(vocabulary, word) or word) for word in text.split(" "))
            term = _term(vocabulary, words)
            return Value(folded(term), labels=vocabulary.labels(term)) if term else Value(words)
        return Value(text)

    def _amount(self, text: str) -> Value | None:
        found = _AMOUNT.fullmatch(text)
        unit = self.ontology.unit(found[2]) if found else None
        number = _number(found[1].strip()) if found and unit else None
        if number is None or unit is None:
            return None
        amount = _ROUND.multiply(number, Decimal(str(unit.factor)))
        shown, factor = self._shown(amount, unit)
        return Value(f"{_written(shown)} {factor}", float(amount), unit.base)

    def _shown(self, amount: Decimal, unit: Unit) -> tuple[Decimal, str]:
        """The number and unit that an amount is written with: the largest unit that makes a short number of at least 1.

        The same for one amount whatever unit it came in, and for what is written so.
        """
        for one in self.ontology.shown_units.get(unit.base, ()):
            factor = Decimal(str(one.factor))
            number = _SHORT.divide(amount, factor)
            if abs(number) >= 1 and number * factor == amount:
                return number, one.symbol
        return amount, unit.base


def folded_value(text: str) -> str:
    """The text as values are compared; unlike a relation's name it keeps its underscores."""
    text = _SPACE.sub(" ", caseless(tidy(text)).replace("−", "-").replace("’", "'")).strip()
    return _TIMES.sub(" x ", text)


def _term(vocabulary: Vocabulary, text: str) -> str:
    return vocabulary.term_of.get(folded(text), "")


def _number(text: str) -> Decimal | None:
    """The number that the whole text is, as it is written in English, German, French or Swiss; None for anything else.

    >>> [str(_number(text)) for text in ("1,000.50", "1.000,50", "1 000,5", "0,5", "1,000", "10,100,1000", "4.0.1")]
    ['1000.50', '1000.50', '1000.5', '0.5', '1000', 'None', 'None']
    """
    if not text.isascii() or sum(c.isdigit() for c in text) > _DIGITS:
        return None
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    if _GROUPS.fullmatch(text) and text.lstrip("+-")[0] != "0":
        point = max(text.rfind(","), text.rfind("."))
        grouped = re.findall(r"[., ']", text)
        if point >= 0 and grouped.count(text[point]) == 1 and (len(grouped) > 1):
            return Decimal(re.sub(r"[., ']", "", text[:point]) + "." + text[point + 1 :])
        return Decimal(re.sub(r"[., ']", "", text))
    return Decimal(text.replace(",", ".")) if _COMMA.fullmatch(text) else None


def _is_code(text: str) -> bool:
    """Whether a number is a name: 007 is not 7, and +44 not 44."""
    return text[0] == "+" or (text.lstrip("-")[0] == "0" and text.lstrip("-")[1:2].isdigit())


def _written(number: Decimal) -> str:
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
