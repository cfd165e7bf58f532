"""Bad input as a user meets it: one sentence, location, hint, exit code 2; nothing half written, nothing run."""

from __future__ import annotations

import gzip
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recexplainer.cli import main

pytestmark = pytest.mark.slow

USERS, ITEMS, WIDTH = 16, 12, 4
EVENTS = "".join(f"u{user},i{(user + step) % ITEMS},{step}\n" for user in range(USERS) for step in range(6))
TITLES = "".join(f"i{item},Title {item}\n" for item in range(ITEMS))
SHOP = {"interactions.csv": f"user_id,item_id,timestamp\n{EVENTS}", "items.csv": f"item_id,title\n{TITLES}"}
LOG = '{"user_id": "u", "item_id": "a", "title": "Ash"}\n'
RATINGS = "u\ta\t5\t1000000000\n"
FILMS = f"a|Ash|01-Jan-1999||x{'|0' * 19}\n"
GAMES = "{'id': '1', 'title': 'Ash'}\n"
CODE = "{'username': 'u', 'product_id': '1', 'date': __import__('os').mkdir('run-by-accident')}\n"

RECIPE = """
name: small
threads: 1
data: {source: files, path: shop, filter: {min_history: 3}}
recommender: {kind: vectors, vectors: {items: items.parquet, users: users.parquet}}
examples: {test_users: 4, synthetic_history_ratio: 0, chat_train: 0, limits: {ranking: 10, retrieval: 10}}
forms: [behavior]
surrogate:
  nano: {hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 1, intermediate_size: 16, vocab_size: 400}
  connector_warmup_examples: 0
  epochs: {behavior: 0.1}
"""

