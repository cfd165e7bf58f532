"""`recexplainer explain`: one pair or many, by which writer, what it refuses, and what it imports."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pytest_httpserver import HTTPServer
from tests.chat_server import ChatServer
from tests.tiny import run_until_recommender, sasrec, world

from recexplainer import Explainer, VectorRecommender
from recexplainer.cli import main
from recexplainer.cli.results import show_compact, show_explanation
from recexplainer.recommenders.popularity import keep_shares

pytestmark = pytest.mark.filterwarnings("ignore::recexplainer.errors.RecommenderWarning")

USERS, ITEMS = world().user_ids, world().item_ids
PAIR = ["--user", USERS[0], "--item", ITEMS[7]]
ASKED = [(USERS[0], ITEMS[7]), (USERS[3], ITEMS[40]), (USERS[0], ITEMS[7]), (USERS[1], ITEMS[2])]
NEVER = ("transformers", "sklearn", "openai", "recexplainer.surrogate.model", "recexplainer.evaluation.judge")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_until_recommender(tmp_path_factory.mktemp("runs") / "shop", sasrec())


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recommender = VectorRecommender.from_arrays(world(), sasrec().item_vectors(), fold_in="mean")
    return run_until_recommender(tmp_path_factory.mktemp("runs") / "vectors", recommender)


def call(run: Path, *arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as left:
        main(["explain", str(run), *arguments])
    return left.value.code


def written(path: Path) -> str:
    frame = pl.DataFrame(
        {"note": range(len(ASKED)), "User": [user for user, _ in ASKED], "item": [i for _, i in ASKED]}
    )
    match path.suffix:
        case ".parquet":
            frame.write_parquet(path)
        case ".jsonl":
            frame.rename({"User": "user"}).write_ndjson(path)
        case kind:
            frame.write_csv(path, separator="\t" if kind == ".tsv" else ",")
    return str(path)


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.tsv", "pairs.parquet", "pairs.jsonl"])
def test_many_pairs_are_explained_in_the_order_given(
    name: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(run, "--pairs", written(tmp_path / name), "--json") == 0
    shown = capsys.readouterr()
    records = [json.loads(line) for line in shown.out.splitlines()]
    assert [(one["user"], ITEMS[one["item"]]) for one in records] == ASKED
    assert {one["writer"] for one in records} == {"realised"} and records[0] == records[2]
    assert shown.err == ""


def test_a_record_of_many_is_that_of_one(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(run, *PAIR, "--json")
    (alone,) = json.loads(capsys.readouterr().out)
    call(run, "--pairs", written(tmp_path / "pairs.csv"), "--json")
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert list(first) == list(alone) and first["text"] == alone["text"]  # scores are rounded otherwise in a batch


def test_pairs_of_standard_input(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(json.dumps({"user": user, "item": item}) + "\n" for user, item in ASKED)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert call(run, "--pairs", "-", "--json") == 0
    assert [json.loads(line)["user"] for line in capsys.readouterr().out.splitlines()] == [user for user, _ in ASKED]


def test_many_are_shown_in_blocks(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(run, "--pairs", written(tmp_path / "pairs.csv")) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if line.startswith("user ")]
    named = [f"user {user}, item {item} “{world().titles[ITEMS.index(item)]}”: " for user, item in ASKED]
    assert len(heads) == len(ASKED) and all(map(str.startswith, heads, named))
    assert all(line.startswith(("user ", "  ")) for line in lines)


def test_one_pair_without_a_surrogate_says_who_wrote(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(run, *PAIR) == 0
    shown = capsys.readouterr().out
    assert "Written by the wording of the evidence, without a language model." in shown
    assert "Surrogate (" not in shown and "Recommender: " in shown


def test_a_translation_and_what_became_of_a_text_are_shown(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (one,) = Explainer.from_run(run).explain([ASKED[0]])
    translated = replace(one, method="m", writer="m", translation="Ja, das passt.", note="1 sentence was left out")
    show_explanation(translated)
    show_compact(translated, ITEMS[7])
    shown = capsys.readouterr().out.splitlines()
    assert "Written by m." in shown
    for line in ("Ja, das passt.", "Note: 1 sentence was left out"):
        assert line in shown and f"  {line}" in shown


@pytest.mark.parametrize("field", ["user", "item_title", "text", "translation", "note", "abstained", "writer"])
def test_no_text_can_move_the_cursor(run: Path, field: str, capsys: pytest.CaptureFixture[str]) -> None:
    (one,) = Explainer.from_run(run).explain([ASKED[0]])
    hostile = replace(one, **{field: "a\x1b[2Jb"}, method="m")
    show_explanation(hostile)
    show_compact(hostile, ITEMS[7])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and ("a\ufffd[2Jb" in shown or field == "item_title")


@pytest.mark.parametrize(("text", "what", "where"), [
    ("user,title\nu0001,x\n", "missing column: item", "line 1"),
    ("user,item\nu0001,i001\nu0001,\n", "there is no item", "line 3"),
    ("user,item\nu0001,i001\nu9999,i001\n", "there is no user 'u9999'", "line 3"),
    ("user,item\nu0001,i999\n", "there is no item 'i999'", "line 2"),
    ("user,item\n", "no rows", "pairs.csv"),
])  # fmt: skip
def test_a_wrong_row_is_named_before_anything_is_printed(
    text: str, what: str, where: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pairs.csv").write_text(text, encoding="utf-8")
    assert call(run, "--pairs", str(tmp_path / "pairs.csv")) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and what in shown.err
    assert where in shown.err.splitlines()[1] and "hint: " in shown.err


@pytest.mark.parametrize(("arguments", "wanted"), [
    ([], "It is not said what to explain. location: --user hint: Give --user and --item, or --pairs FILE."),
    (["--user", "u"], "A pair has a user and an item. location: --item"),
    (["--pairs", "p.csv", "--item", "i"], "names the users and items itself. location: --item"),
    (["--pairs", "nowhere.csv"], "there is no such file"),
    ([*PAIR, "--surrogate", "--writer", "realised"], "Leave out --surrogate, or --writer."),
    ([*PAIR, "--endpoint", "http://localhost:1/v1"], "Give --writer with the name of one."),
    ([*PAIR, "--language", "German"], "give a chat model as writer"),
    ([*PAIR, "--writer", "surrogate"], "is not complete"),
])  # fmt: skip
def test_options_that_do_not_go_together(
    arguments: list[str], wanted: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(run, *arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and wanted in " ".join(shown.err.split())


def test_what_a_writer_does_not_know_is_said(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(run, *PAIR, "--audience", "regulator", "--aspect", "of the moon", "--length", "short") == 0
    said = capsys.readouterr().err
    assert "the same for every audience" in said and "has not learned this aspect" in said


def test_realised_knows_an_aspect_in_other_words_too(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(run, *PAIR, "--writer", "realised", "--aspect", "tell me of the GENRE, please") == 0
    assert capsys.readouterr().err == ""


def test_a_chat_model_of_an_endpoint_writes(
    run: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = ChatServer(httpserver, monkeypatch)
    monkeypatch.delenv("OPENAI_BASE_URL")
    server.answer = "Yes, it would be recommended."
    assert call(run, *PAIR, "--json", "--writer", "some-model", "--endpoint", httpserver.url_for("/v1")) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["method"] == "some-model" and record["writer"] in ("some-model", "realised")
    assert server.asked[0]["model"] == "some-model"


CODE = """
import json, sys
from recexplainer.cli import main
from recexplainer.cli.results import show_compact, show_explanation
try:
    main(sys.argv[1:])
