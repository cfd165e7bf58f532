"""Ids are written one way, whatever they came as; what has lost digits, or is no id, is refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
import pytest

from recexplainer.data.ids import are_missing_words, clean_ids, one_id, some_ids
from recexplainer.errors import DataError

SOME_UUID = UUID("80000000-0000-0000-0000-000000000005")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([" i1", "i1\t", "\ufeffi1", "\u200bi1\u200d", "i1\x00", "\u00a0i1\r"], ["i1"] * 6),
        (["i 1", "i\u20281", "I1"], ["i 1", "i\u20281", "I1"]),
        (["17.0", "17", "17.00", "-3.0", "0.0"], ["17", "17", "17", "-3", "0"]),
        (["007.0", "1.5", "1.0.0", "v1.0", "17.", "0017"], ["007.0", "1.5", "1.0.0", "v1.0", "17.", "0017"]),
        (["17,0", "17,000", "1,5"], ["17", "17,000", "1,5"]),
        ([{"$oid": "5f0a"}, {"$oid": "17"}, None], ["5f0a", "17", None]),
        ([["5f0a"], None, ["17.0"]], ["5f0a", None, "17"]),
        ([17.0, None, float("nan")], ["17", None, None]),
        ([1.5, 2.0, float("inf")], ["1.5", "2", None]),
        ([7, None], ["7", None]),
        ([1, "2", 3.0, None, "x-4", b"y"], ["1", "2", "3", None, "x-4", "y"]),
        ([np.int64(3), "a", np.float32(4), np.str_("b"), np.bytes_(b"c")], ["3", "a", "4", "b", "c"]),
        ([Decimal("17.00"), Decimal(123456789012345678901)], ["17", "123456789012345678901"]),
        ([Decimal("1E+3"), "a", Decimal("1.50")], ["1000", "a", "1.50"]),
        ([2**63 + 1, 2**70], [str(2**63 + 1), str(2**70)]),
        ([b"a", b"\xc3\xa9", None], ["a", "é", None]),
        ([SOME_UUID, SOME_UUID.bytes], [str(SOME_UUID)] * 2),
        ([SOME_UUID], [str(SOME_UUID)]),
        ([SOME_UUID.bytes, SOME_UUID.bytes], [str(SOME_UUID)] * 2),
        (np.array([b"a", b"b"]), ["a", "b"]),
        (np.array([1, 2], ">i8"), ["1", "2"]),
        (np.array([1, 2], np.float16), ["1", "2"]),
        (np.array([[1], [2]]), ["1", "2"]),
        (np.array(["a", 1], dtype=object), ["a", "1"]),
        (pl.Series(["a ", "a", None]).cast(pl.Categorical), ["a", "a", None]),
        (pl.Series(["a"], dtype=pl.Enum(["a"])), ["a"]),
        (pl.Series([2**62], dtype=pl.UInt64), [str(2**62)]),
        (["1E5", "5E12", "12e+x"], ["1E5", "5E12", "12e+x"]),
        ([], []),
    ],
)
def test_one_rule_for_all_ids(given: Any, expected: list[str | None]) -> None:
    assert clean_ids(given, "ids").texts() == expected


@pytest.mark.parametrize("kind", ["Int64", "category", "object", "float64"])
def test_columns_of_pandas(kind: str) -> None:
    pandas = pytest.importorskip("pandas")
    assert clean_ids(pandas.Series([1, 2, None], dtype=kind), "ids").texts() == ["1", "2", None]


def test_words_for_a_missing_value_are_none_and_counted() -> None:
    texts = ["nan", "None", "NULL", "<NA>", "NaT", "N/A", " null ", "\\N", "#N/A"]
    cleaned = clean_ids([*texts, "", " ", None, "Nan", "nano"], "ids")
    assert cleaned.texts() == [None] * (len(texts) + 3) + ["Nan", "nano"]
    assert [(note.count, note.warning) for note in cleaned.notes] == [(len(texts), True)]
    assert are_missing_words(pl.Series([" ", " nan", "Nanook"])).to_list() == [False, True, False]


@pytest.mark.parametrize(
    ("given", "message", "row"),
    [
        (["a", "1.23457E+17", "1.23457E+17"], r"2 ids look like '1.23457E\+17'", 2),
        (["1,23457E+17"], "lost digits", 1),
        (["1e+05"], "lost digits", 1),
        (["1.0E7"], "lost digits", 1),
        (["123456789012345680.0"], "lost digits", 1),
        ([1.0, 2.0**53, 2.0**60], r"2 ids are floats of 2\^53 and more, such as 9007199254740992", 2),
        ([1.7e17, "a"], r"look like '1.7e\+17'", 1),
        (np.array([2.0**24], np.float32), r"floats of 2\^24", 1),
    ],
)
def test_ids_that_lost_digits_are_refused(given: Any, message: str, row: int) -> None:
    with pytest.raises(DataError, match=message) as caught:
        clean_ids(given, "item table, column item_id")
    assert caught.value.location == f"item table, column item_id, data row {row}"
    assert "as text" in caught.value.hint


def test_whole_numbers_and_decimals_of_any_size_lose_nothing() -> None:
    assert clean_ids([2.0**53 - 1], "ids").texts() == ["9007199254740991"]
    assert clean_ids(["123456789012345678.00"], "ids").texts() == ["123456789012345678"]
    assert clean_ids(["123456789012345678"], "ids").texts() == ["123456789012345678"]


def test_zeros_as_a_spreadsheet_writes_them_are_noticed() -> None:
    (note,) = clean_ids([f"{n}000" for n in range(123456789012345, 123456789012349)], "ids").notes
    assert (note.count, note.warning) == (4, True)
    assert "as 123456789012345000" in note.what
    assert clean_ids([str(n) for n in range(123456789012345678, 123456789012345690)], "ids").notes == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([True, False], "Boolean"),
        ([timedelta(days=1)], "not Duration"),
        ([True, "a"], r"not True \(bool\)"),
        ([["a"], ["b", "c"]], "not List"),
        ([{"a": 1, "b": 2}], "not Struct"),
        (["a", ("b", 1)], "tuple"),
        ([b"\xff\xfe"], "no UTF-8 text"),
        (np.array([[1, 2], [3, 4]]), "several parts"),
        (np.array([("a", 1)], dtype=[("id", "U1"), ("n", int)]), "several parts"),
    ],
)
def test_what_is_no_id_is_refused(given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        clean_ids(given, "user table")
    assert caught.value.location.startswith("user table")
    assert caught.value.hint


def test_ids_written_in_two_ways_are_counted() -> None:
    (note,) = clean_ids(["17", "17.0", "18.0", "a", "a "], "user table").notes
    assert (note.what, note.count) == ("user table: ids written in two ways, as 17 and 17.0, taken as one", 1)


def test_one_id() -> None:
    assert [one_id(given) for given in (17.0, np.int64(4), "\ufeffi1 ", None, b"x")] == ["17", "4", "i1", "", "x"]


def test_some_ids() -> None:
    assert some_ids(["a", "b"]) == "'a', 'b'"
    assert some_ids(iter("abcd")) == "'a', 'b', 'c', …"
