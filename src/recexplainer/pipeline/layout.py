"""Where everything lies in a run folder, and reading it back.

It spells the name of every folder and file of a run; no other module of the pipeline does. It does not know how any of
it was made. Other packages are imported inside the functions, so that a run with nothing to do takes no time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import TypeAdapter

from recexplainer.errors import RunError
from recexplainer.explanations.record import Explanation, Method
from recexplainer.storage import read_as, read_json, write_json, write_text

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset
    from recexplainer.recommenders.base import Recommender, User
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.tasks.example import LabelledExamples

Folders = Mapping[str, Path]
"""The complete folder of each stage, by the stage's name."""

DATASET, RECOMMENDER, EXAMPLES, CASES = "dataset", "recommender", "examples", "cases"
EVALUATION, EXPLANATIONS, REPORT = "evaluation", "explanations", "report"
TARGET = (DATASET, RECOMMENDER)
"""The stages that hold the recommender to be explained, and the data that it knows."""
ALIGNED_TO = (*TARGET, EXAMPLES)
"""The stages that a surrogate is trained and tested from."""


@dataclass(frozen=True, slots=True)
class RunLayout:
    """The paths of one run folder; the constants name the files in a stage's folder: `folder / RunLayout.PAIRS`.

    Attributes:
        run: The run folder.
    """

    run: Path

    VERSION: ClassVar[int] = 2
    """Version of what lies where and of the settings' keys; a run of another version is refused."""
    MANIFEST: ClassVar[str] = "manifest.json"
    QUALITY: ClassVar[str] = "quality.json"
    TRIALS: ClassVar[str] = "trials.json"
    TRAINING_LOG: ClassVar[str] = "training.json"
    PREFERENCE_LOG: ClassVar[str] = "preference.json"
    ABLATED_SURROGATE: ClassVar[str] = "surrogate"
    PAIRS: ClassVar[str] = "pairs.json"
    CASE_EXPLANATIONS: ClassVar[str] = "explanations.json"
    JUDGEMENTS: ClassVar[str] = "judgements.json"
    SIMULATIONS: ClassVar[str] = "simulations.json"
    CONFUSION: ClassVar[str] = "confusion.json"
    GROUNDED: ClassVar[str] = "grounded.json"
    FROM_SURROGATE: ClassVar[str] = "from_surrogate.json"
    ASPECTS: ClassVar[str] = "aspects.json"
    PAGE: ClassVar[str] = "index.html"

    @property
    def recipe(self) -> Path:
        """The recipe that the run was last started with."""
        return self.run / "recipe.yaml"

    @property
    def version(self) -> Path:
        """The version of the layout that the run was made in."""
        return self.run / "layout.json"

    @property
    def lock(self) -> Path:
        """Locked by the process that works in the run folder."""
        return self.run / ".lock"

    @property
    def holder(self) -> Path:
        """The number of the process that holds the lock."""
        return self.run / ".lock.holder"

    @property
    def chat(self) -> Path:
        """What chat models have answered."""
        return self.run / "chat"

    @property
    def ratings(self) -> Path:
        """How people rate the explanations."""
        return self.run / "study" / "ratings.json"

    def stage(self, name: str) -> Path:
        """The folder of a stage."""
        return self.run / name

    def work(self, stage: str) -> Path:
        """A stage's checkpoints."""
        return self.run / ".work" / stage

    def work_key(self, stage: str) -> Path:
        """The key of the settings and inputs that a stage's checkpoints belong to."""
        return self.run / ".work" / f"{stage}.key"

    def complete_stages(self) -> dict[str, Path]:
        """The folders of all stages that are complete."""
        return {path.name: path for path in self.run.iterdir() if (path / self.MANIFEST).is_file()}

    def complete_stage(self, name: str) -> Path:
        """The folder of a stage that must be there.

        Raises:
            RunError: The stage is not complete.
        """
        folder = self.stage(name)
        if not (folder / self.MANIFEST).is_file():
            raise RunError(
                f"The stage {name!r} of this run is not complete.",
                location=str(folder),
                hint="Start the run again with `recexplainer run`; it is resumed where it stopped.",
            )
        return folder

    def write_version(self) -> None:
        """Note the version of the layout."""
        write_json(self.version, {"layout": self.VERSION})

    def check_version(self) -> None:
        """Refuse a run of another version; a run that has not been started yet is none.

        Raises:
            RunError: The run was made by another version of this package.
        """
        if not self.recipe.is_file():
            return
        version = read_json(self.version).get("layout", 0) if self.version.is_file() else 0
        if version != self.VERSION:
            raise RunError(
                f"This run was made by {'an older' if version < self.VERSION else 'a newer'} version of recexplainer.",
                location=str(self.run),
                hint="Start the recipe again with another --name, or remove this folder.",
            )


def stage_name(*parts: str) -> str:
    """Name of a stage, and of its folder; what a file system may refuse in a model's name becomes a dash."""
    return re.sub(r"[^\w.+-]", "-", "-".join(part for part in parts if part))


def rows_file(evaluation: str) -> str:
    """The file that holds the rows of an evaluation, in the folder of its own stage and in that of `evaluation`."""
    return f"{evaluation}.json"


def load_target(folders: Folders) -> tuple[Dataset, Recommender]:
    """The dataset and the recommender."""
    from recexplainer.data.dataset import Dataset
    from recexplainer.recommenders.kinds import load_recommender

    return Dataset.load(folders[DATASET]), load_recommender(folders[RECOMMENDER])


def load_alignment(folders: Folders) -> LabelledExamples:
    """What surrogates are trained on."""
    from recexplainer.tasks.example import LabelledExamples, load_examples

    return LabelledExamples(*load_target(folders), load_examples(folders[EXAMPLES]).train)


def load_test_cases(folders: Folders) -> LabelledExamples:
    """The questions that surrogates are measured by."""
    from recexplainer.tasks.example import LabelledExamples, load_examples

    return LabelledExamples(*load_target(folders), load_examples(folders[EXAMPLES]).test)


def load_surrogate(folder: Path) -> Surrogate:
    """A trained surrogate, on the best device."""
    from recexplainer.hardware import best_device
    from recexplainer.surrogate.model import Surrogate

    return Surrogate.from_pretrained(folder).to(best_device())


def write_pairs(folder: Path, pairs: Sequence[tuple[User, int]]) -> None:
    """Write the pairs of user and item that every method explains."""
    write_json(folder / RunLayout.PAIRS, [[user.id, list(user.history), item] for user, item in pairs])


def load_pairs(folders: Folders) -> list[tuple[User, int]]:
    """The pairs of user and item that every method explains."""
    from recexplainer.recommenders.base import User

    pairs: list[Any] = read_json(folders[CASES] / RunLayout.PAIRS)
    return [(User(tuple(history), user), item) for user, history, item in pairs]


def write_case_explanations(folder: Path, explanations: Sequence[Explanation]) -> None:
    """Write what one method explains of the cases."""
    write_explanations(folder / RunLayout.CASE_EXPLANATIONS, explanations)


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


def read_explanations(path: Path) -> list[Explanation]:
    """Read explanations back.

    Raises:
        RunError: The file is missing or holds something else.
    """
    return read_as(list[Explanation], path)
