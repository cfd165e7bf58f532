import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from recexplainer.claims.claim import Claim
from recexplainer.cli import main
from recexplainer.cli.console import log_lines, show_error
from recexplainer.cli.results import show_explanation, show_rows
from recexplainer.errors import RunError
from recexplainer.evaluation.rows import Row
from recexplainer.explanations.record import Citation, Explanation
from recexplainer.pipeline.execution import Stage, StageContext, run_stages
from recexplainer.recommenders.stability import Effect

HEAVY = {
    "torch",
    "transformers",
    "polars",
    "numpy",
    "matplotlib",
    "sklearn",
    "scipy",
    "openai",
    "peft",
    "tenacity",
    "filelock",
    "httpx2",
    "yaml",
}
COMMANDS = ["demo", "run", "explain", "check", "evaluate", "report", "export", "doctor", "data", "study", "backbone"]

OMISSION = Claim("omission", "contradicted", "“Other” does most and is not named", 10, 10, 4)


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from recexplainer.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


HELP = """
import json, sys
from recexplainer.cli import main

for command in json.loads(sys.argv[1]):
    try:
        main([*command.split(), "--help"])
    except SystemExit as left:
        assert left.code == 0
print(json.dumps(list(sys.modules)))
"""


def test_the_help_of_every_command_imports_nothing_heavy():
    names = [
        "",
        *COMMANDS,
        "data inspect",
        "data fetch",
        "backbone get",
        "backbone list",
        "study export",
        "study import",
    ]
    done = subprocess.run([sys.executable, "-c", HELP, json.dumps(names)], capture_output=True, text=True, check=True)
    *shown, modules = done.stdout.splitlines()
    assert not HEAVY & set(json.loads(modules))
    assert sum("Usage:" in line for line in shown) == len(names)
    assert all(any(command in line for line in shown) for command in COMMANDS)


def test_version():
    done = call("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("recexplainer ")


def test_a_known_error_is_its_message_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as left:
        main(["run", "nowhere", "--runs", str(tmp_path)])
    shown = capsys.readouterr()
    assert left.value.code == 2
    assert shown.out == ""
    assert shown.err.startswith("There is no such recipe.\n  location: nowhere\n  hint:")
    assert "Traceback" not in shown.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [["--debug", "report", "nowhere"], ["report", "nowhere", "--debug"]])
