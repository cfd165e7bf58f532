from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.fakes import SameForAll, ScoredBy
from tests.tiny import histories, sasrec, world

from recexplainer.data.cleaning import ITEM_COLUMNS
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import NEGLIGIBLE, gather_evidence
from recexplainer.evidence.pair_attribution import attribute
from recexplainer.recommenders.attribution import pair_attributions
from recexplainer.recommenders.base import Floats, User
from recexplainer.recommenders.shapley import shapley_values


def either(answers_changed_history: bool = True) -> ScoredBy:
    """Item 5 scores 3 if item 1 or item 2 is in the history, half a point more for item 3; other items their index."""

    def scores(users: Sequence[User]) -> Floats:
        rows = np.tile(np.arange(8, dtype=np.float32), (len(users), 1))
        rows[:, 5] = [3.0 * bool({1, 2} & {*user.history}) + 0.5 * (3 in user.history) for user in users]
        return rows

    return ScoredBy(scores, 8, 5, answers_changed_history=answers_changed_history)


def in_a_row() -> SameForAll:
    """Near are the items beside each other, and each scores one more than the one before."""
    angles = np.arange(80) / 100
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    return SameForAll(range(80), max_history=5, vectors=vectors)


def catalogue(brands: Sequence[str], users: int = 6, titles: Sequence[str] | None = None) -> Dataset:
    rows = [
        {
            "item_id": str(at),
            "title": titles[at] if titles else f"Item {at}",
            "description": "",
            "brand": brand,
            "genres": ["puzzle"] if at < 3 else [],
            "platforms": [],
            "features": [],
        }
        for at, brand in enumerate(brands)
    ]
    rng = np.random.default_rng(0)
    sequence = np.concatenate([rng.permutation(len(brands))[:3] for _ in range(users)]).astype(np.int32)
    items = pl.DataFrame(rows, schema=ITEM_COLUMNS)
    return Dataset("little", items, tuple(map(str, range(users))), np.arange(0, 3 * users + 1, 3), sequence)


def asked(f: Any, history: tuple[int, ...], item: int = 5, **changes: Any) -> Any:
    (found,) = attribute(f, catalogue(["Ace"] * 8, **changes), [User(history)], [item])
    return found


def test_of_two_items_that_make_up_for_each_other_the_interaction_is_what_leaving_one_out_misses() -> None:
    found = asked(either(), (3, 1, 2))
    assert found.pair.places == (1, 2)
    assert (found.pair.both, found.pair.alone, found.pair.interaction) == (3.0, (0.0, 0.0), 3.0)
    assert found.pair.ablated_rank == 4  # its 0.5 is less than 4, 6 and 7
    unseen = np.array([0, 4, 3.5, 6, 7])
    assert found.score_std == pytest.approx(unseen.std())
    # where nothing is left the score is the mean of the catalogue, so item 3 adds something besides its half a point
    (expected,) = shapley_values(either(), [User((3, 1, 2))], [5])
    np.testing.assert_allclose(found.shapley.values, expected.values)
    assert found.shapley.exact


def test_no_pair_where_there_is_one_item_or_the_interaction_is_negligible() -> None:
    assert asked(either(), (1,)).pair is None
    assert asked(either(), (3, 0, 1, 4)).pair is None  # each does something, but by itself
    assert abs(asked(either(), (1, 3)).pair.interaction) >= NEGLIGIBLE  # without both nothing is left


def test_a_sasrec_by_its_parts() -> None:
    f, users, items = sasrec(), [User(history) for history in histories(6)], [7, 20, 7, 33, 41, 50]
    found = attribute(f, world(), users, items)
    for one, evidence in zip(found, gather_evidence(f, world(), users, items), strict=True):
        assert one.score_std == pytest.approx(evidence.score_std)
    for one, attributions in zip(found, pair_attributions(f, users, items), strict=True):
        if one.pair is not None:
            first, second = one.pair.places
            assert first < second
            assert one.pair.both == pytest.approx(attributions[first, second])
            assert one.pair.alone == pytest.approx((attributions[first, first], attributions[second, second]))
            strongest = max(
                abs(attributions[a, b] - attributions[a, a] - attributions[b, b])
                for b in range(len(attributions))
                for a in range(b)
            )
            assert abs(one.pair.interaction) == pytest.approx(strongest, abs=1e-5)
            assert strongest >= NEGLIGIBLE * one.score_std
    assert any(one.pair for one in found)
    assert any(one.attributes for one in found)
    for one, item in zip(found, items, strict=True):
        assert all(min(each.having, each.lacking) >= 3 for each in one.attributes)
        brand = world().items["brand"][item]
        for each in one.attributes:
            assert each.attribute.startswith(("of brand ", "of genre ", "for ", "with “"))
            assert not each.attribute.startswith("of brand ") or each.attribute == f"of brand {brand}"


def test_a_history_is_cut_to_what_the_recommender_looks_at() -> None:
    found = asked(either(), (4, 6, 3, 1, 2, 0, 7))
    assert len(found.shapley.values) == 5
    assert found.pair.places == (1, 2)


def test_a_recommender_that_knows_ids_alone_has_attributes_only() -> None:
    found = asked(either(answers_changed_history=False), (1, 2))
    assert found.shapley is None
    assert found.pair is None
    assert found.score_std > 1


def test_attributes_are_phrases_and_words_are_the_same_whatever_their_case() -> None:
    titles = [{38: "SONIC 38", 39: "Sonic 39", 41: "Sonic 41", 40: "SONIC", 42: "Rare"}.get(at, "") for at in range(80)]
    data = catalogue(["Ace" if 30 <= at <= 40 else "" for at in range(80)], titles=titles)
    (found,) = attribute(in_a_row(), data, [User((0, 1))], [40])
    brand, word = sorted(found.attributes, key=lambda one: one.attribute)
    near = {*range(15, 66)} - {40}
    for one, phrase, having in (
        (brand, "of brand Ace", {*range(30, 40)}),
        (word, "with “SONIC” in the title", {38, 39, 41}),
    ):
        assert (one.attribute, one.having, one.lacking) == (phrase, len(having), 50 - len(having))
        expected = (np.mean([*having]) - np.mean([*(near - having)])) / np.arange(2, 80).std()
        assert one.contrast == pytest.approx(expected, rel=1e-4)


def test_without_vectors_near_is_what_scores_alike_over_the_users() -> None:
    data = catalogue(["Ace", "Ace", "Ace", "Ace", "", "", "", ""])  # all others are among the 50 nearest
    (found,) = attribute(either(), data, [User((7,))], [0])
    (brand,) = found.attributes
    assert (brand.attribute, brand.having, brand.lacking) == ("of brand Ace", 3, 3)
    assert brand.contrast == pytest.approx((2 - (4 + 0 + 6) / 3) / np.array([0, 1, 2, 3, 4, 0, 6]).std())


def test_too_few_users_to_tell_what_is_near_leave_attributes_out() -> None:
    assert asked(either(), (1,), users=1).attributes == ()
    assert attribute(either(), catalogue(["Ace"] * 8), [], []) == []
