"""Which items a text names: by full titles, shortened ones, some of their words, or a series that several belong to.

It knows the catalogue and which items a text is about; how a text puts them to use it does not know. It is generous:
what may name an item is found, and `certain` tells how sure that is; whoever reads the sentence decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from math import log

from recexplainer.claims.phrases import Hit, NearestPhrases, PhraseFinder, fold, longest
from recexplainer.claims.shortened import CaseNames, Name, begins_sentence, is_capital, is_several
from recexplainer.claims.stems import small_words, stems_of
from recexplainer.data.attributes import Attributes
from recexplainer.data.titles import title_key

BLANK = "\0"
_QUOTED = re.compile(
    r"“([^“”\n]+)”|\"([^\"\n]+)\"|«([^«»\n]+)»|„([^„“”\n]+)[“”]|\*{1,3}([^*\n]+?)\*{1,3}|(?<!\w)_([^_\n]+)_(?!\w)"
    r"|(?<![\w'])['‘]((?:[^‘’'\n]|(?<=\w)['’](?=\w)|(?<=s)['’](?=\s\w))+)['’](?!\w)"
)
# What follows is an attribute, though it may be a title too; in quotes or not.
_ATTRIBUTE = re.compile(r"(?i)\b(?:brand|genre|platform|words?)\s+(?=[\"'“‘])")
_NEAR = 0.85
_RESEMBLING = 0.5
_LONGEST = 200  # characters; what is quoted at greater length is no title
_CAPITAL = re.compile(r"[A-Z0-9À-ÖØ-Þ][\w'’.!&+-]*")


class NameLinker:
    """Finds what texts name, by `[items]` unique titles.

    `common` holds words of everyday English, folded: they alone name no item.
    """

    def __init__(self, titles: Sequence[str], attributes: Attributes, common: Collection[str] = ()) -> None:
        self._titles = titles
        self._finder = PhraseFinder(titles)
        self._exact = {title_key(title): item for item, title in enumerate(titles)}
        self._nearest = NearestPhrases(titles)
        self._parts = frozenset(
            part for brand in attributes.brands for part in _parts(fold(brand)) if part not in small_words()
        )
        self._facts = frozenset(fold(fact) for facts in facts_by_item(attributes) for fact in facts)
        self._common = frozenset(common)
        counts = Counter(stem for title in titles for stem in set(stems_of(title)))
        self._rarity = {stem: _rarity(count, len(titles)) for stem, count in counts.items()}

    def link(self, text: str, history: Sequence[int], item: int) -> list[Name]:
        """What a text names, from left to right, never overlapping."""
        case = CaseNames(self._titles, {*history, item}, self._rarity, self._common)
        attributes = {place for found in _ATTRIBUTE.finditer(text) for place in (found.end(), found.end() + 1)}
        names = [name for name in self._quotations(text, case) if name.outer[0] not in attributes]
        words = blanked(text, names)
        names += self._whole_titles(words, case)
        words = blanked(text, names)
        names += case.partial_names(words)
        words = blanked(text, names)
        names += self._unknown_names(words, case)
        return sorted((name for name in names if name.outer[0] not in attributes), key=lambda name: name.start)

    def nearest(self, name: str) -> str:
        """The title that resembles a name most, or "" if none does."""
        found = self._nearest.nearest(name)
        return self._titles[found[0]] if found and found[1] >= _RESEMBLING else ""

    def _quotations(self, text: str, case: CaseNames) -> Iterator[Name]:
        """A quotation names an item of the case, another item, or, if it looks like a title, none of the catalogue."""
        for quotation in _QUOTED.finditer(text):
            start, end = _inner(quotation)
            quote = text[start:end]
            if len(quote) > _LONGEST or all(part in small_words() for part in fold(quote).split()):
                continue
            outer = quotation.span()
            if items := case.called(quote):
                yield Name(start, end, items, outer)
            elif (found := self._catalogue_item(quote)) is not None:
                yield Name(start, end, (found,), outer)
            elif fold(quote) in self._facts:
                continue
            elif items := case.fitting(quote):
                yield Name(start, end, items, outer, certain=False)
            elif self._looks_like_title(quote):
                yield Name(start, end, (), outer, certain=False)

    def _catalogue_item(self, name: str) -> int | None:
        same = self._finder.same(name)
        return self._exact.get(title_key(name), same[0] if same else None)

    def _whole_titles(self, words: str, case: CaseNames) -> list[Name]:
        """Whole titles, and titles of the case without their tails, as they stand outside quotes."""
        hits = [hit for hit in self._finder.find(words) if self._is_named(words[hit.start : hit.end], hit, case)]
        names: list[Name] = []
        for hit in longest(hits):
            item = case.first(hit.phrases)
            items = (item,)
            if item in case.items and is_several(words, hit.start, hit.end):
                items = case.of_series(words[hit.start : hit.end]) or items
            names.append(Name(hit.start, hit.end, items, (hit.start, hit.end), self._is_certain(words, hit, item)))
        return names

    def _is_named(self, name: str, hit: Hit, case: CaseNames) -> bool:
        item = case.first(hit.phrases)
        if item not in case.items and case.of_series(name):
            return False
        several, capital = " " in name.strip(), is_capital(name)
        if item in case.items:
            return several or capital or (len(name) > 3 and fold(name) not in self._common)
        return (
            several
            and (capital or name == self._titles[item])
            and fold(name) not in self._facts
            and (not case.is_part(name))
        )

    def _is_certain(self, words: str, hit: Hit, item: int) -> bool:
        name = words[hit.start : hit.end]
        if " " in name.strip():
            return is_capital(name) or name.count(" ") > 1
        return is_capital(name) and name == self._titles[item] and not begins_sentence(words, hit.start)

    def _unknown_names(self, words: str, case: CaseNames) -> Iterator[Name]:
        """Words with capitals that no title of the case has: another item, or none of the catalogue."""
        for start, end in _capital_runs(words):
            name = words[start:end]
            folded = fold(name)
            if self._is_fact(folded) or all(part in small_words() for part in folded.split()):
                continue
            if len(name) == 1 or words[:end].endswith(("'s", "’s")):  # whoever made it
                continue
            single = " " not in name
            if single and (begins_sentence(words, start) or folded in self._common or not folded.isalnum()):
                continue
            found = self._catalogue_item(name)
            found = None if single and found is not None and self._titles[found] != name else found
            yield Name(start, end, () if found is None else (found,), (start, end), certain=False)

    def _is_fact(self, folded: str) -> bool:
        """Whether a name is an attribute, or part of one, with or without an article."""
        bare = folded.removeprefix("the ").removeprefix("a ").removeprefix("an ")
        return bare in self._facts or folded in self._facts or bare in self._parts

    def _looks_like_title(self, quote: str) -> bool:
        return is_capital(quote) or self._is_near(quote)

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


def _parts(phrase: str) -> Iterator[str]:
    """All beginnings and ends of a phrase."""
    words = phrase.split()
    for cut in range(1, len(words)):
        yield " ".join(words[:cut])
        yield " ".join(words[cut:])


def _capital_runs(words: str) -> Iterator[tuple[int, int]]:
    """Stretches of words with capitals, small words between them."""
    tokens = [(found[0], *found.span()) for found in re.finditer(r"[^\s\0,.;:!?()\"“”*]+", words)]
    stretch: list[int] = []
    for at in range(len(tokens) + 1):
        word = tokens[at][0] if at < len(tokens) else ""
        beside = at < len(tokens) and (not stretch or words[tokens[at - 1][2] : tokens[at][1]].strip("'’") in ("", " "))
        if (at < len(tokens) and beside and _CAPITAL.match(word) and not word.isdigit()) or (
            stretch and beside and (word.casefold() in small_words() or word.isdigit())
        ):
            stretch.append(at)
        else:
            while stretch and tokens[stretch[-1]][0].casefold() in small_words():
                stretch.pop()
            if stretch:
                yield tokens[stretch[0]][1], tokens[stretch[-1]][2]
            stretch = [at] if word and _CAPITAL.match(word) and not word.isdigit() else []


def _inner(quotation: re.Match[str]) -> tuple[int, int]:
    """Where a quotation's words stand, without a mark at their end."""
    start, end = next(quotation.span(group) for group, words in enumerate(quotation.groups(), 1) if words is not None)
    words = quotation.string[start:end].rstrip(" ,;:.")
    return end - len(quotation.string[start:end].lstrip()) if words else start, start + len(words)


def _rarity(count: int, titles: int) -> float:
    """1 for a word of one title, falling to a third for one that a tenth of the catalogue has."""
    share = count / max(titles, 1)
    return 1.0 if count <= 2 else max(0.3, min(1.0, log(1 / share) / log(max(titles, 3) / 2)))
