from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.fakes import SameForAll
from tests.tiny import SETTINGS, alignment, fresh, sasrec, world

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import User
from recexplainer.storage import read_json
from recexplainer.surrogate import training
from recexplainer.surrogate.batching import EncodedSet, token_shares
from recexplainer.surrogate.frame import encode
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import FORMS, Form
from recexplainer.surrogate.training import encode_examples, new_surrogate, train_surrogate
from recexplainer.tasks.example import Example, LabelledExamples

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SHORT = SETTINGS.model_copy(update={"epochs": dict.fromkeys(FORMS, 2.0)})


def equal(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    weights = other.state_dict()
    return all(torch.equal(weight, weights[name]) for name, weight in one.state_dict().items())


@pytest.fixture(scope="module")
def intention(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("intention")
    train_surrogate("intention", alignment(), SHORT, folder / "surrogate", folder / "work")
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_the_loss_falls(form: Form, tmp_path: Path) -> None:
    settings = SHORT.model_copy(update={"epochs": {form: 6.0}})
    before = new_surrogate(form, alignment(), settings)
    after = train_surrogate(form, alignment(), settings, tmp_path / "surrogate", tmp_path / "work")
    data = encode_examples(after, alignment(), settings)
    batch = data.collate(data.encoded[:120])
    with torch.inference_mode():
        assert float(after(**batch)["loss"]) < 0.85 * float(before(**batch)["loss"])
    assert not after.training


def test_it_leaves_a_log_and_events_beside_the_weights(intention: Path) -> None:
    log = read_json(intention / "surrogate" / "training.json")
    assert {"step", "train_loss"} <= set(log[-1])
    assert list((intention / "surrogate" / "logs").glob("events*"))
    assert Surrogate.from_pretrained(intention / "surrogate").form == "intention"


def test_the_same_seed_gives_the_same_weights(intention: Path, tmp_path: Path) -> None:
    again = train_surrogate("intention", alignment(), SHORT, tmp_path / "surrogate", tmp_path / "work")
    assert equal(again, Surrogate.from_pretrained(intention / "surrogate"))
    other = SHORT.model_copy(update={"seed": 1})
    different = train_surrogate("intention", alignment(), other, tmp_path / "other", tmp_path / "work2")
    assert not torch.equal(different.embeddings.weight[:50], again.embeddings.weight[:50])


def test_the_user_connector_starts_from_the_item_connector(tmp_path: Path) -> None:
    new = new_surrogate("intention", alignment(), SETTINGS)
    assert not equal(new.connector("user"), new.connector("item"))
    training.warm_up_connectors(new, alignment(), SETTINGS, tmp_path)
    vectors = torch.from_numpy(sasrec().item_vectors())
    users = torch.from_numpy(sasrec().user_vectors([User(one.history) for one in alignment().examples if one.history]))
    with torch.no_grad():
        read = new.connector("user")(users) @ new.connector("item")(vectors).T
    best = (users @ vectors.T).topk(5, dim=1).indices
    assert float((read.argmax(1, keepdim=True) == best).any(1).float().mean()) > 0.5
    untrained = new_surrogate("intention", alignment(), SETTINGS)
    assert not equal(new.connector("item"), untrained.connector("item"))
    training.warm_up_connectors(untrained, alignment(), SETTINGS, tmp_path)
    assert equal(untrained, new), "the first phase is not done twice"


def test_after_the_first_phase_the_two_connectors_are_trained_apart(intention: Path) -> None:
    done = Surrogate.from_pretrained(intention / "surrogate")
    assert not equal(done.connector("user"), done.connector("item"))


def test_without_item_examples_there_is_no_first_phase_training(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"connector_warmup_examples": 0})
    read, untrained = (new_surrogate("intention", alignment(), settings) for _ in range(2))
    training.warm_up_connectors(read, alignment(), settings, tmp_path)
    assert equal(read.connector("item"), untrained.connector("item"))


def test_items_can_be_named_in_lists_each_as_often_and_beside_others(tmp_path: Path) -> None:
    settings = SHORT.model_copy(update={"connector_warmup_list": 4, "connector_warmup_examples": 1200})
    surrogate = new_surrogate("intention", alignment(), settings)
    named: list[EncodedSet] = []

    def kept(_: Surrogate, data: EncodedSet, *__: object) -> None:
        named.append(data)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "_fit", kept)
        training.warm_up_connectors(surrogate, alignment(), settings, tmp_path)
    groups = [tuple(one.items[0] for _, _, one in each.placeholders) for each in named[0].encoded]
    counts = Counter(item for group in groups for item in group)
    assert set(counts) == set(range(world().n_items))
    assert len(set(counts.values())) == 1
    assert {len(group) for group in groups} == {4}
    beside = {other for group in groups if 0 in group for other in group}
    assert len(beside) > 10, "an item has other neighbours in each round"
    for one, group in zip(named[0].encoded, groups, strict=True):
        answer = surrogate.tokenizer.decode(one.ids[one.answer_start : -1])
        assert answer == "; ".join(world().titles[item] for item in group)


