"""A pretrained backbone's own weights split among the processes that train (FSDP2), so that each holds a share.

Of an aligned backbone nearly all weights stay as they are; those are split, layer by layer, and each layer is put
together while it is used. What is trained (LoRA, connectors) is small and whole in every process, as without.
"""

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
    """Leave each process its share of the layers' frozen weights; a call that all processes must make.

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
