"""Shortened titles, names of series and initials: which of a few items are meant by some words of their titles.

It knows the items that a text is about, their titles alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from recexplainer.claims.phrases import fold, words_of
from recexplainer.claims.stems import SHORTEST, is_form, small_words, stems_of, title_words, word_stem
from recexplainer.storage import packaged_yaml

_TAIL = re.compile(r" - |: | [(\[]|, | – | — ")
_LEAST = 0.45  # weight of the words that may name an item
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SENTENCE = re.compile(r"(?:^|[.!?:;•\n]|^[-*•\d.)]+)[\s\"'“‘*(_-]*$")


@dataclass(frozen=True, slots=True)
class Name:
    """What a text names, from `start` to `end`; `outer` are the two offsets with the quotation marks.

    `items` has one item, or several of the case where the words fit each of them; it is empty if no title of the
    catalogue is meant. `certain`: the words leave no doubt that a title is meant.
    """

    start: int
    end: int
    items: tuple[int, ...]
    outer: tuple[int, int]
    certain: bool = True

    @property
    def item(self) -> int | None:
        """The item that is meant; None if there is none, or several fit."""
        return self.items[0] if len(self.items) == 1 else None


@dataclass(frozen=True, slots=True)
class _Run:
    """Words of a text that stand in a title.

    `first` and `last` are their numbers in the text; `several`, how many there are besides small words and numbers, if
    more than one.
    """

    first: int
    last: int
    item: int
    weight: float
    share: float
    in_order: bool
    several: int


class CaseNames:
    """The items that a text is about, by the words of their titles."""

    def __init__(
        self, titles: Sequence[str], items: Collection[int], rarity: Mapping[str, float], common: Collection[str]
    ) -> None:
        self.items = frozenset(items)
        self._titles, self._common, self._rarity = titles, common, rarity
        forms = {item: _forms_of(titles[item]) for item in self.items}
        self._stems = {item: own.stems for item, own in forms.items()}
        self._owners: defaultdict[str, set[int]] = defaultdict(set)
        for item, stems in self._stems.items():
            for stem in stems:
                self._owners[stem].add(item)
        self._heads: defaultdict[str, set[int]] = defaultdict(set)
        self._initials: defaultdict[str, set[int]] = defaultdict(set)
        for item, own in forms.items():
            for head in own.heads:
                self._heads[head].add(item)
            for letters in own.initials:
                self._initials[letters].add(item)
        self._by_beginning: defaultdict[str, list[str]] = defaultdict(list)
        for stem in self._owners:
            if len(stem) >= SHORTEST:
                self._by_beginning[stem[:SHORTEST]].append(stem)
        self._whole = {own.whole: item for item, own in forms.items()}

    def first(self, items: Sequence[int]) -> int:
        """The first item that is of the case, else the first of all."""
        return next((item for item in items if item in self.items), items[0])

    def called(self, name: str) -> tuple[int, ...]:
        """The items of that name, whole or without a tail; one alone where the whole title is meant."""
        key = title_words(name)
        return (self._whole[key],) if key in self._whole else tuple(sorted(self._heads.get(key, ())))

    def of_series(self, name: str) -> tuple[int, ...]:
        """The items whose titles begin with a name."""
        return tuple(sorted(self._heads.get(title_words(name), ())))

    def is_part(self, name: str) -> bool:
        """Whether a name is part of a title of the case, as the name of a series is."""
        return any(f" {fold(name)} " in f" {fold(self._titles[item])} " for item in self.items)

    def fitting(self, name: str) -> tuple[int, ...]:
        """The items that the words of a name fit best, if all of these are words of their titles."""
        stems = [stem for stem in stems_of(name) if stem not in small_words()]
        runs = list(self._runs([(stem, 0, 0) for stem in stems], whole=True)) if stems else []
        known = {stem: self._known(stem) for stem in stems}
        runs = [run for run in runs if all(known[stem] in self._stems[run.item] for stem in stems)]
        found = [run for run in runs if run.weight >= _LEAST or (run.several and run.in_order)]
        if not found:
            return ()
        most = max(_merit(run) for run in found)
        return tuple(sorted({run.item for run in found if _merit(run) >= most - 1e-6}))

    def partial_names(self, words: str) -> Iterator[Name]:
        """Where some words of a title stand, and initials in capitals."""
        tokens = [(word_stem(word), start, end) for word, start, end in words_of(words)]
        runs = [run for run in self._runs(tokens) if self._may_name(run, tokens, words)]
        groups: defaultdict[tuple[int, int], list[_Run]] = defaultdict(list)
        for run in runs:
            groups[run.first, run.last].append(run)
        taken: set[int] = set()
        best = {span: max(map(_merit, every)) for span, every in groups.items()}
        for span in sorted(groups, key=lambda span: (-best[span], span[0] - span[1], span)):
            if taken.isdisjoint(range(span[0], span[1] + 1)):
                taken.update(range(span[0], span[1] + 1))
                most = max(run.weight for run in groups[span])
                fits = [run for run in groups[span] if run.weight >= most - 1e-6]
                start, end = tokens[span[0]][1], tokens[span[1]][2]
                several = is_several(words, start, end)
                whole = None if several else self._whole.get(title_words(words[start:end]))
                fits = [run for run in fits if run.item == whole] or fits
                items = tuple(sorted({run.item for run in fits}))
                yield Name(start, end, items, (start, end), self._is_certain(words, start, end, fits))
        for at, (word, start, end) in enumerate(tokens):
            if at not in taken and (own := self._abbreviated(words[start:end], word)):
                yield Name(start, end, own, (start, end), certain=False)

    def _abbreviated(self, written: str, stem: str) -> tuple[int, ...]:
        """The items that initials stand for: "GTA", "L4D2", and "tf2" where it is no word."""
        letters = written.upper().removesuffix("S") if written[:-1].isupper() else written.upper()
        if len(letters) < 2 or letters.isdigit():
            return ()
        small = not written[:-1].isupper() and not any(map(str.isdigit, written))
        if small and (len(letters) < 3 or stem in self._common):
            return ()
        return tuple(sorted(self._initials.get(letters, ())))

    def _is_certain(self, words: str, start: int, end: int, fits: Sequence[_Run]) -> bool:
        name = words[start:end]
        capital = is_capital(name) or any(map(is_capital, name.split()))
        several = len([word for word in fold(name).split() if word not in small_words()]) > 1
        return len(fits) == 1 and capital and several and fits[0].in_order

    def _may_name(self, run: _Run, tokens: Sequence[tuple[str, int, int]], words: str) -> bool:
        if run.first == run.last and len(tokens[run.first][0]) == 1:
            return False
        telling = [stem for stem, _, _ in tokens[run.first : run.last + 1] if stem not in small_words()]
        if run.share < 1 and all(map(str.isdigit, telling)):
            return False  # "4 of 1,827" is a rank
        if run.weight >= _LEAST:
            return True
        if run.several and run.in_order and run.last - run.first < 2 * run.several:
            return True
        start, end = tokens[run.first][1], tokens[run.last][2]
        alone = not begins_sentence(words, start) or not re.match(r"\s*[a-z]", words[end:])
        return is_capital(words[start:end]) and alone and run.weight >= 0.2

    def _runs(self, tokens: Sequence[tuple[str, int, int]], whole: bool = False) -> Iterator[_Run]:
        """For each item the stretches of words that stand in its title, small words between them passed over."""
        places: defaultdict[int, list[int]] = defaultdict(list)
        tokens = [(self._known(stem), start, end) for stem, start, end in tokens]
        for at, (stem, _, _) in enumerate(tokens):
            for item in self._owners.get(stem, ()):
                places[item].append(at)
        for item, found in places.items():
            title = self._stems[item]
            total = sum(self._weight(stem) for stem in set(title)) or 1.0
            stretch: list[int] = []
            for at in [*found, len(tokens) + 9]:
                far = stretch and not whole and self._is_apart(tokens, stretch[-1], at, title)
                if stretch and (far or at > len(tokens)):
                    if run := self._run(tokens, stretch, item, title, total):
                        yield run
                    stretch = []
                stretch.append(at)

    def _known(self, stem: str) -> str:
        """A word of a title that this is another form of ("polishing", "Polisher"), or the word itself."""
        if stem in self._owners or len(stem) <= SHORTEST:
            return stem
        alike = [own for own in self._by_beginning.get(stem[:SHORTEST], ()) if is_form(own, stem)]
        return alike[0] if alike else stem

    def _is_apart(self, tokens: Sequence[tuple[str, int, int]], last: int, at: int, title: Sequence[str]) -> bool:
        if at > len(tokens):
            return True
        between = [stem for stem, _, _ in tokens[last + 1 : at]]
        if len(between) > 2 or any(stem not in small_words() for stem in between):
            return True
        joins = any(stem in ("and", "or", "&") for stem in between)
        return (joins and not any(stem in title for stem in between)) or tokens[at][1] - tokens[last][2] > 12

    def _run(
        self,
        tokens: Sequence[tuple[str, int, int]],
        stretch: Sequence[int],
        item: int,
        title: Sequence[str],
        total: float,
    ) -> _Run | None:
        kept = list(stretch)
        while kept and tokens[kept[-1]][0] in small_words():
            kept.pop()
        while kept and tokens[kept[0]][0] in small_words() and title[0] != tokens[kept[0]][0]:
            kept.pop(0)
        if not kept or all(tokens[at][0] in small_words() for at in kept):
            return None
        stems = [tokens[at][0] for at in kept]
        weight = sum(self._weight(stem) for stem in set(stems))
        order = [title.index(stem) for stem in stems]
        in_order = all(later > earlier for earlier, later in pairwise(order))
        telling = len({stem for stem in stems if stem not in small_words() and not stem.isdigit()})
        return _Run(kept[0], kept[-1], item, weight, weight / total, in_order, telling if telling > 1 else 0)

    def _weight(self, stem: str) -> float:
        """How much a word tells which item is meant."""
        if stem in small_words():
            return 0.02
        own = 1 / len(self._owners[stem]) ** 0.5
        commonness = 0.35 if stem in self._common else 0.5 if stem.isdigit() else 1.0
        return own * commonness * self._rarity.get(stem, 1.0)


def begins_sentence(words: str, at: int) -> bool:
    """Whether a place of a text is the beginning of a sentence, a line or a list."""
    return _SENTENCE.search(words[:at]) is not None


def is_capital(words: str) -> bool:
    """Whether words begin with a capital letter or a digit."""
    return words[:1].isupper() or words[:1].isdigit()


def is_several(words: str, start: int, end: int) -> bool:
    """Whether the words about a name speak of several items: "both … games"."""
    before, after = _several()
    return bool(before.search(words[:start]) or after.match(words, end))


@cache
def _several() -> tuple[re.Pattern[str], re.Pattern[str]]:
    words: dict[str, list[str]] = packaged_yaml("recexplainer.claims", "words.yaml")
    before, after = ("|".join(words[name]) for name in ("several_before", "several_after"))
    whose = r"(?:of )?(?:(?:the|your|her|his|their|these|those|my) )?"
    return re.compile(rf"(?i)\b(?:{before})\s{whose}$"), re.compile(rf"\s(?:\w+\s)?(?:{after})\b")


def _merit(run: _Run) -> float:
    return run.weight + 0.3 * run.share + (0.1 if run.in_order else 0)


class _Forms(NamedTuple):
    """What a title may be shortened to."""

    stems: tuple[str, ...]
    whole: str
    heads: tuple[str, ...]
    initials: tuple[str, ...]


@lru_cache(maxsize=65536)
def _forms_of(title: str) -> _Forms:
    """The stems of a title, all of it and what stands before a tail as they are compared, and its initials."""
    ends = [len(title), *(tail.start() for tail in _TAIL.finditer(title))]
    heads = [title_words(title[:end]) for end in ends]
    return _Forms(tuple(stems_of(title)), heads[0], tuple(filter(None, heads)), tuple(_initials(title)))


def _figure(word: str) -> str:
    """A number in figures, a Roman one of a single letter too."""
    return {"v": "5", "x": "10"}.get(word, word_stem(word))


def _initials(title: str) -> Iterator[str]:
    """The initials of all stretches of a title, two and more, a number as it is: "GTA5"."""
    every = [word for word, _, _ in words_of(_CAMEL.sub(" ", title))]
    for words in (every, [word for word in every if word not in small_words()]):
        letters = [figure if (figure := _figure(word)).isdigit() else word[0].upper() for word in words]
        for first in range(len(letters)):
            for last in range(first + 2, min(first + 7, len(letters) + 1)):
                yield "".join(letters[first:last])
