"""Reading back what the stages of a run have made: for the report, and for the command line.

It knows in which file of a run folder each thing lies; nothing else does.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from recexplainer.errors import RunError
from recexplainer.explanations.record import Explanation
from recexplainer.pipeline.manifest import Manifest, read_manifest
from recexplainer.pipeline.recipe import Recipe
from recexplainer.storage import read_json, write_text

if TYPE_CHECKING:
    from recexplainer.reports.inputs import ReportInputs, TaskCount


def gather(recipe: Recipe, folders: Mapping[str, Path]) -> ReportInputs:
    """Everything that the report shows, from the folders of the stages."""
    from recexplainer.data.dataset import Dataset
    from recexplainer.evaluation.rows import read_rows
    from recexplainer.reports.inputs import DatasetFacts, ReportInputs, Stage

    manifests = {name: complete_manifest(folder) for name, folder in folders.items()}
    return ReportInputs(
        name=recipe.name,
        recommender=recipe.recommender.name,
        dataset=DatasetFacts.of(Dataset.load(folders["dataset"])),
        target_rows=read_rows(folders["recommender"] / "quality.json"),
        alignment_rows=read_rows(folders["evaluation"] / "alignment.json"),
        counts=_counts(folders["examples"]),
        curves={form: read_json(folders[f"surrogate-{form}"] / "training.json") for form in recipe.forms},
        explanations=read_explanations(folders["explanations"] / "with-evidence.json"),
        alone=read_explanations(folders["explanations"] / "surrogate-alone.json"),
        settings=recipe.model_dump(mode="json") | {"recommender": recipe.recommender.chosen()},
        versions=manifests["evaluation"].versions,
        stages=[Stage(name, manifest.seconds) for name, manifest in manifests.items()],
        paper_dataset=recipe.report.paper_dataset,
        machine=f"{platform.system()} {platform.machine()}",
    )


def complete_manifest(folder: Path) -> Manifest:
    """The manifest of a stage that must be there.

    Raises:
        RunError: The stage is not complete.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise RunError(
            f"The stage {folder.name!r} of this run is not complete.",
            where=str(folder),
            mend="Start the run again with `recexplainer run`; it goes on where it stopped.",
        )
    return manifest


def _counts(folder: Path) -> list[TaskCount]:
    from recexplainer.reports.inputs import TaskCount
    from recexplainer.tasks.example import TASKS
    from recexplainer.tasks.mixture import load_examples

    examples = load_examples(folder)
    tasks = [one.task for one in examples.train], [one.task for one in examples.test]
    return [TaskCount(task, tasks[0].count(task), tasks[1].count(task)) for task in TASKS]


def write_explanations(path: Path, explanations: Sequence[Explanation]) -> None:
    """Write explanations as a JSON list."""
    write_text(path, explanations_json(explanations) + "\n")


def explanations_json(explanations: Sequence[Explanation]) -> str:
    """Explanations as a JSON list, as `read_explanations` takes it."""
    return TypeAdapter(list[Explanation]).dump_json(list(explanations), indent=2).decode()


def read_explanations(path: Path) -> list[Explanation]:
    """Read explanations back.

    Raises:
        RunError: The file is missing or holds something else.
    """
    values = read_json(path)
    try:
        return TypeAdapter(list[Explanation]).validate_python(values)
    except ValidationError as error:
        raise RunError(
            f"The explanations cannot be understood: {error.errors()[0]['msg']}.",
            where=str(path),
            mend=f"Delete {path.parent} and start the run again.",
        ) from error
