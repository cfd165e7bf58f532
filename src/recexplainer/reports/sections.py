"""What each section of the page shows, worked out from the inputs: headline numbers, charts, sentences, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, cast

from markupsafe import Markup

from recexplainer.evaluation.rows import Row
from recexplainer.reports.bars import Bar, bars
from recexplainer.reports.cells import interval
from recexplainer.reports.curves import histogram, lines
from recexplainer.reports.inputs import ReportInputs, Stage
from recexplainer.reports.names import duration, in_order, method_name, series_class
from recexplainer.reports.panels import Panel, method_panel
from recexplainer.storage import packaged_yaml

FORMS = ("behavior", "intention", "hybrid")
# (task, metric) -> (name, what it answers in a few words)
KEY_NUMBERS = {
    ("retrieval", "hr@5"): ("Retrieval, H@5", "the recommender’s first choice is among the surrogate’s five"),
    ("ranking", "ndcg@5"): ("Ranking, N@5", "five items are put in the recommender’s order"),
    ("classification", "accuracy"): ("Classification, ACC", "liked or not is answered as the recommender would"),
    ("reconstruction", "hcr"): ("Reconstruction, HCR", "the history is read back from the user’s vector"),
}
_TARGET_METRICS = {"hr@5": "HR@5", "hr@10": "HR@10", "ndcg@5": "NDCG@5", "ndcg@10": "NDCG@10"}


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One of the four numbers at the head of the page; `chance` is the Random row's, None where it has none."""

    name: str
    meaning: str
    value: str
    interval: str
    chance: str | None


@dataclass(frozen=True, slots=True)
class Training:
    """How the training of one form went; None where the log does not say."""

    form: str
    css: str
    steps: int
    first_loss: float
    last_loss: float
    tokens_per_second: float | None
    seconds: str | None


def best_form(rows: Sequence[Row]) -> str | None:
    """The form with the highest mean over retrieval, ranking and classification; None where none was measured."""
    keys = list(KEY_NUMBERS)[:3]
    values = {
        form: [row.value or 0.0 for row in rows if row.method == form and (row.task, row.metric) in keys]
        for form in FORMS
    }
    measured = {form: sum(each) / len(keys) for form, each in values.items() if each}
    return max(measured, key=lambda form: measured[form]) if measured else None


def key_numbers(rows: Sequence[Row], form: str) -> list[KeyNumber]:
    """The form's numbers, in the order of the paper's tasks; those not measured are left out."""
    values = {(row.method, row.task, row.metric): row for row in rows}
    found: list[KeyNumber] = []
    for key, (name, meaning) in KEY_NUMBERS.items():
        row, chance = values.get((form, *key)), values.get(("random", *key))
        if row is not None and row.value is not None:
            by_chance = f"{chance.value:.3f}" if chance is not None and chance.value is not None else None
            found.append(KeyNumber(name, meaning, f"{row.value:.3f}", interval(row.low, row.high), by_chance))
    return found


def alignment_panels(rows: Sequence[Row]) -> list[Panel]:
    """One panel of bars for each column of Table 1 that was measured, free decoding."""
    names = {**KEY_NUMBERS, ("retrieval", "ndcg@5"): ("Retrieval, N@5", "")}
    order = sorted(names, key=lambda key: ("retrieval", "ranking", "classification", "reconstruction").index(key[0]))
    panels = [method_panel(names[key][0], [row for row in rows if (row.task, row.metric) == key]) for key in order]
    return [panel for panel in panels if panel is not None]


def target_panels(rows: Sequence[Row]) -> list[Panel]:
    """One panel of bars a metric: the target beside popularity."""
    panels = [
        method_panel(name, [row for row in rows if row.metric == metric]) for metric, name in _TARGET_METRICS.items()
    ]
    return [panel for panel in panels if panel is not None]


def target_sentence(rows: Sequence[Row]) -> str:
    """How many times the target's NDCG@10 is popularity's; "" where one of them is missing or nought."""
    values = {row.method: row.value for row in rows if row.metric == "ndcg@10"}
    target, popularity = values.get("target"), values.get("popularity")
    if not target or not popularity:
        return ""
    ratio = target / popularity
    if ratio < 1.1:
        return f"It does not clearly beat popularity: its NDCG@10 is {ratio:.2f} times that of popularity."
    return f"Its NDCG@10 is {ratio:.1f} times that of recommending what is popular."


def training(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> tuple[Markup, list[Training]]:
    """The chart of loss by step and one line for each form; empty where no log holds a loss."""
    logs = {form: [entry for entry in curves[form] if "loss" in entry and "step" in entry] for form in in_order(curves)}
    logs = {form: entries for form, entries in logs.items() if entries}
    if not logs:
        return Markup(""), []
    series = {
        method_name(form): (series_class(form), [(entry["step"], entry["loss"]) for entry in entries])
        for form, entries in logs.items()
    }
    facts = [_training(form, entries, curves[form]) for form, entries in logs.items()]
    return lines(series, x_name="step", y_name="loss"), facts


def stage_bars(stages: Sequence[Stage]) -> Markup:
    """The stages as bars of their share of the longest; empty where there are none."""
    longest = max((stage.seconds for stage in stages), default=0.0) or 1.0
    rows = [Bar(each.name, "series-other", each.seconds, text=duration(each.seconds)) for each in stages]
    return bars(rows, maximum=longest) if rows else Markup("")


def history_lengths(inputs: ReportInputs) -> tuple[Markup, str]:
    """The histogram of history lengths and what it says in a sentence; both empty where they are not known."""
    lengths = inputs.dataset.history_lengths
    if not lengths:
        return Markup(""), ""
    sentence = (
        f"Half of the users have {median(lengths):g} interactions or fewer; the longest history has {max(lengths):,}."
    )
    return histogram(lengths, unit="interactions a user"), sentence


def protocol(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """One sentence for each thing measured: how, and against what."""
    measured = {f"{row.task} {row.metric}" for row in rows} | {row.method for row in rows}
    entries = packaged_yaml("recexplainer.reports", "protocol.yaml")
    return [(each["name"], each["text"]) for each in entries if each.get("measured", "") in {"", *measured}]


def flat_settings(settings: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as `room.name` and its value in words."""
    flat: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat += flat_settings(cast("Mapping[str, object]", value), f"{prefix}{name}.")
        else:
            flat.append((f"{prefix}{name}", _plain(value)))
    return flat


def _training(form: str, entries: Sequence[Mapping[str, float]], log: Sequence[Mapping[str, float]]) -> Training:
    speeds = [entry["tokens_per_second"] for entry in log if "tokens_per_second" in entry]
    times = [entry[name] for entry in log for name in ("seconds", "train_runtime") if name in entry]
    return Training(
        form=method_name(form),
        css=series_class(form),
        steps=int(entries[-1]["step"]),
        first_loss=entries[0]["loss"],
        last_loss=entries[-1]["loss"],
        tokens_per_second=median(speeds) if speeds else None,
        seconds=duration(times[-1]) if times else None,
    )


def _plain(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(each) for each in cast("Sequence[Any]", value)) or "none"
    return str(value)
