"""Metrics of faithfulness on a recommender that adds up weights, where each value can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.evaluation.weighted import ASKED, SCORE, TITLES, WEIGHTS, explanation, recommender, score, score_std

from recexplainer.claims.claim import Claim
from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.evaluation.faithfulness import BOUNDED, evaluate_faithfulness, faithfulness_values
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Method
from recexplainer.recommenders.base import User


def claim(kind: Any, item: Any, status: Any = "supported") -> Any:
    return Claim(kind, status, "", 0, 1, item)


def values(*claims: Any, **changes: Any) -> Any:
    return {
        name: each[0] for name, each in faithfulness_values([explanation(*claims, **changes)], recommender()).items()
    }


def test_the_score_is_as_written() -> None:
    assert score([["0", "1", "2", "3"]], None)[0, ASKED] == SCORE


def test_what_is_cited_is_removed_side_by_side() -> None:
    found = values(claim("verdict", None), claim("positive", 0), claim("negative", 3))
    assert found["comprehensiveness"] == pytest.approx((3 + 2) / score_std())
    assert found["comprehensiveness_oracle"] == pytest.approx((3 + 2) / score_std())
    assert found["n_cited"] == 2
    assert found["aopc_comprehensiveness"] == pytest.approx((3 + 5 + 5) / 3 / score_std())
    assert found["aopc_comprehensiveness_oracle"] == pytest.approx((3 + 5 + 6) / 3 / score_std())


def test_the_wrong_side_counts_against_it() -> None:
    assert values(claim("negative", 0))["comprehensiveness"] == pytest.approx(-3 / score_std())
    assert values(claim("negative", 0))["comprehensiveness_oracle"] == pytest.approx(2 / score_std())


def test_what_is_left_should_be_enough() -> None:
    """Without items 1 and 2 the score is 4, without 0 and 3 it is 4 too; without anything the mean of the catalogue."""
    assert values(claim("positive", 0), claim("negative", 3))["sufficiency"] == pytest.approx(1 / score_std())
    assert values(claim("positive", 1), claim("positive", 2))["sufficiency"] == pytest.approx(1 / score_std())
    everything = [claim("positive", item) for item in range(4)]
    assert values(*everything)["sufficiency"] == 0
    mean = score([["0", "1", "2", "3"]], None).mean()
    assert values()["sufficiency"] == pytest.approx((SCORE - mean) / score_std())


def test_a_reader_orders_pairs_as_the_text_does() -> None:
    """Of the six pairs all differ: 3 > 1 > 0 > -2."""
    assert values(claim("positive", 0), claim("negative", 3))["simulatability"] == pytest.approx((5 + 0.5) / 6)
    assert values()["simulatability"] == 0.5
    assert values(claim("negative", 0), claim("positive", 3))["simulatability"] == pytest.approx(0.5 / 6)
    same = explanation(claim("positive", 0))
    assert faithfulness_values([replace(same, attributions=(1.0,) * 4)], recommender())["simulatability"] == [None]


def test_random_citing_is_between_nothing_and_the_oracle() -> None:
    found = [explanation(claim("positive", 0)) for _ in range(400)]
    random: Any = faithfulness_values(found, recommender())["comprehensiveness_random"]
    assert np.mean(random) == pytest.approx(WEIGHTS.mean() / score_std(), abs=0.1)


@pytest.mark.parametrize(
    ("claims", "fidelity", "hallucinated", "precision"),
    [
        ((), 0.0, 0.0, 0.0),
        ((claim("verdict", None),), 1.0, 0.0, 1.0),
        ((claim("verdict", None, "contradicted"), claim("history", 0)), 0.0, 0.0, 0.5),
        ((claim("verdict", None), claim("history", None, "contradicted")), 1.0, 1.0, 0.5),
        ((claim("verdict", None), claim("positive", 1, "unverified")), 1.0, 0.0, 0.5),
    ],
)
def test_statuses_are_counted(claims: Any, fidelity: Any, hallucinated: Any, precision: Any) -> None:
    found = values(*claims)
    assert found["verdict_fidelity"] == fidelity
    assert found["hallucination_rate"] == hallucinated
    assert found["claim_precision"] == precision


def test_a_title_that_is_not_in_the_history_is_not_removed() -> None:
    assert values(claim("positive", 5, "contradicted"))["n_cited"] == 0


def test_rows_give_the_share_of_the_way() -> None:
    best = [explanation(claim("verdict", None), claim("positive", 0), claim("negative", 3)) for _ in range(20)]
    worst = [explanation(claim("verdict", None), claim("positive", 3)) for _ in range(20)]
    rows: dict[tuple[str, str], Any] = {
        (row.method, row.metric): row
        for row in evaluate_faithfulness({Method("a"): best, Method("b"): worst}, recommender())
    }
    assert {row.task for row in rows.values()} == {"explanation"}
    assert rows["a", "comprehensiveness_normalized"].value == pytest.approx(1.0)
    assert rows["a", "comprehensiveness_normalized"].low == pytest.approx(1.0)
    assert rows["b", "comprehensiveness_normalized"].value < -0.5
    assert all(rows["a", f"{metric}{bound}"].cases == 20 for metric in BOUNDED for bound in ("_random", "_oracle"))
    assert rows["b", "n_cited"].value == 1


def test_a_share_of_no_way_is_not_applicable() -> None:
    rows = {row.metric: row for row in evaluate_faithfulness({Method("a"): [explanation()]}, recommender())}
    assert rows["comprehensiveness"].value == 0
    assert rows["comprehensiveness_normalized"].value is None
    assert {row.metric: row for row in evaluate_faithfulness({Method("a"): []}, recommender())}["n_cited"].value is None


def test_draws_in_which_the_bounds_coincide_are_left_out_of_the_interval() -> None:
    """In one case of four nothing does anything; now and then that one alone is drawn, and there is no way to go."""
    found = [explanation(claim("positive", 0)) for _ in range(3)]
    found.append(explanation(history=(2,), attributions=(0.0,)))
    rows = {row.metric: row for row in evaluate_faithfulness({Method("a"): found}, recommender())}
    share = rows["comprehensiveness_normalized"]
    assert (share.value, share.low, share.high) == (1.0, 1.0, 1.0)


def test_without_attributions_there_is_nothing_to_compare_with() -> None:
    with pytest.raises(DataError, match="attributions of 0 of 4") as error:
        faithfulness_values([explanation(claim("positive", 0), attributions=())], recommender())
    assert "'hybrid' for user 'u'" in error.value.location


def test_a_true_text_is_above_three_that_are_not() -> None:
    """Hand-written: one makes titles up, one has wrong reasons for the right verdict, one a wrong verdict for them."""
    texts = {
        "true": "Yes. “Brink” speaks for it, and “Marrow” a little against it.",
        "made up": "Yes, since the user liked “Zombie Gardeners Forever” and “Brink Deluxe Two”.",
        "wrong reasons": "Yes, because of “Marrow” and “Velvet”.",
        "wrong verdict": "No. “Marrow” speaks against it, and “Brink” speaks for it, but not enough.",
    }
    items = pl.DataFrame({"item_id": list(map(str, range(len(TITLES)))), "title": TITLES})
    dataset = Dataset.from_frames(pl.DataFrame({"user_id": ["u"] * 4, "item_id": list("0123")}), items)
    explainer, pair = PairExplainer(dataset, recommender()), (User((0, 1, 2, 3), "u"), ASKED)
    explanations = {Method(method): explainer.records(Method(method), [pair], [text]) for method, text in texts.items()}
    rows: dict[tuple[str, str], Any] = {
        (row.method, row.metric): row.value for row in evaluate_faithfulness(explanations, recommender())
    }
    wrong = [method for method in texts if method != "true"]
    assert rows["true", "claim_precision"] == 1.0
    assert all(rows["true", "claim_precision"] > rows[method, "claim_precision"] for method in wrong)
    assert rows["made up", "hallucination_rate"] == 1.0
    assert [rows[method, "verdict_fidelity"] for method in texts] == [1.0, 1.0, 1.0, 0.0]
    assert rows["wrong reasons", "comprehensiveness"] < 0 < rows["true", "comprehensiveness"]
    assert (
        rows["true", "comprehensiveness_normalized"]
        == rows["wrong verdict", "comprehensiveness_normalized"]
        == pytest.approx(1)
    )
