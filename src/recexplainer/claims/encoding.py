"""A text as the reader's network sees it: pieces of words, with a mark for each name in place of a title.

What a title says is left out where it is certain that one is meant, so that all catalogues look alike. It knows no
claims; `network.py` says what of them there are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tokenizers import Encoding, Tokenizer

from recexplainer.claims.phrases import PhraseFinder, longest
from recexplainer.claims.shortened import Name
from recexplainer.claims.stems import title_words, word_stem

HISTORY_MARKS = 16
"""Marks for the history items of a text, in the order in which it names them; the next begins again."""
MARKS = ("[item]", "[other]", "[unknown]", "[group]", "[end]", "[sentence]", *(f"[h{n}]" for n in range(HISTORY_MARKS)))
UNKNOWN_PIECE = "[UNK]"
MAX_PIECES = 384
_FREQUENT = 2500  # words of English that name nothing by themselves
PLAIN, ATTRIBUTE, NUMBER = range(3)
"""What a piece is part of: an attribute that the catalogue knows, a number, or neither."""
_END = re.compile(r"(?<!\bvs)[.!?]+[)\]\"”’'*_]*(?!(?<=\b[Nn]o\.)\s+\d)(?=\s+\S)|\n+|(?<=\w):(?=\s*\n)|[.!?]*\Z")
_NUMBER = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text, or some sentences of one, as `[pieces]` numbers.

    Attributes:
        ids: Numbers of the vocabulary.
        sorts: Of each piece, `PLAIN`, `ATTRIBUTE` or `NUMBER`.
        spans: Of each piece, where it stands in the text; of a mark, the name or the sentence.
        names: The places of the marks of names, and the number of each name.
        sentences: The places of the marks of sentences; where each sentence stands is in `spans`.
    """

    ids: list[int]
    sorts: list[int]
    spans: list[tuple[int, int]]
    names: list[tuple[int, int]]
    sentences: list[int]


class Encoder:
    """Turns texts into pieces. `attributes` are the names of brands, genres and platforms that the catalogue knows."""

    def __init__(self, attributes: Sequence[str]) -> None:
        self._attributes = PhraseFinder(attributes)
        self._spelling = {title_words(name): name for name in attributes}

    def attributes(self, text: str) -> list[tuple[int, int]]:
        """Where a text names attributes of the catalogue."""
        return [(hit.start, hit.end) for hit in longest(self._attributes.find(text))]

    def spelling(self, words: str) -> str:
        """An attribute as the catalogue writes it, where the words are the same but for a plural; else the words."""
        return self._spelling.get(title_words(words), words)

    def encode(self, text: str, names: Sequence[Name], history: Sequence[int], item: int) -> list[Encoded]:
        """A text with its names, in as many parts as its length needs; each part holds whole sentences."""
        marks = _marks(names, history, item)
        pieces = tokenizer().encode(text, add_special_tokens=False)
        known = self.attributes(text)
        parts: list[Encoded] = []
        part = _Part()
        for start, end in split_sentences(text, names):
            sentence = _Part()
            sentence.sentence(start, end)
            self._fill(sentence, text, pieces, start, end, names, marks, known)
            if part.ids and len(part.ids) + len(sentence.ids) > MAX_PIECES:
                parts.append(part.encoded())
                part = _Part()
            part.extend(sentence)
        return [*parts, part.encoded()] if part.ids else parts

    def _fill(
        self,
        part: _Part,
        text: str,
        pieces: Encoding,
        start: int,
        end: int,
        names: Sequence[Name],
        marks: Sequence[str],
        known: Sequence[tuple[int, int]],
    ) -> None:
        """Put the pieces of a sentence in a part, names replaced."""
        offsets = pieces.offsets
        inside = [number for number, name in enumerate(names) if start <= name.start < end]
        at = bisect_right(offsets, (start, -1))
        for number in [*inside, None]:
            first, last = names[number].outer if number is not None else (end, end)
            while at < len(offsets) and offsets[at][0] < first:
                part.piece(pieces.ids[at], offsets[at], _sort(text, offsets[at], known))
                at += 1
            if number is None:
                return
            part.name(marks[number], number, (names[number].start, names[number].end))
            named = at
            while at < len(offsets) and offsets[at][0] < last:
                at += 1
            if not names[number].certain or len(names[number].items) != 1:
                for place in range(named, at):
                    part.piece(pieces.ids[place], offsets[place], _sort(text, offsets[place], known))
                part.mark("[end]", (last, last))


