"""Why one item and not another: what decides does more for the one by every way to ask, and each claim is checked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from tests.tiny import sasrec, world

from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.contrast import Contrast, contrast
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.recommenders.base import User
from recexplainer.recommenders.stability import Effect

TITLES = ("Tea", "Cup", "Pot", "Tray", "Spoon")
FOR, LESS, AGAINST, NOTHING = (
    Effect(value, value * 1.1, value * 0.9, 0.001, value, 0.001, 1.0) for value in (2.0, 0.5, -1.0, 0.001)
)
DEPENDS = Effect(3.0, -1.0)


@cache
def explainer() -> PairExplainer:
    return PairExplainer(world(), sasrec())


def evidence(item: int, rank: int, *effects: Effect) -> Evidence:
    own = tuple(effect.deletion for effect in effects)
    ranks = tuple(rank + 10 + place for place in range(len(effects)))
    shared = ((),) * len(effects)
    history = tuple(range(len(effects)))
    return Evidence(history, item, True, 10.0 - rank, rank, 50, own, shared, ablated_ranks=ranks, effects=effects)


def of(one: Evidence, other: Evidence) -> Contrast:
    return contrast(one, other, TITLES, explainer().verifier)


@pytest.mark.parametrize(
    ("higher", "lower", "words"),
    [
        (FOR, LESS, "“Tea” counts more for “Tray” than for “Spoon”."),
        (FOR, AGAINST, "“Tea” counts for “Tray” and against “Spoon”."),
        (FOR, NOTHING, "“Tea” counts for “Tray” and does hardly anything for “Spoon”."),
        (NOTHING, AGAINST, "“Tea” counts against “Spoon” and does hardly anything to “Tray”."),
        (replace(AGAINST, deletion=-0.3, padding=-0.3, replacement=-0.3, shapley=-0.3), AGAINST, "counts more against"),
    ],
)
def test_what_decides_is_said_of_both_items(higher: Effect, lower: Effect, words: str) -> None:
    found = of(evidence(3, 2, higher, NOTHING), evidence(4, 9, lower, NOTHING))
    assert found.deciding == (0,)
    assert words in found.text
    assert "“Tray” stands at rank 2 of 50, “Spoon” at rank 9." in found.text
    assert found.text.endswith("Without “Tea”, “Tray” would stand at rank 12, “Spoon” at rank 19.")
    assert [one.status for one in found.claims] == ["supported"] * 6
    assert all(found.text[one.start : one.end].endswith(".") for one in found.claims)


@pytest.mark.parametrize(
    ("higher", "lower"), [(DEPENDS, NOTHING), (FOR, DEPENDS), (LESS, replace(LESS, padding=1.0)), (NOTHING, NOTHING)]
)
def test_what_depends_or_overlaps_does_not_decide(higher: Effect, lower: Effect) -> None:
    found = of(evidence(3, 2, higher), evidence(4, 9, lower))
    assert found.deciding == ()
    assert "No single item of the history is sure to do more for “Tray” than for “Spoon”." in found.text
    assert {one.kind for one in found.claims} == {"rank"}


def test_the_lower_item_is_told_that_it_is_the_other_way_round() -> None:
    found = of(evidence(4, 9, LESS), evidence(3, 2, FOR))
    assert found.text.startswith("It is the other way round: “Tray” stands at rank 2 of 50, “Spoon” at rank 9.")
    assert found.deciding == (0,)


def test_the_largest_differences_come_first_and_two_are_named() -> None:
    found = of(evidence(3, 2, LESS, FOR, LESS), evidence(4, 9, NOTHING, NOTHING, AGAINST))
    assert found.deciding == (1, 2, 0)
    assert "Cup" in found.text
    assert "Pot" in found.text
    assert "Tea" not in found.text


def test_every_claim_holds_of_a_real_recommender() -> None:
    dataset, kinds = world(), set[str]()
    for row in range(20):
        history = tuple(dataset.history(row).tolist()[:6])
        one, other = (item for item in (row + 5, row + 30))
        user = User(tuple(item for item in history if item not in (one, other)), dataset.user_ids[row])
        both = explainer().evidence([(user, one), (user, other)])
        found = contrast(both[0], both[1], dataset.titles, explainer().verifier)
        kinds |= {claim.kind for claim in found.claims}
        assert {claim.status for claim in found.claims} == {"supported"}
    assert {"rank", "counterfactual"} <= kinds


def test_without_what_history_items_do_only_the_ranks_are_said() -> None:
    both = [
        replace(evidence(item, rank, FOR), attributions=(), effects=(), ablated_ranks=())
        for item, rank in ((3, 2), (4, 9))
    ]
    found = of(*both)
    assert found.deciding == ()
    assert [one.status for one in found.claims] == ["supported", "supported"]
