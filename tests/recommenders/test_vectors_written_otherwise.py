"""The same vectors as programs write them, a thousand times: each row goes to its item, or there is one clear error."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecExplainerError
from recexplainer.recommenders.vectors import VectorRecommender, VectorSettings

pytestmark = pytest.mark.slow

FILES = 1000
N = 12
Draw = random.Random


@dataclass
class Written:
    """Item vectors and their ids, and how they are to be written."""

    ids: list[str]
    vectors: NDArray[np.float32]
    suffix: str = ".npy"
    ids_suffix: str = ".txt"
    before: str = ""
    behind: str = "\n"
    line_end: str = "\n"
    encoding: str = "utf-8"
    lines: Callable[[int, str], str] = lambda _, one: one
    save: Callable[[Path, NDArray[np.float32]], None] = np.save
    done: list[str] = field(default_factory=list[str])


def text_ids() -> list[str]:
    return [f"i{number}" for number in range(1, N + 1)]


def number_ids() -> list[str]:
    return [str(100 + 7 * number) for number in range(N)]


def shop(ids: Sequence[str]) -> Dataset:
    items = pl.DataFrame({"item_id": ids, "title": [f"Title {number}" for number in range(N)]})
    events = [(f"u{user}", ids[(user + step) % N]) for user in range(6) for step in range(5)]
    return Dataset.from_frames(pl.DataFrame(events, schema=["user_id", "item_id"], orient="row"), items)


def shuffled(written: Written, draw: Draw) -> None:
    order = draw.sample(range(N), N)
    written.ids, written.vectors = [written.ids[row] for row in order], written.vectors[order]


def byte_order_mark(written: Written, draw: Draw) -> None:
    written.encoding = "utf-8-sig"


def utf_16(written: Written, draw: Draw) -> None:
    written.encoding = "utf-16"


def blank_lines(written: Written, draw: Draw) -> None:
    written.behind = written.line_end * draw.randint(0, 3)


def windows(written: Written, draw: Draw) -> None:
    written.line_end = written.behind = "\r\n"


def blanks(written: Written, draw: Draw) -> None:
    written.lines = draw.choice([lambda _, one: f" {one}", lambda _, one: f"{one}  ", lambda _, one: f"{one}\t"])


def quoted(written: Written, draw: Draw) -> None:
    written.ids_suffix = ".csv"
    written.before = '"item_id"\n'
    written.lines = lambda _, one: f'"{one}"'


def headed(written: Written, draw: Draw) -> None:
    written.ids_suffix = draw.choice([".csv", ".CSV"])
    written.before = draw.choice(["item_id\n", "id\n", "asin\n"])


def headless(written: Written, draw: Draw) -> None:
    written.ids_suffix = ".csv"


def index_column(written: Written, draw: Draw) -> None:
    written.ids_suffix = ".csv"
    written.before = draw.choice([",item_id\n", ",0\n", "index,item_id\n"])
    written.lines = lambda number, one: f"{number},{one}"


def more_columns(written: Written, draw: Draw) -> None:
    written.ids_suffix = ".csv"
    separator = draw.choice([",", ";", "\t"])
    written.before = f"item_id{separator}title\n"
    written.lines = lambda number, one: f"{one}{separator}Title {number}"


def headed_text(written: Written, draw: Draw) -> None:
    written.before = "item_id\n"


def python_bytes(written: Written, draw: Draw) -> None:
    written.lines = lambda _, one: f"b'{one}'"


def leading_zeros(written: Written, draw: Draw) -> None:
    written.lines = lambda _, one: f"00{one}"


def whole_floats(written: Written, draw: Draw) -> None:
    written.lines = lambda _, one: f"{one}.0"


def one_lost(written: Written, draw: Draw) -> None:
    del written.ids[draw.randrange(len(written.ids))]


def one_twice(written: Written, draw: Draw) -> None:
    written.ids[draw.randrange(1, len(written.ids))] = written.ids[0]


def half(written: Written, draw: Draw) -> None:
    kind = draw.choice(["float16", ">f4", "float64", "int32"])
    written.save = lambda path, values: np.save(path, values.astype(kind))


def fortran(written: Written, draw: Draw) -> None:
    written.save = lambda path, values: np.save(path, np.asfortranarray(values))


def objects(written: Written, draw: Draw) -> None:
    written.save = lambda path, values: np.save(path, values.astype(object), allow_pickle=True)


def structured(written: Written, draw: Draw) -> None:
    kind = np.dtype([("id", "U8"), ("vector", "f4", 4)])
    ids = written.ids
    written.save = lambda path, values: np.save(
        path, np.array(list(zip(ids, values.tolist(), strict=False)), dtype=kind)
    )


def transposed(written: Written, draw: Draw) -> None:
    written.save = lambda path, values: np.save(path, values.T)


def upper_case(written: Written, draw: Draw) -> None:
    written.suffix = ".NPY"


def parquet(written: Written, draw: Draw) -> None:
    written.suffix = ".parquet"


Way = Callable[[Written, Draw], None]
WAYS: tuple[Way, ...] = (
    shuffled, byte_order_mark, utf_16, blank_lines, windows, blanks, quoted, headed, headless, index_column,
    more_columns, headed_text, python_bytes, leading_zeros, whole_floats, one_lost, one_twice, half, fortran, objects,
    structured, transposed, upper_case, parquet,
)  # fmt: skip
ARRAYS = (half, fortran, objects, structured, transposed, parquet)
UNREADABLE = (utf_16, python_bytes, leading_zeros, one_lost, one_twice, objects, structured, transposed)
REFUSED = {"one_lost", "one_twice", "objects", "structured", "transposed"}


def put(folder: Path, written: Written, draw: Draw) -> VectorSettings:
    folder.mkdir()
    path, ids = folder / f"items{written.suffix}", folder / f"items{written.ids_suffix}"
    lines = [written.lines(number, one) for number, one in enumerate(written.ids)]
    if written.suffix == ".parquet":
        keys = pl.Series(written.ids)
        kinds = [pl.String, *([pl.Int64, pl.Float64, pl.Binary] if keys[0].isdigit() else [pl.Categorical, pl.Binary])]
        values = written.vectors[: len(keys)].tolist()
        pl.DataFrame({"id": keys.cast(draw.choice(kinds)), "vector": values}).write_parquet(path)
        return VectorSettings(items=path, fold_in="mean")
    with path.open("wb") as file:
        written.save(file, written.vectors)  # pyright: ignore[reportArgumentType] - numpy takes both
    text = written.before.replace("\n", written.line_end) + written.line_end.join(lines) + written.behind
    ids.write_bytes(text.encode(written.encoding))
    return VectorSettings(items=path, item_ids=ids if written.ids_suffix == ".CSV" else None, fold_in="mean")


def drawn(draw: Draw, ways: Sequence[Way]) -> tuple[Written, Dataset, NDArray[np.float32]]:
    """Vectors to write, the data, and the vectors in the order of its catalogue; one way at most is of the array."""
    ids = draw.choice([text_ids, number_ids])()
    vectors = np.random.default_rng(draw.randrange(9)).integers(-8, 9, (N, 4)).astype(np.float32)
    written = Written(list(ids), vectors.copy())
    chosen = draw.sample(ways, min(len(ways), draw.randint(1, 3)))
    arrays = [way for way in chosen if way in ARRAYS]
    for way in sorted(set(chosen) - set(arrays[1:]), key=WAYS.index):
        way(written, draw)
        written.done.append(way.__name__)
    return written, shop(ids), vectors


def outcome(folder: Path, draw: Draw, ways: Sequence[Way]) -> str:
    """Whether the vectors were read as they were meant, or refused; in no case otherwise."""
    written, dataset, vectors = drawn(draw, ways)
    try:
        read = VectorRecommender.from_files(dataset, put(folder, written, draw)).item_vectors()
    except RecExplainerError as error:
        assert error.what and error.hint and error.location
        return "refused"
    assert not REFUSED & set(written.done), f"{written.done} was read"
    assert np.array_equal(read, vectors), written.done
    return "same"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_one_way(way: Way, tmp_path: Path) -> None:
    outcomes = {outcome(tmp_path / str(seed), Draw(seed), (way,)) for seed in range(10)}
    assert (outcomes == {"refused"}) == (way in UNREADABLE), outcomes


def test_several_ways(tmp_path: Path) -> None:
    chance = Draw("written otherwise")
    outcomes = Counter(outcome(tmp_path / str(number), chance, WAYS) for number in range(FILES))
    assert outcomes["same"] > 0
