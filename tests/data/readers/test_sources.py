"""Tables of other kinds than separated text, and tables in parts."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import polars as pl
import pytest
from tests.data.readers.shop import EVENTS, TITLES, events, is_whole, items, write

from recexplainer.data.readers import ColumnMapping, read_folder
from recexplainer.errors import DataError

FRAME = pl.DataFrame(EVENTS, schema=["user_id", "item_id", "timestamp"], orient="row")
HEAD, ROWS = events().partition("\n")[0] + "\n", events().splitlines(keepends=True)[1:]
OBJECTS = [{"item_id": f"i{number}", "title": title} for number, title in enumerate(TITLES, 1)]
MARKS: dict[str, str | bytes] = {"_SUCCESS": "", "._SUCCESS.crc": "x", ".part-00000.crc": "x"}


def parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def arrow(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_ipc(file)
    return file.getvalue()


def lines(objects: list[dict[str, str]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in objects).encode()


PARTS: dict[str, dict[str, str | bytes]] = {
    "interactions.parquet": {
        "part-00000-0a.snappy.parquet": parquet(FRAME[:5]),
        "part-00001-0a.snappy.parquet": parquet(FRAME[5:]),
    },
    "interactions.csv": {
        "part-00000.csv": HEAD + "".join(ROWS[:5]),
        "part-00001.csv": HEAD,
        "part-00002.csv": "",
        "part-00003.csv.gz": gzip.compress((HEAD + "".join(ROWS[5:])).encode()),
    },
    "interactions": {
        f"user_id=u{user}/part-0.csv": "item_id,timestamp\n" + "".join(row[3:] for row in ROWS[2 * user : 2 * user + 2])
        for user in range(4)
    },
    "interactions.tsv": {"0.part": HEAD + "".join(ROWS[:5]), "1.part": HEAD + "".join(ROWS[5:])},  # of Dask
    "interactions.tab": {"part-00000": HEAD + "".join(ROWS[:5]), "part-00001": HEAD + "".join(ROWS[5:])},
    "interactions.psv": {"000000_0": HEAD + "".join(ROWS[:5]), "000001_0": HEAD + "".join(ROWS[5:])},  # of Hive
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("marks", [{}, MARKS])
def test_a_folder_of_parts_is_one_table(tmp_path: Path, name: str, marks: dict[str, str | bytes]) -> None:
    write(tmp_path, {"items.csv": items(), **{f"{name}/{own}": data for own, data in {**PARTS[name], **marks}.items()}})
    assert is_whole(read_folder(tmp_path))
    dataset = read_folder(tmp_path / name)
    assert is_whole(dataset) and dataset.name == name


def test_items_and_both_in_parts(tmp_path: Path) -> None:
    parts = {f"items/part-{n}.json.gz": gzip.compress(lines(OBJECTS[n : n + 2])) for n in (0, 2)}
    assert is_whole(read_folder(write(tmp_path, {"interactions.csv": events(), **parts, "items/_SUCCESS": ""})))
    days = {f"log/day={n}/part-0.csv": HEAD.strip() + ",title\nu,i1,1,Ash\n" for n in (1, 2)}
    dataset = read_folder(write(tmp_path / "other", days) / "log")
    assert dataset.titles == ["Ash"] and dataset.n_interactions == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"interactions/part-0.csv": HEAD + ROWS[0], "interactions/part-1.csv": ROWS[1] + ROWS[2]},
            "this part has the",
        ),
        ({"interactions/part-0.csv": HEAD, "interactions/part-1.csv": ""}, "no part of the table holds rows"),
        ({"interactions/part-0.parquet": b"", "interactions/_delta_log/0.json": "{}"}, "a Delta table"),
    ],
)
def test_parts_that_do_not_fit(tmp_path: Path, files: dict[str, str | bytes], message: str) -> None:
    write(tmp_path, {"items.csv": items(), **files})
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert "interactions" in caught.value.location


def test_a_folder_called_interactions_may_hold_both_tables(tmp_path: Path) -> None:
    folder = write(tmp_path / "interactions", {"interactions.csv": events(), "items.csv": items()})
    assert is_whole(read_folder(folder))


@pytest.mark.parametrize(
    "files",
    [
        {"interactions.feather": arrow(FRAME), "items.csv": items()},
        {"interactions.pq": parquet(FRAME), "items.psv": items("|")},
        {"interactions.csv": events(), "items.json": json.dumps(OBJECTS, indent=2)},
        {"interactions.csv": events(), "items.json": lines(OBJECTS)},
        {"interactions.dat": events("::"), "items.csv": items()},
    ],
)
def test_kinds(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    assert is_whole(read_folder(write(tmp_path, files)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps({"item_id": {"0": "i1"}, "title": {"0": "Ash"}}), "one object that holds lists or objects"),
        (json.dumps({"data": OBJECTS}), "one object that holds lists or objects"),
        (json.dumps(OBJECTS)[:-20], "the array of objects cannot be read, it is cut off"),
        (json.dumps(OBJECTS[0], indent=2), "the line cannot be read"),
        ("[]", "the file is empty"),
        ("[1, 2]", "holds no object"),
    ],
)
def test_json_that_is_no_table(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, {"interactions.csv": events(), "items.json": text})
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (["1", 2, "3"], ["1", "2", "3"]),
        ([10**20, 10**20 + 1, 3], [str(10**20), str(10**20 + 1), "3"]),
        ([1, 2, None, 3], ["1", "2", "3"]),
    ],
)
def test_ids_of_several_types(tmp_path: Path, values: list[object], ids: list[str]) -> None:
    rows = [{"user_id": "u", "item_id": value, "title": str(number)} for number, value in enumerate(values)]
    write(tmp_path, {"log.jsonl": "".join(json.dumps(row) + "\n" for row in rows)})
    assert read_folder(tmp_path).item_ids == ids


def test_objects_within_objects(tmp_path: Path) -> None:
    rows = [{"item_id": f"i{number}", "title": {"en": title}} for number, title in enumerate(TITLES, 1)]
    write(tmp_path, {"interactions.csv": events(), "items.json": json.dumps(rows)})
    assert is_whole(read_folder(tmp_path))
    write(tmp_path, {"items.json": json.dumps([{"item_id": {"id": 1, "shop": 2}, "title": "Ash"}] * 2)})
    with pytest.raises(DataError, match="text or a number"):
        read_folder(tmp_path)


def test_one_table_beside_what_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"log.csv": "user_id,item_id,title\nu,a,Ash\n", "old.xlsx": "PK"})
    assert read_folder(tmp_path).titles == ["Ash"]


def test_a_key_that_only_late_objects_have(tmp_path: Path) -> None:
    rows = [{"user_id": f"u{n}", "item_id": "a"} for n in range(1200)] + [
        {"user_id": "u", "item_id": "b", "title": "B"}
    ]
    write(tmp_path, {"log.jsonl": "".join(json.dumps(row) + "\n" for row in rows)})
    assert read_folder(tmp_path).titles == ["B"]


@pytest.mark.parametrize("array", [False, True])
def test_keys_that_are_not_mapped_are_not_parsed(tmp_path: Path, array: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line has other keys within `details` and beside it: no column is made of them."""
    rows = [{"item_id": f"i{n}", "title": f"T{n}", "details": {f"k{n}": n}, f"own {n}": n} for n in range(3000)]
    text = json.dumps(rows) if array else "".join(json.dumps(row) + "\n" for row in rows)
    write(tmp_path, {"interactions.csv": events(), "items.json": text})
    widths: list[int] = []
    made = pl.DataFrame.__init__

    def watched(self: pl.DataFrame, *args: object, **options: object) -> None:
        made(self, *args, **options)  # pyright: ignore[reportArgumentType]
        widths.append(self.width)

    monkeypatch.setattr(pl.DataFrame, "__init__", watched)
    assert read_folder(tmp_path).n_items == 3000
    assert max(widths) < 20