class _Part:
    def __init__(self) -> None:
        self.ids: list[int] = []
        self.sorts: list[int] = []
        self.spans: list[tuple[int, int]] = []
        self.names: list[tuple[int, int]] = []
        self.sentences: list[int] = []

    def piece(self, number: int, span: tuple[int, int], sort: int = PLAIN) -> None:
        if len(self.ids) < MAX_PIECES:
            self.ids.append(number)
            self.sorts.append(sort)
            self.spans.append(span)

    def mark(self, mark: str, span: tuple[int, int]) -> None:
        self.piece(vocabulary()[mark], span)

    def name(self, mark: str, number: int, span: tuple[int, int]) -> None:
        if len(self.ids) < MAX_PIECES:
            self.names.append((len(self.ids), number))
            self.mark(mark, span)

    def sentence(self, start: int, end: int) -> None:
        self.sentences.append(len(self.ids))
        self.mark("[sentence]", (start, end))

    def extend(self, other: _Part) -> None:
        shift = len(self.ids)
        self.names += [(at + shift, number) for at, number in other.names]
        self.sentences += [at + shift for at in other.sentences]
        self.ids += other.ids
        self.sorts += other.sorts
        self.spans += other.spans

    def encoded(self) -> Encoded:
        return Encoded(self.ids, self.sorts, self.spans, self.names, self.sentences)


def split_sentences(text: str, names: Sequence[Name]) -> list[tuple[int, int]]:
    """Where the sentences of a text stand, lines too; what stands within a name ends none."""
    sentences: list[tuple[int, int]] = []
    start = 0
    inside = [name.outer for name in names]
    for found in _END.finditer(text):
        end = found.end()
        if any(first < found.start() + 1 < last for first, last in inside):
            continue
        if words := text[start:end].strip():
            first = start + text[start:end].index(words[0])
            sentences.append((first, first + len(words)))
        start = end
    return sentences


def _marks(names: Sequence[Name], history: Sequence[int], item: int) -> list[str]:
    """The mark of each name."""
    order: dict[int, int] = {}
    marks: list[str] = []
    for name in names:
        if len(name.items) > 1:
            marks.append("[group]")
        elif not name.items:
            marks.append("[unknown]")
        elif name.items[0] == item:
            marks.append("[item]")
        elif name.items[0] not in history:
            marks.append("[other]")
        else:
            marks.append(f"[h{order.setdefault(name.items[0], len(order)) % HISTORY_MARKS}]")
    return marks


def _sort(text: str, span: tuple[int, int], known: Sequence[tuple[int, int]]) -> int:
    if any(start <= span[0] < end for start, end in known):
        return ATTRIBUTE
    return NUMBER if _NUMBER.search(text, *span) else PLAIN


@cache
def common_words() -> frozenset[str]:
    """The most frequent words of English, folded as titles are: the vocabulary has whole words by falling frequency."""
    words = [word for word in vocabulary() if word.isalpha() and len(word) > 1]
    words.sort(key=vocabulary().__getitem__)
    return frozenset(word_stem(word) for word in words[:_FREQUENT])


@cache
def tokenizer() -> Tokenizer:
    """The pieces that words are cut into."""
    return Tokenizer.from_str((files("recexplainer.claims") / "reader" / "tokenizer.json").read_text("utf-8"))


@cache
def vocabulary() -> dict[str, int]:
    """The number of each piece and mark; of whole words, the more frequent in English have the lower."""
    return tokenizer().get_vocab()
