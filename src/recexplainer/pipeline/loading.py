"""Reading back what stages have made. It knows in which file of a run folder each thing lies; nothing else does.

Rooms are loaded inside the functions, so that a run with nothing to do takes no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from recexplainer.errors import RunError
from recexplainer.explanations.record import Explanation
from recexplainer.hardware import best_device
from recexplainer.pipeline.manifest import Manifest, read_manifest
from recexplainer.pipeline.names import CASES
from recexplainer.storage import read_as, read_json, write_json, write_text

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset
    from recexplainer.evaluation.alignment import TestCases
    from recexplainer.recommenders.base import Recommender, User
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.surrogate.training import Alignment

Folders = Mapping[str, Path]
"""The complete folder of each stage, by its name."""

WITH_EVIDENCE, ALONE, VIEWS = "with-evidence.json", "surrogate-alone.json", "views.json"
"""The files of the stage `explanations`."""
_PAIRS = "pairs.json"
_EXPLANATIONS = "explanations.json"


def load_target(folders: Folders) -> tuple[Dataset, Recommender]:
    """The dataset and the recommender."""
    from recexplainer.data.dataset import Dataset
    from recexplainer.recommenders.kinds import load_recommender

    return Dataset.load(folders["dataset"]), load_recommender(folders["recommender"])


def load_alignment(folders: Folders) -> Alignment:
    """What surrogates learn from."""
    from recexplainer.surrogate.training import Alignment
    from recexplainer.tasks.mixture import load_examples

    return Alignment(*load_target(folders), load_examples(folders["examples"]).train)


def load_test_cases(folders: Folders) -> TestCases:
    """The questions that surrogates are measured by."""
    from recexplainer.evaluation.alignment import TestCases
    from recexplainer.tasks.mixture import load_examples

    return TestCases(*load_target(folders), load_examples(folders["examples"]).test)


def load_surrogate(folder: Path) -> Surrogate:
    """A trained surrogate, on the best device."""
    from recexplainer.surrogate.model import Surrogate

    return Surrogate.from_pretrained(folder).to(best_device())


def write_pairs(folder: Path, pairs: Sequence[tuple[User, int]]) -> None:
    """Keep the pairs of user and item that every method explains."""
    write_json(folder / _PAIRS, [[user.id, list(user.history), item] for user, item in pairs])


def load_pairs(folders: Folders) -> list[tuple[User, int]]:
    """The pairs of user and item that every method explains."""
    from recexplainer.recommenders.base import User

    pairs: list[Any] = read_json(folders[CASES] / _PAIRS)
    return [(User(tuple(history), user), item) for user, history, item in pairs]


def write_told(folder: Path, told: Sequence[Explanation]) -> None:
    """Keep what one method said of the cases."""
    write_explanations(folder / _EXPLANATIONS, told)


def load_told(folders: Folders, first: int | None = None) -> dict[str, list[Explanation]]:
    """What each method said of the cases, or of the first ones, from those of the folders that hold it."""
    paths = [folder / _EXPLANATIONS for folder in folders.values()]
    told = [read_explanations(path) for path in paths if path.is_file()]
    return {_label(one[0]): one[:first] for one in told}


def _label(one: Explanation) -> str:
    """One name for who explains and how."""
    if one.variant == "grounded":
        return f"{one.method}+evidence"
    is_direct = one.variant == "direct" and one.method in ("hybrid", "behavior")
    return f"{one.method}-at-once" if is_direct else one.method


def complete_folders(run: Path) -> dict[str, Path]:
    """The folders of all stages of a run that are complete."""
    return {path.name: path for path in run.iterdir() if path.is_dir() and read_manifest(path)}


def complete_manifest(folder: Path) -> Manifest:
    """The manifest of a stage that must be there.

    Raises:
        RunError: The stage is not complete.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise RunError(
            f"The stage {folder.name!r} of this run is not complete.",
            location=str(folder),
            hint="Start the run again with `recexplainer run`; it goes on where it stopped.",
        )
    return manifest


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
