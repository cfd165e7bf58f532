"""Tables, panels and sentences of the evaluations of explanations."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from tests.reports import evaluation_rows as made
from tests.reports.evaluation_rows import row

from recexplainer.evaluation.rows import Confusion, Row
from recexplainer.explanations.record import Method
from recexplainer.reports.explanation_results import (
    ablation_panels,
    accuracy_panel,
    confusion_matrices,
    corpus_sentence,
    normalized_panels,
    paper_ablation_panel,
    raters,
    raters_sentence,
    rating_panels,
    rating_rows,
    scores_sentence,
    statuses_sentence,
    table_2,
    table_3,
    table_agreement,
    table_discriminator,
    table_faithfulness,
    table_language,
    table_of,
    table_synthetic,
    table_vectors,
    users_sentence,
)
from recexplainer.reports.tables import Cell, Table, published, to_csv, to_latex

RATINGS = [
    row("hybrid", "explanation", "rating", 2.25, 4, 0.25, rater="rubric"),
    row("unaligned", "explanation", "rating", None, 0, rater="rubric"),
    *(
        row("hybrid", "explanation", f"rating_{level}", share, 4, rater="rubric")
        for level, share in enumerate((0, 0.25, 0.25, 0.5))
    ),
    row("hybrid", "explanation", "rating", 1.0, 4, 0.1, rater="m@x_1"),
]


def first_block(table: Table) -> dict[str, dict[str, Cell]]:
    """The cells of a table's first block by line and column."""
    labels = [column.label for column in table.columns]
    return {name: dict(zip(labels, cells, strict=True)) for name, cells in table.blocks[0].lines}


def read_csv(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(table))))


# Ratings and agreement


def test_table_2_has_a_block_a_rater_and_not_rated_differs_from_not_applicable() -> None:
    rubric, model, paper = table_2(RATINGS, "Games").blocks
    assert rubric.title == "Rated by the rubric (rules, not a language model)"
    assert model.title == "Rated by m@x_1"
    assert paper.title == "Paper, Amazon Video Games; rated by GPT-4"
    assert [(name, cells[0].text) for name, cells in rubric.lines] == [("Unaligned", "N/A"), ("Hybrid", "2.2500")]
    assert [cell.text for cell in rubric.lines[1][1]] == ["2.2500", "–", "–", "0.0%", "25.0%", "25.0%", "50.0%"]
    assert [cells[0].best for _, cells in paper.lines] == [False, False, False, False, True]


def test_table_2_as_csv_and_latex() -> None:
    read = read_csv(table_2(RATINGS, None))
    names = ("Method", "Rating", "Rating low", "Rating high", "Share of each rating R3")
    assert [read[1][name] for name in names] == ["Hybrid", "2.25", "2.0", "2.5", "0.5"]
    assert read[-1]["Rating"] == "2.524"
    text = to_latex(table_2(RATINGS, None))
    assert r"\emph{Rated by m@x\_1}" in text
    assert r"Hybrid & \textbf{2.2500} & -- & -- & 0.0\% & 25.0\% & 25.0\% & 50.0\% \\" in text
    assert r"\cmidrule(lr){5-8}" in text
    assert r"\cmidrule(lr){2-4}" not in text


def test_figure_3_has_a_panel_a_rater_and_needs_every_share() -> None:
    assert raters(RATINGS) == ["rubric", "m@x_1"]
    (panel,) = rating_panels(RATINGS)
    assert panel.title == "Rated by the rubric (rules, not a language model)"
    (stack,) = panel.stacks
    assert (stack.label, stack.note, stack.small) == ("Hybrid", "2.25", "2.00–2.50")
    assert [share for _, share in stack.parts] == [0, 0.25, 0.25, 0.5]
    assert rating_panels([]) == []


def test_ratings_of_people_come_with_their_agreement() -> None:
    evaluation = {
        "judge": made.judge_rows(["rubric"]),
        "agreement": made.judge_rows(["people"]) + made.agreement_rows(),
    }
    assert raters(rating_rows(evaluation)) == ["rubric", "people"]
    assert len(table_agreement(evaluation["agreement"]).blocks[0].lines) == 2


