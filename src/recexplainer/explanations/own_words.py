"""Which texts in a surrogate's own words may be shown: each is read and checked by the recommender.

Attempts are checked as soon as they are written, and the first without a problem is taken. What a text says of the
world, which neither the recommender nor the catalogue knows, is a problem only where that is strict. Else it is marked
as not checked, and so is each sentence in which nothing is understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from recexplainer.claims.claim import CHECKABLE, SIGNS, Claim, ClaimKind, stated
from recexplainer.claims.linking import BLANK, blanked
from recexplainer.claims.parser import ParsedText
from recexplainer.claims.verifier import Verifier
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.chat_sentences import read_sentences
from recexplainer.explanations.writing import SURROGATE, Style, Written
from recexplainer.surrogate.constraints import Drawing
from recexplainer.surrogate.decoding import CitingTexts
from recexplainer.surrogate.prompt import CLOSING, OPENING
from recexplainer.tasks.corpus_explanations import FOR_A_CUSTOMER, FOR_AN_ANALYST, length_words

DRAWING = Drawing(min_p=0.1, temperature=0.7, verdict_first=False, titles=False, branches=True)
"""How words are drawn: from many, and titles as the model is surest of them."""
MAX_CHARACTERS = 700
"""Characters of a text; one that goes on is given up."""
_PASSED = ("unread", "beyond")  # remarks that free language is held to only where that is strict
_UNREAD = "not checked: nothing in this sentence was understood"
_ENDED = re.compile(r"[.!?][\"')\]]*$")
_OPENING = re.compile(r"\W*(?:yes|no)\b\W*?\s+", re.IGNORECASE)
_REASONS: frozenset[ClaimKind] = frozenset((*SIGNS, "strongest", "counterfactual"))
_OWN_REASON = re.compile(
    rf"{BLANK} (?:is|was|are|were) (?:also )?(?:the|an?|one of)\b[^.;,:{BLANK}]{{0,40}}\b(?:reason|things?|help\w*)\b"
    rf"|{BLANK}[^.;{BLANK}]*\bin (?:the|your|his|her|their) history\b"
    r"|\balready (?:played|bought|owne?d?|had|seen|watched|read)\b"
)
_ONE_FOR_ANOTHER = re.compile(rf"{BLANK} (?:is|are|was|were) (?:also )?(?:(?:an?|the|another) )?{BLANK}")
_QUOTES = re.compile("(?:[^“”‘]*“[^“”]*”)*[^“”‘]*")
_REMARKS = {
    "unread": _UNREAD,
    "beyond": "nothing that is known accounts for this word: “{}”",
    "other_verdict": "elsewhere it says another verdict",
    "compared": "it compares titles, or names one as the only one, beyond what was measured",
}


def request(style: Style) -> str:
    """The words that ask for a style, after the question; a regulator gets all that an analyst does."""
    length = style.length or ("long" if style.audience == "regulator" else "")
    audience = {"": "", "customer": FOR_A_CUSTOMER}.get(style.audience, FOR_AN_ANALYST)
    return " ".join(filter(None, (length_words(length), audience, style.aspect)))


def of_sure_effect(evidence: Evidence) -> tuple[int, ...]:
    """The history items that a text in own words may name: not those whose effect depends on the others."""
    depends = frozenset(evidence.depends)
    return tuple(item for place, item in enumerate(evidence.history) if place not in depends)


class OwnWords:
    """Checks texts in own words while they are written; the places are those of the questions, `[questions]`.

    Strict, all that is not supported is a problem, also what a text says of the world.
    """

    def __init__(self, verifier: Verifier, evidence: Sequence[Evidence], *, strict: bool = False) -> None:
        self._verifier, self._evidence, self._strict = verifier, evidence, strict
        self._known: list[list[Written]] = [[] for _ in evidence]

    def may_go_on(self, row: int, text: str) -> bool:
        """False for what is too long, and where a sentence has ended that may not be shown."""
        if len(text) > MAX_CHARACTERS:
            return False
        in_title = text.count(OPENING) > text.count(CLOSING)
        return in_title or not _ENDED.search(text) or not self._read(text, self._evidence[row])[1]

    def settles(self, row: int, number: int, text: str) -> bool:
        """Check a text; the first without a problem is taken, but rather one in which nothing is left unchecked."""
        self._known[row].append(self.check(text, self._evidence[row]))
        return _faultiness(self._known[row][-1]) == (0, 0)

    def best(self, written: CitingTexts, before: int = 0) -> list[Written]:
        """Of each question the text with the fewest problems, then with the least that was not checked.

        Where none was finished, the first one has a problem. `before` is how many each question has had already.
        """
        chosen: list[Written] = []
        for known, texts in zip(self._known, written.texts, strict=True):
            if not known:
                given_up = Claim("not_understood", "unverified", "no attempt came to a good end", 0, len(texts[0]))
                known.append(Written(texts[0], (), SURROGATE, problems=(given_up,)))
            best = min(known, key=_faultiness)
            own = len(known) if _faultiness(best) == (0, 0) else len(texts)
            chosen.append(replace(best, attempts=before + own))
        return chosen

    def check(self, text: str, evidence: Evidence) -> Written:
        """A text, what it claims, and what of it may not be shown."""
        claims, wrong = self._read(text, evidence)
        if missing := _missing(claims, evidence):
            wrong.append(Claim("no_verdict", "unverified", missing, 0, len(text)))
        return Written(text, claims, SURROGATE, problems=tuple(wrong))

    def free_share(self, text: str, evidence: Evidence) -> float:
        """The share of the sentences of a text that are not in the wording of rationales; 0 of an empty one."""
        parsed = self._verifier.parser.parse(text, evidence.whole_history, evidence.item)
        return max(0.0, 1 - len(parsed.parts) / parsed.sentences) if parsed.sentences else 0.0

    def _read(self, text: str, evidence: Evidence) -> tuple[tuple[Claim, ...], list[Claim]]:
        """Of a text, or of the first sentences of one, what it claims, and what of that may not be shown."""
        parsed = self._verifier.parser.parse(text, evidence.whole_history, evidence.item)
        claims = _with_unread(stated(self._verifier.verify(parsed, evidence)), parsed)
        wrong = [one for one in claims if one.status != "supported" and (self._strict or one.kind in CHECKABLE)]
        wrong += [*_strangers(text, parsed, evidence), *_idle_titles(text, claims, parsed, evidence)]
        wrong += [*_own_reasons(text, parsed, evidence), *_confused(text, parsed)]
        return claims, wrong or list(self._remarks(text, parsed, claims, evidence))

    def _remarks(self, text: str, parsed: ParsedText, claims: Sequence[Claim], evidence: Evidence) -> Iterator[Claim]:
        """What is wrong in a sentence that is read alone, or in what comes after a first Yes or No."""
        if begun := _OPENING.match(text):
            rest = self._verifier.parser.parse(text[begun.end() :], evidence.whole_history, evidence.item)
            if rest.verdict is not None and rest.verdict is not evidence.recommended:
                found = _REMARKS["other_verdict"]
                yield Claim("not_understood", "contradicted", found, begun.end(), len(text))
        for one in read_sentences(self._verifier, text, parsed, claims, evidence):
            if self._strict or one.name not in _PASSED:
                found = _REMARKS.get(one.name, "{}").format(one.found)
                yield Claim("not_understood", "contradicted", found, one.start, one.end)


def _with_unread(claims: Sequence[Claim], parsed: ParsedText) -> tuple[Claim, ...]:
    """The claims, and of each sentence in which nothing was understood that it was not checked."""
    unread = (Claim("other", "unverified", _UNREAD, *span) for span in parsed.unread)
    return tuple(sorted([*claims, *unread], key=lambda one: one.start))


def _faultiness(written: Written) -> tuple[int, int]:
    """How many problems a text has, and how much in it is not checked."""
    return len(written.problems), sum(one.kind == "other" for one in written.claims)


def _idle_titles(text: str, claims: Sequence[Claim], parsed: ParsedText, evidence: Evidence) -> Iterator[Claim]:
    """Titles of the history in quotation marks of which nothing is understood but that they are named."""
    spoken_of = {one.item for one in claims if one.kind != "history"}
    for name in parsed.names:
        idle = name.item in evidence.history and name.item not in spoken_of
        if idle and text[name.outer[0]] == OPENING:
            found = f"what is said of “{text[name.start : name.end]}” is not understood"
            yield Claim("not_understood", "unverified", found, name.start, name.end, name.item)


def _missing(claims: Sequence[Claim], evidence: Evidence) -> str:
    """What a text has to say and does not: the verdict, and a reason; where there is none, anything that is known."""
    said = {one.kind for one in claims if one.status == "supported"}
    if "verdict" not in said:
        return "it does not say whether the item is recommended"
    groups = evidence.by_effect
    wanted = _REASONS if groups["for"] or groups["against"] else CHECKABLE - {"verdict", "history"}
    return "" if said & wanted else "it gives no reason"


def _own_reasons(text: str, parsed: ParsedText, evidence: Evidence) -> Iterator[Claim]:
    """Words that make the item asked about a reason for itself, or something that the user has had."""
    own = [name for name in parsed.names if name.item == evidence.item]
    for found in _OWN_REASON.finditer(blanked(text, own)):
        what = "the item asked about is neither in the history nor a reason for itself"
        yield Claim("not_understood", "contradicted", what, *found.span())


def _confused(text: str, parsed: ParsedText) -> Iterator[Claim]:
    """One title said to be another, and quotation marks that are not in pairs or of another kind."""
    for found in _ONE_FOR_ANOTHER.finditer(blanked(text, parsed.names)):
        yield Claim("not_understood", "contradicted", "one title is said to be another", *found.span())
    if not _QUOTES.fullmatch(text):
        yield Claim("not_understood", "unverified", "its quotation marks are confused", 0, len(text))


def _strangers(text: str, parsed: ParsedText, evidence: Evidence) -> Iterator[Claim]:
    """Titles that are neither of the history nor the item's, whatever is said of them."""
    case = {*evidence.whole_history, evidence.item}
    for name in parsed.names:
        quoted = text[name.outer[0]] == OPENING
        if case.isdisjoint(name.items) and (quoted or (name.items and name.certain)):
            found = f"“{text[name.start : name.end]}” is not in the history"
            yield Claim("history", "contradicted", found, name.start, name.end, name.item)
