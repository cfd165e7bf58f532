from __future__ import annotations

import math

from tests.tiny import histories, sasrec, world

from recexplainer.explanations.explainer import choose_pairs
from recexplainer.recommenders.base import User


def test_chosen_pairs_are_in_turn_liked_and_not() -> None:
    f = sasrec()
    users = [User(history, str(number)) for number, history in enumerate(histories(30, (1, 3, 5, 6)))]
    chosen = choose_pairs(f, users, 8, seed=1)
    assert len({user.id for user, _ in chosen}) == 8
    for position, (user, item) in enumerate(chosen):
        assert len(user.history) >= 3
        scores = f.scores([user])[0]
        unseen = [other for other in range(world().n_items) if other not in user.history]
        rank = 1 + sum(scores[other] > scores[item] for other in unseen)
        assert item in unseen
        assert rank <= 5 if position % 2 == 0 else rank > math.floor(len(unseen) / 2)
    assert choose_pairs(f, users, 8, seed=1) == chosen != choose_pairs(f, users, 8, seed=2)


def test_short_histories_are_chosen_where_there_are_no_others() -> None:
    users = [User((3,), "a"), User((4, 5), "b")]
    assert {user.id for user, _ in choose_pairs(sasrec(), users, 5, seed=0)} == {"a", "b"}
