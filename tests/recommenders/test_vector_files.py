"""Files of vectors and of their ids, as programs and people write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.numpy import save_file
from scipy.sparse import csr_array

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats
from recexplainer.recommenders.vector_files import VectorTable, files_of, read_vectors

WIDTH = 6
IDS = ["a", "b", "c"]


def vectors(count: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(count, WIDTH)).astype(np.float32)


def write_npy(path: Path, ids: list[str], values: Floats) -> Path:
    np.save(path, values)
    path.with_suffix(".txt").write_text("\n".join(ids) + "\n")
    return path


def write_parquet(path: Path, ids: list[str], values: Floats) -> Path:
    path = path.with_suffix(".parquet")
    pl.DataFrame({"id": ids, "vector": values.tolist()}).write_parquet(path)
    return path


def write_safetensors(path: Path, ids: list[str], values: Floats) -> Path:
    path = path.with_suffix(".safetensors")
    save_file({"vectors": values}, path)
    pl.DataFrame({"item": ids}).write_csv(path.with_suffix(".csv"))
    return path


WRITERS = (write_npy, write_parquet, write_safetensors)
Write = Callable[[Path, list[str], Floats], Path]


@pytest.mark.parametrize("write", WRITERS)
def test_every_format_reads_alike(write: Write, tmp_path: Path) -> None:
    table = read_vectors(write(tmp_path / "items.npy", ["a", "b", "c"], vectors(3)))
    assert table.ids == ("a", "b", "c")
    np.testing.assert_array_equal(table.vectors, vectors(3))
    assert table.biases is None


def test_biases_in_every_format(tmp_path: Path) -> None:
    biases = np.array([1.0, 2.0, 3.0], np.float32)
    npy = write_npy(tmp_path / "items.npy", ["a", "b", "c"], vectors(3))
    np.save(tmp_path / "items.bias.npy", biases)
    tensors = tmp_path / "other.safetensors"
    save_file({"anything": vectors(3), "bias": biases}, tensors)
    parquet = tmp_path / "items.parquet"
    pl.DataFrame({"item": ["a", "b", "c"], "v": vectors(3).tolist(), "bias": biases}).write_parquet(parquet)
    for path, ids in ((npy, None), (tensors, tmp_path / "items.txt"), (parquet, None)):
        read = read_vectors(path, ids).biases
        assert read is not None
        np.testing.assert_array_equal(read, biases)


def test_errors_of_a_file(tmp_path: Path) -> None:
    good = vectors(3)
    bad = good.copy()
    bad[1, 2] = np.nan

    def refused(message: str, ids: list[str], values: Floats, write: Write = write_npy) -> None:
        with pytest.raises(RecommenderError, match=message) as caught:
            read_vectors(write(tmp_path / f"{write.__name__}.npy", ids, values))
        assert caught.value.location
        assert caught.value.hint

    refused("1 vectors hold NaN or infinity: 'b'", ["a", "b", "c"], bad)
    refused("1 vectors hold NaN", ["a", "b", "c"], np.where(np.isnan(bad), np.inf, bad), write_parquet)
    refused("1 ids have more than one vector: 'a'", ["a", "b", "a"], good)
    refused("3 vectors for 4 ids", ["a", "b", "c", "d"], good)
    refused("3 vectors for 2 ids", ["a", "b"], good, write_safetensors)
    refused(r"shape \(3,\)", ["a", "b", "c"], good[:, 0])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    def refused(message: str, path: Path) -> None:
        with pytest.raises(RecommenderError, match=message):
            read_vectors(path)

    refused("no such file", tmp_path / "none.npy")
    refused("format that is not read", tmp_path / "none.pt")
    np.save(tmp_path / "bare.npy", vectors(2))
    refused("which id each vector belongs to", tmp_path / "bare.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    refused("saved as Python objects", tmp_path / "objects.npy")
    (tmp_path / "text.npy").write_text("these are no vectors, whatever the name says")
    refused(r"no \.npy file", tmp_path / "text.npy")
    for name in ("text.safetensors", "text.parquet"):
        (tmp_path / name).write_text("these are no vectors, whatever the name says")
        refused("cannot be read", tmp_path / name)
    pl.DataFrame({"id": ["a", "b"], "vector": [[1.0, 2.0], [1.0]]}).write_parquet(tmp_path / "ragged.parquet")
    refused("vector of 'b' is not 2 wide", tmp_path / "ragged.parquet")
    save_file({"one": vectors(2), "two": vectors(2)}, tmp_path / "two.safetensors")
    refused("holds 2 tensors", tmp_path / "two.safetensors")


def test_columns_of_one_number_each(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    frame = pl.DataFrame({"item_id": ["a"], **{f"d{number}": [float(number)] for number in (0, 1, 10, 2)}})
    frame.write_parquet(path)
    assert read_vectors(path).vectors.tolist() == [[0, 1, 2, 10]]
    frame.with_columns(price=9.9).write_parquet(path)
    with pytest.raises(RecommenderError, match="price may be no dimension beside d0, d1"):
        read_vectors(path)


@pytest.mark.parametrize("ids", [set(IDS), {0: "a", 1: "b", 2: "c"}, {"0": 1, "1": 2, "2": 0}])
def test_ids_whose_order_says_nothing_of_rows(ids: Any) -> None:
    with pytest.raises(RecommenderError) as caught:
        VectorTable("given", ids, vectors(3))
    assert caught.value.hint == "Give a list, in the order of the vectors."


def test_ids_by_row() -> None:
    assert VectorTable("given", {"a": 2, "b": 0, "c": 1}, vectors(3)).ids == ("b", "c", "a")


def test_all_files_that_are_read_are_known(tmp_path: Path) -> None:
    items = write_npy(tmp_path / "items.npy", ["a"], vectors(1))
    np.save(tmp_path / "items.bias.npy", np.zeros(1))
    users = write_parquet(tmp_path / "users.npy", ["u"], vectors(1))
    names = [file.name for file in (*files_of(items, None), *files_of(users, None))]
    assert names == ["items.npy", "items.txt", "items.bias.npy", "users.parquet"]


def with_ids(tmp_path: Path, name: str, content: str | bytes) -> VectorTable:
    """Three vectors, and beside them a file of ids."""
    np.save(tmp_path / "items.npy", vectors(3))
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(data)
    return read_vectors(tmp_path / "items.npy")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("items.txt", "a\nb\nc"),
        ("items.txt", "\ufeffa\r\nb\r\nc\r\n"),
        ("items.txt", " a \nb\t\n\u200bc\n\n  \n"),
        ("items.txt", "item_id\na\nb\nc\n"),
        ("items.txt", "0\ta\n1\tb\n2\tc\n"),
        ("ITEMS.TXT", "a\nb\nc\n"),
        ("Items.Csv", "item\na\nb\nc\n"),
        ("items.csv", "a\nb\nc\n"),
        ("items.csv", "\ufeffitem_id;title\na;Ash, tall\nb;Birch\nc;Cedar\n"),
        ("items.csv", "sep=;\nitem_id;title\na;Ash\nb;Birch\nc;Cedar\n"),
        ("items.csv", ",item_id,title\n0,a,Ash\n1,b,Birch\n2,c,Cedar\n"),
        ("items.csv", "Unnamed: 0,asin\n0,a\n1,b\n2,c\n"),
        ("items.csv", ",0\n0,a\n1,b\n2,c\n"),
        ("items.csv", "0,a\n1,b\n2,c\n"),
        ("items.csv", "title,item_id\nAsh,a\nBirch,b\nCedar,c\n"),
        ("items.csv", "item_id,count\na,1\nb,2\nc,3\n\n"),
        ("items.csv", 'item_id,title\na,"Ash\nof two lines"\nb,Birch\nc,Cedar\n'),
        ("items.tsv", "item_id\ttitle\na\tAsh\nb\tBirch\nc\tCedar\n"),
        ("items.csv", '"item_id"\n"a"\n"b"\n"c"\n'),
        ("items.csv", '"","x"\n"1","a"\n"2","b"\n"3","c"\n'),
        ("items.txt", '"a"\n"b"\r\n"c"\n'),
        ("items.txt", "a\rb\rc\r"),
    ],
)
def test_ids_files_as_people_have_them(name: str, content: str, tmp_path: Path) -> None:
    assert with_ids(tmp_path, name, content).ids == ("a", "b", "c")


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        ("i\u20281\nb\x0bb\nc", ("i\u20281", "b\x0bb", "c")),
        ("1.0\n2.0\n3.0", ("1", "2", "3")),
        ("a,b\nb;c\nc", ("a,b", "b;c", "c")),
        ("0\n1\n2\n", ("0", "1", "2")),
        ("item 1\nitem 2\nid\n", ("item 1", "item 2", "id")),
    ],
)
def test_a_line_is_an_id(content: str, ids: tuple[str, ...], tmp_path: Path) -> None:
    assert with_ids(tmp_path, "items.txt", content).ids == ids


@pytest.mark.parametrize(
    ("name", "content", "message", "location"),
    [
        ("items.txt", b"caf\xe9\nb\nc\n", "not UTF-8", "items.txt, line 1"),
        ("items.txt", "a\n\nc\n", "1 of 3 vectors have no id, the first in row 2", "items.txt"),
        ("items.txt", "a\nNone\nc\n", "1 of 3 vectors have no id", "items.txt"),
        ("items.txt", "a\nb\nc\nd\n", "3 vectors for 4 ids", "items.txt"),
        ("items.csv", "item_id\na\nb\n", "3 vectors for 2 ids", "items.csv"),
        ("items.txt", "", "empty", "items.txt"),
        ("items.txt", "1.23457E+17\nb\nc\n", "lost digits", "items.txt, ids, data row 1"),
        ("items.csv", "idx,item_id\n2,c\n0,a\n1,b\n", "Column 1 numbers the rows, which stand in", "items.csv"),
        ("items.csv", "item_id,row\nc,3\na,1\nb,2\n", "Column 2 numbers the rows, which stand in", "items.csv"),
    ],
)
def test_what_is_wrong_with_ids_names_their_file(
    name: str, content: str | bytes, message: str, location: str, tmp_path: Path
) -> None:
    with pytest.raises(RecommenderError, match=message) as caught:
        with_ids(tmp_path, name, content)
    assert caught.value.location.endswith(location)
    assert caught.value.hint


@pytest.mark.parametrize("ids", [np.array(IDS), np.array([b"a", b"b", b"c"])])
def test_ids_may_be_an_array(ids: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "items.npy", vectors(3))
    np.save(tmp_path / "ids.npy", ids)
    assert read_vectors(tmp_path / "items.npy", tmp_path / "ids.npy").ids == ("a", "b", "c")
    with pytest.raises(RecommenderError, match="format that is not read"):
        (tmp_path / "ids.pkl").write_text("a\nb\nc\n")
        read_vectors(tmp_path / "items.npy", tmp_path / "ids.pkl")


def test_suffixes_in_any_case(tmp_path: Path) -> None:
    write_npy(tmp_path / "ITEMS.NPY", IDS, vectors(3))
    (tmp_path / "ITEMS.NPY.npy").rename(tmp_path / "ITEMS.NPY")
    np.save(tmp_path / "Items.Bias.npy", np.ones(3))
    table = read_vectors(tmp_path / "ITEMS.NPY")
    assert table.biases is not None
    names = [file.name for file in files_of(tmp_path / "ITEMS.NPY", None)]
    assert names == ["ITEMS.NPY", "ITEMS.txt", "Items.Bias.npy"]


@pytest.mark.parametrize("kind", [">f4", "f2", "longdouble", "i1", "bool", "U32"])
def test_numbers_of_any_kind(kind: str, tmp_path: Path) -> None:
    array = np.asfortranarray(vectors(3)).astype(kind)
    table = read_vectors(write_npy(tmp_path / "items.npy", IDS, array.astype(kind)))
    assert (table.vectors.dtype, table.vectors.dtype.isnative) == (np.float32, True)
    np.testing.assert_array_equal(table.vectors, array.astype(np.float32))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([("a", [1.0, 2.0])], dtype=[("id", "U1"), ("v", "f4", 2)]), "structured array with the fields id, v"),
        (np.array([["1", "x"]]), "no numbers: could not convert string to float"),
        (np.array([[1 + 2j, 3]]), "hold complex128, not numbers"),
        (np.array([[1e300, 1.0]]), "NaN or infinity"),
        (np.zeros((1, 2, 3)), r"shape \(1, 2, 3\)"),
        (np.float32(1), r"shape \(\)"),
    ],
)
def test_arrays_that_are_no_vectors(values: Any, message: str, tmp_path: Path) -> None:
    for make in (lambda: VectorTable("given", ["a"], values), lambda: read_vectors(_saved(tmp_path, values))):
        with pytest.raises(RecommenderError, match=message) as caught:
            make()
        assert caught.value.hint


def _saved(tmp_path: Path, values: Any) -> Path:
    np.save(tmp_path / "odd.npy", values)
    (tmp_path / "odd.txt").write_text("a\n")
    return tmp_path / "odd.npy"


def test_arrays_of_other_libraries_in_memory() -> None:
    pandas = pytest.importorskip("pandas")
    array = vectors(3)
    for given in (
        torch.tensor(array, requires_grad=True),
        torch.tensor(array, dtype=torch.bfloat16),
        pandas.DataFrame(array),
        pandas.Series(list(array)),
        pl.DataFrame(array),
        array.tolist(),
        csr_array(array),
        np.ma.masked_invalid(array),
    ):
        table = VectorTable("given", pandas.Index(IDS), given)
        np.testing.assert_allclose(table.vectors, array, rtol=0.01)
    with pytest.raises(RecommenderError, match="no table of numbers"):
        VectorTable("given", IDS, [[1.0], [2.0, 3.0], [4.0]])


@pytest.mark.parametrize(
    ("shape", "hint"), [((WIDTH, 3), "its transpose"), ((4, WIDTH), "row 0 is padding"), ((9, 2), "one id for each")]
)
def test_counts_that_do_not_fit_have_a_likely_cause(shape: tuple[int, int], hint: str, tmp_path: Path) -> None:
    with pytest.raises(RecommenderError, match="vectors for 3 ids") as caught:
        read_vectors(write_npy(tmp_path / "items.npy", IDS, np.ones(shape, np.float32)))
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"id": [1.0, 2.0, 3.0], "features": vectors(3).tolist()}),
        pl.DataFrame({"id": [1, 2, 3], "features": vectors(3)}, schema_overrides={"features": pl.Array(pl.Float32, 6)}),
        pl.DataFrame({"__index_level_0__": ["1", "2", "3"], "item_id": [1, 2, 3], "v": vectors(3).tolist()}),
        pl.DataFrame({"id": [1, 2, 3], "title": IDS, "vector": vectors(3).tolist()}),
        pl.DataFrame(vectors(3), schema=[str(column) for column in range(WIDTH)]).with_columns(
            item=pl.Series([1, 2, 3])
        ),
        pl.DataFrame({"id": [b"1", b"2", b"3"], "v": [{"type": 1, "values": row} for row in vectors(3).tolist()]}),
    ],
)
def test_parquet_as_programs_write_it(frame: pl.DataFrame, tmp_path: Path) -> None:
    frame.write_parquet(tmp_path / "items.parquet")
    table = read_vectors(tmp_path / "items.parquet")
    assert table.ids == ("1", "2", "3")
    np.testing.assert_allclose(table.vectors, vectors(3), rtol=1e-6)


def test_a_folder_of_parts_is_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "itemFactors"
    for number, (name, vector) in enumerate(zip(IDS, vectors(3).tolist(), strict=True)):
        part = folder / f"part-{number:05d}-c000.snappy.parquet"
        part.parent.mkdir(exist_ok=True)
        pl.DataFrame({"id": [name], "features": [vector]}).write_parquet(part)
    (folder / "_SUCCESS").touch()
    (folder / "._part-00000.parquet.crc").write_bytes(b"crc")
    table = read_vectors(folder)
    assert table.ids == ("a", "b", "c")
    np.testing.assert_array_equal(table.vectors, vectors(3))
    assert [file.suffix for file in files_of(folder, None)] == [".parquet"] * 3
    with pytest.raises(RecommenderError, match="no part of a Parquet table; there: itemFactors"):
        read_vectors(tmp_path)


@pytest.mark.parametrize(
    ("ids", "hint"),
    [
        ([f"0{one}" for one in IDS], "without leading zeros, such as 'a' and '0a'"),
        ([f"b'{one}'" for one in IDS], "as in b'…'"),
        (["0", "1", "2"], "the ids of the vectors are row numbers, 0 to 2"),
        (["x", "y", "z"], "Give a vector for each"),
    ],
)
def test_ids_that_do_not_meet_are_shown_of_both_sides(ids: list[str], hint: str) -> None:
    table = VectorTable("items.npy", ids, vectors(3))
    with pytest.raises(RecommenderError, match="3 of 3 items have no vector: 'a', 'b', 'c'") as caught:
        table.rows_of(IDS, "items", True)
    assert f"The vectors have the ids {ids[0]!r}" in caught.value.what
    assert hint in caught.value.hint


def test_vectors_given_by_floats_and_bytes_meet_the_data() -> None:
    assert VectorTable("items.npy", np.array([2.0, 1.0]), vectors(2)).rows_of(["1", "2"], "items", False) == [1, 0]
    assert VectorTable("items.npy", [b"b", b"a"], vectors(2)).rows_of(["a", "b"], "items", False) == [1, 0]
