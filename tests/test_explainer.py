"""The public class: fit, explain, check, evaluate, save and read, on a tiny world."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.tiny import MIXTURE, SETTINGS, sasrec, world
from transformers import TrainerCallback

import recexplainer
from recexplainer import Explainer, User, VectorRecommender, check
from recexplainer.errors import RecommenderWarning, SettingsError

pytestmark = pytest.mark.slow


class CountSteps(TrainerCallback):
    """Counts optimizer steps."""

    steps = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.steps += 1


COUNT = CountSteps()


@cache
def fitted() -> Explainer:
    return Explainer.fit(world(), sasrec(), mixture=MIXTURE, settings=SETTINGS, callbacks=[COUNT])


def pairs() -> list[tuple[str, str]]:
    return [(world().user_ids[0], world().item_ids[5]), (world().user_ids[1], world().item_ids[9])]


def test_the_form_is_the_best_that_the_recommender_allows_and_callbacks_follow() -> None:
    assert fitted().surrogate.form == "hybrid"
    assert COUNT.steps > 0


def test_explains_by_ids_and_by_histories() -> None:
    explanations = fitted().explain(pairs(), batch_size=1)
    assert [(one.user, one.item) for one in explanations] == [(pairs()[0][0], 5), (pairs()[1][0], 9)]
    assert {one.variant for one in explanations} == {"grounded"}
    (own,) = fitted().explain([(User((1, 2, 3)), 7)], grounded=False)
    assert own.history == (1, 2, 3)
    assert own.variant != "grounded"


def test_saved_and_read_it_explains_the_same(tmp_path: Path) -> None:
    fitted().save_pretrained(tmp_path / "surrogate")
    again = Explainer.from_pretrained(tmp_path / "surrogate", world(), sasrec())
    assert [one.text for one in again.explain(pairs())] == [one.text for one in fitted().explain(pairs())]


def test_the_claims_of_anybodys_text_are_checked_with_and_without_a_surrogate() -> None:
    (user, item), *_ = pairs()
    history = world().history(world().user_index(user)).tolist()
    text = f"Yes, because of “{world().titles[next(one for one in history if one != 5)]}”."
    (checked,) = fitted().check((user, item, text))
    assert {"verdict", "history"} <= {claim.kind for claim in checked.claims}
    assert checked.claims == check(world(), sasrec(), text, user, item)


def test_evaluates_into_a_frame() -> None:
    frame = fitted().evaluate(n_cases=4).to_frame()
    assert frame.columns == ["method", "variant", "task", "metric", "rater", "value", "low", "high", "cases"]
    assert {"retrieval", "explanation"} <= set(frame["task"])
    assert {"random", "popularity", "hybrid"} <= set(frame["method"])
    assert {"grounded"} <= set(frame.filter(pl.col("metric") == "verdict_fidelity")["variant"])


def test_an_unknown_evaluation_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingsError, match=r"faithfulnes'(?s:.)*alignment, baselines, judge, faithfulness"):
        fitted().evaluate(["faithfulnes"])


def test_every_public_name_is_there() -> None:
    assert all(getattr(recexplainer, name) is not None for name in recexplainer.__all__)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = recexplainer.nothing_of_the_kind


def test_a_recommender_in_another_order_is_warned_of_once() -> None:
    order = np.random.default_rng(0).permutation(world().n_items)
    mixed_up = VectorRecommender.from_arrays(world(), sasrec().item_vectors()[order], fold_in="mean")
    surrogate = fitted().surrogate
    with pytest.warns(RecommenderWarning, match="in the same order") as caught:
        for _ in range(2):
            Explainer(world(), mixed_up, surrogate)
    assert len(caught) == 1