# The files of a folder, and what is said of them.
UNUSABLE: dict[str, tuple[dict[str, str | bytes], str, str, str]] = {
    "missing column": (
        {"log.csv": "user_id,title\nu,Ash\n"},
        "missing column: item_id",
        "log.csv",
        "the columns there are: user_id, title",
    ),
    "no title": (
        {"log.csv": "user_id,item_id\nu,a\n"},
        "missing column: title",
        "log.csv",
        "name the column that holds it in data.columns.title",
    ),
    "unknown format": ({"notes.docx": "x"}, "no data of a known format", "bad", "known are: RecBole"),
    "two formats": (
        {"log.csv": "x", "u.data": "x", "u.item": "x"},
        "more than one format is there: MovieLens",
        "bad",
        "set data.format (--format) to one of movielens, table",
    ),
    "not UTF-8": (
        {"log.csv": "user_id,item_id,title\nu,a,Öl\n".encode("latin-1")},
        "not UTF-8: byte 0xd6",
        "log.csv, line 2",
        "iconv",
    ),
    "UTF-16": (
        {"log.csv": "user_id,item_id,title\nu,a,Ash\n".encode("utf-16")},
        "not UTF-8 but UTF-16",
        "log.csv, line 1",
        "iconv -f utf-16 -t utf-8",
    ),
    "cut gzip": (
        {"log.csv.gz": gzip.compress(SHOP["interactions.csv"].encode())[:-20]},
        "cut off or damaged",
        "log.csv.gz",
        "copy or download it again",
    ),
    "cut JSON": (
        {"log.jsonl": LOG + LOG[:20]},
        "the line cannot be read, it is cut off or no JSON",
        "log.jsonl, line 2",
        "correct or remove the line",
    ),
    "code": (
        {"steam_reviews.json": CODE, "steam_games.json": GAMES},
        "code is never run",
        "steam_reviews.json, line 1",
        "correct or remove the line",
    ),
    "day or month": (
        {"log.csv": "user_id,item_id,title,timestamp\nu,a,Ash,01/02/2023\nu,b,Birch,02/01/2023\n"},
        "the day or the month may be first in '01/02/2023'",
        "data row 1",
        "data.columns.day_first",
    ),
    "no time": (
        {"log.csv": "user_id,item_id,title,timestamp\nu,a,Ash,soon\n"},
        "'soon' is neither a number nor a date",
        "data row 1",
        "2020-01-31",
    ),
    "no item known": (
        {"interactions.csv": "user_id,item_id\nu,z\n", "items.csv": SHOP["items.csv"]},
        "no interaction is left after cleaning",
        "items outside the catalogue or without a title dropped: 1",
        "same ids",
    ),
    "empty file": ({"log.csv": ""}, "the file is empty", "log.csv", "name a file"),
    "one name twice": (
        {
            "x.inter": "user_id:token\tuser_id:float\titem_id:token\nu\tu\ta\n",
            "x.item": "item_id:token\ttitle:token_seq\na\tAsh\n",
        },
        "more than one column is called user_id",
        "x.inter, line 1",
        "rename",
    ),
}
# A change to the recipe, what is said, and the stages made until then; None: not even a run folder.
IMPOSSIBLE: dict[str, tuple[str, str, str, set[str] | None]] = {
    "data.filter.min_history=50": ("filtering leaves nothing", "fewer than 50 interactions", "min_history", set()),
    "data.filter.k_cor=5": (
        "Unknown setting 'data.filter.k_cor'",
        "--set data.filter.k_cor",
        "'data.filter.k_core'?",
        None,
    ),
    "data.filter.k_core=five": (
        "The setting 'data.filter.k_core' cannot be 'five'",
        "--set data.filter.k_core",
        "What it means",
        None,
    ),
    "data.filter.min_history=1.5": ("cannot be 1.5", "--set data.filter.min_history", "What it means", None),
    "data.path=null": ("does not say where its files are", "key data.path", "--data PATH", set()),
    "recommender.kind=implicit": (
        "The package implicit is not there",
        "recommender.kind: implicit",
        "pip install 'recexplainer[implicit]'",
        {"dataset"},
    ),
    "recommender.vectors.users=nowhere.npy": (
        "There is no such file or folder",
        "nowhere.npy",
        "Check the path",
        {"dataset"},
    ),
    "surrogate.pretrained.four_bit=true": (
        "Weights in 4 bits need",
        "somewhere/model",
        "recexplainer[4bit]",
        {"dataset", "recommender", "examples"},
    ),
    "surrogate.nano.max_length=64": (
        "tokens, but the backbone's max_length is 64",
        "the prompt that begins: ",
        "surrogate.nano.max_length",
        {"dataset", "recommender", "examples"},
    ),
}


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str, str]:
    """What, location and hint of a command that ends in an error: the last three lines, and no other but stages'."""
    with pytest.raises(SystemExit) as left:
        main(words)
    shown = capsys.readouterr()
    assert (left.value.code, shown.out) == (2, "")
    *stages, what, location, hint = shown.err.splitlines()
    few = f"{USERS} users are too few to tell knowledge from chance."
    names = ("dataset", "recommender", "examples", "surrogate-behavior")
    assert all(line.strip() == few or line.partition(" ")[0] in names for line in stages), stages
    assert location.startswith("  location: ") and hint.startswith("  hint: ")
    return what, location.partition(": ")[2], hint.partition(": ")[2]


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """What a command that ends well prints, line by line, each with single spaces."""
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def whole(run: Path) -> set[str]:
    """The stages of a run folder, each of which must be complete."""
    left = {path.name for path in run.iterdir() if not path.name.startswith(".")} - {"recipe.yaml", "layout.json"}
    assert all((run / name / "manifest.json").is_file() for name in left), left
    return left


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, which the command is called in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shop(here: Path) -> Path:
    """A recipe that can be run: its data, and vectors of all items and users."""
    put(here / "shop", dict(SHOP))
    (here / "small.yaml").write_text(RECIPE)
    vectors(here / "items.parquet", [f"i{item}" for item in range(ITEMS)])
    vectors(here / "users.parquet", [f"u{user}" for user in range(USERS)])
    return here


def vectors(path: Path, ids: list[str], width: int = WIDTH, first: float = 1.0) -> None:
    values = np.random.default_rng(0).normal(size=(len(ids), width))
    values[0, 0] = first
    pl.DataFrame({"id": ids, "vector": values.tolist()}).write_parquet(path)


