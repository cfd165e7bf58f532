"""Broken files of every format, a thousand of each: each is read rightly, or is one error: what, where, what to do."""

from __future__ import annotations

import random
import resource
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.data.readers.damage import MUTATIONS, expected
from tests.data.readers.published import EVENTS, PUBLISHED, Published, parquet, put

from recexplainer.data.dataset import inspect_dataset
from recexplainer.data.readers import READERS, read_folder
from recexplainer.errors import RecExplainerError

pytestmark = pytest.mark.slow

MUTANTS = 1000  # of each format
_MEMORY = 300_000  # KiB by which memory may grow, whatever the files say
_TEXT = {name: one for name, one in PUBLISHED.items() if name != "parquet"}
FORMATS = {
    key: [name for name, one in _TEXT.items() if one.key == key]
    for key in {one.key for one in _TEXT.values()} - {"table"}
} | {name: [name] for name, one in _TEXT.items() if one.key == "table"}
TYPES: tuple[Callable[[pl.Expr], pl.Expr], ...] = (
    lambda column: pl.lit(b"1").alias(column.meta.output_name()),
    lambda column: pl.lit(b"\xff\xfe").alias(column.meta.output_name()),
    lambda column: pl.lit(None).alias(column.meta.output_name()),
    lambda column: pl.lit(True).alias(column.meta.output_name()),
    lambda column: pl.lit(float("nan")).alias(column.meta.output_name()),
    lambda column: pl.lit(float("inf")).alias(column.meta.output_name()),
    lambda column: pl.lit(2**64 - 1, dtype=pl.UInt64).alias(column.meta.output_name()),
    lambda column: pl.duration(days=1).alias(column.meta.output_name()),
    lambda column: pl.time(1).alias(column.meta.output_name()),
    lambda column: pl.date(1, 1, 1).alias(column.meta.output_name()),
    lambda column: pl.lit("12.5").cast(pl.Decimal(9, 2)).alias(column.meta.output_name()),
    lambda column: pl.lit(" 1 ").cast(pl.Categorical).alias(column.meta.output_name()),
    lambda column: pl.concat_list(column).alias(column.meta.output_name()),
    lambda column: pl.struct(column).alias(column.meta.output_name()),
    lambda column: pl.struct(pl.struct(column)).alias(column.meta.output_name()),
    lambda column: column.alias(f"{column.meta.output_name()} "),
)


def damage(published: Published, chance: random.Random) -> dict[str, bytes]:
    """The files of a folder, one of them damaged once to thrice."""
    files = dict(published.files)
    name = chance.choice(list(files))
    for _ in range(chance.randint(1, 3)):
        files[name] = chance.choice(MUTATIONS)(files[name] or b"\n", chance)
    return files


def test_every_format_is_tried_here(tmp_path: Path) -> None:
    for number, one in enumerate(PUBLISHED.values()):
        dataset = read_folder(put(tmp_path / str(number), one.files))
        assert dataset.n_interactions == len(EVENTS)
        if one.key != "table" or "parquet" not in "".join(one.files):
            assert expected(one, one.files).faults(dataset) == []
    assert {one.key for one in PUBLISHED.values()} == {reader.key for reader in READERS}


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_a_damaged_file_is_read_rightly_or_is_one_clear_error(format: str, tmp_path: Path) -> None:
    chance = random.Random(f"mutants of {format}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read, wrong = 0, list[str]()
    for number in range(MUTANTS):
        published = PUBLISHED[FORMATS[format][number % len(FORMATS[format])]]
        files = damage(published, chance)
        folder = tmp_path / str(number % len(FORMATS[format]))
        packed = {f"{name}.gz" if number % 4 == 3 else name: data for name, data in files.items()}
        for stale in folder.glob("*"):
            stale.unlink()
        try:
            dataset = read_folder(put(folder, packed))
            inspect_dataset(dataset)
        except RecExplainerError as error:
            assert error.what and error.hint
            assert str(folder) in error.location
        else:
            read += 1
            wrong += [f"{number}: {fault}" for fault in expected(published, files).faults(dataset)]
    assert not wrong, f"{len(wrong)} of {read} read: " + "\n".join(wrong[:20])
    assert 0 < read < MUTANTS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < _MEMORY


def test_parquet_columns_of_other_types(tmp_path: Path) -> None:
    """A column or two become something else, as writers of tables may have them; the others are read as before."""
    chance = random.Random("retyped")
    files = PUBLISHED["parquet"].files
    whole = read_folder(put(tmp_path, files))
    frames = {name: pl.read_parquet(data) for name, data in files.items()}
    columns = [(name, column) for name, frame in frames.items() for column in frame.columns]
    refused = 0
    for _ in range(MUTANTS):
        changed = dict(frames)
        retyped = chance.sample(columns, chance.randint(1, 2))
        try:
            for name, column in retyped:
                changed[name] = changed[name].with_columns(chance.choice(TYPES)(pl.col(column)))
            dataset = read_folder(put(tmp_path, {name: parquet(frame) for name, frame in changed.items()}))
        except RecExplainerError as error:
            refused += 1
            assert error.what and error.hint and str(tmp_path) in error.location
            continue
        kept = {column for _, column in columns} - {column for _, column in retyped}
        if {"user_id", "item_id"} <= kept:
            assert dataset.n_interactions == len(EVENTS) or "title" not in kept
        if {"item_id", "title"} <= kept:
            assert dataset.titles == whole.titles
        if {"user_id", "item_id", "title"} <= kept:
            assert sorted(dataset.user_ids) == sorted(whole.user_ids)
    assert 0 < refused < MUTANTS