def test_who_did_not_rate_is_said() -> None:
    assert raters_sentence([]) == ""
    assert "No people rated" in raters_sentence(made.judge_rows(["rubric"]))
    assert raters_sentence(made.judge_rows(["gpt-4.1", "people"])) == "Rated by people and gpt-4.1."


def test_agreement_stands_beside_the_papers() -> None:
    table = table_agreement(made.agreement_rows())
    read = list(csv.reader(io.StringIO(to_csv(table))))
    assert read[0] == ["block", "Raters", "κ", "κ, quadratic", "Spearman ρ", "α, ordinal"]
    assert read[2][1:] == ["all raters", "–", "–", "–", "0.44"]
    assert read[-1][1:] == ["people × GPT-4", "0.316", "–", "0.714", "–"]
    assert r"$\kappa$" in to_latex(table)


# Discriminator and score predictor


def test_the_confusion_matrix_stands_beside_the_papers() -> None:
    ours, theirs = confusion_matrices(made.confusion(), "Games")
    assert ours.writers == ours.predicted == ("Unaligned", "gpt-4.1-mini", "Hybrid, self-attribution")
    assert (ours.shares[1], ours.cases) == ((0.052, 0.938, 0.01), (500, 500, 500))
    assert (theirs.published, theirs.shares[0][0], theirs.cases[0]) == (True, 498 / 500, 500)


def test_a_confusion_may_predict_who_wrote_nothing() -> None:
    def record(predicted: str, share: float) -> Confusion:
        fields = {"method": "hybrid", "variant": "", "predicted_variant": ""}
        return Confusion(**fields, predicted_method=predicted, share=share, cases=8)

    found, _ = confusion_matrices([record("b", 0.25), record("hybrid", 0.75)], None)
    assert (found.writers, found.predicted) == (("Hybrid",), ("Hybrid", "b"))
    assert (found.shares, found.cases) == (((0.75, 0.25),), (8,))
    assert confusion_matrices([], None) == []


def test_the_discriminators_accuracy_stands_above_its_controls() -> None:
    panel = accuracy_panel(made.discriminator_rows())
    assert panel is not None
    assert [bar.label for bar in panel.bars][:2] == ["Explanations as written", "Verdict masked"]
    assert [bar.css for bar in panel.bars] == ["series-hybrid", *["series-other"] * 4]
    assert accuracy_panel([]) is None
    table = table_discriminator(made.discriminator_rows())
    assert table is not None
    assert first_block(table)["Unaligned"]["Recall"].text == "0.9600"
    assert table_discriminator([]) is None


def test_table_3_marks_the_lowest_error_and_no_control() -> None:
    table = table_3(made.score_rows(), "Steam")
    assert [column.label for column in table.columns[:3]] == ["MSE", "MAE std.", "Pearson"]
    best = {name: [cell.best for cell in cells] for name, cells in table.blocks[0].lines}
    assert best["Hybrid, self-attribution"] == [True] * 3 + [False] * 4
    assert sum(map(sum, best.values())) == 3
    assert list(best) == ["Mean of training", "Unaligned", "gpt-4.1-mini", "Hybrid, self-attribution"]
    assert table.blocks[1].lines[-1][1][0].text == "0.3248"


def test_table_3_of_one_method_alone_has_one_column() -> None:
    table = table_3([row("a & b", "score_predictor", "mse_raw", 1.0, 2, None, rater="encoder")], None)
    assert len(table.columns) == 1
    assert r"a \& b & \textbf{1.0000} \\" in to_latex(table)
    assert "other data" in table.blocks[1].title


def test_a_verdict_that_explains_a_score_by_itself_is_said_to() -> None:
    texts = [
        row("hybrid", "score_predictor", "mse", 0.2, 60, 0.1, rater="encoder"),
        row("unaligned", "score_predictor", "mse", 1.0, 60, 0.2, rater="encoder"),
    ]

    def sentence(verdict_only: float) -> str:
        control = row("hybrid", "score_predictor", "mse", verdict_only, 60, None, rater="verdict_only")
        return scores_sentence([*texts, control])

    assert sentence(0.3).startswith("The verdict alone explains it all: standardised MSE 0.300, beside 0.2")
    assert sentence(0.31).startswith("The verdict alone does not explain it")
    assert scores_sentence(texts) == ""


