"""Texts by a surrogate: several attempts in one batch, of which the first without a problem is taken.

With evidence, where none is without, the wording of the evidence stands in its place; a surrogate that has learned it
puts evidence in its own words (`own_words.py`). A text by the surrogate alone is
one guess after the other. Asked beforehand which history item counts most for the item and which most against it, the
surrogate is constrained by its own answers, as it is by the recommender's where that is asked. It makes no records.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from recexplainer.claims.claim import Claim, faults
from recexplainer.claims.verifier import Verifier
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import Evidence
from recexplainer.evidence.realised import opening, verdict_kind
from recexplainer.evidence.sentences import answer_parts, read_parts
from recexplainer.explanations.own_words import DRAWING, OwnWords, of_sure_effect, request
from recexplainer.explanations.realised_writer import (
    RealisedWriter,
    checked,
    describe_problem,
    fails,
    pair_random,
    verdict_alone,
)
from recexplainer.explanations.writing import SURROGATE, Style, Written, count_problems, in_rounds
from recexplainer.recommenders.base import Recommender
from recexplainer.surrogate.batching import EncodedSet, encode_questions
from recexplainer.surrogate.constraints import Drawing
from recexplainer.surrogate.decoding import CitingTexts, Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import Form, applies
from recexplainer.tasks.example import Example

MAX_TOKENS = 256
"""Most tokens of a text."""
MAX_ATTEMPTS = 4
"""Most texts a pair, with evidence; all are written together."""
MAX_FREE_ATTEMPTS = 24
"""Most texts a pair in the surrogate's own words, in rounds."""
MAX_SELF_ATTEMPTS = 16
"""Most texts a case by the surrogate's own answers; a weak surrogate may contradict them in every text."""
MAX_STRICT_ATTEMPTS = 32
"""Most texts a case by the surrogate alone, where the recommender says what is not supported."""
_TOGETHER = 4  # attempts of a question that are written together
_OWN_WORDS_TOGETHER = 8  # of those in the surrogate's own words
Opening = tuple[str, tuple[str, ...]]
"""The sentence that a text begins with, and words that may follow it."""
_LEAST_CITABLE, _MOST_CITABLE = 3, 4
_LIKED, _BETWEEN, _DISLIKED = 0.1, 0.4, 0.75  # where in the list an item is taken to stand, as a share of it
_DOUBTED = 0.2  # with a probability of yes above this an item is disliked, but not taken to be in the lower half
_ONLY_ONE = 0.5
_MOST_SENTENCES = 6  # sentences of a text in the wording of rationales, and some more
_QUOTED = re.compile("“[^”]*(”|$)")
_OTHER = "it is not in the wording of rationales"


class SurrogateWriter:
    """Has a surrogate put evidence in words; where none of its texts may be shown, the wording of the evidence is.

    Strict, a text may be shown only if each of its claims is supported.
    """

    name = SURROGATE

    def __init__(self, generator: Generator, realised: RealisedWriter, *, strict: bool = False) -> None:
        self._generator, self._realised, self._strict = generator, realised, strict

    def write(self, users: Sequence[str], evidence: Sequence[Evidence], style: Style) -> list[Written]:
        """The text of each pair, `[pairs]`, by the users' own ids.

        Of the style the surrogate reads the aspect; one that has its own words, length and audience, too.
        """
        if self._generator.surrogate.own_words:
            written = self._generator.in_own_words(users, evidence, style, strict=self._strict)
        else:
            written = self._generator.grounded(users, evidence, strict=self._strict, aspect=style.aspect)
        return checked(written, self._realised, users, evidence, style, strict=self._strict)


