"""The files of the page by themselves: small, complete, without markup made of text, and of nobody else."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

PAGE = Path(str(files("recexplainer.server"))) / "page"
MODULES = sorted(PAGE.glob("*.js"))
STYLES = sorted((PAGE / "style").glob("*.css"))
INDEX = (PAGE / "index.html").read_text(encoding="utf-8")
MARKUP = r"(?:inner|outer)HTML|insertAdjacentHTML|document\.write|DOMParser|createContextual|\beval\b|new Function"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_is_small_and_makes_no_markup(path: Path) -> None:
    code = path.read_text(encoding="utf-8")
    assert not re.search(MARKUP, code)
    assert not re.search(r"\.style\b|setAttribute\(.style|\bstyle:", code)
    assert len(code.splitlines()) < 400
    assert max(map(len, code.splitlines())) <= 120
    assert code.startswith("/**\n"), "a module says what it is for"


def test_every_module_and_style_is_used_and_every_one_used_is_there() -> None:
    named = set(re.findall(r'(?:href|src)="page/([^"]+)"', INDEX))
    for path in MODULES:
        named |= set(re.findall(r'from "\./([^"]+)"', path.read_text(encoding="utf-8")))
    there = {path.relative_to(PAGE).as_posix() for path in PAGE.rglob("*") if path.is_file()}
    assert named | {"index.html"} == there


@pytest.mark.parametrize("path", [*MODULES, *STYLES, PAGE / "index.html"], ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s\"')]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\(|@font-face", text)


def test_the_document_has_no_script_style_or_handler_of_its_own() -> None:
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", INDEX)
