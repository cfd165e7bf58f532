"""A result is a row. Every evaluation writes rows; every table and figure is drawn from rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast

from numpy.typing import ArrayLike

from recexplainer.errors import RunError
from recexplainer.evaluation.bootstrap import interval
from recexplainer.storage import read_json, write_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured number.

    Attributes:
        method: Who answers: `random`, `popularity`, `behavior`, `intention`, `hybrid`, `student`, `unaligned`,
            `recommender`, a template, or a model's name.
        variant: How: "" or one of `grounded`, `self_attribution`, `direct`, `icl`, `without_TASK`, ...
        task: `retrieval`, `ranking`, `classification`, `reconstruction`, `recommendation`, `explanation`, ...
        metric: `hr@5`, `ndcg@5` (the paper's), `ndcg@5_standard`, `accuracy`, `hcr`; those of constrained decoding end
            in `_constrained`.
        rater: Who judged: `rubric`, a model's name, `people`; None where nobody judges.
        value: The mean over cases; None where the method cannot do the task (shown as N/A).
        low: Lower end of the 95% bootstrap interval.
        high: Upper end of the 95% bootstrap interval.
        cases: How many cases the mean is over.
    """

    method: str
    variant: str = ""
    task: str
    metric: str
    rater: str | None = None
    value: float | None
    low: float | None
    high: float | None
    cases: int


def row(method: str, task: str, metric: str, values: ArrayLike, *, variant: str = "", rater: str | None = None) -> Row:
    """The row of one metric: its mean over cases with the 95% bootstrap interval.

    Args:
        method: As in `Row`.
        task: As in `Row`.
        metric: As in `Row`.
        values: `Float[cases]`; no cases make a row that reads N/A.
        variant: As in `Row`.
        rater: As in `Row`.
    """
    cases = list(cast("Iterable[float]", values))
    mean, low, high = interval(cases)
    return Row(
        method=method,
        variant=variant,
        task=task,
        metric=metric,
        rater=rater,
        value=mean,
        low=low,
        high=high,
        cases=len(cases),
    )


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as a JSON list, atomically.

    Raises:
        ValueError: If a number is not finite; an earlier file then stays as it was.
    """
    write_json(path, [asdict(each) for each in rows])


def read_rows(path: Path) -> list[Row]:
    """Read what `write_rows` wrote.

    Raises:
        RunError: If the file is missing, is not a JSON list, or a row lacks a field, has an unknown one or one of
            the wrong type; the error names the row and the field.
    """
    loaded: object = read_json(path)
    if not isinstance(loaded, list):
        raise _malformed("The result rows are not a JSON list.", str(path))
    return [_checked(each, f"{path}, row {number}") for number, each in enumerate(cast("list[Any]", loaded), start=1)]


def _checked(each: object, location: str) -> Row:
    """One row from JSON, every field there and of its type."""
    if not isinstance(each, dict):
        raise _malformed("A result row is not a JSON object.", location)
    given = cast("dict[str, Any]", each)
    names = {one.name for one in fields(Row)}
    if given.keys() != names:
        wrong = ", ".join(sorted(given.keys() ^ names))
        raise _malformed(f"A result row lacks fields or has unknown ones: {wrong}.", location)
    for name in ("method", "variant", "task", "metric"):
        if not isinstance(given[name], str):
            raise _malformed(f"The field {name} of a result row is not text.", location)
    if not isinstance(given["rater"], str | None):
        raise _malformed("The field rater of a result row is neither text nor null.", location)
    for name in ("value", "low", "high"):
        if given[name] is not None and not _is_number(given[name]):
            raise _malformed(f"The field {name} of a result row is neither a finite number nor null.", location)
    if not isinstance(given["cases"], int) or isinstance(given["cases"], bool) or given["cases"] < 0:
        raise _malformed("The field cases of a result row is not a count.", location)
    return Row(**given)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _malformed(what: str, location: str) -> RunError:
    return RunError(what, location=location, hint="Delete the file and run the evaluation again.")