def test_debug_lets_the_error_through_wherever_it_stands(arguments: list[str]):
    with pytest.raises(RunError, match="There is no such run"):
        main(arguments)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["evaluate", "nowhere", "alignmnt"], "The evaluations are: alignment, "),
        (["explain", "nowhere", "--user", "u", "--item", "i"], "There is no such run."),
        (["explain", "nowhere", "--user", "u", "--item", "i", "--ask=x"], "The option --ask is called --aspect now."),
        (["report", "nowhere", "--again"], "The option --again is called --force now."),
        (["export", "nowhere", "--to", "there"], "There is no such run."),
        (["demo", "--set", "surrogate.epoch=1"], "'surrogate.epochs'"),
        (["run", "paper-games"], "--data PATH"),
        (["run", "demo", "--until", "recomender"], "There is no stage 'recomender'. hint: The stages are: dataset, re"),
        (["check", "nowhere", "texts.csv"], "There is no such run."),
        (["run", "paper-games", "--data", "nowhere"], "no such file or folder"),
        (["data", "inspect", "nowhere"], "no such file or folder"),
        (["data", "inspect", ".", "--format", "amazn"], "there is no format 'amazn'"),
        (["data", "fetch", "amazn"], "known are amazon-video-games, amazon-movies-and-tv"),
        (
            ["backbone", "get", "smollm"],
            "There is no backbone 'smollm' to get. location: backbone get hint: Known are: s",
        ),
        (["demo", "--set", "surrogate.backbone=smollm2"], "Fetch it once: recexplainer backbone get smollm2."),
    ],
)
def test_mistakes_are_answered_with_the_hint(
    arguments: list[str], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECEXPLAINER_CACHE", str(tmp_path / "cache"))  # no backbone was fetched into it
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert hint in " ".join(capsys.readouterr().err.split())


def test_wrong_option_is_left_to_the_usage_message():
    done = call("explain", "x", "--user", "u")
    assert done.returncode == 2
    assert "--item" in done.stderr


def test_error_text_is_never_markup(capsys: pytest.CaptureFixture[str]):
    show_error(RunError("The title [bold]x[/] and [/oops]", location="[red]"))
    assert capsys.readouterr().err == "The title [bold]x[/] and [/oops]\n  location: [red]\n"


def test_a_stage_is_one_line_when_it_begins_and_one_when_it_is_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def make(context: StageContext, folder: Path) -> str:
        if not list(context.work.iterdir()):
            (context.work / "checkpoint").write_text("")
            raise RunError("stopped")
        return "5 [users] :smile:"

    stage = Stage("dataset", make)
    with log_lines():
        with pytest.raises(RunError, match="stopped"):
            run_stages([stage], tmp_path)
        for _ in range(2):
            run_stages([stage], tmp_path)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [line.split(maxsplit=1) for line in shown.err.splitlines()] == [
        ["dataset", "…"],
        ["dataset", "resumed …"],
        ["dataset", "0.0 s: 5 [users] :smile:"],
        ["dataset", "cached: 5 [users] :smile:"],
    ]


def test_as_a_library_it_prints_warnings_alone():
    code = "import logging, recexplainer; log = logging.getLogger('recexplainer.x'); log.info('no'); log.warning('cut')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "cut\n")


@pytest.mark.parametrize(("rank", "shown"), [("0", "  3 requests\n"), ("1", "")])
def test_the_first_process_shows_what_the_library_logs(
    rank: str, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("RANK", rank)
    with log_lines():
        logging.getLogger("recexplainer.chat").info("3 requests")
    logging.getLogger("recexplainer.chat").info("hidden")
    assert capsys.readouterr().err == shown


def test_rows_become_a_table_a_task(capsys: pytest.CaptureFixture[str]):
    rows = [
        Row(method="random", task="retrieval", metric="hr@5", value=0.0125, low=0.0, high=0.1, cases=10),
        Row(method="hybrid", task="retrieval", metric="hr@5", value=0.8, low=0.7, high=0.9, cases=10),
        Row(method="random", task="reconstruction", metric="hcr", value=None, low=None, high=None, cases=0),
        Row(method="random", task="retrieval", metric="rating_0", value=0.5, low=None, high=None, cases=10),
    ]
    show_rows(rows, "results")
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("results")] == ["results: retrieval", "results: reconstruction"]
    first, second, last = (line for line in lines if "random" in line or "hybrid" in line)
    assert "random" in first and ("0.013" in first or "0.012" in first)
    assert "hybrid" in second and "0.800" in second
    assert "random" in last and "N/A" in last
    assert not any("rating" in line for line in lines)


def test_inspection_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = "user_id,item_id,title\nu,a,[red]Ash\nu,b,Birch\nu,b,Birch\nv,,Birch\n"
    (tmp_path / "log.csv").write_text(rows, encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["data", "inspect", str(tmp_path), "--format", "table"])
    assert left.value.code == 0
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert shown[0] == tmp_path.name
    assert {"users 1", "items 2", "interactions 2", "sparsity 0.0000%", "u a [red]Ash", "u b Birch"} <= set(shown)
    assert "history lengths median 2, 5% to 95%: 2 to 2" in shown
    assert "1 events seen twice dropped" in shown


def test_inspection_takes_the_columns_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "log.csv").write_text("who;what;title\nu;a;Ash\nu;b;Birch\n", encoding="utf-8")
    recipe = tmp_path / "shop.yaml"
    recipe.write_text("name: shop\ndata: {columns: {user: who}}\n", encoding="utf-8")
    changes = ["--set", "data.columns.item=what"]
    for more in (["--recipe", str(recipe), *changes], ["--set", "data.columns.user=who", *changes]):
        with pytest.raises(SystemExit) as left:
            main(["data", "inspect", str(tmp_path), *more])
        assert left.value.code == 0
        shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
        assert {"users 1", "items 2", "1 log.csv: semicolons separate its fields"} <= set(shown)


def test_what_a_terminal_would_obey_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "log.csv").write_text(
        "user_id,item_id,title\nu\x1b[2Jv,a,A\x1b[31msh\x07\nw,b,Birch\n", encoding="utf-8"
    )
    with pytest.raises(SystemExit):
        main(["data", "inspect", str(tmp_path)])
    shown = capsys.readouterr().out
    assert "u\ufffd[2Jv  a  Ash" in shown
    assert "\x1b[2J" not in shown


