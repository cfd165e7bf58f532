"""Quotes: around fields, within fields, as text, and where they swallow rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.readers.shop import events, is_whole, items, notes, warnings, write

from recexplainer.data.readers import ColumnMapping, read_folder
from recexplainer.errors import DataError


def quoted(*rows: str, names: str = "item_id,title") -> dict[str, str]:
    return {"interactions.csv": events(), "items.csv": "".join(f"{row}\n" for row in (names, *rows))}


@pytest.mark.parametrize(
    ("rows", "titles"),
    [
        (('i1,"A, ""b"""', '"i2","B"', "i3,C", "i4,D"), ('A, "b"', "B", "C", "D")),
        (('i1,"A, \\"b\\""', 'i2,"Say \\"hi\\" now"', "i3,C", "i4,D"), ('A, "b"', 'Say "hi" now', "C", "D")),
        (('i1, "A, b"', 'i2, "B"', "i3, C", "i4,D"), ("A, b", "B", "C", "D")),
        (('i1,7" Single', 'i2,"B, b"', 'i3,12" Mix', "i4,D"), ('7" Single', "B, b", '12" Mix', "D")),
        (('i1,"A, a\nb, c, d\n\ne"', "i2,B", 'i3,"C\nc"', "i4,D"), ("A, a b, c, d e", "B", "C c", "D")),
        (('i1,"Hello, world\nagain, friends"', "i2,B", "i3,C", "i4,D"), ("Hello, world again, friends", "B", "C", "D")),
    ],
)
def test_quotes_around_fields(tmp_path: Path, rows: tuple[str, ...], titles: tuple[str, ...]) -> None:
    dataset = read_folder(write(tmp_path, quoted(*rows)))
    assert is_whole(dataset, titles)
    assert not warnings(dataset)


@pytest.mark.parametrize(
    ("separator", "titles", "line"),
    [
        ("\t", ('"Heroes" (2017)', '12" Mix', '"C', "D"), 2),
        ("\t", ("A", '"B', "C", 'D"'), 3),
        (",", ("A", '"B', "C", 'D"'), 3),
        (",", ("A", "B", "C", '"D'), 5),
    ],
)
def test_quotes_that_are_text(tmp_path: Path, separator: str, titles: tuple[str, ...], line: int) -> None:
    write(tmp_path, {"interactions.csv": events(), "items.csv": items(separator, titles=titles)})
    dataset = read_folder(tmp_path)
    assert is_whole(dataset, titles)
    assert f"line {line}" in warnings(dataset)[0] and "taken as text" in warnings(dataset)[0]
    dataset = read_folder(tmp_path, ColumnMapping(quotes=False))
    assert is_whole(dataset, titles) and not warnings(dataset)


@pytest.mark.parametrize(
    ("rows", "message", "line"),
    [
        (('i1,"A, a"', 'i2,"B', "i3,C", 'i4,D"'), "opens in line 3 closes in line 5, and lines between look like", 3),
        (('i1,"A, a"', 'i2,"B', "i3,C", "i4,D"), "a quote that opens in line 3 is not closed", 3),
        (('i1,"A, a"', 'i2,"B" b', "i3,C", "i4,D"), "a quote is closed within a field in line 3", 3),
    ],
)
def test_quotes_that_swallow_rows(tmp_path: Path, rows: tuple[str, ...], message: str, line: int) -> None:
    write(tmp_path, quoted(*rows))
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert caught.value.location.endswith(f"items.csv, line {line}")
    assert "data.columns.quotes" in caught.value.hint


def test_rows_within_quotes_are_one_field_where_the_user_says_so(tmp_path: Path) -> None:
    write(tmp_path, quoted('i1,"A, a"', 'i2,"B', "i3,C", 'i4,D"', "i3,C", "i4,D"))
    assert is_whole(read_folder(tmp_path, ColumnMapping(quotes=True)), ("A, a", "B i3,C i4,D", "C", "D"))


def test_a_long_field_of_several_lines(tmp_path: Path) -> None:
    text = "a long text\n" * 20_000
    table = f'item_id,title,description\ni1,A,"{text}"\ni2,B,x\ni3,C,\ni4,D,y\n'
    dataset = read_folder(write(tmp_path, {"interactions.csv": events(), "items.csv": table}))
    assert is_whole(dataset, ("A", "B", "C", "D")) and not warnings(dataset)


def test_the_null_of_databases(tmp_path: Path) -> None:
    write(tmp_path, {"interactions.csv": events() + "u0,\\N,5\n", "items.csv": items(titles=("A", "B", "C", "\\N"))})
    assert "items without an id or a title dropped" in notes(read_folder(tmp_path))


def test_quotes_in_a_published_format(tmp_path: Path) -> None:
    plays = 'u,"Ash",play,1,0\nv,"Birch,play,1,0\nv,"Cedar",play,1,0\n'
    with pytest.raises(DataError, match="a quote"):
        read_folder(write(tmp_path, {"steam-200k.csv": plays}))
