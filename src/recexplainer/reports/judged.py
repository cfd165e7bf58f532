"""The paper's tables of explanations (Tables 2 and 3, Appendix A.3) and of any other evaluation, drawn from rows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recexplainer.evaluation.rows import Row
from recexplainer.reports.cells import NOT_MEASURED, Block, Cell, Column, Table, mark_best, measured, share, stated
from recexplainer.reports.inputs import PaperDataset
from recexplainer.reports.names import in_order, judge_name, method_name, task_name
from recexplainer.reports.paper import published
from recexplainer.reports.readings import LEVEL_NAMES, Rating, ratings
from recexplainer.reports.tables import ORIENTATION, paper_heading

_JUDGED = (
    Column("", "Rating", "mean rating, 0 to 3"),
    Column("", "If correct", "mean rating of the explanations whose decision is correct"),
    Column("", "Rated", "share of the explanations that the judge rated", best=""),
    *(Column("Share of each rating", f"R{level}", words, best="") for level, words in enumerate(LEVEL_NAMES)),
)
_SCORED = {
    "mse-raw": Column("From the text", "MSE", "mean squared error, in the recommender's own scale", best="low"),
    "mse": Column("From the text", "MSE std.", "the same of scores standardised", best="low"),
    "mae": Column("From the text", "MAE std.", "mean absolute error of scores standardised", best="low"),
    "pearson": Column("From the text", "Pearson", "correlation of guessed and true score"),
    "mse/verdict-masked": Column("MSE std. of controls", "no verdict", "words of the verdict masked", best=""),
    "mse/verdict-only": Column("MSE std. of controls", "verdict only", "nothing but the verdict", best=""),
    "mse/style-only": Column("MSE std. of controls", "style only", "lengths, punctuation and opening words", best=""),
    "mse/shuffled": Column("MSE std. of controls", "shuffled", "texts with other cases' scores", best=""),
}
_AGREED = {
    "kappa": "κ",
    "kappa-quadratic": "κ, quadratic",
    "spearman": "Spearman ρ",
    **{f"alpha-{scale}": f"α, {scale}" for scale in ("nominal", "ordinal", "interval")},
}


def table_2(rows: Sequence[Row], paper_dataset: PaperDataset | None) -> Table:
    """Table 2: a block for each judge, named, beside the paper's ratings by GPT-4.

    Args:
        rows: Judge rows, metrics `rating@JUDGE`, `rating-0@JUDGE` to `rating-3@JUDGE`, `rating-of-correct@JUDGE`,
            `rated@JUDGE`.
        paper_dataset: Which of the paper's columns stands beside; None shows Games, as other data.
    """
    source = published(paper_dataset or ORIENTATION)
    ours = [
        Block(
            f"Rated by {judge_name(judge)}",
            mark_best(_JUDGED, [(method_name(one.method), _rated(one)) for one in found]),
        )
        for judge, found in ratings(rows).items()
    ]
    dashes = [Cell(NOT_MEASURED)] * (len(_JUDGED) - 1)
    paper = mark_best(_JUDGED, [(name, [stated(value), *dashes]) for name, value in source.ratings.items()])
    heading = f"{paper_heading(source, paper_dataset)}; rated by GPT-4"
    blocks = (*ours, Block(heading, paper, published=True))
    return Table("table-2", "Ratings of explanations, 0 to 3", "Method", _JUDGED, blocks)


def _rated(one: Rating) -> list[Cell]:
    return [measured(one.mean), measured(one.of_correct), share(one.rated), *map(share, one.shares)]


def table_3(rows: Sequence[Row], paper_dataset: PaperDataset | None) -> Table:
    """Table 3: how well the recommender's score is guessed from the explanation alone, with its controls beside.

    Args:
        rows: Score predictor rows: `mse-raw` as the paper's, `mse`, `mae` and `pearson`, and controls `mse/CONTROL`, of
            which none is marked as best.
        paper_dataset: As in `table_2`.
    """
    source = published(paper_dataset or ORIENTATION)
    there = {row.metric for row in rows}
    chosen = {metric: column for metric, column in _SCORED.items() if metric == "mse-raw" or metric in there}
    columns = tuple(chosen.values())
    dashes = [Cell(NOT_MEASURED)] * (len(columns) - 1)
    paper = mark_best(columns, [(name, [stated(value), *dashes]) for name, value in source.score_predictor.items()])
    blocks = (
        Block("This run", mark_best(columns, _lines(rows, list(chosen)))),
        Block(paper_heading(source, paper_dataset), paper, published=True),
    )
    return Table("table-3", "Score predictor: the recommender's score guessed from the text", "Method", columns, blocks)


def table_agreement(rows: Sequence[Row]) -> Table:
    """How far raters agree, beside the paper's Appendix A.3, which has Amazon Video Games alone.

    Args:
        rows: Rows of the task `agreement`; those of other tasks are left out.
    """
    source = published("Games")
    rows = [row for row in rows if row.task == "agreement"]
    known = [metric for metric in _AGREED if metric in {row.metric for row in rows}]
    metrics = list(dict.fromkeys([*known, *(row.metric for row in rows)]))
    columns = tuple(Column("", _AGREED.get(metric, metric), best="") for metric in metrics)
    theirs = [
        (pair, [stated(values[each]) if each in values else Cell(NOT_MEASURED) for each in metrics])
        for pair, values in source.agreement.items()
    ]
    blocks = (
        Block("This run", mark_best(columns, _lines(rows, metrics))),
        Block(f"Paper, {source.name}", mark_best(columns, theirs), published=True),
    )
    return Table("table-agreement", "Agreement between raters", "Raters", columns, blocks)


def table_of(name: str, rows: Sequence[Row]) -> Table:
    """The rows of any evaluation: a line for each method, a column for each metric.

    Args:
        name: The evaluation's name; letters, digits and hyphens of it name the file.
        rows: Its rows.
    """
    metrics = list(dict.fromkeys(row.metric for row in rows))
    columns = tuple(Column("", metric, best="") for metric in metrics)
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return Table(
        f"table-{key}", task_name(name), "Method", columns, (Block("", mark_best(columns, _lines(rows, metrics))),)
    )


def _lines(rows: Sequence[Row], metrics: Sequence[str]) -> list[tuple[str, list[Cell]]]:
    by_place = {(row.method, row.metric): row for row in rows}
    methods = in_order(row.method for row in rows if row.metric in metrics)
    return [(method_name(name), [measured(by_place.get((name, each))) for each in metrics]) for name in methods]
