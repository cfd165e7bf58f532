"""The manifest of a stage: what it was made from, with what, and how long it took.

It knows nothing of what stages do; it decides whether a stage's folder may be used again.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from recexplainer.settings import Settings
from recexplainer.storage import hash_files, hash_value, read_as, write_json

MANIFEST = "manifest.json"
_PACKAGES = ("recexplainer", "numpy", "polars", "tokenizers", "torch", "transformers")


class Manifest(Settings):
    """What stands in a stage's `manifest.json`."""

    stage: str
    """Name of the stage."""
    settings: dict[str, Any]
    """The settings it was made with."""
    inputs: dict[str, str]
    """For each stage before it, the hash of what that stage had made."""
    sources: dict[str, str]
    """For each file from outside the run, its SHA-256."""
    files: dict[str, str]
    """For each file that the stage made, its SHA-256."""
    summary: str
    """What was made, in one line."""
    started: str
    """When, in UTC (ISO 8601)."""
    seconds: float
    """How long it took, from its last start."""
    versions: dict[str, str]
    """Versions of Python and of the packages that matter."""

    @property
    def key(self) -> str:
        """Hash of settings, inputs and sources: an equal key means that there is nothing to do."""
        return key_of(self.settings, self.inputs, self.sources)

    @property
    def made(self) -> str:
        """Hash of what was made: stages after this one depend on it, not on when or how fast it was made."""
        return hash_value(self.files)


def key_of(settings: dict[str, Any], inputs: dict[str, str], sources: dict[str, str]) -> str:
    """Hash of everything that decides what a stage makes."""
    return hash_value([settings, inputs, sources])


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a stage's manifest into its folder."""
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a stage's folder; None if the stage is absent.

    Raises:
        RunError: There is a file of its name that is none.
    """
    path = folder / MANIFEST
    return read_as(Manifest, path) if path.exists() else None


def is_whole(folder: Path, manifest: Manifest) -> bool:
    """Whether every file that the stage made is still there."""
    return all((folder / name).is_file() for name in manifest.files)


def made_files(folder: Path) -> dict[str, str]:
    """Hashes of what a stage made, all files but the manifest."""
    return {name: digest for name, digest in hash_files(folder).items() if name != MANIFEST}


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a run makes."""
    return {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
