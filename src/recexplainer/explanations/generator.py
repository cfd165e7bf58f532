"""Texts by a surrogate, written again until nothing in them is found wrong.

It does not know who told the surrogate what it is held to: f, or the surrogate itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recexplainer.evidence.evidence import NEGLIGIBLE, Evidence
from recexplainer.explanations.recording import Recorder
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.decoding import Decoder

LONGEST = 256
"""Most tokens of a text."""
_LEAST_CITABLE, _MOST_CITABLE = 3, 4


@dataclass(frozen=True, slots=True)
class Draft:
    """A text, what in it does not hold, and why reasons are left out of it, "" if they are not."""

    text: str
    faults: tuple[str, ...] = ()
    abstained: str = ""


class Drafter:
    """Has a surrogate write.

    Args:
        decoder: Asks the surrogate.
        recorder: Tells what in a text does not hold.
    """

    def __init__(self, decoder: Decoder, recorder: Recorder) -> None:
        self._decoder, self._recorder = decoder, recorder

    def free(self, questions: EncodedSet) -> list[Draft]:
        """What the surrogate says at once, held to nothing."""
        return [Draft(text) for text in self._decoder.greedy(questions, LONGEST)]

    def held(
        self,
        questions: EncodedSet,
        told: Sequence[Evidence] | None,
        known: Sequence[Evidence],
        *,
        strict: bool,
        drafts: int,
    ) -> list[Draft]:
        """For each question the first draft without a fault; else the best, or if strict, f's verdict without reasons.

        From half-way on only what matters most may be cited: of one item less can be said wrongly.

        Args:
            questions: `[cases]`.
            told: `[cases]`, what texts are held to, and cite by; None: the whole history may be cited.
            known: `[cases]`, what f said; where texts are held to that, what it contradicts is a fault too.
            strict: All that f does not confirm is a fault.
            drafts: How many texts are written at most.
        """
        may_cite = [citable(one) for one in told] if told else [(*one.history, one.item) for one in known]
        best: dict[int, Draft] = {}
        for draft in range(drafts):
            unsettled = [row for row in range(len(known)) if row not in best or best[row].faults]
            if not unsettled:
                break
            narrow = told if 2 * draft >= drafts else None
            allowed = [_strongest(narrow[row]) if narrow else may_cite[row] for row in unsettled]
            texts = self._decoder.citing(questions.subset(unsettled), LONGEST, allowed, draft)
            for row, text in zip(unsettled, texts, strict=True):
                faults = self._faults(text, told[row] if told else None, known[row], strict=strict)
                if row not in best or len(faults) < len(best[row].faults):
                    best[row] = Draft(text, faults)
        written = [best[row] for row in range(len(known))]
        if not strict:
            return written
        return [_abstention(one, each, drafts) if one.faults else one for one, each in zip(written, known, strict=True)]

    def _faults(self, text: str, told: Evidence | None, known: Evidence, *, strict: bool) -> tuple[str, ...]:
        """What does not hold by what the surrogate was told, and by f so far as f may be asked."""
        found = self._recorder.faults(text, told) if told else ()
        if strict:
            found += self._recorder.faults(text, known)
            found += self._recorder.marked(text, known, ("unverified", "contradicted"))
        elif told is known:
            found += self._recorder.marked(text, known, ("contradicted",))
        return tuple(dict.fromkeys(found))


def citable(evidence: Evidence) -> tuple[int, ...]:
    """The item, what does most for it and most against it, and what else does most: half the history, three or four."""
    count = min(_MOST_CITABLE, max(_LEAST_CITABLE, (len(evidence.history) + 1) // 2))
    order = evidence.strongest_first
    sides = [[place for place in order if sign * evidence.standardized[place] >= NEGLIGIBLE][:1] for sign in (1, -1)]
    matters = list(dict.fromkeys([*sides[0], *sides[1], *order]))[:count]
    return (*(evidence.history[place] for place in matters), evidence.item)


def _strongest(evidence: Evidence) -> tuple[int, ...]:
    """The item, and the history item that does most."""
    return evidence.history[evidence.strongest_first[0]], evidence.item


def _abstention(draft: Draft, known: Evidence, drafts: int) -> Draft:
    """The verdict of f without reasons."""
    said = "Yes, the recommender suggests it" if known.recommended else "No, the recommender does not suggest it"
    text = f"{said}: rank {known.rank:,} of {known.n_ranked:,}."
    why = f"none of {drafts} texts had all its claims supported; of the best, {draft.faults[0]}"
    return Draft(text, abstained=why)
