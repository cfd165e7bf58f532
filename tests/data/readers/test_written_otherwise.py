"""The same shop as programs and people write it, a thousand times: read the same, or one error or a warning.

Every table is drawn from what spreadsheets, pandas, Spark and databases do to it: separators, quotes, encodings, ids,
times, titles, missing values, folders. The shop is known, so what was read otherwise in silence is seen.
"""

from __future__ import annotations

import csv
import gzip
import html
import io
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recexplainer.data.dataset import Dataset
from recexplainer.data.readers import read_folder
from recexplainer.errors import RecExplainerError

pytestmark = pytest.mark.slow

TABLES = 1000
_START = 1_680_000_000  # in March 2023
_TITLES = (
    "Ash & Oak",
    "Bïrch",
    'Cedar "red"',
    "Dogwood, late",
    "Elm's Rest",
    "Fir: 2",
    "Gum <3",
    "Hazel (1999)",
    "Ivy 7",
)
ITEMS = {str(1000 + 7 * n): f"{_TITLES[n % 9]} {n}" for n in range(24)}
EVENTS = [
    (str(20 + user), str(1000 + 7 * ((5 * user + 3 * step) % 24)), _START + 1_000_000 * step + 3_600 * user)
    for user in range(12)
    for step in range(8)
]

Row = dict[str, Any]
Draw = random.Random


@dataclass
class Shop:
    """Two tables of text, and how they are to be written."""

    events: list[Row]
    items: list[Row]
    separator: str = ","
    suffix: str = ".csv"
    encoding: str = "utf-8"
    line_end: str = "\n"
    quoted: bool = False
    before: str = ""
    behind: str = ""
    trailing: int = 0
    packed: bool = False
    parts: bool = False
    done: list[str] = field(default_factory=list[str])
    gone: set[str] = field(default_factory=set[str])  # items that lost their titles


def plain() -> Shop:
    events = [{"user_id": user, "item_id": item, "timestamp": str(time)} for user, item, time in EVENTS]
    return Shop(events, [{"item_id": item, "title": title} for item, title in ITEMS.items()])


def _times(shop: Shop, write: Callable[[int, int], str]) -> None:
    for number, row in enumerate(shop.events):
        if row.get("timestamp", "").isdigit():
            row["timestamp"] = write(int(row["timestamp"]), number)


def _date(pattern: str) -> Callable[[int, int], str]:
    return lambda time, _: datetime.fromtimestamp(time, UTC).strftime(pattern)


def titled(shop: Shop) -> list[Row]:
    return [row for row in shop.items if "title" in row]


def separator(shop: Shop, draw: Draw) -> None:
    shop.separator, shop.suffix = draw.choice(
        [(";", ".csv"), ("\t", ".csv"), ("\t", ".tsv"), ("|", ".csv"), (";", ".CSV")]
    )


def spreadsheet(shop: Shop, draw: Draw) -> None:
    shop.separator = draw.choice(";,")
    shop.before = f"sep={shop.separator}\r\n"
    shop.line_end = "\r\n"


def encoding(shop: Shop, draw: Draw) -> None:
    shop.encoding = draw.choice(["utf-8-sig", "utf-16", "latin-1", "cp1252"])


def line_end(shop: Shop, draw: Draw) -> None:
    shop.line_end = draw.choice(["\r\n", "\r"])


def quotes(shop: Shop, draw: Draw) -> None:
    shop.quoted = True


def blank_lines(shop: Shop, draw: Draw) -> None:
    shop.behind = shop.line_end * draw.randint(1, 3)


def trailing_columns(shop: Shop, draw: Draw) -> None:
    shop.trailing = draw.randint(1, 3)


def index_column(shop: Shop, draw: Draw) -> None:
    for rows in (shop.events, shop.items):
        rows[:] = [{"": str(number), **row} for number, row in enumerate(rows)]


def blanks(shop: Shop, draw: Draw) -> None:
    side = draw.choice([shop.events, shop.items])
    for row in side:
        row["item_id"] = draw.choice([" {}", "{} ", "\ufeff{}", "{}\u200b"]).format(row["item_id"])


def whole_floats(shop: Shop, draw: Draw) -> None:
    for row in draw.choice([shop.events, shop.items]):
        row["item_id"] += ".0"


def leading_zeros(shop: Shop, draw: Draw) -> None:
    for row in draw.choice([shop.events, shop.items]):
        row["item_id"] = row["item_id"].zfill(8)


