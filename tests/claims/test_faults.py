from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.tasks.test_rationale import TITLES, random_evidence

from recexplainer.claims.faults import faults
from recexplainer.evidence.evidence import CLOSE, NEGLIGIBLE, Evidence
from recexplainer.evidence.realised import write_rationale

KNOWN = Evidence(
    (0, 1, 2), 3, True, 1.0, 5, 100, (0.9, 0.4, -0.5), (("brand Nimbus", "genre puzzle"), (CLOSE,), ()), 1.0
)
GOOD = (
    "Yes, “Title D” fits this user well. "
    "The strongest pull comes from “Title A”, which shares the brand Nimbus with it."
)


@pytest.mark.parametrize("seed", range(500))
def test_what_was_written_from_the_evidence_has_no_faults(seed: int) -> None:
    rng = np.random.default_rng(seed)
    evidence = random_evidence(rng)
    assert faults(write_rationale(evidence, TITLES, rng), evidence, TITLES) == []


@pytest.mark.parametrize("seed", range(200))
def test_the_same_words_of_the_opposite_have_faults(seed: int) -> None:
    """Told of effects turned round, every text that says anything of an item is found out."""
    rng = np.random.default_rng(seed)
    evidence = random_evidence(rng)
    text = write_rationale(evidence, TITLES, rng)
    turned = replace(evidence, attributions=tuple(-attribution for attribution in evidence.attributions))
    speaks = max(map(abs, evidence.standardized)) >= NEGLIGIBLE
    assert bool(faults(text, turned, TITLES)) == speaks


@pytest.mark.parametrize(
    "attributions", [(0.5, 0.5, 0.5), (-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5, 0.5), (1.0, 1.0, -1.0)]
)
@pytest.mark.parametrize(("recommended", "rank"), [(True, 5), (False, 25), (False, 45), (False, 90)])
def test_where_several_do_as_much_no_rationale_denies_it(
    recommended: bool, rank: int, attributions: tuple[float, ...]
) -> None:
    history = tuple(range(len(attributions)))
    evidence = Evidence(history, 3, recommended, 1.0, rank, 100, attributions, ((),) * len(attributions))
    for seed in range(20):
        assert faults(write_rationale(evidence, TITLES, np.random.default_rng(seed)), evidence, TITLES) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("Yes, “Title D” fits this user well.", "No, it is a poor match.", "where f says yes"),
        ("“Title A”", "“Title B”", "“Title A” does most and is not named"),
        ("“Title A”", "“Title Q”", "“Title Q” is not in the history"),
        (
            "The strongest pull comes from “Title A”",
            "What counts most is “Title C”",
            "“Title C” is said to speak for it",
        ),
        ("the brand Nimbus", "the genre chess", "does not hold"),
        (" with it.", " with it. Nothing in the history speaks against it.", "nothing is said to speak against it"),
        ("The strongest pull comes from", "It goes well with", "not understood: 'It goes well with"),
        (GOOD, "Well, why not?", "no verdict is understood"),
        (
            "The strongest pull comes from “Title A”",
            "What counts most is “Title B”, followed by “Title A”",
            "what is named first does not do most",
        ),
    ],
)
def test_each_kind_of_fault_is_named(old: str, new: str, fault: str) -> None:
    assert faults(GOOD, KNOWN, TITLES) == []
    assert old in GOOD
    assert any(fault in one for one in faults(GOOD.replace(old, new), KNOWN, TITLES))


def test_the_top_and_nearness_are_ranks() -> None:
    top = "Yes, and it ranks near the very top. The strongest pull comes from “Title A”."
    assert faults(top, KNOWN, TITLES) == []
    assert faults(top, replace(KNOWN, rank=15), TITLES) == ["it is said to be at the top, at rank 15"]
    near = "No, but it comes close. “Title A” speaks for it, but that is not enough."
    refused = replace(KNOWN, recommended=False, rank=25)
    assert faults(near, refused, TITLES) == []
    assert faults(near, replace(refused, rank=45), TITLES) == ["it is said to be near, at rank 45 of 100"]


def test_what_is_common_must_be_shared_by_all() -> None:
    both = "Yes, it is a good match. What ties it to “Title A” and “Title B” is the brand Nimbus."
    shared = (("brand Nimbus",), ("genre puzzle", "brand Nimbus"), ())
    assert faults(both, replace(KNOWN, shared=shared), TITLES) == []
    assert faults(both, KNOWN, TITLES) == ["'the brand Nimbus' is not what they share"]


def test_what_is_said_to_matter_little_does_not_outweigh_the_rest() -> None:
    text = f"{GOOD} “Title C” holds it back without turning the verdict."
    assert faults(text, KNOWN, TITLES) == []
    (fault,) = faults(text, replace(KNOWN, attributions=(0.9, 0.4, -1.5)), TITLES)[:1]
    assert fault == "“Title C” does more than what it is set against"


def test_what_pulls_harder_does() -> None:
    text = (
        "Yes, it is a good match. It suits the history as a whole, helped by “Title A”. "
        "“Title C” pulls harder the other way."
    )
    assert faults(text, KNOWN, TITLES) == ["what is said to pull harder does not"]
    assert faults(text, replace(KNOWN, attributions=(0.9, 0.4, -1.5)), TITLES) == []


@pytest.mark.parametrize(("recommended_share", "found"), [(0.5, []), (0.49, ["it is said to please most users"])])
def test_what_is_said_to_please_most_users_does(recommended_share: float, found: list[str]) -> None:
    known = replace(KNOWN, attributions=(0.0, 0.0, 0.0))
    text = "Yes, it is a good match. No single purchase explains this: it is broadly popular."
    assert faults(text, replace(known, recommended_share=recommended_share), TITLES) == found
    assert faults(text, known, TITLES) == ["it is said to please most users"], "not asked, not known"
