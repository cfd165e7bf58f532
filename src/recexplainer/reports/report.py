"""Write the report: self-contained HTML pages, the paper's tables as CSV and LaTeX, its figures as SVG and PNG.

It does not know where its inputs come from, and the same inputs give the same files.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from markupsafe import Markup

from recexplainer.reports import faithful, quality, sections
from recexplainer.reports.cards import Card, cards, case_views
from recexplainer.reports.cells import Table
from recexplainer.reports.formats import to_csv, to_latex
from recexplainer.reports.inputs import ReportInputs
from recexplainer.reports.judged import table_2, table_3, table_agreement, table_of
from recexplainer.reports.names import duration, method_name, plain, signed
from recexplainer.reports.plots import write_figures
from recexplainer.reports.readings import LEVEL_NAMES, rating_rows
from recexplainer.reports.tables import table_1, table_1_constrained, table_b1, table_b2
from recexplainer.reports.tallies import tally
from recexplainer.storage import system_errors, write_text

_PAGE = Path(__file__).with_name("page")
_WRITTEN = re.compile(r"explanations/\d{2,}\.html|tables/table-[a-z0-9-]+\.(csv|tex)|figures/figure-\d\.(svg|png)")


def write_report(inputs: ReportInputs, folder: Path) -> Path:
    """Write `index.html`, `explanations/{01,02,…}.html`, `tables/table-{1,2,3,b1,b2,…}.{csv,tex}` and the figures.

    Args:
        inputs: Everything to show; what is empty is left out with a sentence, and has no table and no figure.
        folder: Made if it is not there; pages, tables and figures of an earlier report in it are replaced, and those
            that this report has not are removed.

    Returns:
        The path of `index.html`. Like the other pages it loads nothing from anywhere: style and charts are inside.

    Raises:
        SettingsError: If `paper_dataset` names none of the paper's datasets.
        RunError: If an explanation cites or claims what its text does not hold, a case view holds different pairs,
            there are not as many attributions as explanations, or the operating system refuses to write.
    """
    tables, further = _tables(inputs), _further(inputs)
    texts = _render(inputs, tables, further, cards(inputs.explanations, inputs.alone, inputs.attributions))
    for table in (*filter(None, tables.values()), *further):
        texts |= {f"tables/{table.key}.csv": to_csv(table), f"tables/{table.key}.tex": to_latex(table)}
    for name, text in texts.items():
        write_text(folder / name, text)
    drawn = write_figures(inputs.evaluation, folder / "figures")
    _remove_others(folder, {*drawn, *(folder / name for name in texts)})
    return folder / "index.html"


def _remove_others(folder: Path, written: Collection[Path]) -> None:
    """Remove what an earlier report has written into a folder and this one has not."""
    with system_errors(folder):
        for path in list(folder.glob("*/*")):
            if path not in written and _WRITTEN.fullmatch(path.relative_to(folder).as_posix()):
                path.unlink()


def _tables(inputs: ReportInputs) -> dict[str, Table | None]:
    """The tables by the name that the page knows them by; None where there is nothing to put in."""
    rows, paper = inputs.evaluation, inputs.paper_dataset
    rated = rating_rows(rows)
    told = [row for row in rows.get("discriminator", ()) if row.metric in ("recall", "precision")]
    faithfulness, planted = rows.get("faithfulness", ()), rows.get("synthetic", ())
    return {
        "alignment": table_1(inputs.alignment_rows, paper),
        "constrained": table_1_constrained(inputs.alignment_rows),
        "data": table_b1(inputs.dataset, paper),
        "examples": table_b2(inputs.counts, paper),
        "faithfulness": faithful.table_faithfulness(faithfulness) if faithfulness else None,
        "planted": faithful.table_planted(planted) if planted else None,
        "ratings": table_2(rated, paper) if rated else None,
        "scores": table_3(rows["score_predictor"], paper) if rows.get("score_predictor") else None,
        "agreement": table_agreement(rows["agreement"]) if rows.get("agreement") else None,
        "discriminator": table_of("discriminator", told) if told else None,
    }


def _further(inputs: ReportInputs) -> list[Table]:
    """A table for each evaluation that has no section of its own."""
    return [table_of(name, rows) for name, rows in inputs.evaluation.items() if rows and name not in quality.KNOWN]


def _render(
    inputs: ReportInputs, tables: dict[str, Table | None], further: list[Table], told: list[Card]
) -> dict[str, str]:
    """Each page by its path in the folder."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(duration=duration, method_name=method_name, plain=plain, signed=signed)
    index, one = (environment.get_template(f"{name}.html.j2") for name in ("report", "explanation"))
    style = Markup((_PAGE / "style.css").read_text(encoding="utf-8"))  # noqa: S704, our own file
    views = {f"explanations/{card.page}": one.render(run=inputs, style=style, card=card, of=len(told)) for card in told}
    views["index.html"] = index.render(_view(inputs, tables, further, told), style=style)
    return {name: f"{page}\n" for name, page in views.items()}


def _view(
    inputs: ReportInputs, tables: dict[str, Table | None], further: list[Table], told: list[Card]
) -> dict[str, Any]:
    """Every name that the template of the first page uses, style aside."""
    form = sections.best_form(inputs.alignment_rows)
    chart, trainings = sections.training(inputs.curves)
    lengths, lengths_sentence = sections.history_lengths(inputs)
    rows = {name: inputs.evaluation.get(name, ()) for name in quality.KNOWN}
    return {
        "run": inputs,
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
        "cards": told,
        "tallies": [tally(each) for each in (inputs.explanations, inputs.alone) if each],
        "absent": quality.absent(inputs),
        "share_panels": faithful.share_panels(rows["faithfulness"]),
        "marks_sentence": faithful.marks_sentence(rows["synthetic"]),
        "rating_panels": quality.rating_panels(rating_rows(inputs.evaluation)),
        "judges_sentence": quality.judges_sentence(rating_rows(inputs.evaluation)),
        "levels": LEVEL_NAMES,
        "matrices": quality.matrices(rows["discriminator"], inputs.paper_dataset),
        "accuracy_panel": quality.accuracy_panel(rows["discriminator"]),
        "scores_sentence": quality.scores_sentence(rows["score_predictor"]),
        "ablation_panels": quality.ablation_panels(rows["ablation"]),
        "further": further,
        "case_views": case_views(inputs.case_views),
        "stage_bars": sections.stage_bars(inputs.stages),
        "total": duration(sum(stage.seconds for stage in inputs.stages)),
        "settings": sections.flat_settings(inputs.settings),
    }