def scientific(shop: Shop, draw: Draw) -> None:
    for row in shop.events:
        row["user_id"] = f"{len(row['user_id'])}.2345E+17"


def python_bytes(shop: Shop, draw: Draw) -> None:
    for row in draw.choice([shop.events, shop.items]):
        row["item_id"] = f"b'{row['item_id']}'"


def missing_users(shop: Shop, draw: Draw) -> None:
    word = draw.choice(["nan", "NaN", "None", "NULL", "", "<NA>"])
    for _ in range(5):
        shop.events.insert(draw.randrange(len(shop.events)), {**shop.events[0], "user_id": word})


def milliseconds(shop: Shop, draw: Draw) -> None:
    times = draw.choice([1000, 1_000_000, 1_000_000_000])
    _times(shop, lambda time, _: str(time * times))


def mixed_units(shop: Shop, draw: Draw) -> None:
    start = draw.randrange(2, 7)
    _times(shop, lambda time, number: str(time * 1000 if number % 8 < start else time))


def float_times(shop: Shop, draw: Draw) -> None:
    _times(shop, lambda time, _: f"{time}.0")


def iso_times(shop: Shop, draw: Draw) -> None:
    pattern = draw.choice(
        ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"]
    )
    _times(shop, _date(pattern))


def mixed_zones(shop: Shop, draw: Draw) -> None:
    _times(
        shop,
        lambda time, number: _date("%Y-%m-%dT%H:%M:%S" + ("Z" if number % 3 else draw.choice(["", "+02:00"])))(
            time, number
        ),
    )


def dates_of_the_office(shop: Shop, draw: Draw) -> None:
    _times(
        shop,
        _date(draw.choice(["%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m/%d/%Y %H:%M", "%d-%m-%Y", "%d %B %Y", "%b %d, %Y"])),
    )


def impossible_times(shop: Shop, draw: Draw) -> None:
    for row in draw.sample(shop.events, 2):
        row["timestamp"] = draw.choice(["-1", "0", "-62135596800000", "253402300799000"])


def other_time_name(shop: Shop, draw: Draw) -> None:
    name = draw.choice(["time", "date", "created_at", "event_time", "ts"])
    shop.events[:] = [{name if key == "timestamp" else key: value for key, value in row.items()} for row in shop.events]
    draw.shuffle(shop.events)


def shuffled(shop: Shop, draw: Draw) -> None:
    draw.shuffle(shop.events)


def dirty_titles(shop: Shop, draw: Draw) -> None:
    ways = [
        "<b>{}</b>",
        '<span class="x">{}</span>',
        "{}\x00",
        "\ufeff{}",
        "{}\u200b",
        "\u202e{}",
        "  {} ",
        "{}\x07",
        "{}<br/>",
    ]
    for row in draw.sample(titled(shop), 8):
        row["title"] = draw.choice(ways).format(row["title"])


def entities(shop: Shop, draw: Draw) -> None:
    times = draw.randint(1, 2)
    for row in titled(shop):
        for _ in range(times):
            row["title"] = html.escape(row["title"])


def duplicate_header(shop: Shop, draw: Draw) -> None:
    side, name = draw.choice(
        [(shop.events, "user_id"), (shop.events, "item_id"), (shop.items, "title"), (shop.items, "item_id")]
    )
    other = [row.get(name, "") for row in side[3:] + side[:3]]
    for row, value in zip(side, other, strict=True):
        row[f"\0{name}"] = value  # written without the zero


def open_quote(shop: Shop, draw: Draw) -> None:
    row = draw.choice(titled(shop))
    row["title"] = f'\0"{row["title"]}'  # written as it is, unescaped


def short_row(shop: Shop, draw: Draw) -> None:
    row = draw.choice(titled(shop))
    row.pop("title")
    shop.gone.add(plain_id(row["item_id"].strip(" \ufeff\u200b")))


def packed(shop: Shop, draw: Draw) -> None:
    shop.packed = True


def spark_parts(shop: Shop, draw: Draw) -> None:
    shop.parts = True


Way = Callable[[Shop, Draw], None]
WAYS: tuple[Way, ...] = (
    separator, spreadsheet, encoding, line_end, quotes, blank_lines, trailing_columns, index_column, whole_floats,
    leading_zeros, scientific, python_bytes, blanks, missing_users, milliseconds, mixed_units, float_times, iso_times,
    mixed_zones, dates_of_the_office, impossible_times, other_time_name, shuffled, dirty_titles, entities,
    duplicate_header, short_row, open_quote, packed, spark_parts,
)  # fmt: skip
TIMES = (milliseconds, mixed_units, float_times, iso_times, mixed_zones, dates_of_the_office, impossible_times)
# What cannot be known, or is wrong: refused, or read with a warning.
UNREADABLE = (leading_zeros, scientific, python_bytes, duplicate_header, open_quote, other_time_name)
REFUSED = {"scientific", "duplicate_header"}


