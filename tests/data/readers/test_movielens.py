"""MovieLens in its three layouts."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.contracts.reader import ReaderContract
from tests.data.readers.published import PUBLISHED, Published

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import read_folder
from recexplainer.errors import DataError


class TestMovieLens100K(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["movielens 100K"]


class TestMovieLens1M(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["movielens 1M"]


class TestMovieLens20M(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["movielens 20M"]


def flags(*chosen: int) -> str:
    return "|".join("1" if place in chosen else "0" for place in range(19))


LONG = "word " * 30
FILES = {
    "100k": {
        "u.data": "7\t1\t5\t900000009\n7\t2\t3\t900000001\n8\t3\t3\t900000001\n",
        "u.item": f"1|Café (1990)|01-Jan-1990||http://x|{flags(1, 18)}\n2|Twins (1980)|||x|{flags(0)}\n"
        f"3|{LONG}(1999)|||x|{flags(8)}\n4|{LONG}(1998)|||x|{flags(8)}\n",
    },
    "1m": {
        "ratings.dat": "7::1::5::900000009\n7::2::3::900000001\n8::3::3::900000001\n",
        "movies.dat": "1::Café (1990)::Action|Western\n2::Twins (1980)::(no genres listed)\n"
        f"3::{LONG}(1999)::Drama\n4::{LONG}(1998)::Drama\n",
    },
    "latest": {
        "ratings.csv": "userId,movieId,rating,timestamp\n7,1,5.0,900000009\n7,2,3.5,900000001\n8,3,1.0,900000001\n",
        "movies.csv": "movieId,title,genres\n1,Café (1990),Action|Western\n2,Twins (1980),(no genres listed)\n"
        f'3,"{LONG}(1999)",Drama\n4,{LONG}(1998),Drama\n',
    },
}
LATIN = ("u.item", "movies.dat")


def put(folder: Path, files: dict[str, str], *, utf8: bool = False) -> Path:
    for name, text in files.items():
        plain = name.removesuffix(".gz")
        data = text.encode("latin-1" if plain in LATIN and not utf8 else "utf-8")
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def histories(dataset: Dataset) -> dict[str, list[str]]:
    return {name: [dataset.titles[i] for i in dataset.history(user)] for user, name in enumerate(dataset.user_ids)}


@pytest.mark.parametrize("edition", FILES)
@pytest.mark.parametrize("utf8", [False, True])
def test_editions(tmp_path: Path, edition: str, utf8: bool) -> None:
    put(tmp_path, FILES[edition], utf8=utf8)
    for other in ("links.csv", "genome-scores.csv", "genome-tags.csv") if edition == "latest" else ():
        (tmp_path / other).write_text("movieId,imdbId\n")
    for path in (tmp_path, tmp_path / next(iter(FILES[edition]))):
        dataset = read_folder(path)
        assert dataset.name == tmp_path.name
        assert dataset.titles[:2] == ["Café (1990)", "Twins (1980)"]
        assert dataset.titles[2].endswith("… (1999)") and dataset.titles[3].endswith("… (1998)")
        assert histories(dataset) == {"7": ["Twins (1980)", "Café (1990)"], "8": [dataset.titles[2]]}
        assert dataset.items["genres"].to_list() == [["Action", "Western"], [], ["Drama"], ["Drama"]]


@pytest.mark.parametrize(
    ("edition", "name", "text", "message"),
    [
        ("100k", "u.data", "7\t1\n", "a line has 2 fields, not 4"),
        ("100k", "u.data", "7\t1\t5\tsoon\n", "'soon' is neither a number nor a date"),
        ("100k", "u.item", "1|Ash|||x|1|0\n", "a line has 7 fields, not 24"),
        ("1m", "ratings.dat", "7::1::5::1::2\n7::1\n7::2::2::9::1::1\n", "line 3 has 6 fields instead of 5"),
        ("1m", "movies.dat", "", "the file is empty"),
        ("latest", "movies.csv", "movieId,genres\n1,Drama\n", "missing column: title"),
        ("latest", "movies.csv", "movieId,title,genres\n1,,Drama\n", "no item has both an id and a title"),
        ("latest", "ratings.csv", "userId,movieId,rating\n7,1,5\n", "missing column: timestamp"),
        ("latest", "ratings.csv", "userId,movieId,rating,timestamp\n7,9,1,5\n", "no interaction is left"),
        ("100k", "ratings.dat", "7::1::5::4\n", "of one edition"),
    ],
)
def test_bad_files(tmp_path: Path, edition: str, name: str, text: str, message: str) -> None:
    put(tmp_path, {**FILES[edition], name: text})
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert str(tmp_path) in caught.value.location
    assert caught.value.hint


def test_one_file_is_not_enough(tmp_path: Path) -> None:
    put(tmp_path, {"ratings.dat": FILES["1m"]["ratings.dat"]})
    with pytest.raises(DataError, match=r"there: ratings\.dat"):
        read_folder(tmp_path)


@pytest.mark.real
def test_real_films_in_the_layout_of_1m(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    path = real_data("movielens-100k")
    ratings = pl.read_csv(path / "ml-100k.inter.gz", separator="\t", infer_schema=False)
    films = pl.read_csv(path / "ml-100k.item.gz", separator="\t", quote_char=None, infer_schema=False)
    lines = films.select(
        pl.format("{}::{} ({})::{}", *(films.to_series(column).fill_null("") for column in range(3)), pl.lit("Drama"))
    )
    (tmp_path / "ratings.dat").write_text("\n".join("::".join(row) for row in ratings.rows()), encoding="utf-8")
    (tmp_path / "movies.dat").write_text("\n".join(lines.to_series().to_list()), encoding="utf-8")
    dataset = read_folder(tmp_path)
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == (943, 1682, 100_000)
    assert "Toy Story (1995)" in dataset.titles
    same = read_folder(path)
    assert (dataset.sequence == same.sequence).all()
