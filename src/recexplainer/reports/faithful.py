"""What tables and charts show of faithfulness, and of whether its metrics tell the truth, drawn from rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from recexplainer.evaluation.rows import Row
from recexplainer.reports.cells import NOT_MEASURED, Block, Cell, Column, Table, mark_best, measured
from recexplainer.reports.names import in_order, method_name
from recexplainer.reports.panels import Panel, bar, bar_panel

_WAY = "Share of the way from random to oracle"
_SHOWN = {
    "verdict-fidelity": Column("", "Verdict", "verdict fidelity: share of texts whose yes or no is the recommender's"),
    "hallucination-rate": Column(
        "", "Halluc.", "hallucination rate: share of texts that name what the user never had", best="low"
    ),
    "borne-out": Column("", "Borne out", "share of a text's claims that are supported"),
    "cited": Column("", "Cited", "history items that a text gives as reasons", best=""),
    "comprehensiveness": Column("", "Compr.", "comprehensiveness: what the score loses without the items cited"),
    "comprehensiveness-share": Column(_WAY, "Compr.", "of comprehensiveness"),
    "comprehensiveness-aopc-share": Column(_WAY, "AOPC", "of its mean over the first one, two and three items cited"),
    "sufficiency-share": Column(_WAY, "Suff.", "of sufficiency: how little the score moves with nothing but these"),
    "simulatability": Column("", "Simul.", "simulatability: how often a reader of the text says what removal does"),
}
_BY_MODEL = {
    "simulatability": Column("", "Simul.", "simulatability with a language model as the reader"),
    "simulated": Column("", "Scored", "share of that reader's answers that could be read", best=""),
}
_SHARES = {
    "comprehensiveness-share": "Comprehensiveness",
    "comprehensiveness-aopc-share": "Comprehensiveness, AOPC",
    "sufficiency-share": "Sufficiency",
    "simulatability-share": "Simulatability",
}
_AUROC = "auroc/"
_TESTED = {
    "verdict-fidelity": "Verdict fidelity",
    "hallucination-rate": "Hallucinations",
    "borne-out": "Borne out",
    **{share.removesuffix("-share"): name for share, name in _SHARES.items()},
}
_RIGHT = {"marks": "Marks of claims", "claims-read": "Claims read as written"}


def table_faithfulness(rows: Sequence[Row]) -> Table:
    """Whether explanations are true of the recommender: a line a method.

    Args:
        rows: Those of `evaluate_faithfulness`, and of `simulation_rows` where a language model was the reader; metrics
            that the table does not show are left out.
    """
    by_place = {(row.method, row.metric): row for row in rows}
    shown = _SHOWN | _reader_columns(rows)
    lines = [
        (method_name(method), [measured(by_place.get((method, metric))) for metric in shown])
        for method in in_order(row.method for row in rows)
    ]
    columns = tuple(shown.values())
    caption = "Faithfulness: whether what explanations say holds of the recommender"
    return Table("table-faithfulness", caption, "Method", columns, (Block("", mark_best(columns, lines)),))


def _reader_columns(rows: Sequence[Row]) -> dict[str, Column]:
    """The columns of each language model that read the texts: `simulatability@READER` and `simulated@READER`."""
    split = [row.metric.partition("@") for row in rows]
    readers = dict.fromkeys(reader for metric, _, reader in split if reader and metric in _BY_MODEL)
    return {
        f"{metric}@{reader}": replace(column, group=f"Read by {reader}")
        for reader in readers
        for metric, column in _BY_MODEL.items()
    }


def table_planted(rows: Sequence[Row]) -> Table:
    """How far each metric tells true explanations from false ones: a line a metric.

    Args:
        rows: Those of `evaluate_planted`; shown are those over all recommenders and all ways to corrupt.
    """
    overall = {row.metric: row for row in rows if row.method == "all"}
    aurocs = {
        metric.removeprefix(_AUROC): row
        for metric, row in overall.items()
        if metric.startswith(_AUROC) and metric.count("/") == 1
    }
    dash = Cell(NOT_MEASURED)
    tested = [(_TESTED.get(name, name), (measured(row), dash, _count(row))) for name, row in aurocs.items()]
    right = [(_RIGHT[name], (dash, measured(row), _count(row))) for name, row in overall.items() if name in _RIGHT]
    columns = (
        Column("", "AUROC", "how often a true explanation has the better value; 0.5 is guessing", best=""),
        Column("", "Right", "share of claims or texts that are marked or read as they should be", best=""),
        Column("", "Cases", "pairs of explanations; of the last lines claims or texts", best=""),
    )
    caption = "Metrics put to recommenders whose causes are known"
    return Table("table-planted", caption, "Metric", columns, (Block("", (*tested, *right)),))


def share_panels(rows: Sequence[Row]) -> list[Panel]:
    """A panel a metric: each method's share of the way from random citing (0) to what attribution finds (1).

    A share below 0 or above 1 is drawn at that end; its number is printed as it is.
    """
    panels = [_share_panel(title, [row for row in rows if row.metric == metric]) for metric, title in _SHARES.items()]
    return [panel for panel in panels if panel is not None]


def marks_sentence(rows: Sequence[Row]) -> str:
    """How often the marks of claims are those that the planted causes say; "" where that is not known."""
    found = next((row for row in rows if (row.method, row.metric) == ("all", "marks")), None)
    if found is None or found.value is None:
        return ""
    ends = "" if found.low is None or found.high is None else f" ({found.low:.1%} to {found.high:.1%})"
    return f"The marks are what the planted causes say in {found.value:.1%} of {found.cases:,} claims{ends}."


def _share_panel(title: str, rows: Sequence[Row]) -> Panel | None:
    values = {row.method: row for row in rows if row.value is not None}
    drawn = [
        bar(values[method], method_name(method), text=f"{values[method].value:.2f}".replace("-", "−"))
        for method in in_order(values)
    ]
    return bar_panel(title, drawn, maximum=1.0)


def _count(row: Row) -> Cell:
    return Cell(f"{row.cases:,}", row.cases)
