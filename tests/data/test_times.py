"""Times of interactions: unit, format and zone of a column are found and said, what cannot be true is left out."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from recexplainer.data.times import Times, looks_like_time, read_times, unmapped_times
from recexplainer.errors import DataError

S = 1_600_000_000
"""A second in September 2020."""


def read(values: Any, **options: Any) -> Times:
    return read_times(values if isinstance(values, pl.Series) else pl.Series(values), "timestamp", **options)


def said(times: Times) -> list[str]:
    return [f"{'! ' if note.warning else ''}{note.what}: {note.count}" for note in times.notes]


def order(times: Times) -> list[int]:
    """The rows with a time, oldest first."""
    assert times.values is not None
    rows = pl.DataFrame({"time": times.values}).with_row_index().drop_nulls()
    return rows.sort("time", maintain_order=True)["index"].to_list()


@pytest.mark.parametrize(
    ("values", "how"),
    [
        ([S + 9, S], "seconds since 1970"),
        ([S + 9.5, S + 0.25], "seconds since 1970"),
        ([str(S + 9), f" {S} "], "seconds since 1970"),
        (pl.Series([str(S + 9), str(S)], dtype=pl.Categorical), "seconds since 1970"),
        ([(S + 9) * 10**3, S * 10**3], "milliseconds since 1970"),
        ([(S + 9) * 10**6, S * 10**6], "microseconds since 1970"),
        ([(S + 9) * 10**9, S * 10**9], "nanoseconds since 1970"),
        ([{"$date": (S + 9) * 1000}, {"$date": S * 1000}], "milliseconds since 1970"),
        ([18_519, 18_518], "days since 1970"),
        ([44_088.5, 44_087.25], "day numbers of a spreadsheet"),
        ([20_200_914, 20_200_913], "dates (YYYYMMDD)"),
        (["20200913235959", "20200913101500"], "dates (YYYYMMDD)"),
        ([14_092_020, 13_092_020], "dates (03/04/2023, day first)"),
        ([date(2020, 9, 14), date(2020, 9, 13)], "dates"),
        (pl.Series([datetime(2020, 9, 14), datetime(2020, 9, 13)], dtype=pl.Datetime("ns", "Asia/Tokyo")), "dates"),
        (["2020-09-14", "2020-09-13"], "dates (year, month, day)"),
        (["２０２０-０９-１４ ０３:１０", "٢٠٢٠-٠٩-١٣ ٠٣:١٠"], "dates (year, month, day)"),
        ([f"/Date({S + 9}000)/", f"/Date({S}000+0200)/"], "milliseconds since 1970"),
        ([f"{S + 9},25", f"{S},5"], "seconds since 1970"),
        ([Decimal(f"{S + 9}.500"), Decimal(f"{S}.500")], "seconds since 1970"),
        (["Sep 14, 2020", "Sep 13, 2020"], "dates (name of the month, day, year)"),
    ],
)
def test_unit_and_format_are_found_and_said(values: Any, how: str) -> None:
    times = read(values)
    assert order(times) == [1, 0]
    (note,) = said(times)
    assert note.startswith(f"times read as {how}, 2020-09-13 to 2020-09-1")


@pytest.mark.parametrize(
    "values",
    [
        [2, 1],
        [0.5, 0.0],
        [5, 0],
        ["2", "1"],
        [2021, 2020],
        [timedelta(2), timedelta(1)],
        [10**17 + 1, 10**17],
    ],
)
def test_numbers_that_are_no_dates_are_an_order_and_nothing_is_said(values: Any) -> None:
    times = read(values)
    assert order(times) == [1, 0]
    assert (times.notes, times.dated, times.impossible) == ((), False, None)


def test_a_number_below_zero_may_be_one_of_an_order() -> None:
    times = read([2, -1, 1])
    assert (order(times), said(times)) == ([1, 2, 0], ["times below zero, taken as they are: 1"])


def test_numbers_over_all_sizes_are_of_no_unit() -> None:
    times = read([number * 40_000_000 for number in range(100, -1, -1)])  # some milliseconds, say
    assert (order(times), times.notes) == (list(range(100, -1, -1)), ())


def test_units_of_one_column_are_brought_to_one() -> None:
    times = read([S + 3, (S + 2) * 10**3, (S + 1) * 10**6, S * 10**9, S - 1, S - 2])
    assert order(times) == [5, 4, 3, 2, 1, 0]
    among = "times in milliseconds since 1970 and microseconds since 1970 and nanoseconds since 1970"
    assert said(times)[1:] == [f"! {among} among times in seconds since 1970: brought to one unit: 3"]


@pytest.mark.parametrize("wrong", [-1, 0, 3_600, -62_135_596_800, 253_402_214_400, 99_999_999_999])
def test_a_time_that_cannot_be_true_is_left_out_and_counted_once(wrong: int) -> None:
    times = read([wrong, *range(S, S + 20)])
    assert order(times) == list(range(1, 21))
    dropped = "events with a time that cannot be true (before 1970-01-02 or after 2099) dropped: 1"
    assert said(times) == ["times read as seconds since 1970, 2020-09-13 to 2020-09-13: 20", dropped]


@pytest.mark.parametrize(
    "wrong", ["0001-01-01", "1970-01-01", "9999-12-31", "2020-02-30", "1899-12-30", "1970-01-01 01:00:00+01:00"]
)
def test_so_is_a_date_that_cannot_be_true(wrong: str) -> None:
    times = read([wrong, *(f"2020-09-{day}" for day in range(10, 30))])
    assert order(times) == list(range(1, 21))
    assert sum("cannot be true" in note for note in said(times)) == 1


@pytest.mark.parametrize("values", [["1970-01-01", "1970-01-01", "2020-01-01"], [0, 0, 0, S, S + 1]])
def test_most_times_that_cannot_be_true_are_a_warning_and_stay(values: Any) -> None:
    times = read(values)
    assert times.values is not None
    assert not times.values.null_count()
    assert any(note.startswith("! times before 1970-01-02 or after 2099, most of all") for note in said(times))


@pytest.mark.parametrize("missing", ["", " ", "nan", "None", "NULL", "NaT", r"\N", "-", "0000-00-00 00:00:00"])
def test_a_missing_time_is_no_time_however_it_is_written(missing: str) -> None:
    assert order(read(["2020-01-02", missing, "2020-01-01"])) == [2, 0]


def test_columns_that_order_next_to_nothing_are_a_warning() -> None:
    assert said(read([S, S]))[-1] == "! events that all have the same time: the order of rows was taken: 2"
    nearly = read([S, *[None] * 30])
    assert nearly.values is None
    assert said(nearly)[-1] == "! rows without a time, nearly all: the order of rows was taken: 30"
    assert said(read([S, S + 1, None, None, None]))[-1].startswith("! events without a time, more than half")
    assert read([None, None]) == Times(None)


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        (pl.Series([S, S + 500.0], dtype=pl.Float32), "times held as 32-bit floats, in steps of 128 seconds: 2"),
        (["1.6E+09", "1.7E+09"], "times such as 1.6E+09 have lost digits: export them as whole numbers: 2"),
        (["2020-09-13T10:00Z", "2020-09-13T11:00"], "times without a zone among times with one: taken as UTC: 1"),
        (["2020-09-13", "2020-09-14", "15/09/2020"], "dates in another format than most (year, month, day; 03/04"),
    ],
)
def test_what_may_be_wrong_is_a_warning(values: Any, warning: str) -> None:
    times = read(values)
    assert order(times) == list(range(len(times.values if times.values is not None else ())))
    assert said(times)[-1].startswith(f"! {warning}")


def test_zones_are_brought_to_one() -> None:
    zones = ["2020-09-13T12:26:40Z", "2020-09-13T15:26:40+02:00", "2020-09-13T14:26:40", "2020-09-13 08:00:00 PDT"]
    assert order(read(zones)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("values", "what", "row"),
    [
        (["2", "soon"], "'soon' is neither a number nor a date", 2),
        (["2020-01-01", None, "soon"], "'soon' is neither a number nor a date", 3),
        (["2020-01-01", str(S)], f"'{S}' is a number, but '2020-01-01' (data row 1) is a date", 2),
        (["01/02/2023", "02/01/2023"], "the day or the month may be first in '01/02/2023'", 1),
        ([1_022_023, 2_012_023], "the day or the month may be first in '01/02/2023'", 1),
        (
            ["13/02/2023", "02/13/2023"],
            "'13/02/2023' has the day first, but '02/13/2023' (data row 2)",
            1,
        ),
        (["2023-01-02", "2023-13-02"], "'2023-13-02' is neither", 2),
    ],
)
def test_what_cannot_be_known_is_refused_with_its_row(values: Any, what: str, row: int) -> None:
    with pytest.raises(DataError) as caught:
        read(values)
    assert what in caught.value.what
    assert caught.value.location == f"timestamp, data row {row}"


def test_what_is_said_of_days_and_months_is_taken() -> None:
    assert order(read(["01/02/2023", "02/01/2023"], day_first=True)) == [1, 0]
    assert order(read(["01/02/2023", "02/01/2023"], day_first=False)) == [0, 1]


@pytest.mark.parametrize("values", [[True], [[1]], [time(10)], [b"2020"]])
def test_what_is_no_time_at_all_is_refused(values: Any) -> None:
    with pytest.raises(DataError, match="a timestamp must be a number or a date"):
        read(values)


@pytest.mark.parametrize(
    "name",
    [
        "time",
        "date",
        "Date",
        "ts",
        "TIMESTAMP",
        "created_at",
        "rated_at",
        "event_time",
        "unixReviewTime",
        "datetime",
        "createdat",
        "日期",
        "orderdate",
    ],
)
def test_names_of_times(name: str) -> None:
    assert looks_like_time(name)
    frame = pl.DataFrame({"user_id": ["u", "u", "v"], "item_id": ["a", "b", "a"], name: [S + 1, S, S]})
    note = unmapped_times(frame)
    assert note is not None
    assert note.warning
    assert f"column '{name}' looks like one (by it, 1 of 2 histories have another order)" in note.what
    assert f"data.columns.timestamp: {name}" in note.what


def test_a_date_in_several_columns_is_warned_of_as_one() -> None:
    frame = pl.DataFrame({"user_id": ["u"], "item_id": ["a"], "Year": [2023], "day": [4]})
    note = unmapped_times(frame)
    assert note is not None
    assert "columns Year, day look like one: write them as 2020-01-31 in one column" in note.what


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *((name, [S, S + 1]) for name in ("rating", "playtime", "release_date", "birthDate", "category")),
        *((name, [3, 60]) for name in ("watch_time", "time_in_minutes", "created_by")),
        ("date", ["a lot", None]),
        ("time", [None, None]),
    ],
)
def test_other_columns_are_not_taken_for_times(name: str, values: list[Any]) -> None:
    note = unmapped_times(pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "b"], name: values}))
    assert note is None or name == "date"
