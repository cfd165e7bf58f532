"""The results of a run on a terminal: rows in tables, an explanation, where the report is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.cli.console import stdout
from recexplainer.processes import is_first

if TYPE_CHECKING:
    from rich.console import Console

    from recexplainer.evaluation.rows import Row
    from recexplainer.explanations.record import Explanation

_TASKS = "retrieval ranking classification reconstruction"  # the order of the paper's Table 1
_BOUNDED = ("comprehensiveness", "aopc_comprehensiveness", "sufficiency", "simulatability")
_DETAILS = {f"{metric}_{bound}" for metric in _BOUNDED for bound in ("random", "oracle")} | {
    f"rating_{level}" for level in range(4)
}
_MOST_COLUMNS = 8


def show_end(run: Path, *, explain: bool) -> None:
    """Print the results of a run, one explanation if wished, and where the report is.

    Of several processes only the first one prints.
    """
    if not is_first():
        return
    from recexplainer.evaluation.rows import read_rows
    from recexplainer.pipeline.layout import EVALUATION, EXPLANATIONS, REPORT, RunLayout, read_explanations, rows_file

    layout = RunLayout(run)
    rows = read_rows(layout.complete_stage(EVALUATION) / rows_file("alignment"))
    show_rows(rows, "How well the surrogate answers as the recommender does")
    if explain:
        show_explanation(read_explanations(layout.complete_stage(EXPLANATIONS) / RunLayout.GROUNDED)[0])
    stdout().print(f"report: {layout.complete_stage(REPORT) / RunLayout.PAGE}", markup=False)


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

    values = {(_label(row), row.metric): "N/A" if row.value is None else row.value for row in rows}
    methods, metrics = (list(dict.fromkeys(names)) for names in zip(*values, strict=True))
    turned = len(metrics) > _MOST_COLUMNS
    lines, columns = (metrics, methods) if turned else (methods, metrics)
    narrow: dict[str, Any] = {"box": SIMPLE_HEAD, "padding": (0, 1, 0, 0), "pad_edge": False} if turned else {}
    table = Table(title=title, title_justify="left", **narrow)
    table.add_column("metric" if turned else "method", overflow="fold", no_wrap=turned)
    for column in columns:
        table.add_column(re.sub(r"(?<=[-_])|(?=@)", " ", column), justify="right", overflow="fold", min_width=5)
    for line in lines:
        cells = [values.get((column, line) if turned else (line, column), "") for column in columns]
        digits = 2 if turned else 3
        table.add_row(line, *(cell if isinstance(cell, str) else f"{cell:.{digits}f}" for cell in cells))
    stdout().print(table)


def _label(one: Row | Explanation) -> str:
    return f"{one.method}, {one.variant}" if one.variant else one.method


def show_explanation(explanation: Explanation) -> None:
    """Print one explanation: the history, the text, and what the recommender answers."""
    from rich.text import Text

    from recexplainer.reports.checking import counterfactual
    from recexplainer.reports.names import signed

    console = stdout()
    cited = {citation.item for citation in explanation.citations}
    attributions = explanation.attributions or (None,) * len(explanation.history)
    console.print(Text(f"Why is {explanation.item_title!r} recommended, or not, to {explanation.user}?", style="bold"))
    for item, title, attribution in zip(explanation.history, explanation.history_titles, attributions, strict=True):
        mark = "*" if item in cited else " "
        console.print(Text(f"  {mark} {'' if attribution is None else signed(attribution):>7}  {title}"))
    console.print(Text(explanation.text, style="cyan"))
    if explanation.abstained:
        console.print(Text(f"Abstained: {explanation.abstained}"))
    own, asked = ("Yes" if verdict else "No" for verdict in (explanation.verdict, explanation.recommended))
    console.print(Text(f"Surrogate ({_label(explanation)}): {own} (probability of yes {explanation.probability:.0%})."))
    console.print(Text(f"Recommender: {asked}, rank {explanation.rank:,} of {explanation.n_ranked:,}."))
    _show_claims(explanation, console)
    if known := counterfactual(explanation):
        console.print(Text(known))
    if explanation.history:
        console.print(Text("* cited; numbers: what the recommender's score would lose without the item", style="dim"))


def _show_claims(explanation: Explanation, console: Console) -> None:
    from rich.text import Text

    from recexplainer.claims.claim import stated

    problems, count = _problems(explanation), len(stated(explanation.claims))
    for line in problems:
        console.print(Text(line, style="yellow"))
    if count and not problems:
        claims = "Its one claim is" if count == 1 else f"All {count} claims are"
        console.print(Text(f"{claims} supported by the recommender."))


def _problems(explanation: Explanation) -> list[str]:
    """The claims that are not supported, one line each."""
    from recexplainer.claims.claim import stated
    from recexplainer.reports.checking import check, open_faults

    checks = [check(explanation, claim) for claim in stated(explanation.claims) if claim.status != "supported"]
    faults = [f"Not supported: {fault}." for fault in open_faults(explanation)]
    return [*(f"{each.status}: {each.words}: {each.found}" for each in checks), *faults]
