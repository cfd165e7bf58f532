"""Write an audit, or a comparison of two: a page, JSON, CSV, and the draft of the main parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from recexplainer.audit.audit import Audit
from recexplainer.audit.comparison import Comparison
from recexplainer.audit.findings import metric_meaning, metric_title, metric_unit, part_title
from recexplainer.audit.measured import ATTRIBUTE
from recexplainer.evaluation.rows import to_frame
from recexplainer.reports.audit_page import audit_page, comparison_page
from recexplainer.storage import write_json, write_text

PAGE, PARAMETERS = "index.html", "main-parameters.md"


def audit_json(audit: Audit) -> dict[str, Any]:
    """An audit as a JSON-like value, with the rules that were found, what comes first, and its figures in words.

    `metrics` has the title, the meaning and the unit of each metric, `parts` each variant of the rows in words.
    """
    metrics = dict.fromkeys(row.metric for row in audit.rows)
    parts = dict.fromkeys(row.variant for row in audit.rows if row.task != ATTRIBUTE and row.variant)
    return TypeAdapter(Audit).dump_python(audit, mode="json") | {
        "rules": list(audit.rules),
        "lead": audit.lead,
        "metrics": {
            name: {"title": metric_title(name), "meaning": metric_meaning(name), "unit": metric_unit(name)}
            for name in metrics
        },
        "parts": {name: part_title(name) for name in parts},
    }


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a JSON-like value, with both audits."""
    both = {"before": audit_json(comparison.before), "after": audit_json(comparison.after)}
    return TypeAdapter(Comparison).dump_python(comparison, mode="json") | both


def write_audit(audit: Audit, folder: Path) -> Path:
    """Write `index.html`, `audit.json`, `audit.csv` and `main-parameters.md`, and return the path of the page.

    Raises RunError where the operating system refuses.
    """
    write_json(folder / "audit.json", audit_json(audit))
    write_text(folder / "audit.csv", to_frame(audit.rows).write_csv())
    write_text(folder / PARAMETERS, audit.parameters.text)
    write_text(folder / PAGE, audit_page(audit))
    return folder / PAGE


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write `index.html`, `comparison.json` and `comparison.csv`; else as `write_audit`."""
    write_json(folder / "comparison.json", comparison_json(comparison))
    write_text(folder / "comparison.csv", to_frame(comparison.rows).write_csv())
    write_text(folder / PAGE, comparison_page(comparison))
    return folder / PAGE
