from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from recexplainer.claims.claim import Claim
from recexplainer.errors import RunError
from recexplainer.explanations.record import Citation
from recexplainer.recommenders.neighbours import AttributeContrast
from recexplainer.recommenders.ranking_check import RankingCheck
from recexplainer.reports.checking import segments, tally
from recexplainer.reports.inputs import DatasetFacts, ReportInputs
from recexplainer.reports.report import EVALUATIONS, write_report
from recexplainer.reports.run_results import best_form, protocol, recommender_sentence, training

pytestmark = pytest.mark.slow

VOID = {"meta", "br", "hr", "img", "link", "input"}

UNREAD = (Claim("not_understood", "unverified", "so", 0, 9),)


class Page(HTMLParser):
    """Raises where tags do not nest; gathers text, attributes and tags."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []
        self.words = re.sub(r"\s+", " ", "".join(self.text))

    def values(self, attribute: str) -> list[str]:
        return [value for name, value in self.attributes if name == attribute and value is not None]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def written(full_inputs: ReportInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the full inputs, with its tables and figures beside it."""
    return write_report(full_inputs, tmp_path_factory.mktemp("written") / "new" / "report")


@pytest.fixture(scope="module")
def page(written: Path) -> Page:
    return Page(written)


def test_the_page_holds_everything(page: Page) -> None:
    for expected in (
        "A language model aligned with SASRec on Amazon Video Games",
        "0.846",
        "by chance 0.613",
        "3.8 times that of recommending what is popular",
        "99.564%",
        "titles shared by several items, made unique",
        "Warning: times without a zone 7",
        "0.8710",
        "RecExplainer-H",
        "31,672",
        "36,0",
        "rank 3 of 1,841",
        "counts for it: without it the score rises by 0.12",
        "3 → 41",
        "Hybrid, grounded",
        "Hybrid, self-attribution the surrogate alone",
        "Emberfall Tactics",
        "✗ the recommender disagrees",
        "Asked for: “genres”",
        "surrogate-hybrid",
        "24 min 50 s",
        "transformers 5.23.0",
        "surrogate: forms: - behavior - hybrid nano: hidden_size: 256 lora: null seed: 7",
        "two CPU cores",
        "Rated by the rubric (rules, not a language model)",
        "2.5240",
        "99.6%",
        "1.2786",
        "without retrieval and ranking",
        "ece",
        "Without “Lantern Keep: The Drowned Stair” it would fall from rank 3 to rank 41.",
        "Template: three most popular",
        "−0.62",
        "98.7% of 4,210 claims (98.3% to 99.1%)",
        "a title is not in the history, or no title is named",
        "Figure 3 needs people.",
        "No language model rated here",
        "Asked for: “platforms”",
        "+0.33depends",
        "for it against it depends on the rest of the history hardly any effect, or not known",
    ):
        assert expected in page.words, expected
    assert page.tags.count("article") == 12
    assert page.tags.count("h1") == 1
    assert "absent" not in page.values("class")


def test_links_inside_the_page_lead_somewhere(page: Page) -> None:
    ids = set(page.values("id"))
    anchors = {value[1:] for value in page.values("href") if value.startswith("#")}
    assert anchors
    assert anchors <= ids


