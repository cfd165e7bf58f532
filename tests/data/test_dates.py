"""Dates as people write them, whatever their form, clock and zone."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from recexplainer.data.dates import read_dates

DAY, MORNING = datetime(2023, 4, 3), datetime(2023, 4, 3, 10, 15)


def read(*texts: str, day_first: bool | None = None) -> list[datetime | None]:
    return read_dates(pl.Series(texts), day_first).values.cast(pl.Datetime("us")).to_list()


@pytest.mark.parametrize(
    ("text", "time"),
    [
        *((text, DAY) for text in ("2023-04-03", "2023/4/3", "2023.04.03", "20230403", "2023-093", "2023-W14")),
        *(
            (text, DAY)
            for text in (
                "2023年4月3日",
                "2023. 4. 3.",
                "2023-Apr-03",
                "3 April 2023",
                "3rd of April, 2023",
                "03-APR-23",
            )
        ),
        *((text, DAY) for text in ("Apr 3, 2023", "April 3rd 2023", "Monday, April 3, 2023", "03.04.2023", "3.4.23")),
        *((text, DAY) for text in ("2023. 4. 3.", "04 03, 2023", "2023-04-03T00:00:00.000Z", "2023-04-03 12:00 AM")),
        ("2023-04-03T00", DAY),
        *((text, datetime(2023, 4, 1)) for text in ("2023-04", "04/2023", "Apr 2023", "2023Q2", "2023-Q2")),
        *(
            (text, MORNING)
            for text in ("2023-04-03 10:15", "2023-04-03T101500", "2023-04-03T10:15:00Z", "20230403101500")
        ),
        *((text, MORNING) for text in ("20230403T101500Z", "2023-04-03T05:45:00 -0430", "2023-04-03 10:15 UTC")),
        *((text, MORNING) for text in ("2023-04-03 12:15 Europe/Berlin", "2023-04-03T12:15+02:00[Europe/Berlin]")),
        *((text, MORNING) for text in ("Mon Apr 03 10:15:00 +0000 2023", "Mon Apr  3 10:15:00 2023")),
        *((text, MORNING) for text in ("Mon, 03 Apr 2023 06:15:00 EDT", "03/Apr/2023:10:15:00 +0000")),
        ("Mon Apr 03 2023 12:15:00 GMT+0200 (Central European Summer Time)", MORNING),
        ("03-APR-23 10.15.00.000000 AM", MORNING),
        *((text, datetime(2023, 4, 3, 22, 15)) for text in ("April 3, 2023 at 10:15 PM", "2023-04-03 10:15 p. m.")),
        ("2023-04-03 10:15:00,123", datetime(2023, 4, 3, 10, 15, 0, 123_000)),
        ("2023-04-03T10:15:00.123456789Z", datetime(2023, 4, 3, 10, 15, 0, 123_456)),
        ("2023", datetime(2023, 1, 1)),
        ("31/12/99", datetime(1999, 12, 31)),
        # the hour that a clock in Berlin leaves out in spring is the next one
        ("2023-03-26 02:30 Europe/Berlin", datetime(2023, 3, 26, 1, 30)),
    ],
)
def test_a_date_is_read(text: str, time: datetime) -> None:
    assert read(text) == [time]


@pytest.mark.parametrize("text", ["2023-02-30", "2023-04-03 25:00", "2023-04-03 10:75", "31/02/2023"])
def test_a_day_that_there_is_not_has_a_form_but_no_value(text: str) -> None:
    dates = read_dates(pl.Series([text]))
    assert (dates.values.to_list(), dates.forms.null_count()) == ([None], 0)


@pytest.mark.parametrize("text", ["soon", "2023-31-12", "2023-04-03 10:15 FOO", "10:15", "1.6E+12", "12", "April"])
def test_what_is_no_date_has_no_form(text: str) -> None:
    assert read_dates(pl.Series([text])).forms.to_list() == [None]


@pytest.mark.parametrize(
    ("texts", "order", "certain"),
    [
        (["13/04/2023", "03/04/2023"], "day first", True),
        (["04/13/2023", "03/04/2023 10:00 PM"], "month first", True),
        (["3-4-2023", "3-13-2023"], "month first", True),
        (["03.04.2023", "04.03.2023"], "day first", True),  # with dots the day is first
        (["04.13.2023", "04.03.2023"], "month first", True),
        (["99/12/31", "01/02/03"], "year first", True),
        (["01/04/2023", "01/05/2023"], "day first", True),  # in either order the first is earlier
        (["03/04/2023", "04/03/2023"], "day first", False),
        (["23/04/03", "22/12/31"], "day first", False),
        (["31/02/2023", "13/04/2023"], "day first", True),
        (["2023-04-03"], None, True),
    ],
)
def test_any_row_decides_which_field_is_the_day(texts: list[str], order: str | None, certain: bool) -> None:
    dates = read_dates(pl.Series(texts))
    assert (dates.order, dates.certain, dates.clash) == (order, certain, ())


def test_what_is_said_decides_unless_a_row_contradicts() -> None:
    assert read("03/04/2023", "04/03/2023", day_first=False) == [datetime(2023, 3, 4), datetime(2023, 4, 3)]
    assert read("03/04/2023", "04/03/2023", day_first=True) == [datetime(2023, 4, 3), datetime(2023, 3, 4)]
    assert read("03/04/2023", "13/04/2023", day_first=False) == [datetime(2023, 4, 3), datetime(2023, 4, 13)]


def test_rows_that_contradict_each_other_are_named() -> None:
    assert read_dates(pl.Series(["01/02/2023", "04/13/2023", "13/04/2023"])).clash == (
        *("day first", "13/04/2023"),
        *("month first", "04/13/2023"),
    )
    assert read_dates(pl.Series(["99/12/31", "31/12/98"])).clash == ("day first", "31/12/98", "year first", "99/12/31")
