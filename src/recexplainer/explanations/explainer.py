"""The explainer: asks the surrogate for a verdict and for the reasons in words, and sets what f says beside them.

Two ways, never mixed up. With evidence f is asked first, and the surrogate puts the answer in words; alone, the
surrogate says what it believes of f.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.explanations.beliefs import believed, can_reflect
from recexplainer.explanations.record import Explanation
from recexplainer.explanations.recording import Recorder
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.function import ScoreFunction, as_recommender
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.questions import encode_questions
from recexplainer.tasks.asking import cut
from recexplainer.tasks.evidence import NEGLIGIBLE, Evidence
from recexplainer.tasks.example import Example

LONGEST = 256
LEAST_CITABLE, MOST_CITABLE = 3, 4
DRAFTS = 32


@dataclass(frozen=True, slots=True)
class _Draft:
    """A text, what in it does not hold, and why reasons are left out of it, "" if they are not."""

    text: str
    faults: tuple[str, ...]
    abstained: str = ""


class Explainer:
    """Explains pairs of a user and an item.

    Args:
        dataset: The catalogue and the users' histories.
        recommender: f, or a bare function that scores.
        surrogate: g, aligned to f.
    """

    def __init__(self, dataset: Dataset, recommender: Recommender | ScoreFunction, surrogate: Surrogate) -> None:
        self.dataset, self.surrogate = dataset, surrogate
        self.recommender = as_recommender(recommender, dataset.item_ids)
        self._decoder = Decoder(surrogate, dataset.titles)
        self._recorder = Recorder(dataset, self.recommender)

    def pair(self, user: User | str, item: int | str) -> tuple[User, int]:
        """What `explain` takes, from the own id of a user of the data, or any user, and an item's own id or index.

        The item is left out of the history that the data hold. Raises DataError where there is no such id.
        """
        asked = self.dataset.item_index(item) if isinstance(item, str) else item
        if isinstance(user, User):
            return user, asked
        history = self.dataset.history(self.dataset.user_index(user)).tolist()
        return User(tuple(seen for seen in history if seen != asked), user), asked

    def questions(self, pairs: Sequence[tuple[User, int]], *, evidence: bool = True, ask: str = "") -> EncodedSet:
        """The questions that `explain` puts to the surrogate, `[pairs]`, to have them answered elsewhere.

        Args:
            pairs: As in `explain`.
            evidence: As in `explain`.
            ask: As in `explain`.

        Raises:
            DataError: As in `explain`.
        """
        return self._asked(pairs, self._recorder.known(pairs), evidence, ask)

    def explain(
        self,
        pairs: Sequence[tuple[User, int]],
        *,
        evidence: bool = True,
        strict: bool = False,
        reflect: bool = True,
        ask: str = "",
        method: str | None = None,
    ) -> list[Explanation]:
        """Why f would or would not recommend each item.

        What is quoted is held to the item and to what matters most in the history, none of it twice, and a text that
        claims what is not borne out is written again: by f, which is asked first; or, by the surrogate alone, by what
        the surrogate itself answers when it is asked which history items matter. Strict, every claim must be confirmed
        by f: where none of many texts has that, f's verdict alone is given, and why.

        Args:
            pairs: `[pairs]`, a user with a history and an item index.
            evidence: Ask f first and put its answer in words; False: the surrogate alone, f is not asked.
            strict: Let nothing stand that f does not confirm.
            reflect: Have the surrogate alone ask itself first; False: it speaks at once and freely, as in the paper.
                One that has not learned which history items matter cannot, nor can the intention form.
            ask: The view that the reader wants, in words; added to the question.
            method: Who explains, for the record; None: the surrogate's form.

        Raises:
            DataError: A history is empty, or an item is not in the catalogue.
        """
        known = self._recorder.known(pairs)
        questions = self._asked(pairs, known, evidence, ask)
        probabilities = self._decoder.yes_probabilities(questions)
        if evidence:
            told = self._held(questions, known, known, strict)
        elif reflect and can_reflect(self._decoder):
            users = [user.id for user, _ in pairs]
            own = believed(self._decoder, self.dataset, self.recommender, known, users, probabilities)
            told = self._held(self._asked(pairs, own, True, ask), own, known, strict)
        else:
            told = self._free(questions, known, strict)
        name = f"{method or self.surrogate.form}{'+evidence' if evidence else ''}"
        return [
            replace(self._recorded(name, user, one, float(probability), draft, ask), abstained=draft.abstained)
            for (user, _), one, probability, draft in zip(pairs, known, probabilities, told, strict=True)
        ]

    def _recorded(
        self, name: str, user: User, known: Evidence, probability: float, draft: _Draft, ask: str
    ) -> Explanation:
        faults = () if draft.abstained else self._recorder.faults(draft.text, known)
        return self._recorder.record(name, user.id, known, probability, draft.text, faults, ask)

    def _asked(
        self, pairs: Sequence[tuple[User, int]], known: Sequence[Evidence], evidence: bool, ask: str
    ) -> EncodedSet:
        """A question for each pair."""
        aspect = "evidence" if evidence else "surrogate"
        examples = [
            Example("rationale", aspect, user.id, one.history, (one.item,), evidence=one if evidence else None)
            for (user, _), one in zip(pairs, known, strict=True)
        ]
        return encode_questions(self.surrogate, self.dataset, self.recommender, examples, ask)

    def _free(self, questions: EncodedSet, known: Sequence[Evidence], strict: bool) -> list[_Draft]:
        """What the surrogate says at once; if strict, the first text of many of which f confirms all."""
        if strict:
            return self._drafted(questions, known, strict, [_all(one) for one in known], lambda text, row: ())
        return [_Draft(text, ()) for text in self._decoder.greedy(questions, LONGEST)]

    def _held(
        self, questions: EncodedSet, told: Sequence[Evidence], known: Sequence[Evidence], strict: bool
    ) -> list[_Draft]:
        """Texts held to what the surrogate was told: by f, or by itself."""
        citable = [_citable(one) for one in told]
        return self._drafted(
            questions, known, strict, citable, lambda text, row: self._recorder.faults(text, told[row])
        )

    def _drafted(
        self,
        questions: EncodedSet,
        known: Sequence[Evidence],
        strict: bool,
        citable: Sequence[Sequence[int]],
        faults: Callable[[str, int], tuple[str, ...]],
    ) -> list[_Draft]:
        """For each question the first draft without a fault, else the best; if strict, an abstention."""
        best: dict[int, _Draft] = {}
        for draft in range(DRAFTS):
            unsettled = [row for row in range(len(known)) if row not in best or best[row].faults]
            if not unsettled:
                break
            allowed = [citable[row] for row in unsettled]
            texts = self._decoder.citing(questions.subset(unsettled), LONGEST, allowed, draft)
            for row, text in zip(unsettled, texts, strict=True):
                wrong = faults(text, row) + (self._recorder.unconfirmed(text, known[row]) if strict else ())
                new = _Draft(text, wrong)
                best[row] = min(best.get(row, new), new, key=lambda one: len(one.faults))
        drafts = [best[row] for row in range(len(known))]
        if not strict:
            return drafts
        return [_abstention(draft, one) if draft.faults else draft for draft, one in zip(drafts, known, strict=True)]


def _citable(evidence: Evidence) -> tuple[int, ...]:
    """The item, what does most for it and most against it, and what else does most: half the history, three or four."""
    count = min(MOST_CITABLE, max(LEAST_CITABLE, (len(evidence.history) + 1) // 2))
    order = evidence.strongest_first
    sides = [[place for place in order if sign * evidence.weights[place] >= NEGLIGIBLE][:1] for sign in (1, -1)]
    matters = list(dict.fromkeys([*sides[0], *sides[1], *order]))[:count]
    return (*(evidence.history[place] for place in matters), evidence.item)


def _all(evidence: Evidence) -> tuple[int, ...]:
    return (*evidence.history, evidence.item)


def _abstention(draft: _Draft, evidence: Evidence) -> _Draft:
    """The verdict of f without reasons."""
    said = "Yes, the recommender suggests it" if evidence.recommended else "No, the recommender does not suggest it"
    text = f"{said}: rank {evidence.rank:,} of {evidence.n_ranked:,}."
    return _Draft(text, (), f"none of {DRAFTS} texts had all its claims confirmed; of the best, {draft.faults[0]}")


def explain(
    surrogate: Surrogate,
    dataset: Dataset,
    recommender: Recommender | ScoreFunction,
    *,
    user: User | str,
    item: int | str,
    evidence: bool = True,
    strict: bool = False,
    ask: str = "",
) -> Explanation:
    """Why f would or would not recommend one item to one user; see `Explainer` for many.

    Args:
        surrogate: g, aligned to f.
        dataset: The catalogue.
        recommender: f, or a bare function that scores.
        user: Who asks: the own id of a user of the data, or a `User` with any history of item indices, oldest first.
        item: The item's own id, as text, or its index.
        evidence: Ask f first; False: the surrogate alone.
        strict: Let nothing stand that is not confirmed.
        ask: The view that the reader wants.
    """
    explainer = Explainer(dataset, recommender, surrogate)
    return explainer.explain([explainer.pair(user, item)], evidence=evidence, strict=strict, ask=ask)[0]


def choose_pairs(
    dataset: Dataset, recommender: Recommender, users: Sequence[User], count: int, seed: int
) -> list[tuple[User, int]]:
    """Pairs to show: users drawn at random, in turn with one of f's first five items and with one of its lower half.

    Args:
        dataset: The catalogue.
        recommender: f.
        users: Whom to draw from; histories of at least three items are preferred.
        count: How many pairs.
        seed: Seed of the draw.
    """
    random = np.random.default_rng(seed)
    telling = [user for user in users if len(user.history) >= 3] or list(users)
    drawn = [telling[at] for at in random.choice(len(telling), min(count, len(telling)), replace=False)]
    pairs: list[tuple[User, int]] = []
    for position, user in enumerate(drawn):
        seen = set(cut(user.history, recommender))
        order = [int(item) for item in np.argsort(-recommender.scores([user])[0]) if int(item) not in seen]
        liked = position % 2 == 0
        pool = order[: min(5, len(order))] if liked else order[len(order) // 2 :]
        pairs.append((user, pool[int(random.integers(len(pool)))]))
    return pairs