def test_the_page_loads_nothing(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img|<iframe", text)
    links = re.findall(r'href="([^#"]+)"', text)
    assert links
    assert all((written.parent / link).is_file() for link in links)


def test_each_explanation_has_a_page_that_the_first_page_leads_to(page: Page, written: Path) -> None:
    links = [value for value in page.values("href") if value.startswith("explanations/")]
    assert links == [f"explanations/{number:02d}.html" for number in range(1, 11)]
    assert sorted(each.name for each in (written.parent / "explanations").iterdir()) == [
        link.removeprefix("explanations/") for link in links
    ]


def test_the_page_of_an_explanation_shows_its_claims(written: Path) -> None:
    path = written.parent / "explanations" / "01.html"
    text, one = path.read_text(encoding="utf-8"), Page(path)
    assert not re.search(r"https?:|url\(|@import|<script|<link|<img|<iframe", text)
    for expected in (
        "explanation 1 of 10",
        "rank 3 of 1,841",
        "score 7.21",
        "Without “Lantern Keep: The Drowned Stair” it would fall from rank 3 to rank 41.",
        "Lantern Keep: The Drowned Stair✓2",
        "by Nimbus?3",
        "without it the score falls by 1.84 ✓ supported",
        "? unverified",
        "Hybrid, self-attribution: the surrogate alone",
        "Emberfall Tactics✗3",
        "“Velvet Circuit 2” counts for it",
        "without it the score rises by 0.12 ✗ contradicted",
        "“Lantern Keep: The Drowned Stair” does most and is not named",
        "cited for: +1.84 to +4.00 by 4 ways of asking, left out +1.84 for +1.84 … +4.00",
        "against −0.50 … −0.31",
        "depends −0.10 … +0.33",
        "depends −0.20 … −0.12",
        "hardly any +0.02 … +0.05",
        "is asked about each item of a history in 4 ways: left out;",
        "neither “for” nor “against” is true of it",
        "left out place kept replaced in parts same way in Shapley value effect",
        "Nimbus Wireless Gamepad −0.31 −0.35 −0.40± 0.05 −0.50± 0.10 100% −0.50 against",
        "Velvet Circuit 2 +0.33 −0.10 – – – +0.50 depends",
        "Shapley values add up to +7.75",
        "“Lantern Keep: The Drowned Stair” and “Marrow & Thistle” interact most",
        "Among the 47 items",
        "those of brand Nimbus (5) score higher +0.61",
        "in units of the standard deviation of this user’s scores (2.50)",
        "It is an association, not a cause",
    ):
        assert expected in one.words, expected
    assert "counts for it: without it" not in one.words  # a claim says so
    ids = set(one.values("id"))
    assert {value[1:] for value in one.values("href") if value.startswith("#")} <= ids
    links = re.findall(r'href="([^#"]+)(?:#\w+)?"', text)
    assert "../index.html" in links and "02.html" in links
    assert all((path.parent / link).is_file() for link in links)


def test_the_page_of_an_explanation_that_claims_nothing_says_so(full_inputs: ReportInputs, tmp_path: Path) -> None:
    silent = replace(full_inputs.explanations[0], claims=UNREAD, abstained="too little is <known>")
    index = write_report(
        replace(full_inputs, explanations=[silent], attributions=[], surrogate_alone=[], evaluation={}, confusion=()),
        tmp_path,
    )
    words = Page(tmp_path / "explanations" / "01.html").words
    assert "No claim was found in this text." in words
    assert "Not supported by the recommender: so" in words
    assert "Abstained: too little is <known>" in words
    assert "Abstained: too little is <known>" in Page(index).words
    assert "Previous" not in words and "Next" not in words


def test_what_was_not_asked_is_not_on_the_page(full_inputs: ReportInputs, tmp_path: Path) -> None:
    once = [replace(full_inputs.explanations[0], effects=(), score_std=0.0), *full_inputs.explanations[1:]]
    bare = replace(full_inputs, explanations=once, attributions=(), evaluation={}, confusion=())
    nothing = [replace(each, shapley=None, pair=None, attributes=()) for each in full_inputs.attributions]
    for inputs in (bare, replace(bare, attributions=nothing)):
        write_report(inputs, tmp_path)
        one = Page(tmp_path / "explanations" / "01.html")
        assert "+1.84" in one.words
        for absent in ("Shapley", "interact", "association", "Two items together", "…", "depends", "ways"):
            assert absent not in one.words, absent


def test_there_is_an_attribution_for_each_explanation_or_none(full_inputs: ReportInputs, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="3 attributions of 10 explanations"):
        write_report(replace(full_inputs, attributions=full_inputs.attributions[:3]), tmp_path)


def test_what_an_earlier_report_wrote_is_removed_and_nothing_else(full_inputs: ReportInputs, tmp_path: Path) -> None:
    write_report(full_inputs, tmp_path)
    own = [
        tmp_path / "explanations" / "01 notes.html",
        tmp_path / "tables" / "mine.csv",
        tmp_path / "figures" / "a.svg",
    ]
    for path in own:
        path.write_text("mine")
    fewer = replace(
        full_inputs,
        explanations=full_inputs.explanations[:2],
        attributions=(),
        surrogate_alone=[],
        evaluation={},
        confusion=(),
    )
    write_report(fewer, tmp_path)
    assert sorted(path.name for path in (tmp_path / "explanations").iterdir()) == [
        "01 notes.html",
        "01.html",
        "02.html",
    ]
    assert {path.stem for path in (tmp_path / "tables").iterdir()} == {
        "mine",
        "table-1",
        "table-1-constrained",
        "table-b1",
        "table-b2",
    }
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["a.svg"]


def test_tables_are_written_beside_the_page(written: Path) -> None:
    names = sorted(each.name for each in (written.parent / "tables").iterdir())
    keys = (
        "1-constrained",
        "1",
        "2",
        "3",
        "agreement",
        "b1",
        "b2",
        "calibration",
        "discriminator",
        "faithfulness",
        "forgetting",
        "language",
        "synthetic",
        "vector-reconstruction",
    )
    assert names == sorted(f"table-{key}.{kind}" for key in keys for kind in ("csv", "tex"))


def test_the_same_inputs_give_the_same_files(full_inputs: ReportInputs, written: Path, tmp_path: Path) -> None:
    write_report(full_inputs, tmp_path)
    files = [path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")]
    assert len(files) == 45
    assert all((tmp_path / one).read_bytes() == (written.parent / one).read_bytes() for one in files)


def test_titles_and_names_are_escaped(full_inputs: ReportInputs, tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>'
    record = replace(
        full_inputs.explanations[0],
        item_title=evil,
        user=evil,
        text=f"See {evil} & more",
        history_titles=(evil, *full_inputs.explanations[0].history_titles[1:]),
        citations=(Citation(0, evil, 4, 4 + len(evil), True, 1.0, 5, True),),
        aspect=evil,
        claims=(Claim("positive", "contradicted", evil, 4, 4 + len(evil), 0),),
        abstained=evil,
    )
    named = [
        [replace(row, method=evil, rater=row.rater and evil) for row in full_inputs.evaluation[name]]
        for name in EVALUATIONS
    ]
    asked = replace(full_inputs.attributions[0], attributes=(AttributeContrast(evil, 0.5, 3, 4),))
    inputs = replace(
        full_inputs,
        attributions=[asked],
        evaluation=dict(zip((*EVALUATIONS, evil), [*named, named[0]], strict=True)),
        judge_rules=[evil],
        needs=[evil],
        case_studies=[[record]],
        name=evil,
        recommender=evil,
        machine=evil,
        dataset=replace(full_inputs.dataset, name=evil),
        explanations=[record],
        surrogate_alone=[],
        training_logs={evil: [{"step": 1, "loss": 2.0}]},
        versions={evil: evil},
        settings={evil: evil},
    )
    path = write_report(inputs, tmp_path)
    assert "<script" not in path.read_text(encoding="utf-8")
    assert Page(path).words.count(evil) > 8
    one = tmp_path / "explanations" / "01.html"
    assert "<script" not in one.read_text(encoding="utf-8")
    assert Page(one).words.count(evil) > 8


def test_empty_parts_are_left_out_with_a_sentence(tmp_path: Path) -> None:
    page = Page(write_report(ReportInputs("empty", DatasetFacts("Nothing yet", 0, 0, 0)), tmp_path))
    for sentence in (
        "Alignment has not been measured in this run",
        "The quality of the recommender was not measured",
        "No training log was kept",
        "No explanations were made",
        "The time of each stage was not recorded",
        "Versions were not recorded",
        "Settings were not recorded",
        "Loading and filtering changed nothing",
        "The lengths of histories were not recorded",
        "The number of examples was not recorded",
        "recexplainer evaluate empty baselines makes it",
        "recexplainer evaluate empty faithfulness makes it. It needs a recommender that answers",
        "recexplainer evaluate empty synthetic makes it",
        "recexplainer evaluate empty forgetting makes it. It needs a pretrained backbone",
        "recexplainer evaluate empty judge makes it. The rubric needs nothing more; a language model as the judge",
        "recexplainer evaluate empty discriminator makes it",
        "recexplainer evaluate empty score_predictor makes it",
        "recexplainer evaluate empty vector_reconstruction makes it",
        "recexplainer evaluate empty language makes it",
        "recexplainer evaluate empty ablation makes it",
        "recexplainer evaluate empty agreement makes it",
        "No pair was explained by several methods",
    ):
        assert sentence in page.words, sentence


def test_other_data_is_said_to_be_other_data(full_inputs: ReportInputs, tmp_path: Path) -> None:
    words = Page(write_report(replace(full_inputs, paper_dataset=None, evaluation={}, confusion=()), tmp_path)).words
    assert "other data, for orientation only" in words
    assert "other data and another recommender" in words


def test_an_explanation_without_effects_says_so(full_inputs: ReportInputs, tmp_path: Path) -> None:
    silent = replace(
        full_inputs.explanations[0],
        attributions=(),
        effects=(),
        citations=tuple(
            replace(each, attribution=None, ablated_rank=None, matters=None)
            for each in full_inputs.explanations[0].citations
        ),
    )
    words = Page(
        write_report(
            replace(
                full_inputs, explanations=[silent], attributions=[], surrogate_alone=[], evaluation={}, confusion=()
            ),
            tmp_path,
        )
    ).words
    assert "The recommender cannot answer for a changed history" in words
    assert "was not asked about this pair without evidence" in words


def test_segments_put_the_text_back_together_and_mark_it(full_inputs: ReportInputs) -> None:
    record = full_inputs.explanations[0]
    cut = segments(record)
    assert "".join(each.text for each in cut) == record.text
    assert [each.kind for each in cut if each.kind] == ["asked", "for", "for", "against"]
    assert "rank 3 becomes 41 without it" in cut[3].hint


def test_of_overlapping_citations_the_longer_is_marked(full_inputs: ReportInputs) -> None:
    record = replace(
        full_inputs.explanations[0],
        text="Halo 2 wins",
        citations=(
            Citation(0, "Halo", 0, 4, True, 1.0, 4, True),
            Citation(5, "Halo 2", 0, 6, True, -1.0, 4, True),
        ),
    )
    assert [(each.text, each.kind) for each in segments(record)] == [("Halo 2", "against"), (" wins", "")]


@pytest.mark.parametrize(("item", "kind"), [(4, "cited"), (1, "depends"), (6, "depends"), (5, "against")])
def test_a_title_is_marked_by_what_it_does_however_one_asks(item: int, kind: str, full_inputs: ReportInputs) -> None:
    record = full_inputs.explanations[0]
    citation = Citation(item, "Halo", 0, 4, True, record.attributions[item], 3, False)
    assert [(each.text, each.kind) for each in segments(replace(record, text="Halo", citations=(citation,)))] == [
        ("Halo", kind)
    ]


def test_offsets_that_miss_their_title_are_an_error(full_inputs: ReportInputs) -> None:
    wrong = (Citation(0, "Somewhere", 3, 9, True, 1.0, 4, True),)
    with pytest.raises(RunError, match="Somewhere"):
        segments(replace(full_inputs.explanations[0], citations=wrong))


def test_tally_counts_each_cited_title_once(full_inputs: ReportInputs) -> None:
    record = full_inputs.explanations[0]
    twice = replace(
        record, citations=record.citations + record.citations[1:2], verdict=False, claims=record.claims + UNREAD
    )
    counted = tally([record, twice])
    assert (counted.explanations, counted.agreeing, counted.faultless) == (2, 1, 1)
    assert (counted.citations, counted.in_history, counted.ablated, counted.matter) == (6, 6, 6, 4)


def test_best_form_is_none_without_forms(full_inputs: ReportInputs) -> None:
    assert best_form(full_inputs.alignment_rows) == "intention"
    assert best_form([row for row in full_inputs.alignment_rows if row.method == "random"]) is None


def test_a_target_that_does_not_beat_popularity_is_said_to(full_inputs: ReportInputs) -> None:
    weak = [replace(row, value=0.02) for row in full_inputs.recommender_rows]
    assert "does not clearly beat popularity" in recommender_sentence(weak)
    assert recommender_sentence([]) == ""


def test_protocol_speaks_of_what_was_measured_only(full_inputs: ReportInputs) -> None:
    assert len(protocol(full_inputs.alignment_rows)) == 8
    assert [name for name, _ in protocol([])] == ["Truth", "Intervals"]


def test_training_reads_the_log_and_skips_what_has_no_loss() -> None:
    log = [{"step": 10, "loss": 3.0}, {"step": 20, "loss": 2.0, "tokens_per_second": 50.0}, {"train_runtime": 75.0}]
    chart, (only,) = training({"hybrid": log, "behavior": [{"epoch": 1.0}]})
    assert (only.form, only.steps, only.last_loss, only.tokens_per_second) == ("Hybrid", 20, 2.0, 50.0)
    assert only.seconds == 75.0
    assert chart is not None and list(chart.lines) == ["Hybrid"]


def test_importing_reports_is_light() -> None:
    code = (
        "import sys, recexplainer.reports as r; print([m for m in ('torch','jinja2','matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_a_fault_names_is_marked_wrong_wherever_it_stands(full_inputs: ReportInputs) -> None:
    record = replace(
        full_inputs.explanations[0],
        text="Alpha and Beta and Alpha, but Gamma and Delta",
        citations=(Citation(1, "Alpha", 0, 5, True, 1.0, 4, True), Citation(1, "Alpha", 19, 24, True, 1.0, 4, True)),
        claims=(
            Claim("positive", "contradicted", "the score rises", 0, 5, 1),
            Claim("history", "contradicted", "“Beta” is not in the history", 10, 14),
            Claim("not_understood", "unverified", "not understood: '“Gamma”'", 30, 35),
            Claim("omission", "contradicted", "“Delta” does most and is not named", 45, 45, 4),
        ),
    )
    cut = segments(record)
    assert "".join(each.text for each in cut) == record.text
    assert [(each.text, each.kind) for each in cut if each.kind] == [
        ("Alpha", "wrong"),
        ("Beta", "wrong"),
        ("Alpha", "wrong"),
    ]
    assert cut[2].hint.endswith("“Beta” is not in the history")


def test_a_text_that_states_no_verdict_is_not_said_to_be_a_no(full_inputs: ReportInputs, tmp_path: Path) -> None:
    record = replace(full_inputs.explanations[0], verdict=None, probability=0.5)
    inputs = replace(full_inputs, explanations=[], attributions=[], surrogate_alone=[], case_studies=[[record]])
    page = Page(write_report(inputs, tmp_path))
    assert "No verdict in the text" in page.words
    assert "50% sure" not in page.words and "the recommender disagrees" not in page.words


@pytest.mark.parametrize("name", EVALUATIONS)
def test_one_evaluation_alone_makes_a_whole_page(name: str, full_inputs: ReportInputs, tmp_path: Path) -> None:
    inputs = ReportInputs("one", DatasetFacts("Little", 1, 1, 1), evaluation={name: full_inputs.evaluation[name]})
    page = Page(write_report(inputs, tmp_path))
    assert f"evaluate one {name} makes it" not in page.words
    assert page.words.count("makes it.") == 2 * (len(EVALUATIONS) - 1) + 1  # the baselines have no section of their own


@pytest.mark.parametrize("name", EVALUATIONS)
def test_rows_without_values_make_a_page_and_no_figure(name: str, full_inputs: ReportInputs, tmp_path: Path) -> None:
    rows = [replace(row, value=None, low=None, high=None, cases=0) for row in full_inputs.evaluation[name]]
    Page(write_report(ReportInputs("one", DatasetFacts("Little", 1, 1, 1), evaluation={name: rows}), tmp_path))
    assert {path.stem for path in (tmp_path / "figures").glob("*")} <= {"figure-4"}


def test_what_is_wrong_with_the_recommender_is_on_the_page(full_inputs: ReportInputs, tmp_path: Path) -> None:
    found = RankingCheck(60, 0, 0.51, 0.03, 0.7, 0.02, 0.04, warnings=("Are ids and rows <in> order?",))
    page = write_report(replace(full_inputs, ranking_check=found), tmp_path / "report").read_text(encoding="utf-8")
    assert "<b>Warning.</b> Are ids and rows &lt;in&gt; order?" in page
    assert "above 51.0% ± 6.0% of the other items (popularity 70.0% ± 4.0%, chance 50.0% ± 8.0%; 60 users)" in page
