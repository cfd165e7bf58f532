"""What the page shows of alignment and of the recommender's own quality: Table 1, key numbers, panels, protocol."""

from __future__ import annotations

from collections.abc import Sequence

from recexplainer.evaluation.rows import Row
from recexplainer.reports.charts import Panel, method_panel
from recexplainer.reports.inputs import PaperDataset
from recexplainer.reports.names import display_name
from recexplainer.reports.paper import paper_block, published
from recexplainer.reports.tables import Table, columns_of, method_table, stated
from recexplainer.storage import packaged_yaml

FORMS = ("behavior", "intention", "hybrid")
_RECOMMENDER_METRICS = ("hr@5", "hr@10", "ndcg@5", "ndcg@10")


def table_1(rows: Sequence[Row], paper_dataset: PaperDataset | None) -> Table:
    """Table 1 of this run beside the paper's: how far the surrogate answers as the recommender does.

    The best value of each column is bold within each block, ties all of them; a row without a value reads N/A, and
    what was not measured at all a dash.

    Args:
        rows: Alignment rows; those of tasks and metrics outside Table 1 are left out.
        paper_dataset: Which of the paper's blocks is beside; None shows Games, as other data.
    """
    columns = columns_of("alignment")
    theirs = {name: list(map(stated, values)) for name, values in published(paper_dataset).alignment.items()}
    paper = paper_block(paper_dataset, columns, theirs)
    return method_table("1", "Alignment with the recommender", columns, rows, paper)


def table_1_constrained(rows: Sequence[Row]) -> Table | None:
    """What Table 1 has no columns for: constrained decoding and the usual gains; None where not measured."""
    columns = columns_of("constrained", rows)
    if not columns:
        return None
    caption = "Alignment with decoding constrained to the catalogue, and with the usual gains"
    return method_table("1-constrained", caption, columns, rows)


def alignment_panels(rows: Sequence[Row]) -> list[Panel]:
    """A panel of bars for each column of Table 1 that was measured."""
    columns = columns_of("alignment")
    return [panel for column in columns if (panel := method_panel(column.title, filter(column.shows, rows)))]


def best_form(rows: Sequence[Row]) -> str | None:
    """The form with the highest mean over retrieval, ranking and classification; None where none was measured."""
    columns = [column for column in columns_of("alignment") if column.headline and column.task != "reconstruction"]
    sums: dict[str, float] = {}
    for row in rows:
        if row.method in FORMS and not row.variant and any(column.shows(row) for column in columns):
            sums[row.method] = sums.get(row.method, 0.0) + (row.value or 0.0)
    return max(sums, key=lambda form: (sums[form], -FORMS.index(form)), default=None)


def key_numbers(rows: Sequence[Row], form: str) -> list[tuple[str, str, Row, Row | None]]:
    """The form's numbers in the order of Table 1: name, meaning, row, and Random's row where it has a value.

    Those not measured are left out.
    """
    found: list[tuple[str, str, Row, Row | None]] = []
    for column in columns_of("alignment"):
        shown = [row for row in rows if column.shows(row) and row.value is not None and not row.variant]
        values = {row.method: row for row in shown}
        if column.headline and form in values:
            found.append((column.title, column.headline, values[form], values.get("random")))
    return found


def protocol(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Name and sentence for each thing measured: how, and against what."""
    entries = packaged_yaml("recexplainer.reports", "protocol.yaml")
    return [
        (entry["name"], entry["text"])
        for entry in entries
        if "rows" not in entry
        or any(all(getattr(row, field) == value for field, value in entry["rows"].items()) for row in rows)
    ]


def recommender_panels(rows: Sequence[Row]) -> list[Panel]:
    """A panel of bars a metric: the recommender beside popularity."""
    by_metric = {metric: [row for row in rows if row.metric == metric] for metric in _RECOMMENDER_METRICS}
    return [panel for metric, own in by_metric.items() if (panel := method_panel(display_name("metrics", metric), own))]


def recommender_sentence(rows: Sequence[Row]) -> str:
    """How many times the recommender's NDCG@10 is popularity's; "" where one of them is missing or zero."""
    values = {row.method: row.value for row in rows if row.metric == "ndcg@10"}
    own, popularity = values.get("recommender"), values.get("popularity")
    if not own or not popularity:
        return ""
    ratio = own / popularity
    if ratio < 1.1:
        return f"It does not clearly beat popularity: its NDCG@10 is {ratio:.2f} times that of popularity."
    return f"Its NDCG@10 is {ratio:.1f} times that of recommending what is popular."
