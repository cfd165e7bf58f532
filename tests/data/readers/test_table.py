"""Plain tables with a mapping of columns, and the choice of a format."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError
from tests.contracts.reader import ReaderContract
from tests.data.readers.published import PUBLISHED, Published

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import ColumnMapping, read_folder
from recexplainer.errors import DataError


class TestCsv(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["csv"]


class TestTsv(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["tsv"]


class TestJsonLines(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["jsonl"]


class TestParquet(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["parquet"]


EVENTS = pl.DataFrame({"user_id": ["u", "u", "v"], "item_id": ["007", "1", "1"], "timestamp": [3, 2, 1]})
ITEMS = pl.DataFrame({"item_id": ["1", "007"], "title": ["One, two", "Bond"], "genres": ["Spy|Fun", None]})


def write(table: pl.DataFrame, path: Path) -> None:
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    if kind == "parquet":
        table.write_parquet(path)
        return
    text = table.write_ndjson() if kind == "jsonl" else table.write_csv(separator="\t" if kind == "tsv" else ",")
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def histories(dataset: Dataset) -> dict[str, list[str]]:
    return {name: [dataset.titles[i] for i in dataset.history(user)] for user, name in enumerate(dataset.user_ids)}


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv", "parquet", "jsonl", "jsonl.gz"])
def test_two_tables_with_names_of_ours(tmp_path: Path, kind: str) -> None:
    write(EVENTS, tmp_path / f"interactions.{kind}")
    write(ITEMS, tmp_path / f"items.{kind}")
    for path in (tmp_path, tmp_path / f"interactions.{kind}"):
        dataset = read_folder(path)
        assert histories(dataset) == {"u": ["One, two", "Bond"], "v": ["One, two"]}
        assert dataset.items["genres"].to_list() == [["Spy", "Fun"], []]
        assert dataset.notes == ()


def test_mapping(tmp_path: Path) -> None:
    write(EVENTS.rename({"user_id": "who", "item_id": "asin", "timestamp": "when"}), tmp_path / "reviews.csv")
    write(ITEMS.rename({"item_id": "id", "title": "label", "genres": "tags"}), tmp_path / "meta.jsonl")
    mapping = ColumnMapping(
        interactions_file="reviews.csv",
        items_file="meta.jsonl",
        user="who",
        item="asin",
        timestamp="when",
        items_item="id",
        title="label",
        genres="tags",
    )
    dataset = read_folder(tmp_path, mapping)
    assert histories(dataset) == {"u": ["One, two", "Bond"], "v": ["One, two"]}
    assert dataset.items["genres"].to_list() == [["Spy", "Fun"], []]
    assert ColumnMapping.model_validate(json.loads(mapping.model_dump_json())) == mapping


def test_one_table_whose_titles_are_the_ids(tmp_path: Path) -> None:
    (tmp_path / "plays.csv").write_text("user-id,game-title,value\n7,Ash,2,0\n7,Birch,1,0\n8,Ash,9\n", encoding="utf-8")
    mapping = ColumnMapping(user="user-id", item="game-title", title="game-title", timestamp=None, ragged_lines=True)
    assert histories(read_folder(tmp_path, mapping)) == {"7": ["Ash", "Birch"], "8": ["Ash"]}
    with pytest.raises(DataError, match="ragged_lines"):
        read_folder(tmp_path, mapping.model_copy(update={"ragged_lines": False}))


def test_one_table_with_titles_beside_ids_takes_the_first_title(tmp_path: Path) -> None:
    rows = {"user_id": ["u", "u", "v"], "item_id": ["a", "b", "a"], "title": [None, "Birch", "Ash"]}
    write(pl.DataFrame(rows), tmp_path / "log.csv")
    dataset = read_folder(tmp_path / "log.csv")
    assert dataset.name == "log"
    assert histories(dataset) == {"u": ["Ash", "Birch"], "v": ["Ash"]}


def test_no_header(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("u;a;Ash\nu;b;Birch\n", encoding="utf-8")
    mapping = ColumnMapping(
        user="column_1", item="column_2", title="column_3", timestamp=None, separator=";", has_header=False
    )
    assert histories(read_folder(tmp_path, mapping)) == {"u": ["Ash", "Birch"]}


def test_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user_id,item_id,title\nu,a,Ash\n", encoding="utf-8-sig")
    assert histories(read_folder(tmp_path)) == {"u": ["Ash"]}


@pytest.mark.parametrize("named", [{"user": "who"}, {"timestamp": "when"}, {"brand": "maker"}, {"items_item": "asin"}])
def test_a_column_that_was_named_must_be_there(tmp_path: Path, named: dict[str, str]) -> None:
    write(EVENTS, tmp_path / "interactions.csv")
    write(ITEMS, tmp_path / "items.csv")
    with pytest.raises(DataError, match=f"missing column: {next(iter(named.values()))}") as caught:
        read_folder(tmp_path, ColumnMapping.model_validate(named))
    assert "item_id" in caught.value.hint


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no data of a known format"),
        ({"notes.txt": "x"}, "no data of a known format"),
        ({"a.inter": "x", "b.csv": "x"}, "more than one format"),
        ({"a.csv": "x", "b.csv": "x"}, "not clear which file holds the interactions; there: a.csv, b.csv"),
        ({"log.csv": ""}, "the file is empty"),
        ({"log.csv": "user_id,item_id,title\n"}, "a header but no rows"),
        ({"log.csv": "user_id,title\nu,Ash\n"}, "missing column: item_id"),
        ({"log.csv": "user_id,item_id\nu,a\n"}, "missing column: title"),
        ({"log.parquet": "no parquet"}, "cannot be read"),
        ({"log.jsonl": "{broken"}, "cannot be read"),
        ({"log.csv.gz": "unpacked by the browser"}, "missing column: item_id"),
        ({"interactions.csv": "x", "items.csv": "x", "items.tsv": "x"}, "several files of items"),
    ],
)
def test_bad_folders(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert str(tmp_path) in caught.value.location
    assert caught.value.hint


def test_paths_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        read_folder(tmp_path / "nowhere")
    for name in ("gone.csv", "gone.parquet"):
        with pytest.raises(DataError, match="no such file"):
            read_folder(tmp_path, ColumnMapping(interactions_file=name))
    with pytest.raises(DataError, match=r"'\.xlsx' is no table"):
        read_folder(tmp_path, ColumnMapping(interactions_file="gone.xlsx"))


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes("user_id,item_id,title\nu,a,Öl\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8") as caught:
        read_folder(tmp_path)
    assert caught.value.location.endswith("log.csv, line 2")


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError):
        ColumnMapping.model_validate({"users": "who"})


@pytest.mark.real
def test_real_playing_hours(real_data: Callable[[str], Path]) -> None:
    mapping = ColumnMapping(user="user-id", item="game-title", title="game-title", timestamp=None, ragged_lines=True)
    dataset = read_folder(real_data("steam-play"), mapping)
    assert dataset.n_interactions > 65_000
    assert dataset.n_items > 3_500


@pytest.mark.real
def test_real_reviews_with_metadata(real_data: Callable[[str], Path]) -> None:
    mapping = ColumnMapping(
        interactions_file="Office_Products_5.json.gz",
        items_file="meta_Office_Products.json.gz",
        user="reviewerID",
        item="asin",
        timestamp="unixReviewTime",
    )
    dataset = read_folder(real_data("amazon-office-products"), mapping)
    assert (dataset.n_users, dataset.n_items) == (2_024, 3_459)
    assert (dataset.items["brand"] != "").sum() > 0.5 * dataset.n_items


@pytest.mark.parametrize(
    ("cells", "genres"),
    [
        (("['Spy', 'Fun']", '["War"]'), [["Spy", "Fun"], ["War"]]),
        (("[{'id': 16, 'name': 'Spy'}]", "[]"), [["16", "Spy"], []]),
        (("[Spy|Fun]", "[War]"), [["[Spy", "Fun]"], ["[War]"]]),
    ],
)
def test_lists_written_as_text(tmp_path: Path, cells: tuple[str, str], genres: list[list[str]]) -> None:
    rows = {"user_id": ["u", "u"], "item_id": ["a", "b"], "title": ["Ash", "Bay"], "genres": cells}
    pl.DataFrame(rows).write_csv(tmp_path / "interactions.csv")
    assert read_folder(tmp_path).items["genres"].to_list() == genres


def test_json_under_the_name_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").write_text('{"user_id": "u", "item_id": "a", "title": "Ash"}\n')
    with pytest.raises(DataError, match="is JSON, not separated text"):
        read_folder(tmp_path)
