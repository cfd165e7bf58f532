"""How files are packed and encoded."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import polars as pl
import pytest
from tests.data.readers.shop import events, is_whole, items, write

from recexplainer.data.readers import read_folder
from recexplainer.errors import DataError


def zipped(**files: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return file.getvalue()


def zstd(text: str) -> bytes:
    file = io.BytesIO()
    frame = pl.read_csv(text.encode(), infer_schema=False)
    frame.lazy().sink_csv(file, compression="zstd")
    return file.getvalue()


PACKED = {
    "interactions.csv.gz": gzip.compress(events().encode()),
    "interactions.csv.bz2": bz2.compress(events().encode()),
    "interactions.csv.xz": lzma.compress(events().encode()),
    "interactions.csv.zst": zstd(events()),
    "interactions.csv.zip": zipped(events=events()),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: PACKED[name], "items.csv": items()})
    assert is_whole(read_folder(tmp_path))
    (tmp_path / name).write_bytes(PACKED[name][:-9])
    with pytest.raises(DataError, match="cut off or damaged") as caught:
        read_folder(tmp_path)
    assert caught.value.location.endswith(name)


def test_a_zip_file_of_several_files(tmp_path: Path) -> None:
    write(tmp_path, {"interactions.csv.zip": zipped(a="x", b="y"), "items.csv": items()})
    with pytest.raises(DataError, match="holds 2 files"):
        read_folder(tmp_path)


JSON = "".join(f'{{"item_id": "i{number}", "title": "Title"}}\n' for number in range(1, 5))


@pytest.mark.parametrize(
    ("files", "encoding"),
    [
        ({"items.csv": items().encode("utf-16")}, "utf-16"),
        ({"items.csv": items().encode("utf-16-le")}, "utf-16le"),
        ({"items.jsonl": JSON.encode("utf-16-be")}, "utf-16be"),
        ({"items.tsv.gz": gzip.compress(items("\t").encode("utf-16"))}, "utf-16"),
        ({"items.csv": items().encode("utf-32")}, "utf-32"),
        ({"items.csv": items(titles=("Café", "B", "C", "D")).encode("latin-1")}, "latin1"),
        ({"items.csv": items(titles=("Café – “x”", "B", "C", "D")).encode("cp1252")}, "cp1252"),
        ({"items.jsonl": JSON.replace("Title", "Café").encode("latin-1")}, "latin1"),
        ({"items.csv": items(titles=("红楼梦的故事", "B", "C", "D")).encode("gbk")}, "ENCODING"),
        ({"items.csv": items(titles=("Война и мир", "B", "C", "D")).encode("koi8-r")}, "ENCODING"),
    ],
)
def test_the_hint_names_the_encoding(tmp_path: Path, files: dict[str, bytes], encoding: str) -> None:
    write(tmp_path, {"interactions.csv": events(), **files})
    with pytest.raises(DataError, match="not UTF-8") as caught:
        read_folder(tmp_path)
    assert f"iconv -f {encoding} -t utf-8" in caught.value.hint
    assert next(iter(files)) in caught.value.location


@pytest.mark.parametrize("line", ["{'username': 'u', 'product_id': '1', 'date': '2017-01-01'}\n"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_lines_of_literals_in_utf_16(tmp_path: Path, line: str, encoding: str) -> None:
    games = "{'id': '1', 'title': 'Ash'}\n"
    write(tmp_path, {"steam_reviews.json": line.encode(encoding), "steam_games.json": games})
    with pytest.raises(DataError, match="not UTF-8 but UTF-16"):
        read_folder(tmp_path)


def test_damaged_utf_8_is_no_latin_1(tmp_path: Path) -> None:
    films = "1::Amélie (2001)::A\n2::Zoë (2002)::A\n".encode().replace("ë".encode(), b"\xc3")
    write(tmp_path, {"ratings.dat": "u::1::5::1500000000\nu::2::5::1500000001\n", "movies.dat": films})
    with pytest.raises(DataError, match="not UTF-8") as caught:
        read_folder(tmp_path)
    assert "line 2" in caught.value.location


def test_hidden_files_are_no_tables(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"interactions.csv": events(), "items.csv": items(), "._items.csv": b"\0\5", "._interactions.csv": b"\0"},
    )
    assert is_whole(read_folder(tmp_path))


def test_a_file_that_a_browser_unpacked_keeps_its_name(tmp_path: Path) -> None:
    assert is_whole(read_folder(write(tmp_path, {"interactions.csv.gz": events(), "items.csv": items()})))


def test_a_file_that_was_packed_twice(tmp_path: Path) -> None:
    twice = gzip.compress(gzip.compress(events().encode()))
    with pytest.raises(DataError, match="packed twice"):
        read_folder(write(tmp_path, {"interactions.csv.gz": twice, "items.csv": items()}))
