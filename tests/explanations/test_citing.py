from __future__ import annotations

from dataclasses import replace
from statistics import median

import pytest
from tests.fakes import SameForAll
from tests.tiny import sasrec, world

from recexplainer.data.titles import TitleFinder
from recexplainer.evidence.evidence import Evidence, gather_evidence
from recexplainer.explanations.explainer import cite
from recexplainer.explanations.record import Citation
from recexplainer.recommenders.ablation import ablated_ranks
from recexplainer.recommenders.base import User

HISTORY = (4, 17, 30, 8, 51)
ITEM = 22


@pytest.fixture
def evidence() -> Evidence:
    return gather_evidence(sasrec(), world(), [User(HISTORY)], [ITEM])[0]


def cited(text: str, evidence: Evidence) -> tuple[Citation, ...]:
    return cite(text, TitleFinder(world().titles).find(text), evidence)


def title(item: int) -> str:
    return world().titles[item]


def test_offsets_are_those_of_the_titles_in_the_order_of_the_text(evidence: Evidence) -> None:
    text = f"You liked “{title(30)}”, then “{title(4)}”; unlike “{title(40)}”."
    citations = cited(text, evidence)
    assert [one.item for one in citations] == [30, 4, 40]
    for one in citations:
        assert text[one.start : one.end] == one.title == title(one.item)
    assert [one.in_history for one in citations] == [True, True, False]


def test_effect_and_rank_without_by_brute_force(evidence: Evidence) -> None:
    f = sasrec()
    text = "; ".join(title(item) for item in HISTORY)
    full = f.scores([User(HISTORY)])[0]
    attributions = []
    for one in cited(text, evidence):
        scores = f.scores([User(tuple(item for item in HISTORY if item != one.item))])[0]
        unseen = [item for item in range(f.n_items) if item not in HISTORY]
        assert one.attribution == pytest.approx(full[ITEM] - scores[ITEM], abs=1e-4)
        assert one.ablated_rank == 1 + sum(scores[item] > scores[ITEM] for item in unseen)
        attributions.append((one.item, abs(full[ITEM] - scores[ITEM]), one.matters))
    assert [item for item, _, _ in attributions] == list(HISTORY)
    typical = median(size for _, size, _ in attributions)
    assert [matters for _, _, matters in attributions] == [size > typical + 1e-6 for _, size, _ in attributions]
    assert sum(bool(matters) for _, _, matters in attributions) == 2, "of five, two are above the median"


def test_the_item_asked_about_is_no_citation(evidence: Evidence) -> None:
    assert cited(f"{title(ITEM)} is not for you.", evidence) == ()


def test_a_title_outside_the_history_has_no_effect_on_f(evidence: Evidence) -> None:
    (one,) = cited(f"Like {title(40)}.", evidence)
    assert (one.in_history, one.attribution, one.ablated_rank, one.matters) == (False, None, None, None)


def test_a_title_named_twice_is_cited_twice(evidence: Evidence) -> None:
    first, second = cited(f"{title(8)}, yes, {title(8)}.", evidence)
    assert first.end < second.start
    assert (first.attribution, first.ablated_rank) == (second.attribution, second.ablated_rank)


def test_text_without_titles_cites_nothing(evidence: Evidence) -> None:
    assert cited("Because you like puzzles.", evidence) == ()
    assert cited("", evidence) == ()


def test_seen_items_never_push_the_item_down_the_ranks() -> None:
    """By hand: scores are 0 to 59, so 57 has 58 and 59 above it; 59 is in the history and leaves 58 alone."""
    ranks = ablated_ranks(SameForAll(range(60)), [User((1, 59))] * 2, [57] * 2, [{1}, {59}])
    assert ranks.tolist() == [2, 2], "what is left out of the history is not recommended again"
    evidence = Evidence((1, 59), 57, True, 57.0, 2, 58, (0.5, -0.1), ((), ()), ablated_ranks=(2, 3))
    (one,), (other,) = cited(title(1), evidence), cited(title(59), evidence)
    assert (one.ablated_rank, other.ablated_rank) == (2, 3)
    assert (one.matters, other.matters) == (True, False)


def test_a_history_of_one_item_cannot_be_shortened(evidence: Evidence) -> None:
    single = gather_evidence(sasrec(), world(), [User((4,))], [ITEM])[0]
    (one,) = cited(title(4), single)
    assert one.attribution == pytest.approx(single.attributions[0])
    assert one.ablated_rank is None


def test_of_an_f_that_cannot_answer_for_a_changed_history_nothing_is_known(evidence: Evidence) -> None:
    (one,) = cited(title(8), replace(evidence, attributions=(), ablated_ranks=()))
    assert (one.in_history, one.attribution, one.ablated_rank, one.matters) == (True, None, None, None)
