"""Vectors by id, and the files that hold them: npy, safetensors or Parquet, and beside them ids and biases.

It knows what such files look like as people have them, not what is done with the vectors.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, cast

import numpy as np
import polars as pl
import polars.selectors as cs
from safetensors import SafetensorError

from recexplainer.data.id_comparison import compare_ids
from recexplainer.data.ids import clean_ids, some_ids
from recexplainer.data.readers.columns import ColumnMapping
from recexplainer.data.readers.files import kind_of, stem_of
from recexplainer.data.readers.layout import find_layout
from recexplainer.data.readers.separated import read_layout
from recexplainer.data.readers.text import read_text_bytes
from recexplainer.errors import DataError, RecommenderError, first_line
from recexplainer.recommenders.answers import as_array
from recexplainer.recommenders.base import Floats

_BIAS = "bias"
_FORMATS = "Give .npy, .safetensors or .parquet with plain numbers, every row of the same width."
_ROWS = "Give an array of numbers, a row for each id."
_IDS_FORMATS = "Write one id a line (.txt), or a table with a column of ids (.csv, .tsv), in the order of the vectors."
_MISSING_ID = "Write an id for each vector, or leave the vector out; nan, None, NULL and the like are no ids."
_ID_NAMES = ("id", "ids", "item_id", "item_ids", "itemid", "user_id", "user_ids", "userid", "item", "user")
_INDEX_NAMES = ("", "index", "unnamed: 0", "row")
_SEPARATORS = {".txt": "\t;", ".csv": ",;\t", ".tsv": "\t"}


class VectorTable:
    """Vectors, finite `Float[n, d]`, and biases, `Float[n]` or None, by id; `location` is where they are from.

    Raises RecommenderError where shapes or counts do not fit, something is no finite number, or an id is missing, comes
    twice, or has lost digits.
    """

    def __init__(self, location: str, ids: Any, vectors: Any, biases: Any = None) -> None:
        self.location, self.ids = location, _clean(ids, location)
        self.vectors = _rectangle(vectors, location)
        self.biases = None if biases is None else _numbers(biases, location).reshape(-1)
        self._check()

    def _check(self) -> None:
        vectors, biases = self.vectors, self.biases
        if {len(vectors), len(vectors if biases is None else biases)} != {len(self.ids)}:
            counted = f"{len(vectors):,} vectors" + ("" if biases is None else f" and {len(biases):,} biases")
            raise self._error(f"There are {counted} for {len(self.ids):,} ids.", _count_hint(vectors, len(self.ids)))
        if twice := [name for name, count in Counter(self.ids).items() if count > 1]:
            problem = f"{len(twice):,} ids have more than one vector: {some_ids(twice)}."
            raise self._error(problem, "Keep one for each id.")
        finite = np.isfinite(vectors).all(1) & (True if biases is None else np.isfinite(biases))
        if wrong := [self.ids[row] for row in np.flatnonzero(~finite)]:
            message = f"{len(wrong):,} vectors hold NaN or infinity: {some_ids(wrong)}."
            raise self._error(message, "Look at how they were trained or exported.")

    def rows_of(self, ids: Sequence[str], what: str, ignore_unknown: bool) -> list[int]:
        """The row of each of the data's ids; `what` they are, for messages.

        Raises RecommenderError where an id has no vector, or, unless these are ignored, a vector has an unknown id.
        """
        rows = {name: row for row, name in enumerate(self.ids)}
        unknown = sorted(set(rows).difference(ids))
        if lacking := [name for name in ids if name not in rows]:
            message = f"{len(lacking):,} of {len(ids):,} {what} have no vector: {some_ids(lacking)}."
            there = f" The vectors have the ids {some_ids(unknown or self.ids)}."
            difference = compare_ids(ids, self.ids, ("the data", "the vectors"))
            hint = f"Give a vector for each, or leave these {what} out of the data."
            raise self._error(message + there, f"{difference.sentence}." if difference else hint)
        if unknown and not ignore_unknown:
            message = f"{len(unknown):,} vectors belong to {what} that the data lacks: {some_ids(unknown)}."
            hint = "Set vectors.ignore_unknown: true if that is right, for example after filtering."
            raise self._error(message, hint)
        return [rows[name] for name in ids]

    def _error(self, message: str, hint: str) -> RecommenderError:
        return RecommenderError(message, location=self.location, hint=hint)


def row_labels(rows: Any, ids: Sequence[str], location: str) -> Sequence[str]:
    """The ids that a frame of pandas has as its index, where one of `ids` is among them; else `ids`."""
    index: Any = rows.index if hasattr(rows, "iloc") else ()
    labels = _clean(index, location) if list(index) != list(range(len(index))) else ()
    return ids if set(labels).isdisjoint(ids) else labels


def _in_row_order(ids: Any, location: str) -> Any:
    """Ids, of which a mapping says in which row each stands. Raises RecommenderError where their order says nothing."""
    kind, ordered = type(ids).__name__, "Give a list, in the order of the vectors."
    if isinstance(ids, (set, frozenset)):
        raise RecommenderError(f"A {kind} of ids has no order.", location=location, hint=ordered)
    if not isinstance(ids, Mapping):
        return ids
    rows = cast("Mapping[Any, Any]", ids)
    numbers, named = set(map(str, range(len(rows)))), [str(one) for one in rows]
    if set(map(str, rows.values())) != numbers or (set(named) == numbers and list(map(str, rows.values())) != named):
        problem = f"A {kind} of ids must say which row each has, 0 to {len(rows) - 1:,}."
        raise RecommenderError(problem, location=location, hint=ordered)
    return sorted(rows, key=rows.__getitem__)


def _clean(ids: Any, location: str) -> tuple[str, ...]:
    try:
        texts = clean_ids(_in_row_order(ids, location), f"{location}, ids").texts()
    except DataError as error:
        _raise_again(error)
    if None in texts:
        row = texts.index(None)
        problem = f"{texts.count(None):,} of {len(texts):,} vectors have no id, the first in row {row + 1}."
        raise RecommenderError(problem, location=location, hint=_MISSING_ID)
    return tuple(text for text in texts if text is not None)


def _raise_again(error: DataError) -> NoReturn:
    raise RecommenderError(error.what, location=error.location, hint=error.hint) from error


def _numbers(values: Any, location: str) -> Floats:
    """Numbers as they come from NumPy, torch, frames and lists, in single precision."""
    try:
        array = as_array(values)
        if array.dtype == object:
            array = np.array([np.asarray(row, np.float64) for row in array])
    except (TypeError, ValueError) as error:
        problem = f"The vectors are no table of numbers but {type(values).__name__}: {first_line(error)}"
        raise RecommenderError(problem, location=location, hint=_ROWS) from error
    if array.dtype.names:
        problem = f"This is a structured array with the fields {', '.join(array.dtype.names)}."
        hint = f"Give the field of vectors alone, such as array[{array.dtype.names[-1]!r}]."
        raise RecommenderError(problem, location=location, hint=hint)
    if array.dtype.kind not in "fiubUS":
        raise RecommenderError(f"The vectors hold {array.dtype}, not numbers.", location=location, hint=_ROWS)
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
            return np.asarray(array, np.float32)
    except ValueError as error:
        raise RecommenderError(f"The vectors are no numbers: {error}", location=location, hint=_ROWS) from error


def _rectangle(values: Any, location: str) -> Floats:
    vectors = _numbers(values, location)
    if vectors.ndim != 2 or not vectors.size:
        problem = f"The vectors have the shape {vectors.shape}."
        raise RecommenderError(problem, location=location, hint=_ROWS)
    return vectors


def _count_hint(vectors: Floats, n_ids: int) -> str:
    if vectors.shape[1] == n_ids:
        return "The array lies on its side: give its transpose, a row for each id."
    if len(vectors) == n_ids + 1:
        return "If row 0 is padding, leave it out: vectors[1:]. Else write one id for each vector, in the same order."
    return "Write one id for each vector, in the same order."


def files_of(path: Path | None, ids: Path | None) -> tuple[Path, ...]:
    """All files that `read_vectors` reads, for whoever wants to know whether one has changed."""
    if path is None:
        return ()
    if path.is_dir():
        return _parts(path)
    more = () if kind_of(path) == ".parquet" else (_ids_file(path, ids),)
    beside = _beside(path, (".bias.npy",)) if kind_of(path) == ".npy" else None
    return (path, *more, *((beside,) if beside else ()))


def read_vectors(path: Path, ids: Path | None = None) -> VectorTable:
    """Read vectors; suffixes may be in any case.

    `.npy` is `Float[n, d]`, biases in `NAME.bias.npy` beside it; `.safetensors` one tensor of two dimensions, and
    `bias`; `.parquet`, a file or a folder of parts, a column of ids, a column of lists (or a column of numbers for each
    dimension), and `bias`. The ids of the first two, in the order of the rows, are `.txt`, one a line, `.csv`, `.tsv`
    or `.npy`; None: a text file of the same name beside it.

    Raises RecommenderError where a file is missing or of another format, rows differ in width, or as `VectorTable`.
    """
    readers = {".npy": _from_npy, ".parquet": _from_parquet, ".safetensors": _from_safetensors}
    kind = ".parquet" if path.is_dir() else kind_of(path)
    if kind not in readers:
        raise RecommenderError("Vectors are in a format that is not read.", location=str(path), hint=_FORMATS)
    if not path.exists():
        raise RecommenderError("There is no such file of vectors.", location=str(path), hint="Check the path.")
    try:
        return VectorTable(str(path), *readers[kind](path, ids))
    except DataError as error:
        _raise_again(error)
    except (OSError, EOFError, ValueError, SafetensorError, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().split("\n")[0]
        raise RecommenderError(f"The vectors cannot be read: {reason}", location=str(path), hint=_FORMATS) from error


class _Content(NamedTuple):
    """What a file of vectors holds, as it stands there."""

    ids: Any
    vectors: Any
    biases: Any


def _from_npy(path: Path, ids: Path | None) -> _Content:
    vectors = _rectangle(_load_array(path), str(path))
    beside = _beside(path, (".bias.npy",))
    return _Content(_read_ids(_ids_file(path, ids), vectors), vectors, _load_array(beside) if beside else None)


def _load_array(path: Path) -> Any:
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise RecommenderError("This is no .npy file.", location=str(path), hint="Write it with numpy.save.")
    try:
        return np.load(path, allow_pickle=False)
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
        problem = "The array was saved as Python objects, which are never loaded."
        hint = "Save plain values, for example with numpy.save(path, numpy.array(values.tolist()))."
        raise RecommenderError(problem, location=str(path), hint=hint) from error


def _from_safetensors(path: Path, ids: Path | None) -> _Content:
    from safetensors.torch import load_file as load_tensors

    tensors = {name: tensor.float().numpy() for name, tensor in load_tensors(path).items()}
    tables = [tensor for name, tensor in tensors.items() if name != _BIAS]
    if len(tables) != 1:
        raise ValueError(f"it holds {len(tables)} tensors where one (and '{_BIAS}') was expected: {', '.join(tensors)}")
    vectors = _rectangle(tables[0], str(path))
    return _Content(_read_ids(_ids_file(path, ids), vectors), vectors, tensors.get(_BIAS))


def _parts(folder: Path) -> tuple[Path, ...]:
    """The parts of a folder that Spark or the like wrote, also in folders `key=value`, without what it hides."""
    files = (file for file in folder.rglob("*") if kind_of(file) == ".parquet" and file.is_file())
    shown = (file for file in files if not file.name.startswith(("_", ".")))
    return tuple(sorted(file for file in shown if all("=" in name for name in file.relative_to(folder).parts[:-1])))


def _from_parquet(path: Path, ids: Path | None) -> _Content:
    frame = _read_parquet(path)
    biases = frame[_BIAS].to_numpy() if _BIAS in frame.columns else None
    frame = frame.drop(_BIAS, strict=False)
    ids_column, vectors = _parquet_columns(frame)
    content = frame[vectors] if len(vectors) > 1 else frame[vectors[0]]
    rows = _rows(content, frame[ids_column]) if isinstance(content, pl.Series) else content
    return _Content(frame[ids_column], rows, biases)


def _parquet_columns(frame: pl.DataFrame) -> tuple[str, list[str]]:
    """The column of ids, and the one of lists, or those of one number each. Raises ValueError if that is not clear."""
    named_ids = set(filter(lambda name: name.lower() in _ID_NAMES, frame.columns))
    lists = frame.select(cs.nested()).columns
    vectors = lists or _dimensions(frame.select(cs.float() - cs.by_name(named_ids)).columns)
    others = frame.drop(vectors).columns
    called = others if len(others) == 1 else list(named_ids.intersection(others))
    if not vectors or len(lists) > 1 or len(called) != 1:
        raise ValueError(f"one column of ids and one of lists were expected, not {', '.join(frame.columns)}")
    return called[0], vectors


def _dimensions(names: list[str]) -> list[str]:
    """Columns of one number each; d0, d1, … in that order. Raises ValueError where others are among these."""
    numbered = {name: re.fullmatch(r"(.*?)(\d+)", name) for name in names}
    stems = Counter(match[1] for match in numbered.values() if match)
    most = stems.most_common(1)[0][0] if stems else ""
    if stems and (others := [name for name, match in numbered.items() if not match or match[1] != most]):
        raise ValueError(f"{', '.join(others)} may be no dimension beside {most}0, {most}1, …: leave it out")
    return sorted(names, key=lambda name: int(match[2]) if (match := numbered[name]) else 0)


def _read_parquet(path: Path) -> pl.DataFrame:
    files = _parts(path) if path.is_dir() else (path,)
    if not files:
        there = ", ".join(sorted(one.name for one in path.iterdir())[:5]) or "nothing"
        raise ValueError(f"the folder holds no part of a Parquet table; there: {there}")
    return pl.concat([pl.read_parquet(file) for file in files])


def _rows(column: pl.Series, ids: pl.Series) -> Any:
    """A column of lists, arrays or Spark's dense vectors as `Float[n, d]`. Raises ValueError where a width differs."""
    if not column.dtype.is_nested():
        return column.to_frame()
    if isinstance(column.dtype, pl.Struct) and "values" in column.struct.fields:
        column = column.struct.field("values")
    lists = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
    widths = lists.list.len().fill_null(0)
    if len(wrong := (widths != widths[0]).arg_true()):
        raise ValueError(f"the vector of {ids[int(wrong[0])]!r} is not {widths[0]} wide, as the first is")
    return lists.explode().to_numpy().reshape(len(lists), -1) if widths[0] else np.empty((len(lists), 0))


