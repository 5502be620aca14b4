"""What a shop's own words teach: texts, pairs that belong together, and what is held out to judge by.

Everything is a function of the data and a seed, and nothing depends on a language. Held out are a share of the items,
with all that is said of them and done to them, a share of the visitors, with all that they did, and a share of the
searches: an encoder that finds those again has learned, not remembered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from coldrec.core.dataset import Dataset
from coldrec.core.encoders.reading import item_text, values_of
from coldrec.core.types import BoolArray, IntArray, Item

Search = tuple[str, str, float]
"""What somebody searched for, the id of the item that they went on to, and how many did."""

HELD_ITEMS = 0.12
HELD_SEARCHES = 0.2
HELD_VISITORS = 0.1
NEAR = 3  # items before and after, in what a visitor took, that are taken to belong together
OF_VISITOR = 12  # pairs of one visitor at most: who takes everything would teach most
OF_SEARCH = 5  # items of one search
FOUND_TOGETHER = 50  # items of one search that are each other's friends; what finds more tells nothing apart
LOOKED_AT = 8  # siblings, for one that may be a stranger
ALIKE = 0.8  # Jaccard likeness of two texts' character trigrams from which they say nearly the same
VARIANT = "variant_group"
LARGEST_GROUP = 50  # items; more than that are no variants of one
COLD_CASES = 2_000
LEAST_HISTORY = 1


@dataclass(frozen=True, slots=True)
class Text:
    """``values`` stand in the text word for word: brand, category, values of attributes."""

    text: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that belong together, and perhaps one that is like the second and does not.

    ``left``, ``right`` and ``stranger`` name what the texts are of, so that no other of the same is taken for a
    stranger; variants of one thing have one name.
    """

    anchor: str
    positive: str
    left: str
    right: str
    kind: str  # "search", "taken" or "told"
    negative: str = ""
    stranger: str = ""


