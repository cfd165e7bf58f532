"""Dates as people write them: with the year, the day or the month first, with names of months, clocks and zones.

It knows texts alone: which column they are from, and whether a date can be true, is up to `times`.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import NamedTuple
from zoneinfo import available_timezones

import polars as pl

_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_NAME = r"(?P<name>(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)\.?"
_YEAR = r"'?(?P<year>\d{4}|\d{2})"
_WEEKDAY = r"(?:(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_TIME = (
    r"(?P<hour>\d{1,2})(?:[:.h]?(?P<minute>\d{2}))?(?:[:.]?(?P<second>\d{2})(?:[.,:](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?\s?[Mm]\.?)?"
)
_ZONE = r"\s*(?P<zone>(?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?(?::?\d{2})?|[A-Za-z]{1,5}|[A-Za-z_]+/[\w/+-]+)?"
_END = rf"(?:(?:[T_:,]|\s+at\b|\s)\s*{_TIME})?{_ZONE}\s*(?:\[[\w/+-]+\]|\([\w ]+\))?"
# How a date may be written. What is tried first wins; all but NUMERIC_FORM say by themselves what is the day.
NUMERIC_FORM = "the day and the month as numbers before the year"
_FORMS: dict[str, str] = {
    "year, month, day": r"(?P<year>\d{4})(?:[-/年 ]|\. ?)(?P<month>\d{1,2})(?:[-/月 ]|\. ?)(?P<day>\d{1,2})[日.]?"
    f"{_END}",
    "YYYYMMDD": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?:[T_ ]?(?P<hour>\d{2}):?(?P<minute>\d{2})"
    rf"(?::?(?P<second>\d{{2}})(?:[.,]?(?P<fraction>\d{{1,9}}))?)?{_ZONE})?",
    NUMERIC_FORM: rf"(?P<a>\d{{1,2}})(?P<mark>[-/.])(?P<b>\d{{1,2}})[-/.]{_YEAR}{_END}",
    "day, name of the month, year": rf"{_WEEKDAY}{_DAY}\.?(?:\s+of)?[ \-/.]*{_NAME},?[ \-/.]*{_YEAR}{_END}",
    "name of the month, day, year": rf"{_WEEKDAY}{_NAME}[ \-]*{_DAY},?[ \-]+(?P<year>\d{{4}}){_END}",
    "year, name of the month, day": rf"(?P<year>\d{{4}})[-/. ]*{_NAME}[-/. ]*{_DAY}{_END}",
    "weekday, month, day, clock, year": rf"{_WEEKDAY}{_NAME}\s+{_DAY}\s+{_TIME}{_ZONE}\s+(?P<year>\d{{4}})",
    "month, day, comma, year": rf"(?P<month>\d{{1,2}}) (?P<day>\d{{1,2}}), (?P<year>\d{{4}}){_END}",
    "week of a year": r"(?P<year>\d{4})-?W(?P<week>\d{2})(?:-?(?P<weekday>[1-7]))?",
    "quarter of a year": r"(?P<year>\d{4})[- ]?Q(?P<quarter>[1-4])",
    "day of a year": r"(?P<year>\d{4})-(?P<yearday>\d{3})",
    "year, month": r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})",
    "month, year": r"(?P<month>\d{1,2})[-/.](?P<year>\d{4})",
    "name of the month, year": rf"{_NAME}[ \-]+(?P<year>\d{{4}})",
    "year": r"(?P<year>\d{4})",
}
_GROUPS = sorted(set(re.findall(r"\?P<(\w+)>", " ".join(_FORMS.values()))))
_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS = {name: f"{month:02}" for month, name in enumerate(_NAMES.split(), 1)}
_ORDERS = {"day first": ("b", "a", "year"), "month first": ("a", "b", "year"), "year first": ("b", "year", "a")}
_GIVEN = {True: "day first", False: "month first"}
# Hours before or after UTC of the abbreviations of RFC 2822 and of those that mean one zone.
_HOURS = {
    "Z": 0,
    "UTC": 0,
    "GMT": 0,
    "UT": 0,
    "WET": 0,
    "WEST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "JST": 9,
    "KST": 9,
}
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?:?(?:\d{2})?")


class Dates(NamedTuple):
    """What distinct texts say.

    Attributes:
        values: `Int64[texts]`, microseconds since 1970 in UTC; null where the text names no day that there is.
        forms: `String[texts]`, how each is written; null where it is no date.
        zoned: `Boolean[texts]`, whether a zone is written behind it.
        order: Of those that are written as `03/04/2023`, which field is taken first; None where there are none.
        certain: Whether some text, a dot between the fields or `day_first` decided that, or all orders say the same.
        clash: An order and a text that has only this one, and the same of another order; or ().
    """

    values: pl.Series
    forms: pl.Series
    zoned: pl.Series
    order: str | None
    certain: bool
    clash: tuple[str, ...]


def read_dates(texts: pl.Series, day_first: bool | None = None) -> Dates:
    """Reads distinct texts, `String[texts]` without outer blanks; `day_first` decides on what is written 03/04/2023."""
    fields = _fields(texts)
    order, certain, clash = _order_of_fields(texts, fields, day_first)
    if order is not None:
        month, day, year = (pl.col(name) for name in _ORDERS[order])
        ours = pl.col("form") == NUMERIC_FORM
        given = {"year": year, "month": month, "day": day}
        fields = fields.with_columns(pl.when(ours).then(own).otherwise(name).alias(name) for name, own in given.items())
    local = fields.select(_moment()).to_series()
    zones = fields["zone"]
    values = local.dt.epoch("us")
    numbers = fields.select(pl.col("month", "day").cast(pl.Int64, strict=False))
    swapped = (
        values.is_null() & (fields["form"] != NUMERIC_FORM) & (numbers["month"] > 12) & (numbers["day"] <= 12)
    )  # 2023-31-12: no form that is known
    forms = fields["form"].set(swapped.fill_null(value=False), None)
    for zone in zones.drop_nulls().unique():
        here = zones == zone
        moved = _to_utc(local.filter(here), zone)
        if moved is None:
            forms = forms.set(here, None)
        else:
            values = values.scatter(here.arg_true(), moved)
    return Dates(values, forms, zones.is_not_null(), order, certain, clash)


def _fields(texts: pl.Series) -> pl.DataFrame:
    """The form of each text and its fields, a column a group of the forms."""
    rest = pl.DataFrame({"row": range(len(texts)), "text": texts})
    found: list[pl.DataFrame] = []
    for form, pattern in _FORMS.items():
        if rest.is_empty():
            break
        groups = rest.with_columns(pl.col("text").str.extract_groups(f"^{pattern}$").alias("groups")).unnest("groups")
        there = groups["year"].is_not_null()
        found.append(groups.filter(there).with_columns(pl.lit(form).alias("form")))
        rest = rest.filter(~there)
    empty = pl.DataFrame(schema=dict.fromkeys([*_GROUPS, "form"], pl.String))
    fields = pl.concat([empty, *found, rest], how="diagonal_relaxed").sort("row")
    return fields.with_columns(pl.when(pl.col("zone") != "").then("zone").alias("zone"))


def _order_of_fields(
    texts: pl.Series, fields: pl.DataFrame, day_first: bool | None
) -> tuple[str | None, bool, tuple[str, ...]]:
    """Which order the texts written as 03/04/2023 have, whether that is certain, and what contradicts each other."""
    ours = fields.filter(pl.col("form") == NUMERIC_FORM)
    if ours.is_empty():
        return None, True, ()
    read = _in_each_order(ours)
    there = {order: days.is_not_null() for order, days in read.items()}
    some = reduce(or_, there.values())
    fitting = [order for order in read if bool((there[order] | ~some).all())]
    if not fitting:
        return "day first", False, _clash(texts.gather(ours["row"]), there)
    if day_first is not None and _GIVEN[day_first] in fitting:
        return _GIVEN[day_first], True, ()
    dotted = fitting[0] == "day first" and bool((ours["mark"] == ".").all())
    alike = all(read[order].rank("dense").equals(read[fitting[0]].rank("dense"), null_equal=True) for order in fitting)
    return fitting[0], dotted or alike, ()


def _in_each_order(fields: pl.DataFrame) -> dict[str, pl.Series]:
    """The days that these texts are if their fields have an order, by order."""
    short = bool((fields["year"].str.len_chars() < 4).all())  # else the last field is the year
    orders = _ORDERS if short else {order: _ORDERS[order] for order in ("day first", "month first")}
    return {order: fields.select(_day(*names)).to_series() for order, names in orders.items()}


def _clash(texts: pl.Series, there: dict[str, pl.Series]) -> tuple[str, ...]:
    """Two texts of which each is a day in one order of the fields only, each with that order before it, or ()."""
    only: list[str] = []
    for order, days in there.items():
        others = reduce(or_, (rows for other, rows in there.items() if other != order))
        only += [part for text in texts.filter(days & ~others).head(1).to_list() for part in (order, text)]
    return tuple(only[:4]) if len(only) > 2 else ()


def _year(name: str) -> pl.Expr:
    """A year of two digits is one from 1969 to 2068, as POSIX has it."""
    short = pl.col(name).cast(pl.Int32, strict=False)
    century = pl.when(pl.col(name).str.len_chars() > 2).then(0).when(short < 69).then(2000).otherwise(1900)
    return (short + century).cast(pl.String).str.zfill(4)


def _day(month: str, day: str, year: str) -> pl.Expr:
    parts = (_year(year), *(pl.col(name).str.zfill(2) for name in (month, day)))
    return pl.concat_str(*parts, separator="-").str.to_date("%Y-%m-%d", strict=False)


def _moment() -> pl.Expr:
    """The date and the clock as they are written, `Datetime("us")`."""
    name = pl.col("name").str.slice(0, 3).str.to_lowercase().replace_strict(_MONTHS, default=None)
    quarter = (pl.col("quarter").cast(pl.Int8) * 3 - 2).cast(pl.String)
    month = pl.coalesce(name, "month", quarter, pl.lit("1")).str.zfill(2)
    day = pl.coalesce("day", pl.lit("1")).str.zfill(2)
    date = pl.concat_str(_year("year"), month, day, separator="-").str.to_date("%Y-%m-%d", strict=False)
    week = pl.concat_str("year", "week", pl.coalesce("weekday", pl.lit("1")), separator="-")
    week = week.str.to_date("%G-%V-%u", strict=False)
    yearday = pl.concat_str("year", "yearday", separator="-").str.to_date("%Y-%j", strict=False)
    special = pl.when(pl.col("week").is_not_null()).then(week).when(pl.col("yearday").is_not_null()).then(yearday)
    date = pl.when(pl.coalesce("week", "yearday").is_not_null()).then(special).otherwise(date)
    hour, after_noon = pl.col("hour").cast(pl.Int64), pl.col("half").str.to_lowercase().str.starts_with("p")
    late = after_noon.fill_null(value=False) & (hour < 12)
    midnight = (~after_noon).fill_null(value=False) & (hour == 12)
    hour = pl.when(late).then(hour + 12).when(midnight).then(0).otherwise(hour)
    fraction = pl.col("fraction").str.pad_end(9, "0").str.slice(0, 6)
    clock, real = pl.lit(0), (hour.fill_null(0) <= 24) & (pl.col("minute").cast(pl.Int64).fill_null(0) < 60)
    for part, ticks in ((hour, 3_600_000_000), ("minute", 60_000_000), ("second", 1_000_000), (fraction, 1)):
        number = pl.col(part) if isinstance(part, str) else part
        clock += number.cast(pl.Int64).fill_null(0) * ticks
    return pl.when(real).then(date.cast(pl.Datetime("us")) + pl.duration(microseconds=clock))


def _to_utc(local: pl.Series, zone: str) -> pl.Series | None:
    """Microseconds since 1970 of times in a zone; None where the zone is not known."""
    if zone in available_timezones() and zone.upper() not in _HOURS:
        # An hour that a clock leaves out in spring is the next one.
        there, later = (
            times.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.epoch("us")
            for times in (local, local.dt.offset_by("1h"))
        )
        return there.fill_null(later)
    hours = _HOURS.get(zone.upper())
    minutes = None if hours is None else hours * 60
    if offset := _OFFSET.fullmatch(zone):
        minutes = (int(offset[2]) * 60 + int(offset[3] or 0)) * (-1 if offset[1] == "-" else 1)
    return None if minutes is None else local.dt.epoch("us") - minutes * 60_000_000
