"""Which format a folder is in, and readers that other packages register. Broken files are in `test_mutants.py`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
from tests.data.readers.published import CLEAN, PUBLISHED, put

from recexplainer import registry
from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import READERS, ColumnMapping, Reader, all_readers, read_folder
from recexplainer.data.readers.files import files_named
from recexplainer.errors import DataError, SettingsError

ONE_EACH = {one.key: one for one in PUBLISHED.values()}


def test_every_format_is_tried_here() -> None:
    assert ONE_EACH.keys() == {reader.key for reader in READERS}


@pytest.mark.parametrize(("first", "second"), list(combinations(ONE_EACH, 2)))
def test_two_formats_in_one_folder(tmp_path: Path, first: str, second: str) -> None:
    put(tmp_path, {**ONE_EACH[first].files, **ONE_EACH[second].files})
    with pytest.raises(DataError, match="more than one format") as caught:
        read_folder(tmp_path)
    assert caught.value.location == str(tmp_path)
    for key in (first, second):
        assert key in caught.value.hint
        titles = read_folder(tmp_path, format=key).titles
        assert set(titles) == {title + ONE_EACH[key].tail for title in CLEAN}


def test_files_of_a_data_set_can_be_read_as_tables(tmp_path: Path) -> None:
    put(tmp_path, PUBLISHED["movielens 20M"].files)
    columns = ColumnMapping(interactions_file="ratings.csv", items_file="movies.csv", user="userId", item="movieId")
    for format in (None, "table"):
        assert "Ash (1999)" in read_folder(tmp_path, columns, format).titles
    with pytest.raises(DataError, match="a column mapping is for tables"):
        read_folder(tmp_path, columns, "movielens")


def test_ratings_of_anybody_are_a_table(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("user_id,item_id,title\nu,1,Ash\n")
    assert read_folder(tmp_path).titles == ["Ash"]


def test_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no format 'amazn'") as caught:
        read_folder(tmp_path, format="amazn")
    assert "amazon, movielens" in caught.value.hint


def test_a_folder_within_is_named(tmp_path: Path) -> None:
    put(tmp_path / "ml-1m", ONE_EACH["movielens"].files)
    with pytest.raises(DataError, match="no data of a known format is there") as caught:
        read_folder(tmp_path)
    assert caught.value.hint == f"name the folder within: {tmp_path / 'ml-1m'}"


def test_a_line_of_json_cut_in_the_middle_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"user_id": "u", "item_id": 1, "title": "Ash"}\n{"user_id": "u", "ite')
    with pytest.raises(DataError, match="the line cannot be read") as caught:
        read_folder(tmp_path)
    assert caught.value.location.endswith("log.jsonl, line 2")


def read_log(path: Path) -> Dataset:
    file = path / "shop.log" if path.is_dir() else path
    rows = pl.read_csv(file, separator=" ", has_header=False, new_columns=["user_id", "item_id"], infer_schema=False)
    return Dataset.from_frames(rows, rows.select("item_id", title="item_id").unique(maintain_order=True))


LOG = Reader("log", "the shop's log (NAME.log)", lambda folder: files_named(folder, r".+\.log"), read_log)
NO_READER = "amazon"
TAKEN = Reader("amazon", "another", LOG.files, read_log)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """The entry points of the group, to be filled by the test."""
    points: list[EntryPoint] = []

    def entry_points(group: str) -> list[EntryPoint]:
        return points if group == "recexplainer.readers" else []

    monkeypatch.setattr(registry, "entry_points", entry_points)
    registry.registered.cache_clear()
    yield points
    registry.registered.cache_clear()


def point(value: str) -> EntryPoint:
    return EntryPoint("mine", f"tests.data.readers.test_formats:{value}", "recexplainer.readers")


def test_a_registered_reader_is_one_of_all(registered: list[EntryPoint], tmp_path: Path) -> None:
    registered.append(point("LOG"))
    assert [reader.key for reader in all_readers()] == [*(reader.key for reader in READERS), "log"]
    put(tmp_path, {"shop.log": b"u Ash\nu Birch\nv Ash\n"})
    for path, format in ((tmp_path, None), (tmp_path / "shop.log", None), (tmp_path, "log")):
        assert read_folder(path, format=format).titles == ["Ash", "Birch"]
    with pytest.raises(DataError, match="no format 'logs'") as caught:
        read_folder(tmp_path, format="logs")
    assert caught.value.hint.endswith("table, log")


@pytest.mark.parametrize(
    ("value", "message"),
    [("NO_READER", "no Reader"), ("TAKEN", "key of its own"), ("GONE", "cannot be imported")],
)
def test_what_is_registered_in_vain(registered: list[EntryPoint], tmp_path: Path, value: str, message: str) -> None:
    registered.append(point(value))
    with pytest.raises(SettingsError, match=message) as caught:
        read_folder(tmp_path)
    assert "recexplainer.readers" in caught.value.location
    assert caught.value.hint