@dataclass(frozen=True)
class Corpus:
    """``texts`` and ``pairs`` are learned from, ``held_texts`` and ``held_pairs`` only measured on.

    Pairs of the kind "told" are held out with their item, those of the kind "taken" with their visitor.
    ``friends`` holds names of things that belong together in ways that are no pair; they are never each other's
    strangers. ``cold`` (c cases) are what visitors took of the held-out items after what they took of the others,
    ``searches`` what was wanted by the held-out searches; both as rows of the dataset's items.
    """

    texts: tuple[Text, ...]
    pairs: tuple[Pair, ...]
    held_texts: tuple[Text, ...]
    held_pairs: tuple[Pair, ...]
    friends: frozenset[tuple[str, str]]
    held_items: IntArray
    histories: tuple[IntArray, ...]
    wanted: tuple[IntArray, ...]
    searches: tuple[str, ...]
    found: tuple[IntArray, ...]

    def fingerprint(self) -> str:
        """sha256, in hex, of all that is learned from."""
        digest = hashlib.sha256()
        for text in self.texts:
            digest.update(f"{text}\0".encode("utf-8", "surrogatepass"))
        for pair in self.pairs:
            digest.update(f"{pair}\0".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def corpus_of(dataset: Dataset, searches: Sequence[Search] = (), seed: int = 0) -> Corpus:
    """The corpus of a catalogue, of what visitors took and of what they searched for.

    Pairs are: a search and the items taken after it; two items that one visitor took near each other; an item's title
    and what else is told of it. Where there are siblings in the category (or of the brand, where there are no
    categories), one of them is the stranger that it must be told from: one that shares no visitor, search, title or
    variant group with the two, and does not say nearly the same.
    """
    rng = np.random.default_rng(seed)
    items = dataset.items
    group = _groups(dataset)
    names = [items[row].id for row in group]
    held = _some(names, HELD_ITEMS, f"{seed} item")
    asked = sorted({query for query, _, _ in searches})
    hidden = {asked[row] for row in np.flatnonzero(_some(asked, HELD_SEARCHES, f"{seed} search")).tolist()}
    away = _some(dataset.visitors, HELD_VISITORS, f"{seed} visitor")
    position = {item.id: row for row, item in enumerate(items)}
    texts = [Text(item_text(item), values_of(item)) for item in items]
    taken = _taken(dataset)
    found: dict[str, list[int]] = {}
    for query, item, _ in sorted(searches, key=lambda one: (one[0], -one[2], one[1])):
        if item in position:
            found.setdefault(query, []).append(position[item])
    learned = [row[~held[row]] for visitor, row in taken if not away[visitor]]
    learned_from = {
        query: [row for row in rows if not held[row]] for query, rows in found.items() if query not in hidden
    }
    siblings = _Siblings(items, texts, group, held, learned, list(learned_from.values()))
    told = {row: pair for row in range(len(items)) if (pair := _told(items[row], row, names, siblings, rng))}
    of_visitors = [_took(a, b, texts, names, siblings, rng) for row in learned for a, b in _near(row, rng)]
    of_searches = [
        Pair(query, texts[row].text, f"search:{query}", names[row], "search", *siblings.of(row, rows, rng))
        for query, rows in learned_from.items()
        for row in rows[:OF_SEARCH]
    ]
    pairs = [pair for row, pair in told.items() if not held[row]]
    pairs += [pair for pair in of_visitors + of_searches if pair.left != pair.right and pair.anchor and pair.positive]
    order = rng.permutation(len(pairs))
    known = {(pair.left, pair.right) for pair in of_visitors} | {(pair.right, pair.left) for pair in of_visitors}
    seen_again = [
        Pair(texts[a].text, texts[b].text, names[a], names[b], "taken")
        for visitor, row in taken
        if away[visitor]
        for a, b in _near(row[~held[row]], rng)
        if (names[a], names[b]) not in known and names[a] != names[b] and texts[a].text and texts[b].text
    ]
    histories, wanted = _cold([row for _, row in taken], held)
    return Corpus(
        texts=tuple(
            [text for text, out in zip(texts, held.tolist(), strict=True) if text.text and not out]
            + [Text(query) for query in asked if query not in hidden]
        ),
        pairs=tuple(pairs[row] for row in order.tolist()),
        held_texts=tuple(text for text, out in zip(texts, held.tolist(), strict=True) if text.text and out),
        held_pairs=(*(pair for row, pair in told.items() if held[row]), *seen_again),
        friends=frozenset(_friends(names, learned, learned_from)),
        held_items=np.flatnonzero(held),
        histories=histories,
        wanted=wanted,
        searches=tuple(query for query in found if query in hidden),
        found=tuple(np.array(rows, np.int64) for query, rows in found.items() if query in hidden),
    )


def _took(
    a: int, b: int, texts: Sequence[Text], names: Sequence[str], siblings: _Siblings, rng: np.random.Generator
) -> Pair:
    return Pair(texts[a].text, texts[b].text, names[a], names[b], "taken", *siblings.of(b, (a,), rng))


def _told(item: Item, row: int, names: Sequence[str], siblings: _Siblings, rng: np.random.Generator) -> Pair | None:
    """The title, and what else is told of the item; None where one of them is empty or both are the same."""
    title, rest = " ".join(item.title.split()), _untitled(item)
    if not title or not rest or rest.casefold() == title.casefold():
        return None
    return Pair(title, rest, names[row], names[row], "told", *siblings.of(row, (), rng, without_title=True))


def _untitled(item: Item) -> str:
    return item_text(Item(item.id, "", item.text, item.brand, item.category, item.attributes))


def _taken(dataset: Dataset) -> list[tuple[int, IntArray]]:
    """Each visitor, and what they took, in order, each item once."""
    order = np.argsort(dataset.event_visitor, kind="stable")
    visitor, item = dataset.event_visitor[order], dataset.event_item[order]
    starts = np.flatnonzero(np.diff(visitor, prepend=-1))
    return [
        (int(visitor[start]), row[np.sort(np.unique(row, return_index=True)[1])])
        for start, row in zip(starts.tolist(), np.split(item, starts[1:]), strict=False)
    ]


def _near(row: IntArray, rng: np.random.Generator) -> list[tuple[int, int]]:
    pairs = [(int(a), int(b)) for step in range(1, NEAR + 1) for a, b in zip(row, row[step:], strict=False)]
    if len(pairs) > OF_VISITOR:
        pairs = [pairs[at] for at in rng.choice(len(pairs), OF_VISITOR, replace=False).tolist()]
    return [pair if flip else pair[::-1] for pair, flip in zip(pairs, rng.random(len(pairs)) < 0.5, strict=True)]


def _friends(names: Sequence[str], taken: Sequence[IntArray], found: dict[str, list[int]]) -> Iterator[tuple[str, str]]:
    """Pairs of names, each in order: taken by one visitor near each other, found by one search."""
    for row in taken:
        for step in range(1, NEAR + 1):
            yield from (_pair(names[a], names[b]) for a, b in zip(row, row[step:], strict=False))
    for query, rows in found.items():
        together = sorted({names[row] for row in rows})
        yield from (_pair(f"search:{query}", name) for name in together)
        yield from combinations(together[:FOUND_TOGETHER], 2)


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)


