"""Examples on disk: `train.parquet`, `test.parquet` and `counts.json` in one folder, and back again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from recexplainer.errors import DataError
from recexplainer.evidence.evidence import Evidence
from recexplainer.storage import read_json, write_json
from recexplainer.tasks.example import Example

_ITEMS = pl.List(pl.Int32())
_EVIDENCE = pl.Struct(
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
    }
)
_COLUMNS: dict[str, pl.DataType] = {
    "task": pl.String(),
    "aspect": pl.String(),
    "user": pl.String(),
    "history": _ITEMS,
    "items": _ITEMS,
    "answer_items": _ITEMS,
    "answer_text": pl.String(),
    "question": pl.String(),
    "evidence": _EVIDENCE,
    "ask": pl.String(),
}
_LISTS = ("history", "items", "answer_items")


@dataclass(frozen=True)
class Examples:
    """All Examples of a run.

    Attributes:
        train: For training, task by task.
        test: For test; the same users for every task, as far as the task is tested.
        report: Counts and sources, ready for JSON: `train` and `test` by task, histories, and notes.
    """

    train: list[Example]
    test: list[Example]
    report: dict[str, Any] = field(default_factory=dict[str, Any])


def save_examples(examples: Examples, folder: Path) -> None:
    """Write both lists as Parquet and the report as JSON; the folder is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    to_frame(examples.train).write_parquet(folder / "train.parquet")
    to_frame(examples.test).write_parquet(folder / "test.parquet")
    write_json(folder / "counts.json", examples.report)


def load_examples(folder: Path) -> Examples:
    """Read what `save_examples` wrote.

    Raises:
        DataError: A Parquet file is missing or is not what `save_examples` writes.
        RunError: The counts are missing or are not JSON.
    """
    train, test = (_read(folder / f"{name}.parquet") for name in ("train", "test"))
    return Examples(train, test, read_json(folder / "counts.json"))


def to_frame(examples: Sequence[Example]) -> pl.DataFrame:
    """One row an Example, one column a field."""
    columns: dict[str, list[Any]] = {
        name: [getattr(example, name) for example in examples] for name in _COLUMNS if name != "evidence"
    }
    columns["evidence"] = [None if one.evidence is None else asdict(one.evidence) for one in examples]
    return pl.DataFrame(columns, schema=_COLUMNS)


def from_frame(frame: pl.DataFrame) -> list[Example]:
    """The Examples of a frame as `to_frame` makes it."""
    columns: dict[str, list[Any]] = {name: frame[name].to_list() for name in _COLUMNS}
    for name in _LISTS:
        columns[name] = [tuple(items) for items in columns[name]]
    columns["evidence"] = [None if one is None else _evidence(one) for one in columns["evidence"]]
    return [Example(*row) for row in zip(*columns.values(), strict=True)]


def _read(path: Path) -> list[Example]:
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"The examples cannot be read: {error}.", location=str(path), hint="Build the examples again."
        ) from error
    if dict(frame.schema) != _COLUMNS:
        raise DataError(
            f"The examples have the columns {frame.columns}.", location=str(path), hint="Build the examples again."
        )
    return from_frame(frame)


def _evidence(row: dict[str, Any]) -> Evidence:
    values: dict[str, Any] = dict(row)
    for name in ("history", "attributions"):
        values[name] = tuple(row[name])
    values["shared"] = tuple(tuple(phrases) for phrases in row["shared"])
    return Evidence(**values)
