"""A result is a row, with a 95% percentile bootstrap interval over cases; every table and figure is drawn from rows.

It knows how rows are made, kept and read, not what they measure. No name in a row is ever taken apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field, Strict

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
Statistic = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""From `Int[resamples, cases]`, the places of the cases drawn, to `Float[resamples]`, NaN where it is not defined."""
_MAX_DRAWS = 4_000_000  # drawn together: 32 MB of indices and as much of values, however many the cases


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
    `resample`, of `cases` cases. Without cases, and where the statistic is not defined, the row reads N/A.
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


def resample(
    statistic: Statistic, cases: int, *, resamples: int = 1000, seed: int = 0
) -> tuple[float | None, float | None]:
    """`(low, high)`: the 2.5% and 97.5% percentiles of a statistic over `cases` (>= 1) cases drawn with replacement.

    Resamples in which it is not defined are left out; `(None, None)` where it is defined in none. Raises ValueError if
    `resamples` is below 1.
    """
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1; got {resamples}")
    rng = np.random.default_rng(seed)
    block = max(1, _MAX_DRAWS // cases)
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    values = np.concatenate([statistic(rng.integers(cases, size=(size, cases))) for size in sizes])
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None, None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def interval(
    values: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> tuple[float | None, float | None, float | None]:
    """`(mean, low, high)` of `Float[cases]`, with the interval of `resample`; `(None, None, None)` without a case.

    Raises ValueError if `values` is not one-dimensional, holds a number that is not finite, or `resamples` is below 1.
    """
    cases = np.asarray(values, dtype=np.float64)
    if cases.ndim != 1:
        raise ValueError(f"values must be one-dimensional, one number a case; got shape {cases.shape}")
    if not np.isfinite(cases).all():
        raise ValueError(f"{int((~np.isfinite(cases)).sum())} of {len(cases)} values are not finite")
    if len(cases) == 0:
        return None, None, None
    if cases.min() == cases.max() and resamples > 0:
        return float(cases[0]), float(cases[0]), float(cases[0])
    low, high = resample(lambda drawn: cases[drawn].mean(axis=1), len(cases), resamples=resamples, seed=seed)
    return float(cases.mean()), low, high


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
