from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from tests.tiny import fresh

from recexplainer.reports.inputs import ReportInputs
from recexplainer.reports.model_card import ModelFacts, model_card

HYBRID = ModelFacts("someone/games", "hybrid", "Qwen/Qwen3-8B", "Qwen/Qwen3-8B", True, 64, 8_200_000_000)


def metadata(card: str) -> Any:
    """The metadata as the hub's own library reads them."""
    return ModelCard(card).data


def test_its_metadata_hold_every_row_of_the_form(full_inputs: ReportInputs) -> None:
    data = metadata(model_card(full_inputs, HYBRID))
    rows = [row for row in full_inputs.alignment_rows if row.method == "hybrid"]
    found = {(one.task_type, one.metric_type): one.metric_value for one in data.eval_results}
    assert found == {(row.task, row.metric): row.value for row in rows}
    assert {(one.dataset_name, one.dataset_type) for one in data.eval_results} == {
        ("Amazon Video Games", "amazon-video-games")
    }
    assert (data.model_name, data.base_model) == ("paper-games-hybrid", "Qwen/Qwen3-8B")
    assert data.library_name == "recexplainer"
    assert {"recexplainer", "hybrid"} <= set(data.tags)


def test_its_text_says_what_a_reader_needs(full_inputs: ReportInputs) -> None:
    text = ModelCard(model_card(full_inputs, HYBRID)).text
    assert "| Next item retrieval | hr@5 | 0.812 (0.801–0.823) | 0.003 (0.000–0.014) | 3,901 |" in text
    assert "| History reconstruction | hcr | 0.134 (0.123–0.145) | – | 3,901 |" in text
    assert "3,901 users, 1,864 items, 31,672 interactions" in text
    assert "vectors of width 64" in text
    assert "Qwen/Qwen3-8B, of which only LoRA's weights are here; 8,200,000,000 weights" in text
    assert 'Explainer.from_pretrained("someone/games", dataset, recommender)' in text
    assert "2,400 steps, 24 min 24 s; loss" in text
    assert "0.846" not in text, "rows of other forms are not its own"


def test_of_nano_there_is_no_base_model_and_no_lora(full_inputs: ReportInputs) -> None:
    facts = ModelFacts.of(fresh("behavior"), "nano", "here")
    assert facts.weights == sum(weight.numel() for weight in fresh("behavior").parameters())
    card = model_card(full_inputs, facts)
    assert metadata(card).base_model is None
    assert "LoRA" not in card
    assert "of width" not in card


def test_the_folder_of_a_backbone_is_not_in_it(tmp_path: Path, full_inputs: ReportInputs) -> None:
    facts = ModelFacts.of(fresh("hybrid"), str(tmp_path), "here")
    assert (facts.backbone, facts.base_model) == (tmp_path.name, "")
    assert str(tmp_path) not in model_card(full_inputs, facts)


@pytest.mark.parametrize("name", ["a | b", "two\nlines"])
def test_names_cannot_break_its_tables(name: str, full_inputs: ReportInputs) -> None:
    card = model_card(replace(full_inputs, dataset=replace(full_inputs.dataset, name=name)), HYBRID)
    assert metadata(card).eval_results[0].dataset_name == name
    (line,) = [line for line in card.splitlines() if line.startswith("| data |")]
    assert line.replace(r"\|", "").count("|") == 3


def test_without_rows_it_says_so(full_inputs: ReportInputs) -> None:
    card = model_card(replace(full_inputs, alignment_rows=[], training_logs={}), HYBRID)
    assert metadata(card).eval_results is None
    assert "That was not measured." in card
