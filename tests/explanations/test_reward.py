from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from recexplainer.explanations.record import Claim, ClaimKind, Mark
from recexplainer.explanations.reward import score_claims
from recexplainer.tasks.evidence import Evidence

KNOWN = Evidence(
    history=(7, 8, 9),
    item=3,
    recommended=True,
    score=1.0,
    rank=1,
    n_ranked=20,
    effects=(1.0, -0.6, 0.2),
    shared=((), (), ()),
    spread=2.0,
)


def claims(*told: tuple[ClaimKind, Mark, int | None]) -> list[Claim]:
    return [Claim(kind, mark, "", 0, 1, item) for kind, mark, item in told]


VERDICT = ("verdict", "confirmed", 3)
# Of items cited one after the other, what the first, two and three reach of 1.0, 1.6 and 1.8.
ONE, BOTH = (1 / 1.0 + 1 / 1.6 + 1 / 1.8) / 3, (1 / 1.0 + 1.6 / 1.6 + 1.6 / 1.8) / 3


@pytest.mark.parametrize(
    ("told", "by_hand"),
    [
        ((), (0 + 1 + 0 + 0) / 4),
        ((VERDICT,), (1 + 1 + 1 + 0) / 4),
        ((("verdict", "contradicted", 3),), (0 + 1 + 0 + 0) / 4),
        ((VERDICT, ("for", "confirmed", 7)), (1 + 1 + 1 + ONE) / 4),
        ((VERDICT, ("for", "unsupported", 9)), (1 + 1 + 1 / 2 + ONE / 5) / 4),
        ((VERDICT, ("for", "confirmed", 7), ("against", "confirmed", 8)), (1 + 1 + 1 + BOTH) / 4),
        ((VERDICT, ("for", "confirmed", 7), ("against", "confirmed", 8), ("for", "confirmed", 9)), 1.0),
        (
            (VERDICT, ("for", "confirmed", 7), ("for", "unsupported", 9)),
            (1 + 1 + 2 / 3 + (1 / 1.0 + 1.2 / 1.6 + 1.2 / 1.8) / 3) / 4,
        ),
        ((VERDICT, ("for", "contradicted", 8)), (1 + 1 + 1 / 2 + 0) / 4),
        ((VERDICT, ("for", "confirmed", 7), ("against", "contradicted", 7)), (1 + 1 + 2 / 3 + ONE) / 4),
        ((VERDICT, ("history", "contradicted", None)), (1 + 0 + 1 / 2 + 0) / 4),
    ],
)
def test_the_score_by_hand(told: Sequence[tuple[ClaimKind, Mark, int | None]], by_hand: float) -> None:
    assert score_claims(claims(*told), KNOWN) == pytest.approx(by_hand)


def test_where_nothing_matters_naming_nothing_is_right() -> None:
    nothing = replace(KNOWN, effects=(0.0, 0.05, -0.05))
    assert score_claims(claims(VERDICT), nothing) == 1.0
    assert score_claims(claims(VERDICT, ("for", "unsupported", 8)), nothing) == pytest.approx((1 + 1 + 1 / 2 + 0) / 4)
