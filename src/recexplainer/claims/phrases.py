"""Phrases found in texts, and the phrase that is most like another: by their words, whatever the case and accents."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A stretch of a text that some phrases fit; `start` and `end` are offsets, `phrases` are numbers of phrases."""

    start: int
    end: int
    phrases: tuple[int, ...]


def words_of(text: str) -> list[tuple[str, int, int]]:
    """The words of a text without case, accents and apostrophes, each with its start and end."""
    return [(_letters(found[0]), *found.span()) for found in _WORD.finditer(text)]


def fold(phrase: str) -> str:
    """What two phrases are compared by; a phrase without any letter or digit is compared as it stands."""
    return " ".join(word for word, _, _ in words_of(phrase)) or phrase.strip()


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
        words = words_of(text)
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
            inner = words_of(phrase)
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