def _beside(path: Path, endings: Iterable[str]) -> Path | None:
    """The file beside that is called like this one but for its ending, in any case."""
    there = {file.name.lower(): file for file in sorted(path.parent.iterdir())} if path.parent.is_dir() else {}
    names = (stem_of(path) + ending for ending in endings)
    return next((there[name] for name in names if name in there), None)


def _ids_file(path: Path, ids: Path | None) -> Path:
    return ids or _beside(path, _SEPARATORS) or path.with_suffix(".txt")


def _read_ids(path: Path, vectors: Floats) -> Any:
    """The id of each vector, as it stands in the file."""
    kind = kind_of(path)
    if not path.is_file():
        message = "There is no file that says which id each vector belongs to."
        hint = (
            "Write one id a line, in the order of the vectors, or name the file: vectors.item_ids or vectors.user_ids."
        )
        raise RecommenderError(message, location=str(path), hint=hint)
    if kind != ".npy" and kind not in _SEPARATORS:
        raise RecommenderError("Ids are in a format that is not read.", location=str(path), hint=_IDS_FORMATS)
    ids = _load_array(path) if kind == ".npy" else _text_ids(path, len(vectors))
    if len(ids) != len(vectors):
        problem = f"There are {len(vectors):,} vectors for {len(ids):,} ids."
        raise RecommenderError(problem, location=str(path), hint=_count_hint(vectors, len(ids)))
    _clean(ids, str(path))
    return ids