def test_hybrid_continues_from_intention(intention: Path, tmp_path: Path) -> None:
    frozen = SHORT.model_copy(update={"learning_rate": 1e-12, "weight_decay": 0.0})
    started = Surrogate.from_pretrained(intention / "surrogate")
    continued = train_surrogate(
        "hybrid", alignment(), frozen, tmp_path / "surrogate", tmp_path / "work", start_from=intention / "surrogate"
    )
    assert continued.form == "hybrid"
    torch.testing.assert_close(continued.state_dict(), started.state_dict(), rtol=0, atol=1e-7)
    assert continued.tokenizer.get_vocab() == started.tokenizer.get_vocab()
    assert not (tmp_path / "work" / "items-done").exists()
    loaded = Surrogate.from_pretrained(tmp_path / "surrogate")
    assert loaded.form == "hybrid"
    assert equal(loaded, continued)


def test_hybrid_mixes_the_three_forms_by_its_shares() -> None:
    surrogate = new_surrogate("hybrid", alignment(), SETTINGS)

    def kinds(shares: tuple[float, float, float]) -> tuple[int, int]:
        settings = SETTINGS.model_copy(update={"hybrid_form_sampling": shares})
        data = encode_examples(surrogate, alignment(), settings)
        return sum(bool(one.placeholders) for one in data.encoded), int(data.lengths.sum())

    (none, long), (every, short), (_, longest) = kinds((1, 0, 0)), kinds((0, 1, 0)), kinds((0, 0, 1))
    own = [one for one in alignment().examples if one.task in ("reconstruction", "rationale") or one.subtask == "title"]
    assert none == len(own), "what only vectors can answer, and reasons, are rendered as hybrid"
    of_something = [one for one in alignment().examples if (one.history or one.items) and one.subtask != "title-of"]
    assert every == len(of_something)
    assert short < long < longest
    mixed, _ = kinds((0.5, 0.0, 0.5))
    assert none < mixed < every


def test_phrasings_are_drawn_from_the_seed() -> None:
    surrogate = new_surrogate("intention", alignment(), SETTINGS)

    def prompts(seed: int) -> list[list[int]]:
        settings = SETTINGS.model_copy(update={"seed": seed})
        return [one.ids.tolist() for one in encode_examples(surrogate, alignment(), settings).encoded]

    assert prompts(0) == prompts(0) != prompts(1)
    frames = {tuple(ids[:3]) for ids in prompts(0)}
    assert len(frames) > 20, "several phrasings a task"


def test_behavior_needs_no_vectors_of_the_recommender(tmp_path: Path) -> None:
    surrogate = new_surrogate("behavior", alignment(), SETTINGS)
    assert surrogate.vector_width == 0
    data = encode_examples(surrogate, alignment(), SETTINGS)
    assert data.user_vectors is None
    assert not any(one.placeholders for one in data.encoded)


