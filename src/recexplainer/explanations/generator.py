"""Texts by a surrogate: one attempt after the other, until every claim holds (rejection sampling).

A text by the surrogate alone is one guess after the other. Asked beforehand which history item counts most for the item
and which most against it, the surrogate is constrained by its own answers, as it is by the recommender's where that is
asked. It makes no records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recexplainer.claims.claim import STATED, Claim, faults, stated
from recexplainer.claims.verifier import Verifier
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import NEGLIGIBLE, Evidence
from recexplainer.recommenders.base import Recommender
from recexplainer.surrogate.batching import EncodedSet, encode_questions
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import Form, applies
from recexplainer.tasks.example import Example

MAX_TOKENS = 256
"""Most tokens of a text."""
MAX_ATTEMPTS = 32
"""Most texts a case, where the recommender says what does not hold."""
MAX_SELF_ATTEMPTS = 16
"""Most texts a case by the surrogate's own answers; a weak surrogate may contradict them in every text."""
_LEAST_CITABLE, _MOST_CITABLE = 3, 4
_LIKED, _BETWEEN, _DISLIKED = 0.1, 0.4, 0.75  # where in the list an item is taken to stand, as a share of it
_DOUBTED = 0.2  # with a probability of yes above this an item is disliked, but not taken to be in the lower half
_ONLY_ONE = 0.5


@dataclass(frozen=True, slots=True)
class Attempt:
    """A text that the surrogate wrote, what it claims, and the surrogate's probability of "Yes".

    Attributes:
        abstained: Why reasons are left out of it; "" if they are not.
        problems: What in it does not hold by what it is constrained to; () if all of it holds.
    """

    text: str
    claims: tuple[Claim, ...]
    probability: float
    abstained: str = ""
    problems: tuple[Claim, ...] = ()


