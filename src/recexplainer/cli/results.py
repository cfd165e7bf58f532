"""The results of a run on a terminal: rows in tables, an explanation, where the report is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from recexplainer.cli.console import stdout, visible
from recexplainer.processes import is_first

if TYPE_CHECKING:
    from rich.console import Console

    from recexplainer.evaluation.rows import Row
    from recexplainer.explanations.record import Explanation
    from recexplainer.reports.history import HistoryItem

_Line = tuple[str, str | None]  # and its style
_TASKS = "retrieval ranking classification reconstruction"  # the order of the paper's Table 1
_BOUNDED = ("comprehensiveness", "aopc_comprehensiveness", "sufficiency", "simulatability")
_DETAILS = {f"{metric}_{bound}" for metric in _BOUNDED for bound in ("random", "oracle")} | {
    f"rating_{level}" for level in range(4)
}
_MOST_COLUMNS = 8
_NARROWEST = " " * 7  # the room of an effect
_BRACKETS = re.compile(r" \([^()]{1,10}\)$")
_WIDTH = 100  # of a line of the history where there is no terminal
_WORDING = "the wording of the evidence, without a language model"


def show_end(run: Path, *, explain: bool) -> None:
    """Print the results of a run, one explanation if wished, and where the report is.

    Of several processes only the first one prints.
    """
    if not is_first():
        return
    from recexplainer.evaluation.rows import read_rows
    from recexplainer.pipeline import layout as files
    from recexplainer.pipeline.layout import EVALUATION, EXPLANATIONS, REPORT, RunLayout, read_explanations, rows_file

    layout = RunLayout(run)
    rows = read_rows(layout.complete_stage(EVALUATION) / rows_file("alignment"))
    show_rows(rows, "How well the surrogate answers as the recommender does")
    if explain:
        show_explanation(read_explanations(layout.complete_stage(EXPLANATIONS) / RunLayout.GROUNDED)[0])
    check = files.load_ranking_check({name: layout.complete_stage(name) for name in files.TARGET})
    for warning in check.warnings:
        stdout().print(f"Warning: {warning} {check.summary}", style="bold yellow")
    stdout().print(f"report: {layout.complete_stage(REPORT) / RunLayout.PAGE}")


def show_rows(rows: Sequence[Row], title: str) -> None:
    """Print rows, a table for each task and rater; what only the report shows in full is left out.

    That is the bounds and shares of a metric, and the single kinds of corruption of synthetic ground truth.
    """
    shown = [row for row in rows if row.metric not in _DETAILS and not (row.task == "synthetic" and row.variant)]
    parts = dict.fromkeys((row.task, row.rater) for row in shown)
    for task, rater in sorted(parts, key=lambda part: _TASKS.find(part[0])):
        heading = task if task == title else f"{title}: {task}"
        named = heading if rater is None else f"{heading}, rated by {rater}"
        _show_table([row for row in shown if (row.task, row.rater) == (task, rater)], named)


def _show_table(rows: Sequence[Row], title: str) -> None:
    """A line for each method, a column for each metric; the other way round where there are many metrics."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    turned = len({row.metric for row in rows}) > _MOST_COLUMNS
    cells: dict[tuple[str, str], str] = {}
    for row in rows:
        place = (row.metric, _label(row)) if turned else (_label(row), row.metric)
        cells[place] = "N/A" if row.value is None else f"{row.value:.{2 if turned else 3}f}"
    lines, columns = (list(dict.fromkeys(names)) for names in zip(*cells, strict=True))
    narrow: dict[str, Any] = {"box": SIMPLE_HEAD, "padding": (0, 1, 0, 0), "pad_edge": False} if turned else {}
    table = Table(title=title, title_justify="left", **narrow)
    table.add_column("metric" if turned else "method", overflow="fold", no_wrap=turned)
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right", overflow="fold", min_width=5)
    for line in lines:
        table.add_row(line, *(cells.get((line, column), "") for column in columns))
    stdout().print(table)


def _label(one: Row | Explanation) -> str:
    return f"{one.method}, {one.variant}" if one.variant else one.method


def show_explanation(explanation: Explanation) -> None:
    """Print one explanation: the history, the text, and what the recommender answers."""
    console = stdout()
    for line, style in _lines(explanation, console):
        console.print(visible(line), style=style)


def _lines(explanation: Explanation, console: Console) -> Iterator[_Line]:
    from recexplainer.reports.checking import counterfactual
    from recexplainer.reports.history import history_items, ways_asked

    items = history_items(explanation)
    yield f"Why is {explanation.item_title!r} recommended, or not, to {explanation.user}?", "bold"
    yield from _history_lines(items, console)
    yield from _text_lines(explanation)
    yield _by_whom(explanation), None
    asked = "Yes" if explanation.recommended else "No"
    yield f"Recommender: {asked}, rank {explanation.rank:,} of {explanation.n_ranked:,}.", None
    yield from _claim_lines(explanation)
    if known := counterfactual(explanation):
        yield known, None
    for line in _legend(items, len(ways_asked([explanation]))):
        yield line, "dim"


