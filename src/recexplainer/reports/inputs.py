"""Everything that a report shows, already loaded. It does not know where in a run folder any of it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from recexplainer.data.dataset import Dataset, Note
from recexplainer.evaluation.rows import Confusion, Row
from recexplainer.evidence.pair_attribution import PairAttribution
from recexplainer.explanations.record import Explanation

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
    """Everything that a report shows; what is empty is left out with a sentence.

    Attributes:
        name: The run's name.
        dataset: Facts of the data.
        recommender: What to call the recommender: `SASRec`, …
        recommender_rows: Its quality: methods `recommender` and `popularity`, task `recommendation`, metrics `hr@5`,
            `hr@10`, `ndcg@5`, `ndcg@10`.
        alignment_rows: The rows of Table 1.
        counts: For each task the numbers of training and test examples (Table B2).
        training_logs: For each form the trainer's log, oldest first: mappings with `step` and `loss`, and where known
            `tokens_per_second` and `seconds` since the start. Entries without `loss` are not drawn.
        explanations: With evidence, shown in this order.
        attributions: What else the recommender was asked about each of `explanations`; () where it was not.
        surrogate_alone: Explanations by the surrogate alone; shown beside the explanation of the same user and item.
        settings: The recipe, as plain nested mappings.
        versions: Package name to version.
        stages: For each stage, in the order in which they ran, the seconds that it took.
        paper_dataset: Which of the paper's datasets this data reproduces; None if it is other data.
        machine: What it ran on, in words.
        evaluation: The rows of each further evaluation by its name: `faithfulness`, `synthetic`, `judge`,
            `discriminator`, `score_predictor`, `ablation`, `agreement` in their own sections, any other as a table of
            its own.
        confusion: The confusion matrix of the discriminator, a record a cell.
        judge_rules: The rules by which the rubric rates, one sentence each.
        needs: What was not measured and what would bring it into the report, one sentence each.
        case_studies: Each a pair of user and item, explained by several methods or under several aspects.
    """

    name: str
    dataset: DatasetFacts
    recommender: str = "SASRec"
    recommender_rows: Sequence[Row] = ()
    alignment_rows: Sequence[Row] = ()
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    training_logs: Mapping[str, Sequence[Mapping[str, float]]] = field(
        default_factory=dict[str, Sequence[Mapping[str, float]]]
    )
    explanations: Sequence[Explanation] = ()
    attributions: Sequence[PairAttribution] = ()
    surrogate_alone: Sequence[Explanation] = ()
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    stages: Mapping[str, float] = field(default_factory=dict[str, float])
    paper_dataset: PaperDataset | None = None
    machine: str = ""
    evaluation: Mapping[str, Sequence[Row]] = field(default_factory=dict[str, Sequence[Row]])
    confusion: Sequence[Confusion] = ()
    judge_rules: Sequence[str] = ()
    needs: Sequence[str] = ()
    case_studies: Sequence[Sequence[Explanation]] = ()
