"""Rows of the explanations' evaluations, read as what tables and figures draw: ratings, confusion, ablation.

It knows how the rows are named and nothing of how they are made or shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recexplainer.evaluation.rows import Row
from recexplainer.reports.names import in_order

SAID_AS = "said-as/"
LEVEL_NAMES = ("wrong decision", "insufficient", "acceptable", "satisfying")  # RATING-0 to RATING-3, paper section 3.1
_ABLATED = {
    ("retrieval", "hr@5"): "Retrieval, H@5",
    ("ranking", "ndcg@5"): "Ranking, N@5",
    ("ranking", "ndcg@5-constrained"): "Ranking, N@5 con.",
    ("classification", "accuracy"): "Classification, ACC",
    ("reconstruction", "hcr"): "Reconstruction, HCR",
}
_RATING = "rating@"
_JUDGE_ORDER = ("rubric", "people")


@dataclass(frozen=True, slots=True)
class Rating:
    """How one judge rates one method; None where there is no such row.

    Attributes:
        method: Who explains.
        mean: Mean rating, 0 to 3.
        shares: The share of each rating, 0 to 3.
        of_correct: Mean over the explanations with a correct decision.
        rated: The share of explanations that the judge rated.
    """

    method: str
    mean: Row | None
    shares: tuple[Row | None, ...]
    of_correct: Row | None
    rated: Row | None

    @property
    def parts(self) -> tuple[float, ...]:
        """The four shares as numbers; () where one is missing."""
        values = [row.value for row in self.shares if row is not None and row.value is not None]
        return tuple(values) if len(values) == len(LEVEL_NAMES) else ()


@dataclass(frozen=True, slots=True)
class Confusion:
    """Who wrote an explanation (rows) and who was taken for it (columns).

    Attributes:
        methods: Who wrote, then who else was taken for it.
        shares: `[writers][methods]`, the share of a writer's explanations; None where there is no row.
        cases: `[writers]`, how many explanations each share is of.
    """

    methods: tuple[str, ...]
    shares: tuple[tuple[float | None, ...], ...]
    cases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ablated:
    """One metric of the full model and of each without a task, the full one first."""

    title: str
    rows: tuple[Row, ...]


def rating_rows(evaluation: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The ratings of all judges: people's come with their agreement, the others' with the judge."""
    return [row for name in ("judge", "agreement") for row in evaluation.get(name, ()) if "@" in row.metric]


def ratings(rows: Sequence[Row]) -> dict[str, list[Rating]]:
    """Each judge's ratings by method: the rubric first, then people, then models as they come."""
    by_place = {(row.method, row.metric): row for row in rows}
    split = [(row.method, *row.metric.partition("@")[::2]) for row in rows if "@" in row.metric]
    judges = list(dict.fromkeys(judge for _, _, judge in split))
    judges.sort(key=lambda judge: _JUDGE_ORDER.index(judge) if judge in _JUDGE_ORDER else len(_JUDGE_ORDER))

    def read(method: str, judge: str) -> Rating:
        def of(metric: str) -> Row | None:
            return by_place.get((method, f"{metric}@{judge}"))

        shares = tuple(of(f"rating-{level}") for level in range(len(LEVEL_NAMES)))
        return Rating(method, of("rating"), shares, of("rating-of-correct"), of("rated"))

    return {
        judge: [read(method, judge) for method in in_order(method for method, _, by in split if by == judge)]
        for judge in judges
    }


def confusion(rows: Sequence[Row]) -> Confusion | None:
    """The discriminator's confusion matrix; None where no row says who was taken for whom."""
    said = {(row.method, row.metric.removeprefix(SAID_AS)): row for row in rows if row.metric.startswith(SAID_AS)}
    if not said:
        return None
    writers = in_order(method for method, _ in said)
    methods = (*writers, *in_order(taken for _, taken in said if taken not in writers))
    return Confusion(
        methods=methods,
        shares=tuple(tuple(_value(said.get((writer, taken))) for taken in methods) for writer in writers),
        cases=tuple(max(row.cases for (method, _), row in said.items() if method == writer) for writer in writers),
    )


def ablation(rows: Sequence[Row]) -> list[Ablated]:
    """The mean ratings, then each key number, that a model without some task was measured by.

    Rows without a value, and other metrics, are left out.
    """
    there = [row for row in rows if row.value is not None]
    keys = dict.fromkeys((row.task, row.metric) for row in there if not is_full(row.method))
    judged = {key: f"Rating by {key[1].removeprefix(_RATING)}" for key in keys if key[1].startswith(_RATING)}
    titles = judged | {key: title for key, title in _ABLATED.items() if key in keys}
    return [
        Ablated(title, tuple(sorted((row for row in there if (row.task, row.metric) == key), key=_full_first)))
        for key, title in titles.items()
    ]


def is_full(method: str) -> bool:
    """Whether a method of the ablation learned all tasks."""
    return " without " not in method


def without(method: str) -> str:
    """`hybrid without chat` reads "without chat", the full model "all tasks"."""
    return "all tasks" if is_full(method) else "without " + method.partition(" without ")[2]


def _full_first(row: Row) -> bool:
    return not is_full(row.method)


def _value(row: Row | None) -> float | None:
    return None if row is None else row.value
