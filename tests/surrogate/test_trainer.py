from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.tiny import SETTINGS, alignment
from transformers import TrainerCallback, TrainingArguments

from recexplainer.errors import RunError
from recexplainer.processes import wait_for_all
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.encoding import Encoded
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.settings import TitleSettings
from recexplainer.surrogate.trainer import (
    TimedCheckpoints,
    TokenBudgetTrainer,
    last_complete_checkpoint,
)
from recexplainer.surrogate.training import encode_examples, new_surrogate

pytestmark = pytest.mark.slow

EVERY_STEP, NEVER = 1e-9, 1e9


class Power(BaseException):
    """The power goes; nothing may catch it."""


class PowerCut(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            raise Power


class Watched(EncodedSet):
    """Records which examples come in which batch."""

    seen: list[list[int]]

    def collate(self, batch: Any) -> dict[str, Any]:
        self.seen.append([int(one.ids.ctypes.data) for one in batch])
        return super().collate(batch)


def material() -> tuple[Surrogate, Watched]:
    surrogate = new_surrogate("intention", alignment(), SETTINGS)
    data = encode_examples(surrogate, alignment(), SETTINGS)
    chosen: list[Encoded] = list(data.encoded[:48])
    watched = Watched(chosen, data.user_vectors, data.item_vectors)
    watched.seen = []
    return surrogate, watched


@pytest.mark.parametrize("rate", [None, 1e-5])
def test_what_reads_titles_learns_at_a_rate_of_its_own(rate: float | None, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"titles": TitleSettings(most_positions=2, width=32)})
    surrogate = new_surrogate("intention", alignment(), settings)
    every = encode_examples(surrogate, alignment(), settings)
    with_both = [one for one in every.encoded if {"user", "title"} <= {part.encoder for _, _, part in one.placeholders}]
    data = EncodedSet(with_both[:48], every.user_vectors, every.item_vectors)
    before = {name: weight.detach().clone() for name, weight in surrogate.named_parameters()}
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        max_steps=3,
        learning_rate=1e-2,
        weight_decay=0.0,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    trainer = TokenBudgetTrainer(surrogate, arguments, data, 512, rate)
    trainer.train()
    assert isinstance(trainer.optimizer, torch.optim.Optimizer)
    learned = [weight for group in trainer.optimizer.param_groups for weight in group["params"]]
    assert len(learned) == len(set(learned)) == len(before), "each weight once"
    moved = {name: float((weight.detach() - before[name]).abs().max()) for name, weight in surrogate.named_parameters()}
    titles = max(size for name, size in moved.items() if name.startswith("connectors.title"))
    others = [moved[f"connectors.{encoder}.first.weight"] for encoder in ("user", "item")]
    assert min(others) > 5e-3
    assert 0 < titles < 4e-5 if rate else titles > 5e-3


def train(folder: Path, minutes: float, *more: TrainerCallback, epochs: float = 3) -> tuple[Surrogate, Watched]:
    surrogate, data = material()
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=epochs,
        learning_rate=3e-3,
        save_strategy="no",
        save_total_limit=2,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        seed=0,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    trainer = TokenBudgetTrainer(surrogate, arguments, data, 512)
    trainer.add_callback(TimedCheckpoints(minutes))
    for callback in more:
        trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=last_complete_checkpoint(folder))
    return surrogate, data


def weights(surrogate: Surrogate) -> dict[str, torch.Tensor]:
    return surrogate.state_dict()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Surrogate, Watched]:
    return train(tmp_path_factory.mktemp("undisturbed"), NEVER)


def test_each_epoch_sees_every_example_once_and_in_another_order(undisturbed: tuple[Surrogate, Watched]) -> None:
    _, data = undisturbed
    steps = len(data.seen) // 3
    epochs = [data.seen[start : start + steps] for start in range(0, 3 * steps, steps)]
    everything = sorted(one.ids.ctypes.data for one in data.encoded)
    assert all(sorted(one for batch in epoch for one in batch) == everything for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_stopped_and_resumed_it_ends_with_the_same_weights_bit_for_bit(
    share: float, undisturbed: tuple[Surrogate, Watched], tmp_path: Path
) -> None:
    alone, data = undisturbed
    cut = max(1, int(share * len(data.seen)))
    with pytest.raises(Power):
        train(tmp_path, EVERY_STEP, PowerCut(cut))
    assert last_complete_checkpoint(tmp_path) == str(tmp_path / f"checkpoint-{cut}")
    resumed, rest = train(tmp_path, NEVER)
    assert len(rest.seen) <= len(data.seen) - cut + 1, "what was done is not done again"
    assert all(torch.equal(weight, weights(alone)[name]) for name, weight in weights(resumed).items())


def test_without_resuming_the_weights_would_differ(undisturbed: tuple[Surrogate, Watched], tmp_path: Path) -> None:
    """The check on the check: fewer epochs give other weights."""
    short, _ = train(tmp_path, NEVER, epochs=1)
    alone = weights(undisturbed[0])
    assert any(not torch.equal(weight, alone[name]) for name, weight in weights(short).items())


def test_a_checkpoint_without_its_mark_is_not_read(tmp_path: Path) -> None:
    for step in (5, 20, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert last_complete_checkpoint(tmp_path) is None
    (tmp_path / "checkpoint-5" / "complete").touch()
    assert last_complete_checkpoint(tmp_path) == str(tmp_path / "checkpoint-5")
    (tmp_path / "checkpoint-20" / "complete").touch()
    assert last_complete_checkpoint(tmp_path) == str(tmp_path / "checkpoint-20")


def test_the_newest_is_the_one_of_most_steps_not_the_last_by_name(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "complete").touch()
    assert last_complete_checkpoint(tmp_path) == str(tmp_path / "checkpoint-100")


def test_no_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert last_complete_checkpoint(tmp_path / "nothing") is None


def test_only_the_last_two_checkpoints_are_kept_and_all_are_marked(tmp_path: Path) -> None:
    _, data = train(tmp_path, EVERY_STEP, epochs=1)
    kept = sorted(tmp_path.glob("checkpoint-*"))
    assert len(kept) == 2
    assert all((folder / "complete").exists() for folder in kept)
    assert {folder.name for folder in kept} == {f"checkpoint-{len(data.seen) - back}" for back in (0, 1)}


def test_no_checkpoint_before_its_time(tmp_path: Path) -> None:
    train(tmp_path, NEVER, epochs=1)
    assert not list(tmp_path.glob("checkpoint-*"))


def test_batches_of_the_trainer_are_within_the_budget(undisturbed: tuple[Surrogate, Watched]) -> None:
    _, data = undisturbed
    length = {one.ids.ctypes.data: len(one.ids) for one in data.encoded}
    for batch in data.seen:
        assert len(batch) == 1 or len(batch) * np.max([length[one] for one in batch]) <= 512


def test_processes_that_nobody_launched_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(RunError, match=r"2 processes were asked for, but RANK.*(?s:.)*torchrun"):
        wait_for_all()
