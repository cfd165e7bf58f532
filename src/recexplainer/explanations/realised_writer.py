"""The writer without a language model: the deterministic wording of the evidence, and where that fails the verdict.

The same pair always gets the same text. Other writers take it where none of their own texts may be shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np

from recexplainer.claims.claim import STATED, Claim, stated
from recexplainer.claims.verifier import Verifier
from recexplainer.evidence.evidence import Evidence
from recexplainer.evidence.realised import KINDS, aspect_wording, write_rationale
from recexplainer.explanations.writing import REALISED, SURROGATE, Style, Written, problems

_NOT_ASKED = "the recommender cannot say what a history item does"


class RealisedWriter:
    """Puts evidence in the words of `evidence/realised.py`, in English, about a catalogue with these titles, `[items]`.

    Of the style it reads the length, and an aspect that it knows: genres, brands, platforms, title words, shortness.
    """

    name = REALISED

    def __init__(self, titles: Sequence[str], verifier: Verifier) -> None:
        self._titles, self._verifier = titles, verifier

    def write(self, users: Sequence[str], evidence: Sequence[Evidence], style: Style) -> list[Written]:
        """The text of each pair, `[pairs]`, by the users' own ids."""
        return [self.realise(user, one, style) for user, one in zip(users, evidence, strict=True)]

    def realise(self, user: str, evidence: Evidence, style: Style, *, strict: bool = False) -> Written:
        """The text of one pair; strict: every claim is supported, or the verdict stands alone with its rank."""
        if not evidence.attributions:
            return verdict_alone(evidence, self._verifier, _NOT_ASKED)
        text = write_rationale(evidence, self._titles, pair_random(user, evidence.item), asked_aspect(style))
        written = Written(text, self._verifier.claims(text, evidence), REALISED)
        wrong = fails(written.claims, strict=strict)
        if not wrong:
            return written
        why = f"not every claim would be supported; {describe_problem(text, wrong[0])}"
        return verdict_alone(evidence, self._verifier, why)


def checked(
    written: Sequence[Written],
    realised: RealisedWriter,
    users: Sequence[str],
    evidence: Sequence[Evidence],
    style: Style,
    *,
    strict: bool = False,
) -> list[Written]:
    """The texts of `[pairs]`, and where one may not be shown (strict: or not every claim is supported) the wording."""
    shown: list[Written] = []
    for one, user, known in zip(written, users, evidence, strict=True):
        if not one.abstained and (wrong := one.problems or fails(one.claims, strict=strict)):
            why = f"the text of {one.writer} is not shown: {describe_problem(one.text, wrong[0])}"
            note = one.note if one.writer in (SURROGATE, REALISED) else why
            other = realised.realise(user, known, style, strict=strict)
            one = replace(other, probability=one.probability, attempts=one.attempts, note=note)
        shown.append(one)
    return shown


def verdict_alone(evidence: Evidence, verifier: Verifier, why: str) -> Written:
    """The verdict of the recommender with its rank, and `why` there are no reasons."""
    verdict = "Yes, the recommender suggests it" if evidence.recommended else "No, the recommender does not suggest it"
    text = f"{verdict}: rank {evidence.rank:,} of {evidence.n_ranked:,}."
    return Written(text, stated(verifier.claims(text, evidence)), REALISED, abstained=why)


def describe_problem(text: str, problem: Claim) -> str:
    """What was found of a problem, after the words of the text that state it."""
    quoted = f"“{text[problem.start : problem.end]}”: " if problem.kind in STATED else ""
    return f"{quoted}{problem.found}"


def fails(claims: Sequence[Claim], *, strict: bool) -> tuple[Claim, ...]:
    """What of a text may not be shown; strict: whatever is not supported."""
    return tuple(one for one in claims if one.status != "supported") if strict else problems(claims)


def pair_random(user: str, item: int) -> np.random.Generator:
    """What phrasings are drawn from: always the same for a user's own id and an item."""
    return np.random.default_rng((crc32(user.encode()), item))


def asked_aspect(style: Style) -> str:
    """The aspect of `write_rationale` that a style asks for in words: one of `KINDS`, `short`, or "" for none known."""
    if style.length == "short":
        return "short"
    asked = style.aspect.casefold()
    exact = (kind for kind, ways in aspect_wording().items() if asked in (way.casefold() for way in ways))
    return next(exact, next((kind for kind in KINDS if kind in asked), ""))
