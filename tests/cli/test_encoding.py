"""Terminals that cannot show everything, and pipes that nobody reads."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.table import Table

from recexplainer.cli.console import log_lines, show_error, show_next, show_part, stdout
from recexplainer.cli.encoding import given_text, json_for_terminal, use_terminal_encoding
from recexplainer.errors import RunError

TEXT = "Café −1.5 “ü” … 東京 😀 Łódź \ud800"
ENCODINGS = ["ascii", "cp1252", "cp437", "gbk", "koi8-r", "shift_jis", "latin-1", "utf-8"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Callable[[], str]]:
    """Makes standard output and error those of an encoding; what it gives returns what they got."""

    def of(encoding: str) -> Callable[[], str]:
        both = io.BytesIO()
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(sys, name, io.TextIOWrapper(both, encoding, write_through=True))
        use_terminal_encoding()
        return lambda: both.getvalue().decode(encoding)

    return of


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_a_terminal_cannot_show_is_replaced(encoding: str, terminal: Callable[[str], Callable[[], str]]) -> None:
    shown = terminal(encoding)
    show_part(TEXT, [TEXT])
    table = Table(title=TEXT)
    table.add_column(TEXT)
    table.add_row(TEXT)
    stdout().print(table)
    show_next(TEXT)
    show_error(RunError(TEXT, location=TEXT, hint=TEXT))
    with log_lines():
        logging.getLogger("recexplainer").warning(TEXT[:-1])  # pytest keeps it, and its processes pass on no surrogates
    assert shown().replace("−", "-").count("-1.5") >= 9


def test_letters_and_signs_keep_their_shape(terminal: Callable[[str], Callable[[], str]]) -> None:
    shown = terminal("ascii")
    show_part(TEXT, [])
    assert shown().startswith('Cafe -1.5 "u" ... ?? ? ?odz ?')


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_stays_whole_in_every_encoding(encoding: str, terminal: Callable[[str], Callable[[], str]]) -> None:
    shown = terminal(encoding)
    sys.stdout.write(json_for_terminal(json.dumps([TEXT], ensure_ascii=False)))
    assert json.loads(shown()) == [TEXT]


def test_arguments_that_the_locale_could_not_read() -> None:
    assert given_text(os.fsdecode("Zoë".encode())) == "Zoë"
    assert given_text("Zoë") == "Zoë"


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["data", "inspect", "data"], ["--help"]])
def test_a_pipe_that_nobody_reads_ends_quietly(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    rows = "\n".join(f"u{n % 50},i{n % 37}" for n in range(400))
    (tmp_path / "data" / "interactions.csv").write_text(f"user_id,item_id\n{rows}\n", encoding="utf-8")
    titles = "\n".join(f"i{n},Café {n}" for n in range(37))
    (tmp_path / "data" / "items.csv").write_text(f"item_id,title\n{titles}\n", encoding="utf-8")
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "recexplainer", *arguments]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path, check=False)
    os.close(writing)
    assert done.stderr == b""


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_stream_that_is_closed_takes_nothing(closed: str) -> None:
    command = f"{sys.executable} -m recexplainer explain nowhere --user u --item i {closed}>&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
