"""A result is a row. Every evaluation writes rows; every table and figure is drawn from rows.

It knows how rows are made, kept and read, not what they measure. No name in a row is ever taken apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike
from pydantic import ConfigDict, Field, Strict

from recexplainer.evaluation.bootstrap import Statistic, interval, resample
from recexplainer.explanations.record import Method
from recexplainer.storage import read_as, write_json

if TYPE_CHECKING:
    import polars as pl

Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Count = Annotated[int, Strict(), Field(ge=0)]
EXPLANATION = "explanation"
"""The task of all rows about explanations: ratings, faithfulness, simulatability."""
CONSTRAINED = "_constrained"
"""Ends the metrics of constrained decoding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured number.

    Attributes:
        method: Who answers: `random`, `popularity`, `behavior`, `intention`, `hybrid`, `student`, `unaligned`,
            `recommender`, a template, a model's name, or the rule of a synthetic recommender.
        variant: How: "" or one of `grounded`, `self_attribution`, `direct`, `icl`, `without_TASK`, ...
        task: `retrieval`, `ranking`, `classification`, `reconstruction`, `recommendation`, `explanation`, ...
        metric: `hr@5`, `ndcg@5` (the paper's), `ndcg@5_standard`, `accuracy`, `hcr`; those of constrained decoding end
            in `_constrained`.
        rater: Who judged: `rubric`, a model's name, `people`, `encoder` or a control; None where nobody judges.
        value: The mean over cases; None where the method cannot do the task (shown as N/A).
        low: Lower end of the 95% bootstrap interval.
        high: Upper end of the 95% bootstrap interval.
        cases: How many cases the mean is over.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    method: str
    variant: str = ""
    task: str
    metric: str
    rater: str | None = None
    value: Number | None
    low: Number | None
    high: Number | None
    cases: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """The share of one method's explanations that the discriminator takes for another's; those of one sum to 1.

    `cases` is how many explanations of the method were read.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    method: str
    variant: str
    predicted_method: str
    predicted_variant: str
    share: Number
    cases: Count


def row(
    method: str | Method,
    task: str,
    metric: str,
    values: ArrayLike | Statistic,
    *,
    variant: str = "",
    rater: str | None = None,
    cases: int = 0,
) -> Row:
    """The row of one metric: its mean over cases, or a statistic of them, with the 95% bootstrap interval.

    A `Method` gives the variant too. `values` is `Float[cases]`; or a statistic of the cases drawn, as of
    `bootstrap.resample`, of `cases` cases. Without cases, and where the statistic is not defined, the row reads N/A.
    """
    if isinstance(method, Method):
        method, variant = method.name, method.variant
    value = low = high = None
    if not callable(values):
        cases = len(np.asarray(values))
        value, low, high = interval(values)
    elif cases:
        value = float(values(np.arange(cases)[None])[0])
        value, (low, high) = (None, (None, None)) if math.isnan(value) else (value, resample(values, cases))
    return Row(
        method=method,
        variant=variant,
        task=task,
        metric=metric,
        rater=rater,
        cases=cases,
        value=value,
        low=low,
        high=high,
    )


def write_rows(path: Path, rows: Iterable[Row] | Iterable[Confusion]) -> None:
    """Write a JSON list, atomically. A number that is not finite raises ValueError and leaves an earlier file alone."""
    write_json(path, [asdict(each) for each in rows])


def read_rows(path: Path) -> list[Row]:
    """Read what `write_rows` wrote.

    Raises RunError if the file is missing, is not a JSON list, or a row lacks a field, has an unknown one or one of the
    wrong type; the error names the row (counted from 0) and the field.
    """
    return read_as(list[Row], path)


def read_confusion(path: Path) -> list[Confusion]:
    """Read the records of confusion that `write_rows` wrote; errors as of `read_rows`."""
    return read_as(list[Confusion], path)


def to_frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as a table, a column for each field of `Row`, typed also where there is no row."""
    import polars as pl

    numbers = {"value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "cases": pl.Int64}
    schema = {one.name: numbers.get(one.name, pl.String) for one in fields(Row)}
    return pl.DataFrame([asdict(each) for each in rows], schema=cast("pl.Schema", schema))
