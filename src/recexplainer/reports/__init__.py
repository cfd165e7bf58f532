"""Reports: the HTML page, and the paper's tables, drawn from result rows and records."""

from recexplainer.reports.inputs import DatasetFacts, ReportInputs
from recexplainer.reports.report import write_report

__all__ = ["DatasetFacts", "ReportInputs", "write_report"]
