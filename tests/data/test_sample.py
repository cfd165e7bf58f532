"""The embedded world: its size, its words, and the tastes of its people."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from recexplainer.data.dataset import ITEM_COLUMNS, Dataset
from recexplainer.data.sample import make_world, read_devices, read_series, read_vocabulary
from recexplainer.errors import DataError


@pytest.fixture(scope="module")
def world() -> Dataset:
    return make_world()


def test_the_default_world_has_its_size() -> None:
    world = make_world()
    assert (world.n_users, world.n_items, world.name) == (1600, 320, "sample")
    assert world.user_ids[0] == "u0001"
    assert len(set(world.user_ids)) == 1600


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    first, again, other = make_world(users=80), make_world(users=80), make_world(users=80, seed=1)
    assert first.items.equals(again.items)
    assert np.array_equal(first.sequence, again.sequence)
    assert np.array_equal(first.offsets, again.offsets)
    assert not first.items.equals(other.items)
    assert not np.array_equal(first.sequence[:200], other.sequence[:200])


def test_the_world_stays_as_it_is() -> None:
    world = make_world(users=80, items=117, seed=7)
    text = repr((world.items.rows(), world.user_ids, world.offsets.tolist(), world.sequence.tolist()))
    expected = "02b504d2dfa2d7a7725e1c0b9a19e80e1863facc60b3656630c844d868f04f95"
    assert hashlib.sha256(text.encode()).hexdigest() == expected, "results that were published rest on it"


@pytest.mark.parametrize(("users", "items"), [(60, 60), (61, 117), (5000, 320)])
def test_other_sizes_work(users: int, items: int) -> None:
    world = make_world(users=users, items=items, seed=3)
    assert (world.n_users, world.n_items) == (users, items)
    assert world.sequence.max() < items
    devices = sum(genres[0] in device_labels() for genres in world.items["genres"].to_list())
    assert devices == pytest.approx(items / 4, abs=1)


@pytest.mark.parametrize("sizes", [{"users": 59}, {"users": 5001}, {"items": 59}, {"items": 321}, {"items": 0}])
def test_a_size_out_of_range_is_refused_with_the_range(sizes: dict[str, int]) -> None:
    with pytest.raises(DataError, match=r"hint: .*Choose 60 to (5000 users|320 items)") as error:
        make_world(**sizes)
    assert str(next(iter(sizes.values()))) in error.value.what


def test_every_attribute_is_filled(world: Dataset) -> None:
    assert dict(world.items.schema) == ITEM_COLUMNS
    for row in world.items.iter_rows(named=True):
        assert all(row.values()), row
        assert all(all(row[column]) for column in ("genres", "platforms", "features"))
        assert set(row["platforms"]) <= set(read_vocabulary().platforms)


def test_titles_are_unique_and_readable(world: Dataset) -> None:
    titles = world.titles
    assert len({title.casefold() for title in titles}) == world.n_items
    for title in titles:
        assert 1 <= len(title.split()) <= 7
        assert not re.search(r"[;“”]|  |^\s|\s$", title)
    assert any(not title.isascii() for title in titles)


def test_a_title_is_part_of_another_only_within_a_series() -> None:
    series_of = {title: series.series for series in read_series() for title in series.parts}
    titles = [*series_of, *(device.title for device in read_devices())]
    for first, second in combinations(titles, 2):
        if first in second or second in first:
            assert series_of.get(first) == series_of.get(second) is not None, (first, second)


def test_descriptions_read_like_sentences() -> None:
    for seed in range(3):
        for row in make_world(users=60, seed=seed).items.iter_rows(named=True):
            text = row["description"]
            assert not re.search(r"[{}“”]|  |\.\.|\b[Aa] [aeio](?!ne)|\b[Aa]n (?!hour|honest|heir)[^aeiou]", text), text
            assert text.endswith(".")
            assert text[0].isupper()
            assert 2 <= len(re.findall(r"\.(?= [A-Z]|$)", text)) <= 3, text
            bare = [re.sub(r"^an? ", "", feature) for feature in row["features"]]
            assert sum(feature.lower() in text.lower() for feature in bare) >= 2, text


def test_a_game_runs_on_the_platform_that_its_title_names(world: Dataset) -> None:
    rows = {row["title"]: row for row in world.items.iter_rows(named=True)}
    tails = [title for title in rows if title.endswith(")")]
    assert tails
    for title in tails:
        assert rows[title]["platforms"] == [title.rpartition("(")[2].rstrip(")")]


def test_histories_have_five_to_fourteen_items_and_none_twice(world: Dataset) -> None:
    lengths = np.diff(world.offsets)
    assert (lengths.min(), lengths.max()) == (5, pytest.approx(13, abs=1))
    assert lengths.mean() == pytest.approx(8, abs=0.3)
    assert world.offsets[-1] == world.n_interactions
    for user in range(world.n_users):
        assert len(set(world.history(user).tolist())) == lengths[user]


def test_people_keep_to_few_platforms(world: Dataset) -> None:
    platforms = [set(names) for names in world.items["platforms"].to_list()]
    coverable = [_fewest_platforms([platforms[item] for item in world.history(user)]) for user in range(200)]
    assert np.mean([count <= 2 for count in coverable]) > 0.8


def test_a_sequel_follows_its_predecessor_more_often_than_the_reverse(world: Dataset) -> None:
    number = {title: index for index, title in enumerate(world.titles)}
    steps = [step for series in read_series() for step in pairwise(series.parts)]
    numbered = [(number[first], number[then]) for first, then in steps if first in number and then in number]
    in_order: list[bool] = []
    for user in range(world.n_users):
        place = {item: when for when, item in enumerate(world.history(user).tolist())}
        in_order += [place[first] < place[then] for first, then in numbered if first in place and then in place]
    assert len(in_order) > 1000
    assert np.mean(in_order) > 0.8


def test_tastes_are_real_a_simple_predictor_of_the_next_item_beats_popularity(world: Dataset) -> None:
    popularity = np.zeros(world.n_items)
    together = np.zeros((world.n_items, world.n_items))
    for user in range(world.n_users):
        known = world.history(user)[:-1]
        popularity[known] += 1
        together[np.ix_(known, known)] += 1
    together /= np.sqrt(np.outer(popularity + 1, popularity + 1))
    popular = hit_ratio(world, lambda known: popularity)
    neighbors = hit_ratio(world, lambda known: together[known].sum(axis=0))
    assert 0.03 < popular < 0.3
    assert neighbors > 3 * popular


def hit_ratio(world: Dataset, score: Callable[[NDArray[np.int32]], NDArray[np.float64]], k: int = 10) -> float:
    hits = 0
    for user in range(world.n_users):
        history = world.history(user)
        scores = score(history[:-1]).copy()
        scores[history[:-1]] = -np.inf
        hits += int((scores > scores[history[-1]]).sum() < k)
    return hits / world.n_users


def _fewest_platforms(needs: list[set[str]]) -> int:
    names = read_vocabulary().platforms
    return next(
        size
        for size in range(1, len(names) + 1)
        if any(all(need & set(chosen) for need in needs) for chosen in combinations(names, size))
    )


def device_labels() -> set[str]:
    return {words.label for words in read_vocabulary().devices.values()}