def test_forms_that_read_vectors_are_refused_of_a_recommender_without() -> None:
    without_vectors = SameForAll()
    forms: tuple[Form, ...] = ("intention", "hybrid")
    for form in forms:
        with pytest.raises(RecommenderError, match=f"no vectors(?s:.)*form {form}(?s:.)*behavior") as caught:
            new_surrogate(form, LabelledExamples(world(), without_vectors, []), SETTINGS)
        assert caught.value.hint


def test_conversations_that_are_too_long_are_left_out_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    surrogate = fresh("behavior")
    asked = [Example("chat", question="Why?", answer_text="word " * length) for length in (3, 5000, 8)]
    caplog.set_level("INFO", "recexplainer")
    encoded = encode_examples(surrogate, LabelledExamples(world(), SameForAll(), asked), SETTINGS)
    assert len(encoded) == 2 and max(encoded.lengths) < surrogate.max_length
    assert caplog.messages == [
        "behavior: 1 conversations left out, longer than max_length (1024 tokens)",
        "behavior: tokens by task: chat 100%",
    ]
    assert token_shares(["chat", "ranking", "chat"], np.array([10, 70, 20])) == "ranking 70%, chat 30%"


SCRIPT = """
import sys
from pathlib import Path
from recexplainer.surrogate.training import train_surrogate
from tests.fakes import SameForAll
from tests.tiny import SETTINGS, alignment
settings = SETTINGS.model_copy(update={"epochs": {"intention": 6.0}, "checkpoint_minutes": 1e-9})
train_surrogate("intention", alignment(), settings, Path(sys.argv[1]) / "surrogate", Path(sys.argv[1]) / "work")
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], env=environment, cwd=ROOT)


def kill_when(process: subprocess.Popen[bytes], folder: Path, pattern: str) -> None:
    """SIGKILL as soon as something of this name is there."""
    deadline = time.monotonic() + 120
    while not list(folder.glob(pattern)):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_killed_in_either_phase_it_resumes_to_the_same_weights_bit_for_bit(tmp_path: Path) -> None:
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    assert start(alone).wait(120) == 0
    kill_when(start(killed), killed, "work/items/checkpoint-*/complete")
    kill_when(start(killed), killed, "work/tasks/checkpoint-[2-9]*/complete")
    assert not (killed / "surrogate" / "surrogate.json").exists()
    assert start(killed).wait(120) == 0
    for name in ("backbone/model.safetensors", "connectors.safetensors"):
        one, other = load_file(alone / "surrogate" / name), load_file(killed / "surrogate" / name)
        assert one.keys() == other.keys()
        assert all(np.array_equal(weight.numpy(), other[key].numpy()) for key, weight in one.items())


def test_a_form_may_learn_from_a_share_of_a_task() -> None:
    surrogate, settings = (
        fresh("behavior"),
        SETTINGS.model_copy(update={"task_sampling": {"behavior": {"ranking": 0.0}}}),
    )
    everything = encode_examples(surrogate, alignment(), SETTINGS)
    fewer = encode_examples(surrogate, alignment(), settings)
    rankings = sum(one.task == "ranking" for one in alignment().examples)
    assert rankings > 0
    assert len(fewer) == len(everything) - rankings
    other = SETTINGS.model_copy(update={"task_sampling": {"hybrid": {"ranking": 0.0}}})
    assert len(encode_examples(surrogate, alignment(), other)) == len(everything)


def test_nano_learns_the_words_of_verdicts_only_where_there_are_some() -> None:
    judged = Example("verdicts", history=(1, 2), items=(3, 4), answer_items=(3,))
    with_one = replace(alignment(), examples=[*alignment().examples, judged])
    words = "Judge some items one by one by the taste behind"
    taken = [
        len(encode(new_surrogate("behavior", each, SETTINGS).tokenizer, words, literal=True))
        for each in (alignment(), with_one)
    ]
    assert taken[1] < taken[0]
