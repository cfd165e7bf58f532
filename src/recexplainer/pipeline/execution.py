"""Making the stages of a run: each is complete or absent, and made again only if something that it depends on changed.

Of several processes started by torchrun all go through the same stages in the same order. The first one decides what is
made, and writes; the others take part where processes train together, and wait elsewhere. It does not know what stages
do.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeVar

from filelock import FileLock, Timeout

from recexplainer.errors import RunError
from recexplainer.pipeline.layout import RunLayout
from recexplainer.pipeline.stage import Manifest, Stage, StageContext, package_versions, read_manifest, stages_in_order
from recexplainer.processes import from_first, is_first
from recexplainer.reports.names import duration
from recexplainer.storage import complete_folder, hash_files, remove, system_errors, write_text

T = TypeVar("T")
StageState = Literal["started", "resumed", "finished", "cached"]
_PR_SET_PDEATHSIG = 1
_log = logging.getLogger("recexplainer.pipeline")


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

    Args:
        stages: The stages.
        run: The run folder; made if it is not there.
        only: Names of the stages wanted, with all that they need; None: all stages.
        force: Names of stages to make anew even if nothing changed.
        recipe: The recipe's text, to keep in the run folder; "" for none.
        workers: How many stages may be made side by side, where they do not need each other.

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
    with system_errors(run), _locked(layout):
        layout.check_version()
        layout.write_version()
        if recipe:
            write_text(layout.recipe, recipe)
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
        if before and self._is_cached(before, manifest.key, folder):
            from_first(False)
            self.output_hashes[stage.name] = before.output_hash
            _log_state(stage.name, "cached", f"cached: {before.summary}")
        else:
            self._open_work(stage, manifest.key)
            from_first(True)
            started = datetime.now(UTC).isoformat(timespec="seconds")
            with complete_folder(folder) as aside:
                make = partial(run_isolated, stage.make) if self.isolates and stage.isolated else stage.make
                changes = {"summary": make(self._context(stage), aside), "files": hash_files(aside)}
                changes |= {"started": started, "seconds": round(time.monotonic() - start, 2)}
                manifest = manifest.model_copy(update=changes | {"versions": package_versions()})
                manifest.write(aside)
            self.output_hashes[stage.name] = manifest.output_hash
            _log_state(stage.name, "finished", f"{duration(manifest.seconds)}: {manifest.summary}")
        work, key_file = self._work(stage)
        remove(key_file)
        remove(work)

    def _is_cached(self, before: Manifest, key: str, folder: Path) -> bool:
        same = before.stage not in self.force and before.key == key
        return same and all((folder / name).is_file() for name in before.files)

    def take_part(self, stage: Stage) -> None:
        """What every process but the first does: train with it where processes train together, else wait."""
        if from_first(False) and stage.distributed:
            with TemporaryDirectory() as unused:
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
            remove(work)
            write_text(key_file, key)
        work.mkdir(parents=True, exist_ok=True)
        resumed = any(work.iterdir())
        _log_state(stage.name, "resumed" if resumed else "started", "resumed …" if resumed else "…")


def _log_state(stage: str, state: StageState, text: str) -> None:
    _log.info(f"{stage:<20} {text}", extra={"stage": stage, "state": state})


def _hash_sources(stage: Stage, before: Manifest | None) -> dict[str, str]:
    """Hashes of the files from outside; those noted before, where a run folder has been moved away from its data."""
    if before and before.sources and not all(source.exists() for source in stage.sources):
        return before.sources
    hashed = [hash_files(source) for source in stage.sources]
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
        write_text(layout.lock_holder, str(os.getpid()))
        yield
    finally:
        lock.release()


def run_isolated(work: Callable[..., T], *arguments: object) -> T:
    """Call a function in a new process and wait for what it returns; what it raises is raised here.

    The process ends with this one, however this one ends, so that no two ever write into one run folder.

    Raises:
        RunError: The process was ended from outside.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _end_with_parent, (os.getpid(),)) as pool:
        try:
            return pool.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            raise RunError(
                "A process of this run was ended from outside.",
                hint="Most often memory ran out: close other programs, or give --set threads=1. Then start again.",
            ) from error


def _end_with_parent(parent: int) -> None:
    """Ask the system to end this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.name == "posix" and os.getppid() != parent:
        os._exit(1)
