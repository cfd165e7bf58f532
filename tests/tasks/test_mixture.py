from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from tests.fakes import LinearRecommender

from recexplainer.data.dataset import Dataset, Split, leave_one_out
from recexplainer.errors import DataError
from recexplainer.recommenders.base import Recommender
from recexplainer.tasks.example import Examples, load_examples, save_examples
from recexplainer.tasks.histories import synthetic_histories
from recexplainer.tasks.mixture import MixtureSettings, build_examples

# Histories of 3, 4, 5, 6, 7, 8, 5, 4 items: 34 training interactions of 8 users, so 34 - 8 prefixes.
PREFIXES = 26
RATIONALES = {"rationale_surrogate": 10, "rationale_evidence": 6, "rationale_causes": 4, "rationale_test": 4}
SMALL = {**RATIONALES, "chat_train": 20, "chat_test": 3}


def build(dataset: Dataset, split: Split, recommender: Recommender, **settings: Any) -> Examples:
    return build_examples(dataset, split, recommender, MixtureSettings.model_validate({**SMALL, **settings}))


def test_counts_are_those_of_table_b2(dataset: Dataset, split: Split, recommender: LinearRecommender) -> None:
    examples = build(dataset, split, recommender, classification_test_share=0.5)
    train, test = examples.report["train"], examples.report["test"]
    assert (train["retrieval"], train["ranking"], train["classification"]) == (PREFIXES, PREFIXES, 2 * 8)
    assert train["reconstruction"] == PREFIXES + 8
    assert train["rationale"] == 20
    assert train["chat"] == 20
    assert (test["retrieval"], test["ranking"], test["classification"]) == (8, 8, 2 * 4)
    assert (test["reconstruction"], test["rationale"], test["chat"]) == (8, 8, 3)
    assert "discrimination" not in test
    assert Counter(one.task for one in examples.train) == train
    assert examples.report["notes"]["summaries"] == {"chat endpoint": 0, "item attributes": 8}


def test_histories_are_prefixes_cut_to_the_longest_history(
    dataset: Dataset, split: Split, recommender: LinearRecommender
) -> None:
    examples = build(dataset, split, recommender)
    counted = Counter(one.history for one in examples.train if one.task == "retrieval")
    expected: Counter[tuple[int, ...]] = Counter()
    for user in range(dataset.n_users):
        sequence = split.train_history(user).tolist()
        expected.update(tuple(sequence[:length][-4:]) for length in range(1, len(sequence)))
    assert counted == expected
    tested = {one.user: one.history for one in examples.test if one.task == "retrieval"}
    assert tested == {f"u{user}": tuple(split.train_history(user)[-4:].tolist()) for user in range(8)}
    classified = {one.user: one.history for one in examples.train if one.task == "classification"}
    assert classified == {f"u{user}": tuple(split.train_history(user)[:-1][-4:].tolist()) for user in range(8)}


