"""The explainer: asks the surrogate for a verdict and for the reasons in words, and sets what f says beside them.

Two ways, never mixed up. With evidence f is asked first, and the surrogate puts the answer in words; alone, the
surrogate says what it believes of f.
"""

from __future__ import annotations

from collections.abc import Sequence

from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.generator import Drafter
from recexplainer.explanations.record import Explanation, Method
from recexplainer.explanations.recording import Recorder
from recexplainer.explanations.self_attribution import believed, can_reflect
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.function import ScoreFunction, as_recommender
from recexplainer.surrogate.batching import EncodedSet, encode_questions
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.tasks.example import Example

DRAFTS = 32
"""Most texts a case, where f says what does not hold."""
OWN_DRAFTS = 16
"""Most texts a case, where the surrogate is held to its own answers; a weak one may contradict them in every text."""


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
        self._drafter = Drafter(self._decoder, self._recorder)

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
        the surrogate itself answers when it is asked which history items matter. Strict, every claim must be supported
        by f: where none of many texts has that, f's verdict alone is given, and why.

        Args:
            pairs: `[pairs]`, a user with a history and an item index.
            evidence: Ask f first and put its answer in words; False: the surrogate alone, f is not asked.
            strict: Let nothing stand that f does not confirm.
            reflect: Have the surrogate alone ask itself first; False: it speaks at once and freely, as in the paper.
                The intention form always does; one that has not learned which history items matter had better.
            ask: The view that the reader wants, in words; added to the question.
            method: Who explains, for the record; None: the surrogate's form.

        Raises:
            DataError: A history is empty, or an item is not in the catalogue.
        """
        known = self._recorder.known(pairs)
        questions = self._asked(pairs, known, evidence, ask)
        probabilities = self._decoder.yes_probabilities(questions)
        told = known if evidence else None
        if not evidence and reflect and can_reflect(self._decoder):
            users = [user.id for user, _ in pairs]
            told = believed(self._decoder, self.dataset, self.recommender, known, users, probabilities)
            questions = self._asked(pairs, told, True, ask)
        if strict or told is not None:
            most = DRAFTS if evidence or strict else OWN_DRAFTS
            written = self._drafter.held(questions, told, known, strict=strict, drafts=most)
        else:
            written = self._drafter.free(questions)
        variant = "grounded" if evidence else "direct" if told is None else "self_attribution"
        source = Method(method or self.surrogate.form, variant)
        cases = zip(pairs, known, probabilities.tolist(), written, strict=True)
        return [
            self._recorder.record(source, user.id, one, draft.text, probability, ask=ask, abstained=draft.abstained)
            for (user, _), one, probability, draft in cases
        ]

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
        strict: Let nothing stand that is not supported.
        ask: The view that the reader wants.
    """
    explainer = Explainer(dataset, recommender, surrogate)
    return explainer.explain([explainer.pair(user, item)], evidence=evidence, strict=strict, ask=ask)[0]
