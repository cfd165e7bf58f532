from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from recexplainer.data.dataset import Dataset
from recexplainer.data.frames import as_polars
from recexplainer.errors import DataError

EVENTS = {"user_id": [7, 7, 8, 8], "item_id": ["a", "b", "a", None], "timestamp": [3, 1, 2, 4]}
ITEMS = {"item_id": ["a", "b"], "title": ["Ash", "Birch"], "brand": ["Wood", None], "genres": [["tree", "tall"], None]}


def test_pandas_frames_make_the_same_dataset_as_polars() -> None:
    pandas = pytest.importorskip("pandas")
    ours = Dataset.from_frames(pl.DataFrame(EVENTS), pl.DataFrame(ITEMS))
    theirs = Dataset.from_frames(pandas.DataFrame(EVENTS), pandas.DataFrame(ITEMS, index=[5, 9]))
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


def test_columns_of_several_kinds_are_said() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match="several kinds") as caught:
        as_polars(pandas.DataFrame({"item_id": ["a", 1]}), "item table")
    assert caught.value.location == "item table"


@pytest.mark.parametrize("other", [[1, 2], {"user_id": ["u"]}, None])
def test_what_is_no_frame_is_said(other: object) -> None:
    with pytest.raises(DataError, match="neither a polars nor a pandas frame") as caught:
        Dataset.from_frames(other, pl.DataFrame(ITEMS))
    assert caught.value.location == "interaction table"
