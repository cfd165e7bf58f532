"""What help, pages, docstrings and hints tell people to type exists: commands, options and settings."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin

import pytest
from typer.main import get_command

from recexplainer.cli.app import app
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.settings_reader import inner_settings
from recexplainer.server.settings import Limits
from recexplainer.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "recexplainer"
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
PROGRAM: Any = get_command(app)

COMMAND = re.compile(r"(?<!from )\brecexplainer ([a-z][^`\n#|]*)")
SETTING = re.compile(r"--set[ =]'?([a-z_]+(?:\.[A-Za-z_]+)*)=")
QUOTED = re.compile(r"[`'\"]([a-z_]+(?:\.[a-z_]+)+)[`'\"]")
FILES = ("md", "yaml", "yml", "json", "csv", "html", "py", "parquet", "safetensors", "npy", "npz")


def texts() -> Iterator[tuple[str, str]]:
    """Where each text stands, and the text: pages, every string in the source, the help of every command."""
    for path in PAGES:
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8").replace("\\\n", " ")
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "X" for part in node.values]
                yield f"{path.relative_to(ROOT)}:{node.lineno}", "".join(map(str, parts))


def commands(command: Any = PROGRAM, *names: str) -> Iterator[tuple[str, Any]]:
    yield " ".join(names), command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, *names, name)


def words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quotation mark of the sentence around it
        return line.split()


def wrong_words(line: str) -> list[str]:
    """What `recexplainer LINE` names and the command line lacks."""
    command, rest = PROGRAM, [word.strip("[](){},.;:…") for word in words(line)]
    while rest and hasattr(command, "commands"):
        name = rest.pop(0)
        if name not in command.commands:
            return [name]
        command = command.commands[name]
    known = {option for parameter in (*command.params, *PROGRAM.params) for option in parameter.opts} | {"--help"}
    return [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]


def is_setting(key: str, kind: type[Settings] | None = Recipe) -> bool:
    parts = key.split(".")
    for place, part in enumerate(parts):
        if kind is None or part not in kind.model_fields:
            return False
        annotation = kind.model_fields[part].annotation
        if get_origin(annotation) is dict:
            return place >= len(parts) - 2
        kind = inner_settings(annotation)
    return True


def is_code(name: str) -> bool:
    """Whether a dotted name is a module of the package, something in one, or a file."""
    package, module, *_ = name.split(".")
    return name.rpartition(".")[2] in FILES or any(
        (SOURCE / package / f"{module}{end}").exists() for end in ("", ".py")
    )


def test_every_command_that_is_named_exists_with_its_options() -> None:
    found = [(where, match[1]) for where, text in texts() for match in COMMAND.finditer(text)]
    wrong = [f"{where}: recexplainer {line.strip()}: {wrong_words(line)}" for where, line in found if wrong_words(line)]
    assert len(found) > 30
    assert not wrong, "\n".join(wrong)


def test_every_setting_that_is_set_exists() -> None:
    found = [(where, match[1]) for where, text in texts() for match in SETTING.finditer(text)]
    wrong = [f"{where}: {key}" for where, key in found if not is_setting(key, Limits if "serve" in where else Recipe)]
    assert len(found) > 15
    assert not wrong, "\n".join(wrong)


def test_every_quoted_key_of_a_setting_exists() -> None:
    found = [(where, match[1]) for where, text in texts() for match in QUOTED.finditer(text)]
    keys = [(where, key) for where, key in found if key.split(".")[0] in Recipe.model_fields and not is_code(key)]
    wrong = [f"{where}: {key}" for where, key in keys if not is_setting(key)]
    assert len(keys) > 15
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("line", "wrong"), [
    ("report RUN --again", ["--again"]),
    ("study", []),
    ("study exprt RUN", ["exprt"]),
    ("run RECIPE --set name=x --debug", []),
])  # fmt: skip
def test_what_is_wrong_is_found(line: str, wrong: list[str]) -> None:
    assert wrong_words(line) == wrong
    assert not is_setting("surrogate.training.epochs") and is_setting("surrogate.epochs.hybrid")


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_and_option_has_a_help_text(name: str) -> None:
    command = dict(commands())[name]
    assert command.help
    lacking = [parameter.name for parameter in command.params if not getattr(parameter, "help", "")]
    assert not lacking
