from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests import tiny
from tests.tiny import histories, sasrec, world
from tests.titles import HARD_TITLES

from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError
from recexplainer.evaluation.rubric_judge import RULES, RubricJudge
from recexplainer.evidence.evidence import gather_evidence
from recexplainer.evidence.realised import write_rationale
from recexplainer.recommenders.base import User

TITLES = (
    *HARD_TITLES,
    "No Mercy",
    "The Drowned Stair",
    "Limbo",
    "Brink Again",
    "Glimmer: Dawn",
    "Lost Glimmer",
)
GENRES = (["puzzle"], ["farm"], ["racing"], [], ["puzzle"], ["racing"], *[[]] * 8)
ASKED = 4


@cache
def catalogue() -> Dataset:
    items = pl.DataFrame(
        {
            "item_id": [f"i{place}" for place in range(len(TITLES))],
            "title": TITLES,
            "brand": ["Nimbus", "Paper Lamp", "", "Orbit", "Nimbus", *[""] * 9],
            "genres": GENRES,
        },
        schema_overrides={"genres": pl.List(pl.String)},
    )
    events = pl.DataFrame({"user_id": ["u"] * 4, "item_id": ["i0", "i1", "i2", "i3"]})
    return Dataset.from_frames(events, items)


def explanation(text: str, *, history: Any = (0, 1, 2, 3), item: Any = ASKED, **changes: Any) -> Any:
    return tiny.explanation_of(TITLES, text, history=history, item=item, **changes)


def rating(text: str, **changes: Any) -> Any:
    return RubricJudge(catalogue()).rate(explanation(text, **changes))


def test_the_world_is_as_written() -> None:
    assert tuple(catalogue().titles) == TITLES


GOOD = "“Lantern Keep: The Ninth Bell” suits this user. It owes most to “Marrow & Thistle” and “Brink”."


@pytest.mark.parametrize(
    ("text", "recommended", "expected"),
    [
        (f"Yes, {GOOD}", True, 3),
        (f"Yes, {GOOD}", False, 0),
        (f"No, {GOOD}", True, 0),
        (f"No, {GOOD}", False, 3),
        (f"**No**, {GOOD}", False, 3),
        (GOOD, True, 0),
        ("", True, 0),
        ("", False, 0),
        (f"The recommender would suggest it. {GOOD}", True, 3),
        (f"The recommender would not suggest it. {GOOD}", True, 0),
        # A title that opens with "No" is no decision.
        ("No Mercy and Brink lead to Lantern Keep: The Ninth Bell, so I recommend it.", True, 3),
    ],
)
def test_the_decision_comes_first(text: str, recommended: Any, expected: Any) -> None:
    assert rating(text, recommended=recommended, history=(0, 1, 2, 3, 8))[0] == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"Yes, {GOOD} So does “Velvet Circuit 2”.", "“Velvet Circuit 2” is not in the history"),
        (f"Yes, {GOOD} So does Velvet Circuit 2.", "“Velvet Circuit 2” is not in the history"),
        (f"Yes, {GOOD} So does “Velvet”.", "“Velvet” is not in the history"),
        (f"Yes, {GOOD} So does “Velvett”.", "“Velvett” is no title of the catalogue"),
        (f"Yes, {GOOD} So does “Lantern Keep: The Tenth Bell”.", "“Lantern Keep: The Tenth Bell” is no title"),
        (f'Yes, {GOOD} So does "Castle of Glass".', "“Castle of Glass” is no title of the catalogue"),
        (f"Yes, {GOOD} “Brink” shares the brand Nimbus with it.", "“Nimbus” is not shared"),
        (
            "Yes, it fits. “Brink” shares the brand Nimbus with “Lantern Keep: The Ninth Bell”.",
            "“Nimbus” is not shared",
        ),
        (
            "Yes, it fits. “Lantern Keep: The Drowned Stair” shares the brand Nimbus and the genre farm with it.",
            "“farm” is not shared",
        ),
        (
            "Yes, it fits. “Lantern Keep: The Drowned Stair” has the platform Orbit in common with it.",
            "“Orbit” is not shared",
        ),
    ],
)
def test_a_fault_leaves_one_at_most(text: str, fault: Any) -> None:
    rated, reason = rating(text)
    assert rated == 1
    assert fault in reason


@pytest.mark.parametrize(
    "addition",
    [
        "So does The Drowned Stair.",  # part of a title
        "So does “marrow & thistle!”.",
        "It is a “cosy” one.",
        "It is a “slow burner” at heart.",
        "It is “Puzzle” through and through.",  # a genre
        "It is by “Paper Lamp”.",  # a brand
        "So does “Orbit's Pocket Console”.",  # without its tail
        "So does “Orbits Pocket Console - Slate”.",
        "So does the Orbit's Pocket Console.",
        "“Lantern Keep” goes on.",  # fits two items of the case
        "So does the “Pocket Console” idea.",  # part of a title
        "“Lantern Keep: The Drowned Stair” shares the brand Nimbus and the word 'Lantern' in the title with it.",
        "“Lantern Keep: The Drowned Stair” is linked to it by the genre puzzle.",
        "It is a “  ” one.",
        "Someone with the genre farm in mind looks elsewhere.",
    ],
)
def test_what_is_no_fault(addition: Any) -> None:
    assert rating(f"Yes, {GOOD} {addition}")[0] == 3


