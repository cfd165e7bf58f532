"""What a text claims in words of any kind, as a chat model reads it; what the text does not hold is dropped.

It asks no recommender and judges nothing. The prompt is data, `chat_reader.yaml`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from recexplainer.chat.lists import read_list
from recexplainer.chat.model import ChatModel, Conversation, Message
from recexplainer.chat.thinking import without_thinking
from recexplainer.claims.claim import NEIGHBOUR, REST, ParsedClaim, StatedKind
from recexplainer.claims.encoding import split_sentences
from recexplainer.claims.numbers import number_spans
from recexplainer.claims.reader import Case, Reading
from recexplainer.claims.shortened import Name
from recexplainer.storage import packaged_yaml

_log = logging.getLogger(__name__)
MAX_TOKENS = 2048
"""Tokens that an answer may need: a text has up to some thirty claims."""
_OF_ASKED: tuple[StatedKind, ...] = ("verdict", "rank", "popular")
_OF_ALL: tuple[StatedKind, ...] = ("nothing_positive", "nothing_negative", "other")
_CHOICES: dict[StatedKind, tuple[str, ...]] = {"verdict": ("yes", "no"), "strongest": ("positive", "negative", "any")}
_RANK = re.compile(r"(<=)?\s*#?(\d{1,9})(?:\s*of\s*(\d{1,9}))?", re.ASCII)
_MARKS = {mark: marks for marks in ("\"“”„«»'‘’`´", "-‐‑‒–—―") for mark in marks}


class _Entry(BaseModel):
    """A claim as the model gives it; `item` counts the history titles from 1."""

    model_config = ConfigDict(coerce_numbers_to_str=True)
    kind: StatedKind
    quote: str
    item: StrictInt | Annotated[str, Field(pattern=r"^[0-9]{1,9}$")] | None = None
    title: str | None = None
    value: str | None = None


class ChatReader:
    """Reads texts about items of a catalogue by asking a chat model; `titles` are the catalogue's, `[items]`.

    A claim is kept if its words stand in the text, exactly or but for blanks, case and the form of quotation marks and
    dashes, and its kind, item and value are possible; `dropped` counts the others. Of a text without an answer, or with
    one that holds no list, nothing is understood.
    """

    def __init__(self, model: ChatModel, titles: Sequence[str]) -> None:
        self.dropped = 0
        self._model, self._titles = model, titles
        self._answers: dict[Conversation, list[Any]] = {}

    def prepare(self, cases: Sequence[Case]) -> None:
        """Ask about several texts together, so that `read` has their answers.

        Raises:
            ChatError: The endpoint cannot be reached, or refuses.
        """
        asked = [one for one in dict.fromkeys(map(self._question, cases)) if one not in self._answers]
        answers = self._model.answer(asked) if asked else []
        unreadable = 0
        for one, answer in zip(asked, answers, strict=True):
            entries = read_list(without_thinking(answer or ""))
            unreadable += answer is not None and entries is None
            self._answers[one] = entries or []
        if unreadable:
            what = f"{unreadable:,} of {len(asked):,} answers of {self._model.name} hold no list in JSON"
            _log.warning(f"{what}; nothing is understood of these texts.")

    def read(self, text: str, names: Sequence[Name], history: Sequence[int], item: int) -> Reading:
        """What a text says, from left to right; the same thing of the same item once. Raises ChatError as `prepare`."""
        case = Case(text, history, item)
        self.prepare([case])
        claims = [_claim(entry, case, names) for entry in self._answers[self._question(case)]]
        self.dropped += claims.count(None)
        once: dict[tuple[object, ...], ParsedClaim] = {}
        for one in filter(None, claims):
            once.setdefault((one.kind, one.item, one.title, one.value), one)
        found = sorted(once.values(), key=lambda one: (one.start, one.end))
        sentences = split_sentences(text, names)
        unread = [span for span in sentences if not any(one.start < span[1] and one.end > span[0] for one in found)]
        return Reading(tuple(found), tuple(unread))

    def _question(self, case: Case) -> Conversation:
        wording = _wording()
        numbered = (f"{number}. {self._titles[item]}" for number, item in enumerate(case.history, 1))
        kinds = "\n".join(f"- {kind}: {meaning}" for kind, meaning in wording["kinds"].items())
        filled = {"history": "\n".join(numbered), "item": self._titles[case.item], "text": case.text, "kinds": kinds}
        return (Message("user", wording["prompt"].format(**filled)),)


def find_words(text: str, words: str, start: int = 0, end: int | None = None) -> tuple[int, int] | None:
    """Where words stand in a text as whole words: exactly, else whatever their blanks, quotation marks and case are."""
    if not re.search(r"\w", words):
        return None
    end = len(text) if end is None else end
    pieces = words.split()
    alike = (r"\s+").join("".join(f"[{re.escape(_MARKS.get(one, one))}]" for one in piece) for piece in pieces)
    for pattern, flags in ((re.escape(words.strip()), 0), (alike, re.IGNORECASE)):
        bounded = (r"(?<!\w)" if pieces[0][0].isalnum() else "") + pattern
        bounded += r"(?!\w)" if pieces[-1][-1].isalnum() else ""
        if found := re.compile(bounded, flags).search(text, start, end):
            return found.span()
    return None


class _Quoted(NamedTuple):
    """An entry of an answer whose quote stands in the text, and what the text names."""

    entry: _Entry
    start: int
    end: int
    case: Case
    names: Sequence[Name]

    @property
    def words(self) -> str:
        """The quote as the text has it."""
        return self.case.text[self.start : self.end]

    def written(self, words: str) -> str | None:
        """Words as the text has them; None where it does not."""
        span = self.find(words)
        return self.case.text[slice(*span)] if span else None

    def find(self, words: str) -> tuple[int, int] | None:
        """Where words stand, in the quote or else anywhere."""
        text = self.case.text
        return find_words(text, words, self.start, self.end) or find_words(text, words)


def _claim(given: Any, case: Case, names: Sequence[Name]) -> ParsedClaim | None:
    """The claim of an entry of an answer; None where it is malformed, or the text does not hold it."""
    try:
        entry = _Entry.model_validate(given)
    except ValidationError:
        return None
    span = find_words(case.text, entry.quote)
    if span is None:
        return None
    quoted = _Quoted(entry, *span, case, names)
    value = _value(quoted)
    about = None if value is None else _about(quoted, value)
    if value is None or about is None:
        return None
    sort = NEIGHBOUR if entry.kind == "shared" and _said(entry) == NEIGHBOUR else ""
    return ParsedClaim(entry.kind, *span, about[0], value, sort, about[1])


def _said(entry: _Entry) -> str:
    return (entry.value or "").strip().casefold()


def _rest(entry: _Entry) -> str:
    return REST if REST in (_said(entry), (entry.title or "").strip().casefold()) else ""


def _value(quoted: _Quoted) -> str | None:
    """The value of a claim; None where it is none of its kind."""
    entry, said = quoted.entry, _said(quoted.entry)
    if entry.kind in _CHOICES:
        return said if said in _CHOICES[entry.kind] else None
    match entry.kind:
        case "no_effect":
            return _rest(entry)
        case "other":
            return quoted.words
        case "shared":
            return quoted.words if said == NEIGHBOUR else quoted.written(entry.value or "")
        case "rank" | "counterfactual":
            return _rank(said, quoted.case.text, whole=entry.kind == "rank")
        case _:
            return ""


def _rank(said: str, text: str, *, whole: bool) -> str | None:
    """A rank whose number stands in the text, `whole` with the size of the list if that does; else None."""
    found = _RANK.fullmatch(said.replace(",", ""))
    if found is None or not _holds(text, int(found[2])):
        return None
    total = f" of {int(found[3])}" if whole and found[3] and not found[1] and _holds(text, int(found[3])) else ""
    return f"{found[1] or ''}{int(found[2])}{total}"


def _holds(text: str, number: int) -> bool:
    spelled = (text, text.replace("-", " "))  # “top-ten”
    return any(True for words in spelled for _ in number_spans(words, 0, len(words), number))


def _about(quoted: _Quoted, value: str) -> tuple[int | None, str] | None:
    """The item of a claim, and the title as written of one that is none of the catalogue; None where it has neither."""
    entry, history = quoted.entry, quoted.case.history
    if entry.kind in _OF_ASKED:
        return quoted.case.item, ""
    if entry.kind in _OF_ALL or (entry.kind == "no_effect" and value == REST):
        return None, ""
    if entry.item is not None:
        number = int(entry.item)
        return (history[number - 1], "") if 1 <= number <= len(history) else None
    if entry.title:
        return _titled(quoted, entry.title)
    return (None, "") if entry.kind == "shared" else None


def _titled(quoted: _Quoted, title: str) -> tuple[int | None, str] | None:
    """What a title is that the text writes: an item, else the words; None where it is the item asked about."""
    span = quoted.find(title)
    if span is None:
        return None
    for name in quoted.names:
        common = min(span[1], name.end) - max(span[0], name.start)
        if name.items and 2 * common > span[1] - span[0]:
            return (name.item, "") if name.item not in (None, quoted.case.item) else None
    return None, quoted.case.text[slice(*span)]


@cache
def _wording() -> dict[str, Any]:
    return packaged_yaml("recexplainer.claims", "chat_reader.yaml")
