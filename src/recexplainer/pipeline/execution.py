"""What a stage of a run is, and making them: each is complete or absent, and made again only if what it needs changed.

Of several processes started by torchrun all go through the same stages in the same order. The first one decides what is
made, and writes; the others take part where processes train together, and wait elsewhere. It does not know what stages
do.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import distributions, version
from multiprocessing.context import BaseContext
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, Literal, TypeVar

from filelock import FileLock, Timeout
from pydantic import Field

from recexplainer import storage
from recexplainer.errors import RunError
from recexplainer.hardware import use_threads
from recexplainer.pipeline.layout import RunLayout
from recexplainer.processes import from_first, is_first, processes_here
from recexplainer.reports.names import duration
from recexplainer.settings import Settings

T = TypeVar("T")
StageState = Literal["started", "resumed", "finished", "cached"]
_PACKAGES = ("recexplainer", "numpy", "polars", "tokenizers", "torch", "transformers")
# Imported once for all processes of a run: what most stages need.
_IMPORTED_ONCE = [
    "recexplainer.pipeline.stages",
    "recexplainer.surrogate.training",
    "recexplainer.evaluation.alignment",
    "recexplainer.explanations.explainer",
]
_log = logging.getLogger("recexplainer.pipeline")


@dataclass(frozen=True, slots=True)
class StageContext:
    """What a stage may look at while it is made: the complete folders of its inputs, by name, and two more.

    `work` is for checkpoints: it survives a kill, is empty unless this very stage was cut off before, and is removed
    when the stage is complete. `chat` keeps the answers of chat models for all stages.
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
        threads: Torch's processor threads while it is made, of all processes; None: as many as the process has.
    """

    name: str
    make: Callable[[StageContext, Path], str]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    inputs: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()
    isolated: bool = False
    distributed: bool = False
    threads: int | None = None

    @property
    def threads_of_a_process(self) -> int | None:
        """Its share of the threads, where several processes on this machine make the stage together."""
        if self.threads is None or not self.distributed:
            return self.threads
        return max(1, self.threads // processes_here())


def stages_in_order(
    stages: Sequence[Stage], only: Collection[str] | None = None, force: Collection[str] = ()
) -> list[Stage]:
    """The stages named by `only` (None: all) and those that they need, each after its inputs; those of `force` exist.

    Raises RunError where an unknown stage is named, two have one name, or there is a circle.
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
        return storage.hash_value([self.settings, self.inputs, self.sources])

    @property
    def output_hash(self) -> str:
        """Hash of what was made: stages after this one depend on it, not on when or how fast it was made."""
        return storage.hash_value(self.files)


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a stage's folder; None if the stage is absent. Raises RunError where the file is none."""
    path = folder / RunLayout.MANIFEST
    return storage.read_as(Manifest, path) if path.exists() else None


def run_stages(
    stages: Sequence[Stage],
    run: Path,
    *,
    only: Collection[str] | None = None,
    force: Collection[str] = (),
    recipe: str = "",
    workers: int = 1,
) -> None:
    """Make what is missing or changed in a run folder, in an order in which every stage follows its inputs.

    A stage killed at any moment leaves nothing half written; the next start makes it anew, from its checkpoints if it
    left any. What begins and ends is logged, each record with `stage`, a name, and `state`, a `StageState`.

    `only` names the stages wanted, with all that they need, None all; `force` those to make anew even if nothing
    changed. The folder `run` is made if it is not there; the text `recipe` is kept in it. At most `workers` stages are
    made side by side, where they do not need each other.

    Raises:
        RunError: Another process works in this folder, the run was made by another version, an unknown stage is named,
            the stages depend on each other in a circle, or the operating system refuses to read or write.
    """
    ordered = stages_in_order(stages, only, force)
    layout = RunLayout(run)
    execution = _Execution(layout, force, isolates=workers > 1)
    if not is_first():
        for stage in ordered:
            execution.take_part(stage)
        return
    with storage.system_errors(run), _locked(layout):
        layout.check_version()
        layout.write_version()
        if recipe:
            storage.write_text(layout.recipe, recipe)
        _in_waves(ordered, execution.bring_up_to_date, workers)


def _in_waves(ordered: Sequence[Stage], make: Callable[[Stage], None], workers: int) -> None:
    """Make every stage as soon as its inputs are made, at most `workers` together; the first error ends it all."""
    if workers == 1:
        for stage in ordered:
            make(stage)
        return
    sorter = TopologicalSorter({stage.name: stage.inputs for stage in ordered})
    places = {stage.name: place for place, stage in enumerate(ordered)}
    sorter.prepare()
    ready: list[str] = []
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(workers) as pool:
        while sorter.is_active():
            ready = sorted([*ready, *sorter.get_ready()], key=places.__getitem__)
            while ready and len(running) < workers:
                name = ready.pop(0)
                running[pool.submit(make, ordered[places[name]])] = name
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                done.result()
                sorter.done(running.pop(done))


