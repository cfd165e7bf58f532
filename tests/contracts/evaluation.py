"""What every evaluation of explanations must do. Inherit, and supply the fixture `evaluate`.

The explanations are of two templates for users of the tests' world.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from tests.tiny import histories, sasrec, world

from recexplainer.evaluation import Evaluation
from recexplainer.evaluation.rows import Row, read_rows, to_frame, write_rows
from recexplainer.explanations.record import Explanation, Method
from recexplainer.explanations.templates import template_explanations
from recexplainer.recommenders.base import User

Explanations = dict[Method, list[Explanation]]


@cache
def of_templates() -> Explanations:
    users = [User(history, f"u{number}") for number, history in enumerate(histories(12))]
    pairs = [(user, next(item for item in range(60) if item not in user.history)) for user in users]
    made = template_explanations(world(), sasrec(), pairs)
    return {each[0].source: each for each in made.values()}


class EvaluationContract:
    """Suite for a function from explanations, dataset, recommender and seed to rows."""

    @pytest.fixture
    def evaluate(self) -> Evaluation:
        raise NotImplementedError("supply the evaluation under test")

    @pytest.fixture
    def explanations(self) -> Explanations:
        return of_templates()

    @pytest.fixture
    def rows(self, evaluate: Evaluation, explanations: Explanations) -> list[Row]:
        return evaluate(explanations, world(), sasrec(), 1)

    def test_rows_are_typed_and_come_back_as_written(self, rows: list[Row], tmp_path: Path) -> None:
        assert rows
        write_rows(tmp_path / "rows.json", rows)
        assert read_rows(tmp_path / "rows.json") == rows
        assert len(to_frame(rows)) == len(rows)

    def test_no_row_is_there_twice(self, rows: list[Row]) -> None:
        names = [(one.method, one.variant, one.task, one.metric, one.rater) for one in rows]
        assert len(set(names)) == len(names)

    def test_names_hold_no_other_field(self, rows: list[Row], explanations: Explanations) -> None:
        methods = {(method.name, method.variant) for method in explanations}
        for one in rows:
            assert one.task and one.metric and one.rater != ""
            assert (one.method, one.variant) in methods or one.method not in {name for name, _ in methods}
            assert not {"+", "/", " "} & set(one.metric)

    def test_values_are_within_their_intervals(self, rows: list[Row]) -> None:
        for one in rows:
            if one.value is None:
                assert one.low is one.high is None
            elif one.low is not None and one.high is not None:
                assert one.low - 1e-9 <= one.value <= one.high + 1e-9

    def test_the_same_seed_gives_the_same_rows(
        self, evaluate: Evaluation, rows: list[Row], explanations: Explanations
    ) -> None:
        assert evaluate(explanations, world(), sasrec(), 1) == rows

    def test_without_explanations_nothing_has_a_value(self, evaluate: Evaluation) -> None:
        assert all(one.value is None for one in evaluate({}, world(), sasrec(), 1))
