"""An audit names the rule of every recommender whose rule is known, and none where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.audit.recommenders import (
    DATE,
    LARGE,
    SETTINGS,
    ScoredBy,
    audit_of_rule,
    figure,
    random_by,
    sentence,
    shop,
)

from recexplainer.audit.audit import audit
from recexplainer.audit.sample import AuditSettings
from recexplainer.evaluation.synthetic.rules import synthetic_recommenders
from recexplainer.recommenders.base import Floats, User

RULES = {"popularity": "popularity", "recency": "last_item", "one_item": "single_item", "same_brand": "brand"}


@pytest.mark.parametrize(("recommender", "rule"), RULES.items())
def test_the_rule_is_named_and_no_other(recommender: str, rule: str) -> None:
    found = audit_of_rule(recommender)
    assert found.rules == (rule,)
    assert sentence(found, rule)[0] == "supported"


# where the rule hardly ever applies, popularity does decide the lists, and that is what is said
@pytest.mark.parametrize("recommender", ["two_together", "opponent"])
def test_what_decides_nearly_all_places_is_named(recommender: str) -> None:
    found = audit_of_rule(recommender)
    assert found.rules == ("popularity",)
    assert (figure(found, "any_history") or 0) > 0.9


@pytest.mark.parametrize(
    "recommender",
    [random_by(lambda user: user.history), random_by(lambda user: user.id), random_by(lambda user: 0)],
    ids=["by history", "by user", "for all alike"],
)
def test_no_rule_is_named_where_scores_are_random(recommender: ScoredBy) -> None:
    assert audit(shop(), recommender, SETTINGS, name="random", date=DATE).rules == ()


def test_random_scores_by_history_are_not_called_a_history_that_decides_as_a_whole() -> None:
    found = audit(shop(), random_by(lambda user: user.history), LARGE, name="random", date=DATE)
    assert sentence(found, "whole_history")[0] == "contradicted"
    assert sentence(found, "stays_without_one")[1].startswith("Leaving out one history item changes more than half")
    assert figure(found, "stable_reasons") == pytest.approx(0.0, abs=0.05)


def test_only_the_attribute_that_is_the_cause_raises_scores() -> None:
    same_brand = synthetic_recommenders(shop())["same_brand"]
    found = audit(shop(), same_brand, LARGE, name="same_brand", date=DATE)
    assert sentence(found, "raised_by_brand")[0] == "supported"
    assert "supported" not in {sentence(found, f"raised_by_{kind}")[0] for kind in ("genres", "platforms")}


def test_questions_are_counted_and_bounded() -> None:
    seen: list[int] = []

    class Counting(ScoredBy):
        def scores(self, users: Sequence[User]) -> Floats:
            seen.append(len(users))
            return super().scores(users)

    inner = random_by(lambda user: user.history)
    recommender = Counting(160, lambda user: inner.scores([user])[0])
    for questions in (400, 3000):
        seen.clear()
        found = audit(shop(), recommender, AuditSettings(questions=questions), name="few", date=DATE)
        assert found.questions == sum(seen) <= questions
        assert found.users < 60
        assert found.users >= 30 or all(one.status == "unverified" for one in found.findings)


def test_the_same_seed_gives_the_same_audit() -> None:
    recommender = random_by(lambda user: user.history[-1])
    settings = AuditSettings(users=30, questions=9000)
    one, again = (audit(shop(), recommender, settings, name="last", date=DATE) for _ in range(2))
    assert one == again
    assert audit(shop(), recommender, settings.model_copy(update={"seed": 1}), name="last", date=DATE) != one
    assert one.rules == ("last_item",)
