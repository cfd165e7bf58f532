"""The rubric judge: rates explanations by rules that it can print, in place of a language model.

It reads a text by titles and attributes alone; it asks neither a language model nor f, beyond f's verdict, which every
explanation carries.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from recexplainer.data.dataset import Dataset
from recexplainer.data.titles import TitleFinder, title_key
from recexplainer.errors import DataError
from recexplainer.explanations.record import Explanation
from recexplainer.tasks.attributes import Attributes
from recexplainer.tasks.claims import read_verdict

RULES = (
    "The decision is the yes or no that the text opens with, else the first time that it speaks of recommending or "
    "suggesting, or of not doing so. If it is not the recommender's, or there is none: 0.",
    "A title counts with or without its tail after a dash, a colon or a bracket, if that leaves no doubt which item of "
    "this case is meant; other parts of a title are passed over. Outside double quotes it counts only as the catalogue "
    "spells it, and a single word that is another item's title does not count.",
    "At most 1: a title that is in the catalogue but neither the item's nor in the history; a quoted name that is "
    "close to a title, or looks like one, and is none; a brand, genre, platform or title word said to be shared by the "
    "item and the history items named that is not.",
    "1: no history item is named, or the item is not spoken of (by its title, or as “it” or “this” where the opening "
    "clause names no other title).",
    "2: the text names a history item and speaks of the item.",
    "3: besides, it names two history items, or an attribute (brand, genre, platform, title word) that the item shares "
    "with a history item named.",
)
"""How the rubric judge rates, for whoever reads its ratings."""

_BLANK = "\0"
_CLAUSE = re.compile(r"[^.!?:;]+")
_QUOTED = re.compile(r"“([^“”]+)”|\"([^\"\n]+)\"")
_TAIL = re.compile(r" - |: | [(\[]")
_MEANT = re.compile(r"\b(?:it|this)\b", re.IGNORECASE)
_SHARING = re.compile(r"\b(?:shar(?:es?|ed|ing)|common|link(?:s|ed)?|ties|tied|follows)\b", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\bthe (?:brand|genre|platform|word) ['‘]?", re.IGNORECASE)
_CLOSE = 0.85


class _Reading:
    """What a text names: items of the case, faults, and the words that are left, names blanked out."""

    def __init__(self, text: str) -> None:
        self.words = text
        self.items: set[int] = set()
        self.faults: list[str] = []

    def blank(self, span: tuple[int, int]) -> None:
        """Take a name out of the words; all others keep their places."""
        start, end = span
        self.words = self.words[:start] + _BLANK * (end - start) + self.words[end:]

    def speaks_of(self, item: int) -> bool:
        """Whether the item is named, or meant by "it" or "this" after an opening clause that names no title."""
        opening = _CLAUSE.match(self.words)
        unnamed = opening is not None and _BLANK not in opening[0]
        return item in self.items or (unnamed and _MEANT.search(self.words) is not None)


class RubricJudge:
    """Rates explanations by `RULES`.

    Args:
        dataset: The catalogue that the explanations are about.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._titles = dataset.titles
        self._finder = TitleFinder(dataset.titles)
        self._exact = {title_key(title): item for item, title in enumerate(dataset.titles)}
        self._loose = {_letters(title): item for item, title in enumerate(dataset.titles)}
        self._facts = _facts(Attributes.of(dataset))
        self._known_facts = frozenset[str]().union(*self._facts)

    def rate(self, explanation: Explanation) -> tuple[int, str]:
        """The rating, 0 to 3, and what decided it.

        Raises:
            DataError: The explanation is about another catalogue.
        """
        self._check(explanation)
        reading = self._read(explanation)
        verdict = read_verdict(reading.words)
        if verdict is not explanation.recommended:
            return 0, "no decision is found" if verdict is None else "the decision is not the recommender's"
        named = [item for item in reading.items if item != explanation.item]
        shared = {fact for item in named for fact in self._facts[item] & self._facts[explanation.item]}
        if faults := [*reading.faults, *_false_links(reading.words, shared)]:
            return 1, ", ".join(dict.fromkeys(faults))
        if not named:
            return 1, "no history item is named"
        if not reading.speaks_of(explanation.item):
            return 1, "the item is not spoken of"
        if len(named) > 1:
            return 3, f"{len(named)} history items are named"
        if said := sorted(fact for fact in shared if _words(fact, re.IGNORECASE).search(reading.words)):
            return 3, f"a history item is named, and that it shares {said[0]!r} with the item"
        return 2, "one history item is named, and nothing that it shares with the item"

    def _check(self, explanation: Explanation) -> None:
        pairs = zip(explanation.history, explanation.history_titles, strict=True)
        for item, title in ((explanation.item, explanation.item_title), *pairs):
            if not 0 <= item < len(self._titles) or self._titles[item] != title:
                raise DataError(
                    f"Item {item} of the catalogue is not {title!r}.",
                    where=f"explanation of {explanation.method!r} for user {explanation.user!r}",
                    mend="Judge explanations with the dataset that they were made with.",
                )

    def _read(self, explanation: Explanation) -> _Reading:
        """Quotations first, then catalogue titles outside them, then titles of the case without their tails."""
        case = {item: self._titles[item] for item in (explanation.item, *explanation.history)}
        names = _names(case)
        reading = _Reading(explanation.text)
        self._read_quotations(reading, case, names)
        attributes = {claim.end() for claim in _ATTRIBUTE.finditer(reading.words)}
        for match in self._finder.find(reading.words):
            known = match.item in case or self._is_foreign(self._titles[match.item], case)
            if known and match.start not in attributes:
                self._note(reading, (match.start, match.end), match.item, case)
        for name in sorted(names, key=len, reverse=True):
            for found in _words(name).finditer(reading.words):
                if found.start() not in attributes:
                    self._note(reading, found.span(), names[name], case)
        return reading

    def _read_quotations(self, reading: _Reading, case: Mapping[int, str], names: Mapping[str, int]) -> None:
        """A quotation names an item of the case, another item, nothing in the catalogue, or is no title at all."""
        loosely = {_letters(name): item for name, item in names.items()}
        for quotation in _QUOTED.finditer(reading.words):
            quote = quotation[1] or quotation[2]
            letters = _letters(quote)
            item = self._exact.get(title_key(quote), loosely.get(letters, self._loose.get(letters)))
            if item is not None:
                self._note(reading, quotation.span(), item, case)
            elif self._looks_like_title(quote) and not _is_part(quote, case):
                reading.blank(quotation.span())
                reading.faults.append(f"“{quote}” is no title of the catalogue")

    def _note(self, reading: _Reading, span: tuple[int, int], item: int, case: Mapping[int, str]) -> None:
        reading.blank(span)
        if item in case:
            reading.items.add(item)
        else:
            reading.faults.append(f"“{self._titles[item]}” is not in the history")

    def _is_foreign(self, title: str, case: Mapping[int, str]) -> bool:
        """Whether another item's title is surely meant without quotes: no word alone, no brand, no part of a title."""
        return " " in title and title.casefold() not in self._known_facts and not _is_part(title, case)

    def _looks_like_title(self, quote: str) -> bool:
        """A capital first, capitals throughout two words or close to a title, and no brand, genre or platform."""
        words = quote.split()
        if not words or not _is_capital(words[0]) or quote.casefold() in self._known_facts:
            return False
        if len(words) > 1 and all(_is_capital(word) for word in words if len(word) > 3):
            return True
        return bool(get_close_matches(_letters(quote), self._loose, n=1, cutoff=_CLOSE))


