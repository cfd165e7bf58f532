"""Ids: text, written one way wherever they come from, a table, a frame, a file of vectors or a command line.

Blanks and characters without width around an id go; a whole number written as a float (17.0) is the whole number;
bytes are UTF-8 text; what programs write for a missing value ("", nan, None, NULL, …) is no id. Refused are booleans,
values of several parts, and numbers that have lost digits. It knows neither users nor items.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import polars as pl

from recexplainer.data.notes import Note
from recexplainer.errors import DataError

# What pandas, R, SQL, spreadsheets and scripts write for a missing value. Not "Nan" or "Na", which are names.
_MISSING_WORDS = r"""
    nan NaN NAN -nan -NaN None none NONE null NULL Null (null) (NULL) <NA> <null> <NULL> NA N/A n/a NaT #N/A #NA #NULL!
    #VALUE! #REF! #NAME? #DIV/0! \N undefined
"""
MISSING_WORDS = frozenset(_MISSING_WORDS.split())
_NO_WIDTH = r"\x{AD}\x{61C}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{2069}\x{FEFF}"
_EDGE = rf"[\s\x00-\x1f\x7f{_NO_WIDTH}]"
_EDGES = f"^{_EDGE}+|{_EDGE}+$"
_WHOLE = r"^(-?(?:0|[1-9][0-9]*))(?:\.0+|,0)$"
_SCIENTIFIC = r"^-?[0-9](?:[.,][0-9]+)?[eE]\+[0-9]+$|^-?[0-9][.,][0-9]+[eE][0-9]+$"
_FULL_FLOAT = r"^-?[0-9]{16,}\.0$"  # as programs write a large float in full
_SPREADSHEET_DIGITS = 15  # a spreadsheet holds no more, and writes zeros for the others
_EXACT_BITS: dict[type[pl.DataType], int] = {pl.Float16: 11, pl.Float32: 24, pl.Float64: 53}


class CleanIds(NamedTuple):
    """Ids by the one rule, and what it changed."""

    values: pl.Series  # `Categorical[n]`; null where there is none
    notes: tuple[Note, ...]

    def texts(self) -> list[str | None]:
        """The ids as text, `[n]`."""
        return self.values.cast(pl.String).to_list()


def clean_ids(ids: Any, location: str) -> CleanIds:
    """Ids by the one rule.

    Args:
        ids: `[n]`, a series, an array, or any values: text, whole numbers, bytes, UUIDs.
        location: What to call them in messages, such as "item table, column item_id".

    Raises:
        DataError: They have lost digits (floats of 2^53 and more, 1.23457E+17), or are no text or whole numbers.
    """
    texts = _texts(_series(ids, location), location)
    distinct = texts.unique().drop_nulls()
    given = distinct.cast(pl.String)
    _require_digits(given, texts, location)
    stripped = given.str.replace_all(_EDGES, "")
    clean = stripped.str.replace(_WHOLE, "${1}")
    words = clean.is_in(list(MISSING_WORDS))
    clean = clean.set(words | (clean == ""), None)
    zeros = _spreadsheet_zeros(clean, location)
    if clean.equals(given):
        return CleanIds(texts, zeros)
    table = pl.DataFrame({"given": distinct, "clean": clean.cast(pl.Categorical), "word": words})
    joined = pl.DataFrame({"given": texts}).join(table, on="given", how="left", maintain_order="left")
    merged = stripped.n_unique() - stripped.str.replace(_WHOLE, "${1}").n_unique()
    notes = (
        Note(f"{location}: values such as nan, None or NULL taken as missing ids", int(joined["word"].sum()), True),
        Note(f"{location}: ids written in two ways, as 17 and 17.0, taken as one", merged, True),
    )
    return CleanIds(joined["clean"].alias(texts.name), tuple(note for note in notes if note.count) + zeros)


def one_id(value: object) -> str:
    """One id by the rule; "" where it is missing. Raises DataError as `clean_ids`."""
    return clean_ids([value], f"the id {value!r}").texts()[0] or ""


def are_missing_words(texts: pl.Series) -> pl.Series:
    """Whether each text, `String[n]`, is what a program writes for a missing value; `Boolean[n]`, null for null."""
    return texts.str.replace_all(_EDGES, "").is_in(list(MISSING_WORDS))


def _series(ids: Any, location: str) -> pl.Series:
    if isinstance(ids, np.ndarray):
        if ids.dtype.names or ids.size != len(ids):
            raise _refusal(f"an id is one value, not one of several parts ({ids.dtype}, {ids.shape})", location)
        ids = ids.reshape(-1)
    if not isinstance(ids, pl.Series):
        plain = isinstance(ids, np.ndarray) and ids.dtype != object
        ids = ids if plain else list(ids)
        try:
            ids = pl.Series(ids)
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
            return mixed_ids(ids, location)
    return mixed_ids(ids.to_list(), location).alias(ids.name) if ids.dtype == pl.Object else ids


def mixed_ids(values: Iterable[Any], location: str) -> pl.Series:
    """Ids of several kinds as text, `String[n]`, not yet by the rule. Raises DataError as `clean_ids`."""
    return pl.Series([_text(value, location) for value in values], dtype=pl.String)


def _text(value: Any, location: str) -> str | None:
    """One value of a column that holds several kinds."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or (not isinstance(value, str) and str(value) in MISSING_WORDS):
        return None
    if isinstance(value, Decimal):
        return _whole_decimal(format(value, "f"))
    if isinstance(value, bytes):
        return _decoded(pl.Series([value]), location)[0]
    if isinstance(value, bool) or not isinstance(value, (str, int, float, UUID, date)):
        raise _refusal(f"an id is text or a whole number, not {value!r:.60} ({type(value).__name__})", location)
    return str(value)


