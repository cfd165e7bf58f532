"""Evaluations of explanations, those of this package and one that another package registers."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from tests.contracts.evaluation import EvaluationContract, Explanations
from tests.tiny import sasrec, world

from recexplainer.data.dataset import Dataset
from recexplainer.evaluation import Evaluation
from recexplainer.evaluation.faithfulness import evaluate_faithfulness
from recexplainer.evaluation.judge import RUBRIC, judge_with_rubric, judgement_rows
from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.base import Recommender
from recexplainer.registry import load_registered, registered

MODULE = """
from recexplainer.evaluation.rows import row

def length(explanations, dataset, recommender, seed):
    return [row(method, "length", "words", [len(one.text.split()) for one in each]) for method, each in
            explanations.items()]
"""


class TestFaithfulness(EvaluationContract):
    @pytest.fixture
    def evaluate(self) -> Evaluation:
        def faithfulness(
            explanations: Mapping[Method, Sequence[Explanation]], dataset: Dataset, recommender: Recommender, seed: int
        ) -> list[Row]:
            return evaluate_faithfulness(explanations, recommender, seed)

        return faithfulness


class TestRubric(EvaluationContract):
    @pytest.fixture
    def evaluate(self) -> Evaluation:
        def rubric(
            explanations: Mapping[Method, Sequence[Explanation]], dataset: Dataset, recommender: Recommender, seed: int
        ) -> list[Row]:
            return judgement_rows(judge_with_rubric(explanations, dataset), RUBRIC)

        return rubric


class TestRegistered(EvaluationContract):
    @pytest.fixture
    def evaluate(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Evaluation]:
        about = tmp_path / "mine-1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
        (about / "entry_points.txt").write_text("[recexplainer.evaluations]\nlength = their_evaluation:length\n")
        (tmp_path / "their_evaluation.py").write_text(MODULE)
        monkeypatch.syspath_prepend(str(tmp_path))
        registered.cache_clear()
        yield load_registered("evaluations", "length")
        registered.cache_clear()
        sys.modules.pop("their_evaluation", None)

    def test_it_is_given_every_explanation(self, evaluate: Evaluation, explanations: Explanations) -> None:
        rows = evaluate(explanations, world(), sasrec(), 0)
        assert {Method(one.method, one.variant): one.cases for one in rows} == dict.fromkeys(explanations, 12)
        assert {one.task for one in rows} == {"length"}
