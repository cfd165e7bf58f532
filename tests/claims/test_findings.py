from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import polars as pl
import pytest
from tests.tasks.test_rationale import TITLES, random_evidence
from tests.tiny import sasrec

from recexplainer.claims.claim import Claim, faults, stated
from recexplainer.claims.verifier import Verifier
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import CLOSE, NEGLIGIBLE, Evidence
from recexplainer.evidence.realised import write_rationale


@cache
def verifier() -> Verifier:
    ids = [f"i{number}" for number in range(len(TITLES))]
    items = pl.DataFrame({"item_id": ids, "title": TITLES})
    return Verifier.of(Dataset.from_frames(pl.DataFrame({"user_id": ["u"], "item_id": ids[:1]}), items), sasrec())


def failing(text: str, evidence: Evidence) -> list[Claim]:
    """The faults; `shared` is left to the finding `link`, since this catalogue knows no attributes."""
    return list(faults(verifier().claims(text, evidence)))


def kinds(text: str, evidence: Evidence) -> list[str]:
    return [one.kind for one in failing(text, evidence)]


def findings(text: str, evidence: Evidence) -> list[str]:
    return [one.found for one in failing(text, evidence)]


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
    assert failing(write_rationale(evidence, TITLES, rng), evidence) == []


@pytest.mark.parametrize("seed", range(200))
def test_the_same_words_of_the_opposite_have_faults(seed: int) -> None:
    """Told of effects turned round, every text that says anything of an item is found out."""
    rng = np.random.default_rng(seed)
    evidence = random_evidence(rng)
    text = write_rationale(evidence, TITLES, rng)
    turned = replace(evidence, attributions=tuple(-attribution for attribution in evidence.attributions))
    speaks = max(map(abs, evidence.standardized)) >= NEGLIGIBLE
    assert bool(failing(text, turned)) == speaks


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
        assert failing(write_rationale(evidence, TITLES, np.random.default_rng(seed)), evidence) == []


@pytest.mark.parametrize(
    ("old", "new", "kind", "found"),
    [
        ("Yes, “Title D” fits this user well.", "No, it is a poor match.", "verdict", "the recommender says yes"),
        ("“Title A”", "“Title B”", "omission", "“Title A” does most and is not named"),
        ("“Title A”", "“Title Q”", "history", "“Title Q” is not in the history"),
        (
            "The strongest pull comes from “Title A”",
            "What counts most is “Title C”",
            "positive",
            "without it the score rises by 0.50",
        ),
        ("the brand Nimbus", "the genre chess", "link", "does not hold"),
        (
            " with it.",
            " with it. Nothing in the history speaks against it.",
            "nothing_negative",
            "“Title C” speaks against it",
        ),
        ("The strongest pull comes from", "It goes well with", "not_understood", "not understood: 'It goes well with"),
        (GOOD, "Well, why not?", "no_verdict", "no verdict is understood"),
        (
            "The strongest pull comes from “Title A”",
            "What counts most is “Title B”, followed by “Title A”",
            "order",
            "what is named first does not do most",
        ),
    ],
)
def test_each_kind_of_fault_is_typed(old: str, new: str, kind: str, found: str) -> None:
    assert failing(GOOD, KNOWN) == []
    assert old in GOOD
    text = GOOD.replace(old, new)
    (one,) = [one for one in failing(text, KNOWN) if one.kind == kind]
    assert found in one.found and one.status != "supported"
    assert 0 <= one.start <= one.end <= len(text)
    assert (one.start == one.end) == (kind == "omission")


def test_what_is_given_as_a_reason_but_does_nothing_is_negligible() -> None:
    text = f"{GOOD} “Title C” holds it back without turning the verdict."
    (one,) = failing(text, replace(KNOWN, attributions=(0.9, 0.4, -0.01)))
    assert (one.kind, one.item, text[one.start : one.end]) == ("negligible", 2, "Title C")


