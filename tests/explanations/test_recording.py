"""Records of what others said of a pair."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from tests.tiny import sasrec, world

from recexplainer.data.dataset import leave_one_out
from recexplainer.errors import DataError
from recexplainer.evaluation.cases import draw_cases
from recexplainer.explanations.recording import Recorder
from recexplainer.recommenders.base import User


def test_what_a_stranger_said_stands_beside_what_f_says() -> None:
    pairs = draw_cases(world(), leave_one_out(world()), sasrec(), 4)
    titles = world().titles
    texts = [
        f"Yes. It goes well with {titles[pairs[0][0].history[0]]}.",
        "NO - nothing speaks for it.",
        "Perhaps.",
        "",
    ]
    told = Recorder(world(), sasrec()).told("gpt", pairs, texts, ask="genres")
    assert [one.verdict for one in told] == [True, False, None, None]
    assert [one.probability for one in told] == [1.0, 0.0, 0.5, 0.5]
    assert [citation.item for citation in told[0].citations] == [pairs[0][0].history[0]]
    assert {one.method for one in told} == {"gpt"} and {one.ask for one in told} == {"genres"}
    for one, (user, item) in zip(told, pairs, strict=True):
        assert (one.user, one.item, one.history) == (user.id, item, user.history)
        assert one.score == pytest.approx(sasrec().scores([user])[0, item], rel=1e-5)


def test_the_verdict_of_a_stranger_is_the_one_that_is_read_as_its_claim() -> None:
    """A title without quotation marks that begins with "No" is no verdict."""
    items = world().items.with_columns(title=pl.Series([f"No Mercy {item}" for item in range(world().n_items)]))
    dataset = replace(world(), items=items)
    text = f"{dataset.titles[5]} goes well with {dataset.titles[3]}, so the recommender would suggest it."
    (told,) = Recorder(dataset, sasrec()).told("x", [(User((3, 4)), 5)], [text])
    (claim,) = [one for one in told.claims if one.kind == "verdict"]
    assert text[claim.start : claim.end] == "suggest"
    assert told.verdict is True and told.probability == 1.0
    assert (claim.status == "supported") == told.recommended


def test_pairs_that_cannot_be_explained_are_refused() -> None:
    recorder = Recorder(world(), sasrec())
    with pytest.raises(DataError, match="no history"):
        recorder.told("x", [(User((), "u"), 1)], [""])
    with pytest.raises(DataError, match="no item number 60"):
        recorder.told("x", [(User((1,), "u"), 60)], [""])