def _text_ids(path: Path, n_vectors: int) -> pl.Series:
    """The ids of a text file: of its lines, or of its column of ids, without a header and blank lines at the end."""
    text = read_text_bytes(path).decode().rstrip()
    lines = pl.Series(text.split("\n" if "\n" in text else "\r"), dtype=pl.String)
    separator = max(_SEPARATORS[kind_of(path)], key=lines[0].count)
    if kind_of(path) == ".txt" and not lines.str.contains(rf'{separator}|^".*"\s*$').all():
        headed = len(lines) == n_vectors + 1 and lines[0].strip().lower() in _ID_NAMES
        return lines[1:] if headed else lines
    options = ColumnMapping(separator=separator, has_header=False, ragged_lines=True)
    table, _ = read_layout(find_layout(path, options, bool))
    names = [(cell or "").strip().lower() for cell in table.row(0)]
    headed = table.height == n_vectors + 1 or not set(names).isdisjoint(_ID_NAMES)
    return _id_column(table[1:] if headed else table, names if headed else [""] * len(names), path)


def _id_column(table: pl.DataFrame, names: Sequence[str], path: Path) -> pl.Series:
    """The column of ids: the one called so, else the first that does not only count the rows.

    Raises RecommenderError where another column counts rows, and they stand in another order.
    """
    called = [column for column, name in zip(table, names, strict=True) if name in _ID_NAMES]
    counts = [[str(row + first) for row in range(table.height)] for first in (0, 1)]
    others = [
        column
        for column, name in zip(table, names, strict=True)
        if not (name in _INDEX_NAMES and column.to_list() in counts)
    ]
    ids = (called or others or [table.to_series(0)])[0]
    for column in table:
        if column.name != ids.name and column.to_list() not in counts and set(column) in map(set, counts):
            problem = f"Column {table.columns.index(column.name) + 1} numbers the rows, which stand in another order."
            hint = "If it says which row of the vectors an id has, sort the file by it; else remove it."
            raise RecommenderError(problem, location=str(path), hint=hint)
    return ids