def _whole_decimal(text: str) -> str:
    whole, _, rest = text.partition(".")
    return text if rest.strip("0") else whole


def _texts(ids: pl.Series, location: str) -> pl.Series:
    """The ids as categories, each text held once; not yet by the rule."""
    ids = _unwrapped(ids)
    kind = ids.dtype
    if kind == pl.Categorical:
        return ids
    if kind.is_nested() or isinstance(kind, (pl.Boolean, pl.Duration)):
        raise _refusal(f"a value must be text or a number, not {kind}", location)
    if kind == pl.Binary:
        ids = _decoded(ids, location)
    elif kind.is_decimal():
        ids = ids.cast(pl.String).str.replace(r"\.0*$", "")
    elif kind.is_float():
        ids = _whole_floats(ids, location)
    return ids.cast(pl.String).cast(pl.Categorical)


def _unwrapped(ids: pl.Series) -> pl.Series:
    """Ids that each stand alone in a list or an object, as {"$oid": "5f0a"} of MongoDB, without these."""
    if isinstance(ids.dtype, pl.Struct) and len(ids.dtype.fields) == 1:
        return ids.struct.unnest().to_series().alias(ids.name)
    alone = isinstance(ids.dtype, pl.List) and bool((ids.list.len() == 1).all())
    return ids.list.first() if alone else ids


def _whole_floats(ids: pl.Series, location: str) -> pl.Series:
    """Floats as whole numbers where all are; NaN and infinity are null."""
    finite = ids.set(~ids.is_finite().fill_null(value=False), None)
    bits = _EXACT_BITS[type(ids.dtype)]
    if (large := (finite.abs() >= 1 << bits).fill_null(value=False)).any():
        what = f"ids are floats of 2^{bits} and more, such as {finite.filter(large)[0]:.0f}"
        raise _lost_digits(what, large, location)
    return finite.cast(pl.Int64) if bool((finite == finite.round()).all()) else finite


def _decoded(ids: pl.Series, location: str) -> pl.Series:
    """Bytes as text: UTF-8, or UUIDs where all are of 16 bytes and some are no UTF-8."""
    try:
        return ids.cast(pl.String)
    except pl.exceptions.PolarsError as error:
        if set(ids.drop_nulls().bin.size().to_list()) == {16}:
            values = [None if value is None else str(UUID(bytes=value)) for value in ids.to_list()]
            return pl.Series(ids.name, values, dtype=pl.String)
        wrong = next(value for value in ids.to_list() if value is not None and not _is_text(value))
        raise _refusal(f"an id is bytes that are no UTF-8 text: {wrong!r:.60}", location) from error


def _is_text(value: bytes) -> bool:
    return value.decode("utf-8", "ignore").encode() == value


def _require_digits(distinct: pl.Series, texts: pl.Series, location: str) -> None:
    """Raises DataError where texts are numbers that have lost digits."""
    lost = distinct.filter(distinct.str.contains(f"{_SCIENTIFIC}|{_FULL_FLOAT}"))
    if lost.is_empty():
        return
    rows = texts.cast(pl.String).is_in(lost.implode()).fill_null(value=False)
    raise _lost_digits(f"ids look like '{texts.cast(pl.String).filter(rows)[0]}'", rows, location)


def _lost_digits(what: str, rows: pl.Series, location: str) -> DataError:
    problem = f"{int(rows.sum()):,} {what}: they may have lost digits, and different ids become one"
    hint = "export them again as text or as whole numbers, not through a spreadsheet or as floats"
    return DataError(problem, location=f"{location}, data row {int(rows.arg_true()[0]) + 1}", hint=hint)


def _spreadsheet_zeros(distinct: pl.Series, location: str) -> tuple[Note, ...]:
    """Notes, if ids have more digits than a spreadsheet holds, and all of these, several, end in zeros for the rest."""
    long = distinct.filter(distinct.str.contains(rf"^[0-9]{{{_SPREADSHEET_DIGITS + 1},}}$").fill_null(value=False))
    rest = long.str.slice(_SPREADSHEET_DIGITS)
    if len(long) < 3 or int(rest.str.len_chars().sum()) < 6 or rest.str.contains("[1-9]").any():
        return ()
    what = f"ids of more than {_SPREADSHEET_DIGITS} digits end in zeros, as {long[0]}: has a spreadsheet rounded them?"
    return (Note(f"{location}: {what}", len(long), True),)


def _refusal(what: str, location: str) -> DataError:
    return DataError(what, location=location, hint="map another column, or write one text or number a row")


def some_ids(ids: Iterable[object], most: int = 3) -> str:
    """The first ids, quoted, for messages."""
    shown = [repr(one) for one, _ in zip(ids, range(most + 1), strict=False)]
    return ", ".join(shown[:most]) + (", …" if len(shown) > most else "")
