"""An explainer that keeps what the recommender said of the pairs asked about last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.recommenders.base import User

_Pair = tuple[User, int]


class KnownEvidence(PairExplainer):
    """Asks about a pair once, as long as it is among the last `most` that were asked about; arguments as of its base.

    Where the recommender cannot answer for a changed history, it is not asked what history items do.
    """

    def __init__(self, *arguments: Any, most: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._most, self._known = most, OrderedDict[_Pair, Evidence]()

    def evidence(self, pairs: Sequence[_Pair], *, attributed: bool = True) -> list[Evidence]:
        """As of the base class; what history items do is asked wherever the recommender can say."""
        attributed = self.recommender.answers_changed_history
        asked = list(dict.fromkeys(pair for pair in pairs if pair not in self._known))
        fresh = dict(zip(asked, super().evidence(asked, attributed=attributed), strict=True)) if asked else {}
        answers: list[Evidence] = []
        for pair in pairs:
            answers.append(fresh[pair] if pair in fresh else self._known[pair])
        for pair, evidence in zip(pairs, answers, strict=True):
            self._known[pair] = evidence
            self._known.move_to_end(pair)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return answers