def _is_capital(word: str) -> bool:
    return word[0].isupper() or word[0].isdigit()


def _letters(title: str) -> str:
    """A title without case, punctuation and apostrophes."""
    return " ".join(re.findall(r"\w+", re.sub("['’]", "", title.casefold()))) or title_key(title)


def _is_part(name: str, case: Mapping[int, str]) -> bool:
    """Whether a name is part of a title of the case, as the name of a series is."""
    return any(f" {_letters(name)} " in f" {_letters(title)} " for title in case.values())


def _names(case: Mapping[int, str]) -> dict[str, int]:
    """What the items of a case may be called: their titles, with or without a tail, where one item alone is meant."""
    heads = {(title[: tail.start()], item) for item, title in case.items() for tail in _TAIL.finditer(title)}
    fitting = Counter(_letters(name) for name, _ in heads) + Counter(map(_letters, case.values()))
    short = {name: item for name, item in heads if fitting[_letters(name)] == 1}
    return short | {title: item for item, title in case.items()}


def _facts(attributes: Attributes) -> list[frozenset[str]]:
    """`[items]`: brand, genres, platforms and telling title words, without case."""
    parts = zip(attributes.brands, attributes.genres, attributes.platforms, attributes.words, strict=True)
    return [
        frozenset(name.casefold() for name in (brand, *genres, *platforms, *words) if name)
        for brand, genres, platforms, words in parts
    ]


def _words(name: str, flags: int = 0) -> re.Pattern[str]:
    """Finds a name at word boundaries."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", flags)


def _false_links(words: str, shared: Collection[str]) -> Iterator[str]:
    """What a clause says is shared and is not."""
    facts = [_words(fact, re.IGNORECASE) for fact in shared]
    for clause in _CLAUSE.finditer(words):
        claims = _ATTRIBUTE.finditer(words, *clause.span()) if _SHARING.search(clause[0]) else ()
        for claim in claims:
            if not any(fact.match(words, claim.end()) for fact in facts):
                said = re.split(r"[,\0]", words[claim.start() : clause.end()])[0]
                yield f"“{said.strip()}” is not shared"
