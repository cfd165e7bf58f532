"""`recexplainer check`: what it prints, its exit status, and what it refuses; on a run that ends at the recommender."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from tests.chat_server import ChatServer
from tests.tiny import run_until_recommender, sasrec, world

from recexplainer import Explainer
from recexplainer.cli import main
from recexplainer.errors import SurrogateError

pytestmark = pytest.mark.filterwarnings("ignore::recexplainer.errors.RecommenderWarning")

HISTORY = world().history(0).tolist()
USER = world().user_ids[0]
NAMED = "contradicted  history: “Nobody's Game”: “Nobody's Game” is no title of the catalogue"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_until_recommender(tmp_path_factory.mktemp("runs") / "shop", sasrec())


def pair(*, recommended: bool) -> tuple[str, str]:
    """The own id and the title of an item that the recommender ranks first for the user, or last."""
    checked = Explainer(world(), sasrec()).check(
        [(USER, item, "Yes, this one should be shown.") for item in range(world().n_items) if item not in HISTORY]
    )
    found = next(one for one in checked if one.contradicted is not recommended)
    return found.item, found.title


def written(folder: Path, *texts: str, item: str = "", **more: Any) -> str:
    path, asked = folder / "texts.jsonl", item or pair(recommended=True)[0]
    lines = [json.dumps({"user": USER, "item": asked, "text": text, **more}) for text in texts]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def call(run: Path, *arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as left:
        main(["check", str(run), *arguments])
    return left.value.code


def test_texts_are_shown_with_their_claims_and_a_summary(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item, title = pair(recommended=True)
    good, bad = f"Yes, “{title}” would be recommended.", "Yes, it is a good match. It owes most to “Nobody's Game”."
    assert call(run, written(tmp_path, good, bad, item=item)) == 1
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert f"text 1: user {USER}, item {item} “{title}”" in lines and f"  {good}" in lines
    verdict = f"  supported     verdict (yes): “Yes”, item {item} “{title}”: the recommender says yes, rank "
    assert sum(line.startswith(verdict) for line in lines) == 2
    assert any(line.startswith(f"  {NAMED}") for line in lines)
    cells = [line.replace("│", " ").split() for line in lines if line.startswith("│")]
    assert [row for row in cells if row[0] in ("all", "verdict")] == [
        ["verdict", "2", "0", "0"],
        ["all", "2", "0", "1"],
    ]
    assert "texts: 2, with a contradiction: 1" in lines
    assert "not understood" not in shown.out and shown.err == ""


def test_what_is_not_understood_is_said(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(run, written(tmp_path, "Yes, it is a good match. The moon is made of cheese, they say."))
    lines = capsys.readouterr().out.splitlines()
    assert "  1 of 2 sentences was not understood: “The moon is made of cheese, they say.”" in lines
    assert "1 of 2 sentences was not understood, in 1 of the texts" in lines


def test_json_has_one_object_a_line(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "Yes, it is a good match.\u2028\x9bm"
    assert call(run, written(tmp_path, text, text, id=7), "--json") == 0
    shown = capsys.readouterr().out
    first, second = map(json.loads, shown.splitlines())
    assert first == second and (first["id"], first["text"]) == (7, text)
    assert [claim["kind"] for claim in first["claims"]] == ["verdict"]
    assert "\x9b" not in shown


@pytest.mark.parametrize(("recommended", "status"), [(True, 0), (False, 1)])
def test_one_text_of_standard_input(
    recommended: bool, status: int, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Yes, it is a good match.\n")))
    assert call(run, "-", "--user", USER, "--item", pair(recommended=recommended)[0], "--json") == status
    one = json.loads(capsys.readouterr().out)
    assert (one["id"], one["text"]) == (1, "Yes, it is a good match.")


@pytest.mark.parametrize(
    ("arguments", "text", "wanted"),
    [
        (["-"], "Yes.", "Give --user and --item."),
        (["-", "--user", USER, "--item", "i999"], "Yes.", "there is no item 'i999' location: standard input"),
        (["-", "--user", USER, "--item", world().item_ids[HISTORY[0]]], "Yes.", "has had the item"),
        (["-", "--user", USER, "--item", "i001"], " \n", "the text is empty location: standard input"),
        (["-", "--user", USER, "--item", "i001"], "\udce9", "not UTF-8"),
        (["nowhere.csv"], "", "there is no such file"),
        (["texts.csv", "--user", USER], "", "Leave out --user and --item"),
    ],
)
def test_mistakes_are_told_before_anything_is_printed(
    arguments: list[str],
    text: str,
    wanted: str,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode("utf-8", "surrogateescape"))))
    assert call(run, *arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert wanted in " ".join(shown.err.split())


def test_a_chat_model_reads(
    run: Path,
    tmp_path: Path,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = ChatServer(httpserver, monkeypatch)
    server.answer = [{"kind": "verdict", "quote": "Put it on the list", "value": "yes"}, {"kind": "popular"}]
    text, item = "Put it on the list! It glows in the dark.", pair(recommended=True)[0]
    path = written(tmp_path, text, "Yes, it is a good match.", item=item)
    assert call(run, path, "--reader", "my: model", "--set", "evaluation.endpoint.temperature=0.5", "--json") == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(one["kind"], one["status"], one["start"]) for one in first["claims"]] == [("verdict", "supported", 0)]
    assert [text[start:end] for start, end in first["unread"]] == ["It glows in the dark."]
    assert [one["kind"] for one in second["claims"]] == ["verdict"]
    (asked,) = server.asked
    assert (asked["model"], asked["max_tokens"], asked["temperature"]) == ("my: model", 2048, 0.5)
    assert call(run, path, "--reader", "my: model", "--set", "evaluation.endpoint.temperature=0.5") == 0
    assert len(server.asked) == 1
    server.status = 401
    capsys.readouterr()
    assert call(run, path, "--reader", "other") == 2
    shown = capsys.readouterr()
    assert shown.out == "" and "Set OPENAI_API_KEY to a key that is valid there." in shown.err


def test_settings_of_a_reader_need_one(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(run, written(tmp_path, "Yes."), "--set", "evaluation.endpoint.timeout=3") == 2
    assert "Give --reader with the name of a chat model." in capsys.readouterr().err


def test_a_wrong_row_is_named_by_file_and_line(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "Yes, it is a good match.", "")
    assert call(run, path) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.startswith(f"there is no text\n  location: {path}, line 2\n  hint: ")


def test_the_library_opens_such_a_run(run: Path) -> None:
    explainer = Explainer.from_run(run)
    (one,) = explainer.check((USER, pair(recommended=True)[0], "Yes, it is a good match."))
    assert not one.contradicted and one.claims
    with pytest.raises(SurrogateError, match="There is no surrogate"):
        explainer.explain([(USER, one.item)], writer="surrogate")


@pytest.mark.slow
def test_a_run_until_the_recommender_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--set", "data.sample.users=60", "--set", "data.sample.items=60"]
    with pytest.raises(SystemExit) as left:
        main(["run", "demo", "--runs", str(tmp_path), "--until", "recommender", *small])
    assert left.value.code == 0
    assert capsys.readouterr().out.split() == ["recommender:", str(tmp_path / "demo" / "recommender")]
    assert not (tmp_path / "demo" / "examples").exists()
    dataset = Explainer.from_run(tmp_path / "demo").dataset
    seen = set(dataset.history(0).tolist())
    item = next(item for item in range(dataset.n_items) if item not in seen)
    line = {"user": dataset.user_ids[0], "item": dataset.item_ids[item], "text": "Yes, it is a good match."}
    (tmp_path / "one.jsonl").write_text(json.dumps(line), encoding="utf-8")
    assert call(tmp_path / "demo", str(tmp_path / "one.jsonl"), "--json") in (0, 1)
    assert json.loads(capsys.readouterr().out)["claims"][0]["kind"] == "verdict"
