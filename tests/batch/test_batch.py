"""Batches: what a part holds, that interruptions and processes leave no trace in it, and what is refused."""

from __future__ import annotations

import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import pytest
from filelock import FileLock
from tests.tiny import run_until_recommender, sasrec, world

from recexplainer import Explainer, VectorRecommender
from recexplainer.batch.part import PLAN, PartWriter
from recexplainer.batch.plan import plan_pairs, plan_users, read_plan
from recexplainer.batch.question import MANIFEST, BatchManifest, Job, Question, part_name
from recexplainer.batch.rows import COLUMNS
from recexplainer.batch.running import run_batch
from recexplainer.batch.workers import in_processes
from recexplainer.cli import main
from recexplainer.data.dataset import Dataset
from recexplainer.errors import DataError, RecExplainerError, RunError, SettingsError
from recexplainer.recommenders.base import User
from recexplainer.recommenders.scoring import score_batches

pytestmark = pytest.mark.filterwarnings("ignore::recexplainer.errors.RecommenderWarning")

USERS, ITEMS = world().user_ids, world().item_ids
PAIRS = [(USERS[0], ITEMS[7]), (USERS[3], ITEMS[40]), (USERS[0], ITEMS[7]), (USERS[1], ITEMS[2]), (USERS[5], ITEMS[9])]
BEST = Question(k=2, part_size=10)  # of 60 users in 12 parts


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_until_recommender(tmp_path_factory.mktemp("runs") / "shop", sasrec())


