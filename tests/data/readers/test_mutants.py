"""A thousand broken files of every format: each is read, or is one error: what is wrong, where, and what to do."""

from __future__ import annotations

import gzip
import random
import resource
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.data.readers.published import EVENTS, PUBLISHED, parquet, put

from recexplainer.data.dataset import inspect_dataset
from recexplainer.data.readers import READERS, read_folder
from recexplainer.errors import RecExplainerError

pytestmark = pytest.mark.slow

MUTANTS = 60  # of each layout
_MEMORY = 300_000  # KiB by which memory may grow, whatever the files say

Mutation = Callable[[bytes, random.Random], bytes]
PACKED = ("recbole", "amazon 2018", "steam", "tsv", "jsonl")
LAYOUTS: dict[str, dict[str, bytes]] = {
    **{name: dict(one.files) for name, one in PUBLISHED.items()},
    **{f"{name}, packed": {f"{own}.gz": data for own, data in PUBLISHED[name].files.items()} for name in PACKED},
    "parquet retyped": dict(PUBLISHED["parquet"].files),
}


def flip_byte(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def drop_span(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randrange(1, 12) :]


def double_span(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:end] + data[start:]


def drop_line(data: bytes, chance: random.Random) -> bytes:
    rows = data.splitlines(keepends=True)
    del rows[chance.randrange(len(rows))]
    return b"".join(rows)


def shuffle_lines(data: bytes, chance: random.Random) -> bytes:
    rows = data.splitlines(keepends=True)
    return b"".join(chance.sample(rows, len(rows)))


def drop_field(data: bytes, chance: random.Random) -> bytes:
    """One field of every line goes: what stands before, between or behind two separators."""
    separator, place = chance.choice((b",", b"\t", b"|", b"::", b", ")), chance.randrange(5)
    rows = [row.split(separator) for row in data.split(b"\n")]
    return b"\n".join(separator.join(row[:place] + row[place + 1 :]) for row in rows)


WORDS = (b"null", b"1", b"2", b'"u1"', b"[]", b"{}", b"-1", b"1e999", b"NaN", b"True", b"Ash", b"''", b"1500000000")
JUNK = (b"\0", b"\n", b"\r", b'"', b"'", b"{", b"}", b"\t", b",", b"|", b"::", b"\xff\xfe", b"\\", b"\\ud800", b"-")
HUGE = (b"9" * 30, b"9" * 5000, b"1e308", b"-9223372036854775809", b"18446744073709551616", b"[" * 3000, b"{'a':" * 500)


def change_words(data: bytes, chance: random.Random) -> bytes:
    old, new = chance.sample(WORDS, 2)
    return data.replace(old, new)


def insert(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(JUNK + HUGE) + data[place:]


def encode_otherwise(data: bytes, chance: random.Random) -> bytes:
    text = data.decode("latin-1")
    return text.encode(chance.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "utf-8")))


MUTATIONS: tuple[Mutation, ...] = (
    flip_byte,
    cut,
    drop_span,
    double_span,
    drop_line,
    shuffle_lines,
    drop_field,
    change_words,
    insert,
    encode_otherwise,
)
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


def retype(data: bytes, chance: random.Random) -> bytes:
    """One column becomes something else, as the writer of a table may have it."""
    frame = pl.read_parquet(data)
    return parquet(frame.with_columns(chance.choice(TYPES)(pl.col(chance.choice(frame.columns)))))


def break_files(layout: str, chance: random.Random) -> dict[str, bytes]:
    """The files of a layout, one of them broken once to thrice; of a packed one now and then the packed bytes."""
    files = dict(LAYOUTS[layout])
    name = chance.choice(list(files))
    packed = name.endswith(".gz") and chance.random() < 0.2
    if packed:
        files[name] = gzip.compress(files[name], 1, mtime=0)
    for _ in range(chance.randint(1, 3)):
        mutation = retype if layout == "parquet retyped" else chance.choice(MUTATIONS)
        files[name] = mutation(files[name] or b"\n", chance)
    whole = {name} if packed else set[str]()
    return {
        name: gzip.compress(data, 1, mtime=0) if name.endswith(".gz") and name not in whole else data
        for name, data in files.items()
    }


def test_every_format_is_tried_here(tmp_path: Path) -> None:
    for number, files in enumerate(LAYOUTS.values()):
        assert read_folder(put(tmp_path / str(number), files)).n_interactions == len(EVENTS)
    assert {one.key for one in PUBLISHED.values()} == {reader.key for reader in READERS}
    assert MUTANTS * len(LAYOUTS) >= 1000


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_broken_file_is_read_or_is_one_clear_error(layout: str, tmp_path: Path) -> None:
    chance = random.Random(f"mutants of {layout}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = 0
    for _ in range(MUTANTS):
        for name, data in break_files(layout, chance).items():
            (tmp_path / name).write_bytes(data)
        try:
            inspect_dataset(read_folder(tmp_path))
        except RecExplainerError as error:
            refused += 1
            assert error.what and error.hint
            assert str(tmp_path) in error.location
    assert 0 < refused < MUTANTS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < _MEMORY
