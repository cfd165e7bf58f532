"""Writes one part of a batch after the other, each complete or absent, by a recommender that is opened once.

What a part holds depends on its plan alone: not on which process writes it, nor on what was written before.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import polars as pl

from recexplainer.batch.plan import read_plan
from recexplainer.batch.question import BatchManifest, Job, Question, part_name
from recexplainer.batch.rows import to_frame
from recexplainer.errors import RunError
from recexplainer.explanations.explainer import BATCH_SIZE, PairExplainer
from recexplainer.hardware import FreeMemory, collect_garbage_seldom, use_threads
from recexplainer.pipeline.execution import package_versions
from recexplainer.pipeline.runs import open_explainer, open_writer
from recexplainer.recommenders.base import User
from recexplainer.recommenders.scoring import score_batches
from recexplainer.storage import system_errors

PLAN = ".plan"
_Pairs = list[tuple[User, int]]


def open_part_writer(job: Job) -> PartWriter:
    """The writer of a process that does nothing else: it has one thread, and its collector of garbage looks seldom."""
    use_threads(1)
    writer = PartWriter(job)
    collect_garbage_seldom()
    return writer


class PartWriter:
    """Opens the recommender, and the writer, of a job. Raises RunError where the run or the manifest is missing."""

    def __init__(self, job: Job) -> None:
        self._job, self._memory = job, FreeMemory()
        manifest = BatchManifest.read(job.out)
        if manifest is None:
            hint = "Every machine must see this folder under the same path."
            raise RunError("There is no manifest of a batch here.", location=str(job.out), hint=hint)
        if manifest.versions != (here := package_versions()):
            other = [name for name in here if here[name] != manifest.versions.get(name)]
            hint = "Install the same versions on every machine."
            raise RunError(f"This worker has another version of {other[0]}.", location=str(job.out), hint=hint)
        self._question: Question = manifest.question
        self._explainer: PairExplainer = open_explainer(job.run, surrogate=self._question.needs_surrogate)
        asked = self._question
        self._writer = None
        if not asked.alone:
            self._writer = open_writer(job.run, self._explainer, asked.writer, asked.endpoint, strict=asked.strict)

    def write(self, number: int) -> int:
        """Write a part; returns how many pairs it explains.

        Raises what the recommender and the writer raise, and RunError where the operating system refuses to write.
        """
        pairs = self._pairs(self._job.out / PLAN / part_name(number))
        frames: list[pl.DataFrame] = []
        for start in range(0, len(pairs), BATCH_SIZE):
            frames.append(self._explained(pairs[start : start + BATCH_SIZE]))
            self._memory.give_back()
        _write_frame(pl.concat(frames, rechunk=True), self._job.out / part_name(number))
        return len(pairs)

    def _explained(self, pairs: _Pairs) -> pl.DataFrame:
        asked = self._question
        made = self._explainer.explain(
            pairs, grounded=not asked.alone, strict=asked.strict, writer=self._writer, style=asked.style
        )
        return to_frame(made, self._explainer.dataset)

    def _pairs(self, plan: Path) -> _Pairs:
        rows = read_plan(plan)
        if self._question.k is not None:
            return self._best(rows["user"], self._question.k)
        return [(self._user(user, item), item) for user, item in zip(rows["user"], rows["item"], strict=True)]

    def _best(self, rows: Sequence[int], k: int) -> _Pairs:
        """Each user's best items that they have not had, best first."""
        users = [self._user(row) for row in rows]
        batches = score_batches(self._explainer.recommender, users)
        ranked = (pair for batch in batches for pair in zip(batch.users, batch.best(k), strict=True))
        return [(user, item) for user, items in ranked for item in items]

    def _user(self, row: int, asked: int | None = None) -> User:
        """A user of the data; the history is taken without the item asked about."""
        dataset = self._explainer.dataset
        history = dataset.history(row).tolist()
        return User(tuple(item for item in history if item != asked), dataset.user_ids[row])


def _write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write Parquet aside, flush it to the disk, and rename it."""
    aside = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    with system_errors(path):
        try:
            frame.write_parquet(aside, compression="zstd")
            with aside.open("rb+") as file:
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
