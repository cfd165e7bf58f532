"""The Dataset: cleaned from raw tables, polars or pandas; kept on disk, cut to a part, inspected."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import polars as pl
import pytest

from recexplainer.data.cleaning import as_polars
from recexplainer.data.dataset import ITEM_COLUMNS, Dataset, Note, inspect_dataset
from recexplainer.errors import DataError

ITEMS = pl.DataFrame({"item_id": ["a", "b", "c", "d"], "title": ["Ash", "Birch", "Cedar", "Damson"]})


def events(*rows: tuple[object, ...], columns: tuple[str, ...] = ("user_id", "item_id", "timestamp")) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=columns[: len(rows[0])], orient="row")


def histories(dataset: Dataset) -> dict[str, list[str]]:
    ids = dataset.items["item_id"].to_list()
    return {name: [ids[item] for item in dataset.history(user)] for user, name in enumerate(dataset.user_ids)}


def counts(dataset: Dataset) -> dict[str, int]:
    return {note.what: note.count for note in dataset.notes}


def test_histories_are_chronological_and_stable() -> None:
    raw = events(("v", "c", 5), ("u", "b", 2), ("v", "a", 1), ("u", "d", 1), ("u", "a", 2))
    dataset = Dataset.from_frames(raw, ITEMS)
    assert histories(dataset) == {"v": ["a", "c"], "u": ["d", "b", "a"]}
    assert (dataset.n_users, dataset.n_items, dataset.n_interactions) == (2, 4, 5)
    assert dataset.notes == ()
    assert dataset.users_of_sequence.tolist() == [0, 0, 1, 1, 1]


def test_without_timestamps_rows_are_the_order() -> None:
    dataset = Dataset.from_frames(events(("u", "c"), ("u", "a"), ("u", "a"), ("u", "c")), ITEMS)
    assert histories(dataset) == {"u": ["c", "a"]}
    assert counts(dataset) == {
        "interactions without a time: the order of rows was taken": 4,
        "events seen twice dropped": 1,
        "returns to an item already in the history dropped": 1,
    }


def test_what_is_unusable_goes_and_is_counted() -> None:
    items = pl.DataFrame({"item_id": ["a", "b", None, "a", "c"], "title": ["Ash", " ", "Nobody", "Other", None]})
    raw = events(
        ("u", "a", 1), ("u", "a", 1), ("u", "a", 3), ("u", "b", 2), ("u", "z", 2), (None, "a", 1), ("w", "", 1)
    )
    dataset = Dataset.from_frames(raw, items)
    assert histories(dataset) == {"u": ["a"]}
    assert dataset.titles == ["Ash"]
    assert counts(dataset) == {
        "items without an id or a title dropped": 3,
        "items with an id seen before dropped": 1,
        "events without a user, an item or a readable time dropped": 2,
        "events on items outside the catalogue or without a title dropped": 2,
        "events seen twice dropped": 1,
        "returns to an item already in the history dropped": 1,
    }


@pytest.mark.parametrize(
    "times",
    [
        ["10", "9"],
        ["10.5", " 9"],
        ["2020-02-01", "2019-12-31"],
        ["2020-02-01 10:00:00", "2020-02-01 09:00:00"],
        [date(2020, 2, 1), date(2019, 1, 1)],
        [10.0, 9.0],
    ],
)
def test_timestamps_of_many_kinds(times: list[object]) -> None:
    raw = pl.DataFrame({"user_id": ["u", "u"], "item_id": ["a", "b"], "timestamp": times})
    assert histories(Dataset.from_frames(raw, ITEMS)) == {"u": ["b", "a"]}


def test_an_event_without_its_time_goes_but_a_column_without_times_is_no_column() -> None:
    some = Dataset.from_frames(events(("u", "b", 2.0), ("u", "a", None), ("u", "c", float("nan"))), ITEMS)
    assert histories(some) == {"u": ["b"]}
    none = Dataset.from_frames(events(("u", "b", None), ("u", "a", None)), ITEMS)
    assert histories(none) == {"u": ["b", "a"]}


def test_numbers_are_ids_too_even_where_gaps_made_them_floats() -> None:
    items = pl.DataFrame({"item_id": [1, 2], "title": ["Ash", "Birch"]})
    raw = pl.DataFrame({"user_id": [7.0, 7.0, 7.0], "item_id": [2.0, None, 1.0], "timestamp": [1, 2, 3]})
    assert histories(Dataset.from_frames(raw, items)) == {"7": ["2", "1"]}


def test_numbers_that_are_no_ids() -> None:
    raw = pl.DataFrame({"user_id": [7.0, float("nan"), float("inf")], "item_id": ["a", "a", "a"]})
    assert histories(Dataset.from_frames(raw, ITEMS)) == {"7": ["a"]}


@pytest.mark.parametrize("name", ["user_id", "item_id"])
def test_ids_that_lost_digits_are_refused_with_their_place(name: str) -> None:
    raw = pl.DataFrame({"user_id": ["u", "v"], "item_id": ["a", "b"]}).with_columns(pl.lit(1.7e17).alias(name))
    with pytest.raises(DataError, match="lost digits") as caught:
        Dataset.from_frames(raw, ITEMS)
    assert caught.value.location == f"interaction table, column {name}, data row 1"


def test_one_spelling_of_ids_in_both_tables() -> None:
    items = pl.DataFrame({"item_id": ["\ufeff1", "2.0 ", " 3"], "title": ["Ash", "Birch", "Cedar"]})
    dataset = Dataset.from_frames(events(("u", "1.0"), ("u ", "2"), ("\u200bu", "3.0")), items)
    assert dataset.item_ids == ["1", "2", "3"]
    assert histories(dataset) == {"u": ["1", "2", "3"]}


def test_words_for_a_missing_value_are_no_users_items_or_titles() -> None:
    items = pl.DataFrame({"item_id": ["a", "nan", "c", "d"], "title": ["Ash", "Birch", "nan", "NULL"]})
    dataset = Dataset.from_frames(events(("u", "a"), ("None", "a"), ("u", "nan"), ("u", "c")), items)
    assert (histories(dataset), dataset.titles) == ({"u": ["a"]}, ["Ash"])
    assert {note.what: note.count for note in dataset.notes if note.warning} == {
        "item table, column item_id: values such as nan, None or NULL taken as missing ids": 1,
        "item table, column title: values such as nan, None or NULL taken as missing": 2,
        "interaction table, column user_id: values such as nan, None or NULL taken as missing ids": 1,
        "interaction table, column item_id: values such as nan, None or NULL taken as missing ids": 1,
    }


def test_one_title_of_such_a_word_may_be_a_title() -> None:
    items = ITEMS.with_columns(title=pl.Series(["Ash", "None", "Cedar", "Damson"]))
    dataset = Dataset.from_frames(events(("u", "b")), items)
    assert dataset.titles[1] == "None"
    assert [note.warning for note in dataset.notes if "kept: is it a title?" in note.what] == [True]


def test_catalogue_has_every_column_with_its_type() -> None:
    items = pl.DataFrame(
        {
            "item_id": ["a", "b"],
            "title": ["Ash", "Birch"],
            "description": [["First.", None, "<b>Second</b> &amp; last."], []],
            "genres": ["puzzle", None],
            "features": [["light", "light", " "], ["small"]],
            "price": [1, 2],
        }
    )
    dataset = Dataset.from_frames(events(("u", "a", 1)), items)
    assert dict(dataset.items.schema) == ITEM_COLUMNS
    assert dataset.items.row(0) == ("a", "Ash", "First. Second & last.", "", ["puzzle"], [], ["light"])
    assert dataset.items.row(1) == ("b", "Birch", "", "", [], [], ["small"])


def test_titles_become_unique_and_safe() -> None:
    items = pl.DataFrame(
        {
            "item_id": ["a", "b", "c", "d", "e"],
            "title": ["Ash; “Gold”", "Birch", "BIRCH", "Birch ", "long " * 40],
            "brand": ["", "Nimbus", "", "", ""],
            "platforms": [[], ["Orbit"], ["Orbit"], ["Vega"], []],
            "release_year": [2000, 2000, 1999, 1999, 2000],
        }
    )
    dataset = Dataset.from_frames(events(("u", "a", 1)), items)
    assert dataset.titles[:4] == ['Ash, "Gold"', "Birch (Nimbus)", "BIRCH (c)", "Birch (Vega)"]
    assert dataset.titles[4].endswith("long…")
    assert counts(dataset) == {
        "titles with odd spaces, HTML, semicolons or curly quotes corrected": 3,
        "titles over 120 characters shortened": 1,
        "items that shared a title given a brand, platform, year or id behind it": 3,
    }


def test_cleaning_again_changes_nothing() -> None:
    items = pl.DataFrame({"item_id": ["a", "b", "c"], "title": ["Ash;", "Ash,", "word " * 50]})
    once = Dataset.from_frames(events(("u", "a", 1)), items)
    again = Dataset.from_frames(events(("u", "a", 1)), once.items)
    assert again.titles == once.titles
    assert again.notes == ()


@pytest.mark.parametrize(
    ("raw", "items", "message"),
    [
        (events(("u", "a"), columns=("who", "item_id")), ITEMS, "missing column: user_id"),
        (events(("u", "a", 1)), ITEMS.drop("title"), "the columns there are: item_id"),
        (events(("u", "z", 1)), ITEMS, "outside the catalogue or without a title dropped: 1"),
        (events(("u", "a", "soon"), ("u", "b", "2")), ITEMS, "'soon' is neither"),
        (events(("u", "b", "2"), ("u", "a", "soon")), ITEMS, "data row 2"),
        (events(("u", "a", True)), ITEMS, "not Boolean"),
        (events(([], "a")), ITEMS, "a value must be text or a number, not List"),
        (events(("u", "a", 1)), ITEMS.with_columns(title=pl.lit("")), "no item has both"),
    ],
)
def test_bad_tables(raw: pl.DataFrame, items: pl.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        Dataset.from_frames(raw, items)
    assert caught.value.location
    assert caught.value.hint


def small() -> Dataset:
    raw = events(
        ("v", "c", 5), ("v", "a", 1), ("u", "b", 2), ("u", "d", 1), ("u", "a", 9), ("w", "b", 1), ("w", "b", 2)
    )
    return Dataset.from_frames(raw, ITEMS, name="trees")


def test_save_and_load(tmp_path: Path) -> None:
    dataset = small()
    dataset.save(tmp_path / "dataset")
    loaded = Dataset.load(tmp_path / "dataset")
    assert (loaded.name, loaded.user_ids, loaded.notes) == (dataset.name, dataset.user_ids, dataset.notes)
    assert loaded.items.equals(dataset.items)
    assert histories(loaded) == histories(dataset)
    assert loaded.sequence.dtype == np.int32
    assert loaded.sequence.flags.writeable


def test_load_says_what_is_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dataset\.json, items\.parquet"):
        Dataset.load(tmp_path)
    small().save(tmp_path)
    (tmp_path / "users.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read"):
        Dataset.load(tmp_path)


def test_select_gives_new_indices() -> None:
    part = small().select(np.array([2, 1]), np.array([1, 3]), notes=(Note("cut", 1),))
    assert histories(part) == {"w": ["b"], "u": ["d", "b"]}
    assert part.titles == ["Birch", "Damson"]
    assert part.notes[-1] == Note("cut", 1)


def test_own_ids() -> None:
    assert small().user_index("u") == 1
    assert small().item_index("d") == 3
    with pytest.raises(DataError, match="no user 'x'") as caught:
        small().user_index("x")
    assert "v, u, w" in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "own_id", "hint"),
    [
        ("user", "U", "the data has the user 'u'"),
        ("item", "0a", "the data has the item 'a'"),
        ("item", "u", "it is the id of a user; ids look like: a, b, c"),
        ("user", "a", "it is the id of an item"),
        ("item", "Cedar", "it is the title of the item 'c'"),
        ("user", None, "ids look like"),
        ("user", "zzz", "ids look like"),
    ],
)
def test_an_id_that_is_not_there_is_said_with_the_nearest(kind: str, own_id: object, hint: str) -> None:
    with pytest.raises(DataError, match=f"there is no {kind} '{own_id}'") as caught:
        getattr(small(), f"{kind}_index")(own_id)
    assert hint in caught.value.hint


def test_own_ids_may_be_written_in_any_way() -> None:
    frame = pl.DataFrame({"user_id": [7, 7], "item_id": ["a", "b"]})
    dataset = Dataset.from_frames(frame, ITEMS)
    assert {dataset.user_index(given) for given in ("7", 7, 7.0, "7.0", " 7", b"7", np.int64(7))} == {0}
    with pytest.raises(DataError, match="not Boolean"):
        dataset.item_index(True)


@pytest.mark.parametrize(
    ("offsets", "sequence", "message"),
    [
        ([0, 1], [0], "2 users need 3 offsets"),
        ([0, 2, 1], [0], "do not rise"),
        ([0, 1, 3], [0, 1], "do not rise"),
        ([0, 1, 2], [0, 4], "outside 0…3"),
        ([0, 1, 2], [-1, 0], "outside 0…3"),
    ],
)
def test_parts_that_do_not_fit(offsets: list[int], sequence: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Dataset("bad", small().items, ("u", "v"), np.array(offsets), np.array(sequence, dtype=np.int32))


FRAME_EVENTS = {"user_id": [7, 7, 8, 8], "item_id": ["a", "b", "a", None], "timestamp": [3, 1, 2, 4]}
FRAME_ITEMS = {
    "item_id": ["a", "b"],
    "title": ["Ash", "Birch"],
    "brand": ["Wood", None],
    "genres": [["tree", "tall"], None],
}


def test_pandas_frames_make_the_same_dataset_as_polars() -> None:
    pandas = pytest.importorskip("pandas")
    ours = Dataset.from_frames(pl.DataFrame(FRAME_EVENTS), pl.DataFrame(FRAME_ITEMS))
    theirs = Dataset.from_frames(pandas.DataFrame(FRAME_EVENTS), pandas.DataFrame(FRAME_ITEMS, index=[5, 9]))
    assert theirs.items.equals(ours.items)
    assert (
        (theirs.user_ids, theirs.sequence.tolist())
        == (("7", "8"), [1, 0, 0])
        == (ours.user_ids, ours.sequence.tolist())
    )
    assert theirs.notes == ours.notes


def test_dates_of_pandas_are_times() -> None:
    pandas = pytest.importorskip("pandas")
    dates = pandas.to_datetime(["2024-03-02", "2024-03-01", None])
    read = as_polars(pandas.DataFrame({"timestamp": dates, "number": [1, 2, None]}), "events")
    assert read["timestamp"].to_list() == [datetime(2024, 3, 2), datetime(2024, 3, 1), None]
    assert read["number"].to_list() == [1.0, 2.0, None]


@pytest.mark.parametrize(
    "times",
    [
        [date(2024, 3, 2), datetime(2024, 3, 1, 9), None],
        [datetime(2024, 3, 2, tzinfo=UTC), datetime(2024, 3, 1, 9), None],
        [np.datetime64("2024-03-02T10:00"), "2024-03-01", None],
        [1_709_342_400, "1709251200", None],
    ],
)
def test_dates_of_several_kinds_in_a_frame_of_pandas_are_times(times: list[object]) -> None:
    pandas = pytest.importorskip("pandas")
    column = pandas.Series(times, dtype=object)
    frame = pandas.DataFrame({"user_id": "u", "item_id": ["a", "b", "c"], "timestamp": column})
    assert histories(Dataset.from_frames(frame, ITEMS)) == {"u": ["b", "a"]}


def test_periods_of_pandas_are_times() -> None:
    pandas = pytest.importorskip("pandas")
    months = pandas.period_range("2024-01", "2024-02", freq="M")[::-1]
    frame = pandas.DataFrame({"user_id": "u", "item_id": ["a", "b"], "timestamp": months})
    assert histories(Dataset.from_frames(frame, ITEMS)) == {"u": ["b", "a"]}


def test_events_at_one_time_keep_the_order_of_rows_and_are_counted_where_they_are_many() -> None:
    dataset = Dataset.from_frames(events(("u", "c", 2), ("u", "b", 1), ("u", "a", 1)), ITEMS)
    assert histories(dataset) == {"u": ["b", "a", "c"]}
    assert counts(dataset) == {"events at the same time as another of their user, in the order of rows": 1}


def test_the_day_may_be_said_to_be_first() -> None:
    raw = events(("u", "b", "01/02/2023"), ("u", "a", "02/01/2023"))
    assert histories(Dataset.from_frames(raw, ITEMS, day_first=True)) == {"u": ["a", "b"]}
    assert histories(Dataset.from_frames(raw, ITEMS, day_first=False)) == {"u": ["b", "a"]}
    with pytest.raises(DataError, match="the day or the month may be first"):
        Dataset.from_frames(raw, ITEMS)


def test_a_column_that_may_be_the_time_is_warned_of() -> None:
    dataset = Dataset.from_frames(events(("u", "b", "2"), ("u", "a", "1"), columns=("user_id", "item_id", "ts")), ITEMS)
    assert histories(dataset) == {"u": ["b", "a"]}
    (note,) = dataset.notes
    assert note.warning
    assert "column 'ts' looks like one (by it, 1 of 1 histories have another order)" in note.what


def test_columns_of_several_kinds_are_said() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match="several kinds") as caught:
        as_polars(pandas.DataFrame({"item_id": ["a", 1], "timestamp": ["soon", [1]]}), "item table")
    assert caught.value.location == "item table, column timestamp"


def test_ids_and_titles_of_several_kinds_are_read() -> None:
    pandas = pytest.importorskip("pandas")
    items = pandas.DataFrame({"item_id": ["1", "2", "3", "x-4"], "title": ["Ash", 300, 1.5, "Damson"]})
    raw = pandas.DataFrame({"user_id": list("uuuuu"), "item_id": [1, "2", 3.0, None, "x-4"]})
    dataset = Dataset.from_frames(raw, items)
    assert (dataset.titles, histories(dataset)) == (["Ash", "300", "1.5", "Damson"], {"u": ["1", "2", "3", "x-4"]})
    assert not any(note.warning for note in dataset.notes)
    texts = Dataset.from_frames(raw.astype(str), items.astype(str))
    assert histories(texts) == histories(dataset)


def test_objects_are_ids_if_they_are_uuids() -> None:
    pandas = pytest.importorskip("pandas")
    raw = pandas.DataFrame({"user_id": [UUID(int=1), UUID(int=2)], "item_id": ["a", "b"]})
    assert Dataset.from_frames(raw, ITEMS).user_ids == (str(UUID(int=1)), str(UUID(int=2)))
    assert Dataset.from_frames(pl.DataFrame(raw.to_dict("list")), ITEMS).n_users == 2


def test_ids_in_the_index_of_a_frame_are_read() -> None:
    pandas = pytest.importorskip("pandas")
    items = pandas.DataFrame(FRAME_ITEMS).set_index("item_id")
    assert Dataset.from_frames(pandas.DataFrame(FRAME_EVENTS), items).item_ids == ["a", "b"]


def test_floats_of_less_precision_lose_digits_earlier() -> None:
    pandas = pytest.importorskip("pandas")
    raw = pandas.DataFrame({"user_id": pandas.Series([16777217.0, 5.0], dtype="float32"), "item_id": ["a", "b"]})
    with pytest.raises(DataError, match=r"floats of 2\^24"):
        Dataset.from_frames(raw, ITEMS)


CODES = [f"{number:04d}" for number in range(40)]
CATALOGUE = pl.DataFrame({"item_id": CODES, "title": [f"Title {code}" for code in CODES]})


@pytest.mark.parametrize(
    ("item_ids", "hint"),
    [
        ([code.lstrip("0") or "0" for code in CODES], "without leading zeros, such as '0' and '0000'"),
        ([f"ITEM-{code}" for code in CODES], "without what they begin with, 'ITEM-' and ''"),
        ([f"Title {code}" for code in CODES], "name items by their titles"),
        (["x", "y"], "check that both tables name items by the same ids"),
    ],
)
def test_where_no_id_is_known_both_sides_and_the_difference_are_shown(item_ids: list[str], hint: str) -> None:
    raw = pl.DataFrame({"user_id": ["u"] * len(item_ids), "item_id": item_ids})
    with pytest.raises(DataError, match="the catalogue '0000', '0001', '0002'") as caught:
        Dataset.from_frames(raw, CATALOGUE)
    assert f"the interactions have '{item_ids[0]}'" in caught.value.what
    assert hint in caught.value.hint


def test_columns_the_wrong_way_round_are_said() -> None:
    with pytest.raises(DataError) as caught:
        Dataset.from_frames(events(("a", "u"), ("b", "u")), ITEMS)
    assert "the other way round" in caught.value.hint


@pytest.mark.parametrize(
    ("item_ids", "warning"),
    [
        (
            ["a", *"wxyz"],
            "80% of the events are on items that the catalogue lacks, or has no title of: the interactions have",
        ),
        (
            ["a", "b", "c", "D"],
            "25% of the events are on items that the catalogue lacks, or has no title of: 1 ids of the",
        ),
        (["a", "b", "c", "z"], ""),
        (["a", "b"], ""),
    ],
)
def test_events_on_unknown_items_are_said_loudly(item_ids: list[str], warning: str) -> None:
    raw = pl.DataFrame({"user_id": ["u"] * len(item_ids), "item_id": item_ids})
    warnings = [note.what for note in Dataset.from_frames(raw, ITEMS).notes if note.warning]
    assert [text[: len(warning)] for text in warnings] == ([warning] if warning else [])


def test_ids_shifted_by_one_are_said_though_most_are_known() -> None:
    items = pl.DataFrame({"item_id": range(1, 101), "title": [f"Title {row}" for row in range(100)]})
    (note,) = (
        note
        for note in Dataset.from_frames(pl.DataFrame({"user_id": [1] * 100, "item_id": range(100)}), items).notes
        if note.warning
    )
    assert "run from 0 to 99, those of the catalogue from 1 to 100" in note.what


@pytest.mark.parametrize("other", [[1, 2], {"user_id": ["u"]}, None])
def test_what_is_no_frame_is_said(other: object) -> None:
    assert as_polars(pl.LazyFrame({"a": [1]}), "table").equals(pl.DataFrame({"a": [1]}))
    series = pytest.importorskip("pandas").Series([1])
    with pytest.raises(DataError, match="but a Series"):
        as_polars(series, "table")
    with pytest.raises(DataError, match="neither a polars nor a pandas frame") as caught:
        Dataset.from_frames(other, pl.DataFrame(FRAME_ITEMS))
    assert caught.value.location == "interaction table"


TREES = pl.DataFrame(
    {"item_id": ["a", "b", "c"], "title": ["Ash", "Birch", "Cedar"], "brand": ["N", "", None], "genres": [[], [], []]}
)
TREE_EVENTS = pl.DataFrame(
    {"user_id": ["u", "u", "u", "v", "v"], "item_id": ["c", "a", "b", "b", "z"], "timestamp": [1, 2, 3, 4, 5]}
)


def test_figures_and_rows() -> None:
    dataset = Dataset.from_frames(TREE_EVENTS, TREES, name="trees")
    assert dataset.notes == (Note("events on items outside the catalogue or without a title dropped", 1),)
    seen = inspect_dataset(dataset)
    assert seen.sparsity == pytest.approx(1 / 3)
    assert (seen.history_lengths.low, seen.history_lengths.high) == pytest.approx((1.1, 2.9))
    assert (seen.history_lengths.median, seen.title_lengths.median) == (2, 5)
    assert seen.attributes == {"brand": pytest.approx(1 / 3)}
    assert seen.sample == (("u", "c", "Cedar"), ("u", "a", "Ash"), ("u", "b", "Birch"), ("v", "b", "Birch"))


def test_nothing_to_inspect() -> None:
    dataset = Dataset.from_frames(TREE_EVENTS, TREES)
    with pytest.raises(DataError, match="nothing to inspect"):
        inspect_dataset(dataset.select(np.array([], dtype=np.int64), np.array([0])))


def test_titles_are_cleaned_and_what_was_done_is_counted() -> None:
    titles = [
        "<i>Alien</i> Resort",
        "Bell\x07Ring",
        "Ember\x00",
        "ember",
        "PokÃ©mon",
        "getTime();",
        "I <3 Tea",
        "-",
        "-",
    ]
    items = pl.DataFrame({"item_id": list("abcdefghi"), "title": titles, "brand": ["nan", *["<b>N</b>"] * 8]})
    dataset = Dataset.from_frames(events(("u", "a", 1)), items)
    assert dataset.titles == ["Alien Resort", "BellRing", "Ember (c)", "ember (d)", "PokÃ©mon", "I <3 Tea"]
    assert dataset.items["brand"].to_list() == ["", *["N"] * 5]
    warnings = {note.what: note.count for note in dataset.notes if note.warning}
    assert {note.what: note.count for note in dataset.notes if not note.warning} == {
        "items without an id or a title dropped": 3,
        "titles with odd spaces, HTML, semicolons or curly quotes corrected": 1,
        "titles with control characters, or characters without width, which were removed": 2,
        "words such as nan or None in brand, genres and the like taken as missing": 1,
        "items that shared a title given a brand, platform, year or id behind it": 2,
    }
    assert warnings == {
        "item table, column title: values such as nan, None or NULL taken as missing": 2,
        "titles that were once read in a wrong encoding, such as 'PokÃ©mon': write the file as UTF-8": 1,
    }
