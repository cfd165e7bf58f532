"""The Trainer of Hugging Face as it is used here: batches under a token budget, many processes, and checkpoints."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any

import torch
from accelerate.data_loader import prepare_data_loader
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from transformers.utils import SAFE_WEIGHTS_NAME

from recexplainer.errors import SurrogateError
from recexplainer.processes import from_first, is_first, summed, wait_for_all, world_size
from recexplainer.progress import track
from recexplainer.surrogate.batching import EncodedSet, TokenBudget
from recexplainer.surrogate.model import Surrogate

_MARK = "complete"  # file in a checkpoint
_STEPS_BETWEEN = 20  # steps after which several processes may save a checkpoint


class TokenBudgetTrainer(Trainer):
    """A Trainer whose batches hold as many examples of like length as a token budget allows.

    The budget includes padding. Several processes share each batch, and the loss is the mean over all of its labels:
    the weights are the same however many there are. What reads a vector as a title may have a learning rate of its own.
    Raises SurrogateError if not WORLD_SIZE processes run.
    """

    def __init__(
        self,
        model: Surrogate,
        arguments: TrainingArguments,
        data: EncodedSet,
        tokens_per_batch: int,
        title_learning_rate: float | None = None,
    ) -> None:
        # One GPU a process: else the Trainer would cut batches apart.
        arguments._n_gpu = min(arguments.n_gpu, 1)  # pyright: ignore[reportPrivateUsage]  (no public name)
        super().__init__(model, arguments, data_collator=data.collate, train_dataset=data)
        if arguments.world_size != world_size():
            raise SurrogateError(
                f"{world_size()} processes were asked for, but {arguments.world_size} would train.",
                location="WORLD_SIZE",
                hint="Start them with torchrun --nproc-per-node N.",
            )
        self._weights, self._title_rate = model, title_learning_rate
        self._data, self._budget = data, tokens_per_batch
        self._tokens, self._began = 0, monotonic()

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches by length, of each this process's share; each epoch in another order."""
        which = self.args.process_index, self.args.world_size
        batches = TokenBudget(self._data.lengths, self._budget, self.args.seed, *which)
        loader = DataLoader(self._data, batch_sampler=batches, collate_fn=self._data.collate)
        return prepare_data_loader(loader, num_processes=1, process_index=0)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The optimizer of the Trainer; the connector of titles is in groups apart if its learning rate is another."""
        is_new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if is_new and self._title_rate is not None and self._weights.title_positions:
            apart = set(self._weights.connector("title").parameters())
            for group in optimizer.param_groups.copy():
                titles = [weight for weight in group["params"] if weight in apart]
                group["params"] = [weight for weight in group["params"] if weight not in apart]
                optimizer.add_param_group({**group, "params": titles, "lr": self._title_rate})
        return optimizer

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *arguments: Any, **more: Any) -> Any:
        """The mean over the labels of the whole batch; gradients are averaged over the processes."""
        loss = super().compute_loss(model, inputs, *arguments, **more)
        labels, processes = inputs["labels"].numel(), self.args.world_size
        return loss if processes == 1 else loss * (labels * processes / summed(labels))

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """A step of the Trainer; counts the tokens of all processes, padding included."""
        self._tokens += inputs["input_ids"].numel() * self.args.world_size
        return super().training_step(model, inputs, num_items_in_batch)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        """Write the weights that are trained, each once, also where two layers share one (tied embeddings)."""
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        trained = {name: weight.detach() for name, weight in self._weights.named_parameters() if weight.requires_grad}
        save_file(trained, folder / SAFE_WEIGHTS_NAME)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Read what `_save` wrote."""
        self._weights.load_state_dict(load_file(Path(resume_from_checkpoint) / SAFE_WEIGHTS_NAME), strict=False)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add seconds and tokens a second, since the start or the last resumption."""
        seconds = monotonic() - self._began
        super().log({**logs, "seconds": seconds, "tokens_per_second": self._tokens / seconds}, start_time)


class ShowProgress(TrainerCallback):
    """A progress bar on a terminal."""

    def __init__(self, label: str) -> None:
        self._label, self._steps = label, iter(())

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the bar."""
        self._steps = track(range(state.global_step, state.max_steps), self._label)
        next(self._steps, None)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Advance the bar."""
        next(self._steps, None)


class TimedCheckpoints(TrainerCallback):
    """Saves a checkpoint every few minutes, and marks each one when all of it is written."""

    def __init__(self, minutes: float) -> None:
        self._seconds, self._last = 60 * minutes, monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Decide by the clock of the first process; several processes agree on it every few steps only."""
        due = world_size() == 1 or state.global_step % _STEPS_BETWEEN == 0
        if due and from_first(monotonic() - self._last > self._seconds):
            control.should_save = True
            self._last = monotonic()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Mark the checkpoint as complete when every process has written its part."""
        folder = Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        wait_for_all()
        if is_first():
            (folder / _MARK).touch()


def last_complete_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that is marked as complete; None if there is none."""
    complete = [path.parent for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*/{_MARK}")]
    return str(max(complete, key=lambda path: int(path.name.rpartition("-")[2]))) if complete else None
