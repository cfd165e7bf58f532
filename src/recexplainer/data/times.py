"""Times of interactions: the unit, the format and the zone of a column are found, and what cannot be true is left out.

Numbers are told by their size, text by how it is written (`dates`). It knows one column at a time; what is done with an
event that has no time is up to the cleaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, NamedTuple
from unicodedata import decimal

import numpy as np
import polars as pl

from recexplainer.data.dates import NUMERIC_FORM, Dates, read_dates
from recexplainer.data.ids import are_missing_words
from recexplainer.data.notes import Note, counted
from recexplainer.errors import DataError


class _Unit(NamedTuple):
    """What a column counts, and which numbers are likely: those of 1990 and later, where no other unit has them."""

    name: str
    seconds: float
    low: float
    high: float
    start: float = 0.0  # second since 1970 of the number 0


_EARLIEST, _LATEST = 650_000_000, 4_102_444_800  # August 1990 and the first second of 2100
_DAY = 86_400
_FEW = 0.1  # share of rows with times below which there are none
_MICROSECONDS = _Unit("microseconds since 1970", 1e-6, _EARLIEST * 10**6, _LATEST * 10**6)
_UNITS = (
    _Unit("seconds since 1970", 1.0, _EARLIEST, _LATEST),
    _Unit("milliseconds since 1970", 1e-3, _EARLIEST * 10**3, _LATEST * 10**3),
    _MICROSECONDS,
    _Unit("nanoseconds since 1970", 1e-9, _EARLIEST * 10**9, _LATEST * 10**9),
)
_DAYS = (
    _Unit("days since 1970", _DAY, 7_500, 25_000),
    _Unit("day numbers of a spreadsheet", _DAY, 32_800, 55_000, -25_569.0 * _DAY),
)
_COMPACT = tuple((19_900_101 * 10**digits, 20_991_232 * 10**digits) for digits in (0, 4, 6, 9))  # YYYYMMDD and clock
_ZERO_DATE = r"^0000[-/.]?00[-/.]?00"  # what MySQL writes for a missing date
_JSON_DATE = r"^/Date\((-?\d+)(?:[+-]\d{4})?\)/$"  # what .NET writes in JSON
_COMMA = r"^(-?\d+),(\d{1,2}|\d{4,})$"  # a decimal comma, as three digits behind it would not be
_LOST_DIGITS = r"^\d([.,]\d{1,5})?[eE]\+?\d+$"
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_COMPOUND = re.compile(r"(time|date|timestamp|edat|nat)$")  # reviewtime, createdat, seenat
_TIME_NAMES = """
    time times timestamp timestamps datetime date dat day ts dt at on when epoch unixtime created updated datum zeit
    zeitstempel fecha 日期 时间 時間 日付 дата время
"""
_OTHER_NAMES = """
    release released birth born joined join registered registration signup published publication expiry expires play
    watch spent run dwell
    playtime runtime lifetime watchtime screentime releasedate birthdate
