from __future__ import annotations

import ir_measures
import numpy as np
import polars as pl
import pytest
from ir_measures import Qrel, ScoredDoc
from tests.fakes import SameForAll
from tests.tiny import sasrec, world

from recexplainer.data.dataset import Dataset, leave_one_out
from recexplainer.evaluation.baselines import evaluate_recommender
from recexplainer.evaluation.rows import Row
from recexplainer.recommenders.base import User

N = 14


def dataset(histories: list[list[int]]) -> Dataset:
    items = pl.DataFrame({"item_id": [f"i{n:02}" for n in range(N)], "title": [f"Item {n}" for n in range(N)]})
    rows = [(f"u{user}", f"i{item:02}") for user, history in enumerate(histories) for item in history]
    return Dataset.from_frames(pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row"), items)


def values(rows: list[Row]) -> dict[tuple[str, str], float | None]:
    assert {one.task for one in rows} == {"recommendation"}
    return {(one.method, one.metric): one.value for one in rows}


def test_by_hand() -> None:
    """Scores fall from item 13 to item 0 for everybody; the history is left out before the places are counted."""
    data = dataset([[13, 12, 10], [0, 1, 5], [2, 3, 8], [4, 9]])
    rows = evaluate_recommender(data, leave_one_out(data), SameForAll(range(N)))
    got = values(rows)
    # Item 10 is second (after 11), item 5 is ninth, item 8 is sixth; the last user is for training only.
    assert {one.cases for one in rows} == {3}
    assert got["recommender", "hr@5"] == pytest.approx(1 / 3)
    assert got["recommender", "hr@10"] == pytest.approx(1)
    assert got["recommender", "ndcg@5"] == pytest.approx(1 / np.log2(3) / 3)
    assert got["recommender", "ndcg@10"] == pytest.approx((1 / np.log2(3) + 1 / np.log2(10) + 1 / np.log2(7)) / 3)


def test_popularity_counts_training_interactions_only() -> None:
    """Item 9 is everybody's last and nobody's before; were last items counted, popularity would put it first."""
    data = dataset([[0, 1, 9], [0, 2, 9], [3, 1, 9], [3, 2, 9]])
    got = values(evaluate_recommender(data, leave_one_out(data), SameForAll([0.0] * N)))
    # Unseen by the first user: 2 and 3 (bought twice each), then 4, 5, 6, 7, 8, 9: item 9 is eighth of equals.
    assert got["popularity", "hr@5"] == 0
    assert got["popularity", "ndcg@10"] == pytest.approx(1 / np.log2(9))


def test_the_rows_have_their_names() -> None:
    rows = evaluate_recommender(world(), leave_one_out(world()), sasrec())
    assert [(one.method, one.metric) for one in rows] == [
        (method, metric)
        for method in ("recommender", "popularity")
        for metric in ("hr@5", "ndcg@5", "hr@10", "ndcg@10")
    ]
    for one in rows:
        assert one.cases == 60
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert 0 <= one.low <= one.value <= one.high <= 1


def test_it_agrees_with_ir_measures() -> None:
    data, recommender = world(), sasrec()
    split = leave_one_out(data)
    qrels, run = [], []
    for user in split.test_users.tolist():
        history = tuple(split.train_history(user).tolist())
        scores = recommender.scores([User(history)])[0]
        qrels.append(Qrel(str(user), str(split.test_item(user)), 1))
        run += [ScoredDoc(str(user), str(item), float(scores[item])) for item in range(60) if item not in history]
    measures = {name: ir_measures.parse_measure(name) for name in ("nDCG@5", "nDCG@10", "Success@5", "Success@10")}
    theirs = ir_measures.calc_aggregate(list(measures.values()), qrels, run)
    got = values(evaluate_recommender(data, split, recommender))
    for ours, name in (("ndcg@5", "nDCG@5"), ("ndcg@10", "nDCG@10"), ("hr@5", "Success@5"), ("hr@10", "Success@10")):
        assert got["recommender", ours] == pytest.approx(theirs[measures[name]], abs=1e-6)
