from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.fakes import SameForAll

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.evidence.evidence import CLOSE, MOST_SHOWN, Evidence, gather_evidence, render_evidence
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.stability import Effect

USERS = [User((0, 1, 5)), User((3, 9, 2, 7, 8)), User((4,))]
ITEMS = [13, 6, 17]


def test_evidence_against_brute_force(dataset: Dataset, recommender: Recommender) -> None:
    for user, item, found in zip(USERS, ITEMS, gather_evidence(recommender, dataset, USERS, ITEMS), strict=True):
        history = user.history[-4:]
        scores = recommender.scores([user])[0]
        unseen = [score for other, score in enumerate(scores) if other not in history]
        assert found.history == history
        assert found.score == pytest.approx(scores[item])
        assert found.rank == 1 + sum(score > scores[item] for score in unseen)
        assert found.n_ranked == len(unseen)
        assert found.recommended == (found.rank <= len(unseen) // 5)
        assert found.score_std == pytest.approx(np.std(unseen), rel=1e-5)
        if len(history) > 1:
            for place, attribution in enumerate(found.attributions):
                without = recommender.scores([User(history[:place] + history[place + 1 :])])[0, item]
                assert attribution == pytest.approx(scores[item] - without, abs=1e-5)


def test_neighbours_need_vectors(dataset: Dataset, recommender: Recommender) -> None:
    with_vectors = gather_evidence(recommender, dataset, USERS, ITEMS)
    assert all(CLOSE in phrases for found in with_vectors for phrases in found.shared)  # 19 others, 20 neighbours
    recommender.has_vectors = False
    without = gather_evidence(recommender, dataset, USERS, ITEMS)
    assert not any(CLOSE in phrases for found in without for phrases in found.shared)
    assert without[0].shared == (
        ("genre puzzle",),
        ("brand Orrery", "genre racing", "genre puzzle"),
        without[0].shared[2],
    )


def test_evidence_of_nothing_is_refused(dataset: Dataset, recommender: Recommender) -> None:
    with pytest.raises(RecommenderError, match="empty"):
        gather_evidence(recommender, dataset, [User(())], [3])


def test_evidence_needs_changed_histories(dataset: Dataset, recommender: Recommender) -> None:
    recommender.answers_changed_history = False
    with pytest.raises(RecommenderError, match="changed"):
        gather_evidence(recommender, dataset, USERS, ITEMS)


def test_rendering_by_hand() -> None:
    evidence = Evidence(
        (0, 1, 2, 3), 4, True, 5.0, 3, 96, (0.4, -1.0, 0.04, 2.6), (("brand X", CLOSE), (), (), ()), 2.0
    )
    assert render_evidence(evidence, ["A", "B", "C", "D", "E"]) == (
        "rank 3 of 96, recommended, among the first ten. For: “D” +1.3; “A” +0.2 (brand X, a close neighbour). "
        "Against: “B” -0.5. No effect: “C”."
    )
    effects = tuple(Effect(one, replacement=one, shapley=size, agreement=1.0) for one, size in ((0.4, 0.9), (2.6, 0.5)))
    unsure = Evidence((0, 3), 4, True, 5.0, 3, 96, (0.4, 2.6), ((), ()), 2.0, effects=effects)
    assert render_evidence(unsure, ["A", "B", "C", "D", "E"]).endswith("For, in no order: “D” +1.3; “A” +0.2.")


def test_in_full_ranks_without_items_are_told_and_not_what_depends() -> None:
    shared = (("brand X",), (), ("genre Y",), ())
    evidence = Evidence((0, 1, 2, 3), 4, True, 5.0, 3, 96, (0.4, -1.0, 0.01, 2.6), shared, 1.0)
    evidence = replace(evidence, ablated_ranks=(5, 1, 3, 90))
    assert render_evidence(evidence, ["A", "B", "C", "D", "E"], full=True) == (
        "rank 3 of 96, recommended, among the first ten. For: “D” +2.6 (without it rank 90); "
        "“A” +0.4 (brand X, without it rank 5). Against: “B” -1.0 (without it rank 1). No effect: “C” (genre Y)."
    )
    unstable = tuple(Effect(one, replacement=-one) for one in evidence.attributions)
    assert render_evidence(replace(evidence, effects=unstable), ["A", "B", "C", "D", "E"], full=True) == (
        "rank 3 of 96, recommended, among the first ten. No effect: “C” (genre Y)."
    )


@pytest.mark.parametrize(
    ("recommended", "rank", "words"),
    [
        (True, 11, "rank 11 of 100, recommended. "),
        (False, 25, "rank 25 of 100, not recommended, but near. "),
        (False, 50, "rank 50 of 100, not recommended, in the upper half. "),
        (False, 51, "rank 51 of 100, not recommended, in the lower half. "),
    ],
)
def test_how_far_up_the_list_an_item_stands_is_put_in_words(recommended: bool, rank: int, words: str) -> None:
    evidence = Evidence((0,), 1, recommended, 1.0, rank, 100, (0.5,), ((),))
    assert render_evidence(evidence, ["A", "B"]).startswith(words)


def test_what_most_users_would_be_offered_is_said() -> None:
    evidence = Evidence((0,), 1, True, 1.0, 30, 200, (0.5,), ((),), recommended_share=0.5)
    text = render_evidence(evidence, ["A", "B"])
    assert text.startswith("rank 30 of 200, recommended. Most users would be offered it. For")
    assert "Most" not in render_evidence(replace(evidence, recommended_share=0.49), ["A", "B"])


def test_of_a_long_history_the_strongest_are_put_in_words() -> None:
    attributions = tuple(float(place) for place in range(40))
    evidence = Evidence(tuple(range(40)), 40, True, 1.0, 1, 100, attributions, ((),) * 40)
    text = render_evidence(evidence, [f"T{item}" for item in range(41)])
    assert re.findall("“(.*?)”", text) == [f"T{item}" for item in range(39, 39 - MOST_SHOWN, -1)]


def test_each_history_item_is_rendered_once(dataset: Dataset, recommender: Recommender) -> None:
    for found in gather_evidence(recommender, dataset, USERS, ITEMS):
        cited = re.findall("“(.*?)”", render_evidence(found, dataset.titles))
        assert sorted(cited) == sorted(dataset.titles[item] for item in found.history)


def test_of_an_item_that_is_never_recommended_there_is_no_evidence(dataset: Dataset) -> None:
    scores = np.arange(dataset.n_items, dtype=np.float32)
    scores[[3, 13]] = -np.inf
    recommender = SameForAll(scores)
    (found,) = gather_evidence(recommender, dataset, USERS[:1], [6])
    assert found.n_ranked == dataset.n_items - 3 - 2
    assert np.isfinite([found.score, found.score_std, *found.attributions]).all()
    with pytest.raises(RecommenderError, match=r"never recommends .* score is -inf"):
        gather_evidence(recommender, dataset, USERS[:1], ITEMS[:1])