class Generator:
    """Has a surrogate write; the recommender is asked for its vectors only."""

    def __init__(self, surrogate: Surrogate, dataset: Dataset, recommender: Recommender, verifier: Verifier) -> None:
        self.form: Form = surrogate.form
        self.decoder = Decoder(surrogate, dataset.titles)
        self.surrogate, self._dataset, self._recommender, self._verifier = surrogate, dataset, recommender, verifier

    @property
    def can_self_attribute(self) -> bool:
        """Whether the surrogate's form can be asked which history items matter."""
        return applies(Example("rationale", "for"), self.form)

    def questions(
        self, users: Sequence[str], evidence: Sequence[Evidence], *, grounded: bool = True, aspect: str = ""
    ) -> EncodedSet:
        """The question of each pair, `[pairs]`: what `generate` asks; they may be answered elsewhere too.

        The aspect is added to the question, and the evidence if it is grounded; else the question is the pair alone.
        """
        task = "evidence" if grounded else "surrogate"
        examples = [
            Example("rationale", task, user, one.history, (one.item,), evidence=one if grounded else None)
            for user, one in zip(users, evidence, strict=True)
        ]
        return encode_questions(self.surrogate, self._dataset, self._recommender, examples, aspect)

    def generate(
        self, users: Sequence[str], evidence: Sequence[Evidence], variant: str, *, strict: bool, aspect: str = ""
    ) -> list[Attempt]:
        """The text of each pair, `[pairs]`; `variant` as in `Explanation`, users by their own ids.

        Strict, nothing stands that the recommender does not support.
        """
        questions = self.questions(users, evidence, grounded=variant == "grounded", aspect=aspect)
        probabilities = self.decoder.yes_probabilities(questions)
        constraints = evidence if variant == "grounded" else None
        if variant == "self_attribution":
            constraints = self.self_attributions(users, evidence, probabilities)
            questions = self.questions(users, constraints, aspect=aspect)
        if strict or constraints is not None:
            most = MAX_SELF_ATTEMPTS if variant == "self_attribution" and not strict else MAX_ATTEMPTS
            attempts = self.constrained(questions, constraints, evidence, strict=strict, max_attempts=most)
        else:
            texts = self.decoder.greedy(questions, MAX_TOKENS)
            attempts = [self._attempt(text, None, one) for text, one in zip(texts, evidence, strict=True)]
        return [replace(attempt, probability=float(yes)) for attempt, yes in zip(attempts, probabilities, strict=True)]

    def constrained(
        self,
        questions: EncodedSet,
        constraints: Sequence[Evidence] | None,
        evidence: Sequence[Evidence],
        *,
        strict: bool,
        max_attempts: int,
    ) -> list[Attempt]:
        """For each question the first attempt without a problem; else the best, or if strict, the verdict alone.

        From half-way on only what matters most may be cited: of one item less can be said wrongly.

        Args:
            questions: `[cases]`.
            constraints: `[cases]`, what texts must agree with, and cite by; None: the whole history may be cited.
            evidence: `[cases]`, what the recommender says; where texts must agree with that, what it contradicts in
                words of any kind is a problem too.
            strict: All that the recommender does not support is a problem.
            max_attempts: How many texts are written at most.
        """
        best: dict[int, Attempt] = {}
        unsettled = list(range(len(evidence)))
        number = 0
        while unsettled and number < max_attempts:
            narrow = 2 * number >= max_attempts
            allowed = [_may_cite(constraints, evidence[row], row, narrow=narrow) for row in unsettled]
            texts = self.decoder.citing(questions.subset(unsettled), MAX_TOKENS, allowed, number)
            for row, text in zip(unsettled, texts, strict=True):
                attempt = self._attempt(text, constraints[row] if constraints else None, evidence[row], strict=strict)
                best[row] = min(best.get(row, attempt), attempt, key=lambda one: len(one.problems))
            unsettled = [row for row in unsettled if best[row].problems]
            number += 1
        if strict:
            best |= {row: self._abstention(best[row], evidence[row], max_attempts) for row in unsettled}
        return [best[row] for row in range(len(evidence))]

    def self_attributions(
        self, users: Sequence[str], evidence: Sequence[Evidence], probabilities: Sequence[float] | NDArray[np.float64]
    ) -> list[Evidence]:
        """What the surrogate answers of each pair, `[pairs]`, in the shape of evidence; the recommender is not asked.

        Of the evidence only the pair and what items share are read. The attribution of a history item is the
        probability that it counts most for the item, minus that it counts most against it; of a single item, a half in
        the direction of the verdict. Score and rank follow from the verdict: `probabilities` are `[pairs]`, of "Yes".
        """
        attributions = [np.zeros(len(one.history)) for one in evidence]
        for task, sign in (("for", 1), ("against", -1)):
            examples = [
                Example("rationale", task, user, one.history, (one.item,))
                for user, one in zip(users, evidence, strict=True)
            ]
            questions = encode_questions(self.surrogate, self._dataset, self._recommender, examples)
            chosen = self.decoder.choose(questions, [one.history for one in evidence])
            for attribution, probability in zip(attributions, chosen, strict=True):
                attribution += sign * probability
        cases = zip(evidence, attributions, probabilities, strict=True)
        return [_as_evidence(one, attribution, float(yes)) for one, attribution, yes in cases]

    def _attempt(self, text: str, constraint: Evidence | None, evidence: Evidence, *, strict: bool = False) -> Attempt:
        """A text, parsed once, and its problems by what it must agree with, and by the recommender if that is asked."""
        parsed = self._verifier.parser.parse(text, evidence.history, evidence.item)
        claims = self._verifier.verify(parsed, evidence)
        problems: list[Claim] = []
        if constraint is not None and constraint is not evidence:
            problems += faults(self._verifier.verify(parsed, constraint))
        if strict:
            problems += [one for one in claims if one.status != "supported"]
        elif constraint is evidence:
            problems += [*faults(claims), *(one for one in stated(claims) if one.status == "contradicted")]
        return Attempt(text, claims, 0.0, problems=tuple(problems))

    def _abstention(self, best: Attempt, evidence: Evidence, max_attempts: int) -> Attempt:
        """The verdict of the recommender without reasons."""
        yes, no = "Yes, the recommender suggests it", "No, the recommender does not suggest it"
        text = f"{yes if evidence.recommended else no}: rank {evidence.rank:,} of {evidence.n_ranked:,}."
        problem = best.problems[0]
        words = f"“{best.text[problem.start : problem.end]}”: " if problem.kind in STATED else ""
        why = f"none of {max_attempts} texts had all its claims supported; of the best, {words}{problem.found}"
        return Attempt(text, self._verifier.claims(text, evidence), 0.0, abstained=why)


def citable(evidence: Evidence) -> tuple[int, ...]:
    """The item, what does most for it and most against it, and what else does most: half the history, three or four."""
    count = min(_MOST_CITABLE, max(_LEAST_CITABLE, (len(evidence.history) + 1) // 2))
    order = evidence.strongest_first
    sides = [[place for place in order if sign * evidence.standardized[place] >= NEGLIGIBLE][:1] for sign in (1, -1)]
    matters = list(dict.fromkeys([*sides[0], *sides[1], *order]))[:count]
    return (*(evidence.history[place] for place in matters), evidence.item)


def _may_cite(constraints: Sequence[Evidence] | None, evidence: Evidence, row: int, *, narrow: bool) -> tuple[int, ...]:
    if constraints is None:
        return (*evidence.history, evidence.item)
    one = constraints[row]
    return (one.history[one.strongest_first[0]], one.item) if narrow else citable(one)


def _as_evidence(one: Evidence, attributions: NDArray[np.float64], yes: float) -> Evidence:
    place = _LIKED if yes > 0.5 else _BETWEEN if yes > _DOUBTED else _DISLIKED
    if len(attributions) == 1:
        attributions = np.array([_ONLY_ONE if yes > 0.5 else -_ONLY_ONE])
    return replace(
        one,
        recommended=yes > 0.5,
        score=yes,
        rank=max(1, round(place * one.n_ranked)),
        attributions=tuple(attributions.tolist()),
        score_std=1.0,
        recommended_share=None,
    )
