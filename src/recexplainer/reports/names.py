"""How methods, raters, tasks, metrics, numbers and times are written, and the templates that write them so.

The names are in `names.yaml`, the templates of the page, the model card and LaTeX tables in `page/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from recexplainer.explanations.record import Method
from recexplainer.storage import packaged_yaml

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE = Path(__file__).with_name("page")
Kind = Literal["methods", "variants", "raters", "tasks", "metrics"]

FULL_MODEL = "all tasks"
_COLORED = ("random", "popularity", "student", "recommender", "behavior", "intention", "hybrid")
_SMALL = 0.01  # scores may be small: what is smaller keeps its first digit


def display_name(kind: Kind, name: str) -> str:
    """The name of a method, variant, rater, task or metric as it is shown; one that is not in the table as it is."""
    return _names()[kind].get(name, name)


def method_name(method: Method) -> str:
    """A method and its variant: `Hybrid, grounded`, `gpt-4.1-mini, in context`."""
    name = display_name("methods", method.name)
    return f"{name}, {variant_name(method.variant)}" if method.variant else name


def variant_name(variant: str) -> str:
    """A variant: `without chat`; the full model of the ablation reads `all tasks`."""
    return display_name("variants", variant) if variant else FULL_MODEL


def in_order(methods: Iterable[Method]) -> list[Method]:
    """Each method once: baselines, then others as they come, then the forms, each followed by its variants."""
    names = _names()
    last = list(names["last_methods"])
    order = {name: place for place, name in enumerate(names["first_methods"])}
    others = len(order)
    order |= {name: others + 1 + place for place, name in enumerate(last)}
    variants = {name: place for place, name in enumerate(["", *names["variants"]])}
    return sorted(
        dict.fromkeys(methods),
        key=lambda method: (order.get(method.name, others), variants.get(method.variant, len(variants))),
    )


def series_class(method: str) -> str:
    """The CSS class that colors a method; never made of free text."""
    return f"series-{method}" if method in _COLORED else "series-other"


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


def interval(low: float | None, high: float | None, places: int = 3) -> str:
    """`0.801–0.823`; "" where there is none."""
    return "" if low is None or high is None else f"{low:.{places}f}–{high:.{places}f}".replace("-", "−")


def environment(*filters: Callable[..., Any], **named: Callable[..., Any]) -> Environment:
    """Templates of the folder `page` with further filters; HTML is escaped, a name that is not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=FileSystemLoader(PAGE),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = {"task_name": partial(display_name, "tasks"), "form_name": partial(display_name, "methods")}
    own = {"count": "{:,}".format, **names}
    shared = {each.__name__: each for each in (duration, interval, method_name, percent_of, plain, signed, *filters)}
    cast("dict[str, Any]", made.filters).update(own | shared | named)
    return made


def percent_of(value: float, maximum: float = 1.0) -> str:
    """A length as a percentage of a chart's width, such as `25.00%`; what lies outside is drawn at the end."""
    return f"{100 * max(0.0, min(value / maximum, 1.0)) if maximum > 0 else 0:.2f}%"


@cache
def _names() -> dict[str, dict[str, str]]:
    loaded = packaged_yaml("recexplainer.reports", "names.yaml")
    return loaded | {"methods": loaded["first_methods"] | loaded["last_methods"]}
