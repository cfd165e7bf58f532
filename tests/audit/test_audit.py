"""Audits as records: what is left out and why, groups, the surrogate, main parameters, two recommenders."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
import pytest
from tests.audit.recommenders import (
    DATE,
    SETTINGS,
    ScoredBy,
    audit_of_rule,
    figure,
    random_by,
    sentence,
    shop,
)
from tests.tiny import fresh, sasrec, world

from recexplainer.audit.audit import audit
from recexplainer.audit.comparison import compare
from recexplainer.audit.groups import read_column
from recexplainer.audit.sample import AuditSettings
from recexplainer.data.dataset import Dataset
from recexplainer.data.sample import make_world
from recexplainer.errors import DataError, RecommenderError
from recexplainer.evaluation.synthetic.rules import synthetic_recommenders
from recexplainer.recommenders.base import Floats, Recommender, User

SMALL = AuditSettings(users=40, questions=8000)


def test_a_recommender_of_fixed_users_is_audited_by_its_lists_alone() -> None:
    recommender = random_by(lambda user: user.id, answers_changed=False)
    found = audit(shop(), recommender, SETTINGS, name="fixed", date=DATE)
    assert found.questions == found.users == 60
    assert "cannot answer for a changed history" in found.left_out[0].why
    assert {row.metric for row in found.rows} == {"most_popular", "coverage", "gini", "top_tenth", "list_difference"}
    names = {one.name for one in found.findings}
    assert names == {"popularity", "most_popular", "coverage", "top_tenth", "list_difference"}
    assert sentence(found, "popularity")[0] == "contradicted"  # for the lists are not what is popular
    assert found.lead == "What decides the lists could not be asked. Here is what they hold."
    popularity = next(one for one in found.findings if one.name == "popularity")
    assert [row.metric for row in popularity.figures] == ["most_popular"]
    assert (popularity.bounds, popularity.thresholds, popularity.met) == ((0.8,), ("at least 80%",), ("contradicted",))
    assert "depends on what you did" not in found.parameters.parameters


def test_a_catalogue_without_attributes_says_so() -> None:
    events = [(shop().user_ids[user], shop().item_ids[item]) for user in range(60) for item in shop().history(user)]
    interactions = pl.DataFrame(events, schema=["user_id", "item_id"], orient="row")
    data = Dataset.from_frames(interactions, pl.DataFrame({"item_id": shop().item_ids, "title": shop().item_ids}))
    found = audit(data, random_by(lambda user: user.history[-1]), SMALL, name="bare", date=DATE)
    assert any(one.what == "what attributes do: brand, genre, platform" for one in found.left_out)
    assert not [row for row in found.rows if row.metric.startswith("raised")]


def test_groups_of_users_differ_where_they_do_and_only_there() -> None:
    # the shorter half of the histories is recommended what is popular, the longer half what its last item says
    popular = np.bincount(shop().sequence, minlength=160).astype(np.float32)
    lengths = dict(zip(shop().user_ids, shop().history_lengths.tolist(), strict=True))
    median = np.median(shop().history_lengths)
    random = random_by(lambda user: user.history[-1])

    def score(user: User) -> Floats:
        return popular if lengths[user.id] < median else random.scores([user])[0]

    settings = AuditSettings(users=200, questions=40_000)
    columns = {"plan": {user: "free" if at % 2 else "paid" for at, user in enumerate(shop().user_ids)}}
    found = audit(shop(), ScoredBy(160, score), settings, name="two", date=DATE, columns=columns)
    said = {one.name for one in found.findings if one.subject == "groups"}
    assert {"any_history of short histories", "last_item of long histories"} <= said
    assert not [name for name in said if "plan" in name]
    assert found.groups.keys() == {"short histories", "long histories", "plan: free", "plan: paid"}
    assert figure(found, "any_history", "short histories") == 1.0
    assert figure(found, "last_item", "long histories") == pytest.approx(1.0, abs=0.05)


def test_no_rule_is_named_for_a_recommender_that_weighs_the_whole_history() -> None:
    found = audit(world(), cast("Recommender", sasrec()), AuditSettings(questions=20_000), name="tiny", date=DATE)
    assert found.rules == ()
    assert found.list_length == 6  # a tenth of 60 items
    shares = [figure(found, name) or 0.0 for name in ("any_history", "last_item", "other_single_item", "several_items")]
    assert sum(shares) == pytest.approx(1.0)


def test_the_surrogate_is_compared_question_by_question() -> None:
    recommender = cast("Recommender", sasrec())
    found = audit(world(), recommender, SMALL, name="tiny", date=DATE, surrogate=fresh("behavior"))
    assert not [one for one in found.left_out if "surrogate" in one.what]
    overall = figure(found, "surrogate_agreement") or 0.0
    parts = [figure(found, "surrogate_agreement", part) or 0.0 for part in ("recommended", "not_recommended")]
    assert overall == pytest.approx(np.mean(parts), abs=0.01)
    assert sentence(found, "surrogate_agreement")[0] != "supported"  # it has not learned anything


def test_main_parameters_hold_only_what_passed_and_are_a_draft() -> None:
    found = audit_of_rule("recency")
    draft = found.parameters
    assert "must check" in draft.note
    assert draft.text.startswith("**Draft")
    assert "decided by the last item" in draft.parameters
    undecided = [one for one in found.findings if one.status == "unverified"]
    assert all(not one.public for one in undecided)
    assert all(one.text in draft.method for one in undecided)
    assert "60 of 200 users" in draft.method and DATE in draft.method
    assert "To be added by a person" in draft.method


def test_main_parameters_say_so_where_nothing_passed() -> None:
    few = AuditSettings(users=5, questions=2000)
    found = audit(shop(), random_by(lambda user: user.history), few, name="few", date=DATE)
    assert {one.status for one in found.findings} == {"unverified"}
    assert "was not found" in found.parameters.parameters
    assert found.rules == ()


def test_what_changed_between_two_recommenders() -> None:
    rules = synthetic_recommenders(shop())
    pair = (cast("Recommender", rules["popularity"]), cast("Recommender", rules["same_brand"]))
    found = compare((shop(), shop()), pair, SETTINGS, names=("old", "new"), date=DATE)
    said = {one.name: one.text for one in found.findings}
    assert said["list_change"] == "More than half of a list is new."
    assert "lower" in said["most_popular"] and "higher" in said["coverage"] and "lower" in said["any_history"]
    assert [one.rules for one in (found.before, found.after)] == [("popularity",), ("brand",)]
    assert found.before.users == found.after.users == len(found.new_items) == 60
    assert found.most_changed[0].change == max(one.change for one in found.most_changed)
    assert found.moved[0].after > found.moved[0].before and found.moved[-1].after < found.moved[-1].before


def test_nothing_changed_between_a_recommender_and_itself() -> None:
    one = cast("Recommender", synthetic_recommenders(shop())["recency"])
    found = compare((shop(), shop()), (one, one), SMALL, names=("a", "b"), date=DATE)
    assert [(each.name, each.status) for each in found.findings] == [("list_change", "contradicted")]
    assert found.most_changed == () and found.moved == ()
    assert set(found.new_items) == {0}


def test_which_users_feel_it() -> None:
    base = random_by(lambda user: user.history[-1])

    def key(user: User) -> object:
        return ("new", user.history[-1]) if shop().user_index(user.id) % 2 else user.history[-1]

    other = random_by(key)
    columns = {"plan": {user: "free" if at % 2 else "paid" for at, user in enumerate(shop().user_ids)}}
    settings = AuditSettings(users=100, questions=20_000)
    found = compare((shop(), shop()), (base, other), settings, names=("a", "b"), date=DATE, columns=columns)
    said = {one.name for one in found.findings}
    assert "felt by plan: free" in said and "felt by plan: paid" not in said
    assert all(shop().user_index(one.id) % 2 for one in found.most_changed)


def test_recommenders_of_different_data_are_not_compared() -> None:
    first = cast("Recommender", random_by(lambda user: 0))
    with pytest.raises(DataError, match="not of the same data: the users differ"):
        compare((shop(), make_world(users=100, items=160)), (first, first), SMALL, names=("a", "b"), date=DATE)
    with pytest.raises(DataError, match="the histories differ"):
        data = (shop(), make_world(users=200, items=160, seed=5))
        compare(data, (first, first), SMALL, names=("a", "b"), date=DATE)


def test_a_recommender_that_does_not_fit_the_data_is_refused() -> None:
    with pytest.raises(RecommenderError, match="scores 30 items, but the catalogue has 160"):
        audit(shop(), random_by(lambda user: 0, 30), SMALL, name="other", date=DATE)


def table(folder: Path, text: str) -> Path:
    path = folder / "users.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_that_cannot_group_users(tmp_path: Path) -> None:
    user = shop().user_ids[0]
    with pytest.raises(DataError, match="no column 'age'") as error:
        read_column(table(tmp_path, f"user_id,country\n{user},AT\n"), "age")
    assert error.value.hint == "the columns there are: country"
    with pytest.raises(DataError, match="missing column: user_id"):
        read_column(table(tmp_path, "person,age\n1,2\n"), "age")
    with pytest.raises(DataError, match="no id"):
        read_column(table(tmp_path, "user_id,age\n,2\n"), "age")
    assert read_column(table(tmp_path, f"user_id,Age\n{user},2\nx,\n"), "age") == {user: "2"}
    recommender = random_by(lambda user: 0)
    with pytest.raises(DataError, match="no user that was drawn"):
        audit(shop(), recommender, SMALL, name="x", date=DATE, columns={"age": {"nobody": "2"}})
    with pytest.raises(DataError, match="40 different values are too many"):
        ages = {user: str(at) for at, user in enumerate(shop().user_ids)}
        audit(shop(), recommender, SMALL, name="x", date=DATE, columns={"age": ages})