finally:
    print(json.dumps(sorted(sys.modules)))
"""


def imported(run: Path, *arguments: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", CODE, "explain", str(run), *arguments], capture_output=True, text=True, check=True
    )
    return set(json.loads(told.stdout.splitlines()[-1]))


def test_vectors_are_explained_without_torch(vectors: Path, tmp_path: Path) -> None:
    modules = imported(vectors, "--pairs", written(tmp_path / "pairs.csv"))
    assert not {"torch", *NEVER} & modules


@pytest.mark.slow
def test_a_network_is_explained_without_what_trains_and_evaluates(run: Path) -> None:
    modules = imported(run, *PAIR, "--json")
    assert "torch" in modules and not set(NEVER) & modules


def test_the_popularity_kept_in_the_run_is_taken(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def popular() -> Any:
        call(run, *PAIR, "--json")
        return json.loads(capsys.readouterr().out)[0]

    asked = popular()
    kept = run / "recommender" / "popularity.safetensors"
    keep_shares(kept, sasrec(), world())
    try:
        assert popular() == asked
    finally:
        kept.unlink()


def test_the_library_explains_by_the_same_words(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(run, *PAIR, "--json")
    (record,) = json.loads(capsys.readouterr().out)
    (explanation,) = Explainer.from_run(run).explain([(USERS[0], ITEMS[7])])
    assert explanation.text == record["text"] and np.allclose(explanation.attributions, record["attributions"])
