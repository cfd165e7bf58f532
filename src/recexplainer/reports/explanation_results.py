"""What the page shows of the evaluations of explanations: Tables 2 and 3, Figures 3, 4 and 7, agreement, faithfulness.

It knows how rows are named and nothing of how they are made. Figures as files are in `figures.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from recexplainer.evaluation.rows import Confusion, Row
from recexplainer.evaluation.vector_reconstruction import FEWEST_USERS
from recexplainer.explanations.record import Method
from recexplainer.reports import tables
from recexplainer.reports.charts import Bar, Panel, Stack, StackPanel, method_panels, panel
from recexplainer.reports.inputs import PaperDataset
from recexplainer.reports.names import display_name, in_order, interval, method_name, variant_name
from recexplainer.reports.tables import NOT_MEASURED, Block, Cell, Column, Table, columns_of, published, stated

LEVEL_NAMES = ("wrong decision", "insufficient", "acceptable", "satisfying")  # ratings 0 to 3, paper section 3.1
_HIGHEST_RATING = 3.0
_CONTROLS = ("encoder", "verdict_masked", "verdict_only", "style_only", "shuffled")
_NORMALIZED = ("comprehensiveness", "aopc_comprehensiveness", "sufficiency", "simulatability")
_AUROCS = {
    f"auroc_{metric}": metric for metric in ("verdict_fidelity", "hallucination_rate", "claim_precision", *_NORMALIZED)
}


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Who wrote an explanation, and who is predicted to have.

    `shares` is `[writers][predicted]`, None where there is no record; `cases` is `[writers]`.
    """

    title: str
    writers: tuple[str, ...]
    predicted: tuple[str, ...]
    shares: tuple[tuple[float | None, ...], ...]
    cases: tuple[int, ...]
    published: bool = False


# Ratings: Table 2, Figure 3, Appendix A.3


