"""Precision and recall of claims, by hand."""

from __future__ import annotations

import numpy as np

from recexplainer.claims.claim import NEIGHBOUR, REST, ParsedClaim
from recexplainer.claims.corpus import Label
from recexplainer.claims.scoring import Counts, Stated, count, f1, of_claims, of_labels, precision, recall


def test_labels_and_claims_are_compared_by_what_they_say() -> None:
    made = of_labels(
        [
            Label("positive", 0, 1, item=2),
            Label("shared", 0, 1, item=2, value="Sci-Fi"),
            Label("shared", 0, 1, item=1, value="a close neighbour"),
            Label("rank", 0, 1, value="3 of 1,830"),
            Label("history", 0, 1, title="Harbor of Glass"),
            Label("no_effect", 0, 1, title="rest"),
            Label("other", 0, 1, value="it is old"),
        ]
    )
    found = of_claims(
        [
            ParsedClaim("positive", 3, 4, 30),
            ParsedClaim("shared", 3, 4, 30, "sci-fi film"),
            ParsedClaim("shared", 3, 4, 20, "near it", NEIGHBOUR),
            ParsedClaim("rank", 3, 4, 99, "3"),
            ParsedClaim("history", 3, 4, title="“Harbor of Glass”"),
            ParsedClaim("no_effect", 3, 4, None, REST),
            ParsedClaim("negative", 3, 4, 20),
        ],
        history=(10, 20, 30),
    )
    assert count(made, found) == {
        "positive": (1, 0, 0),
        "shared": (2, 0, 0),
        "rank": (1, 0, 0),
        "history": (1, 0, 0),
        "no_effect": (1, 0, 0),
        "negative": (0, 1, 0),
    }


def test_scores_by_hand() -> None:
    counts = Counts(np.array([[3, 1, 0], [1, 0, 2]]))
    assert counts.score(precision)[0] == 4 / 5
    assert counts.score(recall)[0] == 4 / 6
    assert counts.score(f1)[0] == 8 / 11
    value, low, high = counts.score(f1)
    assert low <= value <= high
    assert np.isnan(precision(np.array([0, 0, 2])))


def test_a_wrong_item_a_wrong_number_and_a_wrong_verdict_are_no_match() -> None:
    made = {Stated("positive", 1, ""), Stated("rank", None, "3"), Stated("verdict", None, "yes")}
    found = {Stated("positive", 2, ""), Stated("rank", None, "4"), Stated("verdict", None, "no")}
    assert count(made, found) == dict.fromkeys(("positive", "rank", "verdict"), (0, 1, 1))