class LoneSurrogate:
    """Has a surrogate explain by itself; its texts are given back with their faults.

    It asks itself first which history items matter, if that is wanted and its form can be asked. Strict, a text that
    has a claim which is not supported is the recommender's verdict alone.
    """

    name = SURROGATE

    def __init__(self, generator: Generator, *, self_attribution: bool = True, strict: bool = False) -> None:
        self.variant = "self_attribution" if self_attribution and generator.can_self_attribute else "direct"
        self._generator, self._strict = generator, strict

    def write(self, users: Sequence[str], evidence: Sequence[Evidence], style: Style) -> list[Written]:
        """The text of each pair, `[pairs]`, by the users' own ids; of the style the surrogate reads the aspect."""
        return self._generator.alone(users, evidence, self.variant, strict=self._strict, aspect=style.aspect)


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

    def grounded(
        self, users: Sequence[str], evidence: Sequence[Evidence], *, strict: bool = False, aspect: str = ""
    ) -> list[Written]:
        """The text of each pair, `[pairs]`, in words of the evidence: the best of a few, with its problems.

        Strict, all that the recommender does not support is a problem.
        """
        questions = self.questions(users, evidence, aspect=aspect)
        openings = self._openings(users, evidence)
        return self.constrained(
            questions, evidence, evidence, strict=strict, max_attempts=MAX_ATTEMPTS, openings=openings
        )

    def in_own_words(
        self,
        users: Sequence[str],
        evidence: Sequence[Evidence],
        style: Style,
        *,
        strict: bool = False,
        max_attempts: int = MAX_FREE_ATTEMPTS,
    ) -> list[Written]:
        """The text of each pair, `[pairs]`, by evidence and in words of its own: the best of a few, with its problems.

        Titles in quotation marks are those of the history and the item; all else is free, and checked. Strict, all that
        the recommender or the catalogue does not support is a problem.
        """
        examples = [
            Example("rationale", "own_words", user, one.history, (one.item,), evidence=one)
            for user, one in zip(users, evidence, strict=True)
        ]
        questions = encode_questions(self.surrogate, self._dataset, self._recommender, examples, request(style))
        probabilities = self.decoder.yes_probabilities(self.questions(users, evidence))

        def write(rows: Sequence[int], numbers: range) -> list[Written]:
            known = [evidence[row] for row in rows]
            judge = OwnWords(self._verifier, known, strict=strict)
            return judge.best(self.draw_own_words(questions.subset(rows), known, numbers, judge=judge), numbers.start)

        best = in_rounds(len(evidence), range(max_attempts), _OWN_WORDS_TOGETHER, write)
        return [replace(one, probability=float(yes)) for one, yes in zip(best, probabilities, strict=True)]

    def draw_own_words(
        self,
        questions: EncodedSet,
        evidence: Sequence[Evidence],
        numbers: Sequence[int],
        *,
        judge: OwnWords | None = None,
        drawing: Drawing = DRAWING,
    ) -> CitingTexts:
        """Texts of these numbers for each of `[questions]`, quoting what has a sure effect; a judge may end them."""
        citable = [[(*of_sure_effect(one), one.item)] * len(numbers) for one in evidence]
        return self.decoder.citing(questions, MAX_TOKENS, citable, numbers, judge=judge, drawing=drawing)

    def alone(
        self, users: Sequence[str], evidence: Sequence[Evidence], variant: str, *, strict: bool, aspect: str = ""
    ) -> list[Written]:
        """The text of each pair, `[pairs]`, by the surrogate alone; `variant` is `self_attribution` or `direct`.

        Strict, nothing stands that the recommender does not support: else its verdict alone is given.
        """
        questions, constraints = self.questions(users, evidence, grounded=False, aspect=aspect), None
        openings: list[Opening] = []
        probabilities = self.decoder.yes_probabilities(questions)
        if variant == "self_attribution":
            constraints = self.self_attributions(users, evidence, probabilities)
            questions = self.questions(users, constraints, aspect=aspect)
            openings = self._openings(users, constraints)
        if not strict and constraints is None:
            texts = self.decoder.greedy(questions, MAX_TOKENS)
            claims = map(self._verifier.claims, texts, evidence)
            written = [Written(text, each, SURROGATE) for text, each in zip(texts, claims, strict=True)]
        else:
            most = MAX_STRICT_ATTEMPTS if strict else MAX_SELF_ATTEMPTS
            written = self.constrained(
                questions, constraints, evidence, strict=strict, max_attempts=most, openings=openings
            )
        if strict:
            written = [self._or_verdict(one, known) for one, known in zip(written, evidence, strict=True)]
        return [replace(one, probability=float(yes)) for one, yes in zip(written, probabilities, strict=True)]

    def constrained(
        self,
        questions: EncodedSet,
        constraints: Sequence[Evidence] | None,
        evidence: Sequence[Evidence],
        *,
        strict: bool,
        max_attempts: int,
        openings: Sequence[Opening] = (),
    ) -> list[Written]:
        """For each question the attempt that is finished first without a problem, else the one with the fewest.

        A few attempts are written together, and no longer than they are of use. From half-way on only what matters most
        may be cited: of one item less can be said wrongly.

        Args:
            questions: `[cases]`.
            constraints: `[cases]`, what texts must agree with, and cite by; None: the whole history may be cited.
            evidence: `[cases]`, what the recommender says; where texts must agree with that, what it contradicts in
                words of any kind is a problem too.
            strict: All that the recommender does not support is a problem.
            max_attempts: How many texts are written at most.
            openings: `[cases]`, what texts begin with; (): as they like.
        """

        def write(rows: Sequence[int], numbers: range) -> list[Written]:
            narrow = [2 * number >= max_attempts for number in numbers]
            allowed = [[_may_cite(constraints, evidence[row], row, each) for each in narrow] for row in rows]
            begun = [openings[row] for row in rows] if openings else ()
            judge = _Attempts(self._verifier, constraints, evidence, rows, strict=strict)
            written = self.decoder.citing(questions.subset(rows), MAX_TOKENS, allowed, numbers, begun, judge)
            return judge.best(written, numbers.start)

        return in_rounds(len(evidence), range(max_attempts), _TOGETHER, write)

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

    def _openings(self, users: Sequence[str], evidence: Sequence[Evidence]) -> list[Opening]:
        """The first sentence of each pair, `[pairs]`, by its verdict and rank; a pair's is always the same."""
        pairs, titles = zip(users, evidence, strict=True), self._dataset.titles
        return [
            (opening(one, titles, pair_random(user, one.item)), _followers(verdict_kind(one))) for user, one in pairs
        ]

    def _or_verdict(self, best: Written, evidence: Evidence) -> Written:
        """The text, or the verdict of the recommender without reasons where it has a problem."""
        if not best.problems:
            return best
        problem = describe_problem(best.text, best.problems[0])
        why = f"none of {best.attempts} texts had all its claims supported; of the best, {problem}"
        return replace(verdict_alone(evidence, self._verifier, why), attempts=best.attempts)