def test_a_fault_does_not_save_a_wrong_decision() -> None:
    assert rating(f"No, {GOOD} So does “Velvet Circuit 2”.")[0] == 0


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        ("Yes.", 1, "no history item is named"),
        ("Yes, “Lantern Keep: The Ninth Bell” is broadly popular.", 1, "no history item is named"),
        ("Yes, “Brink” fits well. The pull comes from “Brink”.", 1, "the item is not spoken of"),
        ("Yes, “Brink” fits well, and “Marrow & Thistle” lifts it.", 1, "the item is not spoken of"),
        ("Yes, a fine match. The pull comes from “Brink”.", 1, "the item is not spoken of"),
        ("Yes, a fine match. “Brink” speaks for it.", 2, "one history item"),
        ("Yes, it is a good match. The pull comes from “Brink”.", 2, "one history item"),
        ("Yes, this one should be shown. The pull comes from Brink, and Brink alone.", 2, "one history item"),
        ("Yes, “Lantern Keep: The Ninth Bell” fits. The pull comes from “Brink”.", 2, "one history item"),
        ("Yes, it fits. The pull comes from “Lantern Keep: The Drowned Stair”.", 2, "nothing that it shares"),
        ("Yes, it is puzzling. The pull comes from “Lantern Keep: The Drowned Stair”.", 2, "nothing that it shares"),
        ("Yes, it fits: “Lantern Keep: The Drowned Stair” is a puzzle too.", 3, "'puzzle'"),
        ("Yes, it fits: “Lantern Keep: The Drowned Stair” is by NIMBUS too.", 3, "'nimbus'"),
        ("Yes, it fits: “Brink” is a puzzle too.", 1, "“puzzle” is not shared"),
        ("Yes, it fits. “Brink” and the Orbit's Pocket Console lead there.", 3, "2 history items"),
    ],
)
def test_from_one_to_three(text: str, expected: Any, reason: Any) -> None:
    rated, why = rating(text)
    assert rated == expected
    assert reason in why


def test_a_name_that_fits_two_items_is_neither() -> None:
    assert rating("Yes, it fits. “Lantern Keep” leads there.", history=(0, 4), item=1) == (
        1,
        "no history item is named",
    )
    assert rating("Yes, it fits. “Lantern Keep” leads there.", history=(2, 4), item=1)[0] == 2


@pytest.mark.parametrize(
    ("text", "history", "item"),
    [
        ("Yes, it fits. “Brink” shares the word 'Brink' in the title with it.", (2,), 11),
        ("Yes, it fits. “Glimmer: Dawn” shares the word 'Glimmer' in the title with it.", (12,), 13),
    ],
)
def test_a_shared_word_is_no_title(text: str, history: Any, item: Any) -> None:
    assert rating(text, history=history, item=item)[0] == 3


def test_the_item_may_be_in_the_history_and_is_no_reason_then() -> None:
    assert rating("Yes, “Brink” fits. The pull comes from “Brink”.", item=2) == (1, "no history item is named")


@pytest.mark.parametrize("changes", [{"item": 99}, {"item_title": "Brink"}, {"history": (0, 1, 2, 99)}])
def test_another_catalogue_is_refused(changes: Any) -> None:
    with pytest.raises(DataError, match="dataset that they were made with"):
        RubricJudge(catalogue()).rate(replace(explanation(f"Yes, {GOOD}"), **changes))


def test_rules_are_to_be_shown() -> None:
    assert all(line.endswith(".") for line in RULES)


@cache
def true_ones() -> Any:
    """What f says of pairs, in the words of the rationale task."""
    users = [User(history, f"u{number}") for number, history in enumerate(histories(60, (2, 4, 6)))]
    items = [(17 * number + 5) % 60 for number in range(len(users))]
    rng, titles = np.random.default_rng(0), world().titles
    return [
        replace(
            explanation(write_rationale(known, titles, rng), recommended=known.recommended),
            history=known.history,
            history_titles=tuple(titles[one] for one in known.history),
            item=known.item,
            item_title=titles[known.item],
        )
        for known in gather_evidence(sasrec(), world(), users, items)
    ]


def test_true_rationales_have_no_fault() -> None:
    judge = RubricJudge(world())
    rated = [judge.rate(one) for one in true_ones()]
    assert {why for rating, why in rated if rating < 2} <= {"no history item is named", "the item is not spoken of"}
    assert {2, 3} <= {rating for rating, _ in rated} <= {1, 2, 3}


def test_the_reasons_of_other_users_are_found_out() -> None:
    judge = RubricJudge(world())
    yes, no = ([one for one in true_ones() if one.recommended is recommended] for recommended in (True, False))
    others = [replace(one, text=other.text) for same in (yes, no) for one, other in pairwise(same)]
    own = np.mean([judge.rate(one)[0] for one in true_ones()])
    assert np.mean([judge.rate(one)[0] for one in others]) < own - 1
