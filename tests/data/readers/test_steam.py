"""Steam: Python dictionaries a line, and played hours."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contracts.reader import ReaderContract
from tests.data.readers.published import PUBLISHED, Published

from recexplainer.data.dataset import Dataset
from recexplainer.data.notes import Note
from recexplainer.data.readers import read_folder
from recexplainer.data.readers.steam import STEAM
from recexplainer.errors import DataError


class TestSteam(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["steam"]


class TestSteamPlays(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["steam plays"]


class TestSteamPlaysWithHeading(ReaderContract):
    @pytest.fixture
    def published(self) -> Published:
        return PUBLISHED["steam plays, headed"]


REVIEWS = (
    "{u'username': u'Zo\\xeb', u'product_id': u'10', u'date': u'2017-12-17', u'text': u'it\\'s {\"fun\"}\\d'}\n"
    "{u'username': u'Zo\\xeb', u'product_id': u'20', u'date': u'2015-01-01', u'early_access': False, u'hours': 0.1}\n"
    "{u'username': \"O'Neil\", u'product_id': u'20', u'date': u'2016-01-01', u'user_id': None}\n"
)
GAMES = (
    "{u'publisher': u'Big', u'developer': u'Small', u'genres': [u'Action', u'Indie'], u'title': u'Ash', u'app_name': "
    "u'Ash!', u'tags': [u'Zen'], u'specs': [u'Co-op'], u'price': 4.99, u'id': u'10', u'release_date': u'Jan 4, 2018'}\n"
    "{u'publisher': u'Big', u'app_name': u'Birch', u'tags': [u'Zen'], u'id': u'20', u'release_date': u'2018-01-04'}\n"
)
PLAYS = 'user-id,game-title,value,\n7,Birch,9,1\n7,"Ash, Gold",2,\n8,Birch,9,0,too,many\n'


def put(folder: Path, **files: str | bytes) -> Path:
    for key, text in files.items():
        name = {"reviews": "steam_reviews.json.gz", "games": "steam_games.json", "plays": "steam-play.csv"}[key]
        data = text.encode() if isinstance(text, str) else text
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def histories(dataset: Dataset) -> dict[str, list[str]]:
    return {name: [dataset.titles[i] for i in dataset.history(user)] for user, name in enumerate(dataset.user_ids)}


def test_reviews(tmp_path: Path) -> None:
    put(tmp_path, reviews=REVIEWS, games=GAMES)
    for path in (tmp_path, tmp_path / "steam_reviews.json.gz"):
        dataset = read_folder(path)
        assert histories(dataset) == {"Zoë": ["Birch", "Ash"], "O'Neil": ["Birch"]}
        assert dataset.items.row(0) == ("10", "Ash", "", "Small", ["Action", "Indie"], [], ["Co-op"])
        assert dataset.items.row(1) == ("20", "Birch", "", "Big", ["Zen"], [], [])
        assert dataset.notes == (Note("times read as dates (year, month, day), 2015-01-01 to 2017-12-17", 3),)


def test_plays_keep_the_order_of_rows(tmp_path: Path) -> None:
    dataset = read_folder(put(tmp_path, plays=PLAYS))
    assert histories(dataset) == {"7": ["Birch", "Ash, Gold"], "8": ["Birch"]}
    assert dataset.items["item_id"].to_list() == ["Birch", "Ash, Gold"]


def test_plays_without_a_heading_leave_purchases_out(tmp_path: Path) -> None:
    rows = "7,Birch,purchase,1.0,0\n7,Birch,play,9,0\n7,Ash,purchase,1,0\n8,Ash,play,2,0\n"
    (tmp_path / "steam-200k.csv").write_text(rows, encoding="utf-8")
    assert histories(read_folder(tmp_path)) == {"7": ["Birch"], "8": ["Ash"]}


@pytest.mark.parametrize(
    ("files", "message", "location"),
    [
        ({"reviews": REVIEWS + "{u'x': __import__('os').getcwd()}\n"}, "code is never run", "line 4"),
        ({"reviews": REVIEWS + "print(1)\n"}, "code is never run", "line 4"),
        ({"reviews": REVIEWS + "import os\n"}, "the line cannot be read", "line 4"),
        ({"reviews": REVIEWS[:-20]}, "the line cannot be read, it is cut off", "line 3"),
        ({"reviews": REVIEWS + "{[]: 1}\n"}, "the line cannot be read", "line 4"),
        ({"reviews": REVIEWS + "{'a': " + "(" * 5000 + "\n"}, "the line cannot be read", "line 4"),
        ({"reviews": REVIEWS + "{'a': " + "-" * 50_000 + "1}\n"}, "the line cannot be read", "line 4"),
        ({"reviews": REVIEWS + "{'a': '\0'}\n"}, "the line cannot be read", "line 4"),
        ({"reviews": REVIEWS + "'text'\n"}, "holds no object but 'text'", "line 4"),
        ({"reviews": REVIEWS.encode() + b"{'a': '\xf6'}\n"}, "not UTF-8", "line 4"),
        ({"reviews": REVIEWS.replace("2015-01-01", "-5")}, "'-5' is a number, but '2017-12-17'", "data row 2"),
        ({"reviews": REVIEWS.replace("u'date'", "u'day'")}, "missing key: date", "steam_reviews"),
        ({"reviews": ""}, "the file is empty", "steam_reviews"),
        ({"games": GAMES.replace("title", "label").replace("app_name", "app")}, "missing key: title", "steam_games"),
        ({"games": GAMES.replace("u'id'", "u'number'")}, "missing key: id", "steam_games"),
        ({"plays": PLAYS}, "one file of reviews and one of games", ""),
    ],
)
def test_bad_files(tmp_path: Path, files: dict[str, str | bytes], message: str, location: str) -> None:
    put(tmp_path, reviews=REVIEWS, games=GAMES)
    put(tmp_path, **files)
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert str(tmp_path) in caught.value.location
    assert location in caught.value.location
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("user-id,title\n7,Ash\n", "missing column: game-title"),
        ("who,what\n7,Ash\n", "missing columns: user-id, game-title"),
        ("7\n", "a header but no rows"),
        ("user-id,game-title\n", "a header but no rows"),
        ("user-id,game-title\n7,\n", "no item has both"),
        ("", "the file is empty"),
        (b"user-id,game-title\n7,\xf6\n", "not UTF-8"),
    ],
)
def test_bad_plays(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_folder(put(tmp_path, plays=text))


def test_only_games(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there: steam_games\.json"):
        read_folder(put(tmp_path, games=GAMES))


@pytest.mark.real
def test_real_playing_hours(real_data: Callable[[str], Path]) -> None:
    path = real_data("steam-play")
    assert STEAM.claims(path)
    dataset = read_folder(path)
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == (9_418, 3_598, 69_888)
    assert [dataset.titles[item] for item in dataset.history(0)[:2]] == ["The Elder Scrolls V Skyrim", "Fallout 4"]
