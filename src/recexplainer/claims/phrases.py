"""Phrases found in a text whatever their case, punctuation and accents, and the phrases nearest to one that is none.

Pure functions of strings; it does not know what the phrases mean.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_CANDIDATES = 20
_GRAM = 3
_BITS = 21  # a character's; three make a number of 63


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, folded, and where it stands."""

    folded: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A stretch of a text that some phrases fit; `start` and `end` are offsets, `phrases` are numbers of phrases."""

    start: int
    end: int
    phrases: tuple[int, ...]


def words_of(text: str) -> list[Word]:
    """The words of a text without case, accents and apostrophes."""
    return [Word(_letters(found[0]), *found.span()) for found in _WORD.finditer(text)]


def fold(phrase: str) -> str:
    """What two phrases are compared by; a phrase without any letter or digit is compared as it stands."""
    return " ".join(word.folded for word in words_of(phrase)) or phrase.strip()


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
        numbers: defaultdict[str, list[int]] = defaultdict(list)
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for number, phrase in enumerate(phrases):
            numbers[folded := fold(phrase)].append(number)
            first, *others = folded.split(" ")
            lengths[first].add(1 + len(others))
        self._numbers = {folded: tuple(same) for folded, same in numbers.items()}
        self._lengths = dict(lengths)

    def same(self, phrase: str) -> tuple[int, ...]:
        """The numbers of the phrases that are the same when folded."""
        return self._numbers.get(fold(phrase), ())

    def find(self, text: str) -> Iterator[Hit]:
        """All phrases in a text, from left to right, also where they overlap."""
        words = words_of(text)
        for at, word in enumerate(words):
            for length in self._lengths.get(word.folded, ()):
                told = words[at : at + length]
                found = self._numbers.get(" ".join(one.folded for one in told)) if len(told) == length else None
                if found:
                    yield Hit(*self._with_marks(text, word.start, told[-1].end, found), found)

    def _with_marks(self, text: str, start: int, end: int, found: Sequence[int]) -> tuple[int, int]:
        """The stretch with the marks that a phrase begins and ends with, as the bracket in "Console (204)"."""
        for number in found:
            phrase = self._phrases[number]
            inner = words_of(phrase)
            head, tail = phrase[: inner[0].start], phrase[inner[-1].end :]
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
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(fold(phrase))
        best: tuple[float, int] | None = None
        for number in self.candidates(phrase):
            matcher.set_seq1(fold(self._phrases[number]))
            ratio = matcher.ratio()
            if best is None or ratio > best[0]:
                best = ratio, number
        return None if best is None else (best[1], best[0])

    def candidates(self, phrase: str) -> list[int]:
        """The numbers of the phrases that are worth comparing, at most twenty."""
        grams, owners, sizes = self._index
        asked = np.unique(_grams(f" {fold(phrase)} "))
        starts, ends = np.searchsorted(grams, asked), np.searchsorted(grams, asked, side="right")
        hits = [owners[start:end] for start, end in zip(starts, ends, strict=True) if end > start]
        if not hits:
            return []
        common = np.bincount(np.concatenate(hits), minlength=len(sizes))
        alike = 2 * common / (sizes + len(asked))
        best = np.argpartition(-alike, min(_CANDIDATES, len(alike)) - 1)[:_CANDIDATES]
        return [int(number) for number in best if common[number]]

    @cached_property
    def _index(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """All groups of three letters in order, the number of the phrase that has each; how many each phrase has."""
        grams = [np.unique(_grams(f" {fold(phrase)} ")) for phrase in self._phrases]
        sizes = np.array([len(one) for one in grams], np.int64)
        every = np.concatenate(grams) if grams else np.empty(0, np.int64)
        order = np.argsort(every, kind="stable")
        return every[order], np.repeat(np.arange(len(sizes)), sizes)[order], sizes


def _grams(text: str) -> NDArray[np.int64]:
    """Each group of three characters of a text as a number."""
    letters = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64)
    count = len(letters) - _GRAM + 1
    return sum((letters[at : at + count] << (_BITS * at) for at in range(_GRAM)), np.zeros(max(count, 0), np.int64))