def test_synthetic_histories_never_leak_a_test_history(
    dataset: Dataset, split: Split, recommender: LinearRecommender
) -> None:
    examples = build(dataset, split, recommender, synthetic_history_ratio=4, synthetic_classification_share=0.5)
    extra = [one for one in examples.train if one.task == "retrieval" and not one.user]
    assert len(extra) == examples.report["histories"]["synthetic"] == 4 * PREFIXES
    tested = {one.history for one in examples.test if one.task == "retrieval"}
    assert not tested & {one.history for one in extra}
    assert len({one.history for one in extra}) == len(extra)
    assert max(len(one.history) for one in extra) == 4
    assert all(len(set(one.history)) == len(one.history) for one in extra)
    pairs = [one for one in examples.train if one.task == "classification" and not one.user]
    assert len(pairs) == 2 * (4 * PREFIXES // 2)


def test_verdicts_are_as_many_as_wanted_and_never_of_a_test_history(
    dataset: Dataset, split: Split, recommender: LinearRecommender
) -> None:
    without = build(dataset, split, recommender, synthetic_history_ratio=1)
    examples = build(dataset, split, recommender, synthetic_history_ratio=1, verdicts=70)
    judged = [one for one in examples.train if one.task == "verdicts"]
    assert len(judged) == 70
    tested = {one.user: one.history for one in examples.test if one.task == "retrieval"}
    assert all(tested.get(one.user) != one.history for one in judged)
    assert [one for one in examples.train if one.task != "verdicts"] == list(without.train), "the others stay"
    assert examples.test == without.test


def test_verdicts_are_asked_for_by_their_number_alone() -> None:
    with pytest.raises(ValidationError, match="set by 'verdicts'"):
        MixtureSettings(tasks=("retrieval", "verdicts"))
    assert "verdicts" not in MixtureSettings().cache_key(), "examples of before stay what they are"
    assert MixtureSettings(verdicts=5).cache_key()["verdicts"] == 5


def test_synthetic_histories_keep_the_order() -> None:
    one, other = tuple(range(0, 40, 2)), tuple(range(1, 40, 2))
    found = synthetic_histories([one, other], 200, 9, {one}, np.random.default_rng(0))
    assert len(found) == 200
    mixed = 0
    for user in found:
        even = [item for item in user.history if item % 2 == 0]
        odd = [item for item in user.history if item % 2]
        assert even == sorted(even)
        assert odd == sorted(odd)
        mixed += bool(even and odd)
    assert 30 < mixed < 120


def test_synthetic_histories_end_where_no_more_exist() -> None:
    found = synthetic_histories([(1, 2)], 50, 9, {(1, 2)}, np.random.default_rng(0))
    assert {user.history for user in found} == {(1,), (2,)}


def test_same_seed_same_examples(dataset: Dataset, split: Split, recommender: LinearRecommender) -> None:
    first = build(dataset, split, recommender, synthetic_history_ratio=1)
    assert first == build(dataset, split, recommender, synthetic_history_ratio=1)
    assert first.train != build(dataset, split, recommender, synthetic_history_ratio=1, seed=1).train


def test_leaving_out_a_task_changes_no_other(dataset: Dataset, split: Split, recommender: LinearRecommender) -> None:
    every = build(dataset, split, recommender)
    some = build(dataset, split, recommender, tasks=("classification", "rationale"))
    kept = {"classification", "rationale"}
    assert some.train == [one for one in every.train if one.task in kept]
    assert some.test == [one for one in every.test if one.task in kept]


def test_chat_parts_do_not_overlap(dataset: Dataset, split: Split, recommender: LinearRecommender) -> None:
    chat = {"tasks": ("chat",), "chat_train": 30, "chat_test": 1000, "chat_characters": 120}
    examples = build(dataset, split, recommender, **chat)
    assert len(examples.train) == 30
    assert examples.test
    assert examples.report["notes"]["chat"]["left out as too long"] > 0
    assert not {one.question for one in examples.train} & {one.question for one in examples.test}
    assert all(len(one.question) + len(one.answer_text) <= 120 for one in examples.train + examples.test)


def test_a_file_of_chats_is_named_in_one_setting_and_the_counts_say_what_was_taken(
    dataset: Dataset, split: Split, recommender: LinearRecommender, tmp_path: Path
) -> None:
    def chat(*texts: str) -> dict[str, Any]:
        turns = zip(("human", "gpt") * len(texts), texts, strict=False)
        return {"conversations": [{"from": speaker, "value": text} for speaker, text in turns]}

    answered = [chat(f"Question {number % 20}?", f"Answer {number}.") for number in range(60)]
    broken = [chat(), chat("Only asked."), chat("Q", " ")]
    path = tmp_path / "chat.json"
    path.write_text(json.dumps([*answered, *broken, chat("Long?", "x" * 2000), chat("Q1", "A1", "Q2", "A2")]))
    examples = build(dataset, split, recommender, tasks=("chat",), chat_path=path, chat_train=50)
    tested = {one.question for one in examples.test}
    assert len(examples.test) == len(tested) == 2, "a tenth of the 21 questions, each once"
    assert not tested & {one.question for one in examples.train}
    counts = examples.report["notes"]["chat"]
    assert counts.pop("mean characters") == pytest.approx(22, abs=1)
    others = 61 - sum(3 if question.startswith("Question") else 1 for question in tested)
    assert counts == {
        "source": str(path),
        "conversations": 65,
        "left out without question and answer": 3,
        "left out as too long": 1,
        "left out since their question is tested": 61 - others - 2,
        "left out beyond chat_train": others - 50,
        "with further turns, not read": 1,
    }


def test_limits(dataset: Dataset, split: Split, recommender: LinearRecommender) -> None:
    every = build(dataset, split, recommender)
    examples = build(dataset, split, recommender, limits={"retrieval": 5, "chat": 0}, test_users=3)
    assert examples.report["train"]["retrieval"] == 5
    assert "chat" not in examples.report["train"]
    assert examples.report["test"]["retrieval"] == 3
    assert {one for one in examples.train if one.task == "retrieval"} <= set(every.train)


def test_given_summaries_are_counted(
    dataset: Dataset, split: Split, recommender: LinearRecommender, tmp_path: Path
) -> None:
    path = tmp_path / "summaries.json"
    path.write_text(json.dumps({"u1": "The user likes harbors.", "nobody": "The user is unknown."}))
    examples = build(dataset, split, recommender, summaries_path=path)
    assert examples.report["notes"]["summaries"] == {"chat endpoint": 1, "item attributes": 7}
    (given,) = [one for one in examples.train if one.subtask == "summary" and one.user == "u1"]
    assert given.answer_text == "The user likes harbors."


def test_a_recommender_that_knows_ids_alone(dataset: Dataset, split: Split, recommender: LinearRecommender) -> None:
    recommender.answers_changed_history = False
    examples = build(dataset, split, recommender)
    trained = {one.user for one in examples.train if one.task == "retrieval"}
    tested = {one.user for one in examples.test if one.task == "retrieval"}
    assert len(trained) == 6
    assert len(tested) == 2
    assert not trained & tested
    assert "cannot answer" in examples.report["notes"]["rationale"]


def test_round_trip(dataset: Dataset, split: Split, recommender: LinearRecommender, tmp_path: Path) -> None:
    examples = build(dataset, split, recommender)
    save_examples(examples, tmp_path / "examples")
    read = load_examples(tmp_path / "examples")
    assert read == examples
    assert any(one.evidence for one in read.train)


def test_empty_lists_survive(tmp_path: Path) -> None:
    save_examples(Examples([], []), tmp_path)
    assert load_examples(tmp_path) == Examples([], [])


def test_damaged_files_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        load_examples(tmp_path)
    save_examples(Examples([], []), tmp_path)
    pl.DataFrame({"task": ["chat"]}).write_parquet(tmp_path / "test.parquet")
    with pytest.raises(DataError, match="columns"):
        load_examples(tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"tasks": ["dance"]}, {"synthetic_history_ratio": -1}, {"limit": {}}, {"test_users": 0}]
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MixtureSettings.model_validate(wrong)


def test_short_users_train_only(dataset: Dataset, recommender: LinearRecommender) -> None:
    shorter = dataset.select(np.arange(8), np.arange(20))
    split = leave_one_out(shorter)
    assert build(shorter, split, recommender, tasks=("retrieval",)).report["test"]["retrieval"] == len(split.test_users)
