from __future__ import annotations

from itertools import permutations
from math import log2
from typing import Any

import ir_measures
import numpy as np
import pytest

from recexplainer.evaluation import metrics


def test_hit_ratio_and_ndcg_by_hand() -> None:
    ranked = [["a", "b", "c"], ["b", "a", "c"], ["b", "c", "a"], ["x", "y", "z"], []]
    relevant = ["a"] * 5
    assert metrics.hit_ratio(ranked, relevant, k=2).tolist() == [1, 1, 0, 0, 0]
    assert metrics.hit_ratio(ranked, relevant, k=3).tolist() == [1, 1, 1, 0, 0]
    assert metrics.ndcg(ranked, relevant, k=3).tolist() == pytest.approx([1, 1 / log2(3), 0.5, 0, 0])
    assert metrics.ndcg(ranked, relevant, k=2).tolist() == pytest.approx([1, 1 / log2(3), 0, 0, 0])


def test_a_repeat_counts_once_and_takes_up_its_place() -> None:
    assert metrics.ndcg([["a", "a"]], ["a"], k=2).tolist() == [1]
    assert metrics.ndcg([["b", "b", "a"]], ["a"], k=3).tolist() == [0.5]
    assert metrics.hit_ratio([["b", "b", "a"]], ["a"], k=2).tolist() == [0]


def test_an_unknown_answer_takes_up_its_place() -> None:
    assert metrics.ndcg([[None, None, 4]], [4], k=5).tolist() == [0.5]
    assert metrics.hit_ratio([[None, None, 4]], [4], k=2).tolist() == [0]


def test_hit_ratio_and_ndcg_agree_with_ir_measures() -> None:
    rng = np.random.default_rng(0)
    ranked = [rng.permutation(12).tolist() for _ in range(40)]
    relevant = rng.integers(12, size=40).tolist()
    qrels = [ir_measures.Qrel(str(q), str(item), 1) for q, item in enumerate(relevant)]
    run = [
        ir_measures.ScoredDoc(str(q), str(item), -place)
        for q, order in enumerate(ranked)
        for place, item in enumerate(order)
    ]
    oracle = ir_measures.calc_aggregate([ir_measures.nDCG @ 5, ir_measures.Success @ 5], qrels, run)
    assert metrics.ndcg(ranked, relevant, k=5).mean() == pytest.approx(oracle[ir_measures.nDCG @ 5])
    assert metrics.hit_ratio(ranked, relevant, k=5).mean() == pytest.approx(oracle[ir_measures.Success @ 5])


def test_a_random_order_scores_the_papers_random_row() -> None:
    orders = list(permutations(range(5)))
    values = metrics.ranking_ndcg(orders, [range(5)] * 120)
    assert values.mean() == pytest.approx(0.613, abs=0.0005)
    assert values.max() == values[0] == 1
    assert values.min() > 0


def test_ranking_ndcg_by_hand() -> None:
    swapped = [1, 0, 2, 3, 4]
    ideal = 1000 + 100 / log2(3) + 10 / 2 + 1 / log2(5)
    got = 100 + 1000 / log2(3) + 10 / 2 + 1 / log2(5)
    assert metrics.ranking_ndcg([swapped], [range(5)]).tolist() == pytest.approx([got / ideal])
    ideal = 15 + 7 / log2(3) + 3 / 2 + 1 / log2(5)
    got = 7 + 15 / log2(3) + 3 / 2 + 1 / log2(5)
    assert metrics.ranking_ndcg([swapped], [range(5)], "standard").tolist() == pytest.approx([got / ideal])


def test_ranking_ndcg_of_broken_answers() -> None:
    true = ["a", "b", "c", "d", "e"]
    ideal = 1000 + 100 / log2(3) + 10 / 2 + 1 / log2(5)
    answers = [[], [None, "a"], ["a", "a", "a", "a", "a"], ["x", "b"], ["x", "x", "x", "x", "x", "a"]]
    expected = [0, 1000 / log2(3) / ideal, 1000 / ideal, 100 / log2(3) / ideal, 0]
    assert metrics.ranking_ndcg(answers, [true] * 5).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("gains", ["paper", "standard"])
def test_ranking_ndcg_stays_within_bounds(gains: Any) -> None:
    rng = np.random.default_rng(0)
    values = metrics.ranking_ndcg([rng.integers(7, size=6).tolist() for _ in range(200)], [range(5)] * 200, gains)
    assert values.min() >= 0
    assert values.max() <= 1


def test_accuracy() -> None:
    assert metrics.accuracy([True, False, True], [True, True, True]).tolist() == [1, 0, 1]


def test_history_coverage_counts_each_title_once() -> None:
    history = [["a", "b", "a", "c"], ["a"], ["a", "b"], ["a"]]
    named = [["a", "a", "a"], ["b", "a", None], [], ["a", "a"]]
    assert metrics.history_coverage(named, history).tolist() == pytest.approx([1 / 3, 1, 0, 1])


def test_no_cases_give_no_values() -> None:
    assert metrics.hit_ratio([], [], k=5).shape == (0,)
    assert metrics.ndcg([], [], k=5).shape == (0,)
    assert metrics.ranking_ndcg([], []).shape == (0,)
    assert metrics.accuracy([], []).shape == (0,)
    assert metrics.history_coverage([], []).shape == (0,)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="2 answers for 1 cases"):
        metrics.hit_ratio([[1], [2]], [1], k=5)
    with pytest.raises(ValueError, match="k must be"):
        metrics.ndcg([[1]], [1], k=0)
    with pytest.raises(ValueError, match="case 0"):
        metrics.ranking_ndcg([[1, 2]], [[1, 1]])
    with pytest.raises(ValueError, match="history is empty"):
        metrics.history_coverage([[1]], [[]])
