"""Which format a folder is in. Broken files of every format are in `test_mutants.py`."""

from __future__ import annotations

import gzip
from itertools import combinations
from pathlib import Path

import pytest

from recexplainer.data.readers import FORMATS, ColumnMapping, read_folder
from recexplainer.errors import DataError

FOLDERS = {
    "recbole": {
        "x.inter": "user_id:token\titem_id:token\ttimestamp:float\nu\t1\t2\nu\t2\t1\n",
        "x.item": "item_id:token\ttitle:token_seq\n1\tAsh\n2\tBirch\n",
    },
    "amazon": {
        "Toys_5.json.gz": '{"reviewerID": "u", "asin": "1", "unixReviewTime": 2}\n'
        '{"reviewerID": "u", "asin": "2", "unixReviewTime": 1}\n',
        "meta_Toys.json": '{"asin": "1", "title": "Ash", "category": ["A", "B"]}\n{"asin": "2", "title": "Birch"}\n',
    },
    "movielens": {
        "ratings.csv": "userId,movieId,rating,timestamp\nu,1,5,2\nu,2,5,1\n",
        "movies.csv": "movieId,title,genres\n1,Ash,A|B\n2,Birch,A\n",
    },
    "steam": {
        "steam_reviews.json": "{u'username': u'u', u'product_id': u'1', u'date': u'2017-12-17'}\n"
        "{u'username': u'u', u'product_id': u'2', u'date': u'2016-12-17'}\n",
        "steam_games.json.gz": "{u'id': u'1', u'title': u'Ash', u'genres': [u'A']}\n"
        "{u'id': u'2', u'title': u'Birch'}\n",
    },
    "table": {
        "interactions.csv": "user_id,item_id,timestamp\nu,1,2\nu,2,1\n",
        "items.jsonl": '{"item_id": 1, "title": "Ash", "genres": ["A"]}\n{"item_id": 2, "title": "Birch"}\n',
    },
}


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
    return folder


def encoded(key: str) -> dict[str, bytes]:
    return {name: text.encode() for name, text in FOLDERS[key].items()}


def test_every_format_is_tried_here() -> None:
    assert [known.key for known in FORMATS] == list(FOLDERS)


@pytest.mark.parametrize("key", FOLDERS)
@pytest.mark.parametrize("forced", [False, True])
def test_exactly_one_format_claims_a_folder(tmp_path: Path, key: str, forced: bool) -> None:
    put(tmp_path, encoded(key))
    (tmp_path / "README.txt").write_text("read me")
    assert [known.key for known in FORMATS if known.claims(tmp_path)] == [key]
    interactions = tmp_path / next(iter(FOLDERS[key]))
    assert [known.key for known in FORMATS if known.claims(interactions)] == [key]
    dataset = read_folder(tmp_path, format=key if forced else None)
    assert [dataset.titles[item] for item in dataset.history(0)] == ["Birch", "Ash"]


@pytest.mark.parametrize(("first", "second"), list(combinations(FOLDERS, 2)))
def test_two_formats_in_one_folder(tmp_path: Path, first: str, second: str) -> None:
    put(tmp_path, encoded(first) | encoded(second))
    with pytest.raises(DataError, match="more than one format") as caught:
        read_folder(tmp_path)
    assert caught.value.location == str(tmp_path)
    for key in (first, second):
        assert key in caught.value.hint
        assert read_folder(tmp_path, format=key).titles == ["Ash", "Birch"]


def test_files_of_a_data_set_can_be_read_as_tables(tmp_path: Path) -> None:
    put(tmp_path, encoded("movielens"))
    columns = ColumnMapping(interactions_file="ratings.csv", items_file="movies.csv", user="userId", item="movieId")
    assert read_folder(tmp_path, columns).titles == ["Ash", "Birch"]
    assert read_folder(tmp_path, columns, "table").titles == ["Ash", "Birch"]
    with pytest.raises(DataError, match="a column mapping is for tables"):
        read_folder(tmp_path, columns, "movielens")


def test_ratings_of_anybody_are_a_table(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("user_id,item_id,title\nu,1,Ash\n")
    assert read_folder(tmp_path).titles == ["Ash"]


def test_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no format 'amazn'") as caught:
        read_folder(tmp_path, format="amazn")
    assert "amazon, movielens" in caught.value.hint


@pytest.mark.parametrize("key", FOLDERS)
def test_a_format_that_is_not_there(tmp_path: Path, key: str) -> None:
    with pytest.raises(DataError) as caught:
        read_folder(tmp_path, format=key)
    assert str(tmp_path) in caught.value.location
    assert caught.value.hint


def test_a_line_of_json_cut_in_the_middle_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"user_id": "u", "item_id": 1, "title": "Ash"}\n{"user_id": "u", "ite')
    with pytest.raises(DataError, match="the line cannot be read") as caught:
        read_folder(tmp_path)
    assert caught.value.location.endswith("log.jsonl, line 2")
