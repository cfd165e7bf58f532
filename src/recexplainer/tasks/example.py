"""An Example: a question about the recommender and its answer, without wording and without form; sets of them, on disk.

`surrogate/prompt.py` puts it in a form (behavior, intention, hybrid) and in words of `tasks/wording`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.evidence.evidence import Evidence
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.stability import Effect
from recexplainer.storage import read_json, write_json

Task = Literal[
    "retrieval", "ranking", "classification", "verdicts", "discrimination", "chat", "reconstruction", "rationale"
]
TASKS: tuple[Task, ...] = get_args(Task)


@dataclass(frozen=True, slots=True)
class Example:
    """One question and its answer.

    Attributes:
        task: Which of the tasks it belongs to.
        subtask: Which phrasings of the task it takes: discrimination has `title`, `titles` (of several items),
            `description`, `genres`, `brand`, `features`, `similar`, and `title-of` (which item has this description or
            these features: behavior only);
            reconstruction has `history`, `summary`; rationale has `surrogate`, `evidence`, `own_words` (evidence in
            one's own words), and `for`, `against` (which history item has the largest positive attribution, or negative
            one); the other tasks have one, "".
        user: The user's own id, or "" for a synthetic history.
        history: Item indices shown to the recommender, oldest first, already cut to its `max_history`.
        items: Item indices of the question (ranking: the candidates in the order shown; verdicts: those judged).
        answer_items: The answer when it is titles: retrieval one, ranking and reconstruction several, in order. For
            verdicts the items that suit the user.
        answer_text: The answer when it is words ("Yes", a description, a rationale); "" when it is titles.
        question: The question in words, for `chat` and for discrimination's `title-of`; "" elsewhere.
        evidence: What the recommender answered, for `rationale` with evidence; None elsewhere.
        aspect: The aspect that the answer should have, in words that follow the question; "" for none.
    """

    task: Task
    subtask: str = ""
    user: str = ""
    history: tuple[int, ...] = ()
    items: tuple[int, ...] = ()
    answer_items: tuple[int, ...] = ()
    answer_text: str = ""
    question: str = ""
    evidence: Evidence | None = None
    aspect: str = ""


@dataclass(frozen=True)
class LabelledExamples:
    """Examples of any tasks with the dataset and the recommender that gave the answers."""

    dataset: Dataset
    recommender: Recommender
    examples: Sequence[Example]

    def of(self, task: str) -> list[Example]:
        """The examples of one task."""
        return [example for example in self.examples if example.task == task]

    def first(self, count: int) -> LabelledExamples:
        """The examples about the first so many users, and those about no user."""
        users = dict.fromkeys(one.user for one in self.examples if one.user)
        kept = {"", *list(users)[:count]}
        return replace(self, examples=[one for one in self.examples if one.user in kept])


@dataclass(frozen=True)
class Examples:
    """All Examples of a run, task by task; those for test are about the same users in every task."""

    train: list[Example]
    test: list[Example]
    report: dict[str, Any] = field(default_factory=dict[str, Any])
    """Counts and sources, ready for JSON: `train` and `test` by task, histories, and notes."""


_ITEMS = pl.List(pl.Int32())
_COLUMNS: dict[str, Any] = {name.name: pl.String() for name in fields(Example)} | {
    "history": _ITEMS,
    "items": _ITEMS,
    "answer_items": _ITEMS,
    "evidence": pl.Struct(
        {
            "history": _ITEMS,
            "item": pl.Int32(),
            "recommended": pl.Boolean(),
            "score": pl.Float64(),
            "rank": pl.Int32(),
            "n_ranked": pl.Int32(),
            "attributions": pl.List(pl.Float64()),
            "shared": pl.List(pl.List(pl.String())),
            "score_std": pl.Float64(),
            "recommended_share": pl.Float64(),
            "ablated_ranks": _ITEMS,
            "older": _ITEMS,
            "effects": pl.List(pl.Struct({name.name: pl.Float64() for name in fields(Effect)})),
        }
    ),
}


def save_examples(examples: Examples, folder: Path) -> None:
    """Write `train.parquet`, `test.parquet` and the report, `counts.json`; the folder is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, some in (("train", examples.train), ("test", examples.test)):
        columns: dict[str, list[Any]] = {column: [getattr(one, column) for one in some] for column in _COLUMNS}
        columns["evidence"] = [known and asdict(known) for known in columns["evidence"]]
        pl.DataFrame(columns, schema=_COLUMNS).write_parquet(folder / f"{name}.parquet")
    write_json(folder / "counts.json", examples.report)


def load_examples(folder: Path) -> Examples:
    """Read what `save_examples` wrote.

    Raises DataError for a missing or other Parquet file, RunError for counts that are missing or not JSON.
    """
    train, test = (_read(folder / f"{name}.parquet") for name in ("train", "test"))
    return Examples(train, test, read_json(folder / "counts.json"))


def _read(path: Path) -> list[Example]:
    hint = "Build the examples again."
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"The examples cannot be read: {error}.", location=str(path), hint=hint) from error
    if dict(frame.schema) != _COLUMNS:
        raise DataError(f"The examples have the columns {frame.columns}.", location=str(path), hint=hint)
    columns: dict[str, list[Any]] = {name: _tuples(frame[name].to_list()) for name in _COLUMNS}
    columns["evidence"] = [known and _evidence(known) for known in columns["evidence"]]
    return [Example(*values) for values in zip(*columns.values(), strict=True)]


def _evidence(known: dict[str, Any]) -> Evidence:
    effects = tuple(Effect(**effect) for effect in known.pop("effects"))
    return Evidence(**known, effects=effects)


def _tuples(value: Any) -> Any:
    """Tuples in place of lists, as the records hold them."""
    if isinstance(value, dict):
        return {name: _tuples(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return tuple(map(_tuples, value)) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType]
