"""`recexplainer batch`: millions of pairs, or each user's best items, explained into Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption, stdout
from recexplainer.cli.encoding import given_text
from recexplainer.cli.explaining import (
    REALISED,
    AloneOption,
    AspectOption,
    AudienceOption,
    EndpointOption,
    LanguageOption,
    LengthOption,
    StrictOption,
    Writing,
    check_writing,
    named,
)

_PART_SIZE = 10_000  # as in batch/question.py


def batch(
    run: RunArgument,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to write; started again, it goes on.")],
    pairs: Annotated[
        Path | None,
        typer.Argument(metavar="PAIRS", help="A table with user and item; else each user's best items (--k)."),
    ] = None,
    k: Annotated[int | None, typer.Option("--k", min=1, help="How many of each user's best items.")] = None,
    users: Annotated[
        Path | None, typer.Option("--users", metavar="FILE", help="A table with user: their best items; else all.")
    ] = None,
    writer: Annotated[
        str | None,
        typer.Option("--writer", metavar="NAME", help="realised (no language model), surrogate or a chat model."),
    ] = None,
    endpoint: EndpointOption = None,
    surrogate: AloneOption = False,
    strict: StrictOption = False,
    aspect: AspectOption = "",
    audience: AudienceOption = None,
    length: LengthOption = None,
    language: LanguageOption = "",
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="At most so many; as many as there are idle cores.")
    ] = None,
    part_size: Annotated[int, typer.Option("--part-size", min=1, help="Pairs in a file.")] = _PART_SIZE,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Make the parts on a Ray cluster, such as auto.")
    ] = None,
    runs: RunsOption = RUNS,
) -> None:
    """Explain many pairs, or each user's best items, into Parquet; started again, only missing parts are made."""
    from recexplainer.batch.question import Question
    from recexplainer.batch.running import run_batch
    from recexplainer.explanations.writing import Style
    from recexplainer.pipeline.runs import find_run

    style = Style(given_text(aspect), audience or "", length or "", given_text(language))
    name = None if writer is None else named(given_text(writer))
    check_writing(Writing(name or (None if surrogate else REALISED), endpoint, surrogate, strict, style))
    question = Question(
        k=k,
        part_size=part_size,
        writer=name or REALISED,
        endpoint=endpoint,
        alone=surrogate,
        strict=strict,
        aspect=style.aspect,
        audience=style.audience,
        length=style.length,
        language=style.language,
    )
    folder = find_run(run, runs)
    made = run_batch(folder, to, question, pairs=pairs, users=users, processes=processes, ray=ray)
    if made.made:
        rate = f"{made.pairs:,} pairs in {made.seconds:,.1f} s, {made.pairs / made.seconds:,.0f} a second"
        stdout().print(f"explained: {rate}")
    stdout().print(f"parts: {to}, {made.n_parts:,} of {made.n_parts:,}")