def test_warnings_are_shown_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "log.csv").write_text("user_id,item_id,title,time\nu,a,Ash,2\nu,b,Birch,1\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["data", "inspect", str(tmp_path)])
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "warnings"
    assert "no time was found" in shown[1]
    assert sum("no time was found" in line for line in shown) == 1


@pytest.fixture
def explanation() -> Explanation:
    return Explanation(
        method="hybrid",
        variant="grounded",
        user="u1",
        history=(3, 4),
        history_titles=("Emberfall [Deluxe]", "Other"),
        item=5,
        item_title="Emberfall II",
        verdict=True,
        probability=0.93,
        text="Yes, because of “Emberfall [Deluxe]”.",
        citations=(Citation(3, "Emberfall [Deluxe]", 17, 35, True, 1.5, 9, True),),
        recommended=False,
        score=1.0,
        rank=1234,
        n_ranked=2000,
        attributions=(1.5, -0.25),
        claims=(OMISSION,),
    )


def test_explanation_is_shown_whole_with_brackets(explanation: Explanation, capsys: pytest.CaptureFixture[str]):
    show_explanation(explanation)
    shown = capsys.readouterr().out
    assert explanation.text in shown
    assert "*   +1.50  Emberfall [Deluxe]" in shown
    assert "    −0.25  Other" in shown
    assert "Surrogate (hybrid, grounded): Yes (probability of yes 93%)" in shown
    assert "Recommender: No, rank 1,234 of 2,000." in shown
    assert "Not supported: “Other” does most and is not named." in shown
    assert "Without “Emberfall [Deluxe]” it would rise from rank 1,234 to rank 9." in shown
    assert "claims are supported" not in shown and "Abstained" not in shown


def test_what_each_history_item_does_is_shown_as_a_range(explanation: Explanation, capsys: pytest.CaptureFixture[str]):
    effects = (
        Effect(1.5, 1.4, 1.6, 0.1, 1.7, 0.1, 1.0),
        Effect(-0.25, -0.5, -0.3, 0.1, -0.4, 0.1, 0.834),
        Effect(0.01, 0.02),
    )
    known = {"effects": effects, "attributions": tuple(one.deletion for one in effects), "score_std": 2.0}
    show_explanation(replace(explanation, history=(3, 4, 6), history_titles=("Emberfall", "Other", "ß" * 99), **known))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:4] == [
        "  *             +1.40 … +1.70  Emberfall",
        "    depends 83% −0.50 … −0.25  Other",
        f"                            ·  {'ß' * 68}…",
    ]
    assert max(map(len, lines)) <= 100
    assert lines[-2:] == [
        "* cited; a … b: what the score loses without the item, the least and the most by 4 ways to ask",
        "depends: on how one asks, or on the other items (%: of parts that agree); ·: hardly any effect",
    ]


@pytest.mark.parametrize(
    ("title", "shown"), [("漢" * 60, "漢" * 43 + "…"), ("a" * 90 + " (1468)", "a" * 79 + "… (1468)")]
)
def test_a_long_title_is_cut_but_not_what_sets_it_apart(
    title: str, shown: str, explanation: Explanation, capsys: pytest.CaptureFixture[str]
):
    show_explanation(replace(explanation, history_titles=(title, "Other")))
    assert capsys.readouterr().out.splitlines()[1] == f"  *   +1.50  {shown}"


def test_without_effects_no_number_is_explained(explanation: Explanation, capsys: pytest.CaptureFixture[str]):
    show_explanation(replace(explanation, attributions=(), citations=()))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("  Emberfall [Deluxe]")
    assert lines[-1] == "* cited"


def test_claims_that_do_not_hold_are_shown_and_no_fault_twice(
    explanation: Explanation, capsys: pytest.CaptureFixture[str]
):
    claims = (
        Claim("verdict", "supported", "the recommender says yes", 0, 3, 5),
        Claim("positive", "contradicted", "without it the score rises by 0.12", 17, 35, 3),
    )
    negligible = Claim("negligible", "unverified", "“Emberfall [Deluxe]” hardly does anything", 17, 35, 3)
    show_explanation(replace(explanation, claims=(*claims, negligible, OMISSION)))
    lines = capsys.readouterr().out.splitlines()
    assert "contradicted: “Emberfall [Deluxe]” counts for it: without it the score rises by 0.12" in lines
    assert [line for line in lines if line.startswith("Not supported")] == [
        "Not supported: “Other” does most and is not named."
    ]
    assert not any(line.startswith(("supported", "All", "Its one")) for line in lines)


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "Its one claim is supported by the"), (2, "All 2 claims are supported by the")],
)
def test_that_all_claims_hold_is_said(
    count: int, words: str, explanation: Explanation, capsys: pytest.CaptureFixture[str]
):
    claims = (
        Claim("verdict", "supported", "the recommender says yes", 0, 3, 5),
        Claim("positive", "supported", "without it the score falls by 1.50", 17, 35, 3),
    )
    abstained = replace(explanation, claims=claims[:count], abstained="it would not hold")
    show_explanation(replace(abstained, claims=(*abstained.claims, OMISSION)))
    assert "supported by" not in capsys.readouterr().out, "a fault that is no claim stays one"
    show_explanation(abstained)
    shown = capsys.readouterr().out
    assert words in shown
    assert f"{explanation.text}\nAbstained: it would not hold\n" in shown


def test_names_of_the_package_are_fetched_when_used():
    import recexplainer
    from recexplainer.data.dataset import Dataset

    assert recexplainer.Dataset is Dataset
    assert "Explainer" in dir(recexplainer)
    with pytest.raises(AttributeError, match="nothing"):
        _ = recexplainer.nothing  # type: ignore[attr-defined]
