from __future__ import annotations

import json
from collections import Counter

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from recexplainer.data.split import leave_one_out
from recexplainer.errors import DataError
from recexplainer.tasks.mixture import Examples, MixtureSettings, build_examples, load_examples, save_examples
from recexplainer.tasks.questions import make_histories

# Histories of 3, 4, 5, 6, 7, 8, 5, 4 items: 34 training interactions of 8 users, so 34 - 8 prefixes.
PREFIXES = 26
RATIONALES = {"rationale_surrogate": 10, "rationale_evidence": 6, "rationale_causes": 4, "rationale_test": 4}
SMALL = {**RATIONALES, "chat_train": 20, "chat_test": 3}


def build(dataset, split, recommender, **settings) -> Examples:
    return build_examples(dataset, split, recommender, MixtureSettings(**{**SMALL, **settings}))


def test_counts_are_those_of_table_b2(dataset, split, recommender):
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


def test_histories_are_prefixes_cut_to_what_f_sees(dataset, split, recommender):
    examples = build(dataset, split, recommender)
    asked = Counter(one.history for one in examples.train if one.task == "retrieval")
    expected: Counter[tuple[int, ...]] = Counter()
    for user in range(dataset.n_users):
        sequence = split.train_history(user).tolist()
        expected.update(tuple(sequence[:length][-4:]) for length in range(1, len(sequence)))
    assert asked == expected
    tested = {one.user: one.history for one in examples.test if one.task == "retrieval"}
    assert tested == {f"u{user}": tuple(split.train_history(user)[-4:].tolist()) for user in range(8)}
    classified = {one.user: one.history for one in examples.train if one.task == "classification"}
    assert classified == {f"u{user}": tuple(split.train_history(user)[:-1][-4:].tolist()) for user in range(8)}


def test_extra_questions_never_leak_a_test_history(dataset, split, recommender):
    examples = build(dataset, split, recommender, synthetic_history_ratio=4, synthetic_classification_share=0.5)
    extra = [one for one in examples.train if one.task == "retrieval" and not one.user]
    assert len(extra) == examples.report["histories"]["made up"] == 4 * PREFIXES
    tested = {one.history for one in examples.test if one.task == "retrieval"}
    assert not tested & {one.history for one in extra}
    assert len({one.history for one in extra}) == len(extra)
    assert max(len(one.history) for one in extra) == 4
    assert all(len(set(one.history)) == len(one.history) for one in extra)
    pairs = [one for one in examples.train if one.task == "classification" and not one.user]
    assert len(pairs) == 2 * (4 * PREFIXES // 2)


def test_made_up_histories_keep_the_order():
    one, other = tuple(range(0, 40, 2)), tuple(range(1, 40, 2))
    made = make_histories([one, other], 200, 9, {one}, np.random.default_rng(0))
    assert len(made) == 200
    mixed = 0
    for user in made:
        even = [item for item in user.history if item % 2 == 0]
        odd = [item for item in user.history if item % 2]
        assert even == sorted(even)
        assert odd == sorted(odd)
        mixed += bool(even and odd)
    assert 30 < mixed < 120


def test_made_up_histories_end_where_no_more_exist():
    made = make_histories([(1, 2)], 50, 9, {(1, 2)}, np.random.default_rng(0))
    assert {user.history for user in made} == {(1,), (2,)}


def test_same_seed_same_examples(dataset, split, recommender):
    first = build(dataset, split, recommender, synthetic_history_ratio=1)
    assert first == build(dataset, split, recommender, synthetic_history_ratio=1)
    assert first.train != build(dataset, split, recommender, synthetic_history_ratio=1, seed=1).train


def test_leaving_out_a_task_changes_no_other(dataset, split, recommender):
    every = build(dataset, split, recommender)
    some = build(dataset, split, recommender, tasks=("classification", "rationale"))
    kept = {"classification", "rationale"}
    assert some.train == [one for one in every.train if one.task in kept]
    assert some.test == [one for one in every.test if one.task in kept]


def test_limits(dataset, split, recommender):
    every = build(dataset, split, recommender)
    examples = build(dataset, split, recommender, limits={"retrieval": 5, "chat": 0}, test_users=3)
    assert examples.report["train"]["retrieval"] == 5
    assert "chat" not in examples.report["train"]
    assert examples.report["test"]["retrieval"] == 3
    assert {one for one in examples.train if one.task == "retrieval"} <= set(every.train)


def test_given_summaries_are_told_apart(dataset, split, recommender, tmp_path):
    path = tmp_path / "summaries.json"
    path.write_text(json.dumps({"u1": "The user likes harbors.", "nobody": "The user is unknown."}))
    examples = build(dataset, split, recommender, summaries_path=path)
    assert examples.report["notes"]["summaries"] == {"chat endpoint": 1, "item attributes": 7}
    (given,) = [one for one in examples.train if one.aspect == "summary" and one.user == "u1"]
    assert given.answer_text == "The user likes harbors."


def test_a_recommender_that_knows_ids_alone(dataset, split, recommender):
    recommender.answers_changed_history = False
    examples = build(dataset, split, recommender)
    trained = {one.user for one in examples.train if one.task == "retrieval"}
    tested = {one.user for one in examples.test if one.task == "retrieval"}
    assert len(trained) == 6
    assert len(tested) == 2
    assert not trained & tested
    assert "cannot answer" in examples.report["notes"]["rationale"]


def test_round_trip(dataset, split, recommender, tmp_path):
    examples = build(dataset, split, recommender)
    save_examples(examples, tmp_path / "examples")
    read = load_examples(tmp_path / "examples")
    assert read == examples
    assert any(one.evidence for one in read.train)


def test_empty_lists_survive(tmp_path):
    save_examples(Examples([], []), tmp_path)
    assert load_examples(tmp_path) == Examples([], [])


def test_damaged_files_are_refused(dataset, tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        load_examples(tmp_path)
    save_examples(Examples([], []), tmp_path)
    pl.DataFrame({"task": ["chat"]}).write_parquet(tmp_path / "test.parquet")
    with pytest.raises(DataError, match="columns"):
        load_examples(tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"tasks": ["dance"]}, {"synthetic_history_ratio": -1}, {"limit": {}}, {"test_users": 0}]
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        MixtureSettings.model_validate(wrong)


def test_short_users_train_only(dataset, recommender):
    shorter = dataset.select(np.arange(8), np.arange(20))
    split = leave_one_out(shorter)
    assert build(shorter, split, recommender, tasks=("retrieval",)).report["test"]["retrieval"] == len(split.test_users)
