"""README and docs hold together: links lead somewhere, commands and settings exist, tables are of the rows kept."""

from __future__ import annotations

import json
import re
import shlex
from importlib import import_module
from itertools import pairwise
from math import ceil
from pathlib import Path

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_group

from recexplainer.cli.app import app
from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.pipeline.recipe import Recipe, load_recipe
from recexplainer.pipeline.settings_reader import default_settings
from recexplainer.recommenders.stability import AGREEMENT, REPLACEMENTS, SAMPLED_AGREEMENT, SUB_HISTORIES
from recexplainer.server.settings import Limits

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks/README.md"]
page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
KEPT = ROOT / "benchmarks/results"
SOURCE = ROOT / "src/recexplainer"
COMMAND = re.compile(r"^ {4}(?:\$ )?(?:\.venv/bin/)?recexplainer (.+)$", re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


@page
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", path.read_text(encoding="utf-8")):
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), f"{target}#{anchor}"


@page
def test_the_files_of_the_code_that_are_named_exist(path: Path) -> None:
    for name in re.findall(r"`((?:\w+/)+[\w-]+\.(?:py|yaml))`", path.read_text(encoding="utf-8")):
        if (SOURCE / name.partition("/")[0]).is_dir():
            assert (SOURCE / name).exists(), name


@page
def test_python_examples_import_what_there_is(path: Path) -> None:
    for code in blocks(path, "python"):
        compile(code, path.name, "exec")
        for module, names in re.findall(r"^from (recexplainer[\w.]*) import (.+)$", code, re.MULTILINE):
            found = import_module(module)
            assert all(hasattr(found, name.strip()) for name in names.split(",")), f"{module}: {names}"


@page
def test_recipes_shown_are_recipes(path: Path) -> None:
    for text in blocks(path, "yaml"):
        Recipe.model_validate({"name": "shown"} | yaml.safe_load(text))


