"""Titles that a text names, in whatever spelling, and quoted names that are none; and how phrases are found in texts.

It knows the catalogue and which items a text is about; how a text puts them to use it does not know.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from recexplainer.data.attributes import Attributes
from recexplainer.data.titles import title_key
from recexplainer.storage import packaged_yaml

BLANK = "\0"
_QUOTED = re.compile(r"“([^“”\n]+)”|\"([^\"\n]+)\"|«([^«»\n]+)»|„([^„“”\n]+)[“”]")
_EMPHASISED = re.compile(r"\*{1,2}([^*\n]+)\*{1,2}|(?<!\w)['‘]([^‘’'\n]+)['’](?!\w)")
_TAIL = re.compile(r" - |: | [(\[]")
# What follows is an attribute, though it may be a title too.
_ATTRIBUTE = re.compile(r"\bthe (?:brand|genre|platform|word) ['‘]?", re.IGNORECASE)
_NEAR = 0.85
_RESEMBLING = 0.5
_LONGEST = 200  # characters; what is quoted at greater length is no title
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Name:
    """What a text names, from `start` to `end`; `outer` are the two offsets with the quotation marks.

    `item` is None if no title of the catalogue is meant.
    """

    start: int
    end: int
    item: int | None
    outer: tuple[int, int]


class NameReader:
    """Finds what texts name, by `[items]` unique titles; a quoted brand or genre is no title."""

    def __init__(self, titles: Sequence[str], attributes: Attributes) -> None:
        self._titles = titles
        self._finder = PhraseFinder(titles)
        self._exact = {title_key(title): item for item, title in enumerate(titles)}
        self._nearest = NearestPhrases(titles)
        self._common = frozenset(packaged_yaml("recexplainer.claims", "cues.yaml")["common"])
        self._facts = frozenset[str]().union(*facts_by_item(attributes))

    def read(self, text: str, case: Collection[int]) -> list[Name]:
        """What a text names, from left to right, never overlapping.

        The case is the item asked about and the history: these may be called by a title without its tail after a dash,
        a colon or a bracket, where no doubt is left; and a single word in no quotes names none but these.
        """
        titles = {item: self._titles[item] for item in case}
        called = _names(titles)
        names = self._quotations(text, titles, called)
        words = blanked(text, names)
        attributes = {found.end() for found in _ATTRIBUTE.finditer(words)}
        for find in (self._titles_in, self._heads_in):
            hits = [hit for hit in find(words, titles, called) if hit.start not in attributes]
            names += [Name(hit.start, hit.end, hit.phrases[0], (hit.start, hit.end)) for hit in longest(hits)]
            words = blanked(text, names)
        return sorted(names, key=lambda name: name.start)

    def nearest(self, name: str) -> str:
        """The title that resembles a name most, or "" if none does."""
        found = self._nearest.nearest(name)
        return self._titles[found[0]] if found and found[1] >= _RESEMBLING else ""

    def _quotations(self, text: str, case: Mapping[int, str], called: Mapping[str, int]) -> list[Name]:
        """A quotation names an item of the case, another item, nothing in the catalogue, or is no title at all."""
        names: list[Name] = []
        for quotation in _QUOTED.finditer(text):
            start, end = _inner(quotation)
            item = self._meant(quote := text[start:end], case, called)
            if item is not None or (self._looks_like_title(quote) and not _is_part(quote, case)):
                names.append(Name(start, end, item, quotation.span()))
        return [*names, *self._emphases(text, names, case, called)]

    def _emphases(
        self, text: str, names: Collection[Name], case: Mapping[int, str], called: Mapping[str, int]
    ) -> Iterator[Name]:
        """Emphasised words that are close to a title, and none."""
        for emphasis in _EMPHASISED.finditer(blanked(text, names)):
            start, end = _inner(emphasis)
            quote = text[start:end]
            known = self._finder.same(quote) or fold(quote) in called or BLANK in emphasis[0]
            if not known and quote and _is_capital(quote) and not _is_part(quote, case) and self._is_near(quote):
                yield Name(start, end, None, emphasis.span())

    def _meant(self, quote: str, case: Mapping[int, str], called: Mapping[str, int]) -> int | None:
        """The item that a quotation is the title of."""
        same = self._finder.same(quote)
        item = self._exact.get(title_key(quote), called.get(fold(quote), same[0] if same else None))
        if item is None or item in case or " " in quote.strip() or _is_capital(quote):
            return item
        return item if quote == self._titles[item] else None

    def _titles_in(self, words: str, case: Mapping[int, str], called: Mapping[str, int]) -> list[Hit]:
        """Titles without quotes; a title of the case before another of the same letters."""
        hits: list[Hit] = []
        for hit in self._finder.find(words):
            name = words[hit.start : hit.end]
            items = (*(item for item in hit.phrases if self._titles[item] == name), *hit.phrases)
            item = next((item for item in items if item in case), items[0])
            if self._is_named(name, item, case):
                hits.append(Hit(hit.start, hit.end, (item,)))
        return hits

    def _heads_in(self, words: str, case: Mapping[int, str], called: Mapping[str, int]) -> list[Hit]:
        """Titles of the case without their tails; a single word counts only as it is spelled."""
        names = sorted(called)
        hits: list[Hit] = []
        for hit in PhraseFinder(names).find(words):
            name, item = words[hit.start : hit.end], called[names[hit.phrases[0]]]
            single = case[item].startswith(name) and name.casefold() not in self._common
            if _is_capital(name) if " " in name else single:
                hits.append(Hit(hit.start, hit.end, (item,)))
        return hits

    def _is_named(self, name: str, item: int, case: Mapping[int, str]) -> bool:
        """Whether words outside quotes are a title: of the case as it is spelled, or several words with a capital.

        Another item's title is meant only by several words that are neither a brand nor part of a title of the case.
        """
        as_spelled, several, capital = name == self._titles[item], " " in name, _is_capital(name)
        if item in case:
            whole = as_spelled and (several or name.casefold() not in self._common)
            return whole or (several and (capital or name.count(" ") > 1))
        meant = several and (as_spelled or capital)
        return meant and name.casefold() not in self._facts and not _is_part(name, case)

    def _looks_like_title(self, quote: str) -> bool:
        """A capital first, capitals throughout two words or close to a title, and no brand, genre or platform."""
        words = quote.split()
        if not words or len(quote) > _LONGEST or not _is_capital(quote) or quote.casefold() in self._facts:
            return False
        if len(words) > 1 and all(_is_capital(word) for word in words if len(word) > 3):
            return True
        return self._is_near(quote)

    def _is_near(self, quote: str) -> bool:
        found = self._nearest.nearest(quote)
        return found is not None and found[1] >= _NEAR


def blanked(text: str, names: Collection[Name]) -> str:
    """A text with the names, and the quotation marks about them, blanked out; all else keeps its place."""
    for start, end in (name.outer for name in names):
        text = text[:start] + BLANK * (end - start) + text[end:]
    return text


def facts_by_item(attributes: Attributes) -> list[frozenset[str]]:
    """`[items]`: brand, genres, platforms and telling title words, without case."""
    parts = zip(attributes.brands, attributes.genres, attributes.platforms, attributes.words, strict=True)
    return [
        frozenset(name.casefold() for name in (brand, *genres, *platforms, *words) if name)
        for brand, genres, platforms, words in parts
    ]


def _inner(quotation: re.Match[str]) -> tuple[int, int]:
    """Where a quotation's words stand, without a comma at their end."""
    start, end = next(quotation.span(group) for group, words in enumerate(quotation.groups(), 1) if words is not None)
    words = quotation.string[start:end].rstrip(" ,;")
    return end - len(quotation.string[start:end].lstrip()) if words else start, start + len(words)


