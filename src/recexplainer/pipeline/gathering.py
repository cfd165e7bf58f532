"""What the report shows, from what the stages have made."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer.explanations.record import Explanation
from recexplainer.pipeline.evaluation_settings import EVALUATIONS
from recexplainer.pipeline.loading import (
    ALONE,
    VIEWS,
    WITH_EVIDENCE,
    Folders,
    complete_manifest,
    load_target,
    load_told,
    read_explanations,
)
from recexplainer.pipeline.names import surrogate_stage
from recexplainer.pipeline.recipe import Recipe
from recexplainer.storage import read_json

if TYPE_CHECKING:
    from recexplainer.evidence.pair_attribution import Attribution
    from recexplainer.reports.inputs import ReportInputs, TaskCount

_TELLING = 3  # a longer history shows what an explanation takes from it


def gather(recipe: Recipe, folders: Folders) -> ReportInputs:
    """Everything that the report shows, from the folders of the stages."""
    from recexplainer.data.dataset import Dataset
    from recexplainer.evaluation.rows import read_rows
    from recexplainer.evaluation.rubric_judge import RULES
    from recexplainer.reports.inputs import DatasetFacts, ReportInputs, Stage

    manifests = {name: complete_manifest(folder) for name, folder in folders.items()}
    return ReportInputs(
        name=recipe.name,
        recommender=recipe.recommender.name,
        dataset=DatasetFacts.of(Dataset.load(folders["dataset"])),
        target_rows=read_rows(folders["recommender"] / "quality.json"),
        alignment_rows=read_rows(folders["evaluation"] / "alignment.json"),
        counts=_counts(folders["examples"]),
        curves={form: read_json(folders[surrogate_stage(form)] / "training.json") for form in recipe.forms},
        explanations=read_explanations(folders["explanations"] / WITH_EVIDENCE),
        alone=read_explanations(folders["explanations"] / ALONE),
        settings=recipe.model_dump(mode="json") | {"recommender": recipe.recommender.chosen()},
        versions=manifests["evaluation"].versions,
        stages=[Stage(name, manifest.seconds) for name, manifest in manifests.items()],
        paper_dataset=recipe.report.paper_dataset,
        machine=f"{platform.system()} {platform.machine()}",
        evaluation={
            path.stem: read_rows(path)
            for path in sorted(folders["evaluation"].glob("*.json"))
            if path.stem in EVALUATIONS and path.stem != "alignment"
        },
        judge_rules=RULES,
        needs=_needs(recipe),
        case_views=[*_case_views(load_told(folders)), read_explanations(folders["explanations"] / VIEWS)],
    )


def ask_of_explained(folders: Folders, explanations: Sequence[Explanation]) -> list[Attribution]:
    """What the recommender does with each explained pair, beyond what its record says; it is asked anew."""
    from recexplainer.evidence.pair_attribution import attribute
    from recexplainer.recommenders.base import User

    if not explanations:
        return []
    dataset, recommender = load_target(folders)
    users = [User(one.history, one.user) for one in explanations]
    return attribute(recommender, dataset, users, [one.item for one in explanations])


def _needs(recipe: Recipe) -> list[str]:
    """What is not in the report though every evaluation may be made, and what would bring it there."""
    if recipe.evaluation.endpoint is not None:
        return []
    return [
        "A chat model in Tables 1 and 2 and Figures 3 and 4, and a language model as judge, need an endpoint: set "
        "OPENAI_BASE_URL and OPENAI_API_KEY, then recexplainer evaluate "
        f"{recipe.name} --set evaluation.endpoint.model=NAME (with --dry-run it says first what that takes)."
    ]


def _case_views(told: Mapping[str, Sequence[Explanation]]) -> list[list[Explanation]]:
    """Two cases, one liked and one disliked, as each method explains them."""
    from recexplainer.reports.names import in_order

    if not told:
        return []
    first = next(iter(told.values()))
    liked = [place for place, one in enumerate(first) if one.recommended and len(one.history) > _TELLING]
    disliked = [place for place, one in enumerate(first) if not one.recommended and len(one.history) > _TELLING]
    return [[told[method][place] for method in in_order(told)] for place in (*liked[:1], *disliked[:1])]


def _counts(folder: Path) -> list[TaskCount]:
    from recexplainer.reports.inputs import TaskCount
    from recexplainer.tasks.example import TASKS
    from recexplainer.tasks.mixture import load_examples

    examples = load_examples(folder)
    tasks = [one.task for one in examples.train], [one.task for one in examples.test]
    return [TaskCount(task, tasks[0].count(task), tasks[1].count(task)) for task in TASKS]