@page
def test_commands_shown_are_understood(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = re.findall(
        r"^ {4}(?:\$ )?(?:\.venv/bin/)?recexplainer (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    for command in commands:
        words = shlex.split(re.sub(r"[\[\]]", "", command), comments=True)
        for word in words:
            if re.fullmatch(r"FILE…?|DIR|FOLDER_OR_FILE|FOLDER", word):
                Path(word).touch()
        understand(get_group(app), words)
        changes = [after for before, after in pairwise(words) if before == "--set"]
        if words[0] == "serve":
            default_settings(Limits, changes)
        else:
            load_recipe("demo", changes)


def understand(group: TyperGroup, words: list[str]) -> None:
    """Parse a command line down to its last subcommand, without carrying it out; a usage error if there is no such."""
    name, *rest = words
    command = group.commands[name]
    if isinstance(command, TyperGroup):
        understand(command, rest)
    else:
        command.make_context(name, rest)


Key = tuple[str, str, str, str]
FAITHFUL = {
    "verdict fidelity": "verdict_fidelity",
    "hallucination rate": "hallucination_rate",
    "claim precision": "claim_precision",
    "comprehensiveness": "comprehensiveness",
    "normalized": "comprehensiveness_normalized",
}
METHODS = {
    "hybrid, grounded": ("hybrid", "grounded"),
    "hybrid, self-attribution": ("hybrid", "self_attribution"),
    "hybrid, direct, as in the paper": ("hybrid", "direct"),
    "intention, direct": ("intention", "direct"),
    "the backbone before alignment": ("unaligned", "direct"),
    "template: three most recent": ("template_recent", ""),
    "template: three most popular": ("template_popular", ""),
}


def rows(name: str, cases: tuple[int, ...] = ()) -> dict[Key, float | None]:
    """Values kept of a run by method, variant, task and metric; if `cases` are given, those on so many cases."""
    kept = json.loads((KEPT / name).read_text(encoding="utf-8"))["rows"]
    return {
        (row["method"], row["variant"], row["task"], row["metric"]): row["value"]
        for row in kept
        if not cases or row["cases"] in cases
    }


def table(path: Path, corner: str) -> list[dict[str, str]]:
    """The lines of the table whose first two cells are `corner`, each cell by the head of its column."""
    text = path.read_text(encoding="utf-8")
    lines = text[text.index(f"\n{corner}") :].lstrip("\n").partition("\n\n")[0].splitlines()
    head, _, *body = ([cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in lines)
    return [dict(zip(head, line, strict=True)) for line in body]


def shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def test_the_table_of_faithfulness_is_that_of_the_rows_kept() -> None:
    kept = rows("paper-games-faithfulness.json", (500,))
    lines = table(ROOT / "README.md", "| | verdict fidelity")
    assert [line[""] for line in lines] == list(METHODS)
    for line in lines:
        for head, value in line.items():
            if head:
                assert value == shown(kept[(*METHODS[line[""]], "explanation", FAITHFUL[head])]), (
                    line[""],
                    head,
                )


def test_the_full_table_of_faithfulness_is_that_of_the_rows_kept() -> None:
    kept = rows("paper-games-faithfulness.json")
    lines = table(ROOT / "docs/results.md", "| method, variant | verdict_fidelity")
    assert len(lines) == 10
    for line in lines:
        method, _, variant = line.pop("method, variant").partition(", ")
        for head, value in line.items():
            assert value == shown(kept[method, variant, "explanation", head]), (method, variant, head)


def test_the_tables_of_smollm2_are_those_of_the_rows_kept() -> None:
    kept = rows("paper-games-smollm2.json")
    true = table(ROOT / "docs/results.md", "| SmolLM2 | verdict_fidelity")
    for line in true:
        method, _, variant = line.pop("SmolLM2").partition(", ")
        for head, value in line.items():
            figure = value.partition(" ")[0].replace("−", "-")
            assert figure == shown(kept[method, variant, "explanation", head]), (method, variant, head)
    worded = table(ROOT / "docs/results.md", "| | words | distinct_2")
    for line in worded:
        method, _, variant = line.pop("").partition(", ")
        for head, value in line.items():
            found = kept[method, variant.partition(",")[0], "language", head] or 0.0
            assert value == (f"{found:.1f}" if head == "words" else shown(found)), (method, variant, head)
    assert (len(true), len(worded)) == (5, 4)


def test_the_table_of_synthetic_ground_truth_is_that_of_the_rows_kept() -> None:
    kept = rows("paper-games-faithfulness.json")
    for line in table(ROOT / "docs/results.md", "| AUROC"):
        rule = line.pop("AUROC")
        for head, value in line.items():
            assert value == shown(kept.get((rule, "", "synthetic", f"auroc_{head}"))), (rule, head)


def test_the_table_of_the_ablation_is_that_of_the_rows_kept() -> None:
    kept = rows("paper-games-ablation.json", (200, 300, 600))
    lines = table(ROOT / "docs/results.md", "| | retrieval hr@5")
    assert len(lines) == 7
    for line in lines:
        name = line.pop("")
        variant = "" if name == "all tasks" else name.replace(" ", "_")
        for head, value in line.items():
            task, _, metric = head.partition(" ")
            assert value == shown(kept["hybrid", variant, task, metric]), (variant, head)


OTHERS = {
    "MovieLens": "movielens-100k-nano.json",
    "Steam": "steam-play-nano.json",
    "Amazon": "office-products-nano.json",
}
MEASURED = {
    "retrieval HR@5": ("retrieval", "hr@5"),
    "ranking NDCG@5": ("ranking", "ndcg@5"),
    "the same, constrained to the candidates": ("ranking", "ndcg@5_constrained"),
    "classification accuracy": ("classification", "accuracy"),
}


def test_the_table_of_other_data_is_that_of_the_rows_kept() -> None:
    for line in table(ROOT / "docs/results.md", "| intention, hybrid"):
        kept = rows(OTHERS[line["intention, hybrid"].split()[0]])
        for head, (task, metric) in MEASURED.items():
            assert line[head] == ", ".join(shown(kept[form, "", task, metric]) for form in ("intention", "hybrid"))


def test_the_table_of_yardsticks_is_that_of_the_results_kept() -> None:
    kept = json.loads((KEPT / "perturbation.json").read_text(encoding="utf-8"))["results"]
    values = {(one["what"], one["way"], one["unit"]): one["value"] for one in kept}
    lines = table(ROOT / "docs/faithfulness.md", "| order by")
    assert len(lines) == 7
    for line in lines:
        case = "movielens-100k, whole histories", line.pop("order by")
        assert line.pop("ms") == f"{values[*case, 'milliseconds a case']:.1f}", case
        for head, value in line.items():
            assert value == shown(values.get((*case, head.lower().replace(" ", "_")))), (case, head)


def test_what_makes_an_effect_stable_is_told_as_it_is() -> None:
    told = (ROOT / "docs/faithfulness.md").read_text(encoding="utf-8")
    assert f"{REPLACEMENTS} random items of the catalogue" in told
    drawn = ceil(SAMPLED_AGREEMENT * SUB_HISTORIES)
    assert f"at least {AGREEMENT:.0%} of the parts, where they are drawn in {drawn} of {SUB_HISTORIES}" in told
    assert f"{NEGLIGIBLE} of the standard deviation" in told
