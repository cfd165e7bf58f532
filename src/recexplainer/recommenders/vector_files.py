"""Vectors by id, in files: npy, Parquet or safetensors, with the ids that they belong to and biases, if any.

It knows formats and what can be wrong with vectors, not what is a user or an item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors import SafetensorError

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats

BIAS = "bias"
_FORMATS = "Give .npy, .safetensors or .parquet with plain numbers, every row of the same width."


class VectorTable:
    """Vectors by id, checked.

    Args:
        location: Where they are from, for messages.
        ids: `[n]`, no two alike.
        vectors: `Float[n, d]`, finite.
        biases: `Float[n]`, or None.

    Raises:
        RecommenderError: Shapes or counts do not fit, a number is NaN or infinite, or an id comes twice.
    """

    def __init__(self, location: str, ids: Sequence[str], vectors: Any, biases: Any = None) -> None:
        self.location, self.ids = location, tuple(ids)
        self.vectors: Floats = np.asarray(vectors, np.float32)
        self.biases: Floats | None = None if biases is None else np.asarray(biases, np.float32)
        if self.vectors.ndim != 2 or not self.vectors.size:
            raise self._error(
                f"The vectors have the shape {self.vectors.shape}.", "Give one row of numbers for each id."
            )
        if {len(self.vectors), len(self.vectors if self.biases is None else self.biases)} != {len(self.ids)}:
            counted = "" if self.biases is None else f" and {len(self.biases):,} biases"
            raise self._error(
                f"There are {len(self.vectors):,} vectors{counted} for {len(self.ids):,} ids.",
                "Write one id for each vector, in the same order.",
            )
        if twice := [name for name, count in Counter(self.ids).items() if count > 1]:
            raise self._error(f"{len(twice):,} ids have more than one vector: {_some(twice)}.", "Keep one for each id.")
        finite = np.isfinite(self.vectors).all(1) & (True if self.biases is None else np.isfinite(self.biases))
        if wrong := [self.ids[row] for row in np.flatnonzero(~finite)]:
            raise self._error(
                f"{len(wrong):,} vectors hold NaN or infinity: {_some(wrong)}.",
                "Look at how they were trained or exported.",
            )

    def rows_of(self, ids: Sequence[str], what: str, ignore_unknown: bool) -> list[int]:
        """The row of each of the data's ids; `what` they are, for messages.

        Raises:
            RecommenderError: An id has no vector, or, unless these are ignored, a vector belongs to an unknown id.
        """
        rows = {name: row for row, name in enumerate(self.ids)}
        if lacking := [name for name in ids if name not in rows]:
            raise self._error(
                f"{len(lacking):,} of {len(ids):,} {what} have no vector: {_some(lacking)}.",
                f"Give a vector for each, or leave these {what} out of the data.",
            )
        unknown = sorted(set(rows).difference(ids))
        if unknown and not ignore_unknown:
            raise self._error(
                f"{len(unknown):,} vectors belong to {what} that the data lacks: {_some(unknown)}.",
                "Set vectors.ignore_unknown: true if that is as it should be, for example after filtering.",
            )
        return [rows[name] for name in ids]

    def _error(self, message: str, hint: str) -> RecommenderError:
        return RecommenderError(message, location=self.location, hint=hint)


def files_of(path: Path, ids: Path | None) -> tuple[Path, ...]:
    """All files that `read_vectors` reads, for whoever wants to know whether one has changed."""
    beside = path.with_suffix(".bias.npy")
    more = () if path.suffix == ".parquet" else (_ids_file(path, ids),)
    return (path, *more, *((beside,) if path.suffix == ".npy" and beside.is_file() else ()))


def read_vectors(path: Path, ids: Path | None = None) -> VectorTable:
    """Read vectors.

    Args:
        path: `.npy`: `Float[n, d]`, biases in `NAME.bias.npy` beside it. `.safetensors`: one tensor of two dimensions,
            and `bias`. `.parquet`: a column of ids, a column of lists, and `bias`.
        ids: The ids of `.npy` and `.safetensors` in the order of the rows: `.txt`, one a line, or `.csv`, its first
            column under a header. None: `NAME.txt` or `NAME.csv` beside the vectors.

    Raises:
        RecommenderError: A file is missing or of another format, rows differ in width, or as `VectorTable`.
    """
    readers = {".npy": _from_npy, ".parquet": _from_parquet, ".safetensors": _from_safetensors}
    if path.suffix not in readers:
        raise RecommenderError("Vectors are in a format that is not read.", location=str(path), hint=_FORMATS)
    if not path.is_file():
        raise RecommenderError("There is no such file of vectors.", location=str(path), hint="Check the path.")
    try:
        return VectorTable(str(path), *readers[path.suffix](path, ids))
    except (OSError, EOFError, ValueError, SafetensorError, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().split("\n")[0]
        raise RecommenderError(f"The vectors cannot be read: {reason}", location=str(path), hint=_FORMATS) from error


def _from_npy(path: Path, ids: Path | None) -> tuple[Sequence[str], Any, Any]:
    beside = path.with_suffix(".bias.npy")
    vectors = np.load(path, allow_pickle=False)
    biases = np.load(beside, allow_pickle=False) if beside.is_file() else None
    return _read_ids(_ids_file(path, ids)), vectors, biases


def _from_safetensors(path: Path, ids: Path | None) -> tuple[Sequence[str], Any, Any]:
    from safetensors.torch import load_file

    tensors = {name: tensor.float().numpy() for name, tensor in load_file(path).items()}
    tables = [tensor for name, tensor in tensors.items() if name != BIAS]
    if len(tables) != 1:
        raise ValueError(f"it holds {len(tables)} tensors where one (and '{BIAS}') was expected: {', '.join(tensors)}")
    return _read_ids(_ids_file(path, ids)), tables[0], tensors.get(BIAS)


def _from_parquet(path: Path, ids: Path | None) -> tuple[Sequence[str], Any, Any]:
    frame = pl.read_parquet(path)
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List | pl.Array)]
    others = [name for name in frame.columns if name not in (*lists, BIAS)]
    if len(lists) != 1 or len(others) != 1:
        raise ValueError(f"one column of ids and one of lists were expected, not {', '.join(frame.columns)}")
    rows = frame[lists[0]].to_list()
    width = len(rows[0]) if rows and rows[0] is not None else 0
    wrong = next((at for at, row in enumerate(rows) if row is None or len(row) != width), None)
    if wrong is not None:
        raise ValueError(f"the vector of {frame[others[0]][wrong]!r} is not {width} wide, as the first is")
    biases = frame[BIAS].to_numpy() if BIAS in frame.columns else None
    return frame[others[0]].cast(pl.String).to_list(), rows, biases


def _ids_file(path: Path, ids: Path | None) -> Path:
    beside = [path.with_suffix(suffix) for suffix in (".txt", ".csv")]
    return ids or next((file for file in beside if file.is_file()), beside[0])


def _read_ids(path: Path) -> Sequence[str]:
    if not path.is_file():
        raise RecommenderError(
            "There is no file that says which id each vector belongs to.",
            location=str(path),
            hint="Write one id a line, in the order of the vectors, or name the file in the settings.",
        )
    if path.suffix == ".csv":
        return pl.read_csv(path, infer_schema=False).to_series(0).to_list()
    return path.read_text(encoding="utf-8").splitlines()


def _some(ids: Sequence[str]) -> str:
    return ", ".join(repr(one) for one in ids[:3]) + (", …" if len(ids) > 3 else "")
