"""Records of texts that others wrote of a pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.tiny import sasrec, world

from recexplainer.data.dataset import leave_one_out
from recexplainer.errors import DataError, SurrogateError
from recexplainer.evaluation.cases import draw_cases
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Method
from recexplainer.recommenders.base import User


def test_a_text_of_somebody_else_stands_beside_what_the_recommender_says() -> None:
    pairs = draw_cases(world(), leave_one_out(world()), sasrec(), 4)
    titles = world().titles
    texts = [
        f"Yes. It goes well with {titles[pairs[0][0].history[0]]}.",
        "NO - nothing speaks for it.",
        "Bananas are yellow.",
        "",
    ]
    records = PairExplainer(world(), sasrec()).records(Method("gpt", "icl"), pairs, texts, "genres")
    assert [one.verdict for one in records] == [True, False, None, None]
    assert [one.probability for one in records] == [1.0, 0.0, 0.5, 0.5]
    assert [citation.item for citation in records[0].citations] == [pairs[0][0].history[0]]
    assert {one.source for one in records} == {Method("gpt", "icl")} and {one.aspect for one in records} == {"genres"}
    for one, (user, item) in zip(records, pairs, strict=True):
        assert (one.user, one.item, one.history) == (user.id, item, user.history)
        assert one.score == pytest.approx(sasrec().scores([user])[0, item], rel=1e-5)


def test_the_verdict_of_a_text_is_the_one_that_is_read_as_its_claim() -> None:
    """A title without quotation marks that begins with "No" is no verdict."""
    items = world().items.with_columns(title=pl.Series([f"No Mercy {item}" for item in range(world().n_items)]))
    dataset = replace(world(), items=items)
    text = f"{dataset.titles[5]} goes well with {dataset.titles[3]}, so the recommender would suggest it."
    (record,) = PairExplainer(dataset, sasrec()).records(Method("x"), [(User((3, 4)), 5)], [text])
    (claim,) = [one for one in record.claims if one.kind == "verdict"]
    assert "suggest" in text[claim.start : claim.end]
    assert record.verdict is True and record.probability == 1.0
    assert (claim.status == "supported") == record.recommended


def test_ids_of_a_pair_may_be_written_in_any_way() -> None:
    numbered = world().items.with_columns(item_id=pl.Series([str(100 + item) for item in range(world().n_items)]))
    users = tuple(str(user) for user in range(world().n_users))
    explainer = PairExplainer(replace(world(), items=numbered, user_ids=users), sasrec())
    expected = explainer.pair("3", "105")
    assert expected[0].id == "3" and expected[1] == 5
    for user, item in ((3, "105.0"), (np.int64(3), " 105 "), (3.0, b"105"), ("\ufeff3", np.int64(5)), ("3", 5)):
        assert explainer.pair(user, item) == expected
    assert explainer.pair(User(("101", 2), 7), "105") == (User((1, 2), "7"), 5)  # type: ignore[arg-type]


def test_a_number_that_is_an_id_and_the_index_of_another_item_is_refused() -> None:
    shifted = world().items.with_columns(item_id=pl.Series([str(item + 1) for item in range(world().n_items)]))
    explainer = PairExplainer(replace(world(), items=shifted), sasrec())
    with pytest.raises(DataError, match="5 is the id of one item, and the index of another, whose id is '6'"):
        explainer.pair(world().user_ids[0], 5)
    assert explainer.pair(world().user_ids[0], "5")[1] == 4


def test_pairs_that_cannot_be_explained_are_refused() -> None:
    explainer = PairExplainer(world(), sasrec())
    with pytest.raises(DataError, match="no history"):
        explainer.records(Method("x"), [(User((), "u"), 1)], [""])
    with pytest.raises(DataError, match="no item number 60"):
        explainer.records(Method("x"), [(User((1,), "u"), 60)], [""])
    with pytest.raises(DataError, match="no item number -1"):
        explainer.records(Method("x"), [(User((1, -1), "u"), 6)], [""])


def test_without_a_surrogate_texts_are_checked_but_nothing_is_explained_by_it_alone() -> None:
    explainer, user = PairExplainer(world(), sasrec()), User((1, 2, 3), "u")
    with pytest.raises(SurrogateError, match="no surrogate"):
        explainer.explain([(user, 5)], grounded=False)
    (known,) = explainer.evidence([(user, 5)])
    text = f"{'Yes' if known.recommended else 'No'}, and “{world().titles[9]}” is not the user's."
    claims = explainer.check(text, user, 5)
    assert {("verdict", "supported"), ("history", "contradicted")} <= {(one.kind, one.status) for one in claims}
    own, item = world().user_ids[0], world().item_ids[5]
    assert explainer.check("Yes.", own, item)[0].kind == "verdict"