def test_the_top_nearness_and_halves_are_ranks() -> None:
    top = "Yes, and it ranks near the very top. The strongest pull comes from “Title A”."
    assert failing(top, KNOWN) == []
    assert findings(top, replace(KNOWN, rank=15)) == ["it is said to be at the top, at rank 15 of 100"]
    near = "No, but it comes close. “Title A” speaks for it, but that is not enough."
    refused = replace(KNOWN, recommended=False, rank=25)
    assert failing(near, refused) == []
    assert findings(near, replace(refused, rank=45)) == ["it is said to be near, at rank 45 of 100"]
    low = "No, it is a poor match. “Title A” lends it some support, but too little."
    assert findings(low, replace(refused, rank=45)) == ["it is said to be in the lower half, at rank 45 of 100"]
    assert kinds(low, KNOWN) == ["verdict"], "a wrong verdict says it all"


def test_what_is_common_must_be_shared_by_all() -> None:
    both = "Yes, it is a good match. What ties it to “Title A” and “Title B” is the brand Nimbus."
    shared = (("brand Nimbus",), ("genre puzzle", "brand Nimbus"), ())
    assert failing(both, replace(KNOWN, shared=shared)) == []
    assert findings(both, KNOWN) == ["'the brand Nimbus' is not what they share"]


def test_that_nothing_is_shared_must_be_so() -> None:
    text = "Yes, it is a good match. The strongest pull comes from “Title A”. No common genre is on record."
    assert findings(text, KNOWN) == ["no genre is said to be shared"]
    assert failing(text, replace(KNOWN, shared=(("brand Nimbus",), (), ()))) == []


def test_what_is_said_to_matter_little_does_not_outweigh_the_rest() -> None:
    text = f"{GOOD} “Title C” holds it back without turning the verdict."
    assert failing(text, KNOWN) == []
    fault = failing(text, replace(KNOWN, attributions=(0.9, 0.4, -1.5)))[0]
    assert (fault.kind, fault.item, fault.found) == ("balance", 2, "“Title C” does more than what it is set against")


def test_what_pulls_harder_does() -> None:
    text = (
        "Yes, it is a good match. It suits the history as a whole, helped by “Title A”. "
        "“Title C” pulls harder the other way."
    )
    assert findings(text, KNOWN) == ["what is said to pull harder does not"]
    assert failing(text, replace(KNOWN, attributions=(0.9, 0.4, -1.5))) == []


@pytest.mark.parametrize(("recommended_share", "expected"), [(0.5, []), (0.49, ["popular"]), (None, ["popular"])])
def test_what_is_said_to_please_most_users_does(recommended_share: float | None, expected: list[str]) -> None:
    known = replace(KNOWN, attributions=(0.0, 0.0, 0.0), recommended_share=recommended_share)
    text = "Yes, it is a good match. No single purchase explains this: it is broadly popular."
    assert kinds(text, known) == expected


def test_where_the_text_is_not_understood_nothing_else_is_a_fault() -> None:
    text = f"{GOOD} You bought “Title Q” as well, which helped it along."
    assert kinds(text, KNOWN) == ["not_understood"]
    titles = [one for one in verifier().claims(text, KNOWN) if "Title Q" in text[one.start : one.end]]
    assert titles and "supported" not in {one.status for one in titles}


def test_findings_are_no_claims_that_metrics_count() -> None:
    claims = verifier().claims(GOOD.replace("“Title A”", "“Title B”"), KNOWN)
    assert {one.kind for one in claims} - {one.kind for one in stated(claims)} == {"omission", "link"}


def test_where_others_score_the_same_it_stands_in_the_middle_of_them() -> None:
    assert replace(KNOWN, rank=9, n_ranked=52, tied=2).near and not replace(KNOWN, rank=9, n_ranked=52, tied=43).near
    assert not replace(KNOWN, rank=9, n_ranked=52, tied=43).upper_half
    assert not replace(KNOWN, rank=9, tied=4).at_top


@pytest.mark.parametrize(("rank", "n_ranked", "tied"), [(1, 52, 51), (1, 52, 11), (1, 3, 0), (2, 4, 0)])
def test_that_others_do_better_is_not_said_where_none_does(rank: int, n_ranked: int, tied: int) -> None:
    known = replace(KNOWN, recommended=False, rank=rank, n_ranked=n_ranked, tied=tied)
    for seed in range(20):
        assert "standing" in kinds(write_rationale(known, TITLES, np.random.default_rng(seed)), known)