@pytest.mark.parametrize("case", UNUSABLE)
def test_data_that_cannot_be_used(case: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, what, location, hint = UNUSABLE[case]
    put(here / "bad", files)
    message = refused(capsys, "data", "inspect", "bad")
    assert all(part in line for part, line in zip((what, location, hint), message, strict=True)), message
    (here / "small.yaml").write_text(RECIPE)
    assert refused(capsys, "run", "small.yaml", "--data", "bad")[0] == message[0]
    assert whole(here / "runs" / "small") == set()
    assert not (here / "run-by-accident").exists()


def test_what_reading_drops_is_counted(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (shop / "shop" / "interactions.csv").open("a") as file:
        file.write("u0,unknown,7\nu1,,7\nu2,i2,0\nalone,i1,-3\n")
    seen = shown(capsys, "data", "inspect", "shop")
    assert seen[seen.index("dropped or changed") + 1 :] == [
        "1 times below zero, taken as they are",
        "1 events without a user, an item or a readable time dropped",
        "1 events on items outside the catalogue or without a title dropped",
        "1 events seen twice dropped",
    ]
    assert f"users {USERS + 1}" in seen  # the one with a single interaction is kept until a filter drops it


@pytest.mark.parametrize("change", IMPOSSIBLE)
def test_a_recipe_that_cannot_be_carried_out(
    change: str, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    what, location, hint, made = IMPOSSIBLE[change]
    monkeypatch.setitem(sys.modules, "implicit", None)  # as where the extra is not installed
    monkeypatch.setitem(sys.modules, "implicit.als", None)
    if "max_length" in change:
        longest = "".join(f"i{item},{' '.join(f'{item}x{word}y' for word in range(20))}\n" for item in range(ITEMS))
        (shop / "shop" / "items.csv").write_text(f"item_id,title\n{longest}")
    elsewhere = ["--set", "surrogate.backbone=somewhere/model"] if "four_bit" in change else []
    message = refused(capsys, "run", "small.yaml", "--set", change, *elsewhere)
    assert all(part in line for part, line in zip((what, location, hint), message, strict=True)), message
    runs = shop / "runs" / "small"
    assert whole(runs) == made if made is not None else not runs.exists()


@pytest.mark.parametrize(
    ("kind", "ids", "width", "first", "what"),
    [
        ("users", USERS, WIDTH + 1, 1.0, f"User vectors are {WIDTH + 1} wide, item vectors {WIDTH}."),
        ("items", ITEMS, WIDTH, np.nan, "1 vectors hold NaN or infinity: 'i0'."),
        ("items", ITEMS, WIDTH, np.inf, "1 vectors hold NaN or infinity: 'i0'."),
        ("items", ITEMS + 1, WIDTH, 1.0, f"1 vectors belong to items that the data lacks: 'i{ITEMS}'."),
        ("items", ITEMS - 1, WIDTH, 1.0, f"1 of {ITEMS} items have no vector: 'i{ITEMS - 1}'."),
        ("users", USERS - 2, WIDTH, 1.0, f"2 of {USERS} users have no vector: 'u{USERS - 2}', 'u{USERS - 1}'."),
    ],
)
def test_vectors_that_do_not_fit(
    kind: str, ids: int, width: int, first: float, what: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors(shop / f"{kind}.parquet", [f"{kind[0]}{number}" for number in range(ids)], width, first)
    message = refused(capsys, "run", "small.yaml")
    assert message[0].startswith(what)
    assert message[1] == f"{kind}.parquet"
    assert message[2]
    assert whole(shop / "runs" / "small") == {"dataset"}


@pytest.mark.parametrize("runs", ["small.yaml/runs", "/proc/nowhere", "/sys/nowhere"])
def test_a_run_folder_that_cannot_be_made(runs: str, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not Path(runs).is_absolute() or Path(runs).parent.is_dir():
        what, location, hint = refused(capsys, "run", "small.yaml", "--runs", runs)
        assert what.startswith("The operating system refuses: ")
        assert location.startswith(runs.rpartition("/")[0])
        assert "Name a folder that exists" in hint
    assert not (shop / "runs").exists()


@contextmanager
def largest_file(size: int) -> Generator[None]:
    """No file may grow beyond so many bytes: the system refuses to write on, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# The recipe; Parquet, written by polars; TensorBoard and safetensors; a checkpoint's optimizer, written by torch, which
# does not say why.
@pytest.mark.parametrize("size", [256, 7_000, 20_000, 60_000])
def test_a_system_that_writes_no_further(size: int, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0)
    rows = "".join(f"i{item},Title {item},{noise.bytes(1000).hex()}\n" for item in range(ITEMS))
    (shop / "shop" / "items.csv").write_text(f"item_id,title,description\n{rows}")
    often = ["--set", "surrogate.checkpoint_minutes=0.0001"]
    with largest_file(size):
        what, location, hint = refused(capsys, "run", "small.yaml", *often)
    assert what in {f"The operating system refuses: {why}." for why in ("File too large", "No space left on device")}
    assert location.startswith("runs/small")
    assert "Free some space" in hint
    assert whole(shop / "runs" / "small") <= {"dataset", "recommender", "examples"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "what", "hint"),
    [
        ("size=24k", "No space left on device", "Free some space there"),
        ("ro", "Read-only file system", "Name a folder"),
    ],
)
def test_a_disk_that_is_full_or_only_read(options: str, what: str, hint: str, shop: Path) -> None:
    """A file system of its own, which only the process started here sees."""
    (shop / "disk").mkdir()
    mount = f"mount -t tmpfs -o {options} disk disk"
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rm", "sh", "-c", mount], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    command = f"{mount} && {sys.executable} -m recexplainer run small.yaml --runs disk; echo $?; find disk"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command], capture_output=True, text=True, check=True, env=os.environ
    )
    code, *left = done.stdout.splitlines()
    assert code == "2"
    assert f"The operating system refuses: {what}.\n  location: disk/small" in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path for path in left if path.endswith((".partial", ".stale"))]
