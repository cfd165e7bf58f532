"""Running stages in a run folder: each is complete or absent, and made again only if something it depends on changed.

It knows nothing of what the stages do.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from recexplainer.errors import RunError
from recexplainer.pipeline.apart import run_apart
from recexplainer.pipeline.graph import RunContext, Stage, in_order, make_in_waves
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
        folders = {stage.name: run / stage.name for stage in ordered}
        made: dict[str, str] = {}

        def bring(stage: Stage) -> None:
            apart = workers > 1 and stage.apart
            manifest = _bring_up_to_date(stage, run, folders, made, reporter, anew=stage.name in again, apart=apart)
            made[stage.name] = manifest.made

        make_in_waves(ordered, bring, workers)


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
    folder = run / stage.name
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
                location=f"{run} (process {holder})",
                hint="Wait until it ends, or give this run another --name.",
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