def _is_capital(words: str) -> bool:
    return words[:1].isupper() or words[:1].isdigit()


def _is_part(name: str, case: Mapping[int, str]) -> bool:
    """Whether a name is part of a title of the case, as the name of a series is."""
    return any(f" {fold(name)} " in f" {fold(title)} " for title in case.values())


def _names(case: Mapping[int, str]) -> dict[str, int]:
    """What the items of a case may be called, folded: titles, with or without a tail, where one item alone is meant."""
    heads = {(fold(title[: tail.start()]), item) for item, title in case.items() for tail in _TAIL.finditer(title)}
    whole = {fold(title): item for item, title in case.items()}
    fitting = Counter(name for name, _ in heads) + Counter(whole)
    return {name: item for name, item in heads if fitting[name] == 1} | whole


@dataclass(frozen=True, slots=True)
class Hit:
    """A stretch of a text that some phrases fit; `start` and `end` are offsets, `phrases` are numbers of phrases."""

    start: int
    end: int
    phrases: tuple[int, ...]


def _words(text: str) -> list[tuple[str, int, int]]:
    """The words of a text without case, accents and apostrophes, each with its start and end."""
    return [(_letters(found[0]), *found.span()) for found in _WORD.finditer(text)]


def fold(phrase: str) -> str:
    """What two phrases are compared by; a phrase without any letter or digit is compared as it stands."""
    return " ".join(word for word, _, _ in _words(phrase)) or phrase.strip()


