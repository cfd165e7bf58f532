"""Frames from a caller's hands: polars as they are, pandas turned into polars. It knows no column by name."""

from __future__ import annotations

from typing import Any

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
            where=what,
            mend="give a DataFrame; files are read by recexplainer.data.readers.read_folder",
        )
    if not frame.columns.is_unique:
        raise DataError(
            "two columns have the same name",
            where=what,
            mend="rename or remove all but one",
        )
    values = frame.astype(object).where(frame.notna(), None)
    try:
        return pl.DataFrame({str(name): values[name].tolist() for name in values.columns})
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise DataError(
            f"a column holds values of several kinds: {str(error).splitlines()[0]}",
            where=what,
            mend="bring each column to one kind, for example with frame.astype(str)",
        ) from error