def _history_lines(items: Sequence[HistoryItem], console: Console) -> Iterator[_Line]:
    """A line for each item: whether it is cited, what it does, its title, cut where the line would be too long."""
    effects = ["·" if item.direction == "negligible" else item.range for item in items]
    words = [f"depends {item.share}".rstrip() + " " if item.direction == "depends" else "" for item in items]
    wide, before = max(map(len, [_NARROWEST, *effects])), max(map(len, ["", *words]))
    room = max(20, (console.width if console.is_terminal else _WIDTH) - before - wide - 6)
    for item, effect, word in zip(items, effects, words, strict=True):
        line = f"  {'*' if item.cited else ' '} {word:<{before}}{effect:>{wide}}  {_cut(item.title, room)}"
        yield line, "dim" if item.direction == "negligible" else None


def _cut(title: str, room: int) -> str:
    """A title in so many cells; what sets two of one title apart stays: a short end in brackets."""
    from rich.cells import cell_len
    from rich.text import Text

    if cell_len(title) <= room:
        return title
    end = match[0] if (match := _BRACKETS.search(title)) else ""
    text = Text(title.removesuffix(end))
    text.truncate(room - cell_len(end), overflow="ellipsis")
    return text.plain + end


def _legend(items: Sequence[HistoryItem], ways: int) -> list[str]:
    """What the marks before the history mean, of those that it has, asked about in so many ways."""
    if not items:
        return []
    several = "a … b: what the score loses without the item, the least and the most by {} ways to ask"
    numbers = "numbers: what the recommender's score would lose without the item"
    shares = " (%: of parts that agree)" if any(item.share for item in items) else ""
    words = {
        "depends": f"depends: on how one asks, or on the other items{shares}",
        "negligible": "·: hardly any effect",
    }
    found = {item.direction for item in items}
    first = ["* cited", *([several.format(ways) if ways > 1 else numbers] if ways else [])]
    lines = [first, [text for direction, text in words.items() if direction in found]]
    return ["; ".join(line) for line in lines if line]


def show_compact(explanation: Explanation, item_id: str) -> None:
    """Print one of many explanations: whom and what it is about, the text, and what of it is not supported."""
    console = stdout()
    verdict = "recommended" if explanation.recommended else "not recommended"
    about = f"user {explanation.user}, item {item_id} “{explanation.item_title}”"
    place = f"{verdict}, rank {explanation.rank:,} of {explanation.n_ranked:,}"
    console.print(visible(f"{about}: {place}"), style="bold")
    for line, style in _text_lines(explanation):
        console.print(visible(f"  {line}".replace("\n", "\n  ")), style=style)
    for line in _problems(explanation):
        console.print(visible(f"  {line}"), style="yellow")


def _text_lines(explanation: Explanation) -> Iterator[_Line]:
    """The text, its translation, and what became of it, each with its style."""
    yield explanation.text, "cyan"
    if explanation.translation:
        yield explanation.translation, "cyan"
    if explanation.abstained:
        yield f"Abstained: {explanation.abstained}", None
    if explanation.note:
        yield f"Note: {explanation.note}", "dim"


def _by_whom(explanation: Explanation) -> str:
    """Who wrote the text; of the surrogate also what it answers itself."""
    from recexplainer.explanations.writing import REALISED
    from recexplainer.surrogate.prompt import Form

    if explanation.method not in get_args(Form):
        return f"Written by {_WORDING if explanation.writer == REALISED else explanation.writer or explanation.method}."
    own = "Yes" if explanation.verdict else "No"
    line = f"Surrogate ({_label(explanation)}): {own} (probability of yes {explanation.probability:.0%})."
    return f"{line} The text is {_WORDING}." if explanation.writer == REALISED else line


def _problems(explanation: Explanation) -> list[str]:
    """What of a text is not supported, each with what was found."""
    from recexplainer.claims.claim import stated
    from recexplainer.reports.checking import check, open_faults

    checks = [check(explanation, claim) for claim in stated(explanation.claims) if claim.status != "supported"]
    problems = [f"{each.status}: {each.words}: {each.found}" for each in checks]
    return problems + [f"Not supported: {fault}." for fault in open_faults(explanation)]


def _claim_lines(explanation: Explanation) -> Iterator[_Line]:
    """A line for each claim that is not supported, or that all of them are."""
    from recexplainer.claims.claim import stated

    claims, problems = stated(explanation.claims), _problems(explanation)
    for line in problems:
        yield line, "yellow"
    if claims and not problems:
        subject = "Its one claim is" if len(claims) == 1 else f"All {len(claims)} claims are"
        yield f"{subject} supported by the recommender.", None
