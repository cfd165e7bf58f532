"""What of a chat model's answer may be shown: the text in it, what is wrong with that, and what is left without it.

It asks no model. A sentence in which nothing is understood is not known to be true, and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from recexplainer.chat.thinking import without_thinking
from recexplainer.claims.claim import CHECKABLE, SIGNS, Claim, ClaimKind, stated
from recexplainer.claims.encoding import common_words, split_sentences
from recexplainer.claims.parser import ParsedText
from recexplainer.claims.phrases import fold, words_of
from recexplainer.claims.stems import word_stem
from recexplainer.claims.verifier import Verifier
from recexplainer.data.plain_text import without_tags, without_unseen
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.chat_prompt import places_by_effect, shown_title, wording
from recexplainer.explanations.chat_sentences import read_sentences

MOST_CHARACTERS = 4000
"""Characters of a text that is read."""
_REASONS: frozenset[ClaimKind] = frozenset((*SIGNS, "strongest", "counterfactual"))
_ENGLISH = 0.42  # of the words of a text that are frequent in English; of other languages fewer than a third are
_RULE = 40  # characters of a rule whose repetition is no chance
_SHOWN = 160  # characters of a text that are sent back as what is wrong
_CUTS = 3
_LONGER = 3  # times the text: what is longer is no translation
_FENCE = re.compile(r"^\s*(?:```|~~~)[^\n`]*$", re.MULTILINE)
_HEADING = re.compile(r"^\s*(?:#{1,6}\s+|>\s+|[-*•]\s+)", re.MULTILINE)
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
_LABEL = re.compile(r"\A\W*(?:answer|explanation|text|response)\W*:\W*(?=[\w“\"])", re.IGNORECASE)
_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+|\b[\w.+-]+@[\w-]+\.\w+", re.IGNORECASE)
_QUOTATION = re.compile(r"“([^“”\n]+)”|\"([^\"\n]+)\"|«([^«»\n]+)»|„([^„“”\n]+)[“”]|‹([^‹›\n]+)›|「([^」\n]+)」")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that keeps a text from being shown, in a line for the model; `span` is None where it is the whole."""

    line: str
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A text, what it claims, what is wrong with it, and in which sentences nothing is understood.

    `left_out` counts the sentences that are no longer in it.
    """

    text: str
    claims: tuple[Claim, ...] = ()
    faults: tuple[Fault, ...] = ()
    parsed: ParsedText | None = None
    unread: tuple[tuple[int, int], ...] = ()
    left_out: int = 0


def clean(answer: str) -> str:
    """The text in an answer: without thinking, tags, marks of Markdown, labels, quotation marks around it all."""
    text = _HEADING.sub("", _FENCE.sub("", without_tags(without_unseen(without_thinking(answer)))))
    text = _LABEL.sub("", _BOLD.sub(r"\1", text).strip())
    lines = (" ".join(line.split()) for line in text.splitlines())
    text = "\n".join(filter(None, lines))
    if len(text) > 1 and text[0] in "“\"'" and _closes_last(text):
        text = text[1:-1].strip()
    return text


def _closes_last(text: str) -> bool:
    """Whether the last character closes the quotation that the first one opens."""
    opened, closed = text[0], {"“": "”"}.get(text[0], text[0])
    if text[-1] != closed:
        return False
    if opened == closed:
        return text.count(opened) == 2
    depth = [text[:end].count(opened) - text[:end].count(closed) for end in range(1, len(text))]
    return min(depth) > 0


def restore_titles(text: str, titles: Collection[str]) -> str:
    """A text with quoted titles as the catalogue writes them, where the model was shown them otherwise."""
    for title in titles:
        shown = shown_title(title)
        if shown != title and "\n" not in title and not set("“”").intersection(title):
            text = text.replace(f"“{shown}”", f"“{title}”").replace(f'"{shown}"', f"“{title}”")
    return text


class AnswerCheck:
    """Checks texts about pairs; what is a fault of a text by a chat model.

    That is whatever the recommender or the catalogue could confirm and does not, a text without the right verdict or
    without a reason where there is one, a language that is not read, an address, and what is no text of its own.
    """

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._rules = [" ".join(rule.split()) for rule in wording()["rules"] if len(rule) >= _RULE]

    def check(self, text: str, evidence: Evidence) -> Checked:
        """What a text claims, and what is wrong with it."""
        if whole := self._unreadable(text):
            return Checked(text, faults=(whole,))
        parsed = self._verifier.parser.parse(text, evidence.whole_history, evidence.item)
        if english_share(parsed.words) < _ENGLISH:
            return Checked(text, faults=(_fault("language"),), parsed=parsed)
        claims = stated(self._verifier.verify(parsed, evidence))
        remarks = list(read_sentences(self._verifier, text, parsed, claims, evidence))
        faults = [*_wrong(text, claims), *_addresses(text, parsed), *_missing(claims, evidence)]
        faults += [_about(text, one.name, (one.start, one.end), one.found) for one in remarks if one.name != "unread"]
        unread = tuple((one.start, one.end) for one in remarks if one.name == "unread")
        return Checked(text, claims, tuple({one.line: one for one in faults}.values()), parsed, unread)

    def without_faults(self, checked: Checked, evidence: Evidence) -> Checked | None:
        """The text without the sentences that hold a fault, or in which nothing is understood, checked anew.

        None where what is left cannot be shown either.
        """
        removed = 0
        for _ in range(_CUTS):
            if checked.parsed is None or any(one.span is None for one in checked.faults):
                return None
            spans = [*(one.span for one in checked.faults if one.span), *checked.unread]
            if not spans:
                return replace(checked, left_out=removed)
            text, count = _without(checked.text, checked.parsed, spans)
            removed += count
            checked = self.check(text, evidence)
        return None

    def _unreadable(self, text: str) -> Fault | None:
        if not text:
            return _fault("empty")
        if len(text) > MOST_CHARACTERS:
            return _fault("long", length=f"{len(text):,}", most=f"{MOST_CHARACTERS:,}")
        plain = " ".join(text.split())
        return _fault("echo") if any(rule in plain for rule in self._rules) else None

    def is_translation(self, translation: str, text: str, evidence: Evidence) -> bool:
        """Whether it has every title that a text names, quotes nothing else, is as long, and no longer in English."""
        if not 0 < len(translation) <= _LONGER * len(text) + _SHOWN:
            return False
        names = self._verifier.parser.names.link(text, evidence.whole_history, evidence.item)
        titles = {text[name.start : name.end] for name in names if name.items}
        allowed = {*map(fold, titles), *map(fold, _quotations(text))}
        is_same = all(title in translation for title in titles)
        is_same = is_same and all(fold(quote) in allowed for quote in _quotations(translation))
        return is_same and english_share(_QUOTATION.sub("…", translation)) < _ENGLISH


def english_share(words: str) -> float:
    """Which share of the words of a text is frequent in English; titles are blanked out, numbers do not count."""
    found = [word_stem(word) for word, _, _ in words_of(words) if not word[0].isdigit()]
    return sum(word in common_words() for word in found) / max(len(found), 1)


def _quotations(text: str) -> Iterator[str]:
    for found in _QUOTATION.finditer(text):
        yield next(filter(None, found.groups())).strip(" ,.;:")


def _fault(name: str, span: tuple[int, int] | None = None, **values: str) -> Fault:
    return Fault(wording()["faults"][name].format(**values), span)


def _about(text: str, name: str, span: tuple[int, int], found: str = "") -> Fault:
    """A fault of some words of the text, which the line quotes."""
    words = " ".join(text[slice(*span)].split())
    return _fault(name, span, words=words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…", found=found.rstrip("."))


def _wrong(text: str, claims: Sequence[Claim]) -> Iterator[Fault]:
    for one in claims:
        if one.kind in CHECKABLE and one.status != "supported":
            yield _about(text, one.status, (one.start, one.end), one.found)


def _addresses(text: str, parsed: ParsedText) -> Iterator[Fault]:
    for found in _ADDRESS.finditer(text):
        if not any(name.start <= found.start() < name.end for name in parsed.names if name.items):
            yield _about(text, "address", found.span())


def _missing(claims: Sequence[Claim], evidence: Evidence) -> Iterator[Fault]:
    supported = {one.kind for one in claims if one.status == "supported"}
    if "verdict" not in supported:
        said = "yes" if evidence.recommended else "no"
        yield _fault("verdict", verdict=wording()["verdicts"][said], begin=f"{said.capitalize()},")
    groups: Mapping[str, list[int]] = places_by_effect(evidence)
    has_reason = groups["for"] or groups["against"]
    if not supported & (_REASONS if has_reason else CHECKABLE - {"verdict", "history"}):
        yield _fault("reason" if has_reason else "bare")


def _without(text: str, parsed: ParsedText, spans: Sequence[tuple[int, int]]) -> tuple[str, int]:
    """A text without the sentences that any of the spans touches, and how many these are; lines stay lines."""
    sentences = split_sentences(text, parsed.names)
    kept = [one for one in sentences if not any(start < one[1] and end > one[0] for start, end in spans)]
    pieces: list[str] = []
    for at, (start, end) in enumerate(kept):
        pieces.append(text[start:end])
        if at + 1 < len(kept):
            pieces.append("\n" if "\n" in text[end : kept[at + 1][0]] else " ")
    return "".join(pieces), len(sentences) - len(kept)
