"""Whether ids and rows are in the same order: vectors, functions and objects, in order and mixed up."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.fakes import SameForAll, ScoredBy

from recexplainer.data.dataset import Dataset, leave_one_out
from recexplainer.errors import RecommenderWarning
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.function import FunctionRecommender
from recexplainer.recommenders.orders import possible_mistakes
from recexplainer.recommenders.ranking_check import RankingCheck, check_ranking, warn_of_ranking
from recexplainer.recommenders.vectors import VectorRecommender

KINDS, HISTORY = 4, 8
NO_BETTER = "no better than chance. Are ids and rows in the same order?"


@cache
def tastes(n_users: int = 120, n_items: int = 80) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """Users who stay with one kind of items; vectors of a model that knows it, in the order of the data."""
    rng = np.random.default_rng(1)
    kinds, own, weights = rng.permutation(n_items) % KINDS, rng.permutation(n_users) % KINDS, rng.random(n_items) ** 3
    likely = [weights * (kinds == kind) / weights[kinds == kind].sum() for kind in range(KINDS)]
    rows = [
        (f"u{user + 1}", f"i{item + 1}")
        for user in range(n_users)
        for item in rng.choice(n_items, min(HISTORY, n_items // KINDS), replace=False, p=likely[own[user]]).tolist()
    ]
    ids = [f"i{item + 1}" for item in range(n_items)]
    data = Dataset.from_frames(
        pl.DataFrame(rows, ["user_id", "item_id"], orient="row"),
        pl.DataFrame({"item_id": ids, "title": [f"Title {one}" for one in ids]}),
    )
    items = np.eye(KINDS)[kinds] + rng.normal(scale=0.05, size=(n_items, KINDS))
    users = 3 * np.eye(KINDS)[own] + rng.normal(scale=0.05, size=(n_users, KINDS))
    return data, items, users


def user_names() -> list[str]:
    return [f"u{user + 1}" for user in range(120)]


def check(recommender: Recommender, data: Dataset | None = None) -> RankingCheck:
    data = data or tastes()[0]
    return check_ranking(data, leave_one_out(data), recommender)


def vectors(
    items: Callable[[list[str]], Sequence[str]] = list, users: Callable[[list[str]], Sequence[str]] | None = list
) -> VectorRecommender:
    data, item_vectors, user_vectors = tastes()
    named: dict[str, Any] = {"item_ids": items(data.item_ids)}
    if users is None:
        return VectorRecommender.from_arrays(data, item_vectors, fold_in="mean", **named)
    return VectorRecommender.from_arrays(data, item_vectors, user_vectors, user_ids=users(user_names()), **named)


def shifted(ids: list[str]) -> list[str]:
    return [ids[-1], *ids[:-1]]


def shuffled(ids: list[str]) -> list[str]:
    return np.random.default_rng(5).permutation(ids).tolist()


@pytest.mark.parametrize("users", [list, None])
def test_rows_in_order_are_no_news(users: Any) -> None:
    found = check(vectors(users=users))
    assert found.warnings == found.notes == ()
    assert found.users == 120
    assert found.auc is not None
    assert found.auc > 0.9
    assert "chance 50.0% ±" in found.summary


@pytest.mark.parametrize(
    ("items", "users", "words"),
    [
        (
            sorted,
            list,
            "the rows of its items seem to be in the order of the data's items, and their ids in that of ids sor",
        ),
        (shifted, list, "the rows of its items seem to be shifted by one: each belongs to the one after it"),
        (list, sorted, "the rows of its users seem to be in the order of"),
        (list, shifted, "the rows of its users seem to be shifted by one"),
        (sorted, sorted, "ids sorted as text, and the rows of its users"),
        (
            sorted,
            None,
            "the rows of its items seem to be in the order of the data's items, and their ids in that of ids sor",
        ),
        (shuffled, list, NO_BETTER),
        (shuffled, None, NO_BETTER),
    ],
)
def test_rows_in_another_order_are_warned_of_and_the_order_is_named(items: Any, users: Any, words: str) -> None:
    (warning,) = check(vectors(items, users)).warnings
    assert words in warning
    assert "Are ids and rows in the same order?" in warning


def test_users_in_no_order_are_warned_of() -> None:
    (warning,) = check(vectors(users=shuffled)).warnings
    assert "in the same order?" in warning


def by_history(histories: list[list[str]], items: list[str]) -> np.ndarray:
    vectors = dict(zip(items, tastes()[1], strict=True))
    table = np.stack([vectors[item] for item in items])
    return np.stack([np.mean([vectors[one] for one in history], 0) @ table.T for history in histories])


def function(change: Callable[[np.ndarray], Any]) -> FunctionRecommender:
    def scores(histories: list[list[str]], items: list[str]) -> Any:
        return change(by_history(histories, items))

    return FunctionRecommender(scores, tastes()[0].item_ids)


def columns_sorted(scores: np.ndarray) -> np.ndarray:
    return scores[:, np.argsort(tastes()[0].item_ids)]


def dropped_out(scores: np.ndarray) -> np.ndarray:
    return scores + np.random.normal(size=scores.shape)  # noqa: NPY002


def over_the_batch(scores: np.ndarray) -> np.ndarray:
    return scores - scores.mean(0) + len(scores) * scores


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            columns_sorted,
            "the order of ids sorted as text, and their ids in that",
        ),
        (np.negative, "worse than chance. Is a lower score the better one"),
        (np.ones_like, "gives all items the same score"),
        (dropped_out, "Asked the same twice, it answers differently"),
        (over_the_batch, "depends on who else is asked about"),
    ],
)
def test_functions_are_checked_too(change: Any, words: str) -> None:
    assert words in " ".join(check(function(change)).warnings)


def test_objects_that_read_histories_by_rows_in_another_order() -> None:
    data, items, _ = tastes()
    wrong = items[np.argsort(np.argsort(data.item_ids))]
    asked = ScoredBy(lambda users: [wrong[list(user.history)].mean(0) @ wrong.T for user in users], data.n_items, 8)
    (warning,) = check(asked).warnings
    assert "the rows of its items seem to be in the order of" in warning


def popularity() -> SameForAll:
    data = tastes()[0]
    counts = np.bincount(leave_one_out(data).train_interactions()[1], minlength=data.n_items)
    return SameForAll(counts + np.bincount(data.sequence, minlength=data.n_items))


def masked(scores: np.ndarray, users: Sequence[User]) -> np.ndarray:
    """What a model answers that was trained on everything and leaves out what it was trained on."""
    data = tastes()[0]
    for row, user in zip(scores, users, strict=True):
        row[data.history(data.user_index(user.id))] = -np.inf
    return scores


@pytest.mark.parametrize("recommender", [popularity, lambda: function(np.asarray)])
def test_no_false_alarm(recommender: Callable[[], Recommender]) -> None:
    assert check(recommender()).warnings == ()


def test_popularity_in_a_sparse_catalogue_is_no_alarm() -> None:
    """Most held-out items have no other interaction, and an order learned from all would rank them above the rest."""
    rng = np.random.default_rng(0)
    events = pl.DataFrame({"user_id": np.repeat(np.arange(60), 5), "item_id": rng.integers(0, 900, 300)}).unique()
    events = events.sort("user_id", "item_id").cast(pl.String)
    items = [str(item) for item in range(900)]
    data = Dataset.from_frames(events, pl.DataFrame({"item_id": items, "title": [f"Title {one}" for one in items]}))
    counts = np.bincount(leave_one_out(data).train_interactions()[1], minlength=data.n_items)
    assert "It seems that" not in " ".join(check(SameForAll(counts), data).warnings)


def test_held_out_items_that_are_never_recommended_are_counted_and_no_alarm() -> None:
    data, items, _ = tastes()
    asked = ScoredBy(
        lambda users: masked(np.stack([items[list(user.history)].mean(0) @ items.T for user in users]), users),
        data.n_items,
        8,
    )
    found = check(asked)
    assert (found.users, found.excluded, found.warnings) == (0, 120, ())
    assert "never recommends a held-out item" in found.notes[0]
    assert "could not be ranked" in found.summary


def test_too_few_users_are_no_alarm() -> None:
    data, items, _ = tastes(12, 24)
    rng = np.random.default_rng(0)
    found = check(VectorRecommender.from_arrays(data, rng.permutation(items), fold_in="mean"), data)
    assert found.warnings == ()
    assert "12 users are too few" in found.notes[0]


def test_auc_by_hand() -> None:
    """Scores 0 to 5; the held-out item of score 3 is above 2 and equal to 3' of the four others that are not seen."""
    data = Dataset.from_frames(
        pl.DataFrame({"user_id": ["a"] * 3, "item_id": ["i0", "i1", "i3"]}),
        pl.DataFrame({"item_id": [f"i{n}" for n in range(7)], "title": [f"T{n}" for n in range(7)]}),
    )
    found = check(SameForAll([0.0, 1.0, 2.0, 3.0, 3.0, 5.0, -np.inf]), data)
    assert found.auc == pytest.approx((1 + 0.5) / 3)  # 2, 3 and 5 compete; the last item is never recommended


def test_the_library_warns_once_for_a_recommender() -> None:
    wrong = vectors(sorted)
    with pytest.warns(RecommenderWarning, match="same order"):
        warn_of_ranking(tastes()[0], wrong, given=wrong)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_ranking(tastes()[0], wrong, given=wrong)


def test_orders_that_are_alike_are_one() -> None:
    assert len(possible_mistakes(["a", "b", "c"], "items")) == 2, "sorted already: the two shifts are left"
    mistakes = possible_mistakes(["i1", "i2", "i10"], "items")
    assert len({tuple(one.places.tolist()) for one in mistakes}) == len(mistakes)
    # Rows lie as i1, i2, i10 and the ids as i1, i10, i2: what belongs to i2 stands where i10 is said to be.
    assert [0, 2, 1] in [one.places.tolist() for one in mistakes]
