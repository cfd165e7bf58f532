import csv
import io

from tests.reports import judged_rows as made

from recexplainer.evaluation.rows import Row
from recexplainer.reports.formats import to_csv, to_latex
from recexplainer.reports.judged import table_2, table_3, table_agreement, table_of
from recexplainer.reports.paper import published
from recexplainer.reports.quality import scores_sentence
from recexplainer.reports.readings import ablation, confusion, rating_rows, ratings

ROWS = [
    Row(method="hybrid", task="explanation", metric="rating@rubric", value=2.25, low=2.0, high=2.5, cases=4),
    Row(method="unaligned", task="explanation", metric="rating@rubric", value=None, low=None, high=None, cases=0),
    *(
        Row(
            method="hybrid",
            task="explanation",
            metric=f"rating-{level}@rubric",
            value=share,
            low=0.0,
            high=1.0,
            cases=4,
        )
        for level, share in enumerate((0, 0.25, 0.25, 0.5))
    ),
    Row(method="hybrid", task="explanation", metric="rating@m@x_1", value=1.0, low=0.9, high=1.1, cases=4),
]


def test_table_2_has_a_block_a_judge_and_tells_not_rated_from_not_applicable():
    rubric, model, paper = table_2(ROWS, "Games").blocks
    assert rubric.title == "Rated by the rubric (rules, not a language model)"
    assert model.title == "Rated by m@x_1"
    assert paper.title == "Paper, Amazon Video Games; rated by GPT-4"
    assert [(name, cells[0].text) for name, cells in rubric.rows] == [("Unaligned", "N/A"), ("Hybrid", "2.2500")]
    assert [cell.text for cell in rubric.rows[1][1]] == ["2.2500", "–", "–", "0.0%", "25.0%", "25.0%", "50.0%"]
    assert [cells[0].best for _, cells in paper.rows] == [False, False, False, False, True]


def test_table_2_as_csv_and_latex():
    read = list(csv.DictReader(io.StringIO(to_csv(table_2(ROWS, None)))))
    hybrid = read[1]
    assert (hybrid["Method"], hybrid["Rating"], hybrid["Rating low"], hybrid["Rating high"]) == (
        "Hybrid",
        "2.25",
        "2.0",
        "2.5",
    )
    assert hybrid["Share of each rating R3"] == "0.5"
    assert read[-1]["Rating"] == "2.524"
    text = to_latex(table_2(ROWS, None))
    assert r"\emph{Rated by m@x\_1}" in text
    assert r"Hybrid & \textbf{2.2500} & -- & -- & 0.0\% & 25.0\% & 25.0\% & 50.0\% \\" in text
    assert r"\cmidrule(lr){5-8}" in text
    assert r"\cmidrule(lr){2-4}" not in text


def test_table_3_marks_the_lowest_error_and_no_control():
    table = table_3(made.score_rows(), "Steam")
    assert [column.label for column in table.columns[:3]] == ["MSE", "MAE std.", "Pearson"]
    best = {name: [cell.best for cell in cells] for name, cells in table.blocks[0].rows}
    assert best["Hybrid"] == [True] * 3 + [False] * 4
    assert sum(map(sum, best.values())) == 3
    assert [name for name, _ in table.blocks[0].rows] == ["Mean of training", "Unaligned", "gpt-4.1-mini", "Hybrid"]
    assert table.blocks[1].rows[-1][1][0].text == "0.3248"


def test_table_3_of_one_method_alone_has_one_column():
    table = table_3(
        [Row(method="a & b", task="score-predictor", metric="mse-raw", value=1.0, low=None, high=None, cases=2)], None
    )
    assert len(table.columns) == 1
    assert r"a \& b & \textbf{1.0000} \\" in to_latex(table)
    assert "other data" in table.blocks[1].title


