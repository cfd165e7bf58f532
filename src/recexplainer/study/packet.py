"""What a rater of the human study is given: a table, or a page that works offline, of explanations without names.

How the page looks and works is in `page/`; it knows neither methods nor which cases were drawn.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_PAGE = Path(__file__).with_name("page")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would take such a text for a formula


@dataclass(frozen=True, slots=True)
class Entry:
    """One explanation as a rater sees it; nothing here names the method.

    Attributes:
        id: Opaque; begins with a letter, so that no spreadsheet takes it for a number.
        history: Titles, oldest first.
        item: The title of the item asked about.
        label: The recommender's own decision, `Yes` or `No`.
        explanation: The text to rate.
    """

    id: str
    history: tuple[str, ...]
    item: str
    label: str
    explanation: str


def packet_csv(entries: Sequence[Entry], packet: str) -> str:
    """The packet as a table that spreadsheets open as UTF-8 (by the mark at its beginning)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(("id", "history", "item", "label", "explanation", "rating", "comment", "rater", "packet"))
    for each in entries:
        history = "\n".join(f"{place}. {title}" for place, title in enumerate(each.history, start=1))
        shown = (each.id, history, _as_text(each.item), each.label, _as_text(each.explanation))
        writer.writerow([*shown, "", "", "", packet])
    return "\ufeff" + text.getvalue()


def packet_html(entries: Sequence[Entry], packet: str, rubric: Sequence[str]) -> str:
    """The page: style, script and packet are inside, and it may load nothing else."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style, script = ((_PAGE / name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
    return environment.get_template("packet.html.j2").render(
        style=Markup(style),  # noqa: S704, our own file
        script=Markup(script),  # noqa: S704, our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        rubric=list(rubric),
        packet={"packet": packet, "entries": [asdict(entry) for entry in entries]},
    )


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
