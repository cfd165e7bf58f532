"""RecBole atomic files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contracts.reader import ReaderContract
from tests.data.readers.published import PUBLISHED, Published

from recexplainer.data.readers import ColumnMapping, read_folder
from recexplainer.errors import DataError


class TestRecBole(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["recbole"]


INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\t1\t5\t20\nu\t2\t4\t10\nv\t2\t3\t5\n"
ITEM = (
    "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    '1\tThe "Big" One\t1990\tAction Crime\n2\tTwins\t1980\t\n3\tTwins\t1999\tDrama\n'
)


def put(folder: Path, name: str, text: str) -> None:
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, "films.inter.gz", INTER)
    put(tmp_path, "films.item", ITEM)
    return tmp_path


def test_read(folder: Path) -> None:
    dataset = read_folder(folder)
    assert dataset.name == folder.name
    assert dataset.titles == ['The "Big" One', "Twins (1980)", "Twins (1999)"]
    assert dataset.items["genres"].to_list() == [["Action", "Crime"], [], ["Drama"]]
    assert dataset.user_ids == ("u", "v")
    assert dataset.history(0).tolist() == [1, 0]


def test_the_inter_file_names_its_twin(folder: Path) -> None:
    put(folder, "other.inter", INTER)
    put(folder, "other.item", ITEM)
    assert read_folder(folder / "films.inter.gz").name == "films"
    with pytest.raises(DataError, match=r"exactly one \.inter file") as caught:
        read_folder(folder)
    assert "films.inter.gz, other.inter, films.item, other.item" in caught.value.what
    assert "name the .inter file" in caught.value.hint


def test_titles_may_be_the_ids(folder: Path) -> None:
    (folder / "films.item").unlink()
    with pytest.raises(DataError, match="missing column: title") as caught:
        read_folder(folder)
    assert "data.columns.title (the id's, where there are no titles)" in caught.value.hint
    dataset = read_folder(folder, ColumnMapping(title="item_id"))
    assert set(dataset.titles) == set(dataset.item_ids)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("films.inter.gz", INTER.replace("item_id:token", "thing:token"), "missing column: item_id"),
        ("films.item", ITEM.replace("movie_title", "label"), "missing column: title"),
        ("films.item", ITEM.replace("movie_title:token_seq", "movie_title"), "must read field:type"),
        ("films.item", "", "the file is empty"),
        ("films.item", ITEM.split("\n")[0] + "\n", "a header but no rows"),
        ("films.item", ITEM + "4\tFour\t1990\tDrama\ttoo\tmuch\n", "line 5 has 6 fields instead of 4"),
        ("films.inter.gz", INTER.replace("\t10\n", "\tsoon\n"), "'soon' is neither"),
    ],
)
def test_bad_files(folder: Path, name: str, text: str, message: str) -> None:
    put(folder, name, text)
    with pytest.raises(DataError, match=message) as caught:
        read_folder(folder)
    assert str(folder) in caught.value.location
    assert caught.value.hint


ROWS = "u\ta\t20\nu\tb\t10\nv\tb\t5\n"


@pytest.mark.parametrize(
    ("inter", "item"),
    [
        ("user_id:token\tproduct_id:token\ttimestamp:float", "product_id:token\tapp_name:token\ttitle:token"),
        ("user_id:token\tproduct_id:token\ttimestamp:float", "id:token\tapp_name:token\ttitle:token"),
        ("user_id:token\tartist_id:token\tweight:float", "artist_id:token\tname:token\turl:token"),
        ("anonymous_user_id:token\tartist_id:token\trating:float", "artist_id:token\tname:token\tx:token"),
        ("user_id:token\tvenue_id:token\ttimestamp:float", "venue_id:token\tvenue_category_name:token_seq\tx:token"),
        ("user_id:token\ttracks_id:token\ttimestamp:float", "tracks_id:token\tname:token_seq\tartists_id:token"),
        ("visitor_id:token\titem_id:token\ttimestamp:float", "item_id:token\ttitle:token_seq\tx:token"),
        ("user_id:token\titem_id:token\ttimestamp:float", "item_id:token\tmovie_name:token_seq\ttype:token_seq"),
        ("user_id:token\titem_id:token\ttimestamp:float", "item_id:token\tbook_title:token_seq\tbook_author:token"),
        ("user_id:token\tbusiness_id:token\tdate:float", "business_id:token\titem_name:token_seq\tcity:token"),
        ("customer_id:token\tproduct_id:token\ttransaction_date:float", "product_id:token\ttitle:token\tx:token"),
        ("session_id:token\titem_id:token\ttimestamp:float", "item_id:token\titem_name:token\tx:token"),
    ],
)
def test_the_fields_of_published_data_sets(tmp_path: Path, inter: str, item: str) -> None:
    put(tmp_path, "x.inter", f"{inter}\n{ROWS}")
    put(tmp_path, "x.item", f"{item}\na\tAsh\tAsh\nb\tBirch\t{'' if 'app_name' in item else 'x'}\n")
    dataset = read_folder(tmp_path)
    assert dataset.titles == ["Ash", "Birch"]
    timed = any(name in inter for name in ("timestamp", "date"))
    assert [dataset.history(0).tolist(), dataset.history(1).tolist()] == [[1, 0] if timed else [0, 1], [1]]


@pytest.mark.parametrize("blanks", [" ", "    "])
def test_blanks_and_commas_between_fields(folder: Path, blanks: str) -> None:
    put(folder, "films.inter.gz", INTER.replace("\t", blanks))
    dataset = read_folder(folder)
    assert dataset.history(0).tolist() == [1, 0]
    assert "blanks separate its fields" in str(dataset.notes)
    put(folder, "films.inter.gz", INTER.replace("\t", ","))
    assert read_folder(folder).history(0).tolist() == [1, 0]
    put(folder, "films.item", ITEM.replace("\t", blanks))
    with pytest.raises(DataError, match="blanks separate the fields of this file") as caught:
        read_folder(folder)
    assert "tabs" in caught.value.hint


def test_fields_may_be_named(tmp_path: Path) -> None:
    put(tmp_path, "x.inter", f"who:token\twhat:token\twhen:float\n{ROWS}")
    put(tmp_path, "x.item", "what:token\tlabel:token_seq\na\tAsh\nb\tBirch\n")
    mapping = ColumnMapping(user="who", item="what", timestamp="when", title="label")
    typed = ColumnMapping(
        interactions_file="x.inter", items_file="x.item", user="who:token", item="what:token", title="label:token_seq"
    )
    assert read_folder(tmp_path, mapping).history(0).tolist() == [1, 0]
    assert read_folder(tmp_path, mapping, "recbole").titles == ["Ash", "Birch"]
    assert read_folder(tmp_path / "x.inter", typed).titles == ["Ash", "Birch"]
    with pytest.raises(DataError, match="missing column: item_id") as caught:
        read_folder(tmp_path)
    assert "data.columns.item" in caught.value.hint


def test_sequences_with_commas(folder: Path) -> None:
    put(folder, "films.item", ITEM.replace("Action Crime", "Action, Film Noir"))
    assert read_folder(folder).items["genres"].to_list() == [["Action", "Film Noir"], [], ["Drama"]]


def test_not_utf8_names_the_line(folder: Path) -> None:
    (folder / "films.item").write_bytes(ITEM.replace("Twins", "Zwölf").encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8: byte 0xf6") as caught:
        read_folder(folder)
    assert caught.value.location.endswith("films.item, line 3")


@pytest.mark.real
def test_real_films(real_data: Callable[[str], Path]) -> None:
    dataset = read_folder(real_data("movielens-100k"))
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == (943, 1682, 100_000)
    assert "Cape Fear (1991)" in dataset.titles
    assert dataset.items["genres"][0].to_list() == ["Animation", "Children's", "Comedy"]


@pytest.mark.real
def test_real_games(real_data: Callable[[str], Path]) -> None:
    dataset = read_folder(real_data("amazon-video-games"))
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == (50_546, 16_859, 440_264)
    assert len({title.lower() for title in dataset.titles}) == dataset.n_items
    assert not any(mark in title for title in dataset.titles for mark in ";“”")