def test_columns_of_parquet_that_are_not_mapped_are_not_read(tmp_path: Path) -> None:
    wide = FRAME.with_columns(pl.lit(b"\xff").alias("blob"), pl.lit(None).alias("empty"))
    assert is_whole(read_folder(write(tmp_path, {"interactions.parquet": parquet(wide), "items.csv": items()})))


def test_tables_that_are_named_may_have_other_suffixes(tmp_path: Path) -> None:
    write(tmp_path, {"user_artists.dat": events("\t", "userID,artistID,weight"), "artists.dat": items("\t", "id,name")})
    mapping = ColumnMapping(interactions_file="user_artists.dat", items_file="artists.dat")
    assert read_folder(tmp_path, mapping).n_interactions == len(EVENTS)


def test_objects_of_mongodb_are_their_values(tmp_path: Path) -> None:
    rows = [
        {"user_id": {"$oid": user}, "item_id": item, "timestamp": {"$date": {"$numberLong": str(time * 1000)}}}
        for user, item, time in EVENTS
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    assert is_whole(read_folder(write(tmp_path, {"interactions.json": text, "items.jsonl": lines(OBJECTS)})))


def test_python_dictionaries_are_read_as_tables(tmp_path: Path) -> None:
    files = {"interactions.csv": events(), "items.json": "".join(f"{one!r}\n" for one in OBJECTS)}
    assert is_whole(read_folder(write(tmp_path, files)))
