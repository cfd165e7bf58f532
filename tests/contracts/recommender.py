"""What every recommender must do. Inherit, and supply the fixture `recommender`; `saved` where it can be saved."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User


def everything(recommender: Recommender, users: list[User]) -> list[Floats]:
    """All that it answers about these users."""
    vectors = [recommender.item_vectors(), recommender.user_vectors(users)] if recommender.has_vectors else []
    return [recommender.scores(users), *vectors]


class RecommenderContract:
    """Suite for a recommender that answers for any history, with vectors or without."""

    @pytest.fixture
    def recommender(self) -> Recommender:
        raise NotImplementedError("supply the recommender under test")

    @pytest.fixture
    def users(self, recommender: Recommender) -> list[User]:
        rng = np.random.default_rng(3)
        lengths = rng.integers(1, recommender.max_history + 1, size=17)
        return [User(tuple(rng.permutation(recommender.n_items)[:length].tolist())) for length in lengths]

    def test_fulfils_the_protocol(self, recommender: Recommender) -> None:
        assert isinstance(recommender, Recommender)
        assert recommender.n_items > 0
        assert recommender.max_history > 0

    def test_shapes_and_types(self, recommender: Recommender, users: list[User]) -> None:
        scores = recommender.scores(users)
        assert scores.shape == (len(users), recommender.n_items)
        assert scores.dtype == np.float32
        if recommender.has_vectors:
            of_items, of_users = recommender.item_vectors(), recommender.user_vectors(users)
            assert of_items.shape == (recommender.n_items, of_users.shape[1])
            assert len(of_users) == len(users)
            assert {of_items.dtype, of_users.dtype} == {np.dtype(np.float32)}

    def test_without_vectors_asking_for_them_is_an_error(self, recommender: Recommender, users: list[User]) -> None:
        if recommender.has_vectors:
            pytest.skip("it has vectors")
        for ask in (recommender.item_vectors, lambda: recommender.user_vectors(users)):
            with pytest.raises(RecommenderError) as caught:
                ask()
            assert caught.value.hint

    def test_everything_is_finite(self, recommender: Recommender, users: list[User]) -> None:
        for answer in everything(recommender, users):
            assert np.isfinite(answer).all()

    def test_the_same_question_has_the_same_answer(self, recommender: Recommender, users: list[User]) -> None:
        for one, other in zip(everything(recommender, users), everything(recommender, users), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_an_answer_does_not_depend_on_who_else_is_asked_about(
        self, recommender: Recommender, users: list[User]
    ) -> None:
        together = recommender.scores(users)
        alone = np.concatenate([recommender.scores([user]) for user in users])
        backwards = recommender.scores(users[::-1])[::-1]
        np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(backwards, together, rtol=1e-4, atol=1e-5)

    def test_a_score_is_the_dot_product_of_the_two_towers(self, recommender: Recommender, users: list[User]) -> None:
        if not recommender.has_vectors:
            pytest.skip("it has no vectors")
        product = recommender.user_vectors(users) @ recommender.item_vectors().T
        np.testing.assert_allclose(recommender.scores(users), product, rtol=1e-4, atol=1e-5)

    def test_users_differ(self, recommender: Recommender) -> None:
        scores = recommender.scores([User((item,)) for item in range(min(5, recommender.n_items))])
        assert len(np.unique(scores, axis=0)) == len(scores)

    def test_only_the_last_items_matter(self, recommender: Recommender) -> None:
        length = recommender.max_history
        kept = tuple(item % recommender.n_items for item in range(length))
        older = tuple((item + 1) % recommender.n_items for item in range(3))
        long, short = recommender.scores([User(older + kept), User(kept)])
        np.testing.assert_allclose(long, short, rtol=1e-4, atol=1e-5)

    def test_the_oldest_item_looked_at_does_matter(self, recommender: Recommender) -> None:
        if recommender.max_history < 2:
            pytest.skip("it looks at one item only")
        kept = tuple(range(recommender.max_history - 1))
        one, other = recommender.scores(
            [User((recommender.n_items - 1, *kept)), User((recommender.n_items - 2, *kept))]
        )
        assert not np.allclose(one, other, rtol=1e-6, atol=1e-7)

    def test_an_empty_history_is_an_error(self, recommender: Recommender) -> None:
        with pytest.raises(RecommenderError) as caught:
            recommender.scores([User((0,)), User((), id="nobody")])
        assert caught.value.hint
        assert "nobody" in caught.value.location

    def test_nobody_to_ask_about_is_an_empty_answer(self, recommender: Recommender) -> None:
        assert recommender.scores([]).shape == (0, recommender.n_items)

    def test_answers_are_not_windows_into_the_model(self, recommender: Recommender, users: list[User]) -> None:
        before = recommender.scores(users)
        for answer in everything(recommender, users):
            answer += 1.0
        np.testing.assert_array_equal(recommender.scores(users), before)

    def test_asking_does_not_touch_global_randomness(self, recommender: Recommender, users: list[User]) -> None:
        before = torch.random.get_rng_state()
        recommender.scores(users)
        assert torch.equal(torch.random.get_rng_state(), before)

    def test_saved_and_loaded_it_answers_alike(
        self, recommender: Recommender, saved: Recommender, users: list[User]
    ) -> None:
        for one, other in zip(everything(saved, users), everything(recommender, users), strict=True):
            np.testing.assert_array_equal(one, other)
        assert (saved.n_items, saved.max_history) == (recommender.n_items, recommender.max_history)
