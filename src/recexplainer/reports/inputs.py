"""Everything that a report shows, already loaded. It does not know where in a run folder any of it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from recexplainer.data.dataset import Dataset, Note
from recexplainer.evaluation.rows import Confusion, Row
from recexplainer.evidence.pair_attribution import PairAttribution
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.ranking_check import RankingCheck

PaperDataset = Literal["Games", "Movies", "Steam"]


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """What the report shows of the data: numbers of users, items and interactions, and what cleaning did, with counts.

    `history_lengths` is `[users]`, in any order.
    """

    name: str
    users: int
    items: int
    interactions: int
    history_lengths: tuple[int, ...] = ()
    notes: tuple[Note, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetFacts:
        """The facts of a dataset."""
        lengths = tuple(dataset.history_lengths.tolist())
        return cls(
            dataset.name, dataset.n_users, dataset.n_items, dataset.n_interactions, lengths, tuple(dataset.notes)
        )

    @property
    def sparsity(self) -> float:
        """Share of user-item pairs without an interaction (Table B1); 0 where there are no pairs."""
        pairs = self.users * self.items
        return 1.0 - self.interactions / pairs if pairs else 0.0


@dataclass(frozen=True)
class ReportInputs:
    """Everything that a report shows; what is empty is left out with a sentence."""

    name: str
    dataset: DatasetFacts
    recommender: str = "SASRec"
    recommender_rows: Sequence[Row] = ()  # methods `recommender` and `popularity`: hr and ndcg at 5 and 10
    ranking_check: RankingCheck | None = None  # how the recommender ranks held-out items, and what is wrong there
    alignment_rows: Sequence[Row] = ()  # of Table 1
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])  # train and test, a task
    # For each form the trainer's log, oldest first: mappings with `step` and `loss`, and where known with
    # `tokens_per_second` and `seconds` since the start. Entries without `loss` are not drawn.
    training_logs: Mapping[str, Sequence[Mapping[str, float]]] = field(
        default_factory=dict[str, Sequence[Mapping[str, float]]]
    )
    explanations: Sequence[Explanation] = ()  # with evidence, shown in this order
    attributions: Sequence[PairAttribution] = ()  # what else the recommender was asked about each of these, or ()
    surrogate_alone: Sequence[Explanation] = ()  # shown beside the explanation of the same user and item
    settings: Mapping[str, object] = field(default_factory=dict[str, object])  # the recipe, as plain nested mappings
    versions: Mapping[str, str] = field(default_factory=dict[str, str])  # of packages, by name
    stages: Mapping[str, float] = field(default_factory=dict[str, float])  # seconds, in the order in which they ran
    paper_dataset: PaperDataset | None = None  # which of the paper's this data reproduces; None if it is other data
    machine: str = ""  # in words
    # The rows of each further evaluation by its name: `faithfulness`, `synthetic`, `judge`, `discriminator`,
    # `score_predictor`, `ablation` and `agreement` in their own sections, any other as a table of its own.
    evaluation: Mapping[str, Sequence[Row]] = field(default_factory=dict[str, Sequence[Row]])
    confusion: Sequence[Confusion] = ()  # of the discriminator, a record a cell
    judge_rules: Sequence[str] = ()  # by which the rubric rates, a sentence each
    needs: Sequence[str] = ()  # what was not measured and what would bring it into the report, a sentence each
    case_studies: Sequence[Sequence[Explanation]] = ()  # a pair each, explained by several methods or under aspects
