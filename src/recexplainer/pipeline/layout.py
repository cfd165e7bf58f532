"""Where everything lies in a run folder, and reading it back.

It has the paths of a run folder and the names of the files that the pipeline writes; a stage's name stands where the
stage is declared. It does not know how any of it was made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from recexplainer.data.dataset import Dataset, leave_one_out
from recexplainer.errors import RunError
from recexplainer.explanations.record import Explanation, Method
from recexplainer.hardware import best_device
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.loading import load_recommender
from recexplainer.recommenders.ranking_check import RankingCheck, check_ranking
from recexplainer.storage import read_as, read_json, write_json, write_text
from recexplainer.tasks.example import LabelledExamples, load_examples

if TYPE_CHECKING:
    from recexplainer.surrogate.model import Surrogate

Folders = Mapping[str, Path]
"""The complete folder of each stage, by the stage's name."""

DATASET, RECOMMENDER, EXAMPLES, CASES = "dataset", "recommender", "examples", "cases"
EVALUATION, EXPLANATIONS, REPORT = "evaluation", "explanations", "report"
TARGET = (DATASET, RECOMMENDER)
"""The stages that hold the recommender to be explained, and the data that it knows."""
ALIGNED_TO = (*TARGET, EXAMPLES)
"""The stages that a surrogate is trained and tested from."""


class RunLayout:
    """The paths of one run folder, and the names of the files in its stages' folders: `folder / RunLayout.PAIRS`.

    The process that works in the folder holds `lock` and writes its number into `lock_holder`. `work` has the
    checkpoints of each stage, and the key of the settings and inputs that they belong to.
    """

    VERSION = 2  # of what lies where, and of the settings' keys
    MANIFEST, TRIALS, PAGE = "manifest.json", "trials.json", "index.html"
    QUALITY, RANKING_CHECK, POPULARITY = "quality.json", "ranking_check.json", "popularity.safetensors"
    TRAINING_LOG, PREFERENCE_LOG, ABLATED_SURROGATE = "training.json", "preference.json", "surrogate"
    PAIRS, CASE_EXPLANATIONS, JUDGEMENTS = "pairs.json", "explanations.json", "judgements.json"
    SIMULATIONS, CONFUSION, ANSWERS = "simulations.json", "confusion.json", "answers.json"
    GROUNDED, FROM_SURROGATE, ASPECTS = "grounded.json", "from_surrogate.json", "aspects.json"

    def __init__(self, run: Path) -> None:
        self.run = run
        self.recipe, self.version = run / "recipe.yaml", run / "layout.json"
        self.lock, self.lock_holder = run / ".lock", run / ".lock.holder"
        self.chat, self.ratings, self.work = run / "chat", run / "study" / "ratings.json", run / ".work"

    def stage(self, name: str) -> Path:
        """The folder of a stage."""
        return self.run / name

    def complete_stages(self) -> dict[str, Path]:
        """The folders of all stages that are complete."""
        return {path.name: path for path in self.run.iterdir() if (path / self.MANIFEST).is_file()}

    def complete_stage(self, name: str) -> Path:
        """The folder of a stage. Raises RunError where the stage is not complete."""
        if name not in self.complete_stages():
            hint = "Start the run again with `recexplainer run`; it is resumed where it stopped."
            what = f"The stage {name!r} of this run is not complete."
            raise RunError(what, location=str(self.stage(name)), hint=hint)
        return self.stage(name)

    def write_version(self) -> None:
        """Note the version of the layout."""
        write_json(self.version, {"layout": self.VERSION})

    def check_version(self) -> None:
        """Raise RunError where another version of this package made the run; without a recipe it is no run yet."""
        version = read_json(self.version).get("layout", 0) if self.version.is_file() else 0
        if self.recipe.is_file() and version != self.VERSION:
            other = "an older" if version < self.VERSION else "a newer"
            hint = "Start its recipe again with another --name, or remove this folder."
            raise RunError(f"This run was made by {other} version of recexplainer.", location=str(self.run), hint=hint)


def stage_name(*parts: str) -> str:
    """Name of a stage, and of its folder; what a file system may refuse in a model's name becomes a dash."""
    return re.sub(r"[^\w.+-]", "-", "-".join(part for part in parts if part))


def rows_file(evaluation: str) -> str:
    """The file with the rows of an evaluation, in the folder of its own stage and in that of `evaluation`."""
    return f"{evaluation}.json"


def load_target(folders: Folders) -> tuple[Dataset, Recommender]:
    """The dataset and the recommender."""
    return Dataset.load(folders[DATASET]), load_recommender(folders[RECOMMENDER])


def load_ranking_check(folders: Folders) -> RankingCheck:
    """How the recommender ranks held-out items; a run of before this was checked is checked now."""
    path = folders[RECOMMENDER] / RunLayout.RANKING_CHECK
    if path.is_file():
        return read_as(RankingCheck, path)
    dataset, recommender = load_target(folders)
    return check_ranking(dataset, leave_one_out(dataset), recommender)


def load_alignment(folders: Folders) -> LabelledExamples:
    """The examples that surrogates are trained on."""
    return LabelledExamples(*load_target(folders), load_examples(folders[EXAMPLES]).train)


def load_test_cases(folders: Folders) -> LabelledExamples:
    """The examples that surrogates are measured by."""
    return LabelledExamples(*load_target(folders), load_examples(folders[EXAMPLES]).test)


def load_surrogate(folder: Path, *, frozen: bool = True, only_writes: bool = False) -> Surrogate:
    """A trained surrogate, on the best device; `frozen` and `only_writes` as in `Surrogate.from_pretrained`."""
    from recexplainer.surrogate.model import Surrogate

    device = best_device()
    on_cpu = device.type == "cpu"
    return Surrogate.from_pretrained(folder, frozen=frozen, only_writes=only_writes and on_cpu).to(device)


def write_pairs(folder: Path, pairs: Sequence[tuple[User, int]]) -> None:
    """Write the pairs of user and item that every method explains."""
    write_json(folder / RunLayout.PAIRS, [[user.id, list(user.history), item] for user, item in pairs])


def load_pairs(folders: Folders) -> list[tuple[User, int]]:
    """The pairs of user and item that every method explains."""
    pairs: list[Any] = read_json(folders[CASES] / RunLayout.PAIRS)
    return [(User(tuple(history), user), item) for user, history, item in pairs]


def load_case_explanations(folders: Folders, first: int | None = None) -> dict[Method, list[Explanation]]:
    """What each method explains of the cases, or of the first ones, from those of the folders that hold it."""
    paths = [folder / RunLayout.CASE_EXPLANATIONS for folder in folders.values()]
    explanations = [read_explanations(path) for path in paths if path.is_file()]
    return {each[0].source: each[:first] for each in explanations}


def write_explanations(path: Path, explanations: Sequence[Explanation]) -> None:
    """Write explanations as a JSON list."""
    write_text(path, explanations_json(explanations) + "\n")


def explanations_json(explanations: Sequence[Explanation]) -> str:
    """Explanations as a JSON list, as `read_explanations` takes it."""
    return TypeAdapter(list[Explanation]).dump_json(list(explanations), indent=2).decode()


def explanation_line(explanation: Explanation) -> str:
    """An explanation as JSON on one line."""
    return _adapter().dump_json(explanation).decode()


@cache
def _adapter() -> TypeAdapter[Explanation]:
    return TypeAdapter(Explanation)


def read_explanations(path: Path) -> list[Explanation]:
    """Read explanations back. Raises RunError where the file is missing or holds something else."""
    return read_as(list[Explanation], path)