# Vectors read back, and wording


def test_too_few_users_are_said_to_be_too_few() -> None:
    rows = [row("hybrid", "vector_reconstruction", "variance_explained", None, 37, rater="encoder")]
    assert users_sentence(rows) == "Explanations of 37 users are too few to say: 100 are needed."
    table = table_vectors(rows)
    assert table is not None
    assert [cell.text for _, cells in table.blocks[0].lines for cell in cells] == ["N/A"]
    assert users_sentence([replace(rows[0], value=0.1)]) == users_sentence([]) == ""


def test_a_corpus_that_is_not_named_is_missed() -> None:
    rows = [row("hybrid", "language", "words", 25.0)]
    assert "evaluation.corpus names none" in corpus_sentence(rows)
    compared = [*rows, row("hybrid", "language", "auroc", None, 0, rater="classifier")]
    assert corpus_sentence(compared) == corpus_sentence([]) == ""
    table = table_language(compared)
    assert table is not None
    assert [column.label for column in table.columns] == ["Words", "AUROC"]


# Ablation


def test_an_ablation_puts_the_full_model_first_and_leaves_out_what_has_no_value() -> None:
    without_chat = Method("hybrid", "without_chat")
    rows = [
        row(without_chat, "ranking", "ndcg@5", 0.7, 3, None),
        row("hybrid", "ranking", "ndcg@5", 0.8, 3, None),
        row("hybrid", "reconstruction", "hcr", 0.1, 3, None),
        row(without_chat, "ranking", "ndcg@5_standard", 0.6, 3, None),
        row(without_chat, "explanation", "rating", 1.5, 3, None, rater="a judge"),
        row(Method("hybrid", "without_reconstruction"), "reconstruction", "hcr", None, 0),
    ]
    panels = [(panel.title, [(bar.label, bar.value) for bar in panel.bars]) for panel in ablation_panels(rows)]
    assert panels == [
        ("Rating by a judge", [("without chat", 1.5)]),
        ("Ranking, N@5", [("all tasks", 0.8), ("without chat", 0.7)]),
    ]


def test_the_papers_ablation_has_the_same_models() -> None:
    panel = paper_ablation_panel()
    assert panel is not None
    assert [bar.label for bar in panel.bars][:2] == ["all tasks", "without retrieval and ranking"]


def test_published_confusion_is_of_500_texts_each_and_the_ablation_is_of_games() -> None:
    for name in ("Games", "Movies", "Steam"):
        facts = published(name)
        assert {sum(counts) for counts in facts.discriminator} == {500}
        assert max(facts.ratings.items(), key=lambda each: each[1])[0] == "RecExplainer-H"
        assert min(facts.score_predictor.items(), key=lambda each: each[1])[0] == "RecExplainer-H"
        assert bool(facts.ablation) == bool(facts.agreement) == (name == "Games")


# Faithfulness and synthetic ground truth


def test_a_line_a_method_with_the_right_end_best() -> None:
    found = first_block(table_faithfulness(made.faithfulness_rows()))
    assert list(found) == [
        "Unaligned",
        "Template: three most recent",
        "Template: three most popular",
        "Hybrid, self-attribution",
        "Hybrid, grounded",
        "Hybrid, without rationale",
    ]
    best = {name: [label for label, cell in cells.items() if cell.best] for name, cells in found.items()}
    assert best["Template: three most recent"] == ["Verdict", "Halluc."]
    assert "Halluc." in best["Hybrid, grounded"] and "Suff." in best["Hybrid, grounded"]
    assert best["Hybrid, self-attribution"] == best["Unaligned"] == []
    assert not any("Cited" in labels for labels in best.values())


