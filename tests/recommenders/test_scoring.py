from __future__ import annotations

import numpy as np
import pytest
from tests.fakes import LinearRecommender, SameForAll, ScoredBy

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import User
from recexplainer.recommenders.scoring import (
    ScoreBatch,
    recommended_shares,
    sample_columns,
    score_batches,
    score_stds,
    truncate,
)

USERS = [User((0, 1)), User((5,)), User((3, 9, 2, 7), "me"), User((11, 4, 6))]


def test_thresholds_by_hand() -> None:
    # Ten unseen items of scores 0 to 9: two lie above the first threshold (9, 8), five below the second (0 to 4).
    batch = ScoreBatch([User((10,))], np.array([[*range(10), 99.0]], np.float32))
    top, bottom = batch.thresholds()
    assert (top[0], bottom[0]) == (7.0, 5.0)


def test_best_items_and_ranks_by_hand() -> None:
    scores = np.array([[5.0, 9.0, 7.0, 7.0], [0.0, 1.0, 2.0, 3.0]], np.float32)
    batch = ScoreBatch([User((1,)), User((3, 2, 1))], scores)
    assert batch.best(2) == [[2, 3], [0]]
    assert batch.ranks([3, 0]).tolist() == [1, 1]
    assert batch.ranks([0, 2]).tolist() == [3, 1]


def test_batches_are_cut_out_in_order() -> None:
    items = [7, 8, 9, 10]
    batches = list(score_batches(LinearRecommender(), USERS, batch=3))
    assert [items[batch.span] for batch in batches] == [[7, 8, 9], [10]]
    (together,) = score_batches(LinearRecommender(), USERS)
    np.testing.assert_allclose(np.concatenate([batch.scores for batch in batches]), together.scores, rtol=1e-6)
    assert list(score_batches(LinearRecommender(), [])) == []


def test_columns_sampled_are_filled_with_minus_one() -> None:
    mask = np.array([[True, False, True], [False, False, False]])
    drawn = sample_columns(mask, 3, np.random.default_rng(0))
    assert set(drawn[0, :2].tolist()) == {0, 2}
    assert drawn[0, 2] == -1
    assert drawn[1].tolist() == [-1, -1, -1]


def test_truncate_keeps_the_last() -> None:
    assert truncate(np.array([1, 2, 3, 4, 5, 6], dtype=np.int32), LinearRecommender(max_history=4)) == (3, 4, 5, 6)


def test_bad_scores_are_refused() -> None:
    recommender = LinearRecommender()
    for scores, message in (
        (np.zeros((len(USERS), 3), np.float32), r"shape \(4, 3\), where \(4, 20\)"),
        (np.full((len(USERS), 20), np.nan, np.float32), "NaN for the item number 0, for the history"),
    ):
        recommender.scores = lambda users, scores=scores: scores  # type: ignore[method-assign]
        with pytest.raises(RecommenderError, match=message):
            next(score_batches(recommender, USERS))


def test_a_history_of_everything_has_nothing_unseen() -> None:
    (batch,) = score_batches(SameForAll(range(3)), [User((0, 1)), User((0, 1, 2))])
    with pytest.raises(RecommenderError, match="every item"):
        batch.thresholds()
    assert batch.ranks([2, 0]).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("scores", "history", "std"),
    [
        ([1.0, 4.0], (0, 1), 1.0),
        ([1.0, 4.0, 4.0], (0,), 1.0),
        ([1.0, 4.0, 6.0], (0, 0), 1.0),
        ([0.0, 4.0, 8.0], (0,), 2.0),
        ([0.0, 4.0, 8.0, -np.inf], (0,), 2.0),
    ],
)
def test_the_standard_deviation_is_that_of_eligible_items_and_never_zero(
    scores: list[float], history: tuple[int, ...], std: float
) -> None:
    assert score_stds(SameForAll(scores), [User(history)]) == [std]


