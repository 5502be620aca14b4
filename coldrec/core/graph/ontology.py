"""What relations, units and values mean, read from data: ``coldrec/presets/*.toml``, and a file of the shop's own.

``base`` lies under all of them. Of two presets that say a thing differently the later one is heard; vocabularies are
put together.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from coldrec.core.errors import OntologyError

PRESETS = Path(__file__).parents[2] / "presets"
BASE = "base"

TYPES = (
    "HAS_BRAND",
    "IN_CATEGORY",
    "PARENT",
    "VARIANT_OF",
    "HAS_ATTRIBUTE",
    "CONTAINS",
    "SUITS",
    "NOT_FOR",
    "HAS_RISK",
    "FITS_WITH",
    "VIEWED_WITH",
    "BOUGHT_WITH",
    "SEARCHED_BY",
    "RELATED",
)
"""All relationship types there are in Neo4j. A relation's own name is a property beside them, and never a type."""

_SPACE = re.compile(r"[\s_]+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORDS = re.compile(r"[^\W_]+")


def folded(text: str) -> str:
    """The text as names are compared: one form of each character, lower case, single spaces for ``_`` and white space.

    >>> folded("  Product_Colour "), folded("ＵＳＢ－Ｃ")
    ('product colour', 'usb-c')
    """
    return _SPACE.sub(" ", caseless(text)).strip()


def caseless(text: str) -> str:
    """NFKC in lower case; again and again until it stays so, as Unicode has characters that need two rounds."""
    while (once := unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())) != text:
        text = once
    return text


@dataclass(frozen=True)
class Relation:
    """What one relation means. ``label`` and ``inverse``: English first, then Chinese where there is any."""

    name: str
    type: str = "HAS_ATTRIBUTE"
    label: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    functional: bool = False
    list: bool = False
    values: str = ""
    inverse: str = ""


@dataclass(frozen=True)
class Unit:
    """``symbol`` is ``factor`` times the unit ``base``; one that is not ``shown`` is read but never written."""

    symbol: str
    base: str
    factor: float
    shown: bool = True
    spellings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The words that values of some relations are written in: each term with its other spellings."""

    name: str
    words: tuple[str, ...] = ()
    terms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def term_of(self) -> Mapping[str, str]:
        """Folded spelling → term."""
        found = {folded(term): term for term in self.terms}
        for term, spellings in self.terms.items():
            for spelling in spellings:
                found.setdefault(folded(spelling), term)
        return found

    def labels(self, term: str) -> dict[str, str]:
        """The term by language: itself in English, its first Chinese spelling where it has one."""
        chinese = next((one for one in self.terms.get(term, ()) if _CJK.search(one)), "")
        return {"en": term, "zh-hans": chinese} if chinese else {"en": term}


@dataclass(frozen=True)
class Implication:
    """An item that is tied to an entity of one of ``kinds`` whose name holds a word of ``then[value]`` has the fact.

    The fact is (item, ``relation``, ``to:value``). ``unless[value]`` lists longer names that hold such a word and mean
    another thing: coconut milk is no milk.
    """

    kinds: frozenset[str]
    relation: str
    to: str
    then: Mapping[str, tuple[str, ...]]
    unless: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ontology:
    """All of it, by name."""

    relations: Mapping[str, Relation] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict)
    implications: tuple[Implication, ...] = ()

    @classmethod
    def load(cls, names: str | Iterable[str] = ()) -> Ontology:
        """The presets of these names over ``base``; a name that ends in ``.toml`` is the path of a file.

        Raises
        ------
        OntologyError : there is no such preset or file, or it says something that cannot be; the message names it.
        """
        names = (names,) if isinstance(names, str) else tuple(names)
        return _load(tuple(dict.fromkeys((BASE, *names))))

    def relation(self, name: str) -> Relation:
        """What ``name`` or one of its other spellings stands for; an unknown one is an attribute of its own name."""
        return self.relations.get(name) or self._relation_of.get(folded(name)) or Relation(name)

    def vocabulary(self, relation: str) -> Vocabulary | None:
        """The words that values of this relation are written in, if they are of a kind that is known."""
        known = self.relation(relation)
        if known.values:
            return self.vocabularies.get(known.values)
        words = folded(known.name)
        held = (self._vocabulary_of.get(word) for word in (words, *reversed(_WORDS.findall(words))))
        return next(filter(None, held), None)

    def unit(self, text: str) -> Unit | None:
        """The unit that is spelt so, in whatever case."""
        return self._unit_of.get(folded(text))

    @cached_property
    def shown_units(self) -> Mapping[str, tuple[Unit, ...]]:
        """Base unit → the units that amounts are written in, largest first."""
        found: dict[str, list[Unit]] = {}
        for unit in self.units.values():
            if unit.shown:
                found.setdefault(unit.base, []).append(unit)
        return {base: tuple(sorted(units, key=lambda unit: -unit.factor)) for base, units in found.items()}

    @cached_property
    def _relation_of(self) -> Mapping[str, Relation]:
        found = {folded(name): relation for name, relation in self.relations.items()}
        for relation in self.relations.values():
            for name in relation.names:
                found.setdefault(folded(name), relation)
        return found

    @cached_property
    def _vocabulary_of(self) -> Mapping[str, Vocabulary]:
        return {folded(word): one for one in self.vocabularies.values() for word in (one.name, *one.words)}

    @cached_property
    def _unit_of(self) -> Mapping[str, Unit]:
        found: dict[str, Unit] = {}
        for unit in self.units.values():
            for spelling in (unit.symbol, *unit.spellings):
                found.setdefault(folded(spelling), unit)
        return found


def preset_names() -> tuple[str, ...]:
    """The presets that come with coldrec, ``base`` not among them: it lies under all."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.toml") if path.stem != BASE))


