"""Discrimination, reconstruction and chat."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.fakes import LinearRecommender

from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.recommenders.base import User
from recexplainer.tasks.discrimination import discrimination_examples
from recexplainer.tasks.reconstruction import history_examples, read_summaries, summarise, summary_examples


def test_discrimination_skips_what_an_item_lacks(dataset: Dataset, recommender: LinearRecommender) -> None:
    examples = discrimination_examples(dataset, recommender)
    about = {item: [one for one in examples if one.items == (item,)] for item in (0, 1, 2)}
    assert [one.subtask for one in about[0]] == ["title", "genres", "brand", "features", "title-of", "similar"]
    assert [one.subtask for one in about[2]] == ["title", "similar"]
    texts = {one.subtask: one.answer_text for one in about[1]}
    assert texts["genres"] == "racing, puzzle"
    assert texts["description"].endswith("Quiet Harbor.")
    assert 100 < len(texts["description"]) <= 200
    title_of = next(one for one in about[1] if one.subtask == "title-of")
    assert title_of.question == texts["description"]
    assert title_of.answer_items == (1,)


def test_similar_is_the_largest_dot_product_but_itself(dataset: Dataset, recommender: LinearRecommender) -> None:
    products = recommender.table @ recommender.table.T
    np.fill_diagonal(products, -np.inf)
    similar = [one.answer_items[0] for one in discrimination_examples(dataset, recommender) if one.subtask == "similar"]
    assert similar == products.argmax(1).tolist()


def test_no_similar_item_without_vectors(dataset: Dataset, recommender: LinearRecommender) -> None:
    recommender.has_vectors = False
    assert not [one for one in discrimination_examples(dataset, recommender) if one.subtask == "similar"]


def test_summary_names_only_what_recurs(dataset: Dataset) -> None:
    attributes = Attributes.of(dataset)
    for seed in range(40):
        text = summarise((1, 5, 3), attributes, np.random.default_rng(seed))
        assert "puzzle" in text
        assert "Orrery" in text
        assert "strategy" not in text
        assert text.endswith(".")
        assert "  " not in text
        assert "{" not in text
        assert len(text.split()) < 100
    nothing = summarise((3,), attributes, np.random.default_rng(0))
    assert "strategy" not in nothing


def test_given_summaries_come_first(dataset: Dataset) -> None:
    users = [User((1, 5), "u0"), User((2, 6), "u1")]
    examples, given = summary_examples(
        users, Attributes.of(dataset), np.random.default_rng(0), {"u0": "The user likes races."}
    )
    assert given == 1
    assert examples[0].answer_text == "The user likes races."
    assert examples[1].subtask == "summary"
    assert history_examples(users)[1].answer_items == (2, 6)


def test_summaries_are_of_the_users_of_the_data(tmp_path: Path) -> None:
    path = tmp_path / "summaries.json"
    path.write_text(json.dumps({"17.0 ": "The user likes races.", "x": "The user is unknown."}))
    assert read_summaries(path, ["17", "18"])["17"] == "The user likes races."
    with pytest.raises(DataError, match="summaries are of '17', 'x', the data has the users '0017'") as caught:
        read_summaries(path, ["0017", "0018"])
    assert "without leading zeros" in caught.value.hint


@pytest.mark.parametrize("content", ["not json", "[1]", '{"u": 3}', '{"u": ""}', json.dumps({"u": "word " * 100})])
def test_bad_summaries_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "summaries.json"
    path.write_text(content)
    with pytest.raises(DataError):
        read_summaries(path, ["u"])
