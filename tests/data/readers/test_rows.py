"""Small tables read row by row, each row with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recexplainer.data.readers.rows import read_lines, read_rows
from recexplainer.errors import DataError

NEEDED = ("user", "item", "text")


def read(folder: Path, name: str, text: str | bytes) -> list[tuple[str, dict[str, Any]]]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = read_rows(path, NEEDED)
    return [(location.removeprefix(f"{path}, "), dict(row)) for location, row in found]


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.jsonl", '{"user": 7, "item": "i", "text": "a"}\n\n{"user": "u", "item": 2, "text": "b"}', [1, 3]),
        ("a.csv", "user,item,text\n7,i,a\n\nu,2,b\n", [2, 4]),
        ("a.csv", '\ufeffUser;Item;Text\r\n7;i;"a"\r\nu;2;b\r\n', [2, 3]),
        ("a.tsv", "text\titem\tuser\tnote\na\ti\t7\t\nb\t2\tu\t-\n", [2, 3]),
    ],
)
def test_rows_have_their_lines_and_values_as_they_are(tmp_path: Path, name: str, text: str, lines: list[int]) -> None:
    (one, first), (other, second) = read(tmp_path, name, text)
    assert [one, other] == [f"line {line}" for line in lines]
    json = name.endswith("jsonl")
    assert [first[key] for key in NEEDED] == [7 if json else "7", "i", "a"]
    assert [second[key] for key in NEEDED] == ["u", 2 if json else "2", "b"]


def test_an_array_of_objects_is_read_too(tmp_path: Path) -> None:
    assert read(tmp_path, "a.json", '[{"user": 1}, {"user": 2}]') == [
        ("object 1", {"user": 1}),
        ("object 2", {"user": 2}),
    ]


def test_a_field_in_quotes_may_hold_separators_quotes_and_lines(tmp_path: Path) -> None:
    rows = read(tmp_path, "a.csv", 'user,item,text\nu,i,"one, ""two""\nthree"\nu,i,a 5" pipe\n')
    assert [(line, row["text"]) for line, row in rows] == [("line 2", 'one, "two"\nthree'), ("line 4", 'a 5" pipe')]


@pytest.mark.parametrize(
    ("name", "text", "what", "location"),
    [
        ("a.jsonl", '{"user": 1}\nnothing\n', "no JSON", "line 2"),
        ("a.jsonl", '{"user": 1}\n[1, 2]\n', "holds no object", "line 2"),
        ("a.jsonl", "", "empty", "a.jsonl"),
        ("a.jsonl", b'{"user": "\xe9"}\n', "not UTF-8", "line 1"),
        ("a.csv", "user,item,words\nu,i,a\n", "missing column: text", "line 1"),
        ("a.csv", "user,item,text\n", "no rows", "a.csv"),
        ("a.csv", "user,item,text\nu,i,a\nu,i,one, two\n", "4 fields instead of 3", "line 3"),
        ("a.csv", 'user,item,text\nu,i,"a\nu,i,b\n', "not closed", "line 2"),
        ("a.csv", '{"user": 1}\n', "JSON", "line 1"),
        ("a.xlsx", "", "'.xlsx' is no table", "a.xlsx"),
    ],
)
def test_what_is_no_row_is_refused_with_its_line(
    tmp_path: Path, name: str, text: str | bytes, what: str, location: str
) -> None:
    with pytest.raises(DataError) as raised:
        read(tmp_path, name, text)
    assert what in raised.value.what
    assert location in raised.value.location and raised.value.hint


def test_rows_of_parquet_have_their_numbers(tmp_path: Path) -> None:
    pl.DataFrame({"User": [7, 8], "item": ["i", "j"], "text": ["a", None], "size": [0.5, 1.0]}).write_parquet(
        tmp_path / "a.parquet"
    )
    (one, first), (other, second) = read_rows(tmp_path / "a.parquet", NEEDED)
    assert [one, other] == [f"{tmp_path / 'a.parquet'}, row {number}" for number in (1, 2)]
    assert (first["user"], first["item"], second["text"]) == (7, "i", None)


@pytest.mark.parametrize(("written", "what"), [("columns", "missing column: user"), ("text", "")])
def test_parquet_without_a_column_or_damaged_is_refused(tmp_path: Path, written: str, what: str) -> None:
    path = tmp_path / "a.parquet"
    if written == "text":
        path.write_bytes(b"user,item,text\n")
    else:
        pl.DataFrame({"user_id": [7], "item": ["i"], "text": ["a"]}).write_parquet(path)
    with pytest.raises(DataError) as raised:
        read_rows(path, NEEDED)
    assert what in raised.value.what and str(path) in (raised.value.location or "") and raised.value.hint


def test_lines_that_are_no_file_have_their_numbers() -> None:
    found = read_lines(b'\xef\xbb\xbf{"user": "u"}\n\n{"user": "v"}', "standard input")
    assert [location for location, _ in found] == ["standard input, line 1", "standard input, line 3"]
    assert [row["user"] for _, row in found] == ["u", "v"]


@pytest.mark.parametrize(("text", "what", "where"), [
    (b"\n", "no rows", "standard input"),
    (b'{"user": 1}\nuser,item', "no JSON", "standard input, line 2"),
    (b'{"user": "\xe9"}', "not UTF-8", "standard input, line 1"),
])  # fmt: skip
def test_lines_that_are_no_objects_are_refused(text: bytes, what: str, where: str) -> None:
    with pytest.raises(DataError) as raised:
        read_lines(text, "standard input")
    assert what in raised.value.what and (raised.value.location or "").startswith(where) and raised.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_rows(tmp_path / "a.csv", NEEDED)