def test_what_is_never_recommended_counts_for_nothing() -> None:
    """Item 1 has -inf for the first user: it is not among the best, ranks last, and moves no mean and no threshold."""
    scores = np.array([[5.0, -np.inf, 7.0, 6.0], [5.0, 9.0, 7.0, 6.0]], np.float32)
    batch = ScoreBatch.of([User((0,)), User((0,))], scores)
    np.testing.assert_allclose(batch.scores, [[5.0, 5.0, 7.0, 6.0], [5.0, 9.0, 7.0, 6.0]])
    assert batch.scores[0, 1] < 5
    assert batch.best(3) == [[2, 3], [1, 2, 3]]
    assert batch.ranks([1, 1]).tolist() == [3, 1]
    assert batch.ranks([3, 3]).tolist() == [2, 3]
    assert batch.means.tolist() == [6.0, 6.75]
    assert [threshold.tolist() for threshold in batch.thresholds()] == [[7.0, 9.0], [7.0, 7.0]]


def test_where_nothing_is_left_but_excluded_items_it_is_said() -> None:
    (batch,) = score_batches(SameForAll([1.0, -np.inf, 2.0]), [User((0, 2), "me")])
    with pytest.raises(RecommenderError, match="-inf") as caught:
        batch.best(1)
    assert "'me'" in caught.value.location


def halved(dataset: Dataset) -> ScoredBy:
    """The even users of the data get the first items, the odd ones the last."""
    signs = {user: -1.0 if row % 2 == 0 else 1.0 for row, user in enumerate(dataset.user_ids)}
    n_items = dataset.n_items
    return ScoredBy(lambda users: np.outer([signs[user.id] for user in users], range(n_items)), n_items, 8)


def test_the_share_of_users_to_whom_each_item_is_recommended(dataset: Dataset) -> None:
    """By hand: a fifth of what each has not seen, rounded down; who has an item is not counted."""
    recommended, asked = np.zeros(dataset.n_items), np.zeros(dataset.n_items)
    for row in range(dataset.n_users):
        unseen = sorted(set(range(dataset.n_items)) - set(dataset.history(row).tolist()), reverse=row % 2 == 1)
        recommended[unseen[: len(unseen) // 5]] += 1
        asked[unseen] += 1
    assert recommended_shares(halved(dataset), dataset) == pytest.approx(recommended / asked, abs=1e-6)


def test_a_sample_is_evenly_spaced_and_the_same_each_time(dataset: Dataset) -> None:
    """Two of eight users: the first and the last, one of each side."""
    first, last = ({*range(dataset.n_items)} - {*dataset.history(row).tolist()} for row in (0, dataset.n_users - 1))
    found = recommended_shares(halved(dataset), dataset, sample=2)
    both = first & last
    assert {float(found[item]) for item in both} <= {0.0, 0.5}
    assert found[min(first)] > 0 < found[max(last)]


def test_effects_are_measured_however_small_or_large_the_scores_are() -> None:
    scores = np.array([[1.0, 2.0, 4.0, 3.0]], np.float32)
    users = [User((0,))]
    plain = ScoreBatch.of(users, scores).stds()[0]
    for scale in (1e-30, 1e25):
        batch = ScoreBatch.of(users, scores * np.float32(scale))
        assert batch.stds()[0] == pytest.approx(plain * scale) and batch.means[0] == pytest.approx(2.5 * scale)


def test_what_scores_the_same_is_counted_but_for_what_is_seen_or_excluded() -> None:
    scores = np.array([[1.0, 1.0, 1.0, 0.0, -np.inf], [2.0, 2.0, 0.0, 0.0, 0.0]], np.float32)
    batch = ScoreBatch.of([User((0,)), User((1,))], scores)
    assert batch.ties([1, 3]).tolist() == [1, 2]


@pytest.mark.slow
def test_of_a_large_catalogue_fewer_users_are_scored_at_a_time() -> None:
    recommender = SameForAll(np.zeros(20_000_000, np.float32))
    assert [len(batch.users) for batch in score_batches(recommender, [User((0,)), User((1,))])] == [1, 1]