@dataclass(frozen=True)
class _Execution:
    """One start of a run."""

    layout: RunLayout
    force: Collection[str]
    isolates: bool
    output_hashes: dict[str, str] = field(default_factory=dict[str, str])

    def bring_up_to_date(self, stage: Stage) -> None:
        """Make a stage, unless it is complete and nothing changed."""
        folder, start = self.layout.stage(stage.name), time.monotonic()
        before = read_manifest(folder)
        inputs = {name: self.output_hashes[name] for name in stage.inputs}
        sources = _hash_sources(stage, before)
        manifest = Manifest(stage=stage.name, settings=dict(stage.settings), inputs=inputs, sources=sources)
        same = before and stage.name not in self.force and before.key == manifest.key
        if before and same and all((folder / name).is_file() for name in before.files):
            from_first(False)
            self.output_hashes[stage.name] = before.output_hash
            _log_state(stage.name, "cached", f"cached: {before.summary}")
        else:
            self._open_work(stage, manifest.key)
            from_first(True)
            started = datetime.now(UTC).isoformat(timespec="seconds")
            with storage.complete_folder(folder) as aside:
                make = stage.make
                if self.isolates and stage.isolated:
                    make = partial(run_isolated, make, threads=stage.threads)
                else:
                    _set_threads(stage.threads_of_a_process)
                changes = {"summary": make(self._context(stage), aside), "files": storage.hash_files(aside)}
                changes |= {"started": started, "seconds": round(time.monotonic() - start, 2)}
                manifest = manifest.model_copy(update=changes | {"versions": package_versions()})
                storage.write_json(aside / RunLayout.MANIFEST, manifest.model_dump(mode="json"))
            self.output_hashes[stage.name] = manifest.output_hash
            _log_state(stage.name, "finished", f"{duration(manifest.seconds)}: {manifest.summary}")
        work, key_file = self._work(stage)
        storage.remove(key_file)
        storage.remove(work)

    def take_part(self, stage: Stage) -> None:
        """What every process but the first does: train with it where processes train together, else wait."""
        if from_first(False) and stage.distributed:
            with TemporaryDirectory() as unused:
                _set_threads(stage.threads_of_a_process)
                stage.make(self._context(stage), Path(unused))

    def _context(self, stage: Stage) -> StageContext:
        folders = {name: self.layout.stage(name) for name in stage.inputs}
        return StageContext(folders, self._work(stage)[0], self.layout.chat)

    def _work(self, stage: Stage) -> tuple[Path, Path]:
        """The folder of the stage's checkpoints, and the file with the key that they belong to."""
        return self.layout.work / stage.name, self.layout.work / f"{stage.name}.key"

    def _open_work(self, stage: Stage, key: str) -> None:
        """Open the folder of the stage's checkpoints, emptied if they belong to other settings or inputs."""
        work, key_file = self._work(stage)
        if not key_file.exists() or key_file.read_text(encoding="utf-8") != key:
            storage.remove(work)
            storage.write_text(key_file, key)
        work.mkdir(parents=True, exist_ok=True)
        resumed = any(work.iterdir())
        _log_state(stage.name, "resumed" if resumed else "started", "resumed …" if resumed else "…")


def _log_state(stage: str, state: StageState, text: str) -> None:
    _log.info(f"{stage:<20} {text}", extra={"stage": stage, "state": state})


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a run makes."""
    installed = {package: version(package) for package in _PACKAGES if list(distributions(name=package))}
    return {"python": platform.python_version(), **dict.fromkeys(_PACKAGES, "not installed"), **installed}


def _hash_sources(stage: Stage, before: Manifest | None) -> dict[str, str]:
    """Hashes of the files from outside; those noted before, where a run folder has been moved away from its data."""
    if before and before.sources and not all(source.exists() for source in stage.sources):
        return before.sources
    hashed = [storage.hash_files(source) for source in stage.sources]
    return {f"{number}/{name}": digest for number, files in enumerate(hashed) for name, digest in files.items()}


@contextmanager
def _locked(layout: RunLayout) -> Generator[None]:
    """Hold a run folder for this process; the system releases it however the process ends."""
    layout.run.mkdir(parents=True, exist_ok=True)
    lock = FileLock(layout.lock, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        holder = layout.lock_holder.read_text(encoding="utf-8") if layout.lock_holder.exists() else "unknown"
        raise RunError(
            "Another process works in this run folder.",
            location=f"{layout.run} (process {holder})",
            hint="Wait until it ends, or give this run another --name.",
        ) from error
    try:
        storage.write_text(layout.lock_holder, str(os.getpid()))
        yield
    finally:
        lock.release()


def run_isolated(work: Callable[..., T], *arguments: object, threads: int | None = None) -> T:
    """Call a function in a new process with `threads` of torch; returns what it returns, and raises what it raises.

    The process ends with this one, however this one ends, so that no two ever write into one run folder. Raises
    RunError where it was ended from outside.
    """
    with ProcessPoolExecutor(1, _process_context(), _begin_isolated, (dict(os.environ), threads)) as pool:
        try:
            return pool.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            raise RunError(
                "A process of this run was ended from outside.",
                hint="Most often memory ran out: close other programs, or give --set threads=1. Then start again.",
            ) from error


def _process_context() -> BaseContext:
    """How processes begin: on Linux as forks of one that has imported the packages, which alone takes seconds each."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED_ONCE)
    return context


def _begin_isolated(environment: dict[str, str], threads: int | None) -> None:
    """End when the run does, and take over its environment, which may be another than when the first process began."""
    Thread(target=end_with_parent, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)
    _set_threads(threads)


def end_with_parent() -> None:
    """Wait in a thread until the process that began this one ends, however it ends; then end this one."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _set_threads(threads: int | None) -> None:
    if threads is not None:
        use_threads(threads)
