"""The card of a shared surrogate: `README.md` with metadata as the Hugging Face Hub reads them, drawn from rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Method
from recexplainer.reports.inputs import ReportInputs
from recexplainer.reports.names import display_name, environment, interval
from recexplainer.reports.run_results import protocol, training
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.pretrained import has_lora
from recexplainer.surrogate.prompt import Form
from recexplainer.surrogate.published import published


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The surrogate itself."""

    name: str  # what to load it by: OWNER/NAME on the hub, or a folder
    form: Form
    backbone: str  # `nano`, the name of a model on the hub, or the last part of a folder's name
    base_model: str  # the backbone's name on the hub; "" where it has none
    lora: bool  # whether only LoRA's weights are in the folder
    vector_width: int
    weights: int

    @classmethod
    def of(cls, surrogate: Surrogate, backbone: str, name: str) -> ModelFacts:
        """The facts of a surrogate; `backbone` as in `SurrogateSettings`, `name` as above."""
        if known := published().get(backbone):
            backbone = known.repository
        on_hub = backbone != "nano" and not Path(backbone).exists()
        return cls(
            name=name,
            form=surrogate.form,
            backbone=backbone if on_hub else Path(backbone).name,
            base_model=backbone if on_hub else "",
            lora=has_lora(surrogate.backbone),
            vector_width=surrogate.vector_width,
            weights=sum(weight.numel() for weight in surrogate.parameters()),
        )


def model_card(inputs: ReportInputs, facts: ModelFacts) -> str:
    """The text of the card: metadata in YAML with the form's rows as a model index, then what a reader should know."""
    own = Method(facts.form)
    rows = [row for row in inputs.alignment_rows if Method(row.method, row.variant) == own and row.value is not None]
    chance = {(row.task, row.metric): row for row in inputs.alignment_rows if row.method == "random"}
    _, trainings = training({facts.form: inputs.training_logs.get(facts.form, ())})
    templates = environment(measured=_measured, cell=_cell)
    text = templates.get_template("model_card.md.j2").render(
        metadata=_metadata(inputs, facts, rows).to_yaml(),
        run=inputs,
        facts=facts,
        examples=sum(train for train, _ in inputs.counts.values()),
        training=trainings[0] if trainings else None,
        rows=[(row, chance.get((row.task, row.metric))) for row in rows],
        protocol=protocol(rows),
    )
    return text + "\n"


def _metadata(inputs: ReportInputs, facts: ModelFacts, rows: list[Row]) -> ModelCardData:
    data = inputs.dataset.name
    results = [
        EvalResult(
            task_type=row.task,
            task_name=display_name("tasks", row.task),
            dataset_type=re.sub(r"[^a-z0-9]+", "-", data.lower()).strip("-") or "data",
            dataset_name=data,
            dataset_split="test",
            metric_type=row.metric,
            metric_value=round(row.value or 0.0, 4),
            metric_name=f"{row.metric} against what {inputs.recommender} answers",
        )
        for row in rows
    ]
    return ModelCardData(
        library_name="recexplainer",
        language="en",
        tags=["recexplainer", "recommender-system", "explainability", "surrogate-model", facts.form],
        base_model=facts.base_model or None,
        model_name=f"{inputs.name}-{facts.form}",
        eval_results=results or None,
    )


def _measured(row: Row | None) -> str:
    """`0.933 (0.925–0.941)`; a dash where there is nothing."""
    if row is None or row.value is None:
        return "–"
    ends = interval(row.low, row.high)
    return f"{row.value:.3f} ({ends})" if ends else f"{row.value:.3f}"


def _cell(text: str) -> str:
    """A text that may stand in a cell of a table."""
    return " ".join(text.split()).replace("|", r"\|")
