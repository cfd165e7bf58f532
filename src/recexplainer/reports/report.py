"""Write the report: self-contained HTML pages, the paper's tables as CSV and LaTeX, its figures as SVG and PNG.

It does not know where its inputs come from, and the same inputs give the same files.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import Any

from markupsafe import Markup

from recexplainer.reports import checking, explanation_cards, explanation_results, history, run_results
from recexplainer.reports.charts import histogram
from recexplainer.reports.explanation_cards import Card, cards
from recexplainer.reports.figures import write_figures
from recexplainer.reports.inputs import ReportInputs
from recexplainer.reports.names import PAGE, environment
from recexplainer.reports.tables import Table, to_csv, to_latex
from recexplainer.storage import packaged_yaml, system_errors, write_text

EVALUATIONS = (
    *("faithfulness", "synthetic", "judge", "discriminator", "score_predictor", "vector_reconstruction", "language"),
    *("ablation", "agreement", "forgetting"),
)
"""The evaluations that have sections of their own."""
_WRITTEN = re.compile(r"explanations/\d{2,}\.html|tables/table-[a-z0-9-]+\.(csv|tex)|figures/figure-\d\.(svg|png)")


def write_report(inputs: ReportInputs, folder: Path) -> Path:
    """Write `index.html`, `explanations/{01,02,…}.html`, `tables/table-{1,2,3,b1,b2,…}.{csv,tex}` and the figures.

    What is empty in `inputs` is left out with a sentence, and has no table and no figure. Pages, tables and figures of
    an earlier report in the folder are replaced or removed. Returns the path of `index.html`; like the other pages it
    loads nothing from anywhere: style and charts are inside.

    Raises SettingsError if `paper_dataset` names none of the paper's, RunError if an explanation cites or claims what
    its text does not hold, a case study holds different pairs, attributions are missing, or writing is refused.
    """
    tables = _tables(inputs)
    others = {name: rows for name, rows in inputs.evaluation.items() if rows and name not in EVALUATIONS}
    further = [explanation_results.table_of(name, rows) for name, rows in others.items()]
    shown = cards(inputs.explanations, inputs.surrogate_alone, inputs.attributions)
    names: dict[str, Any] = _names(inputs, shown) | {"tables": tables, "further": further}
    matrix = names["matrices"][0] if names["matrices"] else None
    drawn = write_figures(names["rating_panels"], matrix, names["ablation_panels"], folder / "figures")
    texts = _pages(names | {"figures": set(drawn)}, shown)
    for table in (*filter(None, tables.values()), *further):
        texts |= {f"tables/{table.key}.csv": to_csv(table), f"tables/{table.key}.tex": to_latex(table)}
    for name, text in texts.items():
        write_text(folder / name, text)
    written = {*(folder / name for name in texts), *chain(*drawn.values())}
    with system_errors(folder):
        for path in list(folder.glob("*/*")):
            if path not in written and _WRITTEN.fullmatch(path.relative_to(folder).as_posix()):
                path.unlink()
    return folder / "index.html"


def absent_evaluations(inputs: ReportInputs) -> dict[str, dict[str, str]]:
    """The known evaluations that have no rows: `what` is not known and what making it `needs`, in words.

    Those of the baselines are rows of the alignment.
    """
    there = {name for name, rows in inputs.evaluation.items() if rows}
    if any(row.method == "unaligned" for row in inputs.alignment_rows):
        there.add("baselines")
    known = packaged_yaml("recexplainer.reports", "evaluations.yaml")
    return {name: entry for name, entry in known.items() if name not in there}


def _tables(inputs: ReportInputs) -> dict[str, Table | None]:
    """The tables by the name that the page knows them by; None where there is nothing to put in."""
    evaluation, paper = inputs.evaluation, inputs.paper_dataset
    ratings = explanation_results.rating_rows(evaluation)
    faithfulness, synthetic = evaluation.get("faithfulness"), evaluation.get("synthetic")
    scores, agreement = evaluation.get("score_predictor"), evaluation.get("agreement")
    return {
        "alignment": run_results.table_1(inputs.alignment_rows, paper),
        "constrained": run_results.table_1_constrained(inputs.alignment_rows),
        "forgetting": run_results.table_forgetting(evaluation.get("forgetting", ())),
        "data": run_results.table_b1(inputs.dataset, paper),
        "examples": run_results.table_b2(inputs.counts, paper),
        "faithfulness": explanation_results.table_faithfulness(faithfulness) if faithfulness else None,
        "synthetic": explanation_results.table_synthetic(synthetic) if synthetic else None,
        "ratings": explanation_results.table_2(ratings, paper) if ratings else None,
        "scores": explanation_results.table_3(scores, paper) if scores else None,
        "agreement": explanation_results.table_agreement(agreement) if agreement else None,
        "vectors": explanation_results.table_vectors(evaluation.get("vector_reconstruction", ())),
        "language": explanation_results.table_language(evaluation.get("language", ())),
        "discriminator": explanation_results.table_discriminator(evaluation.get("discriminator", ())),
    }


def _pages(names: dict[str, Any], shown: list[Card]) -> dict[str, str]:
    """Each page by its path in the folder."""
    templates = environment(
        *(checking.segments, checking.claim_segments, checking.places, checking.cited_items, checking.counterfactual),
        *(checking.fault_lines, checking.open_faults, explanation_cards.pair_sentence),
        *(explanation_cards.shapley_sentence, explanation_cards.attribute_phrase),
        *(history.history_items, history.items_by_index, history.ends, history.way_columns, history.ways_sentence),
    )
    index, one = (templates.get_template(f"{name}.html.j2") for name in ("report", "explanation"))
    style = Markup((PAGE / "style.css").read_text(encoding="utf-8"))  # noqa: S704, our own file
    pages = {
        f"explanations/{card.page}": one.render(run=names["run"], style=style, card=card, of=len(shown))
        for card in shown
    }
    pages["index.html"] = index.render(names, style=style)
    return {name: f"{page}\n" for name, page in pages.items()}


def _names(inputs: ReportInputs, shown: list[Card]) -> dict[str, Any]:
    """Every name that the template of the first page uses, save tables, figures and style."""
    import yaml

    form = run_results.best_form(inputs.alignment_rows)
    chart, trainings = run_results.training(inputs.training_logs)
    lengths = inputs.dataset.history_lengths
    rows = {name: inputs.evaluation.get(name, ()) for name in EVALUATIONS}
    ratings = explanation_results.rating_rows(inputs.evaluation)
    return {
        "run": inputs,
        "form": form,
        "key_numbers": run_results.key_numbers(inputs.alignment_rows, form) if form else [],
        "alignment_panels": run_results.alignment_panels(inputs.alignment_rows),
        "protocol": run_results.protocol(inputs.alignment_rows),
        "recommender_panels": run_results.recommender_panels(inputs.recommender_rows),
        "recommender_sentence": run_results.recommender_sentence(inputs.recommender_rows),
        "lengths": histogram(lengths) if lengths else None,
        "lengths_sentence": run_results.history_sentence(lengths),
        "training_chart": chart,
        "trainings": trainings,
        "cards": shown,
        "ways": history.ways_sentence(inputs.explanations),
        "tallies": [checking.tally(each) for each in (inputs.explanations, inputs.surrogate_alone) if each],
        "case_studies": explanation_cards.case_studies(inputs.case_studies),
        "absent": absent_evaluations(inputs),
        "normalized_panels": explanation_results.normalized_panels(rows["faithfulness"]),
        "statuses_sentence": explanation_results.statuses_sentence(rows["synthetic"]),
        "rating_panels": explanation_results.rating_panels(ratings),
        "raters_sentence": explanation_results.raters_sentence(ratings),
        "levels": explanation_results.LEVEL_NAMES,
        "matrices": explanation_results.confusion_matrices(inputs.confusion, inputs.paper_dataset),
        "accuracy_panel": explanation_results.accuracy_panel(rows["discriminator"]),
        "scores_sentence": explanation_results.scores_sentence(rows["score_predictor"]),
        "users_sentence": explanation_results.users_sentence(rows["vector_reconstruction"]),
        "corpus_sentence": explanation_results.corpus_sentence(rows["language"]),
        "ablation_panels": explanation_results.ablation_panels(rows["ablation"]),
        "paper_ablation": explanation_results.paper_ablation_panel(),
        "stage_panel": run_results.stage_panel(inputs.stages),
        "total_seconds": sum(inputs.stages.values()),
        "settings": yaml.safe_dump(dict(inputs.settings), sort_keys=False, allow_unicode=True, width=100),
    }
