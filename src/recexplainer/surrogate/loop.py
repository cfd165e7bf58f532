"""The Hugging Face Trainer with batches under a token budget, timed checkpoints, and weights split among processes.

A checkpoint is complete or not read. Every process runs the same (torchrun); the first one writes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from accelerate.data_loader import prepare_data_loader
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from transformers.utils import SAFE_WEIGHTS_NAME

from recexplainer.errors import SurrogateError
from recexplainer.hardware import best_device
from recexplainer.processes import from_first, is_first, summed, wait_for_all, world_size
from recexplainer.progress import track
from recexplainer.surrogate.batching import EncodedSet, TokenBudget

_MARK = "complete"
_STEPS_BETWEEN = 20


class TokenBudgetTrainer(Trainer):
    """A Trainer whose batches hold as many examples of like length as a token budget allows.

    Several processes share each batch, and the loss is the mean over all of its labels: the weights are the same
    however many there are.

    Args:
        model: The surrogate.
        arguments: The Trainer's own.
        data: The examples.
        tokens_per_batch: The budget, padding included.

    Raises:
        SurrogateError: Another number of processes runs than was asked for.
    """

    def __init__(self, model: Any, arguments: TrainingArguments, data: EncodedSet, tokens_per_batch: int) -> None:
        # One GPU a process: else the Trainer would cut batches apart.
        arguments._n_gpu = min(arguments.n_gpu, 1)  # pyright: ignore[reportPrivateUsage]  (no public name)
        super().__init__(model, arguments, data_collator=data.collate, train_dataset=data)
        if arguments.world_size != world_size():
            raise SurrogateError(
                f"{world_size()} processes were asked for, but {arguments.world_size} would train.",
                location="WORLD_SIZE",
                hint="Start them with torchrun --nproc-per-node N.",
            )
        self._weights: nn.Module = model
        self._data, self._budget = data, tokens_per_batch
        self._tokens, self._began = 0, monotonic()

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches by length, of each this process's share; each epoch in another order."""
        arguments = self.args
        batches = TokenBudget(
            self._data.lengths, self._budget, arguments.seed, arguments.process_index, arguments.world_size
        )
        loader = DataLoader(self._data, batch_sampler=batches, collate_fn=self._data.collate)
        return prepare_data_loader(loader, num_processes=1, process_index=0)

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *arguments: Any, **more: Any) -> Any:
        """The mean over the labels of the whole batch; gradients are averaged over the processes."""
        loss = super().compute_loss(model, inputs, *arguments, **more)
        if self.args.world_size == 1:
            return loss
        mine = inputs["labels"].numel()
        return loss * (mine * self.args.world_size / summed(mine))

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """As the Trainer does, counting tokens (padding included, which is little) of all processes."""
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
        """Add seconds and tokens a second to what is logged; both count from the start or the last resumption."""
        seconds = monotonic() - self._began
        super().log({**logs, "seconds": seconds, "tokens_per_second": self._tokens / seconds}, start_time)


@contextmanager
def attention_for_training(backbone: PreTrainedModel, on_cpu: bool) -> Generator[None]:
    """Plain attention on a CPU, where fused attention takes 2 ms backward however short the texts.

    Training of `nano` became 1.28 times faster. Afterwards attention is as before; elsewhere nothing is changed.
    """
    if not on_cpu:
        yield
        return
    before: Any = backbone.config._attn_implementation  # pyright: ignore[reportPrivateUsage]  (no public name yet)
    backbone.set_attn_implementation("eager")
    try:
        yield
    finally:
        backbone.set_attn_implementation(before)


class ShowProgress(TrainerCallback):
    """A bar with the time left on a terminal, nothing elsewhere."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._steps: Iterator[int] = iter(())

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the bar."""
        self._steps = track(range(state.global_step, state.max_steps), self._label)
        next(self._steps, None)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One step further."""
        next(self._steps, None)


class TimedCheckpoints(TrainerCallback):
    """Asks for a checkpoint every few minutes, and marks each one when all of it is written."""

    def __init__(self, minutes: float) -> None:
        self._seconds, self._last = 60 * minutes, monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Time for one? The first process's clock counts; where there are others it is asked every few steps."""
        if world_size() > 1 and state.global_step % _STEPS_BETWEEN:
            return
        if from_first(monotonic() - self._last > self._seconds):
            control.should_save = True
            self._last = monotonic()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The Trainer has written the checkpoint, each process its part: mark it."""
        folder = Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        wait_for_all()
        if is_first():
            (folder / _MARK).touch()


def last_complete_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that was written to its end; None if there is none."""
    complete = [path.parent for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*/{_MARK}")]
    return str(max(complete, key=lambda path: int(path.name.rpartition("-")[2]))) if complete else None


def split_weights(surrogate: nn.Module, backbone: Any) -> None:
    """Split the frozen weights of a backbone's layers among the processes (FSDP2); a call that all of them must make.

    A layer is put together while it is used. What is trained (LoRA, connectors) is small and whole in every process.

    Args:
        surrogate: What will be trained.
        backbone: The language model in it.

    Raises:
        SurrogateError: There is one process only.
    """
    if world_size() == 1:
        raise SurrogateError(
            "One process has nobody to share weights with.",
            location="surrogate.pretrained.sharded",
            hint="Start several with torchrun --nproc-per-node N, or leave `sharded` out.",
        )
    wait_for_all()  # from here on the processes know each other
    mesh = init_device_mesh(best_device().type, (world_size(),))
    trained = {weight for weight in surrogate.parameters() if weight.requires_grad}
    for layer in _layers(backbone):
        fully_shard(layer, mesh=mesh, ignored_params=trained)
    split = [name for name, weight in surrogate.named_parameters() if isinstance(weight, DTensor)]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(  # pyright: ignore[reportPrivateUsage]
        surrogate, split
    )


def join_weights(backbone: Any) -> None:
    """Put every layer together in every process, for good; a call that all processes must make."""
    for layer in _layers(backbone):
        if isinstance(layer, FSDPModule):
            layer.set_reshard_after_forward(False)
            layer.unshard()


def _layers(backbone: Any) -> list[nn.Module]:
    """The blocks that transformers names as not to be split over devices: the layers of the decoder."""
    names: set[str] = set(backbone._no_split_modules or ())
    return [module for module in backbone.modules() if type(module).__name__.removeprefix("FSDP") in names]
