"""What a shop's own words teach: texts, pairs that belong together, and what is held out to judge by.

Everything is a function of the data and a seed. Held out are a share of the items, with all that is said of them and
done to them, and a share of the searches: an encoder that finds those again has learned, not remembered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from coldrec.core.dataset import Dataset
from coldrec.core.encoders.reading import item_text, values_of
from coldrec.core.types import BoolArray, IntArray, Item

Search = tuple[str, str, float]
"""What somebody searched for, the id of the item that they went on to, and how many did."""

HELD_ITEMS = 0.12
HELD_SEARCHES = 0.2
NEAR = 3  # items before and after, in what a visitor took, that are taken to belong together
OF_VISITOR = 12  # pairs of one visitor at most: who takes everything would teach most
OF_SEARCH = 5  # items of one search
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

    ``left`` and ``right`` name what the texts are of, so that no other of the same is taken for a stranger.
    """

    anchor: str
    positive: str
    left: str
    right: str
    kind: str  # "search", "taken" or "told"
    negative: str = ""


@dataclass(frozen=True)
class Corpus:
    """``texts`` and ``pairs`` are learned from, ``held_texts`` and ``held_pairs`` only measured on.

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
    categories) that nobody took together with the item, one of them is the stranger that it must be told from.
    """
    rng = np.random.default_rng(seed)
    items = dataset.items
    held = _some(rng, len(items), HELD_ITEMS)
    asked = sorted({query for query, _, _ in searches})
    hidden = {asked[row] for row in np.flatnonzero(_some(rng, len(asked), HELD_SEARCHES)).tolist()}
    position = {item.id: row for row, item in enumerate(items)}
    texts = [Text(item_text(item), values_of(item)) for item in items]
    taken = list(_taken(dataset))
    friends = _friends(items, taken, searches)
    siblings = _Siblings(items, held, friends)
    told = [pair for row in range(len(items)) if (pair := _told(items[row], siblings, rng)) is not None]
    of_visitors = [
        Pair(texts[a].text, texts[b].text, items[a].id, items[b].id, "taken", siblings.of(b, rng))
        for row in taken
        for a, b in _near(row[~held[row]], rng)
    ]
    found: dict[str, list[int]] = {}
    for query, item, _ in sorted(searches, key=lambda one: (one[0], -one[2], one[1])):
        if item in position:
            found.setdefault(query, []).append(position[item])
    of_searches = [
        Pair(query, texts[row].text, f"search:{query}", items[row].id, "search", siblings.of(row, rng))
        for query, rows in found.items()
        if query not in hidden
        for row in [row for row in rows if not held[row]][:OF_SEARCH]
    ]
    is_held = {items[row].id for row in np.flatnonzero(held).tolist()}
    pairs = [pair for pair in told if pair.right not in is_held] + of_visitors + of_searches
    order = rng.permutation(len(pairs))
    histories, wanted = _cold(taken, held)
    return Corpus(
        texts=tuple(
            [text for text, out in zip(texts, held.tolist(), strict=True) if text.text and not out]
            + [Text(query) for query in asked if query not in hidden]
        ),
        pairs=tuple(pairs[row] for row in order.tolist()),
        held_texts=tuple(text for text, out in zip(texts, held.tolist(), strict=True) if text.text and out),
        held_pairs=tuple(pair for pair in told if pair.right in is_held),
        friends=frozenset(friends),
        held_items=np.flatnonzero(held),
        histories=histories,
        wanted=wanted,
        searches=tuple(query for query in found if query in hidden),
        found=tuple(np.array(rows, np.int64) for query, rows in found.items() if query in hidden),
    )


def _told(item: Item, siblings: _Siblings, rng: np.random.Generator) -> Pair | None:
    """The title, and what else is told of the item; None where one of them is empty or both are the same."""
    title = " ".join(item.title.split())
    rest = item_text(Item(item.id, "", item.text, item.brand, item.category, item.attributes))
    if not title or not rest or rest.casefold() == title.casefold():
        return None
    return Pair(title, rest, item.id, item.id, "told", siblings.of_id(item.id, rng, without_title=True))


def _taken(dataset: Dataset) -> Iterator[IntArray]:
    """What each visitor took, in order, each item once."""
    order = np.argsort(dataset.event_visitor, kind="stable")
    visitor, item = dataset.event_visitor[order], dataset.event_item[order]
    bounds = np.flatnonzero(np.diff(visitor)) + 1
    for row in np.split(item, bounds):
        yield row[np.sort(np.unique(row, return_index=True)[1])]


def _near(row: IntArray, rng: np.random.Generator) -> list[tuple[int, int]]:
    pairs = [(int(a), int(b)) for step in range(1, NEAR + 1) for a, b in zip(row, row[step:], strict=False)]
    if len(pairs) > OF_VISITOR:
        pairs = [pairs[at] for at in rng.choice(len(pairs), OF_VISITOR, replace=False).tolist()]
    return [pair if flip else pair[::-1] for pair, flip in zip(pairs, rng.random(len(pairs)) < 0.5, strict=True)]


def _friends(items: Sequence[Item], taken: Sequence[IntArray], searches: Sequence[Search]) -> set[tuple[str, str]]:
    """Pairs of names, each in order: taken by one visitor near each other, found by one search."""
    found: set[tuple[str, str]] = set()
    for row in taken:
        for step in range(1, NEAR + 1):
            found.update(_pair(items[a].id, items[b].id) for a, b in zip(row, row[step:], strict=False))
    by_query: dict[str, list[str]] = {}
    for query, item, _ in searches:
        found.add(_pair(f"search:{query}", item))
        by_query.setdefault(query, []).append(item)
    for names in by_query.values():
        found.update(_pair(a, b) for a, b in pairwise(sorted(set(names))))
    return found


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)


class _Siblings:
    """Items of one category, or of one brand, that nobody took together."""

    def __init__(self, items: Sequence[Item], held: BoolArray, friends: set[tuple[str, str]]) -> None:
        self._items, self._friends = items, friends
        self._row = {item.id: row for row, item in enumerate(items)}
        self._titles = [_plain(item.title) for item in items]
        self._group = [item.category or ((f"brand:{item.brand}",) if item.brand else ()) for item in items]
        self._members: dict[tuple[str, ...], list[int]] = {}
        for row, group in enumerate(self._group):
            if group and not held[row]:
                self._members.setdefault(group, []).append(row)

    def of(self, row: int, rng: np.random.Generator, *, without_title: bool = False) -> str:
        """The text of a sibling, or nothing; some are looked at, and the first that may be a stranger is taken."""
        members = self._members.get(self._group[row], [])
        for other in rng.permutation(len(members))[:8].tolist() if len(members) > 1 else ():
            if self._is_stranger(row, members[other]):
                item = self._items[members[other]]
                return item_text(
                    Item(item.id, "", item.text, item.brand, item.category, item.attributes) if without_title else item
                )
        return ""

    def of_id(self, name: str, rng: np.random.Generator, *, without_title: bool = False) -> str:
        return self.of(self._row[name], rng, without_title=without_title)

    def _is_stranger(self, row: int, other: int) -> bool:
        """Whether it is another thing: not the same title but for its numbers, and never taken together."""
        if row == other or self._titles[row] == self._titles[other]:
            return False
        return _pair(self._items[row].id, self._items[other].id) not in self._friends


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


def _some(rng: np.random.Generator, size: int, share: float) -> BoolArray:
    """(size,) which are chosen: the share, and none where it is less than one."""
    chosen = np.zeros(size, np.bool_)
    chosen[rng.choice(size, int(size * share), replace=False)] = True
    return chosen
