"""What a run has come to, as a terminal shows it: rows in tables, an explanation, where the report is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.cli.console import stdout
from recexplainer.processes import is_first

if TYPE_CHECKING:
    from recexplainer.evaluation.rows import Row
    from recexplainer.explanations.record import Explanation

_TASKS = "retrieval ranking classification reconstruction"  # the order of the paper's Table 1
_AUROC = "auroc/"
_MOST_COLUMNS = 8


def show_end(run: Path, *, explain: bool) -> None:
    """Print what a run has come to: its results, one explanation, and where the report is.

    Of several processes the first one does.
    """
    if not is_first():
        return
    from recexplainer.evaluation.rows import read_rows
    from recexplainer.pipeline.layout import EVALUATION, EXPLANATIONS, REPORT, RunLayout, read_explanations, rows_file

    layout = RunLayout(run)
    rows = read_rows(layout.complete_stage(EVALUATION) / rows_file("alignment"))
    show_rows(rows, "How well the surrogate answers as the recommender does")
    if explain:
        for told in read_explanations(layout.complete_stage(EXPLANATIONS) / RunLayout.GROUNDED)[:1]:
            show_explanation(told)
    stdout().print(f"report: {layout.complete_stage(REPORT) / RunLayout.PAGE}", markup=False)


def show_rows(rows: Sequence[Row], title: str) -> None:
    """Print results, a table a task; parts of a metric (`a/b`) and the bounds of one are left out."""
    shown = [row for row in rows if _is_shown(row.metric)]
    for task in sorted(dict.fromkeys(row.task for row in shown), key=_TASKS.find):
        _show_task([row for row in shown if row.task == task], task if task == title else f"{title}: {task}")


def _is_shown(metric: str) -> bool:
    return "/" not in metric.removeprefix(_AUROC) and not metric.endswith(("-random", "-oracle"))


def _show_task(rows: Sequence[Row], title: str) -> None:
    """A line a method, a column a metric; the other way round where there are many metrics."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    methods, metrics = (list(dict.fromkeys(getattr(row, name) for row in rows)) for name in ("method", "metric"))
    values = {(row.method, row.metric): row.value for row in rows}
    turned = len(metrics) > _MOST_COLUMNS
    lines, columns = (metrics, methods) if turned else (methods, metrics)
    narrow: dict[str, Any] = {"box": SIMPLE_HEAD, "padding": (0, 1, 0, 0), "pad_edge": False} if turned else {}
    table = Table(title=title, title_justify="left", **narrow)
    table.add_column("metric" if turned else "method", overflow="fold", no_wrap=turned)
    for column in columns:
        broken = re.sub(r"(?<=[-+])|(?=@)", " ", column)
        table.add_column(broken, justify="right", overflow="fold", min_width=5)
    for line in lines:
        found = [values.get((column, line) if turned else (line, column), "") for column in columns]
        table.add_row(line, *(_number(value, 2 if turned else 3) for value in found))
    stdout().print(table)


def _number(value: float | str | None, places: int) -> str:
    return value if isinstance(value, str) else "N/A" if value is None else f"{value:.{places}f}"


def show_explanation(explanation: Explanation) -> None:
    """Print one explanation: the history, the text, and what the recommender itself says."""
    from rich.text import Text

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
    rank = f"rank {explanation.rank:,} of {explanation.n_ranked:,}"
    verdict, own = ("Yes" if said else "No" for said in (explanation.verdict, explanation.recommended))
    sure = f"{verdict} (probability of yes {explanation.probability:.0%})"
    console.print(Text(f"Surrogate ({explanation.method}): {sure}."))
    console.print(Text(f"Recommender: {own}, {rank}."))
    for line in _checked(explanation):
        console.print(Text(line, style="yellow"))
    for line in _borne_out(explanation):
        console.print(Text(line))
    if explanation.history:
        console.print(Text("* cited; numbers: what the recommender's score would lose without the item", style="dim"))


def _checked(explanation: Explanation) -> list[str]:
    """What of an explanation does not hold, one line each."""
    from recexplainer.reports.checking import check, open_faults

    checks = [check(explanation, claim) for claim in explanation.claims if claim.status != "supported"]
    faults = [f"Not borne out: {fault}." for fault in open_faults(explanation)]
    return [*(f"{each.status}: {each.says}: {each.found}" for each in checks), *faults]


def _borne_out(explanation: Explanation) -> list[str]:
    """That all of an explanation holds, where it does, and what would be without what it cites, where that is known."""
    from recexplainer.reports.checking import counterfactual

    count = len(explanation.claims)
    said = "Its one claim is" if count == 1 else f"All {count} claims are"
    all_hold = count and not _checked(explanation)
    lines = [f"{said} supported by the recommender." if all_hold else "", counterfactual(explanation)]
    return [line for line in lines if line]