def drawn(draw: Draw, ways: Sequence[Way]) -> Shop:
    """A shop written in one to three ways, of which one at most is about times; in the order of `WAYS`."""
    shop = plain()
    chosen = draw.sample(ways, min(len(ways), draw.randint(1, 3)))
    timed = [way for way in chosen if way in TIMES]
    for way in sorted(set(chosen) - set(timed[1:]), key=WAYS.index):
        way(shop, draw)
        shop.done.append(way.__name__)
    return shop


def as_text(shop: Shop, rows: list[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO()
    quoting = csv.QUOTE_ALL if shop.quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=shop.separator, lineterminator=shop.line_end, quoting=quoting)
    empty = [""] * shop.trailing
    writer.writerow([name.lstrip("\0") for name in names] + empty)
    for row in rows:
        values = [row[name] for name in names if name in row]
        if any(value.startswith('\0"') for value in values):
            file.write(shop.separator.join(value.lstrip("\0") for value in values) + shop.line_end)
        else:
            writer.writerow(values + empty)
    return shop.before + file.getvalue() + shop.behind


def put(folder: Path, shop: Shop) -> Path:
    folder.mkdir()
    for name, rows in (("interactions", shop.events), ("items", shop.items)):
        file = f"{name}{shop.suffix}"
        pieces = {file: rows}
        if shop.parts:
            (folder / file).mkdir()
            (folder / file / "_SUCCESS").touch()
            middle = len(rows) // 2
            pieces = {f"{file}/part-00000-4f1c.csv": rows[:middle], f"{file}/part-00001-4f1c.csv": rows[middle:]}
        for path, piece in pieces.items():
            data = as_text(shop, piece).encode(shop.encoding, "replace")
            (folder / f"{path}{'.gz' * shop.packed}").write_bytes(gzip.compress(data, 1) if shop.packed else data)
    return folder


def faults(dataset: Dataset, shop: Shop) -> list[str]:
    """What was read otherwise than it was meant."""
    titles = dict(zip(map(plain_id, dataset.item_ids), dataset.titles, strict=True))
    meant = {item: title for item, title in ITEMS.items() if item not in shop.gone}
    other = [item for item in meant.keys() | titles if titles.get(item) != meant.get(item)]
    found = [f"title of {item}: {titles.get(item)!r}" for item in other]
    for user in {user for user, _, _ in EVENTS} | set(dataset.user_ids):
        row = dataset.user_ids.index(user) if user in dataset.user_ids else None
        read = [] if row is None else [plain_id(dataset.item_ids[item]) for item in dataset.history(row)]
        events = [item for one, item, _ in EVENTS if one == user and item not in shop.gone]
        if "impossible_times" in shop.done:  # these may be dropped, or stand first
            read, events = sorted(set(events) - set(read))[2:], []
        if read != events:
            found.append(f"history of {user}: {read}, not {events}")
    return found


def plain_id(one: str) -> str:
    return one.lstrip("0").removesuffix(".0")


def outcome(folder: Path, shop: Shop) -> str:
    """Whether a shop was read as it was meant, with a warning, or refused; in no case otherwise in silence."""
    try:
        dataset = read_folder(put(folder, shop))
    except RecExplainerError as error:
        assert error.what and error.hint and str(folder) in error.location
        return "refused"
    assert not REFUSED & set(shop.done), f"{shop.done} was read"
    warned = [note.what for note in dataset.notes if note.warning]
    wrong = faults(dataset, shop)
    assert not wrong or warned, f"{shop.done}: {wrong[:3]}"
    return "warned" if wrong else "same"


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_one_way(way: Way, tmp_path: Path) -> None:
    outcomes = {outcome(tmp_path / str(seed), drawn(Draw(seed), (way,))) for seed in range(10)}
    assert (outcomes <= {"refused", "warned"}) == (way in UNREADABLE), outcomes


def test_several_ways(tmp_path: Path) -> None:
    chance = Draw("written otherwise")
    outcomes = Counter(outcome(tmp_path / str(number), drawn(chance, WAYS)) for number in range(TABLES))
    assert outcomes["same"] > outcomes["warned"]