"""
_TIME_WORDS = frozenset(_TIME_NAMES.split())
_WITH_TIME_WORDS = frozenset(("unix", "event", "review", "rating", "interaction", "ms", "utc"))
_OTHER_WORDS = frozenset(_OTHER_NAMES.split())
_HINT = "write times as 2020-01-31 or 2020-01-31 12:00:00, or take the order of rows: data.columns.timestamp: null"


class Times(NamedTuple):
    """The times of a column.

    Attributes:
        values: Numbers that rise with time, `[rows]`; null where there is none. None: the rows have no times.
        impossible: `Boolean[rows]`, which rows have a time that cannot be true; None: none has.
        dated: Whether they say when something was; numbers such as 1, 2, 3 do not.
        notes: How they were read, and what is odd about them.
    """

    values: pl.Series | None
    impossible: pl.Series | None = None
    dated: bool = False
    notes: tuple[Note, ...] = ()


def read_times(column: pl.Series, location: str, *, day_first: bool | None = None) -> Times:
    """Reads the times of a column of numbers, dates or text.

    Args:
        column: `[rows]`. Numbers may count seconds, milliseconds, microseconds or nanoseconds since 1970 (all of them
            in one column, too), days, or anything that rises with time.
        location: What to call it in messages.
        day_first: Whether 03/04/2023 is the third of April; None: as other rows of the column show.

    Raises:
        DataError: A value is no time, some dates have the day and some the month first, or it cannot be known which.
    """
    while isinstance(column.dtype, pl.Struct) and len(column.dtype.fields) == 1:  # {"$date": …} of MongoDB
        column = column.struct.unnest().to_series()
    kind = column.dtype
    if column.null_count() == len(column):
        return Times(None)
    if kind == pl.String or isinstance(kind, (pl.Categorical, pl.Enum)):
        times = _of_text(column.cast(pl.String), location, day_first)
    elif isinstance(kind, (pl.Date, pl.Datetime)):
        times = _checked(column.cast(pl.Datetime("us")).to_physical(), _MICROSECONDS, "dates")
    elif kind == pl.Duration or kind.is_numeric():
        numbers = column.cast(pl.Float64) if kind.is_decimal() else column.to_physical()
        times = _of_numbers(numbers, location, day_first)
    else:
        what = f"a timestamp must be a number or a date, not {kind}"
        raise DataError(what, location=location, hint="map another column, or map none to take the order of rows")
    return _with_warnings(times)


def _with_warnings(times: Times) -> Times:
    """Warns where times order next to nothing; where hardly any row has one, there are none."""
    if times.values is None:
        return times
    rows, known = len(times.values), times.values.drop_nulls()
    without = times.values.null_count() - (0 if times.impossible is None else int(times.impossible.sum()))
    if len(known) < _FEW * rows:
        what = "rows without a time, nearly all: the order of rows was taken"
        return Times(None, notes=(*times.notes, Note(what, rows - len(known), warning=True)))
    notes = times.notes
    if without > rows // 2:
        notes += (Note("events without a time, more than half of all, dropped", without, warning=True),)
    if len(known) > 1 and known.min() == known.max():
        notes += (Note("events that all have the same time: the order of rows was taken", len(known), warning=True),)
    return times._replace(notes=notes)


def _checked(values: pl.Series, unit: _Unit, what: str, unreal: pl.Series | None = None) -> Times:
    """Leaves out times before the second day of 1970 (a missing time, often) and after 2099, unless that is most.

    `unreal`, `Boolean[rows]`, are null in `values` because there is no such day.
    """
    low, high = ((second - unit.start) / unit.seconds for second in (_DAY, _LATEST))
    impossible = ((values < low) | (values >= high)).fill_null(value=False)
    if unreal is not None:
        impossible |= unreal
    count, known = int(impossible.sum()), len(values) - values.null_count()
    known += 0 if unreal is None else int(unreal.sum())
    if count > known // 2:
        odd = Note("times before 1970-01-02 or after 2099, most of all: wrong unit or column?", count, warning=True)
        return Times(values, dated=True, notes=(Note(f"times read as {what}", known), odd))
    kept = values.set(impossible, None) if count else values
    span = " to ".join(_date(value, unit) for value in (kept.min(), kept.max()))
    notes = (Note(f"times read as {what}, {span}", known - count),)
    if count:
        dropped = "events with a time that cannot be true (before 1970-01-02 or after 2099) dropped"
        notes += (Note(dropped, count, warning=count > _FEW * known),)
    return Times(kept, impossible if count else None, dated=True, notes=notes)


def _date(value: object, unit: _Unit) -> str:
    second = float(str(value)) * unit.seconds + unit.start
    return str((datetime(1970, 1, 1) + timedelta(seconds=second)).date())


def _of_text(column: pl.Series, location: str, day_first: bool | None) -> Times:
    numbers = column.cast(pl.Int64, strict=False)
    if numbers.null_count() == column.null_count() and bool((numbers > 0).all()):  # nearly always, and fast
        return _of_numbers(numbers, location, day_first)
    stripped = _ascii(column.str.strip_chars()).str.replace(_JSON_DATE, "${1}").str.replace(_COMMA, "${1}.${2}")
    missing = stripped.is_in(["", "-", "--"]) | are_missing_words(stripped) | stripped.str.contains(_ZERO_DATE)
    text = stripped.set(missing.fill_null(value=True), None)
    for kind in (pl.Int64, pl.Float64):
        parsed = text.cast(kind, strict=False)
        if parsed.null_count() == text.null_count():
            times = _of_numbers(parsed, location, day_first)
            lost = int(text.str.contains(_LOST_DIGITS).sum()) if kind == pl.Float64 and times.dated else 0
            note = Note("times such as 1.6E+09 have lost digits: export them as whole numbers", lost, warning=True)
            return times._replace(notes=(*times.notes, note)) if lost else times
    return _of_dates(text, location, day_first)


def _ascii(texts: pl.Series) -> pl.Series:
    """Texts with the digits and blanks of ASCII in place of those of other scripts."""
    if not texts.str.contains(r"[^\x00-\x7f]").any():
        return texts
    digits = {sign: str(decimal(sign)) for sign in map(chr, range(0x80, 0x1FC00)) if sign.isdecimal()}
    return texts.str.normalize("NFKC").str.replace_many(digits)


def _of_dates(text: pl.Series, location: str, day_first: bool | None, unreal: pl.Series | None = None) -> Times:
    """Times of texts without blanks around them; each distinct one is read once."""
    distinct = text.drop_nulls().unique(maintain_order=True)
    dates = read_dates(distinct, day_first)
    _require_clear(text, distinct, dates, location)
    table = pl.DataFrame({"text": distinct, "value": dates.values, "zoned": dates.zoned, "form": dates.forms})
    rows = pl.DataFrame({"text": text}).join(table, on="text", how="left", maintain_order="left")
    forms = rows["form"].value_counts(sort=True).drop_nulls()
    names = [f"03/04/2023, {dates.order}" if form == NUMERIC_FORM else form for form in forms["form"].to_list()]
    none = rows["value"].is_null() & text.is_not_null()
    none = none if unreal is None else none | unreal
    times = _checked(rows["value"], _MICROSECONDS, f"dates ({'; '.join(names)})", none)
    bare = int((~rows["zoned"]).sum()) if dates.zoned.any() else 0
    several = int(forms["count"][1:].sum()) if NUMERIC_FORM in forms["form"] else 0
    odd = (
        ("times without a zone among times with one: taken as UTC", bare),
        (f"dates in another format than most ({'; '.join(names)})", several),
    )
    return times._replace(notes=times.notes + tuple(Note(what, count, warning=True) for what, count in odd if count))


def _require_clear(text: pl.Series, distinct: pl.Series, dates: Dates, location: str) -> None:
    """Raises DataError where a text is no date, or the day and the month of some cannot be told apart."""

    def row(value: str) -> str:
        return f"data row {int((text == value).arg_true()[0]) + 1}"

    unknown, known = distinct.filter(dates.forms.is_null()), distinct.filter(dates.forms.is_not_null())
    if len(unknown):
        words, hint = unknown.filter(unknown.cast(pl.Float64, strict=False).is_null()), _HINT
        fault = words[0] if len(words) else unknown[0]
        what = f"{fault!r:.60} is neither a number nor a date"
        if not len(words):
            what = f"'{fault}' is a number, but '{known[0]}' ({row(known[0])}) is a date"
    elif dates.clash:
        order, fault, other_order, other = dates.clash
        what = f"'{fault}' has the {order}, but '{other}' ({row(other)}) has the {other_order}"
        hint = "write all dates in one format, best as 2023-12-31"
    elif not dates.certain:
        fault = distinct.filter(dates.forms == NUMERIC_FORM)[0]
        what = f"the day or the month may be first in '{fault}', and no row of the column decides"
        hint = "set data.columns.day_first (in Python day_first of from_frames) to true or false, or write 2023-12-31"
    else:
        return
    raise DataError(what, location=f"{location}, {row(fault)}", hint=hint)


def _of_numbers(column: pl.Series, location: str, day_first: bool | None) -> Times:
    short = column.dtype == pl.Float32
    column = column if column.dtype.is_integer() else _finite(column.cast(pl.Float64))
    low, high = column.min(), column.max()
    if low is None or high is None:
        return Times(None)
    notes: tuple[Note, ...] = ()
    unit = next((unit for unit in _UNITS if unit.low <= low and high < unit.high), None)  # pyright: ignore[reportOperatorIssue]
    if unit is None and (compact := _compact(column)) is not None:
        return _of_dates(compact, location, day_first, column <= 0)
    if unit is None:
        column, unit, notes = _likely_unit(column)
    if unit is None:
        return Times(column, notes=counted(("times below zero, taken as they are", int((column < 0).sum()))))
    times = _checked(column, unit, unit.name)
    return times._replace(notes=(*times.notes, *notes, *(_blurred(column, unit) if short else ())))


def _blurred(column: pl.Series, unit: _Unit) -> tuple[Note, ...]:
    step = float(np.spacing(np.float32(str(column.max())))) * unit.seconds
    return (Note(f"times held as 32-bit floats, in steps of {step:,.3g} seconds", len(column), warning=True),)


def _finite(column: pl.Series) -> pl.Series:
    return column.set(~column.is_finite().fill_null(value=False), None)


def _compact(column: pl.Series) -> pl.Series | None:
    """The dates that whole numbers stand for, 20230403101500 or (day or month first) 3042023; None where they do not.

    Numbers that are not above zero are null.
    """
    whole = column.cast(pl.Int64, strict=False)
    positive = whole.set(whole <= 0, None)
    middle = positive.median()
    if middle is None or not bool((whole == column).all()):
        return None
    if any(low <= middle < high for low, high in _COMPACT):  # pyright: ignore[reportOperatorIssue]
        text = positive.cast(pl.String)
    elif bool(((positive % 10_000).is_between(1990, 2100) & positive.is_between(1_011_990, 31_129_999)).all()):
        text = positive.cast(pl.String).str.zfill(8).str.replace(r"^(..)(..)", "${1}/${2}/")
    else:
        return None
    values = read_dates(text.drop_nulls().unique()).values
    return text if values.null_count() <= _FEW * len(values) else None


def _likely_unit(column: pl.Series) -> tuple[pl.Series, _Unit | None, tuple[Note, ...]]:
    """The unit of numbers that not all are likely in one, and the numbers in it; None where they are no dates."""
    positive = column.filter(column > 0)
    if not len(positive):
        return column, None, ()
    for unit in _DAYS:
        if positive.min() >= unit.low and positive.max() < unit.high:  # pyright: ignore[reportOptionalOperand, reportOperatorIssue]
            return column, unit, ()
    likely = {unit: column.is_between(unit.low, unit.high, closed="left").fill_null(value=False) for unit in _UNITS}
    inside = {unit: rows for unit, rows in likely.items() if rows.any()}
    some = reduce(or_, likely.values())
    n_likely, n_others = (column.filter(rows & (column > 0)).n_unique() for rows in (some, ~some))
    if n_others > max(n_likely / 8, n_likely > 3):  # they spread over all sizes
        return column, None, ()
    main = max(inside, key=lambda unit: int(inside[unit].sum()))
    return (column, main, ()) if len(inside) == 1 else _in_one_unit(column, inside, main)


def _in_one_unit(
    column: pl.Series, inside: dict[_Unit, pl.Series], main: _Unit
) -> tuple[pl.Series, _Unit, tuple[Note, ...]]:
    """Numbers of several units in microseconds; what is inside of none is of the main one."""
    ticks = column.cast(pl.Float64)
    scaled = ticks * (main.seconds * 1e6)
    for unit, rows in inside.items():
        scaled = scaled.zip_with(~rows, ticks * (unit.seconds * 1e6))
    names = " and ".join(unit.name for unit in inside if unit is not main)
    what = f"times in {names} among times in {main.name}: brought to one unit"
    count = sum(int(rows.sum()) for unit, rows in inside.items() if unit is not main)
    return scaled, _MICROSECONDS._replace(name=main.name), (Note(what, count, warning=True),)


def dates_as_text(values: Sequence[Any]) -> Sequence[Any]:
    """Dates and periods of Python, NumPy and pandas, text, and numbers among these, as text; others as they are."""

    def text(value: Any) -> str | None:
        return value.isoformat() if isinstance(value, date) else None if value is None else str(value)

    starts = [getattr(value, "start_time", value) for value in values]  # a period of pandas
    plain, kinds = (int, float, type(None)), (str, date, np.datetime64)
    dated = any(isinstance(value, kinds) for value in starts) and all(isinstance(one, plain + kinds) for one in starts)
    return [text(value) for value in starts] if dated else values


def looks_like_time(name: str) -> bool:
    """Whether a column of this name, such as created_at or unixReviewTime, may hold the times of interactions."""
    words = {word.lower() for word in (name, *_WORDS.findall(name))}
    return not words & _OTHER_WORDS and bool(words & _TIME_WORDS or any(map(_COMPOUND.search, words)))


def date_fields(names: Iterable[str]) -> list[str]:
    """The names of columns that have a year, a month or a day each, where several do."""
    fields = [name for name in names if name.lower() in ("year", "month", "day")]
    return fields if len(fields) > 1 else []


def unmapped_times(interactions: pl.DataFrame) -> Note | None:
    """A warning where a column that was not mapped looks like the time, `[rows]` beside `user_id`; else None."""
    no_time = "no time was found and the order of rows was taken, but column"
    if fields := date_fields(interactions.columns):
        what = f"{no_time}s {', '.join(fields)} look like one: write them as 2020-01-31 in one column, timestamp"
        return Note(what, interactions.height, warning=True)
    for name in interactions.columns:
        if name in ("user_id", "item_id", "timestamp") or not looks_like_time(name):
            continue
        try:
            times = read_times(interactions[name], name)
        except DataError:
            order = ""
        else:
            plain = {word.lower() for word in _WORDS.findall(name)} <= _TIME_WORDS | _WITH_TIME_WORDS
            if times.values is None or not (times.dated or plain):
                continue
            order = _order_differs(interactions["user_id"], times.values)
        how = f"map it with data.columns.timestamp: {name}, or rename it to timestamp"
        what = f"{no_time} '{name}' looks like one{order}: {how}"
        return Note(what, interactions.height, warning=True)
    return None


def _order_differs(users: pl.Series, times: pl.Series) -> str:
    rows = pl.DataFrame({"user": users, "time": times}).drop_nulls()
    falls = rows.group_by("user", maintain_order=True).agg((pl.col("time").diff() < 0).any())["time"]
    return f" (by it, {falls.sum():,} of {len(falls):,} histories have another order)" if falls.any() else ""
