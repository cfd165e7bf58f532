from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from tests.fakes import AdditiveRecommender, Recording
from tests.tiny import histories, sasrec

from recexplainer.errors import RecommenderError, SettingsError
from recexplainer.recommenders.ablation import ablated_ranks, ablated_scores, history_rows, history_scores
from recexplainer.recommenders.attribution import interactions, occlusion_attributions, pair_attributions
from recexplainer.recommenders.base import Floats, User
from recexplainer.recommenders.function import FunctionRecommender
from recexplainer.recommenders.shapley import shapley_values


def test_an_additive_recommender_by_hand() -> None:
    recommender = AdditiveRecommender()
    attributions = occlusion_attributions(recommender, [User((0, 3, 4)), User((5, 1))], [2, 0])
    np.testing.assert_allclose(attributions[0], recommender.weights[[0, 3, 4], 2], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(attributions[1], recommender.weights[[5, 1], 0], rtol=1e-5, atol=1e-6)
    assert len(recommender.asked) == 4 + 3


def test_a_history_of_one_item_is_held_against_the_mean_of_the_catalogue() -> None:
    recommender = AdditiveRecommender()
    attributions = occlusion_attributions(recommender, [User((3,))], [1])
    np.testing.assert_allclose(attributions[0], [recommender.weights[3, 1] - recommender.weights[3].mean()], rtol=1e-5)


def test_brute_force_on_a_sasrec() -> None:
    recommender = sasrec()
    users = [User(history) for history in histories(12)]
    items = [(7 * case) % recommender.n_items for case in range(len(users))]
    attributions = occlusion_attributions(recommender, users, items)
    for user, item, attribution in zip(users, items, attributions, strict=True):
        full = recommender.scores([user])[0, item]
        for place in range(len(user.history)):
            remaining = user.history[:place] + user.history[place + 1 :]
            assert attribution[place] == pytest.approx(full - recommender.scores([User(remaining)])[0, item], abs=1e-4)


def test_batches_make_no_difference() -> None:
    recommender = AdditiveRecommender()
    users = [User(tuple(history)) for history in product(range(6), repeat=4)]
    items = [case % 6 for case in range(len(users))]
    together = occlusion_attributions(recommender, users, items)
    assert len(recommender.batches) > 1
    for user, item, one in zip(users[::100], items[::100], together[::100], strict=True):
        np.testing.assert_allclose(one, occlusion_attributions(recommender, [user], [item])[0], rtol=1e-5, atol=1e-6)


def test_nobody_asked_about_is_an_empty_answer() -> None:
    assert occlusion_attributions(AdditiveRecommender(), [], []) == []


def test_a_recommender_that_knows_ids_alone_cannot_say() -> None:
    with pytest.raises(RecommenderError, match="cannot answer for a changed history"):
        occlusion_attributions(AdditiveRecommender(answers_changed_history=False), [User((0, 1))], [2])


def bare(histories: Sequence[Sequence[str]]) -> Any:
    """A plain function: what an item does depends on its neighbour in the order and on how many there are."""
    steps = [[(3 * int(a) + int(b)) % 7 for a, b in zip(["5", *one], one, strict=False)] for one in histories]
    return np.array([[sum(step) / len(step) + (item * step[-1]) % 5 for item in range(12)] for step in steps])


def function() -> FunctionRecommender:
    return FunctionRecommender(bare, [str(item) for item in range(12)])


def worth(recommender: Any, history: Sequence[int], item: int, whole: Sequence[int]) -> float:
    if not history:
        return float(recommender.scores([User(tuple(whole))])[0].mean())
    return float(recommender.scores([User(tuple(history))])[0, item])


def by_permutations(recommender: Any, history: tuple[int, ...], item: int) -> list[float]:
    """Shapley's definition: what each place adds when the places come one by one, over all orders."""
    known: dict[frozenset[int], float] = {}
    total, orders = [0.0] * len(history), list(permutations(range(len(history))))
    for order in orders:
        for at in range(len(order)):
            for some in (frozenset(order[:at]), frozenset(order[: at + 1])):
                if some not in known:
                    known[some] = worth(recommender, [history[place] for place in sorted(some)], item, history)
            total[order[at]] += known[frozenset(order[: at + 1])] - known[frozenset(order[:at])]
    return [one / len(orders) for one in total]


def test_ablated_scores_by_hand() -> None:
    recommender = AdditiveRecommender()
    users, ablated = [User((0, 3, 4), "a"), User((0, 3, 4), "a"), User((5, 1), "b")], [{3}, [0, 4, 2], ()]
    scores = ablated_scores(recommender, users, [2, 2, 0], ablated)
    expected = [recommender.weights[[0, 4], 2].sum(), recommender.weights[3, 2], recommender.weights[[5, 1], 0].sum()]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_the_same_question_is_put_once_and_users_are_kept_apart() -> None:
    additive = AdditiveRecommender()
    recommender = Recording(additive)
    users = [User((0, 3), "a"), User((0, 3), "a"), User((3, 0, 0), "a"), User((0, 3), "b")]
    scores = ablated_scores(recommender, users, [1, 2, 4, 1], [{0}] * 4)
    assert recommender.asked == [User((3,), "a"), User((3,), "b")]
    np.testing.assert_allclose(scores, additive.weights[3, [1, 2, 4, 1]], rtol=1e-5)


def test_where_nothing_is_left_the_item_counts_as_an_average_one() -> None:
    recommender = AdditiveRecommender()
    row, user = recommender.scores([User((3, 5))])[0], User((3, 5))
    np.testing.assert_allclose(ablated_scores(recommender, [user], [1], [{3, 5}]), [row.mean()], rtol=1e-5)
    above = sum(bool(row[other] > row.mean()) for other in (0, 2, 4))
    assert ablated_ranks(recommender, [user], [1], [{3, 5}]).tolist() == [1 + above]


def test_ranks_are_among_what_the_whole_history_lacks() -> None:
    recommender = sasrec()
    users = [User(history) for history in histories(10) for _ in range(2)]
    items = [(11 * case + 3) % recommender.n_items for case in range(len(users))]
    ablated = [
        {user.history[case % 2]} | ({user.history[-1]} if case % 3 else set()) for case, user in enumerate(users)
    ]
    ranks = ablated_ranks(recommender, users, items, ablated)
    for user, item, ablated_items, rank in zip(users, items, ablated, ranks.tolist(), strict=True):
        left = [one for one in user.history if one not in ablated_items]
        row = recommender.scores([User(tuple(left or user.history))])[0]
        own = row[item] if left else row.mean()
        lacking = set(range(recommender.n_items)) - set(user.history) - {item}
        assert rank == 1 + sum(bool(row[other] > own) for other in lacking)
    assert len(set(ranks.tolist())) > 3


def test_ties_are_to_the_favour_of_the_item() -> None:
    equal = FunctionRecommender(lambda asked: np.zeros((len(asked), 5)), list("abcde"))  # type: ignore[misc]
    assert ablated_ranks(equal, [User((0, 1))], [3], [{0}]).tolist() == [1]


@pytest.mark.parametrize("recommender", [sasrec(), function()], ids=["sasrec", "function"])
def test_pairs_are_left_out_together(recommender: Any) -> None:
    history, item = (4, 1, 7, 2), 9
    (attributions,) = pair_attributions(recommender, [User(history)], [item])
    whole = worth(recommender, history, item, history)
    for one in range(4):
        for other in range(4):
            left = [history[place] for place in range(4) if place not in (one, other)]
            assert attributions[one, other] == pytest.approx(whole - worth(recommender, left, item, history), abs=1e-4)
    np.testing.assert_allclose(
        attributions.diagonal(), occlusion_attributions(recommender, [User(history)], [item])[0], atol=1e-6
    )
    (two,) = pair_attributions(recommender, [User((4, 1))], [item])
    assert two[0, 1] == pytest.approx(
        worth(recommender, (4, 1), item, ()) - worth(recommender, (), item, (4, 1)), abs=1e-4
    )
    assert pair_attributions(recommender, [], []) == []


@pytest.mark.parametrize("recommender", [sasrec(), function()], ids=["sasrec", "function"])
@pytest.mark.parametrize("history", [(4,), (4, 1), (4, 1, 7, 4), (4, 1, 7, 2, 10, 3)])
def test_exact_shapley_values_are_those_of_all_permutations(recommender: Any, history: tuple[int, ...]) -> None:
    (found,) = shapley_values(recommender, [User(history)], [9])
    np.testing.assert_allclose(found.values, by_permutations(recommender, history, 9), atol=1e-4)
    assert found.exact
    assert not found.errors.any()
    assert found.baseline == pytest.approx(worth(recommender, (), 9, history), abs=1e-5)
    assert found.values.sum() == pytest.approx(worth(recommender, history, 9, ()) - found.baseline, abs=1e-4)


class Game(AdditiveRecommender):
    """The score of item 1 is a game of the items kept: what each, two and three together bring; of nobody 0.

    The rest of the catalogue is scored so that the mean is always 0.
    """

    def __init__(self, pairs: float = 0.0, threes: float = 0.0) -> None:
        super().__init__(40, 20)
        random = np.random.default_rng(1)
        self.own = random.normal(size=40)
        self.pairs, self.threes = pairs * random.normal(size=(40, 40)), threes * random.normal(size=(40, 40, 40))

    def score(self, users: Sequence[User]) -> Floats:
        rows = np.zeros((len(users), 40), np.float32)
        for row, user in zip(rows, users, strict=True):
            kept = np.array(user.history)
            row[1] = self.own[kept].sum() + self.pairs[np.ix_(kept, kept)].sum()
            row[1] += self.threes[np.ix_(kept, kept, kept)].sum()
            row[0] = -row[1]
        return rows


LONG = User(tuple(range(2, 18)))


@pytest.mark.parametrize("length", [5, 16])
def test_a_linear_game_gives_the_weights(length: int) -> None:
    recommender = Game()
    (found,) = shapley_values(recommender, [User(LONG.history[:length])], [1])
    assert found.exact == (length == 5)
    np.testing.assert_allclose(found.values, recommender.own[2 : 2 + length], atol=1e-5)
    np.testing.assert_allclose(found.errors, 0, atol=1e-5)


@pytest.mark.parametrize("length", [6, 16])
def test_a_game_of_pairs_gives_each_half(length: int) -> None:
    recommender, kept = Game(pairs=1.0), slice(2, 2 + length)
    (found,) = shapley_values(recommender, [User(LONG.history[:length])], [1])
    both = (recommender.pairs + recommender.pairs.T)[kept, kept]
    expected = recommender.own[kept] + both.sum(1) / 2
    np.testing.assert_allclose(found.values, expected, atol=1e-4)  # complements take out what pairs add, sampled too


@pytest.mark.parametrize("length", [6, 16])
def test_symmetric_and_dummy_players(length: int) -> None:
    recommender = Game(threes=0.1)
    recommender.own[[2, 3]] = 0.5
    for place in range(3):
        cube = np.moveaxis(recommender.threes, place, 0)
        cube[2] = cube[3] = cube[4] = 0
    recommender.own[4] = 0
    recommender.threes[2, 3, 5] = 3.0
    (found,) = shapley_values(recommender, [User(LONG.history[:length])], [1], samples=512)
    margin = 3 * found.errors + 1e-4
    assert abs(found.values[0] - found.values[1]) <= margin[0] + margin[1]
    assert abs(found.values[0] - 1.5) <= margin[0]
    assert abs(found.values[2]) <= margin[2]


def test_sampled_values_keep_the_sum_and_their_stated_error() -> None:
    games = [(Game(pairs=0.3, threes=0.1), User(LONG.history[:10]), 1)]
    games += [(function(), User((4, 1, 7, 2, 10, 3, 0, 8, 5, 11)), item) for item in (6, 9)]  # type: ignore[list-item]
    within, errors, misses = list[bool](), list[float](), list[float]()
    for recommender, user, item in games:
        (exact,) = shapley_values(recommender, [user], [item])
        for seed in range(15):
            (found,) = shapley_values(recommender, [user], [item], exact_up_to=4, samples=128, seed=seed)
            assert not found.exact
            assert found.values.sum() == pytest.approx(exact.values.sum(), abs=1e-4)
            misses += np.abs(found.values - exact.values).tolist()
            errors += found.errors.tolist()
            within += (np.abs(found.values - exact.values) <= 3 * found.errors).tolist()
    assert min(errors) > 0
    assert np.mean(within) >= 0.95
    root = [float(np.sqrt(np.mean(np.square(some)))) for some in (misses, errors)]
    assert 0.7 < root[0] / root[1] < 1.4  # an error that is stated too large would be within 3 of itself, too


def test_how_many_histories_are_scored_for_a_history_of_sixteen() -> None:
    recommender = Recording(Game(threes=0.1))
    first, second, other = shapley_values(recommender, [LONG, LONG, LONG], [1, 1, 0])
    assert len(recommender.batches) == 1
    assert len(recommender.asked) == len(set(recommender.asked)) <= 256 + 2 * 16 + 1
    assert {len(user.history) for user in recommender.asked} == set(range(1, 17))
    np.testing.assert_array_equal(first.values, second.values)
    assert (first.values != other.values).any()
    recommender.batches.clear()
    shapley_values(recommender, [User(LONG.history[:8])], [1])
    assert len(recommender.asked) == 2**8 - 1


def test_a_history_draws_the_same_subsets_in_any_company_and_others_with_another_seed() -> None:
    recommender = Game(threes=0.1)
    (alone,) = shapley_values(recommender, [LONG], [1])
    users = [User(tuple(range(3 + case, 17 + case)), "u") for case in range(18)]
    *_, among = shapley_values(recommender, [*users, LONG], [1] * 19)
    (again,) = shapley_values(recommender, [LONG], [1], seed=1)
    np.testing.assert_array_equal(alone.values, among.values)
    assert (alone.values != again.values).any()


def test_padding_keeps_positions_and_is_not_looked_at() -> None:
    recommender, history = sasrec(), histories(5)[4]
    assert len(history) == 6
    ablated, last = {history[1], history[2]}, history[-1]
    (kept,) = ablated_scores(recommender, [User(history)], [9], [ablated], ablation="padding")
    (closed,) = ablated_scores(recommender, [User(history)], [9], [ablated])
    assert kept != pytest.approx(closed, abs=1e-5)
    (end,) = ablated_scores(recommender, [User(history)], [9], [{last}], ablation="padding")
    assert end == pytest.approx(
        worth(recommender, history[:-1], 9, ()), abs=1e-5
    )  # after the last item there is no gap
    assert kept == pytest.approx(moved(recommender, history, ablated, 9), abs=1e-4)
    (values,) = shapley_values(recommender, [User(history)], [9], ablation="padding")
    whole = worth(recommender, history, 9, ())
    assert values.values.sum() == pytest.approx(whole - values.baseline, abs=1e-4)
    (attributions,) = occlusion_attributions(recommender, [User(history)], [9], ablation="padding")
    assert attributions[1] == pytest.approx(whole - moved(recommender, history, {history[1]}, 9), abs=1e-4)
    assert pair_attributions(recommender, [User(history)], [9], ablation="padding")[0][1, 2] == pytest.approx(
        whole - kept, abs=1e-5
    )


def moved(recommender: Any, history: Sequence[int], ablated: set[int], item: int) -> float:
    """The score by hand: the items that stay, with their old positions, and no padding anywhere."""
    import torch

    places = [place for place, one in enumerate(history) if one not in ablated]
    with torch.no_grad():
        states = recommender.items.weight[[history[place] for place in places]] + recommender.positions.weight[places]
        causal = torch.nn.Transformer.generate_square_subsequent_mask(len(places))
        return float(recommender.blocks(states[None], mask=causal)[0, -1] @ recommender.items.weight[item])


def test_padding_is_refused_where_there_is_none() -> None:
    with pytest.raises(RecommenderError, match="no padding"):
        ablated_scores(function(), [User((0, 1))], [2], [{0}], ablation="padding")


@pytest.mark.parametrize(
    ("users", "items", "ablated", "message"),
    [
        ([User(())], [0], [()], "has 0 items"),
        ([User((0,) * 11)], [0], [()], "has 11 items"),
        ([User((0,))], [6], [()], "Item 6"),
        ([User((0,))], [-1], [()], "Item -1"),
        ([User((0,))], [1, 2], [()], "1 users and 2 items"),
        ([User((0,))], [1], [], "1 users and 0 sets"),
    ],
)
def test_what_cannot_be_asked(users: Any, items: Any, ablated: Any, message: str) -> None:
    with pytest.raises(RecommenderError, match=message):
        ablated_scores(AdditiveRecommender(), users, items, ablated)
    if "sets" not in message:
        with pytest.raises(RecommenderError, match=message):
            shapley_values(AdditiveRecommender(), users, items)


def test_every_question_needs_a_recommender_that_answers_for_a_changed_history() -> None:
    recommender: Any = AdditiveRecommender(answers_changed_history=False)
    for ask in (pair_attributions, shapley_values):
        with pytest.raises(RecommenderError, match="cannot answer for a changed history"):
            ask(recommender, [User((0, 1))], [2])
    for ask_without in (ablated_scores, ablated_ranks):
        with pytest.raises(RecommenderError, match="cannot answer for a changed history"):
            ask_without(recommender, [User((0, 1))], [2], [{0}])


def test_settings_of_sampling_are_checked() -> None:
    with pytest.raises(SettingsError, match="samples"):
        shapley_values(AdditiveRecommender(), [User((0, 1))], [2], samples=31)
    with pytest.raises(SettingsError, match="subsets"):
        shapley_values(AdditiveRecommender(), [User((0, 1))], [2], exact_up_to=17)


def test_interactions_by_hand() -> None:
    attributions = np.array([[1.0, 4.0, 0.5], [4.0, 2.0, 2.0], [0.5, 2.0, -1.0]], np.float32)
    np.testing.assert_allclose(interactions(attributions), [[0, 1, 0.5], [1, 0, 1], [0.5, 1, 0]])
    np.testing.assert_allclose(interactions(attributions[:1, :1]), [[0]])


def test_an_additive_recommender_has_no_interactions() -> None:
    (attributions,) = pair_attributions(AdditiveRecommender(), [User((0, 3, 4, 5))], [2])
    np.testing.assert_allclose(interactions(attributions), np.zeros((4, 4)), atol=1e-5)


class _Choosy(AdditiveRecommender):
    """Never recommends what is in the history, nor item 5 without item 0 in it."""

    def score(self, users: Sequence[User]) -> Floats:
        scores = super().score(users)
        for row, user in zip(scores, users, strict=True):
            row[list(user.history)] = -np.inf
            if 0 not in user.history:
                row[5] = -np.inf
        return scores


def test_what_is_never_recommended_leaves_attributions_finite() -> None:
    """Without item 0 the item has the lowest score that another item has; with nothing left, the mean of the others."""
    recommender, user = _Choosy(), User((0, 1))
    weights = recommender.weights
    (found,) = occlusion_attributions(recommender, [user], [5])
    score = weights[[0, 1], 5].sum()
    assert found.tolist() == pytest.approx([score - weights[1, [0, 2, 3, 4]].min(), weights[1, 5]], rel=1e-5)
    (alone,) = occlusion_attributions(recommender, [User((0,))], [5])
    assert alone.tolist() == pytest.approx([weights[0, 5] - weights[0, 1:].mean()], rel=1e-5)
    (shapley,) = shapley_values(recommender, [user], [5])
    assert np.isfinite(shapley.values).all()
    assert shapley.values.sum() + shapley.baseline == pytest.approx(score, rel=1e-5)
    assert np.isfinite(pair_attributions(recommender, [user], [5])[0]).all()
    assert ablated_ranks(recommender, [user], [5], [{0}]).tolist() == [4], "behind all that is recommended"


def test_the_scores_of_histories_are_those_of_their_rows() -> None:
    users = [User((0, 3, 4), "a"), User((5, 1), "b"), User((0, 3, 4), "a"), User((2,), "c")]
    asked = [[(0, 3), (), (0, 3, 4)], [(1,), (5, 1)], [(0, 3)], []]
    recommender, items = sasrec(), [2, 0, 7, 1]
    scores = history_scores(recommender, users, items, asked)
    assert [len(own) for own in scores] == [3, 2, 1, 0]
    for case, number, _, score in history_rows(recommender, users, items, asked):
        assert scores[case][number] == score
    assert history_scores(recommender, [], [], []) == []
