"""Running stages in a run folder: each is complete or absent, and made again only if something it depends on changed.

It knows nothing of what the stages do.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Protocol

from recexplainer.errors import RunError
from recexplainer.pipeline.apart import run_apart
from recexplainer.pipeline.manifest import (
    Manifest,
    is_whole,
    key_of,
    made_files,
    read_manifest,
    versions,
    write_manifest,
)
from recexplainer.storage import complete_folder, hash_files, remove, system_errors, write_text


class Reporter(Protocol):
    """Whoever wants to know how a run gets on."""

    def skipped(self, stage: str, summary: str) -> None:
        """A stage was done before; `summary` is what it said then."""
        ...

    def started(self, stage: str) -> None:
        """A stage is being made."""
        ...

    def finished(self, stage: str, seconds: float, summary: str) -> None:
        """A stage is complete."""
        ...


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a stage may look at while it is made.

    Attributes:
        folders: The complete folder of every stage that it named as input.
        work: A folder that survives a kill, for checkpoints; empty unless this very stage was cut off before. It is
            removed when the stage is complete.
    """

    folders: Mapping[str, Path]
    work: Path


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a run.

    Attributes:
        name: Its name, unique in the run.
        folder: Its folder in the run folder.
        settings: All settings that decide what it makes, as JSON values.
        inputs: Names of the stages whose folders it reads.
        make: Writes into the folder that it is given; returns one line that says what was made.
        sources: Files or folders outside the run that it reads; known by their content.
        apart: Made in a process of its own where stages are made side by side. Of those that may be, all but one are:
            rooms are loaded when a stage needs them, and threads that load the same one get in each other's way.
    """

    name: str
    folder: str
    settings: Mapping[str, Any]
    inputs: tuple[str, ...]
    make: Callable[[RunContext, Path], str]
    sources: tuple[Path, ...] = ()
    apart: bool = False


def run_stages(
    stages: Sequence[Stage],
    run: Path,
    reporter: Reporter,
    *,
    only: Collection[str] | None = None,
    again: Collection[str] = (),
    beside: Mapping[str, str] | None = None,
    workers: int = 1,
) -> None:
    """Make what is missing or changed, in an order in which every stage follows its inputs.

    A stage killed at any moment leaves nothing half written; the next start makes it anew, from its checkpoints if it
    left any.

    Args:
        stages: The stages.
        run: The run folder; made if it is not there.
        reporter: Is told how it gets on.
        only: Names of the stages wanted, with all that they need; None: all stages.
        again: Names of stages to make anew even if nothing changed.
        beside: Texts to keep in the run folder beside the stages, by file name.
        workers: How many stages may be made at once, where they do not need each other.

    Raises:
        RunError: Another process works in this folder, an unknown stage is named, the stages depend on each other in a
            circle, or the operating system refuses to read or write.
    """
    ordered = in_order(stages, only, again)
    with system_errors(run), _lock(run):
        for name, text in (beside or {}).items():
            write_text(run / name, text)
        folders = {stage.name: run / stage.folder for stage in ordered}
        made: dict[str, str] = {}

        def bring(stage: Stage) -> None:
            apart = workers > 1 and stage.apart
            manifest = _bring_up_to_date(stage, run, folders, made, reporter, anew=stage.name in again, apart=apart)
            made[stage.name] = manifest.made

        _in_waves(ordered, bring, workers)


def _in_waves(ordered: Sequence[Stage], bring: Callable[[Stage], None], workers: int) -> None:
    """Bring every stage as soon as its inputs are made, at most `workers` at once; the first error ends it all."""
    sorter = TopologicalSorter({stage.name: stage.inputs for stage in ordered})
    known = {stage.name: stage for stage in ordered}
    sorter.prepare()
    ready: list[str] = []
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(workers) as pool:
        while sorter.is_active():
            ready += sorter.get_ready()
            ready.sort(key=list(known).index)
            while ready and len(running) < workers:
                name = ready.pop(0)
                running[pool.submit(bring, known[name])] = name
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                done.result()
                sorter.done(running.pop(done))


def in_order(stages: Sequence[Stage], only: Collection[str] | None, again: Collection[str] = ()) -> list[Stage]:
    """The stages wanted and all that they need, each after its inputs.

    Raises:
        RunError: An unknown stage is named, two have one name or one folder, or there is a circle.
    """
    known = {stage.name: stage for stage in stages}
    if len(known) < len(stages) or len({stage.folder for stage in stages}) < len(stages):
        raise RunError("Two stages have the same name or the same folder.", mend="Rename one of them.")
    wanted = list(known if only is None else only)
    named = [*wanted, *again, *(name for stage in stages for name in stage.inputs)]
    if unknown := [name for name in named if name not in known]:
        raise RunError(f"There is no stage {unknown[0]!r}.", mend=f"The stages are: {', '.join(known)}.")
    needed: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in needed:
            needed.add(name)
            wanted += known[name].inputs
    graph = {name: stage.inputs for name, stage in known.items() if name in needed}
    try:
        return [known[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise RunError(
            f"Stages depend on each other in a circle: {', '.join(error.args[1])}.", mend="Take one of the inputs away."
        ) from error


def _bring_up_to_date(
    stage: Stage,
    run: Path,
    folders: Mapping[str, Path],
    made: Mapping[str, str],
    reporter: Reporter,
    *,
    anew: bool,
    apart: bool,
) -> Manifest:
    folder = run / stage.folder
    before = read_manifest(folder)
    settings, inputs = dict(stage.settings), {name: made[name] for name in stage.inputs}
    sources = _hash_sources(stage, before)
    if before and not anew and before.key == key_of(settings, inputs, sources) and is_whole(folder, before):
        _close_work(run, stage.name)
        reporter.skipped(stage.name, before.summary)
        return before
    reporter.started(stage.name)
    start, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    work = _open_work(run, stage.name, key_of(settings, inputs, sources))
    with complete_folder(folder) as partial:
        context = RunContext({name: folders[name] for name in stage.inputs}, work)
        summary = run_apart(stage.make, context, partial) if apart else stage.make(context, partial)
        manifest = Manifest(
            stage=stage.name,
            settings=settings,
            inputs=inputs,
            sources=sources,
            files=made_files(partial),
            summary=summary,
            started=started,
            seconds=round(time.monotonic() - start, 2),
            versions=versions(),
        )
        write_manifest(partial, manifest)
    _close_work(run, stage.name)
    reporter.finished(stage.name, manifest.seconds, summary)
    return manifest


def _hash_sources(stage: Stage, before: Manifest | None) -> dict[str, str]:
    """Hashes of the files from outside; those noted before, where a run folder has been moved away from its data."""
    if before and before.sources and not all(source.exists() for source in stage.sources):
        return before.sources
    hashed = [hash_files(source) for source in stage.sources]
    return {f"{number}/{name}": digest for number, files in enumerate(hashed) for name, digest in files.items()}


def _open_work(run: Path, stage: str, key: str) -> Path:
    """The stage's checkpoints folder, emptied if what was left there belongs to other settings or inputs."""
    work, label = run / ".work" / stage, run / ".work" / f"{stage}.key"
    if not label.exists() or label.read_text(encoding="utf-8") != key:
        remove(work)
        write_text(label, key)
    work.mkdir(parents=True, exist_ok=True)
    return work


def _close_work(run: Path, stage: str) -> None:
    remove(run / ".work" / f"{stage}.key")
    remove(run / ".work" / stage)


@contextmanager
def _lock(run: Path) -> Generator[None, None, None]:
    """Hold a run folder for this process; the system lets go of it however the process ends."""
    run.mkdir(parents=True, exist_ok=True)
    with (run / ".lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise RunError(
                "Another process works in this run folder.",
                where=f"{run} (process {holder})",
                mend="Wait until it ends, or give this run another --name.",
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
