"""`recexplainer audit`: a run's recommender as a whole, or what changed between those of two runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recexplainer.cli.console import RUNS, RunArgument, RunsOption, show_part, stdout
from recexplainer.cli.encoding import json_for_terminal
from recexplainer.errors import SettingsError

if TYPE_CHECKING:
    from recexplainer.audit.audit import Audit
    from recexplainer.audit.comparison import Comparison
    from recexplainer.audit.findings import Finding
    from recexplainer.audit.measurement import LeftOut
    from recexplainer.audit.sample import AuditSettings

_SUBJECTS = {
    "history": "what decides lists",
    "attributes": "attributes that move scores",
    "reasons": "how stable reasons are",
    "catalogue": "the catalogue",
    "groups": "groups of users",
    "surrogate": "the surrogate",
    "change": "what changed",
}


def audit(
    run: RunArgument,
    other: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A second run of the same data, to tell what changed.")
    ] = None,
    users: Annotated[int, typer.Option("--users", min=1, help="How many users are drawn at random.")] = 200,
    length: Annotated[int, typer.Option("--length", min=1, help="How many items a list holds.")] = 10,
    questions: Annotated[
        int, typer.Option("--questions", min=100, help="How many histories the recommender may be asked to score.")
    ] = 100_000,
    seed: Annotated[int, typer.Option("--seed", help="Decides which users are drawn.")] = 0,
    groups: Annotated[
        Path | None, typer.Option("--groups", metavar="FILE", help="A table of users, with user_id and columns.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", metavar="COLUMN", help="A column of it to group users by.")
    ] = None,
    surrogate: Annotated[
        bool, typer.Option("--surrogate/--no-surrogate", help="Also ask the run's surrogate, if it is trained.")
    ] = True,
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Where to write, if not in the run.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    runs: RunsOption = RUNS,
) -> None:
    """Audit a run's recommender as a whole, from a sample of users; with a second run, tell what changed."""
    from recexplainer.audit.sample import AuditSettings
    from recexplainer.pipeline.runs import audit_run, find_run
    from recexplainer.reports.audit_files import audit_json, write_audit

    settings = AuditSettings(users=users, list_length=length, questions=questions, seed=seed)
    folder = find_run(run, runs)
    columns = _columns(groups, by or [])
    if other is not None:
        _compare(folder, find_run(other, runs), settings, columns, to, as_json)
        return
    found = audit_run(folder, settings, columns=columns, surrogate=surrogate)
    page = write_audit(found, to or folder / "audit")
    if as_json:
        _print_json(audit_json(found))
    else:
        _show(found, page)


def _compare(
    one: Path,
    other: Path,
    settings: AuditSettings,
    columns: dict[str, dict[str, str]],
    to: Path | None,
    as_json: bool,
) -> None:
    from datetime import date

    from recexplainer.audit.comparison import compare
    from recexplainer.pipeline.runs import open_target
    from recexplainer.reports.audit_files import comparison_json, write_comparison

    (data, first), (other_data, second) = open_target(one), open_target(other)
    names = (one.resolve().name, other.resolve().name)
    found = compare(
        (data, other_data),
        (first, second),
        settings,
        names=names,
        date=date.today().isoformat(),
        columns=columns,
    )
    page = write_comparison(found, to or one / f"audit-and-{names[1]}")
    if as_json:
        _print_json(comparison_json(found))
    else:
        _show_comparison(found, page)


def _columns(table: Path | None, by: Sequence[str]) -> dict[str, dict[str, str]]:
    """The value of each user in each column that users are to be grouped by."""
    from recexplainer.audit.groups import read_column

    if table is None and by:
        what, hint = "A column to group users by needs a table of users.", "Give --groups FILE."
        raise SettingsError(what, location=f"--by {by[0]}", hint=hint)
    if table is None:
        return {}
    if not by:
        what, hint = "A table of users needs a column to group them by.", "Give --by COLUMN."
        raise SettingsError(what, location=f"--groups {table}", hint=hint)
    return {column: read_column(table, column) for column in by}


def _print_json(value: object) -> None:
    import json

    typer.echo(json_for_terminal(json.dumps(value, ensure_ascii=False)))


def _show(found: Audit, page: Path) -> None:
    counts = f"{found.users:,} of {found.of_users:,} users, lists of {found.list_length} items"
    stdout().print(f"{found.name}: {counts}, {found.questions:,} histories scored")
    _show_findings(found.findings)
    _show_left_out(found.left_out)
    show_part("main parameters, a draft to be edited", [found.parameters.parameters])
    stdout().print(f"audit: {page}")


def _show_comparison(found: Comparison, page: Path) -> None:
    before, after = found.before, found.after
    counts = f"{before.users:,} of {before.of_users:,} users, lists of {before.list_length} items"
    stdout().print(f"from {before.name} to {after.name}: {counts}")
    _show_findings(found.findings)
    _show_left_out(found.left_out)
    stdout().print(f"audit: {page}")


def _show_findings(findings: Sequence[Finding]) -> None:
    from recexplainer.audit.findings import shown

    for subject, heading in _SUBJECTS.items():
        of_subject = [one for one in findings if one.subject == subject]
        if of_subject:
            lines = [
                f"{'?' if one.status == 'unverified' else '✓'} {one.text} [{'; '.join(map(shown, one.figures))}]"
                for one in of_subject
            ]
            show_part(heading, lines)


def _show_left_out(left_out: Sequence[LeftOut]) -> None:
    if left_out:
        show_part("not measured", [f"{one.what}: {one.why}" for one in left_out], style="bold yellow")
