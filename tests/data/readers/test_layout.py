"""What separates the fields of a file, and which line names its columns."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data.readers.shop import EVENTS, events, is_whole, items, notes, warnings, write

from recexplainer.data.readers import ColumnMapping, read_folder
from recexplainer.errors import DataError

R_ROWS = "".join(f'"{number}" "{user}" "{item}" {time}\n' for number, (user, item, time) in enumerate(EVENTS, 1))


@pytest.mark.parametrize(
    ("files", "note"),
    [
        ({"interactions.csv": events("\t"), "items.csv": items("\t")}, "interactions.csv: tabs separate its fields"),
        ({"interactions.csv": events(";"), "items.csv": items()}, "interactions.csv: semicolons separate its fields"),
        ({"interactions.csv": events(), "items.csv": items("|")}, "items.csv: vertical bars separate its fields"),
        ({"interactions.csv": events("\x01"), "items.csv": items()}, "control characters"),
        ({"interactions.csv": events("::"), "items.csv": items()}, "double colons"),
        ({"interactions.txt": events(), "items.tsv": items("\t")}, "commas separate"),
        ({"interactions.txt": '"user_id" "item_id" "timestamp"\n' + R_ROWS, "items.csv": items()}, "blanks separate"),
        ({"interactions.csv": "sep=;\r\n" + events(";"), "items.csv": items()}, ""),
        ({"interactions.csv": "\ufeffsep=;\r\n" + events(";").replace("\n", ";;\n"), "items.csv": items()}, ""),
        ({"interactions.csv": events().replace("00\n", "00,,\n"), "items.csv": items()}, ""),
        ({"interactions.csv": "\n# exported\n" + events(), "items.csv": items()}, "lines before the one that names"),
        ({"interactions.csv": "Sales of the year,,\n\n" + events(), "items.csv": items()}, "passed over"),
        ({"interactions.csv": "#" + events(), "items.csv": items()}, ""),
        ({"interactions.csv": events(), "items.csv": items().replace("\n", "\n  \n") + "\n,\n"}, ""),
        ({"interactions.csv": events().replace("\n", "\r"), "items.csv": items().replace("\n", "\r\n")}, ""),
        ({"Interactions.CSV": events(), "ITEMS.Tsv": items("\t")}, ""),
        ({"interactions.csv": events(names=" User ID , Item-ID,TIMESTAMP"), "items.csv": items()}, ""),
        ({"interactions.csv": '\ufeff"user_id","item_id","timestamp"\n' + events().partition("\n")[2]}, ""),
    ],
)
def test_read(tmp_path: Path, files: dict[str, str], note: str) -> None:
    table = {"items.csv": items()} if len(files) == 1 else {}
    dataset = read_folder(write(tmp_path, {**table, **files}))
    assert is_whole(dataset)
    assert note in notes(dataset) if note else not notes(dataset)
    assert not warnings(dataset)


def test_columns_without_a_name_may_hold_values(tmp_path: Path) -> None:
    table = events().replace("timestamp\n", "timestamp,,\n").replace("00\n", "00,x,\n")
    dataset = read_folder(write(tmp_path, {"interactions.csv": table, "items.csv": items()}))
    assert is_whole(dataset) and not notes(dataset)


@pytest.mark.parametrize("first", [0, 1])
def test_row_names_as_r_and_pandas_write_them(tmp_path: Path, first: int) -> None:
    rows = events().splitlines(keepends=True)
    numbered = rows[0] + "".join(f"{number},{row}" for number, row in enumerate(rows[1:], first))
    for files in (numbered, "," + numbered):
        dataset = read_folder(write(tmp_path, {"interactions.csv": files, "items.csv": items()}))
        assert is_whole(dataset) and not notes(dataset)


def test_a_separator_that_is_set_is_taken(tmp_path: Path) -> None:
    write(tmp_path, {"interactions.csv": events(";").replace("\n", ";;\n"), "items.csv": items(";")})
    assert is_whole(read_folder(tmp_path, ColumnMapping(separator=";")))
    with pytest.raises(DataError, match="separator is ',', but semicolons separate the fields") as caught:
        read_folder(tmp_path, ColumnMapping(separator=","))
    assert caught.value.location.endswith("interactions.csv, line 1")
    write(tmp_path, {"interactions.csv": "sep=;\n" + events(), "items.csv": items()})
    assert is_whole(read_folder(tmp_path, ColumnMapping(separator=",")))
    write(tmp_path, {"interactions.csv": events("\t"), "items.csv": items("\t")})
    assert is_whole(read_folder(tmp_path, ColumnMapping(separator="\\t")))


def test_without_names_the_separator_gives_most_fields(tmp_path: Path) -> None:
    rows = "".join(f"{user};{item};4,5;Title {item}\n" for user, item, _ in EVENTS)
    mapping = ColumnMapping(
        user="column_1", item="column_2", title="column_4", timestamp=None, has_header=False, separator=None
    )
    dataset = read_folder(write(tmp_path, {"log.csv": rows}), mapping)
    assert dataset.n_interactions == len(EVENTS)
    assert "Title i1" in dataset.titles


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({"interactions.csv": events().partition("\n")[2]}, "missing column: item_id", "has_header to false"),
        ({"interactions.csv": events() + "u9,i1,5,6\n"}, "line 10 has 4 fields instead of 3", "ragged_lines"),
        ({"items.csv": items(titles=("A", "B, b", "C", "D"))}, "line 3 has 3 fields instead of 2", "separator"),
        ({"interactions.csv": "u9,i1,5\n" + events()}, "line 2 names the columns, and there are rows before", "first"),
        ({"interactions.csv": "user_id\nu1\n"}, "missing column: item_id", "user_id"),
        ({"interactions.xlsx": "PK", "interactions.csv": ""}, "the file is empty", ""),
        ({"interactions.csv": "<!DOCTYPE html><html></html>"}, "is a web page", "download it again"),
        (
            {"interactions.csv": "version https://git-lfs.github.com/spec/v1\noid x\n"},
            "pointer of Git LFS",
            "git lfs pull",
        ),
        ({"interactions.csv": "PAR1\x15PAR1"}, "the file is Parquet", ".parquet"),
        ({"interactions.xlsx": "PK"}, "not clear which file holds the interactions", "save the sheet as CSV"),
    ],
)
def test_refused(tmp_path: Path, files: dict[str, str], message: str, hint: str) -> None:
    table = {} if "interactions.xlsx" in files else {"interactions.csv": events()}
    write(tmp_path, {"items.csv": items(), **table, **files})
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert str(tmp_path) in caught.value.location
    assert hint in caught.value.hint


def test_more_names_than_fields_are_warned_of(tmp_path: Path) -> None:
    write(tmp_path, {"interactions.csv": events(), "items.csv": items(names="item_id,title,brand")})
    assert "3 columns are named, but lines have 2 fields" in warnings(read_folder(tmp_path))[0]


def test_lines_that_programs_draw_or_repeat_are_no_rows(tmp_path: Path) -> None:
    head, _, rows = events().partition("\n")
    drawn = "-------,-------,---------\n"  # of sqlcmd
    files = {"interactions.csv": f"{head}\n{drawn}{rows}{head}\n", "items.csv": items()}
    dataset = read_folder(write(tmp_path, files))
    assert is_whole(dataset)
    assert "interactions.csv: lines that repeat the names of the columns passed over" in notes(dataset)
    marked = "".join(f"|{line}|\n" for line in events("|").splitlines())
    head, _, rows = marked.partition("\n")
    (tmp_path / "interactions.csv").write_text(f"{head}\n|---|---|---|\n{rows}", encoding="utf-8")
    assert is_whole(read_folder(tmp_path))
