"""Evaluation: one file an evaluation, each writing result rows; `Evaluation` is what other packages may register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset
    from recexplainer.evaluation.rows import Row
    from recexplainer.explanations.record import Explanation, Method
    from recexplainer.recommenders.base import Recommender


class Evaluation(Protocol):
    """An evaluation of explanations, registered in the entry point group `recexplainer.evaluations` by its name.

    Its rows have its name as their task. `tests/contracts/evaluation.py` is the suite that it should pass.
    """

    def __call__(
        self,
        explanations: Mapping[Method, Sequence[Explanation]],
        dataset: Dataset,
        recommender: Recommender,
        seed: int,
    ) -> list[Row]:
        """The rows of all methods; the same seed gives the same rows.

        Args:
            explanations: For each method its explanations, all of the same cases in the same order; they may be none.
            dataset: The catalogue that they are about.
            recommender: The recommender that is explained; it answers for changed histories.
            seed: Seed of whatever is drawn.
        """
        ...
