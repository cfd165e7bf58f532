"""Titles that a text names, in whatever spelling, and quoted names that are none.

It knows the catalogue and which items a text is about; what is said of them it does not know.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from recexplainer.claims.phrases import Hit, NearestPhrases, PhraseFinder, fold, longest
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


@dataclass(frozen=True, slots=True)
class Name:
    """What a text names.

    Attributes:
        start: Offset of the first character, after a quotation mark.
        end: Offset after the last one.
        item: Its item; None if no title of the catalogue is meant.
        outer: The two offsets with the quotation marks.
    """

    start: int
    end: int
    item: int | None
    outer: tuple[int, int]


class NameReader:
    """Finds what texts name.

    Args:
        titles: `[items]`, the unique titles of the catalogue.
        attributes: The attributes of the catalogue; a quoted brand or genre is no title.
    """

    def __init__(self, titles: Sequence[str], attributes: Attributes) -> None:
        self._titles = titles
        self._finder = PhraseFinder(titles)
        self._exact = {title_key(title): item for item, title in enumerate(titles)}
        self._nearest = NearestPhrases(titles)
        self._common = frozenset(packaged_yaml("recexplainer.claims", "cues.yaml")["common"])
        self._facts = frozenset[str]().union(*facts_by_item(attributes))

    def read(self, text: str, case: Collection[int]) -> list[Name]:
        """What a text names, from left to right, never overlapping.

        Args:
            text: An explanation.
            case: The item asked about and the history: these may be called by a title without its tail after a dash, a
                colon or a bracket, where no doubt is left; and a single word in no quotes names none but these.
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
        for emphasis in _EMPHASISED.finditer(blanked(text, names)):
            start, end = _inner(emphasis)
            quote = text[start:end]
            known = self._finder.same(quote) or fold(quote) in called or BLANK in emphasis[0]
            if not known and quote and _is_capital(quote) and not _is_part(quote, case) and self._is_near(quote):
                names.append(Name(start, end, None, emphasis.span()))
        return names

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
