from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from tests.contracts.evaluation import EvaluationContract
from tests.evaluation.test_encoder import save_encoder, settings
from tests.tiny import explanation_of, sasrec, world

from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.evaluation import Evaluation
from recexplainer.evaluation.encoder import embed_texts
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row
from recexplainer.evaluation.vector_reconstruction import (
    FEWEST_USERS,
    HISTORY,
    evaluate_vector_reconstruction,
    held_out_errors,
)
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.base import Floats, Recommender, User


class Tastes:
    """The vector of a user counts the history's items of three kinds, the first fourfold, the second twofold."""

    n_items, max_history, has_vectors, answers_changed_history = 60, 5, True, True

    def item_vectors(self) -> Floats:
        return np.ones((60, 4), np.float32)

    def user_vectors(self, users: Sequence[User]) -> Floats:
        scale = np.array([4.0, 2.0, 1.0], np.float32)
        return np.array([np.bincount(np.array(user.history) % 3, minlength=3) * scale for user in users], np.float32)

    def scores(self, users: Sequence[User]) -> Floats:
        return self.user_vectors(users) @ self.item_vectors()[:, :3].T


def embed(texts: Sequence[str]) -> Values:
    """How often each of four letters is in a text."""
    return np.array([[float(text.count(letter)) for letter in "αβγδ"] for text in texts])


@cache
def explained(users: int, each: int = 1) -> tuple[Explanation, ...]:
    """Texts that name the kinds of the items of the history by letters."""
    random = np.random.default_rng(0)
    histories = [tuple(random.choice(59, 5, replace=False).tolist()) for _ in range(users)]
    texts = ["".join("αβγ"[item % 3] for item in history) for history in histories]
    return tuple(
        replace(
            explanation_of(world().titles, text, history=history, item=59, user=f"u{user}"), history_titles=tuple(text)
        )
        for user, (history, text) in enumerate(zip(histories, texts, strict=True))
        for _ in range(each)
    )


def values(rows: Sequence[Row], metric: str = "variance_explained") -> dict[tuple[str, str | None], float | None]:
    return {(one.method, one.rater): one.value for one in rows if one.metric == metric}


class TestContract(EvaluationContract):
    @pytest.fixture
    def explanations(self) -> dict[Method, list[Explanation]]:
        return {Method("hybrid", "grounded"): list(explained(120))}

    @pytest.fixture
    def evaluate(self) -> Evaluation:
        def of_tastes(
            explanations: Mapping[Method, Sequence[Explanation]],
            dataset: Dataset,
            recommender: Recommender,
            seed: int,
        ) -> list[Row]:
            return evaluate_vector_reconstruction(explanations, Tastes(), embed, seed)

        return of_tastes


@pytest.mark.parametrize("each", [1, 2])
@pytest.mark.parametrize("metric", ["variance_explained", "variance_explained_whitened"])
def test_what_the_words_hold_comes_back_and_nothing_else_does(metric: str, each: int) -> None:
    """Whoever says it all is at 1, whoever names one kind of three is below; the rest is at 0."""
    all_of_it = list(explained(150, each))
    part = [replace(one, text=one.text.replace("β", "").replace("γ", "")) for one in all_of_it]
    rows = evaluate_vector_reconstruction({Method("all"): all_of_it, Method("part"): part}, Tastes(), embed)
    found = values(rows, metric)
    assert found["all", "encoder"] == pytest.approx(1.0, abs=1e-3)
    assert found[HISTORY, "encoder"] == pytest.approx(1.0, abs=1e-3)
    assert 0.3 < (found["part", "encoder"] or 0.0) < 0.9
    for method in ("all", "part"):
        assert found[method, "shuffled"] == pytest.approx(0.0, abs=0.06)
        assert found[method, "verdict_and_item"] == pytest.approx(0.0, abs=0.06)
    assert {one.cases for one in rows} == {150}, "users, however many texts each has"


def test_as_they_are_directions_count_as_far_as_users_differ_in_them() -> None:
    """Texts of the kind that the vector has fourfold hold more of its variance than they do of all its directions."""
    of_first = {
        Method("first"): [replace(one, text=one.text.replace("β", "").replace("γ", "")) for one in explained(150)]
    }
    rows = evaluate_vector_reconstruction(of_first, Tastes(), embed)
    as_they_are, whitened = (values(rows, f"variance_explained{end}")["first", "encoder"] for end in ("", "_whitened"))
    assert (as_they_are or 0) > (whitened or 0) + 0.1


def test_the_mean_user_explains_nothing() -> None:
    random = np.random.default_rng(0)
    errors, totals = held_out_errors(np.zeros((50, 2)), random.normal(size=(50, 3)), np.arange(50))
    np.testing.assert_allclose(errors, totals)


def test_users_of_one_group_are_not_learned_from_to_predict_each_other() -> None:
    """Features are the number of the group, and so are targets: nothing that is learned holds of another group."""
    groups = np.repeat(np.arange(25), 4)
    features = np.eye(25)[groups]
    errors, totals = held_out_errors(features, features[:, :1] + 0.01 * groups[:, None], groups)
    assert errors.sum() > 0.9 * totals.sum()


def test_of_few_users_nothing_is_said() -> None:
    rows = evaluate_vector_reconstruction({Method("all"): list(explained(FEWEST_USERS - 1))}, Tastes(), embed)
    assert len(rows) == 8
    assert all(one.value is one.low is one.high is None and one.cases == FEWEST_USERS - 1 for one in rows)
    rows = evaluate_vector_reconstruction({Method("all"): list(explained(FEWEST_USERS))}, Tastes(), embed)
    assert len(rows) == 8 and all(one.value is not None for one in rows)


def test_a_recommender_without_vectors_has_no_rows() -> None:
    class Scores(Tastes):
        has_vectors = False

    assert evaluate_vector_reconstruction({Method("all"): list(explained(120))}, Scores(), embed) == []


def test_methods_that_explain_other_cases_are_refused() -> None:
    cases = list(explained(120))
    with pytest.raises(DataError, match="do not explain the same cases"):
        evaluate_vector_reconstruction({Method("all"): cases, Method("part"): cases[1:]}, Tastes(), embed)


@pytest.mark.slow
def test_with_an_encoder_and_a_recommender(tmp_path: Path) -> None:
    embed_them = partial(embed_texts, settings=settings(save_encoder(tmp_path)))
    states = embed_them(["red item", "a much longer text of this and that item", "red item"])
    assert states.shape == (3, 32)
    np.testing.assert_allclose(states[0], states[2], atol=1e-5)
    assert np.abs(states[0] - states[1]).max() > 0.01
    assert evaluate_vector_reconstruction({Method("all"): list(explained(120))}, sasrec(), embed_them)
    assert embed_them([]).shape == (0, 32)
