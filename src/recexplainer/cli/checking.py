"""`recexplainer check`: what texts of anybody claim of a run's recommender, and whether it holds."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption, SetOption, stdout, visible
from recexplainer.cli.encoding import given_text, json_for_terminal
from recexplainer.errors import DataError, SettingsError

if TYPE_CHECKING:
    from rich.console import Console

    from recexplainer.claims.claim import Claim
    from recexplainer.explanations.checking import CheckedText

_STATUSES = ("supported", "unverified", "contradicted")
_STYLES = {"unverified": "yellow", "contradicted": "red"}
_STDIN = "-"
_SHOWN = 60  # characters of words that are quoted


def check(
    run: RunArgument,
    texts: Annotated[
        str,
        typer.Argument(metavar="TEXTS", help="JSON Lines or CSV with user, item, text and maybe id; - is one text."),
    ],
    user: Annotated[str | None, typer.Option("--user", help="The user's own id, if TEXTS is -.")] = None,
    item: Annotated[str | None, typer.Option("--item", help="The item's own id, if TEXTS is -.")] = None,
    reader: Annotated[
        str | None, typer.Option("--reader", metavar="MODEL", help="Read by this chat model of the endpoint.")
    ] = None,
    settings: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a text, one a line.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Check what texts of anybody claim against a run's recommender; exit status 1 if it contradicts something."""
    import json

    from recexplainer.explanations.checking import check_texts, texts_to_check
    from recexplainer.explanations.pairs import unseen_pair
    from recexplainer.pipeline.runs import find_run, open_explainer, open_reader

    if settings and reader is None:
        what, hint = "Settings are those of the endpoint of a reader.", "Give --reader with the name of a chat model."
        raise SettingsError(what, location=f"--set {settings[0]}", hint=hint)
    folder = find_run(run, runs)
    model = None if reader is None else open_reader(folder, reader, settings or ())
    rows = _rows(texts, user, item)
    explainer = open_explainer(folder, surrogate=False)
    checked = check_texts(explainer, texts_to_check(rows, unseen_pair(explainer.dataset)), model)
    if as_json:
        for one in checked:
            typer.echo(json_for_terminal(json.dumps(one.to_dict(), ensure_ascii=False)))
    else:
        _show(checked)
    if any(one.contradicted for one in checked):
        raise typer.Exit(1)


def _rows(texts: str, user: str | None, item: str | None) -> list[tuple[str, Mapping[str, Any]]]:
    """The rows of a file, or the one of standard input, each with its location."""
    from recexplainer.data.readers.rows import read_rows
    from recexplainer.explanations.checking import COLUMNS

    if texts != _STDIN:
        if user is not None or item is not None:
            what, hint = "A file names the users and items itself.", "Leave out --user and --item, or give - as TEXTS."
            raise SettingsError(what, location="--user" if user is not None else "--item", hint=hint)
        return read_rows(Path(given_text(texts)), COLUMNS)
    if user is None or item is None:
        what, hint = "A text of standard input needs a user and an item.", "Give --user and --item."
        raise SettingsError(what, location="--user" if user is None else "--item", hint=hint)
    return [("standard input", {"user": given_text(user), "item": given_text(item), "text": _read_stdin()})]


def _read_stdin() -> str:
    if sys.stdin.isatty():
        typer.echo("Type the text; end with Ctrl-D (Windows: Ctrl-Z) on a line of its own.", err=True)
    try:
        return typer.get_binary_stream("stdin").read().decode("utf-8-sig").strip() or " "
    except UnicodeDecodeError as error:
        what = f"the text is not UTF-8: byte 0x{error.object[error.start]:02x} stands for no character"
        raise DataError(what, location="standard input", hint="save it as UTF-8") from error


def _show(checked: Sequence[CheckedText]) -> None:
    console = stdout()
    for one in checked:
        console.print(visible(f"text {one.id}: user {one.user}, item {one.item} “{one.title}”"), style="bold")
        console.print(visible(f"  {one.text}".replace("\n", "\n  ")), style="cyan")
        for claim in one.claims:
            console.print(f"  {visible(_line(one, claim))}", style=_STYLES.get(claim.status))
        if not one.claims:
            console.print("  It claims nothing that was understood.", style="yellow")
        if one.unread:
            quoted = "; ".join(_quoted(one.text, *span) for span in one.unread)
            console.print(f"  {visible(f'{_unread(len(one.unread), one.n_sentences)}: {quoted}')}", style="yellow")
    _show_summary(checked, console)


def _line(text: CheckedText, claim: Claim) -> str:
    item, title = text.named(claim)
    words = _quoted(text.text, claim.start, claim.end)
    about = "" if item is None else f", item {item}" + (f" “{title}”" if words != f"“{title}”" else "")
    value = f" ({claim.value})" if claim.value else ""
    return f"{claim.status:<13} {claim.kind}{value}: {words}{about}: {claim.found}"


def _quoted(text: str, start: int, end: int) -> str:
    """Words of a text on one line, between quotation marks."""
    words = " ".join(text[start:end].split())
    return f"“{words if len(words) <= _SHOWN else f'{words[:_SHOWN]}…'}”"


def _unread(count: int, of: int) -> str:
    return f"{count} of {of} sentence{'' if of == 1 else 's'} {'was' if count == 1 else 'were'} not understood"


def _show_summary(checked: Sequence[CheckedText], console: Console) -> None:
    """A line for each kind of claim, a column for each status; then counts of texts and sentences."""
    from rich.table import Table

    claims = [claim for one in checked for claim in one.claims]
    counts = Counter((claim.kind, claim.status) for claim in claims)
    totals = Counter(claim.status for claim in claims)
    table = Table("claims", title="Claims by status", title_justify="left")
    for status in _STATUSES:
        table.add_column(status, justify="right")
    for kind in sorted({claim.kind for claim in claims}):
        table.add_row(kind, *(f"{counts[kind, status]:,}" for status in _STATUSES))
    table.add_row("all", *(f"{totals[status]:,}" for status in _STATUSES))
    console.print(table)
    console.print(f"texts: {len(checked):,}, with a contradiction: {sum(one.contradicted for one in checked):,}")
    unread = sum(len(one.unread) for one in checked)
    if unread:
        partly = sum(bool(one.unread) for one in checked)
        console.print(f"{_unread(unread, sum(one.n_sentences for one in checked))}, in {partly:,} of the texts")