def test_a_verdict_that_explains_a_score_by_itself_is_said_to():
    def rows(verdict_only):
        texts = [("hybrid", 0.2, 0.1, 0.3), ("unaligned", 1.0, 0.8, 1.2)]
        told = [
            Row(method=method, task="score-predictor", metric="mse", value=value, low=low, high=high, cases=60)
            for method, value, low, high in texts
        ]
        return [
            *told,
            Row(
                method="hybrid",
                task="score-predictor",
                metric="mse/verdict-only",
                value=verdict_only,
                low=None,
                high=None,
                cases=60,
            ),
        ]

    assert scores_sentence(rows(0.3)).startswith(
        "The verdict alone explains it all: standardised MSE 0.300, beside 0.2"
    )
    assert scores_sentence(rows(0.31)).startswith("The verdict alone does not explain it")
    assert scores_sentence(rows(0.3)[:2]) == ""


def test_agreement_stands_beside_the_papers():
    table = table_agreement(made.agreement_rows())
    read = list(csv.reader(io.StringIO(to_csv(table))))
    assert read[0] == ["block", "Raters", "κ", "κ, quadratic", "Spearman ρ", "α, ordinal"]
    assert read[2][1:] == ["all raters", "–", "–", "–", "0.44"]
    assert read[-1][1:] == ["people × GPT-4", "0.316", "–", "0.714", "–"]
    assert r"$\kappa$" in to_latex(table)


def test_any_rows_make_a_table_whose_name_is_a_file_name():
    table = table_of(
        "../My rows", [Row(method="hybrid", task="x", metric="y", value=1.0, low=None, high=None, cases=1)]
    )
    assert table.key == "table-my-rows"
    assert to_csv(table) == "block,Method,y\n,Hybrid,1.0\n"


def test_published_confusion_is_of_500_texts_each_and_the_ablation_is_of_games():
    for name in ("Games", "Movies", "Steam"):
        facts = published(name)
        assert {sum(counts) for counts in facts.discriminator} == {500}
        assert max(facts.ratings, key=facts.ratings.get) == "RecExplainer-H"
        assert min(facts.score_predictor, key=facts.score_predictor.get) == "RecExplainer-H"
        assert bool(facts.ablation) == bool(facts.agreement) == (name == "Games")


def test_ratings_are_read_by_judge_and_need_every_share():
    found = ratings(ROWS)
    assert list(found) == ["rubric", "m@x_1"]
    assert [one.parts for one in found["rubric"]] == [(), (0, 0.25, 0.25, 0.5)]
    assert ratings([]) == {}


def test_a_confusion_may_name_who_wrote_nothing():
    rows = [
        Row(method="hybrid", task="discriminator", metric=f"said-as/{name}", value=share, low=None, high=None, cases=8)
        for name, share in (("b", 0.25), ("hybrid", 0.75))
    ]
    found = confusion(rows)
    assert (found.methods, found.shares, found.cases) == (("hybrid", "b"), ((0.75, 0.25),), (8,))
    assert confusion([]) is None


def test_an_ablation_puts_the_full_model_first_and_leaves_out_what_has_no_value():
    rows = [
        Row(method="hybrid without chat", task="ranking", metric="ndcg@5", value=0.7, low=None, high=None, cases=3),
        Row(method="hybrid", task="ranking", metric="ndcg@5", value=0.8, low=None, high=None, cases=3),
        Row(method="hybrid", task="reconstruction", metric="hcr", value=0.1, low=None, high=None, cases=3),
        Row(
            method="hybrid without chat",
            task="ranking",
            metric="ndcg@5-standard",
            value=0.6,
            low=None,
            high=None,
            cases=3,
        ),
        Row(
            method="hybrid without chat",
            task="explanation",
            metric="rating@a judge",
            value=1.5,
            low=None,
            high=None,
            cases=3,
        ),
        Row(
            method="hybrid without reconstruction",
            task="reconstruction",
            metric="hcr",
            value=None,
            low=None,
            high=None,
            cases=0,
        ),
    ]
    panels = [(panel.title, [row.value for row in panel.rows]) for panel in ablation(rows)]
    assert panels == [("Rating by a judge", [1.5]), ("Ranking, N@5", [0.8, 0.7])]


def test_ratings_of_people_come_with_their_agreement():
    evaluation = {
        "judge": made.judge_rows(["rubric"]),
        "agreement": made.judge_rows(["people"]) + made.agreement_rows(),
    }
    assert list(ratings(rating_rows(evaluation))) == ["rubric", "people"]
    assert len(table_agreement(evaluation["agreement"]).blocks[0].rows) == 2
