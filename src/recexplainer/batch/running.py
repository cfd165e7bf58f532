"""Answers a batch's question in a folder: plans it once, has the parts made that are missing, and notes the end."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from filelock import FileLock, Timeout

from recexplainer.batch.part import PLAN
from recexplainer.batch.plan import plan_pairs, plan_users
from recexplainer.batch.question import BatchManifest, Job, Question, part_name
from recexplainer.batch.workers import in_processes
from recexplainer.data.dataset import Dataset
from recexplainer.errors import RunError, SettingsError
from recexplainer.hardware import free_cores
from recexplainer.pipeline.layout import DATASET, RunLayout
from recexplainer.progress import track
from recexplainer.storage import remove, system_errors

_LOCK = ".lock"
_log = logging.getLogger("recexplainer.batch")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a start of a batch has done: parts in all and made now, pairs explained now, and the seconds they took."""

    n_parts: int
    made: int
    pairs: int
    seconds: float


def run_batch(
    run: Path,
    out: Path,
    question: Question,
    *,
    pairs: Path | None = None,
    users: Path | None = None,
    processes: int | None = None,
    ray: str | None = None,
) -> Summary:
    """Explain pairs, or each user's best items, into Parquet files `part-00000.parquet`, … of a folder.

    A part is complete or absent. Started again with the same question, only the missing parts are made; what is written
    depends neither on the number of processes nor on interruptions.

    Args:
        run: The folder of a run.
        out: The folder to write; new, empty, or of the same question.
        question: How many items a user, and how they are explained.
        pairs: A table with the columns user and item; None: the best items of users.
        users: A table with the column user; None: all of the data.
        processes: How many at most, on a cluster in all; None: as many as there are idle cores.
        ray: The address of a Ray cluster, such as `auto`; None: this machine makes the parts by itself.

    Raises:
        DataError: The table cannot be read, or names users or items that there are not.
        RunError: The run lacks what is asked, the folder holds something else or is in use, or a process was ended.
        SettingsError: Both or neither of pairs and `question.k` are given, or `ray` is not installed.
    """
    _check(question, pairs, users, processes)
    started = monotonic()
    with system_errors(out), _locked(out):
        manifest = _planned(run, out, BatchManifest.of(run, question, pairs or users), pairs, users)
        missing = _missing(out, manifest)
        if len(missing) < manifest.n_parts:
            there = manifest.n_parts - len(missing)
            _log.info("%s of %s parts are there already", f"{there:,}", f"{manifest.n_parts:,}")
        job = Job(run.resolve(), out.resolve())
        done = 0
        for _, count in track(_made(job, missing, processes, ray), "explaining, parts", total=len(missing)):
            done += count
        for name in (PLAN, f"{PLAN}.partial"):
            remove(out / name)
        manifest.model_copy(update={"complete": True}).write(out)
    return Summary(manifest.n_parts, len(missing), done, monotonic() - started)


def _made(job: Job, missing: list[int], processes: int | None, ray: str | None) -> Iterator[tuple[int, int]]:
    if ray is not None:
        from recexplainer.batch.cluster import on_ray

        return on_ray(job, missing, ray, processes)
    return in_processes(job, missing, processes or free_cores())


def _check(question: Question, pairs: Path | None, users: Path | None, processes: int | None) -> None:
    if (pairs is None) == (question.k is None):
        what = (
            "Pairs are given, and the best items of users are wanted, too." if pairs else "It is not said what to do."
        )
        raise SettingsError(what, location="pairs", hint="Give a table of pairs, or how many items of each user.")
    if pairs is not None and users is not None:
        raise SettingsError("The pairs name the users.", location="users", hint="Leave out the users, or the pairs.")
    if processes is not None and processes < 1:
        raise SettingsError(f"There are no {processes} processes.", location="processes", hint="Give 1 or more.")


def _planned(run: Path, out: Path, asked: BatchManifest, pairs: Path | None, users: Path | None) -> BatchManifest:
    """The manifest of the folder, written now if it is new, with a plan if parts are missing.

    Raises RunError where the folder belongs to another question or to something else.
    """
    before = BatchManifest.read(out)
    if before is not None and (differences := asked.differences(before)):
        what = f"This folder has the answers to another question; different: {', '.join(differences)}."
        raise RunError(what, location=str(out), hint="Name a new folder for this question, or remove this one.")
    if before is None and (foreign := sorted(path.name for path in out.iterdir() if not path.name.startswith("."))):
        what = f"This folder holds something else: {foreign[0]}."
        raise RunError(what, location=str(out), hint="Name a new folder.")
    for stale in out.glob(".part-*.partial"):
        remove(stale)
    if before is not None and ((out / PLAN).is_dir() or not _missing(out, before)):
        return before
    planned = _plan(Dataset.load(RunLayout(run).complete_stage(DATASET)), out, asked, pairs, users)
    planned.write(out)
    return planned


def _missing(out: Path, manifest: BatchManifest) -> list[int]:
    """The parts that are not there."""
    return [number for number in range(manifest.n_parts) if not (out / part_name(number)).is_file()]


def _plan(dataset: Dataset, out: Path, asked: BatchManifest, pairs: Path | None, users: Path | None) -> BatchManifest:
    size = asked.question.part_size if pairs else asked.question.users_in_part
    plan = (
        plan_users(users, dataset, out / PLAN, size) if pairs is None else plan_pairs(pairs, dataset, out / PLAN, size)
    )
    return asked.model_copy(update={"n_rows": plan, "n_parts": -(-plan // size)})


@contextmanager
def _locked(out: Path) -> Generator[None]:
    """Hold the folder for this process; the system releases it however the process ends."""
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        what, hint = "Another process works in this folder.", "Wait until it ends, or name another folder."
        raise RunError(what, location=str(out), hint=hint) from error
    try:
        yield
    finally:
        lock.release()
