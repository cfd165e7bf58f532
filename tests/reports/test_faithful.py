import csv
import io

import pytest
from tests.reports import judged_rows as made

from recexplainer.evaluation.rows import Row
from recexplainer.reports.faithful import marks_sentence, share_panels, table_faithfulness, table_planted
from recexplainer.reports.formats import to_csv, to_latex


def lines(table):
    return {
        name: dict(zip((c.label for c in table.columns), cells, strict=True)) for name, cells in table.blocks[0].rows
    }


def test_a_line_a_method_with_the_right_end_best():
    table = table_faithfulness(made.faithfulness_rows())
    assert [name for name, _ in table.blocks[0].rows] == [
        "Unaligned",
        "Template: three most recent",
        "Template: three most popular",
        "Hybrid",
        "Hybrid without rationale",
        "Hybrid, with evidence",
    ]
    best = {name: [label for label, cell in cells.items() if cell.best] for name, cells in lines(table).items()}
    assert best["Template: three most recent"] == ["Verdict", "Halluc."]
    assert "Halluc." in best["Hybrid, with evidence"] and "Suff." in best["Hybrid, with evidence"]
    assert best["Hybrid"] == best["Unaligned"] == []
    assert not any("Cited" in labels for labels in best.values())


def test_the_table_as_csv_and_latex_keeps_shares_below_nought():
    table = table_faithfulness(made.faithfulness_rows())
    read = {each["Method"]: each for each in csv.DictReader(io.StringIO(to_csv(table)))}
    assert float(read["Unaligned"]["Share of the way from random to oracle Suff."]) == -0.62
    assert read["Unaligned"]["Share of the way from random to oracle Suff. low"] == "-0.65"
    assert "$-$0.6200" in to_latex(table)


def test_a_language_model_that_read_the_texts_has_columns_of_its_own():
    said = {"simulatability": 0.5, "simulatability@org/a-model": 0.75, "simulated@org/a-model": 0.9}
    rows = [
        Row(method="hybrid", task="explanation", metric=metric, value=value, low=value, high=value, cases=10)
        for metric, value in said.items()
    ]
    table = table_faithfulness(
        [
            *rows,
            Row(
                method="template-recent",
                task="explanation",
                metric="simulatability",
                value=0.4,
                low=0.3,
                high=0.5,
                cases=10,
            ),
        ]
    )
    assert [(column.group, column.label) for column in table.columns[-2:]] == [
        ("Read by org/a-model", "Simul."),
        ("Read by org/a-model", "Scored"),
    ]
    assert [[cell.text for cell in cells[-3:]] for _, cells in table.blocks[0].rows] == [
        ["0.4000", "–", "–"],
        ["0.5000", "0.7500", "0.9000"],
    ]


def test_what_was_not_measured_is_a_dash_and_what_cannot_be_is_said():
    rows = [
        Row(method="hybrid", task="explanation", metric="verdict-fidelity", value=0.9, low=0.8, high=1.0, cases=10),
        Row(
            method="hybrid",
            task="explanation",
            metric="comprehensiveness-share",
            value=None,
            low=None,
            high=None,
            cases=10,
        ),
    ]
    texts = [cell.text for _, cells in table_faithfulness(rows).blocks[0].rows for cell in cells]
    assert texts == ["0.9000", "–", "–", "–", "–", "N/A", "–", "–", "–"]
    assert share_panels(rows) == []


def test_shares_outside_the_way_are_drawn_at_its_ends_and_printed_as_they_are():
    rows = [
        Row(
            method="unaligned",
            task="explanation",
            metric="sufficiency-share",
            value=-1.234,
            low=-2.0,
            high=-0.5,
            cases=10,
        ),
        Row(method="hybrid", task="explanation", metric="sufficiency-share", value=0.25, low=0.2, high=0.3, cases=10),
        Row(
            method="hybrid+evidence",
            task="explanation",
            metric="sufficiency-share",
            value=1.5,
            low=0.9,
            high=2.0,
            cases=10,
        ),
    ]
    (panel,) = share_panels(rows)
    assert panel.title == "Sufficiency"
    for drawn in ('width="0.00%"', 'width="25.00%"', 'width="100.00%"', ">−1.23<", ">1.50<"):
        assert drawn in panel.chart
    assert 'x1="-' not in panel.chart and 'width="-' not in panel.chart


def test_planted_truth_shows_metrics_over_all_recommenders_and_the_marks():
    found = lines(table_planted(made.planted_rows()))
    assert {name: (cells["AUROC"].text, cells["Right"].text, cells["Cases"].text) for name, cells in found.items()} == {
        "Verdict fidelity": ("1.0000", "–", "1,000"),
        "Hallucinations": ("0.9980", "–", "1,000"),
        "Comprehensiveness": ("0.9640", "–", "1,000"),
        "Sufficiency": ("0.9570", "–", "1,000"),
        "Marks of claims": ("–", "0.9870", "4,210"),
    }
    assert found["Sufficiency"]["AUROC"].interval == "0.947–0.967"


@pytest.mark.parametrize(
    "rows", [[], [Row(method="one-item", task="planted", metric="marks", value=1.0, low=None, high=None, cases=5)]]
)
def test_marks_that_are_not_known_are_not_spoken_of(rows):
    assert marks_sentence(rows) == ""


def test_marks_without_an_interval_are_a_plain_sentence():
    said = marks_sentence([Row(method="all", task="planted", metric="marks", value=0.5, low=None, high=None, cases=4)])
    assert said == "The marks are what the planted causes say in 50.0% of 4 claims."