def _groups(dataset: Dataset) -> list[int]:
    """(n,) row of the first item that is the same thing: of the same title or text, or a variant of it."""
    first = list(range(len(dataset.items)))

    def root(row: int) -> int:
        while first[row] != row:
            first[row] = first[first[row]]
            row = first[row]
        return row

    same: dict[tuple[str, str], list[int]] = {}
    for row, item in enumerate(dataset.items):
        for kind, said in (("title", item.title), ("text", item_text(item))):
            if told := " ".join(said.casefold().split()):
                same.setdefault((kind, told), []).append(row)
    position = {f"item:{item.id}": row for row, item in enumerate(dataset.items)}
    for triple in dataset.triples:
        if triple.relation == VARIANT and triple.head in position:
            same.setdefault((VARIANT, triple.tail), []).append(position[triple.head])
    for (kind, _), rows in same.items():
        if kind != VARIANT or len(rows) <= LARGEST_GROUP:
            for row in rows[1:]:
                low, high = sorted((root(rows[0]), root(row)))
                first[high] = low
    return [root(row) for row in range(len(first))]


class _Siblings:
    """Items of one category, or of one brand, that have nothing to do with each other."""

    def __init__(
        self,
        items: Sequence[Item],
        texts: Sequence[Text],
        group: Sequence[int],
        held: BoolArray,
        taken: Sequence[IntArray],
        found: Sequence[Sequence[int]],
    ) -> None:
        self._items, self._texts, self._group = items, texts, group
        self._titles = [_plain(item.title) for item in items]
        self._kind = [item.category or ((f"brand:{item.brand}",) if item.brand else ()) for item in items]
        self._members: dict[tuple[str, ...], list[int]] = {}
        for row, kind in enumerate(self._kind):
            if kind and not held[row]:
                self._members.setdefault(kind, []).append(row)
        self._touched: list[set[int]] = [set() for _ in items]  # the visitors and searches of each item
        for number, rows in enumerate([*(row.tolist() for row in taken), *found]):
            for row in rows:
                self._touched[row].add(number)
        self._trigrams = lru_cache(maxsize=4_096)(self._cut)

    def of(
        self, row: int, others: Collection[int], rng: np.random.Generator, *, without_title: bool = False
    ) -> tuple[str, str]:
        """The text of a sibling and its name, or nothing; some are looked at, and the first stranger is taken.

        ``row`` belongs together with ``others``; it must be a stranger to all of them.
        """
        members = self._members.get(self._kind[row], [])
        for at in rng.integers(len(members), size=LOOKED_AT).tolist() if len(members) > 1 else ():
            other = members[at]
            if all(self._is_stranger(one, other) for one in {row, *others}):
                text = _untitled(self._items[other]) if without_title else self._texts[other].text
                return text, self._items[self._group[other]].id
        return "", ""

    def _is_stranger(self, row: int, other: int) -> bool:
        return (
            self._group[row] != self._group[other]
            and (self._titles[row] != self._titles[other] or not self._titles[row])
            and self._touched[row].isdisjoint(self._touched[other])
            and not self._says_the_same(row, other)
        )

    def _says_the_same(self, row: int, other: int) -> bool:
        one, two = self._trigrams(row), self._trigrams(other)
        both = len(one & two)
        return both >= ALIKE * (len(one) + len(two) - both)

    def _cut(self, row: int) -> frozenset[str]:
        text = self._texts[row].text.casefold()
        return frozenset(text[at : at + 3] for at in range(max(1, len(text) - 2)))


def _plain(title: str) -> str:
    return "".join(letter for letter in title.casefold() if letter.isalpha())


def _cold(taken: Sequence[IntArray], held: BoolArray) -> tuple[tuple[IntArray, ...], tuple[IntArray, ...]]:
    histories: list[IntArray] = []
    wanted: list[IntArray] = []
    for row in taken:
        new, known = row[held[row]], row[~held[row]]
        if len(new) and len(known) >= LEAST_HISTORY and len(histories) < COLD_CASES:
            histories.append(known)
            wanted.append(new)
    return tuple(histories), tuple(wanted)


def _some(names: Sequence[str], share: float, salt: str) -> BoolArray:
    """(n,) which of the names are chosen: about the share of them, and none where it is less than one.

    The choice rests on the name alone. So it is the same tomorrow, when there are others beside it: a training that
    goes on after a restart, or begins with what the last one left, has not learned from what it is judged by.
    """
    chosen = np.zeros(len(names), np.bool_)
    if share * len(names) >= 1:
        for row, name in enumerate(names):
            drawn = hashlib.sha256(f"{salt}\0{name}".encode("utf-8", "surrogatepass")).digest()
            chosen[row] = int.from_bytes(drawn[:8], "big") < share * 2**64
    return chosen
