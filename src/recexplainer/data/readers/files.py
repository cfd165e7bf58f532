"""What readers share: how a format is recognised by the names of its files.

It knows kinds of files, not what the columns of a data set mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer.data.readers.text import PACKED
from recexplainer.errors import DataError

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset
    from recexplainer.data.readers.columns import ColumnMapping


@dataclass(frozen=True, slots=True)
class Reader:
    """Recognises one format of data and reads it."""

    key: str  # what to call it in settings (`data.format`) and on the command line
    name: str  # what to call it in messages, with the names of its files
    files: Callable[[Path], list[Path]]  # those of a folder that belong to the format, judged by names alone
    read: Callable[[Path], Dataset]  # reads a folder, or the file of interactions; raises DataError if it cannot
    read_mapped: Callable[[Path, ColumnMapping], Dataset] | None = None  # reads it by a column mapping, if it can

    def claims(self, path: Path) -> bool:
        """Whether a folder holds such a file, or a file is one."""
        return bool(self.files(path)) if path.is_dir() else path in self.files(path.parent)


def plain_name(path: Path) -> str:
    """The name of a file, lower-cased and without `.gz` or another suffix of packing."""
    name = path.name.lower()
    return next((name.removesuffix(suffix) for suffix in PACKED if name.endswith(suffix)), name)


def kind_of(path: Path) -> str:
    """The suffix that names the kind of a file, lower-cased and without that of packing: ".csv" for "events.csv.gz"."""
    return Path(plain_name(path)).suffix


def stem_of(path: Path) -> str:
    """The name of a file without that suffix: "events" for "events.csv.gz"."""
    return Path(plain_name(path)).stem


def dataset_name(path: Path) -> str:
    """What to call the data in a folder, or in a file of interactions."""
    return path.name if path.is_dir() else stem_of(path)


def files_named(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder whose plain name matches a regular expression, sorted; hidden ones are left out."""
    there = (file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    return sorted(file for file in there if re.fullmatch(pattern, plain_name(file)))


def require_pair(path: Path, events: list[Path], items: list[Path], wanted: str, hint: str) -> tuple[Path, Path]:
    """The file of interactions and the file of items. Raises DataError, with those there, unless it is one of each."""
    if len(events) == len(items) == 1:
        return events[0], items[0]
    there = ", ".join(file.name for file in (*events, *items)) or "none"
    raise DataError(f"there must be {wanted}; there: {there}", location=str(path), hint=hint)
