"""What the page shows of the explanations' evaluations, and of what was not measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from recexplainer.evaluation.rows import Row
from recexplainer.reports.bars import Bar, stacked
from recexplainer.reports.cells import interval
from recexplainer.reports.inputs import PaperDataset, ReportInputs
from recexplainer.reports.names import judge_name, method_name
from recexplainer.reports.panels import Panel, bar, bar_panel
from recexplainer.reports.paper import published
from recexplainer.reports.readings import LEVEL_NAMES, Confusion, Rating, ablation, confusion, is_full, ratings, without
from recexplainer.reports.tables import ORIENTATION, paper_heading
from recexplainer.storage import packaged_yaml

KNOWN = ("faithfulness", "synthetic", "judge", "discriminator", "score_predictor", "ablation", "agreement")
_ACCURACIES = {
    "accuracy": "Explanations as written",
    "accuracy/verdict-masked": "Verdict masked",
    "accuracy/verdict-only": "Verdict only",
    "accuracy/style-only": "Style only",
    "accuracy/shuffled": "Shuffled",
}
_HIGHEST_RATING = 3.0
_VERDICT_ONLY = "mse/verdict-only"


@dataclass(frozen=True, slots=True)
class Absent:
    """An evaluation that a run lacks: what is not known, the command that makes it, and what that needs."""

    what: str
    command: str
    needs: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """A confusion matrix as shown; each row is who wrote, how many cases, and text and share of each cell."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[tuple[str, float], ...]], ...]
    published: bool = False


def absent(inputs: ReportInputs) -> dict[str, Absent]:
    """The known evaluations that have no rows; those of the baselines stand with the alignment."""
    entries = packaged_yaml("recexplainer.reports", "evaluations.yaml")
    there = {name for name, rows in inputs.evaluation.items() if rows}
    if any(row.method == "unaligned" for row in inputs.alignment_rows):
        there.add("baselines")
    return {
        name: Absent(entry["what"], f"recexplainer evaluate {inputs.name} {name}", entry["needs"])
        for name, entry in entries.items()
        if name not in there
    }


def rating_panels(rows: Sequence[Row]) -> list[Panel]:
    """Figure 3: for each judge a bar of shares a method, with the mean rating behind it."""
    charts = {judge: [_stack(each) for each in found if each.parts] for judge, found in ratings(rows).items()}
    return [
        Panel(
            f"Rated by {judge_name(judge)}", Markup('<div class="bars stacks">{}</div>').format(Markup("").join(bars))
        )
        for judge, bars in charts.items()
        if bars
    ]


def judges_sentence(rows: Sequence[Row]) -> str:
    """Who rated and who did not, of rules, people and language models; "" where nobody rated."""
    judges = list(ratings(rows))
    if not judges:
        return ""
    said = f"Rated by {_listed([judge_name(judge) for judge in judges])}."
    if all(judge in ("rubric", "people") for judge in judges):
        said += " No language model rated here, as GPT-4 did in the paper: that needs an endpoint or a model here."
    if "people" not in judges:
        said += " No people rated here, as three did in the paper."
    return said


def matrices(rows: Sequence[Row], paper_dataset: PaperDataset | None) -> list[Matrix]:
    """Figure 4: this run's confusion matrix and the paper's; none where this run has none."""
    found = confusion(rows)
    if found is None:
        return []
    source = published(paper_dataset or ORIENTATION)
    theirs = Confusion(
        methods=source.writers,
        shares=tuple(tuple(count / sum(counts) for count in counts) for counts in source.discriminator),
        cases=tuple(sum(counts) for counts in source.discriminator),
    )
    return [_matrix("This run", found), _matrix(paper_heading(source, paper_dataset), theirs, published=True)]


def accuracy_panel(rows: Sequence[Row]) -> Panel | None:
    """The discriminator's accuracy beside its controls'; None where it was not measured."""
    by_metric = {row.metric: row for row in rows if row.method == "all" and row.value is not None}
    bars = [
        bar(by_metric[metric], name, "series-hybrid" if metric == "accuracy" else "series-other")
        for metric, name in _ACCURACIES.items()
        if metric in by_metric
    ]
    return bar_panel("Accuracy, and that of its controls", bars, maximum=1.0)


def scores_sentence(rows: Sequence[Row]) -> str:
    """Whether the verdict alone gives f's score away as well as the best explanations do; "" if either is unknown."""
    known = {(row.method, row.metric): row for row in rows if row.value is not None}
    told = [row for (method, metric), row in known.items() if metric == "mse" and (method, _VERDICT_ONLY) in known]
    if not told:
        return ""
    best = min(told, key=lambda row: row.value or 0.0)
    alone = known[best.method, _VERDICT_ONLY].value or 0.0
    said = f"standardised MSE {alone:.3f}, beside {best.value:.3f} from the words of {method_name(best.method)}"
    if best.high is not None and alone <= best.high:
        return f"The verdict alone explains it all: {said}. What else stands in the text adds nothing to that."
    return f"The verdict alone does not explain it: {said}."


def ablation_panels(rows: Sequence[Row]) -> list[Panel]:
    """Figure 7: a panel a metric, the full model first, and the paper's ratings as the last; none without rows."""
    panels = [_ablated(each.title, each.rows) for each in ablation(rows)]
    source = published("Games")
    bars = [Bar(without(name), "series-paper", value, text=f"{value:.2f}") for name, value in source.ablation.items()]
    theirs = bar_panel(f"Paper, {source.name}: rating by GPT-4", bars, maximum=_HIGHEST_RATING)
    return [panel for panel in (*panels, theirs) if panel is not None] if panels else []


def _ablated(title: str, rows: Sequence[Row]) -> Panel | None:
    bars = [bar(row, without(row.method), "" if is_full(row.method) else "series-other") for row in rows]
    return bar_panel(title, bars, _HIGHEST_RATING if rows[0].metric.startswith("rating") else None)


def _stack(rating: Rating) -> Markup:
    mean = rating.mean
    note = ""
    if mean is not None and mean.value is not None:
        note = Markup("{}<small>{}</small>").format(f"{mean.value:.2f}", interval(mean.low, mean.high))
    return stacked(method_name(rating.method), list(zip(LEVEL_NAMES, rating.parts, strict=True)), "rating-", note)


def _matrix(title: str, found: Confusion, *, published: bool = False) -> Matrix:
    rows = tuple(
        (
            method_name(writer),
            cases,
            tuple(("–" if share is None else f"{share:.1%}", share or 0.0) for share in shares),
        )
        for writer, shares, cases in zip(found.methods, found.shares, found.cases, strict=False)
    )
    return Matrix(title, tuple(method_name(each) for each in found.methods), rows, published)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
