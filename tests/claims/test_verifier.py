"""The status of claims, by evidence and catalogue."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from tests.claims.tiny_catalogue import ASKED, BRINK, CONSOLE, HISTORY, KEEP, MARROW, TITLES, catalogue, evidence
from tests.tiny import sasrec

from recexplainer.claims.claim import NEIGHBOUR, REST, Claim, ClaimStatus, ParsedClaim, StatedKind
from recexplainer.claims.parser import ParsedText
from recexplainer.claims.shortened import Name
from recexplainer.claims.verifier import CERTAIN, Verifier
from recexplainer.evidence.evidence import Evidence


@cache
def verifier() -> Verifier:
    return Verifier.of(catalogue(), sasrec())


def checked(known: Evidence, *claims: ParsedClaim, text: str = "a text") -> list[Claim]:
    """Claims with their status; findings about our own wording left out."""
    names = verifier().parser.names.link(text, HISTORY, ASKED)
    done = verifier().verify(ParsedText(text, names, text, (), claims), known)
    return [one for one in done if one.kind not in ("no_verdict", "not_understood")]


def status(known: Evidence, kind: StatedKind, item: int | None = None, value: str = "", sort: str = "") -> str:
    (one,) = checked(known, ParsedClaim(kind, 0, 1, item, value, sort))
    return one.status


def test_effects_by_hand() -> None:
    """Weights 0.9, 0.3, -0.6, 0.01: a random other item of the first does -0.097, of the second 0.103."""
    known = evidence()
    assert [status(known, "positive", item) for item in HISTORY] == [
        "supported",
        "supported",
        "contradicted",
        "contradicted",
    ]
    assert [status(known, "negative", item) for item in HISTORY] == [
        "contradicted",
        "contradicted",
        "supported",
        "contradicted",
    ]
    assert [status(known, "no_effect", item) for item in HISTORY] == ["contradicted"] * 3 + ["supported"]
    (one,) = checked(known, ParsedClaim("positive", 0, 1, KEEP))
    assert one.found == "without it the score falls by 0.90 (a random other item: −0.097)"
    (one,) = checked(known, ParsedClaim("positive", 0, 1, BRINK))
    assert one.found == "without it the score rises by 0.60 (a random other item: −0.40)"


def test_near_the_threshold_nothing_is_certain() -> None:
    known = evidence(attributions=(0.9, 0.04, 0.06, -0.04))
    assert status(known, "positive", MARROW) == "unverified"
    assert status(known, "no_effect", MARROW) == "supported"
    assert status(known, "no_effect", BRINK) == "unverified"
    assert status(evidence(attributions=(0.9, 0.3, 0.5, 0.4)), "positive", MARROW) == "unverified", "less than others"
    wide = replace(evidence(), score_std=100.0)
    assert status(wide, "positive", KEEP) == "contradicted"


def test_without_attributions_nothing_is_known_of_effects() -> None:
    silent = replace(evidence(), attributions=())
    for kind in ("positive", "negative", "no_effect", "strongest", "nothing_positive"):
        assert status(silent, kind, None if kind == "nothing_positive" else KEEP) == "unverified"


@pytest.mark.parametrize(
    ("item", "way", "expected"),
    [
        (KEEP, "any", "supported"),
        (KEEP, "positive", "supported"),
        (BRINK, "negative", "supported"),
        (BRINK, "any", "contradicted"),
        (MARROW, "positive", "contradicted"),
        (CONSOLE, "negative", "contradicted"),
    ],
)
def test_what_does_most(item: int, way: str, expected: ClaimStatus) -> None:
    assert status(evidence(), "strongest", item, way) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("3", "supported"),
        ("3 of 1830", "supported"),
        ("3 of 1800", "supported"),
        ("<=10", "supported"),
        ("4", "contradicted"),
        ("3 of 1700", "contradicted"),
        ("<=2", "contradicted"),
    ],
)
def test_ranks(said: str, expected: ClaimStatus) -> None:
    assert status(evidence(), "rank", ASKED, said) == expected


def test_ranks_without_a_history_item() -> None:
    known = replace(evidence(), ablated_ranks=(46, 3, 2, 1237))
    assert status(known, "counterfactual", KEEP, "46") == "supported"
    assert status(known, "counterfactual", KEEP, "40") == "contradicted"
    assert status(known, "counterfactual", CONSOLE, "1240") == "supported", "rounded"
    assert status(evidence(), "counterfactual", KEEP, "46") == "unverified", "not asked"


def test_all_other_items() -> None:
    claim = ParsedClaim("no_effect", 0, 1, None, REST)
    named = " and ".join(f"“{TITLES[item]}”" for item in (KEEP, MARROW, BRINK))
    assert checked(evidence(), claim, text=named)[0].status == "supported"
    assert checked(evidence(), claim, text=f"“{TITLES[KEEP]}”")[0].status == "contradicted"


def test_that_nothing_counts() -> None:
    calm = evidence(attributions=(0.01, 0.02, -0.01, 0.0))
    for kind in ("nothing_positive", "nothing_negative"):
        assert status(evidence(), kind) == "contradicted"
        assert status(calm, kind) == "supported"


@pytest.mark.parametrize(
    ("share", "expected", "found"),
    [
        (0.5, "supported", "the recommender suggests it to 50% of users"),
        (0.3, "unverified", "the recommender suggests it to 30% of users"),
        (0.06, "contradicted", "the recommender suggests it to 6% of users"),
        (None, "unverified", "the recommender was not asked about other users"),
    ],
)
def test_popularity(share: float | None, expected: ClaimStatus, found: str) -> None:
    (one,) = checked(replace(evidence(), recommended_share=share), ParsedClaim("popular", 0, 1, ASKED))
    assert (one.status, one.found) == (expected, found)


@pytest.mark.parametrize(
    ("item", "value", "sort", "expected"),
    [
        (KEEP, "Nimbus", "brand", "supported"),
        (KEEP, "Orbit", "brand", "contradicted"),
        (KEEP, "Nimbus Works", "brand", "unverified"),
        (KEEP, "puzzle games", "", "supported"),
        (KEEP, "the same brand", "", "supported"),
        (MARROW, "the same brand", "", "contradicted"),
        (KEEP, "Racing", "", "contradicted"),
        (KEEP, "western", "", "unverified"),
        (BRINK, "Nimbus", "brand", "unverified"),
        (KEEP, "the word 'Lantern'", "", "supported"),
        (KEEP, "Ember", "word", "contradicted"),
        (KEEP, "close to it", NEIGHBOUR, "supported"),
        (MARROW, "close to it", NEIGHBOUR, "contradicted"),
        (None, "Nimbus", "brand", "supported"),
    ],
)
def test_what_is_shared(item: int | None, value: str, sort: str, expected: ClaimStatus) -> None:
    assert status(evidence(), "shared", item, value, sort) == expected


def test_titles() -> None:
    (one,) = checked(evidence(), ParsedClaim("history", 0, 1, title="Velvet Circuits 2"))
    assert (one.status, one.item, one.title) == ("contradicted", None, "Velvet Circuits 2")
    assert one.found == "“Velvet Circuits 2” is no title of the catalogue; the nearest is “Velvet Circuit 2”"
    (one,) = checked(evidence(), ParsedClaim("history", 0, 1, title="Zzyx Qqw"))
    assert one.found == "“Zzyx Qqw” is no title of the catalogue"
    assert status(evidence(), "history", KEEP) == "supported"
    assert status(evidence(), "history", ASKED) == "contradicted"
    for kind in ("positive", "negative", "no_effect", "shared"):
        (one,) = checked(evidence(), ParsedClaim(kind, 0, 1, title="Zzyx Qqw"))
        assert one.status == "contradicted"


def test_a_name_that_fits_several_items_is_said_to_be_ambiguous() -> None:
    text = "Lantern Keep counts for it."
    names = [Name(0, 12, (KEEP, ASKED), (0, 12), certain=False)]
    parsed = ParsedText(text, names, text, (), (ParsedClaim("history", 0, 12),))
    (one,) = [claim for claim in verifier().verify(parsed, evidence()) if claim.kind == "history"]
    assert (one.status, one.found) == ("unverified", f"it may be “{TITLES[KEEP]}” or “{TITLES[ASKED]}”")


def test_verdicts_and_other_facts() -> None:
    assert status(evidence(), "verdict", ASKED, "yes") == "supported"
    assert status(evidence(), "verdict", ASKED, "no") == "contradicted"
    assert status(evidence(recommended=False), "verdict", ASKED, "no") == "supported"
    assert status(evidence(), "other", None) == "unverified", "what the catalogue does not hold is never supported"


def test_what_is_read_with_little_confidence_is_not_contradicted() -> None:
    doubtful = ParsedClaim("positive", 0, 1, BRINK, confidence=CERTAIN - 0.01)
    (one,) = checked(evidence(), doubtful)
    assert one.status == "unverified"
    (one,) = checked(evidence(), replace(doubtful, confidence=CERTAIN))
    assert one.status == "contradicted"
    (one,) = checked(evidence(), replace(doubtful, kind="negative"))
    assert one.status == "supported"
