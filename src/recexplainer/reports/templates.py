"""The Jinja environment of the page and the model card: strict, with the filters that templates use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from recexplainer.reports.names import display_name, duration, interval, method_name, plain, signed

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE = Path(__file__).with_name("page")


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
