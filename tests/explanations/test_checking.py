"""Texts of anybody, checked: the record, and what is asked for it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.fakes import FakeChatModel, ScoredBy
from tests.tiny import sasrec, world

from recexplainer import Explainer, User, VectorRecommender
from recexplainer.errors import DataError, SurrogateError
from recexplainer.explanations.checking import CheckedText, check_texts, texts_to_check
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.pairs import unseen_pair

HISTORY = world().history(0).tolist()
ITEM = next(item for item in range(world().n_items) if item not in HISTORY)
USER, ASKED = world().user_ids[0], world().item_ids[ITEM]
TITLES = world().titles


def reasoned(item: int = HISTORY[-1]) -> str:
    """A text in the wording of rationales, which is read exactly."""
    return f"Yes, “{TITLES[ITEM]}” would be recommended. It owes most to “{TITLES[item]}”."


def checked(*rows: dict[str, Any], recommender: Any = None) -> list[CheckedText]:
    explainer = PairExplainer(world(), recommender or sasrec())
    located = ((f"texts.csv, line {number}", row) for number, row in enumerate(rows, 1))
    return check_texts(explainer, texts_to_check(located, unseen_pair(world())))


def row(**changes: Any) -> dict[str, Any]:
    return {"user": USER, "item": ASKED, "text": reasoned()} | changes


def test_a_checked_text_as_plain_values() -> None:
    one, other = checked(row(), row(id="b"))
    plain = json.loads(json.dumps(one.to_dict()))
    assert list(plain) == ["id", "user", "item", "text", "claims", "unread"]
    assert (plain["id"], plain["user"], plain["item"], plain["text"]) == (1, USER, ASKED, reasoned())
    assert other.id == "b" and other.claims == one.claims
    assert plain["unread"] == [] and one.n_sentences == 2 and one.title == TITLES[ITEM]
    first, *_ = plain["claims"]
    assert (first["kind"], first["item"], first["title"]) == ("verdict", ASKED, TITLES[ITEM])
    assert (first["value"], first["start"], first["end"]) == ("yes", 0, 3)
    assert first["found"].startswith("the recommender says ")
    (history,) = (claim for claim in plain["claims"] if claim["kind"] == "history")
    assert (history["item"], history["value"]) == (world().item_ids[HISTORY[-1]], None)
    assert reasoned()[history["start"] : history["end"]] == history["title"] == TITLES[HISTORY[-1]]
    assert history["status"] == "supported"


def test_of_a_title_that_is_none_the_words_are_kept_and_it_is_contradicted() -> None:
    (one,) = checked(row(text="Yes, it is a good match. It owes most to “The Unheard-of Thing”."))
    (claim,) = (claim for claim in one.to_dict()["claims"] if claim["kind"] == "history")
    assert (claim["item"], claim["title"], claim["status"]) == (None, "The Unheard-of Thing", "contradicted")
    assert one.contradicted


def test_what_is_too_old_for_the_recommender_is_in_the_history_and_does_nothing() -> None:
    user = next(row for row in range(world().n_users) if len(world().history(row)) > sasrec().max_history)
    history = world().history(user).tolist()
    asked = next(item for item in range(world().n_items) if item not in history)
    text = f"Yes, it is a good match. It owes most to “{TITLES[history[0]]}”."
    (one,) = checked(row(user=world().user_ids[user], item=world().item_ids[asked], text=text))
    claims = {claim.kind: claim for claim in one.claims}
    assert claims["history"].status == "supported"
    assert claims["positive"].status == "contradicted" and "older than what" in claims["positive"].found


def test_a_chat_model_reads_what_is_not_in_the_wording_of_rationales() -> None:
    said = [{"kind": "positive", "quote": "blue one", "item": len(HISTORY)}, {"kind": "positive", "quote": "red one"}]
    model = FakeChatModel(lambda question: json.dumps(said))
    one, other = Explainer(world(), sasrec()).check(
        [(USER, ASKED, "It was the blue one."), (USER, ASKED, reasoned())], reader=model
    )
    assert [(claim.kind, claim.item, one.text[claim.start : claim.end]) for claim in one.claims] == [
        ("positive", HISTORY[-1], "blue one")
    ]
    assert one.unread == () and other.claims == checked(row())[0].claims
    assert [len(call) for call in model.calls] == [1]


def test_the_recommender_is_asked_once_for_each_pair() -> None:
    def scores(users: Any) -> Any:
        return np.tile(np.linspace(0, 1, 60), (len(users), 1))

    asked: list[int] = []
    for count in (1, 5):
        recommender = ScoredBy(scores)
        checked(*[row()] * count, recommender=recommender)
        asked.append(len(recommender.asked))
    assert asked[0] == asked[1]


def test_of_a_recommender_that_knows_users_by_id_what_history_items_do_is_unverified() -> None:
    drawn = np.random.default_rng(0)
    vectors = drawn.normal(size=(world().n_items, 4)), drawn.normal(size=(world().n_users, 4))
    recommender = VectorRecommender.from_arrays(world(), *vectors, fold_in="none")
    assert not recommender.answers_changed_history
    (one,) = checked(row(), recommender=recommender)
    statuses = {claim.kind: claim.status for claim in one.claims}
    assert statuses["positive"] == "unverified" and statuses["history"] == "supported"
    assert statuses["verdict"] in ("supported", "contradicted")


@pytest.mark.parametrize(
    ("changes", "what", "hint"),
    [
        ({"text": " \n"}, "the text is empty", "leave the row out"),
        ({"text": ""}, "there is no text", "has user, item, text"),
        ({"text": 5}, "the text is no text, but 5", ""),
        ({"item": None}, "there is no item", ""),
        ({"user": "nobody"}, "there is no user 'nobody'", "ids look like"),
        ({"item": TITLES[ITEM]}, "there is no item", f"the title of the item '{ASKED}'"),
        ({"item": world().item_ids[HISTORY[0]]}, "has had the item", "that the user lacks"),
    ],
)
def test_what_cannot_be_checked_is_refused_with_its_place(changes: dict[str, Any], what: str, hint: str) -> None:
    with pytest.raises(DataError) as raised:
        checked(row(), row(**changes))
    assert what in raised.value.what and hint in raised.value.hint
    assert raised.value.location.startswith("texts.csv, line 2")


@pytest.mark.filterwarnings("ignore::recexplainer.errors.RecommenderWarning")
def test_the_library_checks_one_or_many_without_a_surrogate() -> None:
    explainer = Explainer(world(), sasrec())
    text = reasoned()
    (one,) = explainer.check((USER, ASKED, text))
    assert explainer.check(row(text=text)) == explainer.check([(USER, ASKED, text)]) == [one]
    same, own, seen = explainer.check([row(id="x"), (User(tuple(HISTORY)), ITEM, text), (USER, HISTORY[0], text)])
    assert (same.id, same.claims) == ("x", one.claims)
    assert (own.user, own.item, own.claims) == ("", ASKED, one.claims)
    assert seen.id == 3, "as for `explain`, the history is taken without the item"
    assert explainer.check([]) == []
    with pytest.raises(DataError, match="there is no text"):
        explainer.check([(USER, ASKED)])  # pyright: ignore[reportArgumentType]
    with pytest.raises(SurrogateError, match="There is no surrogate"):
        explainer.explain([(USER, ASKED)], grounded=False)
    assert explainer.explain([(USER, ASKED)])[0].writer == "realised"
