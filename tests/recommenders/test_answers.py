"""What people's code returns: read rightly, or refused in one line that says what, where and for whom."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.answers import call
from recexplainer.recommenders.base import User
from recexplainer.recommenders.function import FunctionRecommender

IDS = ["i1", "i2", "i10"]
RIGHT = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
USERS = [User((0, 1), "ann"), User((2, 1, 0, 2), "bob")]
INF = float("inf")


def answered(answer: Any, users: Sequence[User] = USERS) -> np.ndarray:
    def scores(histories: list[list[str]]) -> Any:
        return answer

    return FunctionRecommender(scores, IDS).scores(users)


class _WithArray:
    """Like an array of TensorFlow or JAX."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return RIGHT.astype(dtype or np.float32)


class _WithDlpack:
    """Like an array of a library that shares memory alone."""

    def __dlpack__(self, **options: Any) -> Any:
        return torch.from_numpy(RIGHT).__dlpack__()

    def __dlpack_device__(self) -> Any:
        return torch.from_numpy(RIGHT).__dlpack_device__()


def _rows() -> Iterator[np.ndarray]:
    yield from RIGHT


@pytest.mark.parametrize(
    "answer",
    [
        RIGHT,
        RIGHT.tolist(),
        tuple(map(tuple, RIGHT.tolist())),
        RIGHT.astype(int),
        RIGHT.astype(np.float16),
        RIGHT.astype(object),
        np.asfortranarray(RIGHT),
        list(RIGHT),
        torch.nn.Parameter(torch.from_numpy(RIGHT).half()),
        torch.from_numpy(RIGHT).bfloat16(),
        torch.from_numpy(RIGHT).to_sparse(),
        torch.from_numpy(RIGHT).long(),
        [row.requires_grad_() for row in torch.from_numpy(RIGHT.copy())],
        [[torch.tensor(score) for score in row] for row in RIGHT],
        pd.DataFrame(RIGHT),
        pd.DataFrame(RIGHT, columns=IDS).astype("Float32"),
        pd.DataFrame(RIGHT, columns=IDS)[["i1", "i10", "i2"]],
        pl.DataFrame(RIGHT),
        pl.DataFrame(RIGHT, schema=IDS).select("i10", "i1", "i2"),
        [pl.Series(row) for row in RIGHT],
        scipy.sparse.csr_matrix(RIGHT),
        scipy.sparse.coo_array(RIGHT),
        np.ma.array(RIGHT),
        np.asmatrix(RIGHT),
        _WithArray(),
        _WithDlpack(),
        _rows(),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_arrays_of_every_library_are_read(answer: Any) -> None:
    found = answered(answer)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, RIGHT)


def test_one_user_may_be_answered_by_one_row() -> None:
    np.testing.assert_array_equal(answered(torch.from_numpy(RIGHT[0]), USERS[:1]), RIGHT[:1])


@pytest.mark.parametrize(
    "answer",
    [
        [[1.0, -INF, 3.0], [4.0, 5.0, 6.0]],
        [[1.0, float(np.finfo(np.float32).min), 3.0], [4.0, 5.0, 6.0]],
        np.ma.masked_equal(RIGHT, 2.0),
        *(np.where(RIGHT == 2, mask, RIGHT) for mask in (-9999, -65504, -1e9, -1e23)),
    ],
)
def test_what_is_never_recommended_is_minus_infinity(answer: Any) -> None:
    assert answered(answer).tolist() == [[1.0, -INF, 3.0], [4.0, 5.0, 6.0]]


def test_masks_are_told_from_low_scores() -> None:
    """Of squared distances, counts, and scores that differ little there is none."""
    scores = np.array([[-1e9, -1e9, 5], [-3000, -700, -0.1], [0, 5000, 5000], [-1e6, -1e6, -1e6]], np.float32)
    expected = scores.copy()
    expected[0, :2] = -np.inf
    np.testing.assert_array_equal(answered(scores, [User((0,))] * 4), expected)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (RIGHT.T, "exchanged: return the transposed"),
        (RIGHT[:, 1:], "One column less"),
        (np.ones((2, 4)), "One column more: is there a row for padding"),
        (RIGHT[0], "One row was returned where 2 are needed"),
        (RIGHT[:1], r"the shape \(1, 3\), where \(2, 3\) is expected"),
        (RIGHT.ravel(), r"the shape \(6,\), where \(2, 3\) is expected"),
        (None, "but None: its return"),
        ([[None, 2.0, 3.0], [4.0, 5.0, 6.0]], "NaN for the item 'i1'"),
        ([{"i1": 1.0}] * 2, "but list of dict"),
        (["good", "bad"], "but list of str"),
        (np.array([["1", "2", "3"]] * 2), "holds no numbers"),
        (np.array([["1", "2", "3"]] * 2, object), "holds no numbers"),
        (RIGHT * 1j, "complex"),
        (torch.from_numpy(RIGHT) * 1j, "complex"),
        (torch.from_numpy(RIGHT).to("meta"), "meta tensor"),
        ([[1.0], [2.0, 3.0]], "did not return an array of numbers"),
        (np.zeros(2, [("score", "f4"), ("item", "i4")]), "structured array with the fields score, item"),
        (pd.DataFrame(RIGHT[:, :2], columns=IDS[:2]), "not those of the catalogue: for example 'i10'"),
        ([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]], r"NaN for the item 'i2', for the history \(i1, i2\) of user 'ann'"),
        (
            [[1.0, 2.0, 3.0], [4.0, 5.0, INF]],
            r"\+inf for the item 'i10', for the history \(i10, i2, i1, …\) of user 'bob'",
        ),
        ([[1.0, 2.0, 3.0], [4.0, 1e300, 6.0]], r"\+inf for the item 'i2'"),
        ([[1.0, 2.0, 3.0], [-INF] * 3], "-inf for every item, for the history"),
    ],
)
def test_what_cannot_be_scores_is_refused_in_one_line(answer: Any, message: str) -> None:
    with pytest.raises(RecommenderError, match=message) as caught:
        answered(answer)
    assert "\n" not in caught.value.what
    assert caught.value.hint


