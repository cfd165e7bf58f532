"""Filtering: each step against counts made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from recexplainer.data.dataset import Dataset
from recexplainer.data.filtering import FilterSettings, filter_dataset
from recexplainer.data.readers import read_folder
from recexplainer.errors import DataError


def dataset(histories: dict[str, str], items: str) -> Dataset:
    pairs = [(user, item) for user, history in histories.items() for item in history]
    return Dataset.from_frames(
        pl.DataFrame(pairs, schema=["user_id", "item_id"], orient="row"),
        pl.DataFrame({"item_id": list(items), "title": [f"Title {item}" for item in items]}),
    )


def histories(data: Dataset) -> dict[str, str]:
    ids = data.items["item_id"].to_list()
    return {name: "".join(ids[item] for item in data.history(user)) for user, name in enumerate(data.user_ids)}


def added_notes(data: Dataset) -> dict[str, int]:
    return {note.what: note.count for note in data.notes[1:]}  # the first: there are no times


def test_nothing_asked_drops_only_what_nobody_has() -> None:
    filtered = filter_dataset(dataset({"u": "ab", "v": "b"}, "abc"), FilterSettings(min_history=1))
    assert histories(filtered) == {"u": "ab", "v": "b"}
    assert filtered.titles == ["Title a", "Title b"]
    assert added_notes(filtered) == {"items dropped: without any interaction": 1}


def test_most_frequent_items_then_histories_on_them() -> None:
    data = dataset({"u": "abc", "v": "bac", "w": "bde", "x": "d"}, "abcde")
    filtered = filter_dataset(data, FilterSettings(most_frequent_items=3, min_history=2))
    # b has 3; a, c and d have 2 each: of equals the earlier in the catalogue stay.
    assert histories(filtered) == {"u": "abc", "v": "bac"}
    assert added_notes(filtered) == {
        "items dropped: not among the 3 most frequent": 2,
        "users dropped: with fewer than 2 interactions": 1,
    }


def test_core_goes_on_to_a_fixed_point() -> None:
    # d is dropped, so y falls under 2, so c falls under 2, so x falls under 2.
    data = dataset({"u": "ab", "v": "ba", "w": "ab", "x": "ac", "y": "cd"}, "abcd")
    filtered = filter_dataset(data, FilterSettings(min_history=1, k_core=2))
    assert histories(filtered) == {"u": "ab", "v": "ba", "w": "ab"}
    assert added_notes(filtered) == {"users dropped: outside the 2-core": 2, "items dropped: outside the 2-core": 2}


def test_draw_is_seeded_and_keeps_order() -> None:
    data = dataset({f"u{number}": "abc" for number in range(50)}, "abc")
    draws = [filter_dataset(data, FilterSettings(min_history=1, users=20, seed=seed)).user_ids for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert all(len(draw) == 20 for draw in draws)
    assert sorted(draws[2], key=lambda name: int(name[1:])) == list(draws[2])
    assert filter_dataset(data, FilterSettings(min_history=1, users=99)).n_users == 50


def test_nothing_left_gives_the_counts_of_each_step() -> None:
    with pytest.raises(DataError, match="leaves nothing") as caught:
        filter_dataset(dataset({"u": "abc", "v": "c"}, "abc"), FilterSettings(min_history=2, k_core=2))
    assert "fewer than 2 interactions: 1 users, 3 items, 3 interactions" in caught.value.location
    assert "2-core: 0 users, 0 items, 0 interactions" in caught.value.location


@pytest.mark.parametrize("field", ["most_frequent_items", "min_history", "users", "k_core"])
def test_settings_refuse_nothing_and_unknown_keys(field: str) -> None:
    with pytest.raises(ValidationError):
        FilterSettings.model_validate({field: 0})
    with pytest.raises(ValidationError):
        FilterSettings.model_validate({field + "x": 1})


@pytest.mark.real
def test_the_papers_subset_of_games(real_data: Callable[[str], Path]) -> None:
    whole = read_folder(real_data("amazon-video-games"))
    settings = FilterSettings(most_frequent_items=2000, min_history=5, users=4000, k_core=5)
    subset = filter_dataset(whole, settings)
    assert 3_800 <= subset.n_users <= 3_950
    assert 1_790 <= subset.n_items <= 1_880
    assert 29_500 <= subset.n_interactions <= 31_500
    assert subset.history_lengths.min() >= 5
