"""The same shop as every format publishes it: the file of interactions first, then the items."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from recexplainer.data.readers import READERS, Reader

EVENTS = [(f"u{user}", f"{user + step}", 1_500_000_000 + 6 * user - step) for user in range(4) for step in range(4)]
TITLES = dict(zip("0123456", ("Ash", "Bïrch", "Cedar; red", "“Dog”wood", "Elm", "Fir", "Ünd"), strict=True))
CLEAN = ("Ash", "Bïrch", "Cedar, red", '"Dog"wood', "Elm", "Fir", "Ünd")
HISTORIES = {f"u{user}": [CLEAN[user + step] for step in (3, 2, 1, 0)] for user in range(4)}


@dataclass(frozen=True)
class Published:
    """A folder as a format has it.

    Attributes:
        key: Key of its reader.
        files: By name, not packed.
        latin: Whether its text may be in Latin-1.
        tail: What stands behind each title.
    """

    key: str
    files: Mapping[str, bytes]
    latin: bool = False
    tail: str = ""

    @property
    def reader(self) -> Reader:
        """The reader of the format."""
        return next(reader for reader in READERS if reader.key == self.key)


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder; one whose name ends in .gz is packed."""
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(gzip.compress(data, 1, mtime=0) if name.endswith(".gz") else data)
    return folder


def lines(rows: list[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


def records(rows: list[dict[str, object]], write: Callable[[dict[str, object]], str] = json.dumps) -> bytes:
    return lines([write(row) for row in rows])


def parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def _reviews(user: str, item: str, time: str, per_second: int) -> bytes:
    return records([{user: u, item: i, time: per_second * t, "reviewText": 'so "good"'} for u, i, t in EVENTS])


_INTERACTIONS = pl.DataFrame(EVENTS, schema=["user_id", "item_id", "timestamp"], orient="row")
_ITEMS = pl.DataFrame({"item_id": list(TITLES), "title": list(TITLES.values()), "genres": ["A|B"] * len(TITLES)})
_TABLES = {"interactions": _INTERACTIONS, "items": _ITEMS}
_BY_TIME = sorted(EVENTS, key=lambda event: event[2])
_PLAYS = [f'{u},"{TITLES[i]}",{action},1.0,0' for u, i, _ in _BY_TIME for action in ("purchase", "play")]
_GAMES: list[dict[str, object]] = [
    {"id": i, "title": t, "genres": ["A", "B"], "release_date": "2017-01-01"} for i, t in TITLES.items()
]

PUBLISHED: dict[str, Published] = {
    "recbole": Published(
        "recbole",
        {
            "x.inter": lines(
                ["user_id:token\titem_id:token\ttimestamp:float", *(f"{u}\t{i}\t{t}" for u, i, t in EVENTS)]
            ),
            "x.item": lines(
                ["item_id:token\ttitle:token_seq\tgenre:token_seq", *(f"{i}\t{t}\tA B" for i, t in TITLES.items())]
            ),
        },
    ),
    "amazon 2018": Published(
        "amazon",
        {
            "Toys_5.json": _reviews("reviewerID", "asin", "unixReviewTime", 1),
            "meta_Toys.json": records([{"asin": i, "title": t, "category": ["A"]} for i, t in TITLES.items()]),
        },
    ),
    "amazon 2023": Published(
        "amazon",
        {
            "Toys.jsonl": _reviews("user_id", "parent_asin", "timestamp", 1000),
            "meta_Toys.jsonl": records([{"parent_asin": i, "title": t, "features": ["B"]} for i, t in TITLES.items()]),
        },
    ),
    "movielens 100K": Published(
        "movielens",
        {
            "u.data": lines([f"{u}\t{i}\t5\t{t}" for u, i, t in EVENTS]),
            "u.item": lines([f"{i}|{t}|01-Jan-1999||http://x|{'|'.join('01' * 9)}|0" for i, t in TITLES.items()]),
        },
        latin=True,
    ),
    "movielens 1M": Published(
        "movielens",
        {
            "ratings.dat": lines([f"{u}::{i}::5::{t}" for u, i, t in EVENTS]),
            "movies.dat": lines([f"{i}::{t} (1999)::A|B" for i, t in TITLES.items()]),
        },
        latin=True,
        tail=" (1999)",
    ),
    "movielens 20M": Published(
        "movielens",
        {
            "ratings.csv": lines(["userId,movieId,rating,timestamp", *(f"{u},{i},5,{t}" for u, i, t in EVENTS)]),
            "movies.csv": lines(["movieId,title,genres", *(f'{i},"{t} (1999)",A|B' for i, t in TITLES.items())]),
        },
        tail=" (1999)",
    ),
    "steam": Published(
        "steam",
        {
            "steam_reviews.json": records(
                [{"username": u, "product_id": i, "date": f"2017-01-{t - 1_499_999_990:02d}"} for u, i, t in EVENTS],
                repr,
            ),
            "steam_games.json": records(_GAMES, repr),
        },
    ),
    "steam plays": Published("steam", {"steam-200k.csv": lines(_PLAYS)}),
    "steam plays, headed": Published(
        "steam", {"steam-play.csv": lines(["user-id,game-title,value", *(row for row in _PLAYS if ",play," in row)])}
    ),
    "csv": Published("table", {f"{name}.csv": frame.write_csv().encode() for name, frame in _TABLES.items()}),
    "tsv": Published(
        "table", {f"{name}.tsv": frame.write_csv(separator="\t").encode() for name, frame in _TABLES.items()}
    ),
    "jsonl": Published("table", {f"{name}.jsonl": frame.write_ndjson().encode() for name, frame in _TABLES.items()}),
    "parquet": Published("table", {f"{name}.parquet": parquet(frame) for name, frame in _TABLES.items()}),
}