def type_of(relation: str, tail: str = "") -> str:
    """The one of :data:`TYPES` that a relation is stored under, whatever presets a shop uses.

    A relation that no preset knows ties two items (``RELATED``) or is an attribute, which ``tail`` tells.

    >>> type_of("brand"), type_of("Fits_with"), type_of("no. of keys"), type_of("cited by", "item:7")
    ('HAS_BRAND', 'FITS_WITH', 'HAS_ATTRIBUTE', 'RELATED')
    """
    known = _everything()._relation_of.get(folded(relation))
    if known is not None:
        return known.type
    return "RELATED" if tail.startswith("item:") else "HAS_ATTRIBUTE"


@lru_cache(maxsize=1)
def _everything() -> Ontology:
    return Ontology.load(preset_names())


@lru_cache(maxsize=32)
def _load(names: tuple[str, ...]) -> Ontology:
    relations: dict[str, Relation] = {}
    units: dict[str, Unit] = {}
    vocabularies: dict[str, Vocabulary] = {}
    implications: list[Implication] = []
    for name in names:
        read = _read(name)
        relations |= read.relations
        units |= read.units
        for key, new in read.vocabularies.items():
            old = vocabularies.get(key, Vocabulary(key))
            terms = dict(old.terms)
            for term, spellings in new.terms.items():
                terms[term] = tuple(dict.fromkeys((*terms.get(term, ()), *spellings)))
            vocabularies[key] = Vocabulary(key, tuple(dict.fromkeys((*old.words, *new.words))), terms)
        implications.extend(read.implications)
    for relation in relations.values():
        if relation.values and relation.values not in vocabularies:
            raise OntologyError(
                f"the relation {relation.name!r} takes its values from {relation.values!r}, which is no vocabulary; "
                f"there are {', '.join(sorted(vocabularies))}."
            )
    return Ontology(relations, units, vocabularies, tuple(implications))


def _read(name: str) -> Ontology:
    path = Path(name) if name.endswith(".toml") else PRESETS / f"{name}.toml"
    if not name.endswith(".toml") and name not in (BASE, *preset_names()):
        raise OntologyError(f"there is no ontology {name!r}; there are {', '.join(preset_names())}, or a .toml file.")
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OntologyError(f"the ontology {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OntologyError(f"the ontology {path} is no TOML: {error}.") from error
    known = {"relations", "units", "vocabularies", "implications"}
    if unknown := sorted(told.keys() - known):
        raise OntologyError(f"{path.name} has a part {unknown[0]!r}; there are {', '.join(sorted(known))}.")
    where = path.name
    relations = {
        key: _made(Relation, f"{where}: relations.{key}", part, name=key) for key, part in _in(told, "relations")
    }
    for relation in relations.values():
        if relation.type not in TYPES:
            raise OntologyError(
                f"{where}: relations.{relation.name} has the type {relation.type!r}; there are {', '.join(TYPES)}."
            )
    units = {key: _made(Unit, f"{where}: units.{key}", part, symbol=key) for key, part in _in(told, "units")}
    for unit in units.values():
        if not 0 < unit.factor < float("inf"):
            raise OntologyError(f"{where}: units.{unit.symbol} has the factor {unit.factor!r}; it must be above 0.")
    vocabularies = {
        key: _made(Vocabulary, f"{where}: vocabularies.{key}", part, name=key)
        for key, part in _in(told, "vocabularies")
    }
    implications = tuple(
        _made(Implication, f"{where}: implications[{number}]", part)
        for number, part in enumerate(told.get("implications", ()))
    )
    return Ontology(relations, units, vocabularies, implications)


def _in(told: Mapping[str, Any], part: str) -> Sequence[tuple[str, Any]]:
    return list(told.get(part, {}).items())


def _made(kind: type[Any], where: str, part: Any, **given: Any) -> Any:
    """The dataclass ``kind`` from one table of a file, with lists as tuples."""
    if not isinstance(part, Mapping):
        raise OntologyError(f"{where} is {part!r}; it must be a table.")
    known = {one.name: str(one.type) for one in fields(kind)}
    values: dict[str, Any] = dict(given)
    for name, value in part.items():
        if name not in known or name in given:
            raise OntologyError(f"{where} has {name!r}; there are {', '.join(k for k in known if k not in given)}.")
        values[name] = _value(f"{where}.{name}", known[name], value)
    try:
        return kind(**values)
    except TypeError as error:
        raise OntologyError(f"{where} is not whole: {error}.") from error


def _value(where: str, wanted: str, value: Any) -> Any:
    is_texts = isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
    if wanted.startswith("tuple") and is_texts:
        return tuple(value)
    if wanted.startswith("frozenset") and is_texts:
        return frozenset(value)
    if wanted.startswith("Mapping") and isinstance(value, Mapping):
        return {key: _value(f"{where}.{key}", "tuple", inner) for key, inner in value.items()}
    plain: dict[str, tuple[type, ...]] = {"str": (str,), "bool": (bool,), "float": (int, float)}
    if isinstance(value, plain.get(wanted, ())) and (wanted == "bool" or not isinstance(value, bool)):
        return value
    raise OntologyError(f"{where} is {value!r}; it must be {_MEANT.get(wanted.split('[')[0], 'a list of texts')}.")


_MEANT = {"str": "a text", "bool": "true or false", "float": "a number", "Mapping": "a table of lists of texts"}
