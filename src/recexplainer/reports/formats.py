"""A neutral table as CSV or LaTeX text. The HTML of tables is in `page/`."""

from __future__ import annotations

import csv
import io

from recexplainer.reports.cells import Block, Cell, Table

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "−": "$-$",
    "×": r"$\times$",
    "κ": r"$\kappa$",
    "ρ": r"$\rho$",
    "α": r"$\alpha$",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}


def to_csv(table: Table) -> str:
    """CSV with full-precision numbers; a column with intervals is followed by its `low` and `high`."""
    cells = [[cells[at] for block in table.blocks for _, cells in block.rows] for at in range(len(table.columns))]
    with_interval = [any(cell.low is not None for cell in column) for column in cells]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [f"{column.group} {column.label}".strip() for column in table.columns]
    heads = [
        [name, f"{name} low", f"{name} high"] if wide else [name]
        for name, wide in zip(names, with_interval, strict=True)
    ]
    writer.writerow(["block", table.corner, *(each for head in heads for each in head)])
    for block in table.blocks:
        for name, row in block.rows:
            fields = [_fields(cell, wide) for cell, wide in zip(row, with_interval, strict=True)]
            writer.writerow([block.title, name, *(each for field in fields for each in field)])
    return out.getvalue()


def to_latex(table: Table) -> str:
    """A LaTeX `table` in booktabs style; the best values are bold, intervals are left to the CSV."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[t]",
        r"  \centering",
        rf"  \caption{{{escape_latex(table.caption)}}}",
        rf"  \label{{tab:{table.key}}}",
        rf"  \begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"    \toprule",
        *_groups(table),
        "    " + " & ".join(escape_latex(each) for each in (table.corner, *(c.label for c in table.columns))) + r" \\",
    ]
    for block in table.blocks:
        lines += _block(block, 1 + len(table.columns))
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}", ""])


def escape_latex(text: str) -> str:
    """Text with every character that LaTeX would read as a command made plain."""
    return "".join(_LATEX.get(mark, mark) for mark in text)


def _fields(cell: Cell, wide: bool) -> list[str | float]:
    value = cell.text if cell.value is None else cell.value
    ends = ["" if end is None else end for end in (cell.low, cell.high)]
    return [value, *ends] if wide else [value]


def _groups(table: Table) -> list[str]:
    """The line of group headings, with a rule under each; none where no column has a group."""
    if not table.groups:
        return []
    heads, rules, at = [""], [], 2
    for name, width in table.groups:
        heads.append(rf"\multicolumn{{{width}}}{{c}}{{{escape_latex(name)}}}")
        rules += [rf"\cmidrule(lr){{{at}-{at + width - 1}}}"] if name else []
        at += width
    return ["    " + " & ".join(heads) + r" \\", "    " + " ".join(rules)]


def _block(block: Block, width: int) -> list[str]:
    title = [rf"    \multicolumn{{{width}}}{{l}}{{\emph{{{escape_latex(block.title)}}}}} \\"] if block.title else []
    return [r"    \midrule", *title, *(_line(name, cells) for name, cells in block.rows)]


def _line(name: str, cells: tuple[Cell, ...]) -> str:
    texts = [rf"\textbf{{{escape_latex(cell.text)}}}" if cell.best else escape_latex(cell.text) for cell in cells]
    return "    " + " & ".join([escape_latex(name), *texts]) + r" \\"
