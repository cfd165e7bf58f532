"""What each part of a batch is to explain, as row numbers of users and items, from tables of anybody's ids.

Tables are read in pieces: memory holds a piece, and of text (CSV, JSON Lines) the whole table of two columns. Rows that
cannot be explained are refused before anything is explained, with how many there are. Nothing is scored here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recexplainer.batch.question import part_name
from recexplainer.data.dataset import Dataset
from recexplainer.data.ids import clean_ids
from recexplainer.data.readers.columns import ColumnMapping
from recexplainer.data.readers.files import kind_of
from recexplainer.data.readers.sources import open_source
from recexplainer.data.readers.text import DAMAGED, damaged_file, require_file
from recexplainer.errors import DataError
from recexplainer.storage import complete_folder

PIECE = 1 << 20
"""Rows that are looked up together."""
_NAMES = {"user": ("user", "user_id", "userid"), "item": ("item", "item_id", "itemid")}
_PARQUET = (".parquet", ".pq")


class _Piece(NamedTuple):
    """Rows of a table, `[rows, roles]`, and how many stand before them."""

    start: int
    rows: pl.DataFrame


def plan_pairs(table: Path, dataset: Dataset, folder: Path, part_size: int) -> int:
    """Write what each part explains into a new folder, from a table of pairs; returns the number of pairs.

    Raises DataError where the table cannot be read or rows cannot be explained: there is no such user or item, or the
    user has had nothing but the item.
    """
    return _write(_known(table, dataset, ("user", "item")), folder, part_size)


def plan_users(table: Path | None, dataset: Dataset, folder: Path, users_in_part: int) -> int:
    """The same for users of a table, each once, or all of the data; returns the number of users.

    Users who have had the whole catalogue are left out: nothing could be recommended to them.
    """
    if table is None:
        users = np.arange(dataset.n_users, dtype=np.int32)
    else:
        named = pl.concat(_known(table, dataset, ("user",)))["user"]
        users = named.unique(maintain_order=True).to_numpy()
    left = [user for user in users.tolist() if 0 < len(np.unique(dataset.history(user))) < dataset.n_items]
    if not left:
        what = "no user has both a history and an item that could be recommended"
        raise DataError(what, location=str(table or f"dataset '{dataset.name}'"), hint="name other users")
    return _write(iter([pl.DataFrame({"user": np.array(left, np.int32)})]), folder, users_in_part)


def read_plan(path: Path) -> dict[str, list[int]]:
    """The row numbers of a part: `user`, and `item` where pairs were given."""
    return pl.read_parquet(path).to_dict(as_series=False)


def _write(rows: Iterator[pl.DataFrame], folder: Path, size: int) -> int:
    count = 0
    with complete_folder(folder) as aside:
        for number, part in enumerate(_in_parts(rows, size)):
            part.write_parquet(aside / part_name(number))
            count += part.height
    return count


def _in_parts(frames: Iterator[pl.DataFrame], size: int) -> Iterator[pl.DataFrame]:
    """The same rows, so many at a time; the last part has the rest."""
    held = pl.DataFrame()
    for frame in frames:
        held = pl.concat([held, frame]) if held.height else frame
        whole = held.height // size * size
        for start in range(0, whole, size):
            yield held[start : start + size]
        held = held[whole:]
    if held.height:
        yield held


def _known(table: Path, dataset: Dataset, roles: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The rows of a table as row numbers of the data, `Int32[rows, roles]`; at its end a DataError if any is wrong."""
    known = {role: pl.DataFrame({role: ids}).with_row_index("at") for role, ids in _own_ids(dataset, roles).items()}
    only = _only_items(dataset) if "item" in roles else None
    first: DataError | None = None
    wrong = total = 0
    for start, rows in _pieces(table, roles):
        total += rows.height
        where = f"{table}, row {start + 1:,} and after"
        ids = {role: clean_ids(rows[role], f"{where}, column {role}").values.cast(pl.String) for role in roles}
        found = pl.DataFrame([_places(ids[role], known[role], role) for role in roles])
        bad = found.select(pl.any_horizontal(pl.all().is_null())).to_series()
        if only is not None:
            alone = pl.Series(only)[found["user"].fill_null(0)] == found["item"]
            bad |= alone.fill_null(value=False)
        if bad.any():
            wrong += int(bad.sum())
            at = int(bad.arg_true()[0])
            named = {role: ids[role][at] for role in roles}
            first = first or _refusal(dataset, named, f"{table}, row {start + at + 1:,}")
        else:
            yield found
    if first is not None and wrong > 1:
        what = f"{wrong:,} of {total:,} rows cannot be explained, the first: {first.what}"
        raise DataError(what, location=first.location, hint=first.hint) from first
    if first is not None:
        raise first