def raising(error: BaseException) -> Callable[[list[list[str]]], Any]:
    def scores(histories: list[list[str]]) -> Any:
        if any(len(history) > 2 for history in histories):
            raise error
        return np.ones((len(histories), 3))

    return scores


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError(("i1", "i2")), r"raised KeyError for the history \(i10, i2, i1, …\) of user 'bob': \('i1', 'i2'\)"),
        (RuntimeError("mat1 and mat2\nshapes"), "raised RuntimeError for .*: mat1 and mat2 shapes"),
        (OSError(2, "No such file or directory", "w.npy"), "raised FileNotFoundError for .*w.npy"),
        (SystemExit("bye"), "raised SystemExit for .*: bye"),
        (AssertionError(), "raised AssertionError for .*: without a message"),
    ],
)
def test_an_exception_is_one_line_with_the_history_that_raised_it(error: BaseException, words: str) -> None:
    with pytest.raises(RecommenderError, match=words) as caught:
        FunctionRecommender(raising(error), IDS, entry="mine:scores").scores(USERS)
    assert caught.value.__cause__ is error
    assert "\n" not in caught.value.what
    assert "test_answers.py, line" in caught.value.what
    assert "answers_changed_history: false" in caught.value.hint


def test_what_raises_only_for_many_users_names_none() -> None:
    def scores(histories: list[list[str]]) -> Any:
        return np.ones((1, 3)) if len(histories) == 1 else 1 / 0

    with pytest.raises(RecommenderError, match="for the histories of 2 users together"):
        FunctionRecommender(scores, IDS).scores(USERS)


def test_asynchronous_functions_are_refused() -> None:
    async def scores(histories: list[list[str]]) -> Any:
        return RIGHT

    def behind(histories: list[list[str]]) -> Any:
        return scores(histories)

    for function in (scores, behind):
        with pytest.raises(RecommenderError, match=r"asynchronous|awaitable"):
            FunctionRecommender(function, IDS).scores(USERS)


def test_a_function_disturbs_neither_seeds_nor_output_nor_histories(capsys: pytest.CaptureFixture[str]) -> None:
    def scores(histories: list[list[str]], items: list[str]) -> Any:
        sys.stdout.write("hello")
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        torch.manual_seed(1)
        histories[0].clear()
        items.clear()
        return RIGHT

    recommender = FunctionRecommender(scores, IDS)
    np.random.seed(7)  # noqa: NPY002
    expected = random.getstate(), np.random.get_state()[1].tolist(), torch.random.get_rng_state().tolist()  # type: ignore[index]  # noqa: NPY002
    for _ in range(2):
        np.testing.assert_array_equal(recommender.scores(USERS), RIGHT)
    found = random.getstate(), np.random.get_state()[1].tolist(), torch.random.get_rng_state().tolist()  # type: ignore[index]  # noqa: NPY002
    assert found == expected
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "hello" in shown.err
    assert USERS[0].history == (0, 1)


def test_of_many_users_the_one_for_whom_it_raises_is_named() -> None:
    def ask(users: Sequence[User]) -> None:
        if any(user.id == "u700" for user in users):
            raise KeyError("i005")

    with pytest.raises(RecommenderError, match="of user 'u700'") as raised:
        call([User((1,), f"u{number}") for number in range(1000)], ask, "mine")
    assert "down to one item" in raised.value.hint


def test_what_raises_for_many_together_alone_names_none() -> None:
    def ask(users: Sequence[User]) -> None:
        if len(users) > 1:
            raise ValueError("one at a time")

    with pytest.raises(RecommenderError, match="the histories of 8 users together"):
        call([User((1,), f"u{number}") for number in range(8)], ask, "mine")
