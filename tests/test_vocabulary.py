"""One language: no term that was replaced is left in the code, the pages, the recipes or the messages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recexplainer.pipeline.recipe import Recipe
from recexplainer.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
READ = (".py", ".md", ".yaml", ".yml", ".j2", ".js", ".toml")
OWN_WORDS = (
    "data/sample/",
    "claims/cues.yaml",
    "evidence/wording/",
    "tasks/wording/",
)  # what products and explanations say in any words

REPLACED = {
    r"\bmends?\b|\bmended\b": "hint, correct",
    r"\bborne[ _-]out\b|\bbears? (?:it )?out\b": "supported; claim_precision",
    r"\bforetell\w*|\bforetold\b": "predict; simulatability",
    r"\bappeals?\b": "popularity under the recommender; recommended_share",
    r"\bat[ _-]once\b": "direct generation",
    r"\bplanted\b|\bplantings?\b": "synthetic ground truth",
    r"\bdecisive\(": "cache_key(",
    r"\brank_without\b": "ablated_rank",
    r"\bhybrid[_-]shares\b": "hybrid_form_sampling",
    r"\bextra_questions\b": "synthetic_history_ratio",
    r"\bitem_examples\b": "connector_warmup_examples",
    r"\bfirst_wait\b|\blongest_wait\b": "initial_backoff, max_backoff",
    r"\blongest_answer\b|\blimit_name\b": "max_tokens, max_tokens_parameter",
    r"\bunsupported\b(?= claim)|\bmarks? of (?:a |each |the )?claims?\b": "unverified; status of a claim",
}


def texts() -> list[Path]:
    """What is read: source, pages and recipes."""
    folders = [ROOT / name for name in ("src", "docs", "recipes", ".github")]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in READ]
    files += [*ROOT.glob("*.md"), ROOT / "mkdocs.yml", ROOT / "pyproject.toml", ROOT / "Makefile"]
    return [path for path in files if not any(words in path.as_posix() for words in OWN_WORDS)]


def renamed_keys() -> str:
    """Where settings name their old keys, in order to refuse them."""
    return r"renamed = MappingProxyType\((?:\{[^\n]*\}\)|\n.*?\n    \))"


@pytest.mark.parametrize("pattern", REPLACED)
def test_no_replaced_term_is_left(pattern: str) -> None:
    found: list[str] = []
    for path in texts():
        text = re.sub(renamed_keys(), "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in re.finditer(pattern, text, re.IGNORECASE)]
    assert not found, f"say {REPLACED[pattern]} in place of {found[:20]} ({len(found)} in all)"


def settings_classes(base: type[Settings] = Settings) -> list[type[Settings]]:
    return [one for kind in base.__subclasses__() for one in (kind, *settings_classes(kind))]


def test_an_old_key_is_never_the_name_of_a_present_one() -> None:
    assert Recipe in settings_classes(), "every settings class is part of it"
    for kind in settings_classes():
        assert kind.renamed.keys().isdisjoint(kind.model_fields), kind.__name__
