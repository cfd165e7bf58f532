"""The sentences of a chat model's text, each read alone too: what is wrong in one, and in which nothing is understood.

Of a whole text each thing is read once; what a later sentence takes back or says beside it is found here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from recexplainer.claims.claim import CHECKABLE, REST, SIGNS, Claim, stated
from recexplainer.claims.encoding import split_sentences
from recexplainer.claims.linking import BLANK, blanked
from recexplainer.claims.parser import ParsedText
from recexplainer.claims.verifier import Verifier
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.chat_prompt import places_by_effect
from recexplainer.explanations.chat_words import ONLY, unaccounted

_CLEAR = 0.8  # confidence of a verdict that is read in a sentence alone
_COMPARED = re.compile(rf"\bthan\b[^.;]*{BLANK}|\boutweigh\w*", re.IGNORECASE)
_CLAUSE = re.compile(r"[“”\",;.]")  # between a title, or another clause, and the rank that is said
_BETTER = re.compile(r"\b(?:ris(?:e|es|ing)|rose|climb\w*|improv\w*|better|higher|gain\w*|up)\b", re.IGNORECASE)
_WORSE = re.compile(
    r"\b(?:f[ae]ll\w*|drop\w*|wors\w*|lower\w*|s[iau]nk\w*|slip\w*|slid\w*|los\w*|down)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of a sentence: a fault by its name in the wording, or `unread`; what was `found`."""

    name: str
    start: int
    end: int
    found: str = ""


def read_sentences(
    verifier: Verifier, text: str, parsed: ParsedText, claims: Sequence[Claim], evidence: Evidence
) -> Iterator[Remark]:
    """What is to be said of the sentences of a text with these claims, from left to right."""
    known = blanked(text, [name for name in parsed.names if name.items])
    for start, end in split_sentences(text, parsed.names):
        alone = verifier.parser.parse(text[start:end], evidence.whole_history, evidence.item)
        own = stated(verifier.verify(alone, evidence))
        said = [*own, *(one for one in claims if one.start < end and one.end > start)]
        if (start, end) in parsed.unread or all(one.kind == "history" for one in said):
            yield Remark("unread", start, end)
            continue
        yield from _wrong(own, start)
        if _takes_back(alone, parsed):
            yield Remark("other_verdict", start, end)
        yield from _other_ways(text, [one for one in claims if one in said], evidence)
        if _says_more(parsed.words[start:end], said, evidence):
            yield Remark("compared", start, end)
        placed = [*own, *(replace(one, start=one.start - start, end=one.end - start) for one in claims if one in said)]
        if more := unaccounted(known[start:end], placed, evidence):
            yield Remark("beyond", start, end, more)


def _wrong(claims: Sequence[Claim], start: int) -> Iterator[Remark]:
    """What a sentence says wrongly, read alone; it begins at `start`."""
    for one in filter(_is_wrong, claims):
        yield Remark("contradicted", start + one.start, start + one.end, one.found)


def _takes_back(alone: ParsedText, parsed: ParsedText) -> bool:
    """Whether a sentence says clearly another verdict than the text."""
    verdict = next((one.value for one in parsed.claims if one.kind == "verdict"), None)
    own = [one for one in alone.claims if one.kind == "verdict" and one.confidence >= _CLEAR]
    return verdict is not None and any(one.value != verdict for one in own)


def _other_ways(text: str, claims: Sequence[Claim], evidence: Evidence) -> Iterator[Remark]:
    """Where the rank without a history item is right, but is said to be better where it is worse, or worse."""
    for one in claims:
        if one.kind != "counterfactual" or one.item not in evidence.history or not evidence.ablated_ranks:
            continue
        rank, words = evidence.ablated_ranks[evidence.history.index(one.item)], _CLAUSE.split(text[: one.start])[-1]
        said = bool(_BETTER.search(words)) - bool(_WORSE.search(words))
        if said * (evidence.rank - rank) < 0:
            yield Remark("contradicted", one.start, one.end, f"from rank {evidence.rank:,} it would go to {rank:,}")


def _says_more(words: str, claims: Sequence[Claim], evidence: Evidence) -> bool:
    """Whether a sentence compares titles, or calls one the only one where there are others: no claim says that."""
    return bool(_COMPARED.search(words)) or (bool(ONLY.search(words)) and not _is_only(claims, evidence))


def _is_wrong(claim: Claim) -> bool:
    """Whether it is contradicted, and not about what other sentences name or which verdict it is."""
    return claim.status == "contradicted" and claim.kind in CHECKABLE - {"verdict"} and claim.value != REST


def _is_only(claims: Sequence[Claim], evidence: Evidence) -> bool:
    """Whether the directions that are claimed are those of one history item each."""
    groups = places_by_effect(evidence)
    signs = {SIGNS[one.kind] for one in claims if one.kind in SIGNS}
    unclear = groups["weak"] or groups["depends"]
    return not unclear and all(len(groups["for" if sign > 0 else "against"]) == 1 for sign in signs)
