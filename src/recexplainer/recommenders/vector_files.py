"""Vectors in files: npy, Parquet or safetensors, with the ids that they belong to and, where there are any, biases.

It knows formats and what can be wrong with a file; not what is a user or an item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from safetensors import SafetensorError
from safetensors.torch import load_file

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats

BIAS = "bias"


@dataclass(frozen=True, slots=True)
class VectorTable:
    """Vectors by id.

    Attributes:
        path: Where they were read.
        ids: `[n]`, no two alike.
        vectors: `Float[n, d]`, finite.
        biases: `Float[n]`, or None.
    """

    path: Path
    ids: tuple[str, ...]
    vectors: Floats
    biases: Floats | None = None


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
        RecommenderError: A file is missing or of another format; rows differ in width; there are NaN or infinite
            numbers, more or fewer vectors than ids, or an id twice.
    """
    readers = {".npy": _from_npy, ".parquet": _from_parquet, ".safetensors": _from_safetensors}
    if path.suffix not in readers:
        raise RecommenderError("Vectors are in a format that is not read.", location=str(path), hint=_FORMATS)
    if not path.is_file():
        raise RecommenderError("There is no such file of vectors.", location=str(path), hint="Check the path.")
    try:
        table = readers[path.suffix](path, ids)
    except (OSError, EOFError, ValueError, SafetensorError, pl.exceptions.PolarsError) as error:
        said = str(error).strip().split("\n")[0]
        raise RecommenderError(f"The vectors cannot be read: {said}", location=str(path), hint=_FORMATS) from error
    _check(table)
    return table


_FORMATS = "Give .npy, .safetensors or .parquet with plain numbers, every row of the same width."


def _from_npy(path: Path, ids: Path | None) -> VectorTable:
    beside = path.with_suffix(".bias.npy")
    biases = np.load(beside, allow_pickle=False).astype(np.float32) if beside.is_file() else None
    vectors = np.load(path, allow_pickle=False).astype(np.float32)
    return VectorTable(path, _read_ids(_ids_file(path, ids)), vectors, biases)


def _from_safetensors(path: Path, ids: Path | None) -> VectorTable:
    tensors = {name: tensor.float().numpy() for name, tensor in load_file(path).items()}
    tables = [tensor for name, tensor in tensors.items() if name != BIAS]
    if len(tables) != 1:
        raise ValueError(f"it holds {len(tables)} tensors where one (and '{BIAS}') was expected: {', '.join(tensors)}")
    return VectorTable(path, _read_ids(_ids_file(path, ids)), tables[0], tensors.get(BIAS))


def _from_parquet(path: Path, ids: Path | None) -> VectorTable:
    frame = pl.read_parquet(path)
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List | pl.Array)]
    others = [name for name in frame.columns if name not in (*lists, BIAS)]
    if len(lists) != 1 or len(others) != 1:
        raise ValueError(f"one column of ids and one of lists were expected, not {', '.join(frame.columns)}")
    rows = frame[lists[0]].to_list()
    width = len(rows[0]) if rows and rows[0] is not None else 0
    wrong = next((place for place, row in enumerate(rows) if row is None or len(row) != width), None)
    if wrong is not None:
        raise ValueError(f"the vector of {frame[others[0]][wrong]!r} is not {width} wide, as the first is")
    biases = frame[BIAS].cast(pl.Float32).to_numpy() if BIAS in frame.columns else None
    names = tuple(frame[others[0]].cast(pl.String).to_list())
    return VectorTable(path, names, np.array(rows, np.float32), biases)


def _ids_file(path: Path, ids: Path | None) -> Path:
    beside = [path.with_suffix(suffix) for suffix in (".txt", ".csv")]
    return ids or next((file for file in beside if file.is_file()), beside[0])


def _read_ids(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        raise RecommenderError(
            "There is no file that says which id each vector belongs to.",
            location=str(path),
            hint="Write one id a line, in the order of the vectors, or name the file in the settings.",
        )
    if path.suffix == ".csv":
        return tuple(pl.read_csv(path, infer_schema=False).to_series(0).to_list())
    return tuple(path.read_text(encoding="utf-8").splitlines())


def _check(table: VectorTable) -> None:
    vectors, location = table.vectors, str(table.path)
    if vectors.ndim != 2 or not vectors.size:
        raise RecommenderError(f"The vectors have the shape {vectors.shape}.", location=location, hint=_FORMATS)
    counts = {len(table.ids), len(vectors), len(vectors if table.biases is None else table.biases)}
    if len(counts) > 1:
        biases = "" if table.biases is None else f" and {len(table.biases):,} biases"
        raise RecommenderError(
            f"There are {len(vectors):,} vectors{biases} for {len(table.ids):,} ids.",
            location=location,
            hint="Write one id for each vector, in the same order.",
        )
    if twice := [name for name, count in Counter(table.ids).items() if count > 1]:
        raise RecommenderError(
            f"{len(twice):,} ids have more than one vector: {some(twice)}.",
            location=location,
            hint="Keep one for each id.",
        )
    finite = np.isfinite(vectors).all(1) & (True if table.biases is None else np.isfinite(table.biases))
    if not finite.all():
        wrong = [table.ids[place] for place in np.flatnonzero(~finite)]
        raise RecommenderError(
            f"{len(wrong):,} vectors hold NaN or infinity: {some(wrong)}.",
            location=location,
            hint="Look at how they were trained or exported.",
        )


def some(ids: Sequence[str]) -> str:
    """The first few ids, in words."""
    return ", ".join(repr(one) for one in ids[:3]) + (", …" if len(ids) > 3 else "")
