import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from recexplainer.errors import DataError, RunError
from recexplainer.progress import track
from recexplainer.storage import (
    complete_folder,
    hash_file,
    hash_files,
    hash_value,
    read_as,
    read_json,
    remove,
    system_errors,
    write_json,
)


def test_folder_is_absent_until_complete(tmp_path: Path):
    target = tmp_path / "deep" / "stage"
    with complete_folder(target) as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "a.txt").write_text("a")
        assert not target.exists()
    assert (target / "inner" / "a.txt").read_text() == "a"
    assert [path.name for path in target.parent.iterdir()] == ["stage"]


def test_failure_leaves_the_earlier_folder(tmp_path: Path):
    target = tmp_path / "stage"
    with complete_folder(target) as folder:
        (folder / "a.txt").write_text("first")
    with pytest.raises(ValueError, match="broken"), complete_folder(target) as folder:
        (folder / "a.txt").write_text("second")
        raise ValueError("broken")
    assert (target / "a.txt").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["stage"]


def test_new_folder_replaces_all_of_the_old(tmp_path: Path):
    target = tmp_path / "stage"
    for name in ("old", "new"):
        with complete_folder(target) as folder:
            (folder / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["new"]


def test_leftovers_of_a_killed_writer_are_cleared(tmp_path: Path):
    for leftover in ("stage.partial", "stage.stale"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "junk").write_text("junk")
    with complete_folder(tmp_path / "stage") as folder:
        assert list(folder.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["stage"]


def write_parquet(path: Path):
    pl.DataFrame({"number": range(300)}).write_parquet(path)


def write_tensors(path: Path):
    save_file({"number": torch.arange(300)}, path)


def write_with_torch(path: Path):
    torch.save({"number": torch.arange(300)}, path)


def write_plainly(path: Path):
    write_json(path, list(range(300)))


@pytest.mark.parametrize("write", [write_parquet, write_tensors, write_with_torch, write_plainly])
def test_a_full_disk_is_an_error_everywhere_and_leaves_nothing(write: Callable[[Path], None], tmp_path: Path):
    resource: Any = pytest.importorskip("resource")  # not on Windows
    write(tmp_path / "file")
    size = (tmp_path / "file").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    message = r"(File too large|No space left)(?s:.)*stage(?s:.)*Free some space"
    for space in {*range(0, size, max(1, size // 40)), *range(max(0, size - 40), size)}:
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (space, before[1]))
            with pytest.raises(RunError, match=message), complete_folder(tmp_path / "stage") as folder:
                write(folder / "file")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_no_refusal_stays_what_it_is(tmp_path: Path):
    for error in (ValueError("os error 28"), OSError("no number"), DataError("cut (os error 28)")):
        with pytest.raises(type(error)) as caught, system_errors(tmp_path):
            raise error
        assert caught.value is error


def test_json_round_trip_and_refusal_of_nan(tmp_path: Path):
    path = tmp_path / "sub" / "x.json"
    write_json(path, {"b": 1, "a": ["é"]})
    assert read_json(path) == {"b": 1, "a": ["é"]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, float("nan"))
    assert read_json(path) == {"b": 1, "a": ["é"]}


def test_json_errors_name_the_file(tmp_path: Path):
    with pytest.raises(RunError, match=r"missing(?s:.)*none\.json"):
        read_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(RunError, match=r"not JSON(?s:.)*bad\.json"):
        read_json(tmp_path / "bad.json")


def test_values_that_are_of_another_kind_are_said_with_their_place(tmp_path: Path):
    path = tmp_path / "stage" / "sizes.json"
    write_json(path, [3, 4])
    assert read_as(list[int], path) == [3, 4]
    write_json(path, [3, "four"])
    with pytest.raises(RunError, match=r"sizes\.json cannot be understood at 1: .*integer(?s:.)*Delete .*stage and"):
        read_as(list[int], path)
    write_json(path, 3)
    with pytest.raises(RunError, match=r"understood: .*list"):
        read_as(list[int], path)


def test_hashes(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b").write_bytes(b"")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert hash_file(tmp_path / "a") == abc
    assert hash_files(tmp_path) == {"a": abc, "sub/b": empty}
    assert hash_files(tmp_path / "a") == {"a": abc}
    with pytest.raises(DataError, match="no such file"):
        hash_files(tmp_path / "none")


def test_hash_of_a_value_ignores_key_order_only():
    assert hash_value({"a": 1, "b": [1, 2]}) == hash_value(json.loads('{"b": [1, 2], "a": 1}'))
    assert hash_value([1, 2]) != hash_value([2, 1])
    assert hash_value(1) != hash_value("1")


def test_remove_takes_files_folders_and_nothing(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    remove(tmp_path / "link")
    assert (tmp_path / "folder" / "file").exists()
    for name in ("folder", "folder", "none"):
        remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_track_is_quiet_off_a_terminal(capsys: pytest.CaptureFixture[str]):
    assert list(track((number for number in range(3)), "counting", total=3)) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_track_shows_a_bar_on_a_terminal():
    code = (
        "import pty, os, sys\n"
        "from recexplainer.progress import track\n"
        "controller, terminal = pty.openpty(); os.dup2(terminal, 2); os.environ['TERM'] = 'xterm'\n"
        "assert list(track([1, 2, 3], 'counting')) == [1, 2, 3]\n"
        "shown = b''\n"
        "while b'3/3' not in shown: shown += os.read(controller, 65536)\n"
        "sys.stdout.write(shown.decode())\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "counting" in shown
    assert "3/3" in shown