@pytest.fixture(scope="module")
def undisturbed(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The best items of all users, made by one process without an interruption."""
    out = tmp_path_factory.mktemp("batches") / "undisturbed"
    made = run_batch(run, out, BEST, processes=1)
    assert (made.n_parts, made.made, made.pairs) == (12, 12, 120)
    return out


def table(path: Path, pairs: list[tuple[Any, Any]], names: tuple[str, str] = ("user", "item")) -> Path:
    frame = pl.DataFrame(pairs, schema=dict.fromkeys(names, pl.String), orient="row")
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


def planned(run: Path, out: Path, question: Question, pairs: Path | None = None) -> Job:
    """A folder with a manifest and a plan, and no parts."""
    out.mkdir()
    size = question.part_size if pairs else question.users_in_part
    plan_pairs(pairs, world(), out / PLAN, size) if pairs else plan_users(None, world(), out / PLAN, size)
    BatchManifest.of(run, question, pairs).write(out)
    return Job(run, out)


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if not path.name.startswith(".")}


def test_a_part_has_what_the_library_explains(run: Path, tmp_path: Path) -> None:
    question = Question(part_size=5, strict=True)
    job = planned(run, tmp_path / "out", question, table(tmp_path / "pairs.csv", PAIRS))
    assert PartWriter(job).write(0) == 5
    rows = pl.read_parquet(job.out / part_name(0))
    assert rows.schema == pl.Schema(COLUMNS)
    explained = Explainer(world(), sasrec()).explain(PAIRS, strict=True)
    assert list(zip(rows["user"], rows["item"], strict=True)) == PAIRS
    for row, one in zip(rows.to_dicts(), explained, strict=True):
        for name in ("text", "rank", "recommended", "verdict", "n_ranked", "writer", "method", "abstained"):
            assert row[name] == getattr(one, name), name
        assert row["title"] == one.item_title and row["score"] == pytest.approx(one.score, rel=1e-4)
        assert [(c["kind"], c["status"], c["found"]) for c in row["claims"]] == [
            (claim.kind, claim.status, claim.found) for claim in one.claims
        ]
        assert [c["item"] for c in row["claims"]] == [None if c.item is None else ITEMS[c.item] for c in one.claims]
        assert [c["title"] for c in row["citations"]] == [citation.title for citation in one.citations]
        assert [h["item"] for h in row["history"]] == [ITEMS[item] for item in one.history]
        np.testing.assert_allclose([h["attribution"] for h in row["history"]], one.attributions, atol=1e-4)
        assert {h["effect"] for h in row["history"]} <= {"for", "against", "depends", "none"}
        assert row["faults"] == len(one.faults)


def test_what_counts_for_an_item_in_the_text_does_so_in_the_history(undisturbed: Path) -> None:
    rows = pl.read_parquet(undisturbed / "part-*.parquet").to_dicts()
    effects = {"positive": "for", "negative": "against"}
    seen = 0
    for row in rows:
        does = {one["item"]: one["effect"] for one in row["history"]}
        for claim in row["claims"]:
            if claim["kind"] in effects and claim["status"] == "supported" and claim["item"] in does:
                assert does[claim["item"]] == effects[claim["kind"]]
                seen += 1
    assert seen > 0


def test_without_pairs_the_best_items_that_a_user_has_not_had(undisturbed: Path) -> None:
    rows = pl.read_parquet(undisturbed / "part-*.parquet")
    users = [User(tuple(world().history(row).tolist()), own_id) for row, own_id in enumerate(USERS)]
    best = [items for batch in score_batches(sasrec(), users) for items in batch.best(2)]
    expected = [(user.id, ITEMS[item]) for user, items in zip(users, best, strict=True) for item in items]
    assert list(zip(rows["user"], rows["item"], strict=True)) == expected


def test_users_of_a_table_are_explained_once_each(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text(f"user\n{USERS[4]}\n {USERS[2]} \n{USERS[4]}\n")
    assert plan_users(path, world(), tmp_path / "plan", 10) == 2
    assert read_plan(tmp_path / "plan" / part_name(0)) == {"user": [4, 2]}


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.parquet"])
@pytest.mark.parametrize("names", [("user", "item"), ("User_ID", "item_id")], ids=str)
def test_pairs_are_planned_in_order_whatever_the_file(name: str, names: tuple[str, str], tmp_path: Path) -> None:
    spaced = [(f" {user}", f"{item}\u200b") for user, item in PAIRS]
    path = table(tmp_path / name, spaced, names)
    assert plan_pairs(path, world(), tmp_path / "plan", 2) == len(PAIRS)
    plans = [read_plan(tmp_path / "plan" / part_name(number)) for number in range(3)]
    assert [len(plan["user"]) for plan in plans] == [2, 2, 1]
    found = [pair for plan in plans for pair in zip(plan["user"], plan["item"], strict=True)]
    assert [(USERS[user], ITEMS[item]) for user, item in found] == PAIRS


def test_pieces_of_a_table_make_the_same_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "pairs.parquet", PAIRS * 7)
    plan_pairs(path, world(), tmp_path / "whole", 4)
    monkeypatch.setattr("recexplainer.batch.plan.PIECE", 3)
    plan_pairs(path, world(), tmp_path / "pieces", 4)
    whole, pieces = ([read_plan(path) for path in sorted((tmp_path / name).iterdir())] for name in ("whole", "pieces"))
    assert len(whole) == 9 and whole == pieces


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([("nobody", ITEMS[0])], "there is no user 'nobody'"),
        ([(USERS[0], "nothing"), ("nobody", ITEMS[0])], "2 of 7 rows cannot be explained, the first: there is no item"),
        ([(USERS[0], None)], "there is no item"),
        ([(USERS[0].upper(), ITEMS[0])], f"there is no user '{USERS[0].upper()}'"),
    ],
    ids=str,
)
def test_rows_that_cannot_be_explained_are_counted(wrong: list[Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=told) as raised:
        plan_pairs(table(tmp_path / "pairs.csv", [*PAIRS, *wrong]), world(), tmp_path / "plan", 2)
    assert "row 6" in raised.value.location and raised.value.hint
    assert not (tmp_path / "plan").exists()


def test_a_user_who_has_had_nothing_else_is_refused(tmp_path: Path, dataset: Dataset) -> None:
    one = Dataset("one", dataset.items, ("u",), np.array([0, 2]), np.array([3, 3], np.int32))
    with pytest.raises(DataError, match="has had nothing else"):
        plan_pairs(table(tmp_path / "pairs.csv", [("u", "i3")]), one, tmp_path / "plan", 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [("user,thing\nu,i\n", "missing column: item"), ("user,item\n", "no rows"), ("", "empty")],
)
def test_a_table_that_is_none_is_refused(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=told):
        plan_pairs(path, world(), tmp_path / "plan", 2)


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    path.write_bytes(table(tmp_path / "whole.parquet", PAIRS).read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged"):
        plan_pairs(path, world(), tmp_path / "plan", 2)


def test_it_must_be_said_what_to_explain(run: Path, tmp_path: Path) -> None:
    pairs = table(tmp_path / "pairs.csv", PAIRS)
    asked: list[tuple[Question, dict[str, Any]]] = [
        (Question(), {}),
        (BEST, {"pairs": pairs}),
        (Question(), {"pairs": pairs, "users": pairs}),
        (BEST, {"processes": 0}),
    ]
    for question, options in asked:
        with pytest.raises(SettingsError):
            run_batch(run, tmp_path / "out", question, **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_question_or_of_something_else_is_refused(
    run: Path, undisturbed: Path, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="different: k, strict"):
        run_batch(run, undisturbed, Question(k=3, part_size=10, strict=True))
    with pytest.raises(RunError, match="different: pairs or users, k"):
        run_batch(run, undisturbed, Question(part_size=10), pairs=table(tmp_path / "pairs.csv", PAIRS))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(RunError, match=r"something else: notes\.txt"):
        run_batch(run, tmp_path / "mine", BEST)


def test_another_recommender_is_another_question(run: Path, undisturbed: Path, tmp_path: Path) -> None:
    other = run_until_recommender(
        tmp_path / "shop", VectorRecommender.from_arrays(world(), sasrec().item_vectors(), fold_in="mean")
    )
    manifest = other / "recommender" / MANIFEST
    manifest.write_text(manifest.read_text().replace('"settings": {}', '"settings": {"kind": "vectors"}'))
    with pytest.raises(RunError, match="different: recommender"):
        run_batch(other, undisturbed, BEST)
    with pytest.raises(RunError, match="not complete"):
        run_batch(run, tmp_path / "out", Question(k=1, writer="surrogate"))


def test_two_do_not_work_in_one_folder(run: Path, undisturbed: Path) -> None:
    with FileLock(undisturbed / ".lock"), pytest.raises(RunError, match="Another process"):
        run_batch(run, undisturbed, BEST)


def test_a_worker_of_other_versions_is_refused(run: Path, tmp_path: Path) -> None:
    job = planned(run, tmp_path / "out", BEST)
    text = (job.out / MANIFEST).read_text()
    (job.out / MANIFEST).write_text(text.replace(np.__version__, "0.9"))
    with pytest.raises(RunError, match="another version of numpy"):
        PartWriter(job)


def test_what_the_recommender_raises_is_told(run: Path, tmp_path: Path) -> None:
    job = planned(run, tmp_path / "out", BEST)
    pl.DataFrame({"user": [0], "item": [world().n_items]}).write_parquet(job.out / PLAN / part_name(3))
    BatchManifest.of(run, Question(part_size=10), None).write(job.out)
    with pytest.raises(RecExplainerError, match="no item number 60"):
        list(in_processes(job, [3], 1))
    assert not contents(job.out).keys() - {MANIFEST}


def killed(parts: Iterator[tuple[int, int]], deaths: int) -> list[int]:
    """The parts that are made, while one of the processes is killed after each of the first parts."""
    made: list[int] = []
    for part, _ in parts:
        made.append(part)
        if len(made) <= deaths:
            random.Random(part).choice(living_workers()).kill()
    return sorted(made)


def living_workers() -> list[psutil.Process]:
    """The spawned processes of this one that have not ended; the last one killed may still be there as a zombie."""
    found: list[psutil.Process] = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


@pytest.mark.slow
def test_a_process_that_is_killed_is_replaced(
    run: Path, undisturbed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = planned(run, tmp_path / "out", BEST)
    with caplog.at_level(logging.WARNING, "recexplainer.batch"):
        assert killed(in_processes(job, range(12), 2), deaths=2) == list(range(12))
    assert "ended from outside (signal 9)" in caplog.text
    for number in range(12):
        assert (job.out / part_name(number)).read_bytes() == (undisturbed / part_name(number)).read_bytes()


@pytest.mark.slow
def test_killed_at_random_moments_the_same_parquet_comes_out(run: Path, undisturbed: Path, tmp_path: Path) -> None:
    out, rng = tmp_path / "out", random.Random(time.time_ns())
    command = [sys.executable, "-m", "recexplainer", "batch", str(run), "--to", str(out), "--k", "2"]
    command += ["--part-size", "10", "--processes", "2"]
    for target in sorted(rng.sample(range(11), 3)):
        process = subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while len(list(out.glob("part-*"))) < target and process.poll() is None:
            time.sleep(0.001)
        time.sleep(rng.random() / 10)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=True)
    assert "12 of 12" in done.stdout
    assert contents(out) == contents(undisturbed), "the same parts and the same manifest"
    assert not list(out.glob(".part*")) and not (out / PLAN).exists()


def test_started_again_only_what_is_missing_is_made(
    run: Path, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(undisturbed, out)
    arguments = ["batch", str(run), "--to", str(out), "--k", "2", "--part-size", "10", "--processes", "1"]
    (out / part_name(4)).unlink()
    (out / f".{part_name(5)}.0.partial").touch()
    for expected in ("explained: 10 pairs", "parts: "):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
        shown = capsys.readouterr()
        assert shown.out.startswith(expected) and "of 12 parts are there already" in shown.err
    assert contents(out) == contents(undisturbed) and not list(out.glob(".part*"))


def test_the_command_refuses_in_words(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, told in (
        ([], "It is not said what to do"),
        (["--k", "2", "--language", "German"], "writes English, not German"),
        (["--k", "2", "--endpoint", "http://localhost:1/v1"], "An endpoint has chat models"),
        ([str(tmp_path / "none.csv")], "no such file"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["batch", str(run), "--to", str(tmp_path / "out"), *arguments])
        assert left.value.code == 2 and told in capsys.readouterr().err