class _Attempts:
    """Checks attempts while they are written: by what they must agree with, and by the recommender if that is asked.

    `rows` are the places of the questions among the cases; what is checked is known by its place among the questions.
    """

    def __init__(
        self,
        verifier: Verifier,
        constraints: Sequence[Evidence] | None,
        evidence: Sequence[Evidence],
        rows: Sequence[int],
        *,
        strict: bool,
    ) -> None:
        self._verifier, self._strict = verifier, strict
        self._shows_all = not strict and constraints is not evidence  # faults and all
        self._evidence = [evidence[row] for row in rows]
        self._constraints = [constraints[row] for row in rows] if constraints else [None] * len(rows)
        self._known: list[list[Written]] = [[] for _ in rows]

    def may_go_on(self, row: int, text: str) -> bool:
        """False for what has left the wording of rationales, or goes on where these end, if that is not shown."""
        if self._shows_all:
            return True
        parts = list(read_parts(text))
        rest = _QUOTED.sub("", text[parts[-1].end if parts else 0 :])
        return len(parts) <= _MOST_SENTENCES and len(rest) <= _longest_part()

    def settles(self, row: int, number: int, text: str) -> bool:
        """Check a text; the first without a problem is taken."""
        self._known[row].append(self._check(text, self._constraints[row], self._evidence[row]))
        return not self._known[row][-1].problems

    def best(self, written: CitingTexts, before: int) -> list[Written]:
        """Of each question the checked text with the fewest problems, where none was finished the first one.

        `before` is how many texts each question has had already.
        """
        chosen: list[Written] = []
        for row, (known, texts) in enumerate(zip(self._known, written.texts, strict=True)):
            if not known:
                self.settles(row, 0, texts[0])
            own = {"probability": float(written.probabilities[row]), "attempts": before + len(known)}
            chosen.append(replace(min(known, key=count_problems), **own))
        return chosen

    def _check(self, text: str, constraint: Evidence | None, evidence: Evidence) -> Written:
        """A text, parsed once, and its problems."""
        parser = self._verifier.parser
        if not self._shows_all and not parser.in_wording(text):  # it is not shown, so nobody needs to read it
            return Written(text, (), SURROGATE, problems=(Claim("not_understood", "unverified", _OTHER, 0, len(text)),))
        parsed = parser.parse(text, evidence.whole_history, evidence.item)
        claims = self._verifier.verify(parsed, evidence)
        wrong = list(fails(claims, strict=self._strict)) if self._strict or constraint is evidence else []
        if constraint is not None and constraint is not evidence:
            wrong += faults(self._verifier.verify(parsed, constraint))
        return Written(text, claims, SURROGATE, problems=tuple(wrong))


@lru_cache
def _longest_part() -> int:
    """Characters of the longest sentence in the wording of rationales, titles left out, with room for two reasons."""
    return max(len(part) for parts in answer_parts().values() for part in parts) + 200


@lru_cache
def _followers(verdict: str) -> tuple[str, ...]:
    """The words that may follow an opening with this verdict in the wording of rationales, up to a title."""
    groups = (parts for name, parts in answer_parts().items() if name.split(".")[0] == verdict)
    return tuple(dict.fromkeys(part.partition("{")[0].rstrip("“") for parts in groups for part in parts))


def citable(evidence: Evidence) -> tuple[int, ...]:
    """The item, what does most for it and most against it, and what else does most: half the history, three or four."""
    count = min(_MOST_CITABLE, max(_LEAST_CITABLE, (len(evidence.history) + 1) // 2))
    groups = evidence.by_effect
    matters = list(dict.fromkeys([*groups["for"][:1], *groups["against"][:1], *evidence.strongest_first]))[:count]
    return (*(evidence.history[place] for place in matters), evidence.item)


def _may_cite(constraints: Sequence[Evidence] | None, evidence: Evidence, row: int, narrow: bool) -> tuple[int, ...]:
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
        effects=(),
    )
