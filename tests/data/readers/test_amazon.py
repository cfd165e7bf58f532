"""Amazon reviews with metadata, both editions, and lines of JSON that are not as they should be."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.contracts.reader import ReaderContract
from tests.data.readers.published import PUBLISHED, Published

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import json_lines, read_folder
from recexplainer.data.readers.amazon import AMAZON
from recexplainer.errors import DataError


class TestAmazon2018(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["amazon 2018"]


class TestAmazon2023(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["amazon 2023"]


REVIEWS_2018 = [
    {"overall": 5.0, "reviewerID": "u", "asin": "a", "unixReviewTime": 1500000009, "reviewText": "“Öl”, {good}\n"},
    {"reviewerID": "u", "asin": "b", "unixReviewTime": 1500000001},
    {"reviewerID": "v", "asin": "b", "unixReviewTime": 1500000005, "style": {"Size:": " 2"}},
]
META_2018 = [
    {
        "asin": "a",
        "title": "Ash",
        "brand": "Nimbus",
        "description": ["First.", "Second."],
        "category": ["Toys", "Puzzles"],
        "feature": ["light"],
        "also_buy": ["b"],
    },
    {"asin": "b", "title": "Birch", "category": []},
    {"asin": "c", "title": "var aPageStart = (new Date()).getTime();"},
]
REVIEWS_2023 = [
    {"rating": 5.0, "asin": "a2", "parent_asin": "a", "user_id": "u", "timestamp": 1500000009123, "text": "fine"},
    {"rating": 1.0, "asin": "b", "parent_asin": "b", "user_id": "u", "timestamp": 1500000001456},
]
META_2023 = [
    {
        "parent_asin": "a",
        "title": "Ash",
        "store": "Nimbus",
        "features": ["light"],
        "description": ["First.", "Second."],
        "categories": ["Toys", "Puzzles"],
        "details": {"Weight": "1"},
    },
    {"parent_asin": "b", "title": "Birch", "store": None, "features": [], "description": [], "categories": []},
]


def text(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def histories(dataset: Dataset) -> dict[str, list[str]]:
    return {name: [dataset.titles[i] for i in dataset.history(user)] for user, name in enumerate(dataset.user_ids)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path / "Toys_5.json.gz", text(REVIEWS_2018))
    put(tmp_path / "meta_Toys.json", text(META_2018))
    return tmp_path


@pytest.mark.parametrize("named", ["", "Toys_5.json.gz"])
def test_2018(folder: Path, named: str) -> None:
    dataset = read_folder(folder / named)
    assert histories(dataset) == {"u": ["Birch", "Ash"], "v": ["Birch"]}
    assert dataset.items.row(0) == ("a", "Ash", "First. Second.", "Nimbus", ["Toys", "Puzzles"], [], ["light"])
    assert {note.what: note.count for note in dataset.notes} == {
        "items without an id or a title dropped": 1,
        "times read as seconds since 1970, 2017-07-14 to 2017-07-14": 3,
    }
    assert dataset.name == (folder.name if not named else "toys_5")


def test_2023(tmp_path: Path) -> None:
    put(tmp_path / "Toys.jsonl", text(REVIEWS_2023))
    put(tmp_path / "meta_Toys.jsonl.gz", text(META_2023))
    dataset = read_folder(tmp_path)
    assert histories(dataset) == {"u": ["Birch", "Ash"]}
    assert dataset.items.row(0) == ("a", "Ash", "First. Second.", "Nimbus", ["Toys", "Puzzles"], [], ["light"])
    assert dataset.items.row(1) == ("b", "Birch", "", "", [], [], [])


def test_odd_types_are_taken_as_they_are_meant(folder: Path) -> None:
    odd = [{**REVIEWS_2018[0], "unixReviewTime": "1500000009", "reviewerID": 7}, *REVIEWS_2018[1:]]
    put(folder / "Toys_5.json.gz", b"\xef\xbb\xbf\n" + text(odd))
    meta = [{**META_2018[0], "description": {"a": 1}, "category": "Toys", "title": "Ash \ud800"}, META_2018[1]]
    put(folder / "meta_Toys.json", text(meta))
    dataset = read_folder(folder)
    assert histories(dataset) == {"7": ["Ash ?"], "u": ["Birch"], "v": ["Birch"]}
    assert dataset.items["genres"][0].to_list() == ["Toys"]


@pytest.mark.parametrize(
    ("name", "data", "message", "location"),
    [
        ("Toys_5.json.gz", text(REVIEWS_2018)[:-30], "the line cannot be read", "line 3"),
        (
            "Toys_5.json.gz",
            b"\n" + text(REVIEWS_2018[:1]) + b'{"reviewerID": "u\n',
            "the line cannot be read",
            "line 3",
        ),
        ("Toys_5.json.gz", text(REVIEWS_2018) + b"[1]\n", "holds no object but", "line 4"),
        ("Toys_5.json.gz", text(REVIEWS_2018) + b'{"x": "\xf6"}\n', "not UTF-8: byte 0xf6", "line 4"),
        ("Toys_5.json.gz", b"[" * 9999 + b"\n", "the line cannot be read", "line 1"),
        ("Toys_5.json.gz", b"", "the file is empty", "Toys_5"),
        ("Toys_5.json.gz", b"\n \n", "the file is empty", "Toys_5"),
        ("Toys_5.json.gz", text([{"who": "u"}]), "missing key: reviewerID or user_id", "first line"),
        ("Toys_5.json.gz", text([{"reviewerID": "u"}]), "missing keys: asin, unixReviewTime", "Toys_5"),
        (
            "Toys_5.json.gz",
            text([{**REVIEWS_2018[0], "unixReviewTime": "soon"}]),
            "'soon' is neither a number nor a date",
            "data row 1",
        ),
        (
            "Toys_5.json.gz",
            text([{**REVIEWS_2018[0], "unixReviewTime": [1]}]),
            "must be a number or a date",
            "column timestamp",
        ),
        ("meta_Toys.json", text([{"asin": "a"}]), "missing key: title", "meta_Toys"),
        ("meta_Toys.json", text([{"title": "Ash"}]), "missing key: asin", "meta_Toys"),
        ("meta_Toys.json", b"{'asin': 'a'}\n", "missing key: title", "meta_Toys"),
        ("meta_Toys.json", text([{"asin": "a", "title": " "}]), "no item has both an id and a title", "item table"),
        ("meta_Music.json", text(META_2018), "one file of reviews and one of items; there: Toys", ""),
        ("Toys.json", text(REVIEWS_2018), "there: Toys.json, Toys_5.json.gz, meta_Toys.json", ""),
    ],
)
def test_bad_files(folder: Path, name: str, data: bytes, message: str, location: str) -> None:
    put(folder / name, data)
    with pytest.raises(DataError, match=message) as caught:
        read_folder(folder)
    assert str(folder) in caught.value.location
    assert location in caught.value.location
    assert caught.value.hint


RATINGS = [("u", "a", 1500000009), ("u", "b", 1500000001), ("v", "b", 1500000005)]
META_2014 = [{"asin": "a", "title": "Ash", "categories": [["Toys", "Puzzles"]]}, {"asin": "b", "title": "Birch"}]


@pytest.mark.parametrize(
    ("ratings", "rows", "meta"),
    [
        ("Toys.csv", [f"{u},{i},5.0,{t}000\n" for u, i, t in RATINGS], text(META_2023)),
        ("ratings_Toys.csv", [f"{u},{i},5.0,{t}\n" for u, i, t in RATINGS], "".join(f"{row}\n" for row in META_2014)),
        ("Toys.csv", [f"{i},{u},5.0,{t}\n" for u, i, t in RATINGS], text(META_2018)),
    ],
)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_ratings_alone(tmp_path: Path, ratings: str, rows: list[str], meta: str | bytes, packed: str) -> None:
    new = meta == text(META_2023)
    header = "user_id,parent_asin,rating,timestamp\n" if new else ""
    put(tmp_path / f"{ratings}{packed}", (header + "".join(rows)).encode())
    put(tmp_path / ("meta_Toys.jsonl" if new else "meta_Toys.json"), meta if isinstance(meta, bytes) else meta.encode())
    for path in (tmp_path, tmp_path / f"{ratings}{packed}"):
        for format in (None, "amazon"):
            dataset = read_folder(path, format=format)
            assert histories(dataset) == {"u": ["Birch", "Ash"], "v": ["Birch"]}
            assert dataset.items["genres"][0].to_list() == ["Toys", "Puzzles"]


def test_ratings_in_parts_to_train_and_test_on(tmp_path: Path) -> None:
    put(tmp_path / "meta_Toys.jsonl", text(META_2023))
    for part, (user, item, time) in zip(("train", "valid", "test"), RATINGS, strict=True):
        rows = f"user_id,parent_asin,rating,timestamp,history\n{user},{item},5.0,{time}000,\n"
        put(tmp_path / f"Toys.{part}.csv", rows.encode())
    assert histories(read_folder(tmp_path)) == {"u": ["Birch", "Ash"], "v": ["Birch"]}


@pytest.mark.parametrize(
    ("reviews", "meta", "what"),
    [
        (
            {"Toys.json": text(REVIEWS_2018)},
            {"meta_Toys.jsonl": text(META_2023)},
            "are of 2018 or before, the items of 2023",
        ),
        ({"Toys.jsonl": text(REVIEWS_2023)}, {"meta_Toys.json": text(META_2018)}, "are of 2023, the items of 2018"),
        ({"Toys.csv": b"a,u,5.0,1500000009\n"}, {"meta_Toys.jsonl": text(META_2023)}, "the items of 2023"),
    ],
)
def test_two_editions(tmp_path: Path, reviews: dict[str, bytes], meta: dict[str, bytes], what: str) -> None:
    for name, data in {**reviews, **meta}.items():
        put(tmp_path / name, data)
    with pytest.raises(DataError, match=what) as caught:
        read_folder(tmp_path)
    assert "take both of one edition" in caught.value.hint


def test_no_reviews(folder: Path) -> None:
    (folder / "Toys_5.json.gz").unlink()
    with pytest.raises(DataError, match=r"there: meta_Toys\.json"):
        read_folder(folder)


@pytest.mark.parametrize("size", [1, 7, 150, 10_000])
def test_pieces_may_end_anywhere(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"k": f"ö{number}", "n": number} for number in range(50)]
    path = put(tmp_path / "x.json.gz", text(rows)[:-1])
    monkeypatch.setattr(json_lines, "_PIECE", size)
    table = json_lines.read_json(path, {"k": pl.String(), "n": pl.Int64()})
    assert table.to_dicts() == rows
    put(path, text(rows) + b"{cut\n")
    with pytest.raises(DataError) as caught:
        json_lines.read_json(path, {"k": pl.String()})
    assert caught.value.location.endswith("line 51")


def test_a_line_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "_LONGEST_LINE", 100)
    monkeypatch.setattr(json_lines, "_PIECE", 10)
    with pytest.raises(DataError, match="longer than 100 bytes"):
        json_lines.read_json(put(tmp_path / "x.json", b"{" * 1000), {"k": pl.String()})


def test_one_of_several_categories_is_read_by_its_name(folder: Path) -> None:
    put(folder / "Toys_and_Games_5.json", text(REVIEWS_2018[:1]))
    put(folder / "meta_Toys_and_Games.json", text(META_2018[:1]))
    assert read_folder(folder / "Toys_and_Games_5.json").n_items == 1
    assert read_folder(folder / "Toys_5.json.gz").n_items == 2


@pytest.mark.real
def test_real_office_products(real_data: Callable[[str], Path]) -> None:
    path = real_data("amazon-office-products")
    assert AMAZON.claims(path)
    dataset = read_folder(path)
    assert (dataset.n_users, dataset.n_items) == (2_024, 3_459)
    assert (dataset.items["brand"] != "").sum() > 2_000
    assert (dataset.items["description"] != "").sum() > 2_000
