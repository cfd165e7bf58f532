"""`recexplainer explain`: why items are or are not recommended, for one pair or for many, by any writer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption
from recexplainer.cli.encoding import given_text, json_for_terminal
from recexplainer.errors import SettingsError

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset
    from recexplainer.explanations.explainer import PairExplainer
    from recexplainer.explanations.pairs import Pair
    from recexplainer.explanations.record import Explanation
    from recexplainer.explanations.writing import Style, Writer

_STDIN = "-"
SURROGATE, REALISED = "surrogate", "realised"  # as in explanations/writing.py, which takes long to import
_TOGETHER = 256  # pairs that are explained, and then printed


EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", metavar="ADDRESS", help="Where the chat model is: http://localhost:8000/v1."),
]
AloneOption = Annotated[
    bool, typer.Option("--surrogate", help="Write from the surrogate alone; the recommender only checks the text.")
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Allow no claim that the recommender or the catalogue does not support.")
]
AspectOption = Annotated[str, typer.Option("--aspect", help='An aspect to explain: "from the view of genres".')]
AudienceOption = Annotated[
    Literal["customer", "analyst", "regulator"] | None, typer.Option("--audience", help="For whom.")
]
LengthOption = Annotated[Literal["short", "long"] | None, typer.Option("--length", help="How long.")]
LanguageOption = Annotated[
    str, typer.Option("--language", metavar="NAME", help="The language of a chat model's texts: German.")
]


@dataclass(frozen=True)
class Writing:
    """Who writes, and how, as it was asked for."""

    writer: str | None
    endpoint: str | None
    alone: bool
    strict: bool
    style: Style


def explain(
    run: RunArgument,
    user: Annotated[str | None, typer.Option("--user", help="The user's own id.")] = None,
    item: Annotated[str | None, typer.Option("--item", help="The item's own id.")] = None,
    pairs: Annotated[
        str | None,
        typer.Option(
            "--pairs",
            metavar="FILE",
            help="Many pairs: CSV, TSV, Parquet or JSON Lines with user and item; - is JSON Lines of standard input.",
        ),
    ] = None,
    writer: Annotated[
        str | None,
        typer.Option(
            "--writer",
            metavar="NAME",
            help="surrogate, realised (no language model) or a chat model; else the surrogate where there is one.",
        ),
    ] = None,
    endpoint: EndpointOption = None,
    surrogate: AloneOption = False,
    strict: StrictOption = False,
    aspect: AspectOption = "",
    audience: AudienceOption = None,
    length: LengthOption = None,
    language: LanguageOption = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record as JSON; of many pairs one object a line.")
    ] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Explain why items are or are not recommended to users."""
    from recexplainer.cli.results import show_explanation
    from recexplainer.explanations.pairs import known_pair, pairs_to_explain, with_own_ids
    from recexplainer.explanations.writing import Style
    from recexplainer.pipeline.layout import explanations_json
    from recexplainer.pipeline.runs import find_run

    how = Writing(
        writer=None if writer is None else named(given_text(writer)),
        endpoint=endpoint,
        alone=surrogate,
        strict=strict,
        style=Style(given_text(aspect), audience or "", length or "", given_text(language)),
    )
    _check_pairs(user, item, pairs)
    check_writing(how)
    rows = None if pairs is None else _rows(pairs)
    folder = find_run(run, runs)
    explainer = _open(folder, how)
    if rows is not None:
        known = pairs_to_explain(with_own_ids(rows, explainer.dataset), known_pair(explainer.dataset))
        _show_many(_explanations(folder, explainer, known, how), explainer.dataset, len(known), as_json=as_json)
        return
    asked = explainer.pair(given_text(user or ""), given_text(item or ""))
    explanations = list(_explanations(folder, explainer, [asked], how))
    if as_json:
        typer.echo(json_for_terminal(explanations_json(explanations)))
    else:
        show_explanation(explanations[0])


def named(writer: str) -> str:
    """The name of a writer; those of this package are the same in capitals."""
    return writer.casefold() if writer.casefold() in (SURROGATE, REALISED) else writer


