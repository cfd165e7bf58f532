"""What items have in common in words: brand, genres, platforms, distinctive words in their titles.

Where the data has titles only, platforms are read off the titles: a tail after the last " - " that many titles share
("… - PlayStation 3") counts as a platform, wherever it stands in a title. It knows nothing of a recommender.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.data.dataset import Dataset

# A word in more titles than this share distinguishes little; so do the words below, and any word of fewer letters.
COMMON_SHARE = 0.05
SHORTEST_WORD = 4
_COMMON_WORDS = """
    about after also and another back been best beyond black blue bundle cable case classic collection complete deluxe
    digital disc discontinued download edition editions first from full game games gaming gold green grey gray hits into
    items manufacturer more only online original other over pack part pieces platinum premium pro red remastered renewed
    second series silver special standard starter super system that their them then these this those ultimate under
    version video volume when white wired wireless with without world year your
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_NOT_A_PLATFORM = re.compile(r"(?i)\b(edition|pack|bundle|collection|version|set|hits|code|volume|vol|year)\b")
_WORD = re.compile(r"(?<!\w)(?<!\w['’])[^\W\d_]+(?:['’][^\W\d_]+)*(?!['’]?\w)")  # whole, no part of "4U2Play"


@dataclass(frozen=True)
class Attributes:
    """Attributes of every item, each `[items]`."""

    brands: Sequence[str]  # "" where there is none
    genres: Sequence[tuple[str, ...]]
    platforms: Sequence[tuple[str, ...]]
    words: Sequence[dict[str, str]]  # distinctive words of the title as they stand there, by their lower-cased form

    @classmethod
    def of(cls, dataset: Dataset) -> Attributes:
        """The attributes of a catalogue."""
        brands: list[str] = dataset.items["brand"].to_list()
        genres, platforms = (
            [tuple(cell) for cell in dataset.items[name].to_list()] for name in ("genres", "platforms")
        )
        if not any(platforms):
            platforms = platforms_in_titles(dataset.titles)
        known = [(*names, brand) for names, brand in zip(platforms, brands, strict=True)]
        return cls(brands, genres, platforms, distinctive_words(dataset.titles, known))

    def names(self) -> list[str]:
        """All brands, genres and platforms, sorted."""
        lists = (self.brands, *self.genres, *self.platforms)
        return sorted({name for names in lists for name in names if name})

    def shared(self, one: int, other: int) -> tuple[str, ...]:
        """What two items share, as short phrases, the most distinctive first; at most three."""
        phrases: list[str] = []
        if self.brands[one] and self.brands[one] == self.brands[other]:
            phrases.append(f"brand {self.brands[one]}")
        words = [self.words[one][word] for word in self.words[one] if word in self.words[other]]
        phrases += [f"the word '{word}' in the title" for word in words[:1]]
        phrases += [f"genre {genre}" for genre in self.genres[one] if genre in self.genres[other]][:2]
        phrases += [f"platform {name}" for name in self.platforms[one] if name in self.platforms[other]][:1]
        return tuple(phrases[:3])


def platforms_in_titles(titles: Sequence[str]) -> list[tuple[str, ...]]:
    """`[titles]`: the platforms that each title names, judged by the tails that many titles share."""
    tails = [title.rsplit(" - ", 1)[1].strip() for title in titles if " - " in title]
    spellings = Counter(filter(_may_be_platform, tails))
    spelling = {tail.casefold(): tail for tail, _ in reversed(spellings.most_common())}
    counts = Counter(map(str.casefold, spellings.elements()))
    frequent = [tail for tail, count in counts.items() if count >= max(3, len(titles) // 300)]
    if not frequent:
        return [() for _ in titles]
    longest_first = sorted(frequent, key=len, reverse=True)
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
    return [tuple(dict.fromkeys(spelling[hit] for hit in pattern.findall(title.casefold()))) for title in titles]


def _may_be_platform(tail: str) -> bool:
    """Neither long, nor an edition, a color or the like, which stand after the dash as well."""
    return len(tail.split()) <= 3 and not _words(tail).keys() <= _COMMON and not _NOT_A_PLATFORM.search(tail)


def distinctive_words(titles: Sequence[str], known: Sequence[Sequence[str]]) -> list[dict[str, str]]:
    """`[titles]`: words that few titles share, lower-cased to as written; the rarest first.

    The words of `known`, `[titles]`, names of other attributes (platform, brand), are left out.
    """
    found: list[dict[str, str]] = []
    for title, names in zip(titles, known, strict=True):
        skipped = _COMMON.union(*map(_words, names))
        words = _words(title).items()
        found.append({low: word for low, word in words if len(low) >= SHORTEST_WORD and low not in skipped})
    counts = Counter(low for words in found for low in words)
    kept = {low for low, count in counts.items() if 2 <= count <= max(2, COMMON_SHARE * len(titles))}
    return [{low: words[low] for low in sorted(words, key=counts.__getitem__) if low in kept} for words in found]


def _words(text: str) -> dict[str, str]:
    """The words of a text, lower-cased to as written."""
    return {word.casefold(): word for word in _WORD.findall(text)}


def shorten(text: str, characters: int) -> str:
    """Cut a text at the last sentence that fits; else at the last word, with an ellipsis.

    Whitespace is collapsed; a sentence end in the first third of `characters` is not used.
    """
    text = " ".join(text.split())
    if len(text) <= characters:
        return text
    head = text[: characters + 1]
    ends = [match.end() for match in re.finditer(r"[.!?](?=\s)", head)]
    if ends and ends[-1] >= characters // 3:
        return head[: ends[-1]]
    words = text[: characters - 1]
    if text[characters - 1] != " " and " " in words:
        words = words.rsplit(" ", 1)[0]
    return words.rstrip(" ,;:-") + "…"


def join_words(words: Sequence[str], last: str = "and") -> str:
    """Join words as in a sentence: "a", "a and b", "a, b and c"."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)
