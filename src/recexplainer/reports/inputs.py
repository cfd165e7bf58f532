"""Everything that a report shows, already loaded. It does not know where in a run folder any of it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from recexplainer.data.dataset import Dataset, Note
from recexplainer.evaluation.rows import Row
from recexplainer.evidence.pair_attribution import Attribution
from recexplainer.explanations.record import Explanation

PaperDataset = Literal["Games", "Movies", "Steam"]


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """What the report says of the data.

    Attributes:
        name: What to call it.
        users: Number of users.
        items: Number of items in the catalogue.
        interactions: Number of interactions.
        history_lengths: `[users]`, the length of each user's history, in any order.
        notes: What cleaning and filtering did, with counts.
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
        lengths = dataset.history_lengths.tolist()
        counts = (dataset.n_users, dataset.n_items, dataset.n_interactions)
        return cls(dataset.name, *counts, tuple(lengths), tuple(dataset.notes))

    @property
    def sparsity(self) -> float:
        """Share of user-item pairs without an interaction (Table B1); 0 where there are no pairs."""
        pairs = self.users * self.items
        return 1.0 - self.interactions / pairs if pairs else 0.0


@dataclass(frozen=True, slots=True)
class TaskCount:
    """How many examples a task has (Table B2)."""

    task: str
    train: int
    test: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the pipeline and how long it took, from its manifest."""

    name: str
    seconds: float


@dataclass(frozen=True)
class ReportInputs:
    """Everything that a report shows; what is empty is left out with a sentence.

    Attributes:
        name: The run's name.
        dataset: Facts of the data.
        recommender: What to call the target recommender: `SASRec`, …
        target_rows: Quality of the target: methods `target` and `popularity`, task `recommendation`, metrics `hr@5`,
            `hr@10`, `ndcg@5`, `ndcg@10`.
        alignment_rows: The rows of Table 1.
        counts: Examples a task (Table B2).
        curves: For each form the trainer's log, oldest first: mappings with `step` and `loss`, and where known
            `tokens_per_second` and `seconds` since the start. Entries without `loss` are not drawn.
        explanations: With evidence, shown in this order.
        attributions: What else f was asked about each of `explanations`; () where it was not.
        alone: From the surrogate alone; shown beside the explanation of the same user and item.
        settings: The recipe, as plain nested mappings.
        versions: Package name to version.
        stages: In the order in which they ran.
        paper_dataset: Which of the paper's datasets this data reproduces; None if it is other data.
        machine: What it ran on, in words.
        evaluation: The rows of each further evaluation by its name: `faithfulness`, `synthetic`, `judge`,
            `discriminator`, `score_predictor`, `ablation`, `agreement` in their own sections, any other as a table of
            its own.
        judge_rules: The rules by which the rubric rates, one sentence each.
        needs: What was not measured and what would make it, one sentence each.
        case_views: Each a pair of user and item, explained by several methods or asked from several views.
    """

    name: str
    dataset: DatasetFacts
    recommender: str = "SASRec"
    target_rows: Sequence[Row] = ()
    alignment_rows: Sequence[Row] = ()
    counts: Sequence[TaskCount] = ()
    curves: Mapping[str, Sequence[Mapping[str, float]]] = field(
        default_factory=dict[str, Sequence[Mapping[str, float]]]
    )
    explanations: Sequence[Explanation] = ()
    attributions: Sequence[Attribution] = ()
    alone: Sequence[Explanation] = ()
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    stages: Sequence[Stage] = ()
    paper_dataset: PaperDataset | None = None
    machine: str = ""
    evaluation: Mapping[str, Sequence[Row]] = field(default_factory=dict[str, Sequence[Row]])
    judge_rules: Sequence[str] = ()
    needs: Sequence[str] = ()
    case_views: Sequence[Sequence[Explanation]] = ()