def _letters(word: str) -> str:
    plain = word.replace("'", "").replace("’", "").casefold()
    if plain.isascii():
        return plain
    return "".join(one for one in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(one))


class PhraseFinder:
    """Finds phrases in text.

    Phrases are looked up by their first word and their number of words, so that many cost no more a text than few.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self._phrases = phrases
        self._numbers: defaultdict[str, tuple[int, ...]] = defaultdict(tuple)
        self._lengths: defaultdict[str, set[int]] = defaultdict(set)
        for number, phrase in enumerate(phrases):
            folded = fold(phrase)
            self._numbers[folded] += (number,)
            words = folded.split(" ")
            self._lengths[words[0]].add(len(words))

    def same(self, phrase: str) -> tuple[int, ...]:
        """The numbers of the phrases that are the same when folded."""
        return self._numbers.get(fold(phrase), ())

    def find(self, text: str) -> Iterator[Hit]:
        """All phrases in a text, from left to right, also where they overlap."""
        words = _words(text)
        for at, (word, start, _) in enumerate(words):
            for length in self._lengths.get(word, ()):
                several = words[at : at + length]
                found = self._numbers.get(" ".join(one for one, _, _ in several)) if len(several) == length else None
                if found:
                    yield Hit(*self._with_marks(text, start, several[-1][2], found), found)

    def _with_marks(self, text: str, start: int, end: int, found: Sequence[int]) -> tuple[int, int]:
        """The stretch with the marks that a phrase begins and ends with, as the bracket in "Console (204)"."""
        for number in found:
            phrase = self._phrases[number]
            inner = _words(phrase)
            head, tail = phrase[: inner[0][1]], phrase[inner[-1][2] :]
            if (head or tail) and text.startswith(tail, end) and text.endswith(head, 0, start):
                return start - len(head), end + len(tail)
        return start, end


def longest(hits: Iterable[Hit]) -> list[Hit]:
    """Hits that do not overlap, the longer before the shorter; from left to right."""
    kept: list[Hit] = []
    taken: set[int] = set()
    for hit in sorted(hits, key=lambda one: (one.start - one.end, one.start)):
        if taken.isdisjoint(range(hit.start, hit.end)):
            taken.update(range(hit.start, hit.end))
            kept.append(hit)
    return sorted(kept, key=lambda one: one.start)


class NearestPhrases:
    """Finds the phrase that is most like another.

    Phrases that have the most groups of three letters in common are compared letter by letter, twenty at most.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self._phrases = phrases

    def nearest(self, phrase: str) -> tuple[int, float] | None:
        """The number of the nearest phrase and how like it is, 0 to 1 (`difflib`'s ratio); None if none is at all."""
        folded = fold(phrase)
        ratios = [
            (number, SequenceMatcher(None, fold(self._phrases[number]), folded, autojunk=False).ratio())
            for number in self.candidates(phrase)
        ]
        return max(ratios, key=itemgetter(1), default=None)

    def candidates(self, phrase: str) -> list[int]:
        """The numbers of the phrases that are worth comparing, at most twenty."""
        owners, sizes = self._index
        asked = _grams(phrase)
        hits = [owners[gram] for gram in asked if gram in owners]
        if not hits:
            return []
        common = np.bincount(np.concatenate(hits), minlength=len(sizes))
        alike = 2 * common / (sizes + len(asked))
        best = np.argpartition(-alike, min(_CANDIDATES, len(alike)) - 1)[:_CANDIDATES]
        return [int(number) for number in best if common[number]]

    @cached_property
    def _index(self) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]]:
        """The numbers of the phrases that have each group of three letters; how many groups each phrase has."""
        owners: defaultdict[str, list[int]] = defaultdict(list)
        grams = [_grams(phrase) for phrase in self._phrases]
        for number, own in enumerate(grams):
            for gram in own:
                owners[gram].append(number)
        return {gram: np.array(numbers) for gram, numbers in owners.items()}, np.array([len(own) for own in grams])


def _grams(phrase: str) -> set[str]:
    letters = f" {fold(phrase)} "
    return {letters[at : at + 3] for at in range(len(letters) - 2)}
