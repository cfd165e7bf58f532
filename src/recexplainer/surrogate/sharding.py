"""A backbone whose own weights are split among several processes (FSDP2)."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from recexplainer.errors import SurrogateError
from recexplainer.hardware import best_device
from recexplainer.processes import wait_for_all, world_size


def split_weights(surrogate: nn.Module, backbone: Any) -> None:
    """Split the frozen weights of the layers of a surrogate's backbone among the processes (FSDP2); all must call it.

    A layer is gathered while it is used. What is trained (LoRA, connectors) is whole in every process. Raises
    SurrogateError if there is one process only.
    """
    if world_size() == 1:
        raise SurrogateError(
            "Weights can be sharded among several processes only, and there is one.",
            location="surrogate.pretrained.sharded",
            hint="Start several with torchrun --nproc-per-node N, or leave `sharded` out.",
        )
    wait_for_all()  # starts the process group
    mesh = init_device_mesh(best_device().type, (world_size(),))
    trained = {weight for weight in surrogate.parameters() if weight.requires_grad}
    for layer in _layers(backbone):
        fully_shard(layer, mesh=mesh, ignored_params=trained)
    split = [name for name, weight in surrogate.named_parameters() if isinstance(weight, DTensor)]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(  # pyright: ignore[reportPrivateUsage]
        surrogate, split
    )


def join_weights(backbone: Any) -> None:
    """Gather every layer in every process, for good; all processes must call it."""
    for layer in _layers(backbone):
        if isinstance(layer, FSDPModule):
            layer.set_reshard_after_forward(False)
            layer.unshard()


def _layers(backbone: Any) -> list[nn.Module]:
    """The decoder's layers: the blocks that transformers does not split over devices."""
    names: set[str] = set(backbone._no_split_modules or ())
    return [module for module in backbone.modules() if type(module).__name__.removeprefix("FSDP") in names]
