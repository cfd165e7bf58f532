"""Amazon reviews of 2018 read, filtered and split by one process: reviews a second, and what memory that takes.

The reviews are made up: a twentieth as many users as reviews and a two-hundredth as many items, few of them with much
and many with little, grouped by item as the published files are. Each file is measured by a process of its own; seconds
are those of the processor, and the fastest of some takes counts: others on the machine can only make it slower.
"""

from __future__ import annotations

import gzip
import os
import resource
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
import polars as pl

from common import Result, arguments, begin, finish
from recexplainer.data.dataset import leave_one_out
from recexplainer.data.filtering import FilterSettings, filter_dataset
from recexplainer.data.readers import read_folder
from recexplainer.pipeline.execution import run_isolated

MOST_MEMORY = 4096  # MiB
WAYS = ("plain", "gzip")
_PIECE = 250_000
_WORDS, _TEXTS = 20_000, 20_000
_FIRST, _LAST = 946_684_800, 1_538_352_000  # seconds: 2000 to October 2018


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 3_000_000, 10_000_000], help="reviews")
    parser.add_argument("--text", type=int, nargs="+", default=[0, 600], help="characters of text in a review")
    parser.add_argument("--scratch", type=Path, help="where the files are made up; 14 GB for ten million long reviews")
    parser.add_argument("--takes", type=int, default=3, help="measurements of which the fastest counts")
    options = begin(parser)
    scratch = vars(options).pop("scratch")  # a place on this machine is no setting of the result
    os.environ["POLARS_MAX_THREADS"] = str(options.threads)
    results: list[Result] = []
    growth: dict[str, float] = {}
    for text in options.text:
        taken: dict[tuple[str, int], float] = {}
        for rows in options.rows:
            with TemporaryDirectory(dir=scratch) as folder:
                size = run_isolated(make_up, Path(folder), rows, text)
                for way in WAYS:
                    takes = [run_isolated(measure, Path(folder) / way) for _ in range(options.takes)]
                    told = min(takes, key=lambda take: take["read"] + take["filter"] + take["split"])
                    taken[way, rows] = told["memory"] / rows
                    results += as_results(f"{rows / 1e6:g}M of {size / rows:.0f} bytes", way, rows, told)
        few, many = min(options.rows), max(options.rows)
        for way in WAYS:
            growth[f"memory a review, {many:,} over {few:,}, text {text}, {way}"] = taken[way, many] / taken[way, few]
    finish(options, results, growth)
    assert all(one.value < MOST_MEMORY for one in results if one.unit == "MiB"), "more memory than any file should take"


def as_results(what: str, way: str, rows: int, told: dict[str, float]) -> list[Result]:
    """The rows of one measurement: all steps, reading alone, and the peak with what is loaded before."""
    steps = told["read"] + told["filter"] + told["split"]
    return [
        Result(f"{what}, all steps", way, rows / steps, "a second"),
        Result(f"{what}, reading", way, rows / told["read"], "a second"),
        Result(f"{what}, peak", way, told["peak"] / 2**20, "MiB"),
        Result(f"{what}, above the start", way, told["memory"] / rows, "bytes each"),
    ]


def measure(folder: Path) -> dict[str, float]:
    """Seconds of each step, the peak of this process's memory in bytes, and what of it came after the start."""
    before = peak()
    start = process_time()
    dataset = read_folder(folder)
    read = process_time()
    dataset = filter_dataset(dataset, FilterSettings(min_history=5, k_core=5))
    filtered = process_time()
    users, items = leave_one_out(dataset).train_interactions()
    end = process_time()
    assert len(users) == len(items) > 0
    return {
        "read": read - start,
        "filter": filtered - read,
        "split": end - filtered,
        "peak": peak(),
        "memory": peak() - before,
    }


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def make_up(folder: Path, rows: int, text: int) -> int:
    """Write the same reviews and items plain and packed, each into a folder; returns the bytes of the plain reviews."""
    random = np.random.default_rng(0)
    n_users, n_items = rows // 20, rows // 200
    for way in WAYS:
        (folder / way).mkdir()
        items = pl.DataFrame(
            {"asin": ids("B", n_items), "title": [f"Title of number {item}" for item in range(n_items)]}
        )
        items.write_ndjson(folder / way / "meta_Made_Up.json")
    item = np.sort(draw(random, 1 / (np.arange(n_items) + 50.0) ** 0.8, rows))
    user = draw(random, random.lognormal(0, 1, n_users), rows)
    texts = made_up_texts(random, text)
    names = {"asin": ids("B", n_items), "reviewerID": ids("A", n_users)}
    with (
        (folder / "plain" / "Made_Up.json").open("wb") as plain,
        gzip.open(folder / "gzip" / "Made_Up.json.gz", "wb", compresslevel=1) as packed,
    ):
        for start in range(0, rows, _PIECE):
            piece = slice(start, start + _PIECE)
            data = reviews(random, names["reviewerID"][user[piece]], names["asin"][item[piece]], texts)
            plain.write(data)
            packed.write(data)
    return (folder / "plain" / "Made_Up.json").stat().st_size


def reviews(random: np.random.Generator, users: pl.Series, items: pl.Series, texts: pl.Series) -> bytes:
    """Lines with the keys of a review of 2018."""
    count = len(users)
    columns: dict[str, Any] = {
        "overall": random.integers(1, 6, count).astype(np.float64),
        "verified": random.random(count) < 0.7,
        "reviewTime": "01 1, 2018",
        "reviewerID": users,
        "asin": items,
        "reviewerName": users,
        "reviewText": texts[random.integers(len(texts), size=count)],
        "summary": "Five Stars",
        "unixReviewTime": random.integers(_FIRST, _LAST, count) // 86_400 * 86_400,
    }
    return pl.DataFrame(columns).write_ndjson().encode()


def draw(random: np.random.Generator, weights: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """So many indices, each as often as its weight says."""
    reach = np.cumsum(weights)
    return np.searchsorted(reach, random.random(count) * reach[-1])


def ids(letter: str, count: int) -> pl.Series:
    """Ids of the shape that Amazon's have: ten letters of an item, fourteen of a user."""
    width = 13 if letter == "A" else 9
    scattered = np.arange(count, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(1_000_000_007)
    return pl.Series([f"{letter}{number:0{width}d}" for number in scattered.tolist()])


def made_up_texts(random: np.random.Generator, length: int) -> pl.Series:
    """Texts of made-up words, frequent ones far more often, whose lengths differ as those of reviews do."""
    if not length:
        return pl.Series([""])
    letters = random.integers(97, 123, size=(_WORDS, 9)).astype(np.uint8)
    words = [bytes(row[: 2 + place % 8]).decode() for place, row in enumerate(letters)]
    lengths = np.minimum(random.lognormal(-0.5, 1, _TEXTS) * length / 6.5, 5_000).astype(np.int64)
    drawn = np.minimum(random.zipf(1.1, int(lengths.sum())), _WORDS) - 1
    ends = np.cumsum(lengths)
    return pl.Series(
        [" ".join(words[word] for word in drawn[end - count : end]) for count, end in zip(lengths, ends, strict=True)]
    )


if __name__ == "__main__":
    main()
