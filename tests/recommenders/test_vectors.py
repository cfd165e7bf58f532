from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.contracts.recommender import RecommenderContract
from tests.recommenders.test_vector_files import WIDTH, vectors, write_npy
from tests.tiny import world

from recexplainer.data.dataset import leave_one_out
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.vectors import (
    FoldIn,
    ScoreSettings,
    VectorRecommender,
    VectorSettings,
)


def item_ids() -> list[str]:
    return world().items["item_id"].to_list()


def made(tmp_path: Path, **changes: object) -> VectorRecommender:
    """Of the tiny world, rows of files in another order than the data's."""
    items, users = item_ids()[::-1], list(world().user_ids)[::-1]
    settings = {
        "items": write_npy(tmp_path / "items.npy", items, vectors(len(items))[::-1]),
        "users": write_npy(tmp_path / "users.npy", users, vectors(len(users), 1)[::-1]),
        "fold_in": "none",
        **changes,
    }
    return VectorRecommender.from_files(world(), VectorSettings(**settings))  # type: ignore[arg-type]


class TestMeanOfVectors(RecommenderContract):
    @pytest.fixture
    def recommender(self, tmp_path: Path) -> Recommender:
        return made(tmp_path, users=None, fold_in="mean", max_history=6)

    @pytest.fixture
    def saved(self, recommender: VectorRecommender, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path / "saved")
        return VectorRecommender.load(tmp_path / "saved")


class TestFoldedIn(RecommenderContract):
    @pytest.fixture
    def recommender(self, tmp_path: Path) -> Recommender:
        return made(tmp_path, fold_in="ridge", max_history=6)

    @pytest.fixture
    def saved(self, recommender: VectorRecommender, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path / "saved")
        return VectorRecommender.load(tmp_path / "saved")


class TestCosineWithBiases(RecommenderContract):
    @pytest.fixture
    def recommender(self) -> Recommender:
        settings = ScoreSettings(max_history=4, cosine=True, temperature=0.2)
        return VectorRecommender(vectors(30), settings, biases=vectors(30, 1)[:, 0])

    @pytest.fixture
    def saved(self, recommender: VectorRecommender, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path)
        return VectorRecommender.load(tmp_path)


def test_vectors_go_to_their_own_items_and_users(tmp_path: Path) -> None:
    recommender = made(tmp_path)
    np.testing.assert_array_equal(recommender.item_vectors(), vectors(world().n_items))
    asked = [User((), world().user_ids[user]) for user in (5, 2)]
    np.testing.assert_array_equal(recommender.user_vectors(asked), vectors(world().n_users, 1)[[5, 2]])
    np.testing.assert_allclose(
        recommender.scores(asked), recommender.user_vectors(asked) @ recommender.item_vectors().T
    )


def test_users_known_by_id_are_found_by_their_history_too(tmp_path: Path) -> None:
    recommender = made(tmp_path, max_history=4)
    recommender.save(tmp_path / "saved")
    split = leave_one_out(world())
    for known in (recommender, VectorRecommender.load(tmp_path / "saved")):
        assert known.has_vectors
        assert not known.answers_changed_history
        for history in (split.train_history(7), world().history(7)):
            asked = User(tuple(history[-4:].tolist()))
            np.testing.assert_array_equal(known.scores([asked]), recommender.scores([User((1,), world().user_ids[7])]))


@pytest.mark.parametrize("user", [User((0, 1, 2, 3)), User((0,), "nobody")])
def test_who_has_no_vector_is_an_error(user: User, tmp_path: Path) -> None:
    with pytest.raises(RecommenderError, match=r"has no vector for this one(?s:.)*fold_in"):
        made(tmp_path).scores([user])


def test_scores_by_hand() -> None:
    items = np.array([[3.0, 4.0], [0.0, 2.0]], np.float32)
    settings = ScoreSettings(cosine=True, temperature=0.5)
    recommender = VectorRecommender(items, settings, biases=np.array([0.0, 10.0], np.float32))
    assert recommender.scores([User((1,))]) == pytest.approx(np.array([[0.8 / 0.5, 1 / 0.5 + 10]]))


def test_vectors_that_do_not_fit_the_data(tmp_path: Path) -> None:
    ids = item_ids()
    fewer = write_npy(tmp_path / "fewer.npy", ids[2:], vectors(len(ids) - 2))
    with pytest.raises(RecommenderError, match=f"2 of {len(ids)} items have no vector: '{ids[0]}', '{ids[1]}'"):
        made(tmp_path, items=fewer)
    more = write_npy(tmp_path / "more.npy", ["of another shop", *ids], vectors(len(ids) + 1))
    with pytest.raises(RecommenderError, match=r"1 vectors belong to items that the data lacks(?s:.)*ignore_unknown"):
        made(tmp_path, items=more)
    kept = made(tmp_path, items=more, ignore_unknown=True)
    np.testing.assert_array_equal(kept.item_vectors(), vectors(len(ids) + 1)[1:])
    users = write_npy(tmp_path / "wide.npy", list(world().user_ids), vectors(world().n_users)[:, :4])
    with pytest.raises(RecommenderError, match=f"User vectors are 4 wide, item vectors {WIDTH}"):
        made(tmp_path, users=users)
    few = write_npy(tmp_path / "few.npy", list(world().user_ids)[1:], vectors(world().n_users - 1))
    with pytest.raises(RecommenderError, match=r"users have no vector"):
        made(tmp_path, users=few)
    with pytest.raises(RecommenderError, match="No file of item vectors"):
        made(tmp_path, items=None)
    with pytest.raises(RecommenderError, match=r"no user vectors(?s:.)*fold_in: mean"):
        made(tmp_path, users=None)


