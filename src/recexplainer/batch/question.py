"""What a batch asks, and the manifest of the folder that answers it. It does not know how parts are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from recexplainer.errors import RunError
from recexplainer.explanations.writing import REALISED, SURROGATE, Audience, Length, Style
from recexplainer.pipeline.execution import package_versions, read_manifest
from recexplainer.pipeline.layout import TARGET, RunLayout
from recexplainer.settings import Settings
from recexplainer.storage import hash_files, hash_value, read_as, write_json

MANIFEST = "manifest.json"
VERSION = 1  # of the columns, and of what lies where


class Question(Settings):
    """What a batch asks: how many items a user, and how they are explained. All of it decides what is written."""

    k: int | None = Field(default=None, ge=1)
    """The best items of each user; None: the pairs of a table."""
    part_size: int = Field(default=10_000, ge=1)
    """Pairs in a part; of users, those whose items are as many."""
    writer: str = REALISED
    """Who puts evidence in words: `realised`, `surrogate`, or a chat model by its name."""
    endpoint: str | None = None
    """Where the chat model is."""
    alone: bool = False
    """Whether the surrogate writes without evidence."""
    strict: bool = False
    """Whether no claim may stand that is not supported."""
    aspect: str = ""
    """What the reader wants to hear of, in words."""
    audience: Audience = ""
    """For whom."""
    length: Length = ""
    """How long."""
    language: str = ""
    """The language of a chat model's texts."""

    @property
    def style(self) -> Style:
        """How a writer should write."""
        return Style(self.aspect, self.audience, self.length, self.language)

    @property
    def needs_surrogate(self) -> bool:
        """Whether the surrogate writes."""
        return self.alone or self.writer == SURROGATE

    @property
    def users_in_part(self) -> int:
        """How many users a part has, where it has their best items."""
        return max(1, self.part_size // (self.k or 1))


class BatchManifest(Settings):
    """What stands in the manifest of a batch's folder; it has no times, so that the same question writes the same."""

    version: int
    """Of the columns, and of what lies where."""
    run: str
    """The name of the run's folder."""
    inputs: dict[str, str]
    """For the run's data, its recommender and, if it writes, its surrogate, a hash of what it is."""
    question: Question
    """What is asked."""
    source: list[str]
    """The SHA-256 of the files that name the pairs or the users; none for all users."""
    versions: dict[str, str]
    """Versions of Python and of the packages that decide what is written."""
    n_rows: int = 0
    """How many pairs, or users, there are in all."""
    n_parts: int = 0
    """How many parts."""
    complete: bool = False
    """Whether every part is there."""

    @classmethod
    def of(cls, run: Path, question: Question, source: Path | None) -> BatchManifest:
        """That of a question to a run, before it is known how many pairs there are.

        Raises RunError where the run lacks what is asked, and DataError where there is no such file.
        """
        return cls(
            version=VERSION,
            run=run.resolve().name,
            inputs=_hashes(run, question),
            question=question,
            source=[] if source is None else list(hash_files(source).values()),
            versions=package_versions(),
        )

    def differences(self, other: BatchManifest) -> list[str]:
        """In what two differ that decides what is written, by the names of settings and inputs."""
        sides = (self._decisive(), other._decisive())
        return [name for name in dict.fromkeys([*sides[0], *sides[1]]) if sides[0].get(name) != sides[1].get(name)]

    def _decisive(self) -> dict[str, Any]:
        versions = {f"version of {name}": value for name, value in self.versions.items()}
        own = {"version of the columns": self.version, "pairs or users": self.source}
        return {**own, **self.inputs, **self.question.model_dump(), **versions}

    def write(self, out: Path) -> None:
        """Write it into a folder."""
        write_json(out / MANIFEST, self.model_dump(mode="json"))

    @staticmethod
    def read(out: Path) -> BatchManifest | None:
        """That of a folder; None if there is none. Raises RunError where the file is none."""
        path = out / MANIFEST
        return read_as(BatchManifest, path) if path.is_file() else None


def _hashes(run: Path, question: Question) -> dict[str, str]:
    """What each stage that answers has been made from, and what it made."""
    from recexplainer.pipeline.runs import explaining_stage

    layout = RunLayout(run)
    stages = [*TARGET, *([explaining_stage(run)] if question.needs_surrogate else [])]
    hashes: dict[str, str] = {}
    for name in stages:
        manifest = read_manifest(layout.complete_stage(name))
        if manifest is None:
            raise RunError("A stage has no manifest.", location=str(layout.stage(name)), hint="Start the run again.")
        hashes[name] = hash_value([manifest.key, manifest.output_hash])
    return hashes


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker must know to write a part: the run, and the folder with the manifest and the plan."""

    run: Path
    out: Path


def part_name(number: int) -> str:
    """The name of a part's file; that of what it is to hold is the same in the plan."""
    return f"part-{number:05d}.parquet"
