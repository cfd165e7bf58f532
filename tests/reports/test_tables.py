import csv
import io

import pytest

from recexplainer.data.dataset import Note
from recexplainer.errors import SettingsError
from recexplainer.evaluation.rows import Row
from recexplainer.reports.cells import Block, Cell, Column, Table
from recexplainer.reports.formats import escape_latex, to_csv, to_latex
from recexplainer.reports.inputs import DatasetFacts, TaskCount
from recexplainer.reports.paper import published
from recexplainer.reports.tables import table_1, table_1_constrained, table_b1, table_b2

ROWS = [
    Row(method="hybrid", task="retrieval", metric="hr@5", value=0.8, low=0.7, high=0.9, cases=10),
    Row(method="behavior", task="retrieval", metric="hr@5", value=0.8, low=0.75, high=0.85, cases=10),
    Row(method="random", task="retrieval", metric="hr@5", value=0.1, low=0.0, high=0.2, cases=10),
    Row(method="behavior", task="reconstruction", metric="hcr", value=None, low=None, high=None, cases=0),
    Row(method="hybrid", task="explanation", metric="comprehensiveness", value=0.4, low=0.3, high=0.5, cases=10),
]


def test_table_1_orders_methods_and_bolds_every_best():
    ours = table_1(ROWS, "Games").blocks[0].rows
    assert [name for name, _ in ours] == ["Random", "Behavior", "Hybrid"]
    assert [cells[0].best for _, cells in ours] == [False, True, True]
    assert [cells[0].text for _, cells in ours] == ["0.1000", "0.8000", "0.8000"]


def test_table_1_tells_not_applicable_from_not_measured():
    table = table_1(ROWS, "Games")
    hcr = [column.label for column in table.columns].index("HCR")
    behavior, hybrid = table.blocks[0].rows[1][1], table.blocks[0].rows[2][1]
    assert (behavior[hcr].text, hybrid[hcr].text) == ("N/A", "–")
    assert not any(cell.best for cell in (behavior[hcr], hybrid[hcr]))


def test_what_the_paper_has_no_column_for_is_a_table_of_its_own():
    assert table_1_constrained(ROWS) is None
    more = [
        *ROWS,
        Row(method="hybrid", task="retrieval", metric="hr@5-constrained", value=0.9, low=0.8, high=1.0, cases=10),
    ]
    table = table_1_constrained(more)
    assert [(column.group, column.label) for column in table.columns] == [("Retrieval, constrained", "H@5")]
    assert [(name, [cell.text for cell in cells]) for name, cells in table.blocks[0].rows] == [("Hybrid", ["0.9000"])]
    assert len(table_1(more, None).columns) == 5


def test_the_papers_block_has_its_own_best_and_says_when_it_is_other_data():
    games, other = table_1(ROWS, "Games").blocks[1], table_1(ROWS, None).blocks[1]
    assert games.published
    best = {name: [cell.best for cell in cells] for name, cells in games.rows}
    assert best["RecExplainer-I"] == [True, True, False, True, False]
    assert best["SASRec"] == [False, False, True, False, False]
    assert "other data" in other.title
    assert "other data" not in games.title


def test_table_1_without_rows_still_shows_the_paper():
    table = table_1([], None)
    assert table.blocks[0].rows == ()
    assert "RecExplainer-H" in to_csv(table)


@pytest.mark.parametrize(("dataset", "train", "test"), [("Games", 102490, 14997), ("Movies", 89096, 12470)])
def test_published_examples_add_up_to_the_papers_total(dataset, train, test):
    examples = published(dataset).examples.values()
    assert sum(each[0] for each in examples) == train
    assert sum(each[1] for each in examples) == test


@pytest.mark.parametrize("dataset", ["Games", "Movies", "Steam"])
def test_published_statistics_agree_with_each_other(dataset):
    facts = published(dataset)
    assert 1 - facts.interactions / (facts.users * facts.items) == pytest.approx(facts.sparsity, abs=6e-6)
    assert len(facts.alignment) == 9


@pytest.mark.parametrize("name", ["Books", "columns"])
def test_an_unknown_paper_dataset_is_refused(name):
    with pytest.raises(SettingsError, match=name):
        published(name)


def test_table_b1_shows_sparsity():
    facts = DatasetFacts("Toys & Co", 10, 5, 20, notes=(Note("dropped", 1),))
    (name, cells), *_ = table_b1(facts, None).blocks[0].rows
    assert name == "Toys & Co"
    assert [cell.text for cell in cells] == ["10", "5", "20", "60.000%"]


def test_table_b2_sums_and_leaves_dashes():
    rows = dict(table_b2([TaskCount("retrieval", 5, 2), TaskCount("rationale", 7, 0)], "Steam").blocks[0].rows)
    assert [cell.text for cell in rows["Rationale"]] == ["7", "0", "–", "–"]
    assert [cell.text for cell in rows["Total"]][:2] == ["12", "2"]
    assert [cell.text for cell in rows["Interest classification"]] == ["–", "–", "4,986", "1,456"]


def test_csv_holds_values_and_intervals():
    read = list(csv.DictReader(io.StringIO(to_csv(table_1(ROWS, "Games")))))
    assert read[1]["Method"] == "Behavior"
    assert float(read[1]["Retrieval H@5"]) == 0.8
    assert float(read[1]["Retrieval H@5 low"]) == 0.75
    assert read[1]["Reconstruction HCR"] == "N/A"
    assert read[-1]["Retrieval H@5 low"] == ""


def test_csv_quotes_commas_and_quotes():
    table = Table("t", "c", "Name", (Column("", "x"),), (Block("", (('a, "b"', (Cell("1", 1.0),)),)),))
    assert list(csv.reader(io.StringIO(to_csv(table))))[1] == ["", 'a, "b"', "1.0"]


def test_latex_is_escaped_and_bold():
    text = to_latex(table_1(ROWS, None))
    assert r"\textbf{0.8000}" in text
    assert r"\multicolumn{2}{c}{Retrieval}" in text
    assert r"\cmidrule(lr){2-3}" in text
    assert escape_latex("50% & #1_{a}\\ ~^$") == (
        r"50\% \& \#1\_\{a\}\textbackslash{} \textasciitilde{}\textasciicircum{}\$"
    )
    body = [line for line in text.splitlines() if line.endswith(r"\\") and " & " in line and "multicolumn" not in line]
    assert {line.count(" & ") for line in body} == {5}