def test_arrays_in_memory_give_what_the_same_files_give(tmp_path: Path) -> None:
    read = made(tmp_path, fold_in="ridge", max_history=6)
    ids, users = item_ids()[::-1], vectors(world().n_users, 1)
    given = VectorRecommender.from_arrays(
        world(), vectors(len(ids))[::-1], users.tolist(), item_ids=np.array(ids), max_history=6
    )
    asked = [User(tuple(world().history(user)[-3:].tolist()), world().user_ids[user]) for user in range(9)]
    np.testing.assert_array_equal(given.scores(asked), read.scores(asked))
    assert given.answers_changed_history
    mean = VectorRecommender.from_arrays(world(), vectors(len(ids)), biases=np.ones(len(ids)), fold_in="mean")
    np.testing.assert_allclose(mean.user_vectors([User((4, 6))])[0, :-1], vectors(len(ids))[[4, 6]].mean(0), rtol=1e-6)
    with pytest.raises(RecommenderError, match=r"59 vectors for 60 ids(?s:.)*item vectors"):
        VectorRecommender.from_arrays(world(), vectors(59), users)


def test_the_index_of_a_frame_names_its_rows_where_it_has_ids_of_the_data() -> None:
    pandas = pytest.importorskip("pandas")
    array = vectors(world().n_items)
    for index, rows in ((item_ids()[::-1], array[::-1]), (range(500, 500 + len(array)), array)):
        frame = pandas.DataFrame(rows, index=index)
        given = VectorRecommender.from_arrays(world(), frame, fold_in="mean")
        np.testing.assert_array_equal(given.item_vectors(), array)


def test_a_user_has_a_vector_or_is_a_mean_not_both(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        VectorSettings(items=tmp_path / "items.npy", users=tmp_path / "users.npy", fold_in="mean")


def test_folded_in_a_user_keeps_the_own_vector_and_a_change_adds_the_predicted_difference(tmp_path: Path) -> None:
    recommender = made(tmp_path, fold_in="ridge", max_history=6)
    assert recommender.folding is not None
    split, user = leave_one_out(world()), 3
    whole = tuple(split.train_history(user).tolist())[-6:]
    remaining = whole[:1] + whole[2:]
    name = world().user_ids[user]
    asked = [User(whole), User(whole, name), User(remaining, name), User((5, 9, 2))]
    nobodys, own, changed, other = recommender.user_vectors(asked)
    np.testing.assert_array_equal(nobodys, own)
    np.testing.assert_array_equal(own, vectors(world().n_users, 1)[user])
    predicted = recommender.folding.predict(vectors(world().n_items), [whole, remaining, (5, 9, 2)])
    np.testing.assert_allclose(changed, own + predicted[1] - predicted[0], rtol=1e-5)
    np.testing.assert_allclose(other, predicted[2], rtol=1e-5)


def test_of_two_users_with_one_history_each_has_the_own_vector(tmp_path: Path) -> None:
    users = {"ann": vectors(1, 7)[0], "ben": vectors(1, 8)[0]}
    histories = [(user, (1, 2)) for user in users]
    folding = FoldIn.fit(vectors(30), [(1, 2), (3,)], vectors(2, 9))
    recommender = VectorRecommender(vectors(30), ScoreSettings(), users=users, histories=histories, folding=folding)
    asked = [User((1, 2), "ben"), User((1, 2), "ann"), User((1, 2))]
    np.testing.assert_array_equal(recommender.user_vectors(asked), np.stack([users["ben"], users["ann"], users["ann"]]))
    shorter, longer = folding.predict(vectors(30), [(1,), (1, 2)])
    left = recommender.user_vectors([User((1,), "ben"), User((1,), "ann")])
    np.testing.assert_allclose(left, np.stack([users[user] + shorter - longer for user in ("ben", "ann")]), rtol=1e-5)


def test_one_user_is_enough_to_fold_in() -> None:
    folding = FoldIn.fit(vectors(4), [(1, 2)], vectors(1, 3))
    assert np.isfinite(folding.weights).all()
    assert np.isfinite(folding.explained)


@pytest.mark.parametrize(("noise", "least", "most"), [(0.0, 0.99, 1.0), (100.0, -1.0, 0.2)])
def test_the_fold_in_states_how_much_it_explains(noise: float, least: float, most: float) -> None:
    random, items = np.random.default_rng(0), vectors(40)
    histories = [tuple(random.permutation(40)[: random.integers(1, 8)].tolist()) for _ in range(400)]
    users = np.array([2 * items[list(history)].mean(0) - items[history[-1]] + 3 for history in histories], np.float32)
    noisy = (users + noise * random.normal(size=users.shape)).astype(np.float32)
    assert least <= FoldIn.fit(items, histories, noisy).explained <= most