def rating_rows(evaluation: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The ratings of all raters: people's come with their agreement, the others' with the judge."""
    return [
        row
        for name in ("judge", "agreement")
        for row in evaluation.get(name, ())
        if row.task == "explanation" and row.rater is not None
    ]


def raters(rows: Sequence[Row]) -> list[str]:
    """Who rated: the rubric first, then people, then models as they come."""
    names = dict.fromkeys(row.rater for row in rows if row.rater is not None)
    return sorted(names, key=lambda name: ("rubric", "people", name).index(name))


def table_2(rows: Sequence[Row], paper_dataset: PaperDataset | None) -> Table:
    """Table 2: a block for each rater, beside the paper's ratings by GPT-4; the rows have a rater."""
    columns = columns_of("ratings")
    ours = [
        Block(_rated_by(rater), tables.method_lines(rows, [replace(column, rater=rater) for column in columns]))
        for rater in raters(rows)
    ]
    theirs = {name: [stated(value)] for name, value in published(paper_dataset).ratings.items()}
    paper = tables.paper_block(paper_dataset, columns, theirs, note="; rated by GPT-4")
    return Table("table-2", "Ratings of explanations, 0 to 3", "Method", columns, (*ours, paper))


def rating_panels(rows: Sequence[Row]) -> list[StackPanel]:
    """Figure 3: for each rater a bar of shares a method, with the mean rating behind it.

    A method whose four shares are not all known is left out, and so is a rater without any method.
    """
    panels: list[StackPanel] = []
    for rater in raters(rows):
        by_method: dict[Method, dict[str, Row]] = {}
        for row in rows:
            if row.rater == rater and row.value is not None:
                by_method.setdefault(_method(row), {})[row.metric] = row
        stacks = [_rating_stack(method, by_method[method]) for method in in_order(by_method)]
        if known := tuple(stack for stack in stacks if stack):
            panels.append(StackPanel(_rated_by(rater), known))
    return panels


def _rating_stack(method: Method, by_metric: Mapping[str, Row]) -> Stack | None:
    levels = [f"rating_{level}" for level in range(len(LEVEL_NAMES))]
    if not by_metric.keys() >= set(levels):
        return None
    parts = tuple((name, by_metric[level].value or 0.0) for name, level in zip(LEVEL_NAMES, levels, strict=True))
    mean = by_metric.get("rating")
    note = (f"{mean.value:.2f}", interval(mean.low, mean.high, places=2)) if mean else ("", "")
    return Stack(method_name(method), parts, *note)


def raters_sentence(rows: Sequence[Row]) -> str:
    """Who rated and who did not, of rules, people and language models; "" where nobody rated."""
    names = raters(rows)
    if not names:
        return ""
    shown = [display_name("raters", name) for name in names]
    sentence = f"Rated by {' and '.join([', '.join(shown[:-1]), shown[-1]] if shown[1:] else shown)}."
    if all(name in ("rubric", "people") for name in names):
        sentence += " No language model rated here, as GPT-4 did in the paper: that needs an endpoint or a model here."
    if "people" not in names:
        sentence += " No people rated here, as three did in the paper."
    return sentence


def table_agreement(rows: Sequence[Row]) -> Table:
    """How far raters agree, beside the paper's Appendix A.3, which has Amazon Video Games alone."""
    rows = [row for row in rows if row.task == "agreement"]
    columns = _with_unknown(columns_of("agreement", rows), rows)
    theirs = [
        (pair, tuple(stated(values[each.metric]) if each.metric in values else Cell(NOT_MEASURED) for each in columns))
        for pair, values in published("Games").agreement.items()
    ]
    paper = Block(tables.paper_heading("Games"), tables.mark_best(columns, theirs), published=True)
    return replace(tables.method_table("agreement", "Agreement between raters", columns, rows, paper), corner="Raters")


# Distinct and coherent: Figure 4, Table 3


def confusion_matrices(records: Sequence[Confusion], paper_dataset: PaperDataset | None) -> list[ConfusionMatrix]:
    """Figure 4: this run's confusion matrix and the paper's; none where this run has none."""
    if not records:
        return []
    source = published(paper_dataset)
    names, counts = tuple(source.writers), source.discriminator
    of_paper = tuple(tuple(number / sum(line) for number in line) for line in counts)
    theirs = ConfusionMatrix(tables.paper_heading(paper_dataset), names, names, of_paper, tuple(map(sum, counts)), True)
    shares: dict[Method, dict[Method, float]] = {}
    cases: dict[Method, int] = {}
    for one in records:
        writer, predicted = Method(one.method, one.variant), Method(one.predicted_method, one.predicted_variant)
        shares.setdefault(writer, {})[predicted] = one.share
        cases[writer] = one.cases
    writers = in_order(shares)
    others = in_order(each for line in shares.values() for each in line if each not in shares)
    ours = ConfusionMatrix(
        "This run",
        tuple(map(method_name, writers)),
        tuple(map(method_name, (*writers, *others))),
        tuple(tuple(shares[writer].get(each) for each in (*writers, *others)) for writer in writers),
        tuple(cases[writer] for writer in writers),
    )
    return [ours, theirs]


def accuracy_panel(rows: Sequence[Row]) -> Panel | None:
    """The discriminator's accuracy beside its controls'; None where it was not measured."""
    by_rater = {row.rater: row for row in rows if row.metric == "accuracy" and row.value is not None}
    bars = [
        Bar.of(by_rater[rater], display_name("raters", rater), f"series-{'hybrid' if rater == 'encoder' else 'other'}")
        for rater in _CONTROLS
        if rater in by_rater
    ]
    return panel("Accuracy, and that of its controls", bars, maximum=1.0)


def table_discriminator(rows: Sequence[Row]) -> Table | None:
    """Recall and precision a method; None where there are no such rows."""
    columns = columns_of("discriminator", rows)
    return tables.method_table("discriminator", "Discriminator", columns, rows) if columns else None


def table_3(rows: Sequence[Row], paper_dataset: PaperDataset | None) -> Table:
    """Table 3: how well the recommender's score is predicted from the text alone, with its controls beside."""
    rows = [replace(row, rater=row.rater or "encoder") for row in rows]  # predicting the mean has no rater
    first, *others = columns_of("score_predictor")
    columns = (first, *(column for column in others if any(map(column.shows, rows))))
    theirs = {name: [stated(value)] for name, value in published(paper_dataset).score_predictor.items()}
    caption = "Score predictor: the recommender's score predicted from the text"
    return tables.method_table("3", caption, columns, rows, tables.paper_block(paper_dataset, columns, theirs))


def scores_sentence(rows: Sequence[Row]) -> str:
    """Whether the verdict alone gives the score away as well as the best explanations do; "" if either is unknown."""
    texts, controls = (_errors(rows, rater) for rater in ("encoder", "verdict_only"))
    methods = [method for method in texts if method in controls]
    if not methods:
        return ""
    best = min(methods, key=lambda method: texts[method].value or 0.0)
    text, alone = texts[best], controls[best].value or 0.0
    numbers = f"standardised MSE {alone:.3f}, beside {text.value:.3f} from the words of {method_name(best)}"
    if text.high is not None and alone <= text.high:
        return f"The verdict alone explains it all: {numbers}. What else is in the text adds nothing to that."
    return f"The verdict alone does not explain it: {numbers}."


def _errors(rows: Sequence[Row], rater: str) -> dict[Method, Row]:
    wanted = ("mse", rater)
    return {_method(row): row for row in rows if (row.metric, row.rater) == wanted and row.value is not None}


def table_vectors(rows: Sequence[Row]) -> Table | None:
    """How much of the user vectors comes back from the texts; None where there are no such rows."""
    columns = columns_of("vector_reconstruction", rows)
    caption = "The recommender's user vectors read back from the text"
    return tables.method_table("vector-reconstruction", caption, columns, rows) if columns else None


def users_sentence(rows: Sequence[Row]) -> str:
    """That there are too few users to say anything; "" where there are enough."""
    if not rows or any(row.value is not None for row in rows):
        return ""
    return f"Explanations of {rows[0].cases:,} users are too few to say: {FEWEST_USERS} are needed."


def table_language(rows: Sequence[Row]) -> Table | None:
    """How the explanations of each method are worded, and the texts of the corpus; None where there are no rows."""
    columns = columns_of("language", rows)
    return tables.method_table("language", "How explanations are worded", columns, rows) if columns else None


def corpus_sentence(rows: Sequence[Row]) -> str:
    """That there was no corpus to compare with; "" where there was one, or nothing was measured."""
    if not rows or any(row.metric == "auroc" for row in rows):
        return ""
    return "They were compared with no corpus of free texts, since the setting evaluation.corpus names none."


# Ablation: Figure 7


def ablation_panels(rows: Sequence[Row]) -> list[Panel]:
    """Figure 7: a panel for the ratings of each rater and for each key number, the full model first.

    Rows without a value, and metrics that no model without a task has, are left out.
    """
    there = [row for row in rows if row.value is not None]
    ratings = (Column(f"Rating by {rater}", metric="rating", rater=rater) for rater in raters(there))
    panels: list[Panel | None] = []
    for column in (*ratings, *columns_of("ablation")):
        chosen = sorted(filter(column.shows, there), key=lambda row: row.variant != "")
        if any(row.variant for row in chosen):
            bars = [Bar.of(row, variant_name(row.variant), "series-other" if row.variant else "") for row in chosen]
            panels.append(panel(column.title, bars, _HIGHEST_RATING if column.metric == "rating" else None))
    return [each for each in panels if each]


def paper_ablation_panel() -> Panel | None:
    """The ratings of the paper's Figure 7, which has Amazon Video Games alone."""
    source = published("Games")
    bars = [
        Bar(variant_name(name), "series-paper", value, text=f"{value:.2f}") for name, value in source.ablation.items()
    ]
    return panel(f"Paper, {source.name}: rating by GPT-4", bars, _HIGHEST_RATING)


# Faithfulness, and whether its metrics can be trusted


def table_faithfulness(rows: Sequence[Row]) -> Table:
    """Whether explanations are true of the recommender: a line a method, with columns for language models that read."""
    readers = dict.fromkeys(row.rater for row in rows if row.rater is not None)
    by_readers = [
        replace(column, group=f"Read by {reader}", rater=reader)
        for reader in readers
        for column in columns_of("language_model_reader")
    ]
    columns = (*columns_of("faithfulness"), *(column for column in by_readers if any(map(column.shows, rows))))
    caption = "Faithfulness: whether what explanations say holds of the recommender"
    return tables.method_table("faithfulness", caption, columns, rows)


def normalized_panels(rows: Sequence[Row]) -> list[Panel]:
    """A panel a metric: where each method is between random citing (0) and what attribution finds (1).

    A value below 0 or above 1 is drawn at that end; its number is printed as it is.
    """
    without_rater = [row for row in rows if row.rater is None]
    found = method_panels(
        (display_name("metrics", metric), [row for row in without_rater if row.metric == f"{metric}_normalized"])
        for metric in _NORMALIZED
    )
    return [
        Panel(each.title, tuple(replace(bar, text=f"{bar.value:.2f}".replace("-", "−")) for bar in each.bars))
        for each in found
    ]


def table_synthetic(rows: Sequence[Row]) -> Table:
    """How far each metric tells true explanations from false ones, over all recommenders: a line a metric."""
    overall = {row.metric: row for row in rows if row.method == "all" and not row.variant}
    dash = Cell(NOT_MEASURED)
    lines: list[tuple[str, tuple[Cell, ...]]] = []
    for metric, name in (*_AUROCS.items(), *((each, each) for each in ("claim_statuses", "claims_read"))):
        if row := overall.get(metric):
            value = Column("", metric=metric).cell([row])
            values = (value, dash) if metric in _AUROCS else (dash, value)
            lines.append((display_name("metrics", name), (*values, tables.count(row.cases))))
    columns = (
        Column("AUROC", meaning="how often a true explanation has the better value; 0.5 is chance", best=""),
        Column("Right", meaning="share of claims or texts whose status or reading is as it should be", best=""),
        Column("Cases", meaning="pairs of explanations; of the last lines claims or texts", best=""),
    )
    caption = "The metrics tested on recommenders whose causes are known"
    return Table("table-synthetic", caption, "Metric", columns, (Block("", tuple(lines)),))


def statuses_sentence(rows: Sequence[Row]) -> str:
    """How often the statuses of claims are those that the known causes imply; "" where that is not known."""
    found = next((row for row in rows if (row.method, row.metric) == ("all", "claim_statuses")), None)
    if found is None or found.value is None:
        return ""
    ends = "" if found.low is None or found.high is None else f" ({found.low:.1%} to {found.high:.1%})"
    return f"The status is what the known causes imply for {found.value:.1%} of {found.cases:,} claims{ends}."


# Any other evaluation


def table_of(name: str, rows: Sequence[Row]) -> Table:
    """The rows of any evaluation: a line for each method, a column for each metric and rater."""
    return tables.method_table(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"), name, _with_unknown((), rows), rows)


def _with_unknown(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Column, ...]:
    """Columns, and one for each metric and rater of rows that none of them shows."""
    found = list(columns)
    for row in rows:
        if not any(column.shows(row) for column in found):
            group = "" if row.rater is None else display_name("raters", row.rater)
            label = display_name("metrics", row.metric)
            found.append(Column(label, group, best="", metric=row.metric, rater=row.rater or "none"))
    return tuple(found)


def _rated_by(rater: str) -> str:
    return f"Rated by {display_name('raters', rater)}"


def _method(row: Row) -> Method:
    return Method(row.method, row.variant)
