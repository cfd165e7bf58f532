"""Writers that are not of this package: their texts are read before they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.tiny import histories, sasrec, world

from recexplainer.claims.claim import CHECKABLE
from recexplainer.errors import SettingsError
from recexplainer.evidence.evidence import NEGLIGIBLE, Evidence
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Explanation
from recexplainer.explanations.writing import REALISED, Style, Written
from recexplainer.recommenders.base import User

EXPLAINER = PairExplainer(world(), sasrec())
PAIRS = [(User(history, f"u{at}"), 11 * at + 20) for at, history in enumerate(histories(3))]


class Mine:
    """Writes what it is told to."""

    def __init__(self, write: Callable[[Sequence[Evidence]], Any], name: Any = "mine") -> None:
        self._write, self.name = write, name

    def write(self, users: Sequence[str], evidence: Sequence[Evidence], style: Style) -> Any:
        return self._write(evidence)


def explained(text: Callable[[Evidence], str], **how: Any) -> list[Explanation]:
    writer = Mine(lambda evidence: [Written(text(one), (), "mine", **how) for one in evidence])
    return EXPLAINER.explain(PAIRS, writer=writer)


def opposite(one: Evidence) -> str:
    return "No, it is not recommended." if one.recommended else "Yes, it is recommended."


@pytest.mark.parametrize("text", ["", "Yes, it has won prizes.", "Critics love it."])
@pytest.mark.parametrize("how", [{}, {"abstained": "I like to"}], ids=("plain", "abstained"))
def test_what_is_false_is_never_shown_whatever_its_writer_says_of_it(text: str, how: dict[str, str]) -> None:
    for one in explained(lambda known: text or opposite(known), **how):
        assert one.writer == REALISED and "the text of mine is not shown" in one.note


def test_what_is_true_is_shown_with_its_claims() -> None:
    def true(one: Evidence) -> str:
        verdict = "Yes, the recommender suggests" if one.recommended else "No, the recommender does not suggest"
        counts = next((place for place, weight in enumerate(one.weights) if weight <= -NEGLIGIBLE), None)
        reason = "" if counts is None else f" “{world().titles[one.history[counts]]}” counts against it."
        return f"{verdict} it, at rank {one.rank} of {one.n_ranked}.{reason} Buy now, it is cheap."

    shown = [one for one in explained(true) if one.writer == "mine"]
    assert shown
    for one in shown:
        assert "Buy now" not in one.text and "left out" in one.note
        assert all(claim.status == "supported" for claim in one.claims if claim.kind in CHECKABLE)


@pytest.mark.parametrize("given", [None, "Yes.", [], [None] * 3, ["Yes."] * 3, [Written(None, (), "mine")] * 3])  # type: ignore[arg-type]
def test_what_are_no_texts_is_refused(given: Any) -> None:
    with pytest.raises(SettingsError, match="for 3 pairs"):
        EXPLAINER.explain(PAIRS, writer=Mine(lambda evidence: given))


@pytest.mark.parametrize("writer", [5, True, object(), Mine, Mine(list, name=None)])
def test_what_is_no_writer_is_refused(writer: Any) -> None:
    with pytest.raises(SettingsError, match="This is no writer"):
        EXPLAINER.explain(PAIRS, writer=writer)
