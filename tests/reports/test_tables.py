"""Tables of alignment and data, and any table as CSV and LaTeX."""

from __future__ import annotations

import csv
import io

import pytest
from tests.reports.evaluation_rows import forgetting_rows, row

from recexplainer.data.dataset import Note
from recexplainer.errors import SettingsError
from recexplainer.reports.inputs import DatasetFacts
from recexplainer.reports.run_results import table_1, table_1_constrained, table_b1, table_b2, table_forgetting
from recexplainer.reports.tables import Block, Cell, Column, Table, escape_latex, published, to_csv, to_latex

ROWS = [
    row("hybrid", "retrieval", "hr@5", 0.8, half=0.1),
    row("behavior", "retrieval", "hr@5", 0.8, half=0.05),
    row("random", "retrieval", "hr@5", 0.1, half=0.1),
    row("behavior", "reconstruction", "hcr", None, cases=0),
    row("hybrid", "explanation", "comprehensiveness", 0.4, half=0.1),
]


def test_table_1_orders_methods_and_bolds_every_best() -> None:
    ours = table_1(ROWS, "Games").blocks[0].lines
    assert [name for name, _ in ours] == ["Random", "Behavior", "Hybrid"]
    assert [cells[0].best for _, cells in ours] == [False, True, True]
    assert [cells[0].text for _, cells in ours] == ["0.1000", "0.8000", "0.8000"]


def test_table_1_tells_not_applicable_from_not_measured() -> None:
    table = table_1(ROWS, "Games")
    hcr = [column.label for column in table.columns].index("HCR")
    behavior, hybrid = table.blocks[0].lines[1][1], table.blocks[0].lines[2][1]
    assert (behavior[hcr].text, hybrid[hcr].text) == ("N/A", "–")
    assert not any(cell.best for cell in (behavior[hcr], hybrid[hcr]))


def test_what_the_paper_has_no_column_for_is_a_table_of_its_own() -> None:
    assert table_1_constrained(ROWS) is None
    more = [*ROWS, row("hybrid", "retrieval", "hr@5_constrained", 0.9)]
    table = table_1_constrained(more)
    assert table is not None
    assert [(column.group, column.label) for column in table.columns] == [("Retrieval, constrained", "H@5")]
    assert [(name, [cell.text for cell in cells]) for name, cells in table.blocks[0].lines] == [("Hybrid", ["0.9000"])]
    assert len(table_1(more, None).columns) == 5


def test_the_papers_block_has_its_own_best_and_says_when_it_is_other_data() -> None:
    games, other = table_1(ROWS, "Games").blocks[1], table_1(ROWS, None).blocks[1]
    assert games.published
    best = {name: [cell.best for cell in cells] for name, cells in games.lines}
    assert best["RecExplainer-I"] == [True, True, False, True, False]
    assert best["SASRec"] == [False, False, True, False, False]
    assert "other data" in other.title
    assert "other data" not in games.title


def test_table_1_without_rows_still_shows_the_paper() -> None:
    table = table_1([], None)
    assert table.blocks[0].lines == ()
    assert "RecExplainer-H" in to_csv(table)


@pytest.mark.parametrize(("dataset", "train", "test"), [("Games", 102490, 14997), ("Movies", 89096, 12470)])
def test_published_examples_add_up_to_the_papers_total(dataset: str, train: int, test: int) -> None:
    examples = published(dataset).examples.values()
    assert sum(each[0] for each in examples) == train
    assert sum(each[1] for each in examples) == test


@pytest.mark.parametrize("dataset", ["Games", "Movies", "Steam"])
def test_published_statistics_agree_with_each_other(dataset: str) -> None:
    facts = published(dataset)
    assert 1 - facts.interactions / (facts.users * facts.items) == pytest.approx(facts.sparsity, abs=6e-6)
    assert len(facts.alignment) == 9


@pytest.mark.parametrize("name", ["Books", "datasets"])
def test_an_unknown_paper_dataset_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        published(name)


def test_table_b1_shows_sparsity() -> None:
    facts = DatasetFacts("Toys & Co", 10, 5, 20, notes=(Note("dropped", 1),))
    (name, cells), *_ = table_b1(facts, None).blocks[0].lines
    assert name == "Toys & Co"
    assert [cell.text for cell in cells] == ["10", "5", "20", "60.000%"]


def test_table_b2_sums_and_leaves_dashes() -> None:
    rows = dict(table_b2({"retrieval": (5, 2), "rationale": (7, 0)}, "Steam").blocks[0].lines)
    assert [cell.text for cell in rows["Rationale"]] == ["7", "0", "–", "–"]
    assert [cell.text for cell in rows["Total"]][:2] == ["12", "2"]
    assert [cell.text for cell in rows["Interest classification"]] == ["–", "–", "4,986", "1,456"]


def test_csv_holds_values_and_intervals() -> None:
    read = list(csv.DictReader(io.StringIO(to_csv(table_1(ROWS, "Games")))))
    assert read[1]["Method"] == "Behavior"
    assert float(read[1]["Retrieval H@5"]) == 0.8
    assert float(read[1]["Retrieval H@5 low"]) == 0.75
    assert read[1]["Reconstruction HCR"] == "N/A"
    assert read[-1]["Retrieval H@5 low"] == ""


def test_csv_quotes_commas_and_quotes() -> None:
    table = Table("t", "c", "Name", (Column("x"),), (Block("", (('a, "b"', (Cell("1", 1.0),)),)),))
    assert list(csv.reader(io.StringIO(to_csv(table))))[1] == ["", 'a, "b"', "1.0"]


def test_latex_is_escaped_and_bold() -> None:
    text = to_latex(table_1(ROWS, None))
    assert r"\textbf{0.8000}" in text
    assert r"\multicolumn{2}{c}{Retrieval}" in text
    assert r"\cmidrule(lr){2-3}" in text
    assert escape_latex("50% & #1_{a}\\ ~^$") == (
        r"50\% \& \#1\_\{a\}\textbackslash{} \textasciitilde{}\textasciicircum{}\$"
    )
    body = [line for line in text.splitlines() if line.endswith(r"\\") and " & " in line and "multicolumn" not in line]
    assert {line.count(" & ") for line in body} == {5}


def test_the_table_of_forgetting_has_the_backbone_first_and_the_ablation_last() -> None:
    table = table_forgetting(forgetting_rows())
    assert table is not None
    (block,) = table.blocks
    names = [name for name, _ in block.lines]
    assert names == ["Unaligned", "Hybrid", "Hybrid, all tasks, as many steps", "Hybrid, without chat"]
    increases = [cells[1].text for _, cells in block.lines]
    assert increases == ["–", "0.3400", "0.2300", "0.9300"]
    assert [cell.best for cell in block.lines[0][1]] == [True, False, True, False, False, True, False]
    assert table_forgetting([]) is None
