"""Making records of what was said of a user and an item, whoever said it, with what f says beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from recexplainer.claims.claim import Claim, ClaimStatus
from recexplainer.claims.faults import faults
from recexplainer.claims.verifier import Verifier
from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.data.titles import TitleFinder
from recexplainer.errors import DataError
from recexplainer.evidence.evidence import Evidence, gather_evidence
from recexplainer.explanations.citing import cite
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.function import ScoreFunction, as_recommender
from recexplainer.recommenders.scoring import recommended_shares

_PROBABILITIES = {True: 1.0, False: 0.0, None: 0.5}  # of yes, by the verdict that a text states


class Recorder:
    """Makes records.

    Args:
        dataset: The catalogue.
        recommender: f, or a bare function that scores.
    """

    def __init__(self, dataset: Dataset, recommender: Recommender | ScoreFunction) -> None:
        self.dataset, self.recommender = dataset, as_recommender(recommender, dataset.item_ids)
        self._finder = TitleFinder(dataset.titles)
        self._attributes = Attributes.of(dataset)
        self._recommended_shares = recommended_shares(self.recommender, dataset)
        self._verifier = Verifier(dataset, self.recommender, self._attributes)

    def known(self, pairs: Sequence[tuple[User, int]]) -> list[Evidence]:
        """What f says of each pair.

        Raises:
            DataError: A history is empty, or an item is not in the catalogue.
        """
        self._check(pairs)
        users, items = [user for user, _ in pairs], [item for _, item in pairs]
        return gather_evidence(
            self.recommender,
            self.dataset,
            users,
            items,
            attributes=self._attributes,
            recommended_share=self._recommended_shares,
        )

    def faults(self, text: str, evidence: Evidence) -> tuple[str, ...]:
        """What in a text f does not bear out."""
        return tuple(faults(text, evidence, self.dataset.titles))

    def claims(self, text: str, evidence: Evidence) -> tuple[Claim, ...]:
        """What a text claims, each with its mark."""
        return self._verifier.claims(text, evidence)

    def marked(self, text: str, evidence: Evidence, marks: Collection[ClaimStatus]) -> tuple[str, ...]:
        """What a text claims that has one of these marks, one line each."""
        claims = self.claims(text, evidence)
        return tuple(f"“{text[one.start : one.end]}”: {one.found}" for one in claims if one.status in marks)

    def told(
        self, method: str, pairs: Sequence[tuple[User, int]], texts: Sequence[str], ask: str = ""
    ) -> list[Explanation]:
        """Records of what somebody else said of pairs: a chat model, a template. The verdict is the one it states.

        Args:
            method: Who said it.
            pairs: `[pairs]`, as `Explainer.explain` takes them.
            texts: `[pairs]`.
            ask: The view that was asked for.

        Raises:
            DataError: As in `known`.
        """
        cases = zip(pairs, self.known(pairs), texts, strict=True)
        return [self.record(Method(method), user.id, one, text, ask=ask) for (user, _), one, text in cases]

    def record(
        self,
        method: Method,
        user: str,
        evidence: Evidence,
        text: str,
        probability: float | None = None,
        *,
        ask: str = "",
        abstained: str = "",
    ) -> Explanation:
        """One record; see `Explanation` for what goes into it.

        Args:
            method: Who wrote it, and how.
            user: The user's own id.
            evidence: What f says of the pair.
            text: What was said.
            probability: How probable its writer holds it that f says yes; None: the verdict is the one that it states.
            ask: The view that was asked for.
            abstained: Why no reasons are given; the text is then not held to the wording of rationales.
        """
        claims = self.claims(text, evidence)
        verdict = _stated(claims, evidence) if probability is None else probability > 0.5
        titles = self.dataset.titles
        return Explanation(
            method=method.name,
            variant=method.variant,
            user=user,
            history=evidence.history,
            history_titles=tuple(titles[item] for item in evidence.history),
            item=evidence.item,
            item_title=titles[evidence.item],
            verdict=verdict,
            probability=_PROBABILITIES[verdict] if probability is None else probability,
            text=text,
            citations=cite(text, self._finder, self.recommender, evidence, user),
            recommended=evidence.recommended,
            score=evidence.score,
            rank=evidence.rank,
            n_ranked=evidence.n_ranked,
            attributions=evidence.attributions,
            faults=() if abstained else self.faults(text, evidence),
            ask=ask,
            claims=claims,
            abstained=abstained,
        )

    def _check(self, pairs: Sequence[tuple[User, int]]) -> None:
        for user, item in pairs:
            if not user.history:
                raise DataError(
                    "There is nothing to explain from: the user has no history.",
                    location=f"user {user.id!r}",
                    hint="Ask about a user with at least one interaction.",
                )
            if not 0 <= item < self.dataset.n_items:
                raise DataError(
                    f"There is no item number {item} in a catalogue of {self.dataset.n_items}.",
                    location=f"dataset {self.dataset.name!r}",
                    hint="Give the item's index, from 0; Dataset.item_index finds it by its own id.",
                )


def _stated(claims: Sequence[Claim], evidence: Evidence) -> bool | None:
    """The verdict that a text states: f's if that is supported; None if there is none."""
    for claim in claims:
        if claim.kind == "verdict":
            return evidence.recommended == (claim.status == "supported")
    return None
