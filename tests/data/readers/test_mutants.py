"""A thousand broken files of every format: each is read, or is one error: what is wrong, where, and what to do."""

from __future__ import annotations

import gzip
import io
import json
import random
import resource
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from recexplainer.data.inspection import inspect_dataset
from recexplainer.data.readers import FORMATS, read_folder
from recexplainer.errors import RecExplainerError

MUTANTS = 66  # of each layout; 16 layouts
_ROOM = 300_000  # KiB by which memory may grow, whatever the files say

Mutation = Callable[[bytes, random.Random], bytes]
EVENTS = [(f"u{user}", f"{user + step}", 1_500_000_000 + 6 * user - step) for user in range(4) for step in range(4)]
TITLES = dict(zip("0123456", ("Ash", "Bïrch", "Cedar; red", "“Dog”wood", "Elm", "Fir", "Ünd"), strict=True))


def lines(rows: list[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def records(rows: list[dict[str, object]], write: Callable[[dict[str, object]], str] = json.dumps) -> bytes:
    return lines([write(row) for row in rows])


def parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def reviews(user: str, item: str, time: str, per_second: int) -> bytes:
    return records([{user: u, item: i, time: per_second * t, "reviewText": 'so "good"'} for u, i, t in EVENTS])


TABLE = {
    "interactions": pl.DataFrame(EVENTS, schema=["user_id", "item_id", "timestamp"], orient="row"),
    "items": pl.DataFrame({"item_id": list(TITLES), "title": list(TITLES.values()), "genres": ["A|B"] * len(TITLES)}),
}
INTER = lines(["user_id:token\titem_id:token\ttimestamp:float", *(f"{u}\t{i}\t{t}" for u, i, t in EVENTS)])
ITEM = lines(["item_id:token\ttitle:token_seq\tgenre:token_seq", *(f"{i}\t{t}\tA B" for i, t in TITLES.items())])
FILMS = lines(["movieId,title,genres", *(f'{i},"{t} (1999)",A|B' for i, t in TITLES.items())])
GAMES = [{"id": i, "title": t, "genres": ["A", "B"], "release_date": "2017-01-01"} for i, t in TITLES.items()]
PLAYS = [f'{u},"{TITLES[i]}",{deed},1.0,0' for u, i, _ in EVENTS for deed in ("purchase", "play")]
LAYOUTS: dict[str, dict[str, bytes]] = {
    "recbole": {"x.inter": INTER, "x.item": ITEM},
    "recbole.gz": {"x.inter.gz": INTER, "x.item.gz": ITEM},
    "amazon 2018": {
        "Toys_5.json.gz": reviews("reviewerID", "asin", "unixReviewTime", 1),
        "meta_Toys.json": records([{"asin": i, "title": t, "category": ["A"]} for i, t in TITLES.items()]),
    },
    "amazon 2023": {
        "Toys.jsonl": reviews("user_id", "parent_asin", "timestamp", 1000),
        "meta_Toys.jsonl.gz": records([{"parent_asin": i, "title": t, "features": ["B"]} for i, t in TITLES.items()]),
    },
    "movielens 100K": {
        "u.data": lines([f"{u}\t{i}\t5\t{t}" for u, i, t in EVENTS]),
        "u.item": lines([f"{i}|{t}|01-Jan-1999||http://x|{'|'.join('01' * 9)}|0" for i, t in TITLES.items()]),
    },
    "movielens 1M": {
        "ratings.dat": lines([f"{u}::{i}::5::{t}" for u, i, t in EVENTS]),
        "movies.dat": lines([f"{i}::{t} (1999)::A|B" for i, t in TITLES.items()]),
    },
    "movielens 20M": {
        "ratings.csv": lines(["userId,movieId,rating,timestamp", *(f"{u},{i},5,{t}" for u, i, t in EVENTS)]),
        "movies.csv.gz": FILMS,
    },
    "steam": {
        "steam_reviews.json": records(
            [{"username": u, "product_id": i, "date": f"2017-01-0{1 + t % 9}"} for u, i, t in EVENTS], repr
        ),
        "steam_games.json.gz": records(GAMES, repr),
    },
    "steam plays": {"steam-200k.csv": lines(PLAYS)},
    "steam plays, headed": {"steam-play.csv": lines(["user-id,game-title,value", *PLAYS])},
    "csv": {f"{name}.csv": frame.write_csv().encode() for name, frame in TABLE.items()},
    "tsv.gz": {f"{name}.tsv.gz": frame.write_csv(separator="\t").encode() for name, frame in TABLE.items()},
    "jsonl": {f"{name}.jsonl": frame.write_ndjson().encode() for name, frame in TABLE.items()},
    "jsonl.gz": {f"{name}.jsonl.gz": frame.write_ndjson().encode() for name, frame in TABLE.items()},
    "parquet": {f"{name}.parquet": parquet(frame) for name, frame in TABLE.items()},
    "parquet retyped": {f"{name}.parquet": parquet(frame) for name, frame in TABLE.items()},
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
    tried: set[str] = set()
    for number, layout in enumerate(LAYOUTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, data in LAYOUTS[layout].items():
            (folder / name).write_bytes(gzip.compress(data, 1) if name.endswith(".gz") else data)
        tried |= {known.key for known in FORMATS if known.claims(folder)}
        assert read_folder(folder).n_interactions == len(EVENTS)
    assert tried == {known.key for known in FORMATS}
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
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < _ROOM