def test_the_table_as_csv_and_latex_keeps_values_below_zero() -> None:
    table = table_faithfulness(made.faithfulness_rows())
    read = {each["Method"]: each for each in read_csv(table)}
    column = "Between random (0) and oracle (1) Suff."
    assert (read["Unaligned"][column], read["Unaligned"][f"{column} low"]) == ("-0.62", "-0.65")
    assert "$-$0.6200" in to_latex(table)


def test_a_language_model_that_read_the_texts_has_columns_of_its_own() -> None:
    reader = "org/a-model"
    rows = [
        row("hybrid", "explanation", "simulatability", 0.5),
        row("hybrid", "explanation", "simulatability", 0.75, rater=reader),
        row("hybrid", "explanation", "predicted_share", 0.9, rater=reader),
        row("template_recent", "explanation", "simulatability", 0.4),
    ]
    table = table_faithfulness(rows)
    heads = [(column.group, column.label) for column in table.columns[-2:]]
    assert heads == [("Read by org/a-model", "Simul."), ("Read by org/a-model", "Scored")]
    assert [[cell.text for cell in cells[-3:]] for _, cells in table.blocks[0].lines] == [
        ["0.4000", "–", "–"],
        ["0.5000", "0.7500", "0.9000"],
    ]


def test_what_was_not_measured_is_a_dash_and_what_cannot_be_is_said() -> None:
    rows = [
        row("hybrid", "explanation", "verdict_fidelity", 0.9),
        row("hybrid", "explanation", "comprehensiveness_normalized", None),
    ]
    texts = [cell.text for _, cells in table_faithfulness(rows).blocks[0].lines for cell in cells]
    assert texts == ["0.9000", "–", "–", "–", "–", "N/A", "–", "–", "–"]
    assert normalized_panels(rows) == []


def test_normalized_values_are_printed_as_they_are_on_an_axis_from_0_to_1() -> None:
    values = {Method("unaligned"): -1.234, Method("hybrid"): 0.25, Method("hybrid", "grounded"): 1.5}
    rows = [row(method, "explanation", "sufficiency_normalized", value) for method, value in values.items()]
    (panel,) = normalized_panels(rows)
    assert (panel.title, panel.maximum) == ("Sufficiency", 1.0)
    assert [bar.text for bar in panel.bars] == ["−1.23", "0.25", "1.50"]


def test_synthetic_ground_truth_shows_metrics_over_all_recommenders_and_the_statuses() -> None:
    found = first_block(table_synthetic(made.synthetic_rows()))
    assert {name: [cells[label].text for label in ("AUROC", "Right", "Cases")] for name, cells in found.items()} == {
        "Verdict fidelity": ["1.0000", "–", "1,000"],
        "Hallucinations": ["0.9980", "–", "1,000"],
        "Comprehensiveness": ["0.9640", "–", "1,000"],
        "Sufficiency": ["0.9570", "–", "1,000"],
        "Statuses of claims": ["–", "0.9870", "4,210"],
    }
    assert found["Sufficiency"]["AUROC"].interval == "0.947–0.967"


@pytest.mark.parametrize("rows", [[], [row("one_item", "synthetic", "claim_statuses", 1.0, 5, None)]])
def test_statuses_that_are_not_known_are_not_spoken_of(rows: list[Row]) -> None:
    assert statuses_sentence(rows) == ""


def test_statuses_without_an_interval_are_a_plain_sentence() -> None:
    sentence = statuses_sentence([row("all", "synthetic", "claim_statuses", 0.5, 4, None)])
    assert sentence == "The status is what the known causes imply for 50.0% of 4 claims."


# Any other evaluation


def test_any_rows_make_a_table_whose_name_is_a_file_name() -> None:
    rows = [row("hybrid", "x", "y", 1.0, 1, None)]
    table = table_of("../My rows", rows)
    assert table.key == "table-my-rows"
    assert to_csv(table) == "block,Method,y\n,Hybrid,1.0\n"
    both = table_of("z", [*rows, replace(rows[0], rater="people", value=0.5)])
    assert to_csv(both) == "block,Method,y,people y\n,Hybrid,1.0,0.5\n"