def _check_pairs(user: str | None, item: str | None, pairs: str | None) -> None:
    """Raise SettingsError unless either a user and an item are named or a file."""
    named = {"--user": user, "--item": item}
    given = [name for name, value in named.items() if value is not None]
    if pairs is not None and given:
        what, hint = "The file names the users and items itself.", "Leave out --user and --item, or --pairs."
        raise SettingsError(what, location=given[0], hint=hint)
    if pairs is None and len(given) < len(named):
        missing = next(name for name in named if name not in given)
        what = "A pair has a user and an item." if given else "It is not said what to explain."
        raise SettingsError(what, location=missing, hint="Give --user and --item, or --pairs FILE.")


def check_writing(how: Writing) -> None:
    """Raise SettingsError where the writer and other options exclude each other."""
    if how.alone and how.writer not in (None, SURROGATE):
        what = f"The surrogate alone writes, and {how.writer!r} is to write, too."
        raise SettingsError(what, location="--surrogate", hint="Leave out --surrogate, or --writer.")
    if how.endpoint is not None and how.writer in (None, SURROGATE, REALISED):
        what, hint = "An endpoint has chat models.", "Give --writer with the name of one."
        raise SettingsError(what, location=f"--endpoint {how.endpoint}", hint=hint)
    how.style.check(how.writer or SURROGATE)


def _open(folder: Path, how: Writing) -> PairExplainer:
    """The explainer of a run, with its surrogate only where that writes."""
    from recexplainer.pipeline.runs import has_surrogate, open_explainer

    wanted = how.alone or how.writer == SURROGATE
    return open_explainer(folder, surrogate=wanted or (how.writer is None and has_surrogate(folder)))


def _explanations(folder: Path, explainer: PairExplainer, pairs: Sequence[Pair], how: Writing) -> Iterator[Explanation]:
    """An explanation of each pair, in order, made in batches."""
    from recexplainer.pipeline.runs import open_writer

    writer = None if how.alone else open_writer(folder, explainer, how.writer, how.endpoint, strict=how.strict)
    _warn_of_style(writer, how.style, explainer.dataset)
    for start in range(0, len(pairs), _TOGETHER):
        batch = pairs[start : start + _TOGETHER]
        yield from explainer.explain(batch, grounded=not how.alone, strict=how.strict, writer=writer, style=how.style)


def _warn_of_style(writer: Writer | None, style: Style, dataset: Dataset) -> None:
    """Warn of what the writer does not know; a pretrained backbone may know an aspect all the same."""
    from recexplainer.data.attributes import Attributes
    from recexplainer.evidence.realised import taught_aspects
    from recexplainer.explanations.realised_writer import asked_aspect
    from recexplainer.explanations.writing import Style

    name = SURROGATE if writer is None else writer.name
    if name not in (SURROGATE, REALISED):
        return
    if style.audience:
        typer.echo(f"The writer {name} writes the same for every audience; a chat model would not.", err=True)
    if style.aspect:
        taught = taught_aspects(Attributes.of(dataset))
        known = [words for each in taught.values() for words in each]
        if style.aspect not in known and (name == SURROGATE or asked_aspect(Style(style.aspect)) not in taught):
            examples = ", ".join(f"“{words}”" for words in known[::4])
            what = f"The writer {name} has not learned this aspect and may ignore it."
            typer.echo(f"{what} It knows: {examples}.", err=True)


def _rows(pairs: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The rows of a file, or of standard input, each with its location."""
    from recexplainer.data.readers.rows import read_lines, read_rows
    from recexplainer.explanations.pairs import COLUMNS

    if pairs != _STDIN:
        return read_rows(Path(given_text(pairs)), COLUMNS)
    return read_lines(typer.get_binary_stream("stdin").read(), "standard input")


def _show_many(explanations: Iterator[Explanation], dataset: Dataset, count: int, *, as_json: bool) -> None:
    """Print explanations as they come; a bar on standard error says how many, where standard output is no terminal."""
    from recexplainer.cli.results import show_compact
    from recexplainer.pipeline.layout import explanation_line
    from recexplainer.progress import track

    shown = explanations if sys.stdout.isatty() else track(explanations, "explaining", total=count)
    for one in shown:
        if as_json:
            typer.echo(json_for_terminal(explanation_line(one)))
        else:
            show_compact(one, dataset.item_ids[one.item])
