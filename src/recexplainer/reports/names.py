"""How methods, tasks, numbers and times are written on the page and in the tables."""

from __future__ import annotations

from collections.abc import Iterable

_BASELINES = ("random", "popularity", "mean-of-training", "unaligned")
_OURS = ("student", "target", "behavior", "intention", "hybrid")
_COLOURED = ("random", "popularity", "student", "target", "behavior", "intention", "hybrid")
_TEMPLATES = {
    "template-recent": "Template: three most recent",
    "template-popular": "Template: three most popular",
}
_JUDGES = {"rubric": "the rubric (rules, not a language model)", "people": "people"}
_TASK_TITLES = {
    "retrieval": "Next item retrieval",
    "ranking": "Item ranking",
    "classification": "Interest classification",
    "discrimination": "Item discrimination",
    "chat": "General conversation",
    "reconstruction": "History reconstruction",
    "rationale": "Rationale",
}

_SMALL = 0.01  # f's scores may be: what is smaller keeps its first digit


def method_name(method: str) -> str:
    """`hybrid+evidence` reads "Hybrid, with evidence", `x-icl` "x, in context"; a model's own name stays as it is."""
    name, said = method, ""
    for suffix, words in (("+evidence", ", with evidence"), ("-icl", ", in context"), ("-at-once", ", at once")):
        if name.endswith(suffix):
            name, said = name.removesuffix(suffix), words
    if method in _TEMPLATES:
        name = _TEMPLATES[method]
    elif base(method) in (*_BASELINES, *_OURS, "all"):
        name = name[:1].upper() + name[1:].replace("-", " ")
    return name + said


def base(method: str) -> str:
    """The method that another is a kind of: `hybrid` of `hybrid+evidence`, `hybrid without chat` and `hybrid-icl`."""
    return method.partition("+")[0].partition(" without ")[0].removesuffix("-icl").removesuffix("-at-once")


def judge_name(judge: str) -> str:
    """Who rates: the rubric is said to be rules; a model by its own name."""
    return _JUDGES.get(judge, judge)


def task_name(task: str) -> str:
    """The paper's name of a task; an unknown task by its own name."""
    return _TASK_TITLES.get(task, task[:1].upper() + task[1:])


def in_order(methods: Iterable[str]) -> list[str]:
    """Each method once: baselines first, then others as they come, then the three forms, each before its kinds."""
    return sorted(dict.fromkeys(methods), key=_standing)


def _standing(method: str) -> tuple[int, bool]:
    """Its place: a baseline's, then that of any other, then ours; whether it is a kind of another method."""
    known = base(method)
    ahead = _BASELINES.index(known) if known in _BASELINES else len(_BASELINES)
    return ahead + (1 + _OURS.index(known) if known in _OURS else 0), known != method


def series_class(method: str) -> str:
    """The CSS class that colours a method; never made of free text."""
    form = base(method)
    return f"series-{form}" if form in _COLOURED else "series-other"


def duration(seconds: float) -> str:
    """`3.2 s`, `12 min 4 s`, `1 h 5 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def plain(value: float) -> str:
    """`7.21`, `−1.34` or `0.003`, with a true minus sign."""
    return format(value, ".1g" if 0 < abs(value) < _SMALL else ".2f").replace("-", "−")


def signed(value: float) -> str:
    """`+0.42`, `−0.42` or `+0.003`, with a true minus sign."""
    return ("+" if value >= 0 else "") + plain(value)
