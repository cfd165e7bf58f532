"""Titles: normalised, shortened, made unique, and found in text. A title is how the surrogate names an item.

Pure functions on lists of titles; it knows neither tables nor the Dataset.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import NamedTuple

from recexplainer.data.plain_text import is_page_code, plain_text

MAX_TITLE = 120
"""The longest title kept, in characters."""

_LONGEST_QUALIFIER = 40
_PLAIN = str.maketrans({";": ",", "“": '"', "”": '"'})
_LOOK = str.maketrans(
    {wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
    | dict.fromkeys(map(ord, "‘’ʼ´`"), "'")
    | dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
    | {0xFB01: "fi", 0xFB02: "fl", 0xFE0E: None, 0xFE0F: None, ord("…"): "..."}
)
_TOKEN = re.compile(r"\w+|[^\w\s]")
_INSIDE_WORD = re.compile(r"\w\w")


def normalise_title(title: str) -> str:
    """Plain text that is safe in lists and citations: no semicolon (it separates titles) and no curly quotes.

    Code of a web page is no title: "".
    """
    return "" if is_page_code(title) else plain_text(title).translate(_PLAIN)


def title_key(title: str) -> str:
    """What two titles are compared by: without case and outer spaces (paper: lower-cased string equality)."""
    return title.strip().casefold()


def look_key(title: str) -> str:
    """What two titles have in common that look the same on paper: apostrophes, dashes and wide letters are as one."""
    key = title_key(title)
    return key if key.isascii() else key.translate(_LOOK)


def shorten_title(title: str, limit: int = MAX_TITLE) -> str:
    """Cuts a title of more than `limit` characters at the end of a word and marks the cut with '…'."""
    if len(title) <= limit:
        return title
    head = title[:limit]
    cut = head.rfind(" ")
    return head[: cut if cut > limit // 2 else limit - 1].rstrip(" ,.:-–—(&/") + "…"


def unique_titles(titles: Sequence[str], qualifiers: Sequence[Sequence[str]], ids: Sequence[str]) -> list[str]:
    """`[items]`: each shared title with a qualifier in parentheses, so that all are unique by `look_key`.

    `qualifiers` may distinguish items, best first, each `[items]`; "" where an item has none. The first that no other
    item of the same title has is taken, else the item's unique id. Titles that nobody shares are unchanged.
    """
    keys = [look_key(title) for title in titles]
    shared = {key for key, times in Counter(keys).items() if times > 1}
    used = set(keys)
    peers = [Counter((key, title_key(value)) for key, value in zip(keys, kind, strict=True)) for kind in qualifiers]
    unique = list(titles)
    for item, key in enumerate(keys):
        if key in shared:
            own = [
                kind[item]
                for kind, peer in zip(qualifiers, peers, strict=True)
                if 0 < len(kind[item]) <= _LONGEST_QUALIFIER and peer[key, title_key(kind[item])] == 1
            ]
            unique[item] = _first_free(titles[item], [*own, ids[item]], used)
            used.add(look_key(unique[item]))
    return unique


def _first_free(title: str, qualifiers: Sequence[str], used: set[str]) -> str:
    """The title with the first qualifier that gives an unused one; after the last (the id), with a number too."""
    texts = [normalise_title(text) for text in qualifiers]
    tails = (f" ({text})" for text in chain(texts, (f"{texts[-1]}, {number}" for number in count(2))))
    candidates = (shorten_title(title, max(MAX_TITLE - len(tail), MAX_TITLE // 4)) + tail for tail in tails)
    return next(candidate for candidate in candidates if look_key(candidate) not in used)


class Match(NamedTuple):
    """A title found in a text: `text[start:end]` is the title of item `item`."""

    item: int
    start: int
    end: int


class TitleFinder:
    """Finds the unique titles of a catalogue, `[items]`, in text and in generated lists.

    Titles are looked up by their first word and their length, so that a catalogue of 100,000 titles costs no more a
    text than one of 100.
    """

    def __init__(self, titles: Sequence[str]) -> None:
        self._item_of_title = {title: item for item, title in enumerate(titles)}
        self._item_of_key = {title_key(title): item for item, title in enumerate(titles)}
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for title in titles:
            if token := _TOKEN.match(title):
                lengths[token.group()].add(len(title))
        self._lengths = lengths

    def find(self, text: str) -> list[Match]:
        """All titles in a text, from left to right, as often as they occur.

        They are matched exactly, at word boundaries, never overlapping, the longer before the shorter.
        """
        taken = bytearray(len(text))
        kept: list[Match] = []
        for match in sorted(self._candidates(text), key=lambda match: (match.start - match.end, match.start)):
            if not any(taken[match.start : match.end]):
                taken[match.start : match.end] = b"\1" * (match.end - match.start)
                kept.append(match)
        return sorted(kept, key=lambda match: match.start)

    def parse_list(self, text: str) -> list[int | None]:
        """Reads a generated list "A; B; C": the item of each title, without regard to case, None where none has it.

        Blank pieces between two semicolons are skipped.
        """
        return [self._item_of_key.get(piece) for part in text.split(";") if (piece := title_key(part))]

    def _candidates(self, text: str) -> Iterable[Match]:
        for token in _TOKEN.finditer(text):
            start = token.start()
            for length in self._lengths.get(token.group(), ()):
                end = start + length
                item = self._item_of_title.get(text[start:end])
                if item is not None and end <= len(text) and not _INSIDE_WORD.match(text, end - 1):
                    yield Match(item, start, end)
