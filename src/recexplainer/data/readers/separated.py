"""Separated text (CSV, TSV and their kin) as a table of text. It does not know what the columns mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl

from recexplainer.data.readers.files import read_text_bytes
from recexplainer.errors import DataError


def read_separated(
    path: Path,
    separator: str,
    *,
    has_header: bool = True,
    ragged_lines: bool = False,
    quoted: bool = True,
    latin: bool = False,
) -> pl.DataFrame:
    """Reads separated text; every column is text. Raises DataError where that cannot be, or there are no rows.

    The separator has one character or more. Without a header the columns are column_1, column_2, …. With `ragged_lines`
    the surplus fields of a line are dropped; if `quoted`, a field may stand in double quotes.
    """
    data = read_text_bytes(path, latin=latin)
    if len(separator.encode()) > 1:  # the parser takes one byte; this one is in no text
        data, separator = data.replace(separator.encode(), b"\x1f"), "\x1f"
    read = partial(pl.read_csv, data, separator=separator, has_header=has_header, infer_schema=False)
    table = parse_table(path, lambda: read(quote_char='"' if quoted else None, truncate_ragged_lines=ragged_lines))
    return table if has_header else table.rename(lambda name: f"column_{table.columns.index(name) + 1}")


def parse_table(path: Path, parse: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """Runs a parser of polars on a file; what it cannot read, or a table without rows, is a DataError."""
    try:
        table = parse()
    except (pl.exceptions.PolarsError, OSError) as error:
        what = f"the table cannot be read: {str(error).strip().splitlines()[0]}"
        hint = "check separator and quotes; lines with too many fields pass with ragged_lines"
        raise DataError(what, location=str(path), hint=hint) from error
    if table.is_empty():
        raise DataError("the table has a header but no rows", location=str(path), hint="name a file that holds rows")
    return table
