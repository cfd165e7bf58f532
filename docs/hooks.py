"""Hooks of the documentation site: pages that lie beside `docs`, and links to files that are no pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
BESIDE = {
    "README.md": "index.md",
    "benchmarks/README.md": "benchmarks.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
_LINK = re.compile(r"\[((?:[^\[\]`]|`[^`]*`)*)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie beside `docs`."""
    for source, page in BESIDE.items():
        files.append(File.generated(config, page, content=_linked((ROOT / source).read_text("utf-8"), ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links at pages of the site; a link to any other file keeps its words alone."""
    if page.file.src_path in BESIDE.values():
        return markdown
    return _linked(markdown, ROOT / "docs" / page.file.src_path)


def _linked(markdown: str, source: Path) -> str:
    def replaced(link: re.Match[str]) -> str:
        words, target, anchor = link[1], (source.parent / link[2]).resolve(), link[3] or ""
        if not target.is_relative_to(ROOT):
            return link[0]
        place = target.relative_to(ROOT).as_posix()
        here = "../" if source.parent.name == "api" else ""
        if place in BESIDE:
            return f"[{words}]({here}{BESIDE[place]}{anchor})"
        if place.startswith("docs/") and target.is_file():
            return f"[{words}]({here}{place.removeprefix('docs/')}{anchor})"
        return words

    return _LINK.sub(replaced, markdown)
