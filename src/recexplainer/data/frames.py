"""Frames and columns from a caller's hands turned into those of polars. It knows no column by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from recexplainer.errors import DataError


def as_polars(frame: Any, what: str) -> pl.DataFrame:
    """A polars frame with the columns of a polars or pandas frame; what pandas calls missing is null, its index goes.

    Args:
        frame: A frame of polars or of pandas.
        what: What to call it in errors.

    Raises:
        DataError: It is neither, or a column holds values of kinds that do not go together.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if type(frame).__module__.partition(".")[0] != "pandas":
        raise DataError(
            f"this is neither a polars nor a pandas frame, but a {type(frame).__name__}",
            location=what,
            hint="give a DataFrame; files are read by recexplainer.data.readers.read_folder",
        )
    if not frame.columns.is_unique:
        raise DataError(
            "two columns have the same name",
            location=what,
            hint="rename or remove all but one",
        )
    values = frame.astype(object).where(frame.notna(), None)
    try:
        return pl.DataFrame({str(name): values[name].tolist() for name in values.columns})
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise DataError(
            f"a column holds values of several kinds: {str(error).splitlines()[0]}",
            location=what,
            hint="bring each column to one kind, for example with frame.astype(str)",
        ) from error


def lists(values: Sequence[Sequence[str] | None]) -> pl.Series:
    """A column of lists of texts, `List(String)[values]`; None is null.

    Built of all texts at once: polars makes a series of each list that it is given.
    """
    lengths = [len(value) if value else 0 for value in values]
    owners = np.repeat(np.arange(len(values)), lengths)
    texts = pl.Series([text for value in values if value for text in value], dtype=pl.String)
    gathered = pl.DataFrame({"owner": owners, "texts": texts}).group_by("owner").agg("texts")
    rows = pl.DataFrame({"owner": np.arange(len(values))})
    column = rows.join(gathered, on="owner", how="left", maintain_order="left")["texts"]
    there = pl.Series([value is not None for value in values], dtype=pl.Boolean)
    return pl.select(pl.when(there).then(column.fill_null(pl.lit([], dtype=column.dtype)))).to_series()
