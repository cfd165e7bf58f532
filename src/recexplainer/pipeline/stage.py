"""What a stage of a run is, the order in which stages are made, and the manifest that a complete stage leaves.

It knows nothing of what stages do, nor of what is in a run folder already.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

from pydantic import Field

from recexplainer.errors import RunError
from recexplainer.pipeline.layout import RunLayout
from recexplainer.settings import Settings
from recexplainer.storage import hash_value, read_as, write_json

_PACKAGES = ("recexplainer", "numpy", "polars", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage may look at while it is made.

    Attributes:
        folders: The complete folder of every stage that it named as input.
        work: A folder that survives a kill, for checkpoints; empty unless this very stage was cut off before. It is
            removed when the stage is complete.
        chat: The folder in which the answers of chat models are kept, for all stages.
    """

    folders: Mapping[str, Path]
    work: Path
    chat: Path = Path("chat")


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a run.

    Attributes:
        name: Its name, unique in the run, and that of its folder in the run folder.
        make: Writes into the folder that it is given; returns a summary of what was made, in one line.
        settings: All settings that decide what it makes, as JSON values: its cache key.
        inputs: Names of the stages whose folders it reads.
        sources: Files or folders outside the run that it reads; known by their content.
        isolated: Made in a process of its own where stages are made side by side. Of those that may be, all but one
            are: packages are imported when a stage needs them, and threads that import the same one block each other.
        distributed: Of several processes all call `make`, since they train together; what the first one writes counts.
    """

    name: str
    make: Callable[[StageContext, Path], str]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    inputs: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()
    isolated: bool = False
    distributed: bool = False


def stages_in_order(
    stages: Sequence[Stage], only: Collection[str] | None = None, force: Collection[str] = ()
) -> list[Stage]:
    """The stages named by `only` (None: all) and those that they need, each after its inputs; those of `force` exist.

    Raises:
        RunError: An unknown stage is named, two have one name, or there is a circle.
    """
    known = {stage.name: stage for stage in stages}
    if len(known) < len(stages):
        raise RunError("Two stages have the same name.", hint="Rename one of them.")
    wanted = list(known if only is None else only)
    named = [*wanted, *force, *(name for stage in stages for name in stage.inputs)]
    if unknown := [name for name in named if name not in known]:
        raise RunError(f"There is no stage {unknown[0]!r}.", hint=f"The stages are: {', '.join(known)}.")
    try:
        return [known[name] for name in TopologicalSorter(_needed(known, wanted)).static_order()]
    except CycleError as error:
        raise RunError(
            f"Stages depend on each other in a circle: {', '.join(error.args[1])}.", hint="Remove one of the inputs."
        ) from error


def _needed(known: Mapping[str, Stage], wanted: list[str]) -> dict[str, tuple[str, ...]]:
    """The inputs of the stages wanted and of all that they need."""
    needed: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in needed:
            needed.add(name)
            wanted += known[name].inputs
    return {name: stage.inputs for name, stage in known.items() if name in needed}


class Manifest(Settings):
    """What stands in a stage's manifest."""

    stage: str
    """Name of the stage."""
    settings: dict[str, Any]
    """The settings it was made with."""
    inputs: dict[str, str]
    """For each stage before it, the hash of what that stage had made."""
    sources: dict[str, str]
    """For each file from outside the run, its SHA-256."""
    files: dict[str, str] = Field(default_factory=dict)
    """For each file that the stage made, its SHA-256."""
    summary: str = ""
    """What was made, in one line."""
    started: str = ""
    """When, in UTC (ISO 8601)."""
    seconds: float = 0
    """How long it took, from its last start."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of Python and of the packages that matter."""

    @property
    def key(self) -> str:
        """Hash of all that decides what the stage makes."""
        return hash_value([self.settings, self.inputs, self.sources])

    @property
    def output_hash(self) -> str:
        """Hash of what was made: stages after this one depend on it, not on when or how fast it was made."""
        return hash_value(self.files)

    def write(self, folder: Path) -> None:
        """Write it into its stage's folder."""
        write_json(folder / RunLayout.MANIFEST, self.model_dump(mode="json"))


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a stage's folder; None if the stage is absent. Raises RunError where the file is none."""
    path = folder / RunLayout.MANIFEST
    return read_as(Manifest, path) if path.exists() else None


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a run makes."""
    installed = {package: version(package) for package in _PACKAGES if list(distributions(name=package))}
    return {"python": platform.python_version(), **dict.fromkeys(_PACKAGES, "not installed"), **installed}
