"""Write the report: one self-contained HTML page, and the paper's tables as CSV and LaTeX.

It does not know where its inputs come from, and the same inputs give the same files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from recexplainer.reports import sections
from recexplainer.reports.cards import cards, tally
from recexplainer.reports.formats import to_csv, to_latex
from recexplainer.reports.inputs import ReportInputs
from recexplainer.reports.names import duration, method_name, plain, signed
from recexplainer.reports.tables import Table, table_1, table_b1, table_b2
from recexplainer.storage import write_text

_PAGE = Path(__file__).with_name("page")


def write_report(inputs: ReportInputs, folder: Path) -> Path:
    """Write `index.html` and `tables/table-{1,b1,b2}.{csv,tex}` into a folder.

    Args:
        inputs: Everything to show; what is empty is left out with a sentence.
        folder: Made if it is not there; files of the same names are replaced.

    Returns:
        The path of `index.html`. It loads nothing from anywhere: style and charts are inside.

    Raises:
        SettingsError: If `paper_dataset` names none of the paper's datasets.
        RunError: If an explanation cites what its text does not hold.
    """
    tables = {
        "alignment": table_1(inputs.alignment_rows, inputs.paper_dataset),
        "data": table_b1(inputs.dataset, inputs.paper_dataset),
        "examples": table_b2(inputs.counts, inputs.paper_dataset),
    }
    page = _render(inputs, tables)
    for table in tables.values():
        write_text(folder / "tables" / f"{table.key}.csv", to_csv(table))
        write_text(folder / "tables" / f"{table.key}.tex", to_latex(table))
    write_text(folder / "index.html", page)
    return folder / "index.html"


def _render(inputs: ReportInputs, tables: dict[str, Table]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(duration=duration, method_name=method_name, plain=plain, signed=signed)
    return environment.get_template("report.html.j2").render(_view(inputs, tables)) + "\n"


def _view(inputs: ReportInputs, tables: dict[str, Table]) -> dict[str, Any]:
    """Every name that the template uses."""
    form = sections.best_form(inputs.alignment_rows)
    chart, trainings = sections.training(inputs.curves)
    lengths, lengths_sentence = sections.history_lengths(inputs)
    return {
        "run": inputs,
        "style": Markup((_PAGE / "style.css").read_text(encoding="utf-8")),  # noqa: S704, our own file
        "tables": tables,
        "form": form,
        "key_numbers": sections.key_numbers(inputs.alignment_rows, form) if form else [],
        "alignment_panels": sections.alignment_panels(inputs.alignment_rows),
        "protocol": sections.protocol(inputs.alignment_rows),
        "target_panels": sections.target_panels(inputs.target_rows),
        "target_sentence": sections.target_sentence(inputs.target_rows),
        "lengths": lengths,
        "lengths_sentence": lengths_sentence,
        "training_chart": chart,
        "trainings": trainings,
        "cards": cards(inputs.explanations, inputs.alone),
        "tallies": [tally(each) for each in (inputs.explanations, inputs.alone) if each],
        "stage_bars": sections.stage_bars(inputs.stages),
        "total": duration(sum(stage.seconds for stage in inputs.stages)),
        "settings": sections.flat_settings(inputs.settings),
    }