def _own_ids(dataset: Dataset, roles: Sequence[str]) -> dict[str, Sequence[str]]:
    own: dict[str, Sequence[str]] = {"user": dataset.user_ids, "item": dataset.item_ids}
    return {role: own[role] for role in roles}


def _places(ids: pl.Series, known: pl.DataFrame, role: str) -> pl.Series:
    """The row number of each id, `Int32[rows]`; null where there is none."""
    asked = pl.DataFrame({role: ids})
    return asked.join(known, on=role, how="left", maintain_order="left")["at"].cast(pl.Int32).alias(role)


def _only_items(dataset: Dataset) -> NDArray[np.int32]:
    """The one item that a user has had, `Int32[users]`; -1 where there are others."""
    only = np.full(dataset.n_users, -1, np.int32)
    for user in np.flatnonzero(dataset.history_lengths > 0).tolist():
        history = dataset.history(user)
        if history.min() == history.max():
            only[user] = history[0]
    return only


def _refusal(dataset: Dataset, named: dict[str, str | None], location: str) -> DataError:
    """Why a row cannot be explained."""
    for role, own_id in named.items():
        if own_id is None:
            return DataError(f"there is no {role}", location=location, hint="leave this row out, or name one")
        try:
            dataset.user_index(own_id) if role == "user" else dataset.item_index(own_id)
        except DataError as error:
            return DataError(error.what, location=f"{location}, {error.location}", hint=error.hint)
    what = f"there is nothing to explain from: the user '{named['user']}' has had nothing else"
    return DataError(what, location=location, hint="leave this pair out")


def _pieces(table: Path, roles: Sequence[str]) -> Iterator[_Piece]:
    """The columns of a table that are needed, as the file has them, in pieces."""
    start = 0
    for piece in _read_parquet(table, roles) if kind_of(table) in _PARQUET else _read_table(table, roles):
        if piece.height:
            yield _Piece(start, piece)
            start += piece.height
    if not start:
        raise DataError("the table has no rows", location=str(table), hint="name a table that holds rows")


def _read_parquet(table: Path, roles: Sequence[str]) -> Iterator[pl.DataFrame]:
    if not table.is_dir():
        require_file(table)
    try:
        scan = pl.scan_parquet(table)
        names = scan.collect_schema().names()
        columns = [pl.col(names[place]).alias(role) for role, place in _columns(names, roles, str(table)).items()]
        yield from scan.select(columns).collect_batches(chunk_size=PIECE, maintain_order=True)
    except DAMAGED as error:
        raise damaged_file(table, error) from error


def _read_table(table: Path, roles: Sequence[str]) -> Iterator[pl.DataFrame]:
    source = open_source(table, ColumnMapping(), roles)
    frame, _ = source.read_as(_columns(source.names, roles, source.location))
    yield from frame.iter_slices(PIECE)


def _columns(names: Sequence[str], roles: Sequence[str], location: str) -> dict[str, int]:
    """The place of each role's column among the names, compared without case; DataError where one is missing."""
    lowered = [name.strip().lower() for name in names]
    found = {role: next((lowered.index(one) for one in _NAMES[role] if one in lowered), None) for role in roles}
    places = {role: place for role, place in found.items() if place is not None}
    if missing := [role for role in roles if role not in places]:
        hint = f"name the columns {', '.join(roles)}; there is {', '.join(names) or 'none'}"
        raise DataError(f"missing column: {missing[0]}", location=location, hint=hint)
    return places
