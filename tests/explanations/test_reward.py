from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from recexplainer.claims.claim import Claim, ClaimKind, ClaimStatus
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.preference import reward

KNOWN = Evidence(
    history=(7, 8, 9),
    item=3,
    recommended=True,
    score=1.0,
    rank=1,
    n_ranked=20,
    attributions=(1.0, -0.6, 0.2),
    shared=((), (), ()),
    score_std=2.0,
)


def claims(*parsed: tuple[ClaimKind, ClaimStatus, int | None]) -> list[Claim]:
    return [Claim(kind, mark, "", 0, 1, item) for kind, mark, item in parsed]


VERDICT = ("verdict", "supported", 3)
# Of items cited one after the other, what the first, two and three reach of 1.0, 1.6 and 1.8.
ONE, BOTH = (1 / 1.0 + 1 / 1.6 + 1 / 1.8) / 3, (1 / 1.0 + 1.6 / 1.6 + 1.6 / 1.8) / 3


@pytest.mark.parametrize(
    ("parsed", "by_hand"),
    [
        ((), (0 + 1 + 0 + 0) / 4),
        ((VERDICT,), (1 + 1 + 1 + 0) / 4),
        ((("verdict", "contradicted", 3),), (0 + 1 + 0 + 0) / 4),
        ((VERDICT, ("positive", "supported", 7)), (1 + 1 + 1 + ONE) / 4),
        ((VERDICT, ("positive", "unverified", 9)), (1 + 1 + 1 / 2 + ONE / 5) / 4),
        (
            (VERDICT, ("positive", "supported", 7), ("negative", "supported", 8)),
            (1 + 1 + 1 + BOTH) / 4,
        ),
        (
            (
                VERDICT,
                ("positive", "supported", 7),
                ("negative", "supported", 8),
                ("positive", "supported", 9),
            ),
            1.0,
        ),
        (
            (VERDICT, ("positive", "supported", 7), ("positive", "unverified", 9)),
            (1 + 1 + 2 / 3 + (1 / 1.0 + 1.2 / 1.6 + 1.2 / 1.8) / 3) / 4,
        ),
        ((VERDICT, ("positive", "contradicted", 8)), (1 + 1 + 1 / 2 + 0) / 4),
        (
            (VERDICT, ("positive", "supported", 7), ("negative", "contradicted", 7)),
            (1 + 1 + 2 / 3 + ONE) / 4,
        ),
        ((VERDICT, ("history", "contradicted", None)), (1 + 0 + 1 / 2 + 0) / 4),
        ((VERDICT, ("omission", "contradicted", 7)), (1 + 1 + 1 + 0) / 4),
    ],
)
def test_the_score_by_hand(parsed: Sequence[tuple[ClaimKind, ClaimStatus, int | None]], by_hand: float) -> None:
    assert reward(claims(*parsed), KNOWN) == pytest.approx(by_hand)


def test_where_nothing_matters_naming_nothing_is_right() -> None:
    nothing = replace(KNOWN, attributions=(0.0, 0.05, -0.05))
    assert reward(claims(VERDICT), nothing) == 1.0
    assert reward(claims(VERDICT, ("positive", "unverified", 8)), nothing) == pytest.approx((1 + 1 + 1 / 2 + 0) / 4)
